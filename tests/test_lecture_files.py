"""A lecture is a file: what is written is read again, and of a bad file what can be read is offered in a sentence."""

import base64
import hashlib
import io
import json
import re
import zipfile
from pathlib import Path
from urllib.parse import parse_qsl

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save
from starlette.testclient import TestClient

from demo.lectures.data import all_sheets, sheet_value, sheets
from demo.lectures.run import handout
from demo.lectures.run.sent import lecture_of
from demo.scribble.asked import LONGEST, Asked, link_of, strokes_of_link
from demo.shared.lecture import file as files
from demo.shared.lecture import given
from demo.shared.lecture.file import is_named, own_files, read_lecture, write_lecture
from demo.shared.lecture.given import open_lectures, read_lectures
from demo.shared.lecture.sheet import MOST_LINES, sheet_of, shown
from demo.shared.lecture.value import Lecture
from demo.shared.link import read_link
from demo.shared.service import Service
from segcore.errors import InputError
from segcore.image import digest, read_image
from segcore.scribble.scribble import Options
from segcore.scribble.strokes import Stroke, strokes_of_text, strokes_text
from segcore.settings import DEFAULTS
from segcore.show.files import data_uri
from tests.server import serving


def picture(kind="PNG", color=(200, 30, 40)):
    out = io.BytesIO()
    Image.new("RGB", (8, 6), color).save(out, kind)
    return out.getvalue()


OWN = picture()
NAME = digest(read_image(OWN))
LINE = {"topic": "One", "says": "$x^2$", "link": {"page": "", "query": {"picture": NAME, "n_segments": "3"}}}


def data(**more):
    return {"version": 1, "id": "mine", "title": "Mine", "about": "", "lines": [LINE], **more}


def zipped(text=None, **entries):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("lecture.json", json.dumps(data()) if text is None else text)
        for name, content in entries.items():
            archive.writestr(name, content)
    return out.getvalue()


def test_what_is_written_is_read_again():
    still, line = picture("JPEG"), {**LINE, "still": "stills/001.jpg", "ask": "?", "answer": "!", "choices": ["a", "b"]}
    notes = []
    lecture = Lecture(sheet_of(data(lines=[line]), notes), {"stills/001.jpg": still}, {NAME: ("png", OWN)})
    assert notes == []
    content = write_lecture(lecture)
    assert content == write_lecture(lecture)
    assert read_lecture(content) == lecture


@pytest.mark.parametrize("sheet", sheets().values(), ids=lambda sheet: sheet.id)
def test_the_lectures_of_the_app_have_the_same_form(sheet):
    assert read_lecture(write_lecture(Lecture(sheet))) == Lecture(sheet)


def test_a_picture_is_named_by_its_pixels_or_its_bytes():
    assert is_named(OWN, NAME)
    assert is_named(OWN, hashlib.sha256(OWN).hexdigest()[:32])
    assert not is_named(picture(color=(0, 0, 0)), NAME)
    assert not is_named(b"no picture", NAME)


BAD = {
    "no zip": (b"PK\x03\x04" + bytes(40), "no whole zip"),
    "cut zip": (zipped()[:60], "no whole zip"),
    "another zip": (zipped().replace(b"lecture.json", b"lecture.jsoN"), "no lecture.json"),
    "no JSON": (b"hello", "cannot be read"),
    "deep JSON": (b"[" * 200_000, "cannot be read"),
    "a list": (b"[]", "JSON object"),
    "no lines": (b"{}", "lacks lines"),
    "another version": (json.dumps(data(version=2)).encode(), "version 2"),
    "odd version": (json.dumps(data(version={"a": []})).encode(), "version"),
    "a bomb": (zipped(" " * (5 << 20) + json.dumps(data())), "more than a lecture may have"),
}


@pytest.mark.parametrize(("content", "told"), BAD.values(), ids=BAD)
def test_a_file_that_is_no_lecture_is_one_sentence(content, told):
    with pytest.raises(InputError, match=told) as refused:
        read_lecture(content)
    assert "\n" not in str(refused.value)


