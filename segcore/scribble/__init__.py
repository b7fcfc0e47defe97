"""Segments from a few strokes: graph cut, random walker, a linear head on patch features, the nearest labeled patch."""
