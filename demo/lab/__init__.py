"""The page of one picture: every method, every control live."""
