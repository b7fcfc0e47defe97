"""What every training needs: budgets, seeds, one step, the loop, checkpoints, and the files that trainings leave.

It knows no network, no picture and no loss: a `Learner` brings them.
"""
