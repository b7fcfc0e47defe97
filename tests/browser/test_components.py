"""The page's own components in a real browser: what is painted, what is said, and what reaches Python."""

import io
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from demo.lab.components.fiedler import FiedlerPanel
from demo.shared.components import LogSlider, Viewer
from demo.shared.components.scripts import script_routes
from segcore.show.files import data_uri, display_label_png, pack_floats, png
from segcore.show.palette import DIVERGING, OBJECT_PALETTE, PALETTE, Palette
from tests import oracles
from tests.browser.conftest import overflow
from tests.server import close

pytestmark = pytest.mark.browser

HEIGHT, WIDTH, PATCH = 300, 400, 16
ROWS, COLUMNS = 20, 28  # of the grid; the picture covers 18¾ and 25 of them
SPOTS = {0: (0.15, 0.15), 1: (0.5, 0.60), 2: (0.2, 0.9), 3: (0.75, 0.9), 4: (0.75, 0.25)}  # x, y inside each segment
NAMES = ["Sky", "Hills", "Meadow", "Lake", "Sun"]


# ---- A picture whose segments are known ----


def scene_labels() -> np.ndarray:
    """Sky 0, hills 1, meadow 2, lake 3, sun 4."""
    y, x = np.indices((HEIGHT, WIDTH))
    labels = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
    labels[(x - 300) ** 2 + (y - 75) ** 2 < 42**2] = 4
    labels[y > 150 + 18 * np.sin(x / 45) + 8 * np.sin(x / 13)] = 1
    labels[y > 222 + 6 * np.sin(x / 30)] = 2
    labels[((x - 300) / 85) ** 2 + ((y - 272) / 26) ** 2 < 1] = 3
    return labels


def scene_picture() -> np.ndarray:
    """The scene as a soft painting."""
    y = np.indices((HEIGHT, WIDTH))[0][..., None] / HEIGHT
    tops = np.array([(120, 170, 225), (96, 120, 110), (126, 150, 70), (80, 130, 160), (255, 226, 140)], dtype=float)
    ends = np.array([(215, 230, 245), (60, 84, 78), (84, 110, 44), (50, 90, 130), (250, 190, 90)], dtype=float)
    labels = scene_labels()
    noise = np.random.default_rng(0).normal(0, 6, (HEIGHT, WIDTH, 1))
    return (tops[labels] * (1 - y) + ends[labels] * y + noise).clip(0, 255).astype(np.uint8)


def viewer_value(
    labels: np.ndarray,
    *,
    names: list[str] | None = None,
    palette: Palette = PALETTE,
    key: str = "scene",
    background: int | None = None,
) -> dict[str, Any]:
    n = int(labels.max()) + 1
    h, w = ROWS, COLUMNS
    return {
        "picture": data_uri(png(scene_picture())),
        "labels": data_uri(display_label_png(labels)),
        "width": WIDTH,
        "height": HEIGHT,
        "palette": list(palette.hex(n)),
        "names": names or [f"Segment {i + 1}" for i in range(n)],
        "areas": [float((labels == i).mean()) for i in range(n)],
        "picture_key": key,
        "grid": [h, w],
        "aspect": [WIDTH / PATCH / w, HEIGHT / PATCH / h],
        "background": background,
        "alt": "A lake in front of hills",
    }


def wave(h: int, w: int, index: int) -> np.ndarray:
    """An entry pattern that grows from left to right and, for higher indices, swings."""
    y, x = np.indices((h, w))
    return (np.cos(math.pi * index * (x + 0.5) / w) * (1 + 0.3 * y / h)).astype(np.float32)


def fiedler_value(threshold: float = 0.0) -> dict[str, Any]:
    h, w = ROWS, COLUMNS
    thresholds = np.linspace(-1.1, 1.1, 45)
    return {
        "h": h,
        "w": w,
        "vectors": [
            {
                "index": i,
                "eigenvalue": 0.0123 * i**2,
                "residual": 1e-7 * i,
                "values": pack_floats(wave(h, w, i)),
            }
            for i in range(1, 10)
        ],
        "fiedler": {
            "threshold": threshold,
            "ncut": [[float(t), float(0.05 + 0.9 * (t - 0.33) ** 2)] for t in thresholds],
            "side_is_positive": True,
        },
        "picture": data_uri(png(scene_picture())),
        "width": WIDTH,
        "height": HEIGHT,
        "aspect": [WIDTH / PATCH / w, HEIGHT / PATCH / h],
        "message": None,
    }


NO_VECTORS = {"message": "k-means does not use eigenvectors.", "vectors": []}


# ---- The app ----


