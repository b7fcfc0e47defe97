"""A lecture as a value and as a file: lines that open states of the pages, with their pictures."""
