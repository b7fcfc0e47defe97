"""Many frames, one identity: from detections to tracks, by matching, by network flow, and by neural message passing.

`detections`, `files`, `scenes` and `video` say what was seen, `catalog` lists the trackers, `run` runs one.
"""