class App:
    """A small page around the components, and what its handlers were told."""

    def __init__(self, folder: Path) -> None:
        self.events: list[tuple] = []
        file = folder / "scene picture.png"  # a space, as in many names
        file.write_bytes(png(scene_picture()))
        labels = scene_labels()
        moved = np.array([2, 0, 3, 1, 4], dtype=np.uint8)[labels]
        split = np.where((labels == 0) & (np.indices(labels.shape)[1] < 120), 5, labels).astype(np.uint8)
        answers = {
            "moved": lambda: viewer_value(moved),
            "split": lambda: viewer_value(split),
            "other": lambda: viewer_value(moved, key="another picture"),
            "object": lambda: viewer_value(
                (labels == 4).astype(np.uint8), names=["Background", "Sun"], palette=OBJECT_PALETTE, background=0
            ),
            "many": lambda: viewer_value((np.indices(labels.shape)[1] % 300).astype(np.uint16)),
            "broken": lambda: viewer_value(labels) | {"labels": "data:image/png;base64,AAAA"},
            "nothing": lambda: None,
        }
        with gr.Blocks(title="Components", analytics_enabled=False) as self.demo, gr.Row():
            with gr.Column(scale=1, min_width=300):
                segments = gr.Slider(2, 20, 5, step=1, label="Segments K", info="Number of segments.", elem_id="k")
                weight = LogSlider(10, label="Color weight λ", info="W = W_feat + λ W_knn.", elem_id="weight")
                LogSlider(0, label="Quiet", elem_id="quiet")
                set_weight = gr.Button("λ = 2.5", elem_id="set-weight")
                buttons = {name: gr.Button(name, elem_id=name, size="sm") for name in answers}
                recut = gr.Button("recut", elem_id="recut", size="sm")
                no_vectors = gr.Button("no vectors", elem_id="no-vectors", size="sm")
            with gr.Column(scale=3):
                with gr.Tab("Segmentation"):
                    viewer = Viewer(viewer_value(labels, names=NAMES), elem_id="viewer")
                with gr.Tab("Fiedler vectors"):
                    panel = FiedlerPanel(fiedler_value(), elem_id="panel")
                with gr.Tab("Later"):
                    Viewer(viewer_value(labels, names=NAMES) | {"picture": str(file)}, elem_id="later")
                    Viewer(elem_id="empty-viewer")
                    FiedlerPanel(elem_id="empty-panel")
        with self.demo:
            for name, button in buttons.items():
                button.click(answers[name], None, viewer, show_progress="hidden")
            recut.click(self.on_recut, None, panel, show_progress="hidden")
            no_vectors.click(lambda: NO_VECTORS, None, panel, show_progress="hidden")
            set_weight.click(lambda: 2.5, None, weight, show_progress="hidden")
            segments.release(lambda: None)
            for name in ("change", "input", "release"):
                listen = getattr(weight, name)
                listen(
                    lambda value, name=name: self.events.append((name, value)), weight, trigger_mode="multiple", queue=False
                )
            panel.cut(self.on_cut, None, show_progress="hidden")

    def on_recut(self) -> dict[str, Any]:
        self.events.append(("recut",))
        return fiedler_value(0.5)

    def on_cut(self, evt: gr.EventData) -> None:
        self.events.append(("cut", evt.index, evt.threshold, evt.fraction))

    def wait_for(self, wanted: Callable[[tuple], bool], seconds: float = 120.0) -> tuple:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for event in self.events:
                if wanted(event):
                    return event
            time.sleep(0.02)
        raise AssertionError(f"the event never came; there were {self.events}")


@pytest.fixture(scope="module")
def app(tmp_path_factory) -> Iterator[App]:
    app = App(tmp_path_factory.mktemp("pictures"))
    _, app.url, _ = app.demo.launch(
        prevent_thread_lock=True,
        quiet=True,
        ssr_mode=False,
        server_name="127.0.0.1",
        footer_links=[],
        app_kwargs={"routes": script_routes()},
    )
    yield app
    close(app.demo)


@pytest.fixture
def opened(page, app: App):
    """The page, with its first result on view."""
    app.events.clear()
    page.goto(app.url)
    page.wait_for_selector("#viewer .sg-entry")
    wait_for_paint(page)
    return page


# ---- Looking at the page ----


def wait_for_paint(page) -> None:
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def canvas_pixel(page, selector: str, spot: tuple[float, float]) -> list[int]:
    """RGBA of a canvas, at shares of its width and height."""
    return page.evaluate(
        """([selector, x, y]) => {
            const canvas = document.querySelector(selector);
            const context = canvas.getContext("2d");
            return [...context.getImageData(x * canvas.width, y * canvas.height, 1, 1).data];
        }""",
        [selector, *spot],
    )


def masks_at(page, label: int) -> list[int]:
    return canvas_pixel(page, "#viewer .sg-masks", SPOTS[label])


