"""Components that only the lab has."""
