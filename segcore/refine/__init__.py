"""From labels on patches to labels on pixels, along image edges."""
