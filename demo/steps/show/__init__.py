"""How graphs and pixels are drawn in steps."""
