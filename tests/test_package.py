"""What `pip install .` leaves behind: the package with its files, its commands, and dependencies that are named once."""

import json
import os
import re
import subprocess
import sys
import tomllib
import urllib.request
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement

from segcore.runtime import places
from tests.environments import install, make_environment
from tests.server import free_port

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
# Of the checkout nothing may help, and the Hub must not either.
ALONE = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "SEGCORE_WEIGHTS_DIR")} | {"HF_HUB_OFFLINE": "1"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT)], check=True)
    (path,) = folder.iterdir()
    return path


@pytest.fixture(scope="module")
def commands(wheel, tmp_path_factory):
    """The folder with the commands of a fresh environment in which the wheel is installed."""
    python = make_environment(tmp_path_factory.mktemp("fresh"))
    install(python, wheel)
    return python.parent


def run(command, *arguments, cwd, **more):
    environment = {**ALONE, "HF_HOME": str(cwd / "no-hub")}
    return subprocess.run([command, *arguments], cwd=cwd, env=environment, capture_output=True, text=True, **more)


def requirements(lines):
    return {str(Requirement(line)) for line in lines if line and not line.startswith(("#", "-r"))}


def test_the_list_of_a_space_is_that_of_the_project():
    """A Space installs requirements.txt before it has any other file, so that it cannot say `.[page]`."""
    listed = requirements((ROOT / "requirements.txt").read_text().splitlines())
    project = PROJECT["project"]
    assert listed == requirements([*project["dependencies"], *project["optional-dependencies"]["page"]])


def test_extras_build_on_each_other():
    extras = PROJECT["project"]["optional-dependencies"]
    page, mcp = ([Requirement(line) for line in extras[name]] for name in ("page", "mcp"))
    assert "segcore[page]" in [str(r) for r in mcp]
    (plain,), (with_mcp,) = ([r for r in group if r.name == "gradio"] for group in (page, mcp))
    assert with_mcp.extras == {"mcp"}
    assert with_mcp.specifier == plain.specifier


def test_no_rule_of_the_type_checker_is_off():
    mypy = PROJECT["tool"]["mypy"]
    assert mypy["strict"] is True
    assert set(mypy["files"]) == {"segcore", "demo"}
    blanket = {"ignore_errors", "ignore_missing_imports", "follow_imports", "disable_error_code"}
    assert not blanket & mypy.keys()
    for override in mypy["overrides"]:
        assert not {"ignore_errors", "disable_error_code"} & override.keys()
        assert not any(name.startswith(("segcore", "demo")) for name in override["module"])


def test_the_wheel_holds_every_file(wheel):
    inside = set(ZipFile(wheel).namelist())
    for folder in ("assets", "demo", "docs"):
        files = {p.relative_to(ROOT).as_posix() for p in (ROOT / folder).rglob("*") if p.is_file()}
        expected = {f"segcore/bundle/{name}" for name in files if not name.endswith((".pyc", ".pyi"))}
        assert expected
        assert expected <= inside
    assert not [name for name in inside if name.endswith((".pyc", ".pyi"))]
    assert {name.split("/")[0] for name in inside if ".dist-info" not in name} == {"segcore"}


def test_places_are_those_of_the_checkout_here():
    assert ROOT == places.ROOT
    assert places.APP.is_file()
    assert places.EXAMPLES.is_dir()


def test_an_installed_package_segments_a_picture_with_its_own_weights(commands, tmp_path):
    script = (
        "import json, pathlib, segcore, segcore.runtime.places as places\n"
        "result = segcore.segment(places.EXAMPLES / 'cat.jpg', backbone='dino_tiny', max_side=160, n_segments=3)\n"
        "print(json.dumps([segcore.__file__, str(places.ROOT), result.n_segments, list(result.label_map.shape)]))\n"
    )
    told = run(commands / "python", "-c", script, cwd=tmp_path, check=True).stdout
    file, root, n_segments, shape = json.loads(told)
    assert Path(file).is_relative_to(commands.parent)
    assert Path(root).is_relative_to(commands.parent)
    assert n_segments == 3
    assert min(shape) > 160


def test_the_command_segments_a_picture(commands, tmp_path):
    picture = tmp_path / "mine.jpg"
    picture.write_bytes((places.EXAMPLES / "coffee.jpg").read_bytes())
    flags = ["--out", "out", "--max-side", "160", "--backbone", "dino_tiny", "--n-segments", "4"]
    done = run(commands / "segcore", "segment", picture.name, *flags, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} >= {"mine.labels.png", "mine.overlay.png", "mine.json"}
    assert "assets/dino_tiny, bundled" in (tmp_path / "out" / "mine.json").read_text()
    assert run(commands / "segcore", "segment", "none.jpg", "--out", "out", cwd=tmp_path).returncode == 2


@pytest.mark.slow
def test_the_page_of_an_installed_package_starts(commands, tmp_path):
    port = free_port()
    environment = {k: v for k, v in ALONE.items() if k != "GRADIO_TEMP_DIR"}
    environment |= {"NO_PROXY": "localhost,127.0.0.1", "TMPDIR": str(tmp_path)}
    log = (tmp_path / "log").open("w+")
    command = [commands / "segcore-page", "--port", str(port)]
    page = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        while not (line := page.stdout.readline()).startswith("* Running"):
            assert line, (tmp_path / "log").read_text()
        for path in ("", "guide"):
            text = urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}").read().decode()
            assert "gradio_config" in text
        text = urllib.request.urlopen(f"http://127.0.0.1:{port}/").read().decode()
        scripts = {f"http://127.0.0.1:{port}/{name}" for name in re.findall(r"scripts/\w+\.js", text)}
        sent = [urllib.request.urlopen(script).read().decode() for script in scripts]
        assert any("shared_components_viewer_viewer" in script for script in sent)
    finally:
        held = list(tmp_path.glob("segcore-page-*"))
        page.terminate()
        assert page.wait() == 0
        page.stdout.close()
        log.close()
    assert len(held) == 1
    assert not held[0].exists()  # a service that is stopped takes its visitors' pictures away


def test_without_gradio_the_page_says_what_to_install(tmp_path):
    script = "import sys; sys.modules['gradio'] = None; from segcore.cli.page import main; main()"
    done = run(sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); {script}", cwd=tmp_path)
    assert done.returncode == 1
    assert re.fullmatch(r"error: The page needs Gradio.*segcore\[page\]'\.\n", done.stderr)
