"""The page of strokes."""