CLIMBS = data(lines=[{**LINE, "still": "../../x.jpg"}], pictures={NAME: "../x.png"})
FOREIGN = data(pictures={NAME: "pictures/a.png"})
PARTLY = {
    "cut JSON": (json.dumps(data(lines=[LINE] * 3)).encode()[:-60], 2, "2 lines before"),
    "unknown fields": (json.dumps(data(color="red", lines=[{**LINE, "onclick": "x"}])).encode(), 1, "onclick"),
    "many lines": (json.dumps(data(lines=[LINE] * 1000)).encode(), MOST_LINES, "1000 lines"),
    "a line that is none": (json.dumps(data(lines=[LINE, 7])).encode(), 1, "Line 2 is no object"),
    "numbers for text": (json.dumps(data(lines=[{**LINE, "topic": 7}])).encode(), 1, "no text"),
    "a link elsewhere": (json.dumps(data(lines=[{**LINE, "link": {"page": "//x.y"}}])).encode(), 1, "link must"),
    "a bad formula": (json.dumps(data(lines=[{**LINE, "says": r"$\nosuch{1}$"}])).encode(), 1, "as it was written"),
    "a bad claim": (json.dumps(data(lines=[{**LINE, "claim": "import os"}])).encode(), 1, "claim"),
    "paths that climb": (zipped(json.dumps(CLIMBS), **{"../../x.jpg": OWN, "../x.png": OWN}), 1, "outside the lecture"),
    "a foreign picture": (zipped(json.dumps(FOREIGN), **{"pictures/a.png": picture(color=(0, 0, 9))}), 1, "not the one"),
    "a missing picture": (zipped(json.dumps(FOREIGN)), 1, "missing"),
    "too many choices": (json.dumps(data(lines=[{**LINE, "choices": list("abcdefgh")}])).encode(), 1, "8 choices"),
    "a long text": (json.dumps(data(lines=[{**LINE, "says": "x" * 5000}])).encode(), 1, "5000 characters"),
    "letters of another kind": (json.dumps(data(title="caf\u00e9"), ensure_ascii=False).encode("latin-1"), 1, "UTF-8"),
    "files of nobody": (zipped(**{"setup.exe": b"MZ"}), 1, "belong to no line"),
    "a still that is none": (
        zipped(json.dumps(data(lines=[{**LINE, "still": "stills/1.jpg"}])), **{"stills/1.jpg": b"<svg/>"}), 1, "no picture",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("content", "lines", "told"), PARTLY.values(), ids=PARTLY)
def test_what_can_be_read_is_offered(content, lines, told):
    lecture = read_lecture(content)
    assert len(lecture.sheet.lines) == lines
    assert any(told in note for note in lecture.notes)
    assert not any("\n" in note for note in lecture.notes)
    assert not lecture.stills
    assert not lecture.own


def test_no_more_is_unpacked_than_may_be(monkeypatch):
    monkeypatch.setattr(files, "MOST_BYTES", 4096)
    content = zipped(json.dumps(FOREIGN), **{"pictures/a.png": OWN + bytes(1 << 20)})
    assert len(content) < 4096  # a picture of a megabyte, packed to a thousandth
    assert not read_lecture(content).own


def test_markup_is_text():
    assert shown("<b>x</b> $x$").startswith("&lt;b&gt;x&lt;/b&gt; <math")
    assert "<img" not in shown(r"$\text{<img src=x onerror=alert(1)>}$")
    assert "<" not in shown("cost $5 <script>")


def test_markup_of_a_file_is_text_wherever_it_is_shown():
    mark = "<img src=x onerror=alert(1)>"
    line = dict.fromkeys(("topic", "says", "ask", "answer", "teacher"), mark)
    told = {**LINE, **line, "slides": [mark], "choices": [mark, mark], "link": {"page": "", "query": {"example": mark}}}
    sheet = read_lecture(json.dumps(data(title=mark, about=mark, lines=[told])).encode()).sheet
    value = sheet_value(sheet)
    assert all("<img" not in value["lines"][0][name] for name in line)  # the others are set as text by the script
    printed = handout(Service(device="cpu"), sheet, base="/", with_answers=True, stills={0: OWN}).decode()
    assert "onerror" in printed
    assert re.findall("<img[^>]*>", printed) == [f'<img src="{data_uri(OWN)}" alt="">']
    assert "<script" not in printed


def test_the_folder_of_a_space_is_read_and_a_bad_file_in_it_is_a_note(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(given, "FOLDER", tmp_path / "lectures")
    assert read_lectures([]) == []
    (tmp_path / "lectures").mkdir()
    for name, content in {
        "a.lecture.zip": zipped(json.dumps(data(id="", color="red"))),
        "b.lecture.zip": b"PK\x03\x04",
        "c.lecture.zip": zipped(json.dumps(data(id="000"))),
        "My cuts.lecture.zip": zipped(json.dumps(data(id="own-0123456789ab"))),  # as a browser saves it
        "notes.txt": b"not read",
    }.items():
        (tmp_path / "lectures" / name).write_bytes(content)
    service = Service(device="cpu")
    open_lectures(service, [])
    assert [lecture.sheet.id for lecture in service.lectures] == ["My-cuts", "a", "000-2"]  # 000 is a lecture of the app
    assert list(all_sheets(service))[:3] == ["My-cuts", "a", "000-2"]
    told = capsys.readouterr().err.splitlines()
    assert [line.split(":")[1].strip() for line in told] == ["a.lecture.zip", "b.lecture.zip"]
    assert "color" in told[0]
    assert "no whole zip" in told[1]


def test_a_server_keeps_the_pictures_of_its_lectures(tmp_path, capsys):
    path = tmp_path / "mine.lecture.zip"
    path.write_bytes(zipped(json.dumps(FOREIGN), **{"pictures/a.png": OWN}))
    service = Service(device="cpu")
    open_lectures(service, [str(path), str(path)])
    first, second = service.lectures
    assert first.sheet.id != second.sheet.id
    assert digest(read_image(service.upload_of(NAME))) == NAME
    with pytest.raises(InputError, match="Cannot read"):
        read_lectures([str(tmp_path / "none.zip")])


def test_what_a_browser_keeps_is_saved_and_opened_again():
    content = picture(color=(7, 8, 9))
    name = digest(read_image(content))
    line = {**LINE, "link": {"page": "", "query": {"picture": name}}}
    still = "data:image/jpeg;base64," + base64.b64encode(picture("JPEG")).decode()
    own = {name: {"ending": "png", "content": base64.b64encode(content).decode()}}
    with serving() as served:
        client = TestClient(served.demo.app, base_url=served.address)
        saved = client.post("/lecture/save", json={"sheet": data(lines=[line]), "stills": {"0": still}, "pictures": own})
        assert saved.status_code == 200
        assert client.get(f"/lecture/picture/{name}").status_code == 404
        opened = client.post("/lecture/open", content=saved.content).json()
        assert opened["notes"] == []
        assert opened["stills"] == {"0": still}
        assert opened["pictures"] == own
        assert opened["sheet"]["lines"] == [{**line, "still": "stills/001.jpg"}]
        assert client.get(f"/lecture/picture/{name}").content == content
        assert client.post(f"/lecture/picture/{name}?ending=png", content=OWN).status_code == 422
        assert client.post(f"/lecture/picture/{name}?ending=png", content=content).status_code == 200
        told = client.post("/lecture/told", json=data(lines=[{**LINE, "says": "<b> $x$"}])).json()
        assert told["sheet"]["lines"][0]["says"].startswith("&lt;b&gt; <math")
        for bad in (b"", b"[]", b"{}", b'{"sheet": 3}'):
            refused = client.post("/lecture/save", content=bad)
            assert refused.status_code == 422
            assert refused.json()["error"].endswith(".")
        assert client.get("/lecture/start/000").json()["sheet"]["lines"]
        assert client.get("/lecture/start/none").status_code == 422


def test_what_was_sent_wrongly_is_left_out():
    sheet = data(lines=[LINE, 3])
    lecture = lecture_of({"sheet": sheet, "stills": {"0": "data:,x", "1": 4}, "pictures": {NAME: 7, "x": {}}})
    assert len(lecture.sheet.lines) == 1
    assert not lecture.stills
    assert not lecture.own


def learned_file(size=0):
    """A file of weights as links name it, with a network that answers, padded to a size."""
    content = save({"pad": np.zeros(size, np.uint8)}) if size else b"\x08\0\0\0\0\0\0\0{}      "
    return f"iic-{hashlib.sha256(content).hexdigest()[:16]}.safetensors", content


def test_small_weights_come_along_and_are_found_again_elsewhere(tmp_path, monkeypatch):
    name, content = learned_file()
    line = {**LINE, "link": {"page": "", "query": {"example": "cat", "backbone": name}}}
    lecture = Lecture(sheet_of(data(lines=[line]), []), own={name: ("safetensors", content)})
    path = tmp_path / "mine.lecture.zip"
    path.write_bytes(write_lecture(lecture))
    assert f"weights/{name}" in zipfile.ZipFile(path).namelist()
    assert read_lecture(path.read_bytes()) == lecture
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "another"))
    service = Service(device="cpu")
    assert service.upload_of(name) is None
    open_lectures(service, [str(path)])
    backbone = read_link(service, line["link"]["query"], own_weights=True).settings.backbone
    assert Path(backbone).read_bytes() == content
    assert Path(backbone).name == name  # so that the address of the lab goes on naming it


