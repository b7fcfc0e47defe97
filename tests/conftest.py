import atexit
import os
import shutil
import tempfile
from importlib.util import find_spec
from pathlib import Path

from segcore.runtime.environment import prepare

prepare()
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")  # the tests that download do so from a Hub of their own
os.environ["GRADIO_TEMP_DIR"] = tempfile.mkdtemp(prefix="segcore-tests-", dir=os.environ.get("GRADIO_TEMP_DIR"))
atexit.register(shutil.rmtree, os.environ["GRADIO_TEMP_DIR"], ignore_errors=True)  # as in app.py
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # one process for each core, and one thread in each

import pytest
import torch

SEEDS = [int(seed) for seed in os.environ.get("SEGCORE_SEEDS", "0").split(",")]
DATA = Path(os.environ.get("SEGCORE_DATA", Path(__file__).parents[2] / "shared" / "data"))


def pytest_runtest_setup(item):
    """Skip what needs an extra that is not installed; with SEGCORE_NEED_EXTRAS=1 that is a failure."""
    for mark in item.iter_markers("extra"):
        if find_spec(mark.args[0]) is None:
            (pytest.fail if os.environ.get("SEGCORE_NEED_EXTRAS") else pytest.skip)(f"{mark.args[0]} is not installed")


@pytest.fixture(params=SEEDS)
def generator(request) -> torch.Generator:
    """Random numbers; SEGCORE_SEEDS=0,1,2 repeats every test that draws some."""
    return torch.Generator().manual_seed(request.param)


@pytest.fixture
def data() -> Path:
    """Folder of the photographs and answers that are not part of the project."""
    if not DATA.is_dir():
        pytest.skip(f"the measuring data is not at {DATA}; name its folder in SEGCORE_DATA")
    return DATA
