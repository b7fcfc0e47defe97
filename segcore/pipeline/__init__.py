"""From a picture to its segments: methods, stages, the pipeline that runs and remembers them, and one door to features."""

from segcore.pipeline.pipeline import CACHE_BYTES, Pipeline, default_pipeline, make_settings, segment

__all__ = ["CACHE_BYTES", "Pipeline", "default_pipeline", "make_settings", "segment"]
