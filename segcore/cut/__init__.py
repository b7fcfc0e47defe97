"""Cuts of a graph in two."""
