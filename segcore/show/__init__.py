"""Results for the eye and for files: palettes, painting, matching colors, what is written to disk."""
