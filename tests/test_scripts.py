"""The scripts of the page: what needs no document is tested by node in `tests/js/`, and all of them reach the browser."""

import json
import os
import re
import shutil
import subprocess

import gradio as gr
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from demo.build import build_demo, launch_options
from demo.lab.asked import js_keep_tab
from demo.pages import PAGES
from demo.shared.components import LogSlider, Viewer
from demo.shared.components.scripts import address_of, bundled, name_of, script_routes
from demo.shared.service import Service
from segcore.runtime.places import ROOT

NODE = shutil.which("node")
TESTS = sorted((ROOT / "tests" / "js").glob("*.test.js"))
SCRIPTS = sorted((ROOT / "demo").rglob("*.js"))
needs_node = pytest.mark.usefixtures("_node")


@pytest.fixture(scope="module")
def _node():
    """Skip what needs node where there is none; with SEGCORE_NEED_NODE=1 that is a failure."""
    if NODE is None:
        (pytest.fail if os.environ.get("SEGCORE_NEED_NODE") else pytest.skip)("node is not in PATH")


def node(*arguments, cwd=ROOT):
    return subprocess.run([NODE, *map(str, arguments)], cwd=cwd, capture_output=True, text=True, timeout=120)


@pytest.fixture
def exported(tmp_path):
    """What a module exports, as node reads it."""

    def read(module):
        (tmp_path / "module.mjs").write_text(module)
        told = node("-e", "import('./module.mjs').then((m) => console.log(JSON.stringify(m)))", cwd=tmp_path)
        assert told.returncode == 0, told.stderr
        return json.loads(told.stdout)

    return read


def write(folder, **texts):
    for name, text in texts.items():
        (folder / f"{name}.js").write_text(text)
    return [folder / f"{name}.js" for name in texts]


@needs_node
@pytest.mark.parametrize("file", TESTS, ids=lambda file: file.name.removesuffix(".test.js"))
def test_in_node(file):
    done = node("--test", "--test-reporter=tap", file)
    assert done.returncode == 0, done.stdout + done.stderr
    written = re.findall(r"^test\(", file.read_text(encoding="utf-8"), re.MULTILINE)
    assert int(re.search(r"^# pass (\d+)$", done.stdout, re.MULTILINE)[1]) == len(written) > 0


@needs_node
def test_node_takes_every_script_as_it_is(tmp_path):
    (tmp_path / "all.mjs").write_text("\n".join(f'import "{script.as_uri()}";' for script in SCRIPTS))
    done = node(tmp_path / "all.mjs")
    assert done.returncode == 0, done.stderr


@needs_node
def test_a_module_holds_its_scripts_and_what_they_import_once(tmp_path, exported):
    one, two, _ = write(
        tmp_path,
        one='import { half as part, unit } from "./base.js";\nexport const value = part(unit);\n',
        two='import {\n  unit,\n} from "./base.js";\nconst value = 5;\nexport const own = value + unit;\n',
        base="export const unit = 8;\nexport function half(x) {\n  return x / 2;\n}\n",
    )
    text = bundled((one, two))
    assert text.count("const unit = 8;") == 1
    assert exported(text) == {name_of(one): {"value": 4}, name_of(two): {"own": 13}}


@needs_node
def test_names_of_one_script_are_none_of_another(tmp_path, exported):
    files = write(tmp_path, a="const x = 1;\nexport const y = x;\n", b="const x = 2;\nexport const y = x;\n")
    assert list(exported(bundled(tuple(files))).values()) == [{"y": 1}, {"y": 2}]


def test_a_circle_is_told(tmp_path):
    a, _ = write(tmp_path, a='import { y } from "./b.js";\n', b='import { x } from "./a.js";\nexport const y = 1;\n')
    with pytest.raises(ValueError, match=r"a\.js imports itself by way of .*b\.js"):
        bundled((a,))


LOST = (
    'import * as all from "./b.js";',
    "import x from './b.js'",
    "export default 3;",
    "export let x = 1;",
    "export { x };",
)


@pytest.mark.parametrize("line", LOST)
def test_a_form_that_would_be_lost_is_told(tmp_path, line):
    a, _ = write(tmp_path, a=f"const x = 1;\n{line}\n", b="export const y = 1;\n")
    with pytest.raises(ValueError, match=re.escape(line)):
        bundled((a,))


