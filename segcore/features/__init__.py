"""Weights and features: one vector per patch."""
