"""The tab "Segmentation": the picture under its segments."""

from collections.abc import Iterator
from typing import Any

from demo.lab import show
from demo.lab.tab import Panel, View
from demo.shared.components import Viewer
from demo.shared.components.viewer import ViewerValue
from demo.shared.service import Service
from segcore.show.files import data_uri, display_label_png, palette_of
from segcore.show.paint import shrink_labels, shrunk_size
from segcore.types import Segmentation

TITLE = "Segmentation"


def make(service: Service) -> Panel:
    """Lay the tab out."""

    def fill(view: View) -> Iterator[tuple[Any, ...]]:
        shown = service.display_file(view.result)
        yield (viewer_value(view.result, shown, key=view.result.digest, alt=service.title_of(view.shown.picture)),)

    return Panel((Viewer(elem_id="viewer"),), fill)


def viewer_value(result: Segmentation, picture: str, *, key: str, alt: str) -> ViewerValue:
    """What the viewer shows: picture, exact labels, colors, names and areas.

    Args:
        result: of the pipeline.
        picture: where the browser finds the picture.
        key: same key, same picture.
        alt: the picture in words.
    """
    height, width = shrunk_size(result.image.shape)
    areas = {s.label: s.area_fraction for s in result.segments}
    n_labels = max(max(areas) + 1, len(result.names))  # of classes, also those that are not in this picture
    names = show.label_names(result, n_labels)
    geometry = result.features.geometry
    return {
        "picture": picture,
        "labels": data_uri(display_label_png(shrink_labels(result.label_map.numpy()))),
        "width": width,
        "height": height,
        "palette": list(palette_of(result).hex(n_labels)),
        "names": names,
        "areas": [areas.get(i, 0.0) for i in range(n_labels)],
        "picture_key": key,
        "grid": [geometry.h, geometry.w],
        "aspect": show.covered(result),
        "background": 0 if result.has_background else None,
        "alt": alt,
    }
