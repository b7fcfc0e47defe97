"""Partitions of the patches into K segments."""
