"""Components of the page that Gradio does not have, which more than one page uses; those of one page lie with it."""

from demo.shared.components.base import Component, with_urls
from demo.shared.components.job_bar import JobBar
from demo.shared.components.log_slider import LogSlider
from demo.shared.components.map_grid import MapGrid
from demo.shared.components.viewer import Viewer

__all__ = ["Component", "JobBar", "LogSlider", "MapGrid", "Viewer", "with_urls"]
