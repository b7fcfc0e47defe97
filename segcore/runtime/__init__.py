"""What computing needs around it: devices, processes, caches, progress, stopping, and where files lie."""
