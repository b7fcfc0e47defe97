"""A sheet as one file to print: no script, no outside address but the way back, pictures inside."""

import html
import io
import uuid
from collections.abc import Callable, Mapping

import gradio as gr
from PIL import Image

from demo.lectures import texts
from demo.lectures.data import all_sheets
from demo.lectures.run.code import code_of
from demo.lectures.run.sent import base_of, lecture_of, stills_of
from demo.shared.errors import told_kindly
from demo.shared.lecture.sheet import shown
from demo.shared.lecture.value import Line, Sheet
from demo.shared.link import named_settings
from demo.shared.numbered import numbered
from demo.shared.service import Service
from segcore.errors import SegcoreError
from segcore.settings import Settings
from segcore.show.files import data_uri, jpeg, overlay
from segcore.show.paint import shrink

_OTHER = {"tab", "compare"}  # names of a link with which the lab shows something else than segments
_TALL = 1.2  # height over width of a picture that gets more room
PICTURE_SIDE = 800  # pixels; half the width of A4 has 240 in an inch then

_STYLE = """
@page { size: PAPER; margin: 15mm 14mm; }
body { margin: 1.2rem auto; max-width: 62rem; padding: 0 1rem; background: #fff; color: #000;
  font: 10.5pt/1.4 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
h1 { margin: 0 0 .2rem; font-size: 17pt; }
h2 { margin: 0 0 .2rem; font-size: 11.5pt; }
p { margin: 0 0 .35rem; }
main { columns: 2; column-gap: 9mm; column-fill: auto; }
section { break-inside: avoid; margin: 0 0 5mm; padding-top: 1.5mm; border-top: .5pt solid #000; }
.slides { float: right; margin-left: 3mm; font-size: 8.5pt; }
img { display: block; max-width: 100%; max-height: 64mm; margin: 1mm auto; border: .5pt solid #000; }
img.tall { max-height: 110mm; }
figure { margin: 0; } figcaption { font-size: 8.5pt; }
.ask { font-weight: 600; }
.room { min-height: 15mm; border: .5pt solid #000; padding: .5mm 1mm; font-size: 8.5pt; }
.link { font-size: 8pt; overflow-wrap: anywhere; }
.work { display: flex; gap: 2mm; }
.work .room { flex: 1; }
.code { flex: none; width: 22mm; height: 22mm; background: #fff; }
.room textarea { width: 100%; min-height: 15mm; border: 0; font: inherit; }
.answers { break-before: page; }
a { color: inherit; }
@media (max-width: 44rem) { main { columns: 1; } }
@media print { body { margin: 0; max-width: none; padding: 0; } }
"""


def handout(
    service: Service,
    sheet: Sheet,
    *,
    base: str,
    with_answers: bool,
    paper: str = "A4",
    form: bool = False,
    stills: Mapping[int, bytes] | None = None,
    check: Callable[[], None] = lambda: None,
) -> bytes:
    """Make the handout of a sheet.

    Args:
        service: computes the pictures of the states of the lab, and remembers them.
        sheet: whose lines are printed, those that have nothing to do and nothing to open left out.
        base: address of the server, with a slash at the end; the only address in the file.
        with_answers: add the answers, on a page of their own.
        paper: "A4" or "Letter".
        form: give the room for predictions fields to fill in on the screen.
        stills: JPEG, PNG or WebP pictures of the states, by place of the line.
        check: called before each picture; what it raises ends the work.

    Returns:
        An HTML file in UTF-8.

    Cost: one segmentation for each line that opens the lab.
    """
    worked_on = [(i, line) for i, line in enumerate(sheet.lines, 1) if line.ask or line.address is not None]
    pictures = {i + 1: still for i, still in (stills or {}).items()}
    lines = [_section(service, i, line, base, check, form=form, still=pictures.get(i)) for i, line in worked_on]
    answers = _answers(sheet) if with_answers else ""
    style = _STYLE.replace("PAPER", paper)
    title = html.escape(texts.HANDOUT_TITLE.format(title=sheet.title))
    back = html.escape(f"{base}lectures?sheet={sheet.id}", quote=True)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{title}</title>\n'
        f'<meta name="viewport" content="width=device-width">\n<style>{style}</style>\n</head>\n<body>\n'
        f"<h1>{html.escape(sheet.title)}</h1>\n<p>{html.escape(sheet.about)}</p>\n"
        f'<p class="link">{texts.HANDOUT_MADE} <a href="{back}">{back}</a></p>\n'
        f"<main>\n{''.join(lines)}</main>\n{answers}</body>\n</html>\n"
    ).encode()


