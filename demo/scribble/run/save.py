"""The events behind the Save buttons."""

import json
from collections.abc import Callable
from pathlib import Path

import gradio as gr

from demo.scribble import texts
from demo.scribble.run import Run, Shown, strokes_file
from demo.scribble.run.apply import Apply
from demo.shared.errors import told_kindly
from demo.shared.service import Service
from segcore.heads.file import head_bytes
from segcore.scribble.strokes import rasterize
from segcore.show.files import labels_png, png

Saver = Callable[[Service, Run, Shown], tuple[bytes, str]]


def make_save(service: Service, run: Run, make: Saver) -> Callable[[Shown | None], str]:
    """The event behind a Save button: writes a file of what is on view, and returns its path."""

    def save(shown: Shown | None) -> str:
        with told_kindly():
            if shown is None or not shown.asked.strokes:
                raise gr.Error(texts.SAVE_NOTHING.format(hint=texts.HINT), print_exception=False)
            return service.publish(*make(service, run, shown))

    return save


# What was marked on one or several pictures goes to Learn, the newest strokes on each; this tab remembers the pictures.
JS_TRAIN = """(link) => {
    const kept = JSON.parse(sessionStorage.getItem("marked") ?? "[]");
    const others = kept.filter((one) => one.split("-")[0] !== link.split("-")[0]);
    const marked = [...others, link].slice(-20);
    sessionStorage.setItem("marked", JSON.stringify(marked));
    const query = new URLSearchParams({ collection: "own", system: "linear", minutes: "1", marked: marked.join(",") });
    location.href = location.pathname.replace(/\\/scribble\\/?$/, "/learn") + "?" + query;
}"""


def make_train(service: Service) -> Callable[[Shown | None], str]:
    """The event behind "Train on what I have marked": the digests of the picture and of a label map of its strokes."""

    def train(shown: Shown | None) -> str:
        with told_kindly():
            if shown is None or not shown.asked.strokes:
                raise gr.Error(texts.SAVE_NOTHING.format(hint=texts.HINT), print_exception=False)
            image, digest = service.pipeline.picture(shown.asked.picture)
            name = f"marked-{digest[:8]}"
            seeds = rasterize(shown.asked.strokes, (image.shape[0], image.shape[1]))
            files = [(png(image.numpy()), f"{name}.png"), (labels_png(seeds.numpy()), f"{name}.labels.png")]
            return "-".join(service.keep_file(service.publish(*file)) for file in files)

    return train


def save_all(archive: str | None) -> str:
    """The ZIP of the latest Apply."""
    if not archive:
        raise gr.Error(texts.NOT_YET, print_exception=False)
    return archive


def _labels(_service: Service, run: Run, shown: Shown) -> tuple[bytes, str]:
    return labels_png(run.result(shown.asked).label_map.numpy()), f"{Path(shown.asked.picture).stem}.labels.png"


def _strokes(_service: Service, _run: Run, shown: Shown) -> tuple[bytes, str]:
    content = json.dumps(strokes_file(shown.asked), indent=1, ensure_ascii=False)
    return content.encode(), f"{Path(shown.asked.picture).stem}.strokes.json"


def _head(service: Service, run: Run, shown: Shown) -> tuple[bytes, str]:
    return head_bytes(Apply(service, run).head(shown, None)), "head.safetensors"


SAVERS: dict[str, Saver] = {"labels": _labels, "strokes": _strokes, "head": _head}
