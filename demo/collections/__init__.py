"""The page of many pictures."""