def screen_pixel(page, selector: str, spot: tuple[float, float]) -> np.ndarray:
    """RGB as a person sees it, at shares of an element."""
    box = page.locator(selector).bounding_box()
    clip = {"x": box["x"] + spot[0] * box["width"] - 2, "y": box["y"] + spot[1] * box["height"] - 2, "width": 4, "height": 4}
    shot = Image.open(io.BytesIO(page.screenshot(clip=clip))).convert("RGB")
    return np.asarray(shot).reshape(-1, 3).mean(axis=0)


def colors(page) -> list[str]:
    """Of the legend, in the order of the labels."""
    return page.evaluate(
        "() => [...document.querySelectorAll('#viewer .sg-entry')].map((e) => e.style.getPropertyValue('--sg-color'))"
    )


def assert_color(rgba: list[int], color: str, opacity: float) -> None:
    np.testing.assert_allclose(rgba[:3], list(bytes.fromhex(color[1:])), atol=3)
    assert abs(rgba[3] - 255 * opacity) <= 2


def entry(page, k: int):
    return page.locator("#viewer .sg-entry").nth(k)


def update(page, name: str, ready: str) -> None:
    """Press a button and wait until the page shows what Python sent."""
    page.locator(f"#{name}").click()
    page.wait_for_function(ready)
    wait_for_paint(page)


def move_to(page, selector: str, spot: tuple[float, float]) -> None:
    box = page.locator(selector).bounding_box()
    page.mouse.move(box["x"] + spot[0] * box["width"], box["y"] + spot[1] * box["height"])
    wait_for_paint(page)


def set_range(page, selector: str, value: float) -> None:
    page.locator(selector).evaluate(
        "(input, value) => { input.value = value; input.dispatchEvent(new Event('input', {bubbles: true})); }", value
    )
    wait_for_paint(page)


N_ENTRIES = "document.querySelectorAll('#viewer .sg-entry').length === {}"


# ---- Viewer ----


def test_every_segment_is_painted_in_its_color(opened) -> None:
    for label, color in enumerate(PALETTE.hex(5)):
        assert_color(masks_at(opened, label), color, 0.55)


def test_the_screen_shows_picture_and_color_mixed(opened) -> None:
    picture = scene_picture()
    for label, color in enumerate(PALETTE.hex(5)):
        x, y = SPOTS[label]
        around = picture[int(y * HEIGHT) - 3 : int(y * HEIGHT) + 3, int(x * WIDTH) - 3 : int(x * WIDTH) + 3]
        expected = around.reshape(-1, 3).mean(axis=0) * 0.45 + np.array(list(bytes.fromhex(color[1:]))) * 0.55
        np.testing.assert_allclose(screen_pixel(opened, "#viewer .sg-stage", SPOTS[label]), expected, atol=8)


def test_canvas_has_the_pixels_of_the_device(browser, app: App) -> None:
    context = browser.new_context(viewport={"width": 1200, "height": 800}, device_scale_factor=2)
    page = context.new_page()
    page.goto(app.url)
    page.wait_for_selector("#viewer .sg-entry")
    wait_for_paint(page)
    box = page.locator("#viewer .sg-masks").bounding_box()
    width = page.evaluate("document.querySelector('#viewer .sg-masks').width")
    assert abs(width - 2 * box["width"]) <= 1
    assert_color(masks_at(page, 4), PALETTE.hex(5)[4], 0.55)
    context.close()


def test_contours_follow_their_switch(opened) -> None:
    def has_white() -> bool:
        return opened.evaluate(
            """() => {
                const canvas = document.querySelector("#viewer .sg-masks");
                const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
                for (let i = 0; i < data.length; i += 4) if (Math.min(data[i], data[i + 1], data[i + 2]) > 250) return true;
                return false;
            }"""
        )

    assert has_white()
    opened.get_by_label("Contours").uncheck()
    wait_for_paint(opened)
    assert not has_white()


def test_opacity(opened) -> None:
    set_range(opened, "#viewer .sg-opacity", 90)
    assert_color(masks_at(opened, 1), PALETTE.hex(5)[1], 0.9)
    assert opened.locator("#viewer .sg-opacity + output").inner_text() == "90 %"


def test_left_of_the_divider_is_the_plain_picture(opened) -> None:
    opened.get_by_label("Contours").uncheck()
    set_range(opened, "#viewer .sg-position", 50)
    x, y = SPOTS[0]
    plain = scene_picture()[int(y * HEIGHT) - 3 : int(y * HEIGHT) + 3, int(x * WIDTH) - 3 : int(x * WIDTH) + 3]
    np.testing.assert_allclose(
        screen_pixel(opened, "#viewer .sg-stage", SPOTS[0]), plain.reshape(-1, 3).mean(axis=0), atol=6
    )
    color = np.array(list(bytes.fromhex(PALETTE.hex(5)[4][1:])))
    x, y = SPOTS[4]
    plain = scene_picture()[int(y * HEIGHT) - 3 : int(y * HEIGHT) + 3, int(x * WIDTH) - 3 : int(x * WIDTH) + 3]
    sun, plain = screen_pixel(opened, "#viewer .sg-stage", SPOTS[4]), plain.reshape(-1, 3).mean(axis=0)
    np.testing.assert_allclose(sun, 0.55 * color + 0.45 * plain, atol=12)  # as the opacity says
    assert np.abs(sun - plain).max() > 40


