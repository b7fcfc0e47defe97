"""The page that plays trackers: detections of many frames become tracks."""
