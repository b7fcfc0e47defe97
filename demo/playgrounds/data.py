"""What a playground works on: the picture that an address names, and its segments."""

import threading
from collections.abc import Mapping

import numpy as np
from cachetools import LRUCache

from demo.playgrounds.asked import path_of, settings_of_link
from demo.playgrounds.playground import Segmented
from demo.shared.service import Service
from segcore.image import read_labels
from segcore.settings import DEFAULTS, Settings
from segcore.show.paint import shrink

_REMEMBERED = 64  # label maps


class Pictures:
    """The picture that an address names, and its segments once they are there."""

    def __init__(self, service: Service, query: Mapping[str, str], labels: "Labels"):
        self._service, self._labels = service, labels
        self.path = path_of(service, query)
        self.settings = settings_of_link(query, fallback=self._suited())

    def picture(self, *, max_side: int) -> np.ndarray:
        """(height, width, 3) uint8: the picture, shrunk to this longer side."""
        image, _ = self._service.pipeline.picture(self.path)
        return shrink(image.numpy(), max_side=max_side)

    def segmented(self) -> Segmented | None:
        """The picture with its segments, or None while they are not computed."""
        return self._labels.get(self.path, self.settings)

    def _suited(self) -> Settings:
        example = self._service.example_of(self.path)
        return DEFAULTS.replace(**example.settings) if example else DEFAULTS


class Labels:
    """Segments of pictures on their patch grids. They come from the pipeline, in the queue; safe for threads."""

    def __init__(self, service: Service):
        self._service = service
        self._grids: LRUCache[tuple[str, Settings], Segmented] = LRUCache(_REMEMBERED)
        self._lock = threading.Lock()

    def get(self, path: str, settings: Settings) -> Segmented | None:
        """The picture with its segments, or None while they are not computed."""
        with self._lock:
            return self._grids.get((path, settings))

    def compute(self, path: str, settings: Settings) -> None:
        """Segment a picture."""
        values = self._service.pipeline.values(path, settings, "features", "cells")
        features, geometry = values["features"], values["features"].geometry
        grid = values["cells"].labels.reshape(geometry.h, geometry.w).cpu().numpy()
        pixels, size = features.pixels.cpu().numpy(), geometry.scaled_size
        segmented = Segmented(grid, pixels, size, self._truth(path, size))
        with self._lock:
            self._grids[path, settings] = segmented

    def _truth(self, path: str, size: tuple[int, int]) -> np.ndarray | None:
        """(height, width) the labels that a picture was drawn with, in the size of the scaled picture."""
        example = self._service.example_of(path)
        if example is None or example.truth is None:
            return None
        labels = read_labels(example.truth).labels.numpy()
        rows, columns = (((np.arange(n) + 0.5) * have / n).astype(int) for n, have in zip(size, labels.shape, strict=True))
        return labels[np.ix_(rows, columns)]