def test_weights_are_what_their_name_says_and_not_too_many(monkeypatch):
    name, content = learned_file()
    line = {**LINE, "link": {"page": "", "query": {"backbone": name}}}
    assert is_named(content, name)
    assert not is_named(content + b" ", name)

    def own(content):
        text = json.dumps(data(lines=[line], pictures={name: f"weights/{name}"}))
        lecture = read_lecture(zipped(text, **{f"weights/{name}": content}))
        return lecture.own, " ".join(lecture.notes)

    assert own(content) == ({name: ("safetensors", content)}, "")
    found, told = own(content + b" ")
    assert not found
    assert "not the one" in told
    monkeypatch.setattr(files, "MOST_WEIGHTS", 8)
    found, told = own(content)
    assert not found
    assert "too large" in told


def test_what_does_not_come_along_is_said_when_a_line_is_added(tmp_path, monkeypatch):
    name, content = learned_file(size=3000)
    with serving() as served:
        client = TestClient(served.demo.app, base_url=served.address)
        gone = client.get(f"/lecture/picture/{name}")
        assert gone.status_code == 404
        assert "kept here no more" in gone.json()["error"]
        served.service.keep_own(name, "safetensors", content)
        there = client.get(f"/lecture/picture/{name}")
        assert there.content == content
        assert there.headers["x-ending"] == "safetensors"
        monkeypatch.setattr(files, "MOST_WEIGHTS", 2000)
        large = client.get(f"/lecture/picture/{name}")
        assert large.status_code == 413
        assert name in large.json()["error"]
        assert client.post(f"/lecture/picture/{name}?ending=safetensors", content=content).status_code == 422