def test_divider_is_dragged(opened) -> None:
    grip = opened.locator("#viewer .sg-grip").bounding_box()
    stage = opened.locator("#viewer .sg-stage").bounding_box()
    opened.mouse.move(grip["x"] + grip["width"] / 2, grip["y"] + grip["height"] / 2)
    opened.mouse.down()
    opened.mouse.move(stage["x"] + 0.3 * stage["width"], stage["y"] + 0.5 * stage["height"], steps=4)
    opened.mouse.up()
    assert abs(float(opened.locator("#viewer .sg-position").input_value()) - 30) <= 1
    assert opened.locator("#viewer .sg-entry[aria-pressed=true]").count() == 0


def test_divider_moves_by_keyboard(opened) -> None:
    opened.get_by_label("Before / after").focus()
    for _ in range(7):
        opened.keyboard.press("ArrowRight")
    assert opened.locator("#viewer .sg-position").input_value() == "7"
    assert opened.locator("#viewer .sg-stage").evaluate("e => e.style.getPropertyValue('--sg-position')") == "7.000%"


def test_legend_names_every_segment_with_its_area(opened) -> None:
    labels = scene_labels()
    for k, name in enumerate(NAMES):
        text = entry(opened, k).inner_text()
        share = 100 * (labels == k).mean()
        assert name in text
        assert f"{share:.{1 if share < 10 else 0}f} %" in text
        assert name in entry(opened, k).get_attribute("aria-label")


def test_hover_in_the_legend_dims_the_others(opened) -> None:
    entry(opened, 4).hover()
    wait_for_paint(opened)
    assert_color(masks_at(opened, 4), PALETTE.hex(5)[4], 0.55)
    for label in range(4):
        assert max(masks_at(opened, label)[:3]) < 40
        assert masks_at(opened, label)[3] > 150
    opened.mouse.move(5, 5)
    wait_for_paint(opened)
    assert_color(masks_at(opened, 0), PALETTE.hex(5)[0], 0.55)


def test_focus_in_the_legend_isolates_and_a_key_pins(opened) -> None:
    opened.get_by_label("Patch grid").focus()
    opened.keyboard.press("Tab")
    opened.keyboard.press("Tab")  # the second segment
    wait_for_paint(opened)
    assert_color(masks_at(opened, 1), PALETTE.hex(5)[1], 0.55)
    assert max(masks_at(opened, 0)[:3]) < 40
    opened.keyboard.press("Enter")
    opened.keyboard.press("Tab")
    opened.keyboard.press("Tab")
    assert entry(opened, 1).get_attribute("aria-pressed") == "true"
    assert "Hills" in opened.locator("#viewer .sg-live").inner_text()
    opened.keyboard.press("Escape")
    assert entry(opened, 1).get_attribute("aria-pressed") == "false"


def test_a_click_pins_until_released(opened) -> None:
    entry(opened, 2).click()
    opened.mouse.move(5, 5)
    wait_for_paint(opened)
    assert max(masks_at(opened, 0)[:3]) < 40
    opened.get_by_role("button", name="Show all").click()
    opened.mouse.move(5, 5)
    wait_for_paint(opened)
    assert_color(masks_at(opened, 0), PALETTE.hex(5)[0], 0.55)


def test_pointing_at_the_picture_names_the_segment(opened) -> None:
    move_to(opened, "#viewer .sg-stage", SPOTS[3])
    assert opened.locator("#viewer .sg-tip").is_visible()
    assert opened.locator("#viewer .sg-tip-name").inner_text() == "Lake"
    assert "sg-under" in entry(opened, 3).get_attribute("class")
    assert "Lake" in opened.locator("#viewer .sg-live").inner_text()
    assert masks_at(opened, 3)[3] > masks_at(opened, 0)[3] + 30
    opened.mouse.move(5, 5)
    wait_for_paint(opened)
    assert not opened.locator("#viewer .sg-tip").is_visible()


def test_a_click_on_the_picture_pins(opened) -> None:
    move_to(opened, "#viewer .sg-stage", SPOTS[1])
    opened.mouse.down()
    opened.mouse.up()
    assert entry(opened, 1).get_attribute("aria-pressed") == "true"


