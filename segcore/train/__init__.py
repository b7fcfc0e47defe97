"""What every training needs: budgets, seeds, one step, checkpoints, digests, files."""
