"""The page that plays an algorithm one step at a time."""
