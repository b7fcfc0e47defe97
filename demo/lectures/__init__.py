"""The page of the lectures: sheets that lead to exact states of the other pages, and what was published."""
