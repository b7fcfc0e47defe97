"""What the panel of eigenvectors shows: the vectors, the two-way cut, and Ncut over its thresholds."""

import numpy as np

from demo.lab import show
from demo.lab.components.fiedler import FiedlerValue, TwoWayCut
from segcore.cut.ncut import ncut_sweep
from segcore.show.files import pack_floats
from segcore.show.paint import shrunk_size
from segcore.types import Segmentation

NcutCurve = list[list[float]]  # [threshold, Ncut], ascending thresholds


_CURVE_POINTS = 160  # of the Ncut curve


def fiedler_value(result: Segmentation, picture: str, curve: NcutCurve | None) -> FiedlerValue | dict[str, str]:
    """What the panel of eigenvectors shows, `curve` being that of `ncut_curve`; only a message where the method has none."""
    if result.spectrum is None:
        return {"message": show.no_spectrum(result)}
    geometry, spectrum = result.features.geometry, result.spectrum
    height, width = shrunk_size(result.image.shape)
    V = spectrum.V.float().cpu().numpy()
    return {
        "h": geometry.h,
        "w": geometry.w,
        "vectors": [
            {
                "index": i,
                "eigenvalue": float(spectrum.eigenvalues[i]),
                "residual": float(spectrum.residuals[i]),
                "values": pack_floats(V[:, i]),
            }
            for i in range(1, V.shape[1])
        ],
        "fiedler": None if curve is None else _two_way_cut(result, curve),
        "picture": picture,
        "width": width,
        "height": height,
        "aspect": show.covered(result),
        "message": None,
        "cuttable": [1] if _is_of_affinity(result) else [],
    }


def _is_of_affinity(result: Segmentation) -> bool:
    """Whether the eigenvectors are those of W, not of a graph that the method makes for itself."""
    return result.affinity is not None and result.partition.spectrum is None


def ncut_curve(result: Segmentation) -> NcutCurve | None:
    """Ncut over all thresholds of the Fiedler vector, a few points of it; None where there is no such vector of W."""
    if result.spectrum is None or result.spectrum.V.shape[1] < 2 or result.affinity is None or not _is_of_affinity(result):
        return None
    thresholds, values = ncut_sweep(result.affinity.W, result.spectrum.fiedler)
    pick = np.linspace(0, max(len(values) - 1, 0), min(len(values), _CURVE_POINTS)).astype(int)
    if len(values):
        pick = np.union1d(pick, [int(values.argmin())])  # the lowest point must not fall between two others
    curve: NcutCurve = np.stack([thresholds.cpu().numpy()[pick], values.cpu().numpy()[pick]], 1).tolist()
    return curve


def _two_way_cut(result: Segmentation, curve: NcutCurve) -> TwoWayCut:
    """Where the Fiedler vector is cut, and Ncut over its thresholds."""
    cut = result.cut
    return {
        "threshold": cut.threshold if cut else 0.0,
        "ncut": curve,
        "side_is_positive": bool(cut.v[cut.side].mean() > cut.v[~cut.side].mean()) if cut else True,
    }