def test_patch_grid_lies_on_the_patches(opened) -> None:
    opened.get_by_label("Patch grid").check()
    wait_for_paint(opened)
    on_line = canvas_pixel(opened, "#viewer .sg-grid", (10 * PATCH / WIDTH, 0.5 * PATCH / HEIGHT))
    between = canvas_pixel(opened, "#viewer .sg-grid", (10.5 * PATCH / WIDTH, 0.5 * PATCH / HEIGHT))
    assert on_line[3] > 80
    assert between[3] == 0


def test_colors_stay_when_labels_move(opened) -> None:
    update(opened, "moved", "document.querySelector('#viewer .sg-name').textContent === 'Segment 1'")
    for label, color in enumerate(PALETTE.hex(5)):
        assert_color(masks_at(opened, label), color, 0.55)
    assert colors(opened) == [PALETTE.hex(5)[old] for old in (1, 3, 0, 2, 4)]


def test_a_new_segment_takes_a_free_color(opened) -> None:
    update(opened, "split", N_ENTRIES.format(6))
    assert colors(opened)[:5] == list(PALETTE.hex(5))
    assert colors(opened)[5] == PALETTE.hex(6)[5]


def test_another_picture_starts_afresh(opened) -> None:
    update(opened, "other", "document.querySelector('#viewer .sg-name').textContent === 'Segment 1'")
    assert colors(opened) == list(PALETTE.hex(5))


def test_background_stays_neutral(opened) -> None:
    update(opened, "object", N_ENTRIES.format(2))
    assert colors(opened) == [OBJECT_PALETTE.background, PALETTE.hex(5)[4]]
    update(opened, "moved", N_ENTRIES.format(5))
    assert OBJECT_PALETTE.background not in colors(opened)
    assert len(set(colors(opened))) == 5


def test_state_survives_an_update(opened) -> None:
    set_range(opened, "#viewer .sg-opacity", 80)
    set_range(opened, "#viewer .sg-position", 20)
    opened.get_by_label("Contours").uncheck()
    entry(opened, 0).click()  # sky
    update(opened, "moved", "document.querySelector('#viewer .sg-name').textContent === 'Segment 1'")
    opened.mouse.move(5, 5)
    wait_for_paint(opened)
    assert opened.locator("#viewer .sg-opacity").input_value() == "80"
    assert opened.locator("#viewer .sg-position").input_value() == "20"
    assert not opened.get_by_label("Contours").is_checked()
    assert entry(opened, 2).get_attribute("aria-pressed") == "true"  # sky is label 2 now
    assert_color(masks_at(opened, 0), PALETTE.hex(5)[0], 0.8)
    assert max(masks_at(opened, 1)[:3]) < 40


def test_more_labels_than_grays(opened) -> None:
    update(opened, "many", N_ENTRIES.format(300))
    move_to(opened, "#viewer .sg-stage", (290.5 / WIDTH, 0.5))
    assert opened.locator("#viewer .sg-tip-name").inner_text() == "Segment 291"


def test_nothing_to_show(opened) -> None:
    update(opened, "nothing", "!document.querySelector('#viewer .sg-empty').hidden")
    assert "Choose a picture" in opened.locator("#viewer .sg-empty").inner_text()
    update(opened, "moved", "document.querySelector('#viewer .sg-empty').hidden")
    assert opened.locator("#viewer .sg-stage").is_visible()


def test_labels_that_cannot_be_read_are_said(opened) -> None:
    update(opened, "broken", "!document.querySelector('#viewer .sg-empty').hidden")
    assert "could not be loaded" in opened.locator("#viewer .sg-empty").inner_text()


def test_a_hover_is_painted_once_in_the_next_frame(opened) -> None:
    """However many entries the pointer crosses between two frames; how long that takes, `bench --page` measures."""
    painted = opened.evaluate("""async () => {
        const entries = [...document.querySelectorAll("#viewer .sg-entry")];
        const real = CanvasRenderingContext2D.prototype.putImageData;
        const paints = [];
        CanvasRenderingContext2D.prototype.putImageData = function (...args) {
            if (this.canvas.matches("#viewer .sg-masks")) paints.push(performance.now());
            return real.apply(this, args);
        };
        const over = () => new PointerEvent("pointerover", {bubbles: true, pointerType: "mouse"});
        for (let k = 0; k < 20; k++) entries[k % entries.length].dispatchEvent(over());
        const before = paints.length;
        await new Promise(requestAnimationFrame);
        await new Promise((done) => setTimeout(done));
        CanvasRenderingContext2D.prototype.putImageData = real;
        return [before, paints.length];
    }""")
    assert painted == [0, 1]


# ---- Fiedler panel ----


@pytest.fixture
def panel(opened):
    opened.get_by_role("tab", name="Fiedler vectors").click()
    opened.wait_for_selector("#panel .fp-item")
    opened.wait_for_function("document.querySelector('#panel .fp-map').width > 50")
    wait_for_paint(opened)
    return opened