def test_another_text_has_another_address(tmp_path):
    before = address_of(write(tmp_path, a="export const x = 1;\n"))
    (tmp_path / "other").mkdir()
    assert before != address_of(write(tmp_path / "other", a="export const x = 2;\n"))
    assert before == address_of([tmp_path / "a.js", tmp_path / "a.js"])


def test_scripts_are_kept_by_browsers_and_nothing_else_is_found():
    script = next(path for path in SCRIPTS if path.name == "viewer.js")
    with TestClient(Starlette(routes=script_routes())) as client:
        found = client.get("/" + address_of([script]))
        assert found.status_code == 200
        assert found.text == bundled((script,))
        assert found.headers["cache-control"] == "public, max-age=31536000, immutable"
        for path in ("0123456789abcdef.js", "viewer.js", "..%2F..%2Fapp.py", "%2Fetc%2Fpasswd"):
            assert client.get(f"/scripts/{path}").status_code == 404, path


def mounting(config, page):
    """The lines that mount the components of a page."""
    ids = set(config["page"][page.path]["components"])
    lines = [str(c["props"].get("js_on_load")) for c in config["components"] if c["id"] in ids]
    return [line for line in lines if "import(" in line]


def sent(lines):
    """The text of the one module that these lines import."""
    (address,) = {re.search(r"scripts/\w+\.js", line)[0] for line in lines}
    with TestClient(Starlette(routes=launch_options()["app_kwargs"]["routes"])) as client:
        return client.get(f"/{address}").text


@pytest.fixture(scope="module")
def config():
    return build_demo(Service(device="cpu")).config


@pytest.mark.parametrize("page", [page for page in PAGES if page.path != "guide"], ids=lambda page: page.title)
def test_a_page_sends_the_scripts_of_its_components_and_no_others(config, page):
    lines = mounting(config, page)
    named = {re.search(r"page\.(\w+)\.mount", line)[1] for line in lines}
    exported = re.search(r"^export \{ (.*) \};$", sent(lines), re.MULTILINE)[1]
    assert set(exported.split(", ")) == named


def test_every_script_is_part_of_a_page(config):
    text = "".join(sent(lines) for page in PAGES if (lines := mounting(config, page)))
    found = set(re.findall(r"^const (\w+) = \(\(\) =>", text, re.MULTILINE))
    unused = {"shared_components_job_bar_job_bar"}  # a part for pages that show one job and nothing beside
    asked_for = {"shared_js_figures", "shared_js_drawn"}  # what the head of every page imports when somebody wants it
    assert {name_of(script) for script in SCRIPTS} == found | unused | asked_for


def test_two_of_a_kind_share_their_script():
    with gr.Blocks() as blocks:
        for component in (LogSlider(), LogSlider(), Viewer()):
            assert "js_on_load" in component.get_config()
    lines = [c["props"]["js_on_load"] for c in blocks.config["components"]]
    assert len({re.search(r"scripts/\w+", line)[0] for line in lines}) == 1


def test_whatever_reads_what_is_shown_waits_until_the_server_knows_it(config):
    events = config["dependencies"]
    (opening,) = [event for event in events if "segcoreIsOpen = done" in str(event["js"])]
    shown = opening["outputs"][-1]
    reading = [event for event in events if shown in event["inputs"]]
    assert len(reading) > 10
    assert [event["id"] for event in reading if "await window.segcoreOpening" not in str(event["js"])] == []


@needs_node
@pytest.mark.parametrize(
    ("restored", "is_open", "noted"),
    [
        (False, "segmentation", "/?k=3&tab=live"),  # chosen by itself, before the page reads what its address asks for
        (True, "segmentation", "/?k=3"),
        (True, "live", "/?k=3&tab=live"),
        (True, "colors", "/?k=3&tab=colors"),
    ],
)
def test_the_tab_of_an_address_stands_until_it_is_restored(restored, is_open, noted):
    told = node(
        "-e",
        f"""
        globalThis.window = {{ segcoreRestored: {str(restored).lower()} }};
        globalThis.location = {{ pathname: "/", search: "?k=3&tab=live", hash: "" }};
        globalThis.document = {{ querySelector: () => ({{ id: "tab-{is_open}-button" }}) }};
        let address = location.pathname + location.search;
        globalThis.history = {{ state: null, replaceState: (_state, _title, to) => (address = to) }};
        ({js_keep_tab("segmentation")})();
        setTimeout(() => console.log(address), 5);
        """,
    )
    assert told.stdout.strip() == noted, told.stderr
