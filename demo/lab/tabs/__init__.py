"""The tabs of the lab, in the order of use; a new one is a module and a line here."""

from demo.lab.tabs import attention, colors, compare, count, live, numbers, patch, repeat, segments, spectrum, truth, vectors

TABS = {
    "segments": segments,
    "vectors": vectors,
    "spectrum": spectrum,
    "count": count,
    "patch": patch,
    "attention": attention,
    "colors": colors,
    "live": live,
    "compare": compare,
    "truth": truth,
    "numbers": numbers,
    "repeat": repeat,
}
