"""The page that shows the documentation, so that it can be read where there is no network."""