def cell_spot(row: int, column: int) -> tuple[float, float]:
    return (column + 0.5) * PATCH / WIDTH, (row + 0.5) * PATCH / HEIGHT


def test_gallery_captions(panel) -> None:
    first = panel.locator("#panel .fp-item").first
    assert "v₁" in first.inner_text()
    assert "μ = 0.0123" in first.inner_text()
    assert panel.locator("#panel .fp-item").count() == 9


def test_map_has_the_colors_of_python(panel) -> None:
    expected = oracles.diverging(wave(ROWS, COLUMNS, 1))
    for row, column in [(0, 0), (3, 11), (7, 12), (9, 24), (18, 2)]:
        for canvas in ("#panel .fp-map", "#panel .fp-item canvas"):
            rgba = canvas_pixel(panel, canvas, cell_spot(row, column))
            np.testing.assert_allclose(rgba[:3], expected[row, column], atol=1)


def test_map_is_cropped_to_the_picture(panel) -> None:
    box = panel.locator("#panel .fp-map").bounding_box()
    assert abs(box["width"] / box["height"] - WIDTH / HEIGHT) < 0.02


def test_colors_come_from_python(panel) -> None:
    ramp = panel.locator("#panel .fp-ramp").evaluate("e => e.style.getPropertyValue('--fp-stops')")
    assert ramp == ", ".join(DIVERGING)


def test_a_click_enlarges_another_vector(panel) -> None:
    panel.locator("#panel .fp-item").nth(2).click()
    wait_for_paint(panel)
    assert "v₃" in panel.locator("#panel .fp-title").inner_text()
    assert panel.locator("#panel .fp-item").nth(2).get_attribute("aria-pressed") == "true"
    assert panel.locator("#panel .fp-curve").count() == 0  # Ncut is known for the Fiedler vector


def test_enter_enlarges_another_vector(panel) -> None:
    panel.locator("#panel .fp-item").nth(1).focus()
    panel.keyboard.press("Enter")
    wait_for_paint(panel)
    assert "v₂" in panel.locator("#panel .fp-title").inner_text()


def test_pointer_reads_a_cell(panel) -> None:
    move_to(panel, "#panel .fp-stage", cell_spot(3, 11))
    value = wave(ROWS, COLUMNS, 1)[3, 11]
    text = panel.locator("#panel .fp-cell").inner_text()
    assert text.startswith("Row 4, column 12: ")
    assert f"{value:.3g}" in text


def test_arrow_keys_read_cells(panel) -> None:
    panel.locator("#panel .fp-over").focus()
    panel.keyboard.press("Tab")
    wait_for_paint(panel)
    middle = panel.locator("#panel .fp-cell").inner_text()
    assert middle.startswith("Row 10, column 13: ")
    for key in ("ArrowUp", "ArrowRight", "ArrowRight"):
        panel.keyboard.press(key)
    wait_for_paint(panel)
    assert panel.locator("#panel .fp-cell").inner_text().startswith("Row 9, column 15: ")
    for _ in range(40):
        panel.keyboard.press("ArrowRight")
    wait_for_paint(panel)
    assert panel.locator("#panel .fp-cell").inner_text().startswith("Row 9, column 25: ")


def test_over_the_picture(panel) -> None:
    assert not panel.locator("#panel .fp-picture").is_visible()
    panel.get_by_label("Over the picture").check()
    wait_for_paint(panel)
    assert panel.locator("#panel .fp-picture").is_visible()
    assert panel.locator("#panel .fp-stage").evaluate("e => e.style.getPropertyValue('--fp-opacity')") != "1"


def share_above(threshold: float) -> int:
    return int((wave(ROWS, COLUMNS, 1) > threshold).sum())


def test_threshold_counts_and_outlines_cells(panel) -> None:
    limit = float(np.abs(wave(ROWS, COLUMNS, 1)).max())
    set_range(panel, "#panel .fp-threshold", 0.5)
    assert f"{share_above(0.5 * limit)} of 560 patches above" in panel.locator("#panel .fp-share").inner_text()
    dark = panel.evaluate(
        """() => {
            const canvas = document.querySelector("#panel .fp-marks");
            const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
            let left = 0;
            for (let i = 3; i < data.length; i += 4) if (data[i] > 200) left++;
            return left;
        }"""
    )
    assert dark > 100


def test_threshold_is_dragged_in_the_histogram(panel) -> None:
    box = panel.locator("#panel .fp-plot").bounding_box()
    panel.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 60)
    panel.mouse.down()
    panel.mouse.move(box["x"] + 0.75 * box["width"], box["y"] + 60, steps=3)
    panel.mouse.up()
    wait_for_paint(panel)
    assert abs(float(panel.locator("#panel .fp-threshold").input_value()) - 0.5) < 0.03


