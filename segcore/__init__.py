"""Unsupervised image segmentation: features, graphs, eigenvectors, clusters, conditional random fields."""
