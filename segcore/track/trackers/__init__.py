"""The trackers, a file each; `segcore.track.catalog` lists them."""