def test_strokes_that_are_too_long_for_an_address_come_along(tmp_path, monkeypatch):
    generator = np.random.default_rng(0)
    strokes = tuple(Stroke(1, 0.02, tuple(map(tuple, generator.random((60, 2))))) for _ in range(20))
    text = strokes_text(strokes)
    assert len(text) > LONGEST
    service = Service(device="cpu")
    asked = Asked("picture", strokes_of_text(text), Options(), DEFAULTS, {})

    def keep(text):
        return service.keep_file(service.publish(text.encode(), "strokes.txt"))

    query = dict(parse_qsl(link_of(asked, "", None, NAME, keep)[1:]))
    assert len(query["strokes"]) == 32
    sheet = sheet_of(data(lines=[{**LINE, "link": {"page": "scribble", "query": query}}]), [])
    assert own_files(sheet) == {NAME, query["strokes"]}
    path = tmp_path / "mine.lecture.zip"
    path.write_bytes(write_lecture(Lecture(sheet, own={query["strokes"]: ("txt", text.encode())})))
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "another"))
    elsewhere = Service(device="cpu")
    with pytest.raises(InputError, match="kept here no more"):
        strokes_of_link(elsewhere, query)
    open_lectures(elsewhere, [str(path)])
    assert strokes_of_link(elsewhere, query) == strokes_of_text(text)


def test_files_that_were_marked_elsewhere_come_along():
    marked = ",".join(("-".join(("0" * 32, "1" * 32)), "-".join(("2" * 32, "3" * 32))))
    sheet = sheet_of(data(lines=[{**LINE, "link": {"page": "learn", "query": {"marked": marked}}}]), [])
    assert own_files(sheet) == {digit * 32 for digit in "0123"}