def _section(
    service: Service,
    number: int,
    line: Line,
    base: str,
    check: Callable[[], None],
    *,
    form: bool,
    still: bytes | None,
) -> str:
    parts = [
        f'<span class="slides">{html.escape(", ".join(line.slides))}</span><h2>{number}. {shown(line.topic)}</h2>',
        f"<p>{shown(line.says)}</p>",
    ]
    check()
    parts.append(_figure(service, line, still))
    url = None if line.address is None else base + line.address
    field = f'<textarea aria-label="{texts.HANDOUT_ROOM}"></textarea>' if form else ""
    room = f'<div class="room">{texts.HANDOUT_ROOM}{field}</div>' if line.ask else ""
    if line.ask:
        parts.append(f'<p class="ask">{shown(line.ask)}</p>')
    parts.append(f'<div class="work">{room}{code_of(url) if url else ""}</div>')
    if url is not None:
        words, full = html.escape(texts.OPEN.format(page=texts.PAGES.get(line.page or "", line.page))), html.escape(url)
        parts.append(f'<p class="link">{words}: <a href="{full}">{full}</a></p>')
    return f"<section>{''.join(parts)}</section>\n"


def _figure(service: Service, line: Line, still: bytes | None) -> str:
    """What a line opens: segments drawn anew, as their numbers are read in gray; else the still, if there is one."""
    drawn = _picture(service, line) if line.page == "" and (still is None or not line.query.keys() & _OTHER) else ""
    if still is None or drawn.startswith("<figure"):
        return drawn
    name = ' class="tall"' if _is_tall(still) else ""
    return f'<figure><img{name} src="{data_uri(still)}" alt=""></figure>'


def _is_tall(still: bytes) -> bool:
    """Whether a picture is much higher than wide, as long tables are; one that cannot be read is not."""
    try:
        with Image.open(io.BytesIO(still)) as image:
            return image.height > _TALL * image.width
    except (OSError, ValueError, Image.DecompressionBombError):
        return False


def _picture(service: Service, line: Line) -> str:
    """The state of the lab that a line opens, as a picture with a caption; a sentence where it cannot be computed."""
    example = service.examples.get(line.query.get("example", ""))
    path = str(example.path) if example else service.upload_of(line.query.get("picture", ""))
    if path is None:
        return ""
    try:
        settings = Settings.from_values(named_settings(line.query, service))
        result = service.pipeline.run(path, settings)
    except SegcoreError as error:
        return f"<p>{html.escape(str(error))}</p>"
    picture = data_uri(jpeg(numbered(shrink(overlay(result), max_side=PICTURE_SIDE), result.label_map.numpy()), quality=85))
    caption = html.escape(texts.HANDOUT_STATE.format(picture=service.title_of(path), count=result.n_segments))
    return f'<figure><img src="{picture}" alt="{caption}"><figcaption>{caption}</figcaption></figure>'


def _answers(sheet: Sheet) -> str:
    rows = [
        f"<section><h2>{number}. {shown(line.topic)}</h2><p>{shown(line.answer)}</p></section>"
        for number, line in enumerate(sheet.lines, 1)
        if line.answer
    ]
    return f'<div class="answers"><h1>{texts.HANDOUT_ANSWERS}</h1><main>{"".join(rows)}</main></div>\n'


def _shots_of(service: Service, sheet_id: str) -> dict[int, bytes]:
    return next((lecture.shots for lecture in service.lectures if lecture.sheet.id == sheet_id), {})


def answered(file: str | None = None) -> dict[str, str]:
    """A value of the board that it has not had before: an answer to its event, with the file where one was made."""
    return {"n": uuid.uuid4().hex} | ({"file": file} if file else {})


def make_handout(service: Service) -> Callable[[gr.EventData], dict[str, str]]:
    """The event behind the handout: makes the file of a sheet, to be saved or printed."""

    def make(event: gr.EventData) -> dict[str, str]:
        with told_kindly():
            kept = lecture_of({"sheet": event.lecture, "stills": event.stills}) if event.lecture else None
            sheet = kept.sheet if kept else all_sheets(service).get(str(event.sheet))
            if sheet is None:
                raise gr.Error(texts.NOT_READY, print_exception=False)
            content = handout(
                service,
                sheet,
                base=base_of(event.base, "/"),
                with_answers=bool(event.answers),
                paper="Letter" if event.paper == "Letter" else "A4",
                form=bool(event.form),
                stills=_shots_of(service, sheet.id) | stills_of(event.stills),
            )
            return answered(service.publish(content, f"lecture-{sheet.id}.html"))

    return make