def test_lowest_ncut_and_zero(panel) -> None:
    panel.get_by_role("button", name="Lowest Ncut").click()
    wait_for_paint(panel)
    assert "Threshold 0.350 " in panel.locator("#panel .fp-share").inner_text()  # of the 45 thresholds the nearest to 0.33
    panel.get_by_role("button", name="At 0").click()
    wait_for_paint(panel)
    assert "Threshold 0 " in panel.locator("#panel .fp-share").inner_text()


def test_cut_here_reaches_python(panel, app: App) -> None:
    limit = float(np.abs(wave(ROWS, COLUMNS, 1)).max())
    set_range(panel, "#panel .fp-threshold", 0.25)
    panel.get_by_role("button", name="Cut here").click()
    _, index, threshold, fraction = app.wait_for(lambda event: event[0] == "cut")
    assert index == 1
    assert fraction == pytest.approx(0.25)
    assert threshold == pytest.approx(0.25 * limit, rel=1e-5)


def test_panel_follows_python(panel) -> None:
    panel.locator("#recut").click()
    panel.wait_for_function("document.querySelector('#panel .fp-share').textContent.startsWith('Threshold 0.500 ')")
    panel.locator("#no-vectors").click()
    panel.wait_for_selector("#panel .fp-message")
    assert panel.locator("#panel .fp-message").inner_text() == NO_VECTORS["message"]


@pytest.mark.parametrize("opened_before", [False, True])  # Gradio mounts a tab when it is first opened
def test_panel_follows_python_while_it_is_hidden(opened, app: App, opened_before: bool) -> None:
    if opened_before:
        opened.get_by_role("tab", name="Fiedler vectors").click()
        opened.wait_for_selector("#panel .fp-item")
        opened.get_by_role("tab", name="Segmentation").click()
    opened.locator("#recut").click()
    app.wait_for(lambda event: event[0] == "recut")
    opened.wait_for_timeout(300)  # for the answer to arrive while the tab is closed
    opened.get_by_role("tab", name="Fiedler vectors").click()
    opened.wait_for_function("document.querySelector('#panel .fp-share')?.textContent.startsWith('Threshold 0.500 ')")
    opened.wait_for_function("document.querySelector('#panel .fp-map').width > 50")
    wait_for_paint(opened)
    expected = oracles.diverging(wave(ROWS, COLUMNS, 1))[3, 11]
    np.testing.assert_allclose(canvas_pixel(opened, "#panel .fp-map", cell_spot(3, 11))[:3], expected, atol=1)


def test_view_in_a_tab_that_is_opened_later(opened) -> None:
    opened.get_by_role("tab", name="Later").click()
    opened.wait_for_selector("#later .sg-entry")
    wait_for_paint(opened)
    for label, color in enumerate(PALETTE.hex(5)):
        assert_color(canvas_pixel(opened, "#later .sg-masks", SPOTS[label]), color, 0.55)
    url = opened.locator("#later .sg-picture").get_attribute("src")  # Gradio serves the file
    assert "/gradio_api/file=" in url
    assert opened.locator("#later .sg-picture").evaluate("e => e.naturalWidth") == WIDTH
    assert opened.locator("#empty-panel .fp-message").is_visible()
    assert opened.locator("#empty-viewer .sg-empty").is_visible()


def test_state_survives_another_tab(opened) -> None:
    set_range(opened, "#viewer .sg-opacity", 80)
    opened.get_by_role("tab", name="Fiedler vectors").click()
    opened.get_by_role("tab", name="Segmentation").click()
    wait_for_paint(opened)
    assert opened.locator("#viewer .sg-opacity").input_value() == "80"
    assert_color(masks_at(opened, 0), PALETTE.hex(5)[0], 0.8)


# ---- Slider ----


def weight_of(page) -> float:
    return float(page.locator("#weight .ls-number").input_value())


def test_slider_starts_at_its_value(opened) -> None:
    assert weight_of(opened) == 10
    box = opened.locator("#weight .ls-range").evaluate("e => [e.valueAsNumber, Number(e.max)]")
    assert box == [pytest.approx(22), 32]  # 2 steps for 0 … 0.1, then 10 per decade


def test_slider_is_logarithmic(opened, app: App) -> None:
    for position, value in [(0, 0.0), (2, 0.1), (12, 1.0), (15, 2.0), (16, 2.5), (22, 10.0), (32, 100.0)]:
        set_range(opened, "#quiet .ls-range", position)
        assert float(opened.locator("#quiet .ls-number").input_value()) == value
    set_range(opened, "#weight .ls-range", 12)
    assert app.wait_for(lambda event: event[0] == "change") == ("change", 1.0)
    assert all(isinstance(event[1], float) for event in app.events)


