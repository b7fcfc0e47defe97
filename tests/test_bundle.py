"""Gradio's modules in one bundle: each once, with all that it imports; what is not understood leaves the page as it is."""

import re

import httpx
import pytest

from demo.build import as_sent
from demo.shared import bundle as of_bundle
from demo.shared.bundle import NoBundle, gradio_assets, make_bundle, with_bundle
from demo.shared.opening import Opening, with_opening
from tests.server import serving

PAGE = (gradio_assets().parent / "index.html").read_text(encoding="utf-8")
ENTRY, STYLE = of_bundle._HTML.search(PAGE).groups()
KINDS = {kind for path in gradio_assets().glob("core-*.js") for kind, _ in of_bundle._components(path.read_text("utf-8"))}
QUOTED = re.compile(r"""["`']\./([\w.~-]+\.js)["`']""")


@pytest.fixture(scope="module")
def bundle():
    return make_bundle(gradio_assets(), ENTRY, STYLE, {"html", "image", "markdown", "plot", "slider", "tabs", "tabitem"})


def cut(bundle):
    """The text of each module, as the browser cuts it."""
    data, starts = bundle.text.encode(), (0, *bundle.ends)
    return {n: data[a:b].decode() for n, a, b in zip(bundle.modules, starts, bundle.ends, strict=False)}


def test_every_module_of_gradio_is_written_in_the_forms_that_are_understood():
    names = {path.name for path in gradio_assets().glob("*.js")}
    for path in gradio_assets().glob("*.js"):
        text = path.read_text(encoding="utf-8")
        written = of_bundle._rewritten(of_bundle._NEEDS.sub("", text), path.name)
        assert not QUOTED.search(written), path.name
        assert "import.meta.url" not in written
        assert set(of_bundle._STATIC.findall(text)) <= names, path.name
        needs = of_bundle._needs(text)
        assert all((gradio_assets() / name).exists() for name in needs), path.name


def test_a_module_is_there_once_with_all_that_it_imports(bundle):
    texts = cut(bundle)
    assert len(texts) == len(set(bundle.modules)) == len(bundle.ends)
    for name, text in texts.items():
        assert set(re.findall(r'(?:from|import)"gradio/([^"]+)"', text)) <= texts.keys(), name
        assert "import.meta" not in text
    assert ENTRY in texts
    assert [name for name in texts if name.startswith("Blocks-")]


def test_a_module_says_where_it_lay(bundle):
    later = next(text for name, text in cut(bundle).items() if name.startswith("Blocks-"))
    assert re.search(r'new URL\("assets/Blocks-[\w-]+\.js",document\.baseURI\)\.href', later)


def test_styles_come_once_and_find_their_fonts(bundle):
    assert bundle.styles[0] == STYLE
    assert len(bundle.styles) == len(set(bundle.styles))
    for name in bundle.styles:
        rules = (gradio_assets() / name).read_text(encoding="utf-8")
        assert rules.replace("url(./", "url(../assets/") in bundle.sheet
    assert not re.search(r"url\(['\"]?\./", bundle.sheet)


def test_every_kind_of_component_is_known():
    assert len(KINDS) > 50
    make_bundle(gradio_assets(), ENTRY, STYLE, KINDS)


@pytest.mark.parametrize(
    ("page", "kinds"),
    [("<html></html>", {"html"}), (PAGE, {"no such component"}), (PAGE.replace(ENTRY, "index-gone.js"), {"html"})],
)
def test_what_is_not_understood_makes_no_bundle(page, kinds):
    with pytest.raises(NoBundle):
        with_bundle(page, kinds)


def test_what_a_page_opens_with_cannot_end_its_script():
    sent = with_opening("<html><head></head></html>", Opening("?x", {1: {"value": "</script><b>"}}))
    assert sent.count("</script>") == 1


def test_a_server_sends_a_bundle_and_what_it_opens_with(monkeypatch):
    """On the version of Gradio that is installed nothing falls back."""
    with serving() as served, httpx.Client(base_url=served.address, timeout=60) as client:
        page = client.get("/").text
        assert '<script type="module"' not in page
        assert "segcoreOpened = true" in page
        assert "segcoreOpened = true" not in client.get("/steps").text
        for ending, kind in ("txt", "text/plain"), ("css", "text/css"):
            answer = client.get(re.search(rf'href="\./(bundle/\w+\.{ending})"', page)[1])
            assert answer.headers["content-type"].startswith(kind)
            assert "immutable" in answer.headers["cache-control"]
            assert answer.headers["content-encoding"] in ("br", "gzip")
        assert client.get("/bundle/0123456789abcdef.txt").status_code == 404

        scope = {"path": "/", "app": served.demo.app}
        monkeypatch.setattr(served.service, "warm", False)
        assert as_sent(PAGE, scope) == (with_bundle(PAGE, {b.get_block_name() for b in served.demo.blocks.values()}), False)
        monkeypatch.setattr(served.service, "warm", None)
        monkeypatch.setattr("demo.build.with_bundle", _no_bundle)
        assert as_sent(PAGE, scope) == (PAGE, True)


def _no_bundle(_page, _kinds):
    raise NoBundle("no")
