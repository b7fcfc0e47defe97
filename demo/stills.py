"""The stills of a lecture, made again from the state of each line: `python -m segcore lecture pictures` writes them."""

import base64
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from os import environ
from pathlib import Path
from typing import Any

from demo.build import build_demo, launch_options
from demo.claims import read
from demo.shared.lecture.given import keep_files
from demo.shared.lecture.value import Lecture
from demo.shared.service import Service
from segcore.errors import InputError
from segcore.runtime.outputs import check_outputs
from segcore.runtime.progress import say
from segcore.show.files import make_folder, write_file

BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")  # without windows it is the quickest
_NEEDED = (
    "Stills are what a browser shows of a state: run pip install 'segcore[stills]', and have Chromium in PATH or run "
    "playwright install chromium."
)
_UPLOADS = "GRADIO_TEMP_DIR"
_STILL = "address => window.segcoreLectures.pictured(address)"


def main(file: str, out: Path, *, device: str = "cpu", overwrite: bool = False) -> int:
    """Write OUT/001.jpg and so on, one for each line that opens a state; returns 1 if a state showed no picture.

    Raises:
        InputError: nothing of the lecture can be read, there is no browser, or a file is there already.

    Cost: some seconds for each line, and a run of up to 40 seconds where a line starts one.
    """
    lecture = read(file)
    linked = [
        (out / f"{number:03}.jpg", line) for number, line in enumerate(lecture.sheet.lines, 1) if line.page is not None
    ]
    make_folder(out)
    check_outputs([path for path, _ in linked], [Path(file)], overwrite=overwrite)
    missing = 0
    with _shown(lecture, device) as page:
        for path, line in linked:
            still = page.evaluate(_STILL, line.address)
            if still is None:
                missing += 1
                say(f"{path.stem}, {line.topic}: nothing to draw was shown in time.")
                continue
            write_file(path, base64.b64decode(still.partition(",")[2]))
    say(f"Pictures in {out}: {len(linked) - missing}.")
    return 1 if missing else 0


@contextmanager
def _own_uploads() -> Iterator[None]:
    """A folder for what this server keeps, taken away in the end."""
    before = environ.get(_UPLOADS)
    with tempfile.TemporaryDirectory(prefix="segcore-stills-", ignore_cleanup_errors=True) as folder:
        environ[_UPLOADS] = folder
        try:
            yield
        finally:
            environ.pop(_UPLOADS)
            environ.update({} if before is None else {_UPLOADS: before})


@contextmanager
def _shown(lecture: Lecture, device: str) -> Iterator[Any]:
    """The page of the lectures in a browser, from a server of this process that knows the files of the lecture."""
    if find_spec("playwright") is None:
        raise InputError(_NEEDED)
    from playwright.sync_api import Error, sync_playwright

    with _own_uploads(), sync_playwright() as playwright:
        found = next(filter(None, map(shutil.which, BROWSERS)), None)
        try:
            browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        except Error as error:
            raise InputError(_NEEDED) from error
        service = Service(device=device)
        keep_files(service, [lecture])
        demo = build_demo(service)
        _, address, _ = demo.launch(server_name="127.0.0.1", prevent_thread_lock=True, quiet=True, **launch_options())
        try:
            page = browser.new_page()
            page.set_default_timeout(0)  # a state may train for a while
            page.goto(f"{address}lectures")
            page.wait_for_function("window.segcoreLectures?.pictured")
            yield page
        finally:
            browser.close()
            with suppress(OSError):
                demo.close(verbose=False)
