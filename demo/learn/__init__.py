"""The page of systems that learn while one watches."""