def test_arrow_keys_move_one_step_and_release(opened, app: App) -> None:
    opened.get_by_label("range slider for Color weight λ").focus()
    opened.keyboard.press("ArrowRight")
    assert weight_of(opened) == 13
    app.wait_for(lambda event: event == ("release", 13.0))
    opened.keyboard.press("ArrowLeft")
    opened.keyboard.press("ArrowLeft")
    assert weight_of(opened) == 7.9
    opened.keyboard.press("Home")
    assert weight_of(opened) == 0
    opened.keyboard.press("ArrowUp")
    assert weight_of(opened) == 0.1
    app.wait_for(lambda event: event == ("release", 0.1))


def test_every_value_of_the_grid_is_reached_and_left_again(opened) -> None:
    opened.get_by_label("range slider for Quiet").focus()

    def walk(key: str) -> list[float]:
        values = [float(opened.locator("#quiet .ls-number").input_value())]
        for _ in range(31):
            opened.keyboard.press(key)
            values.append(float(opened.locator("#quiet .ls-number").input_value()))
        return values

    up, down = walk("ArrowRight"), walk("ArrowLeft")
    assert up[0] == 0
    assert up[-1] == 100
    assert up == sorted(set(up))
    assert down[::-1] == up


def test_number_box_takes_any_value(opened, app: App) -> None:
    box = opened.get_by_label("number input for Color weight λ")
    box.fill("7.35")
    box.press("Enter")
    app.wait_for(lambda event: event == ("change", 7.35))
    app.wait_for(lambda event: event == ("release", 7.35))
    box.fill("5000")
    box.press("Enter")
    assert weight_of(opened) == 100
    box.fill("")
    box.press("Tab")
    assert weight_of(opened) == 100


def test_one_change_per_value(opened, app: App) -> None:
    set_range(opened, "#weight .ls-range", 12)
    app.wait_for(lambda event: event == ("change", 1.0))
    opened.wait_for_timeout(300)
    assert [event for event in app.events if event[0] == "change"] == [("change", 1.0)]
    assert [event for event in app.events if event[0] == "input"] == [("input", 1.0)]


def test_pointer_release(opened, app: App) -> None:
    box = opened.locator("#weight .ls-range").bounding_box()
    opened.mouse.click(box["x"] + box["width"] - 3, box["y"] + box["height"] / 2)
    app.wait_for(lambda event: event == ("release", 100.0))


def test_python_moves_the_slider(opened, app: App) -> None:
    opened.locator("#set-weight").click()
    app.wait_for(lambda event: event == ("change", 2.5))
    assert weight_of(opened) == 2.5
    assert opened.locator("#weight .ls-range").evaluate("e => e.valueAsNumber") == pytest.approx(15.98, abs=0.01)
    opened.locator("#weight .ls-reset").click()
    app.wait_for(lambda event: event == ("release", 10.0))


def test_slider_looks_like_gradios_own(opened) -> None:
    style = "e => { const s = getComputedStyle(e); return [s.fontSize, s.color, s.fontWeight, s.lineHeight]; }"
    own = opened.locator("#weight .ls-label").evaluate(style)
    assert own == opened.locator("#k [data-testid=block-info]").evaluate(style)
    left = {
        name: opened.locator(f"{name}").bounding_box()["x"] for name in ("#k [data-testid=block-info]", "#weight .ls-label")
    }
    assert len({round(x) for x in left.values()}) == 1
    assert opened.locator("#weight .ls-box").bounding_box()["height"] == 24


@pytest.mark.parametrize(
    ("value", "passed"), [("7", 7.0), (3, 3.0), (True, True), ("much", "much"), (None, None), ([1], [1])]
)
def test_slider_hands_bad_values_on(value: Any, passed: Any) -> None:
    assert LogSlider(1).preprocess(value) == passed
    assert type(LogSlider(1).preprocess(value)) is type(passed)


def test_slider_in_the_api() -> None:
    assert LogSlider(1).api_info()["type"] == "number"


# ---- For people to look at ----


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_screenshots(page, app: App, shoot, width: int, theme: str) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{app.url}?__theme={theme}")
    page.wait_for_selector("#viewer .sg-entry")
    page.wait_for_timeout(400)
    shoot(f"components-segmentation-{width}-{theme}")
    entry(page, 4).hover()
    page.wait_for_timeout(100)
    shoot(f"components-isolated-{width}-{theme}", "#viewer")
    page.get_by_role("tab", name="Fiedler vectors").click()
    page.wait_for_selector("#panel .fp-item")
    page.wait_for_timeout(400)
    shoot(f"components-vectors-{width}-{theme}", "#panel")
    page.get_by_label("Over the picture").check()
    page.wait_for_timeout(100)
    shoot(f"components-over-{width}-{theme}", "#panel")
    assert overflow(page) <= 0
