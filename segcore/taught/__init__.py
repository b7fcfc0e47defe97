"""Layers of networks, taken apart: what an output reads, as windows, as columns, as a matrix; and how far it sees."""
