"""Movies of 1280 × 720: what runs do, drawn picture by picture with title, formula, numbers and credit."""
