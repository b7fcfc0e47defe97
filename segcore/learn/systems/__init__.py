"""The systems that learn, a file each, named as in `segcore.learn.catalog`: `make_net` and `make_learner`."""
