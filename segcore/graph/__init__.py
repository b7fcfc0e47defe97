"""Graphs of patches, their Laplacians and eigenvectors."""
