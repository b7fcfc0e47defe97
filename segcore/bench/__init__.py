"""`python -m segcore bench`: the kernels and the pipeline against what users would run instead, in one process."""
