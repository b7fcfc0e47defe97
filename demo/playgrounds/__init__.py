"""The page of the playgrounds: small, exact, every number editable."""
