"""Start the page: `python app.py`, then open the address it prints."""

import argparse
import atexit
import gc
import logging
import os
import shutil
import signal
import sys
import tempfile
import threading
from functools import partial
from importlib.util import find_spec

from segcore.runtime.environment import prepare, prepare_page

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
prepare()
for note in prepare_page():
    sys.stderr.write(f"note: {note}\n")
if "GRADIO_TEMP_DIR" not in os.environ:  # it is one for all pages of a machine, and a page that ends takes its files away
    os.environ["GRADIO_TEMP_DIR"] = tempfile.mkdtemp(prefix="segcore-page-")
    take_away = partial(shutil.rmtree, os.environ["GRADIO_TEMP_DIR"], ignore_errors=True)
    atexit.register(take_away)
    signal.signal(signal.SIGTERM, lambda *_: (take_away(), os._exit(0)))  # at once: threads of torch may be at work
if os.environ.get("SPACES_ZERO_GPU"):
    import spaces  # noqa: F401 - must come before anything that touches CUDA

gc.disable()  # among all that is imported now there is no garbage, and to look for it takes most of a second
from demo.build import build_demo, launch_options
from demo.lectures.run.votes import Votes
from demo.shared.jobs.limits import add_flags, read_limits
from demo.shared.lecture.given import open_lectures
from demo.shared.service import Service
from segcore.errors import SegcoreError

gc.freeze()  # nor is it looked through again while visitors wait
gc.enable()


def main() -> None:
    """Read the flags, build the page, serve it."""
    parser = argparse.ArgumentParser(description="An interactive lab for unsupervised image segmentation.")
    parser.add_argument("--host", default=None, help="address to listen on; 0.0.0.0 lets others on the network in")
    parser.add_argument("--port", type=int, default=None, help="port to listen on (the first free one from 7860)")
    parser.add_argument("--device", default="auto", help="where to compute: cpu, cuda or auto")
    parser.add_argument("--weights", metavar="FILE", help="a file of weights to use as the backbone")
    parser.add_argument("--cache-mb", type=int, default=1024, help="memory for remembered stages, in MiB")
    parser.add_argument("--mcp", action="store_true", help="also serve /segment as a tool for agents; needs gradio[mcp]")
    parser.add_argument(
        "--lecture", metavar="FILE", action="append", default=[], help="a lecture (NAME.lecture.zip) that all visitors see"
    )
    parser.add_argument("--votes", action="store_true", help="let those who present put questions to the hall")
    add_flags(parser)
    flags = parser.parse_args()
    if flags.mcp and find_spec("mcp") is None:
        sys.exit("error: --mcp needs an extra of Gradio, which is not installed: run pip install 'gradio[mcp]'.")
    logging.basicConfig()
    logging.getLogger("segcore").setLevel(logging.INFO)  # what the system said where the page says it kindly
    try:
        limits = read_limits(vars(flags))
        service = Service(device=flags.device, cache_bytes=flags.cache_mb << 20, weights=flags.weights, limits=limits)
        open_lectures(service, flags.lecture)
        service.votes = Votes() if flags.votes else None
    except SegcoreError as error:
        sys.exit(f"error: {error}")
    threading.Thread(target=service.warm_up, daemon=True).start()
    build_demo(service).launch(server_name=flags.host, server_port=flags.port, mcp_server=flags.mcp, **launch_options())


if __name__ == "__main__":
    main()
