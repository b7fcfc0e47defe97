"""Whatever a visitor does in whatever order and however fast: the page ends in the state of its controls, and at rest."""

import dataclasses
import os
import random
import time
from urllib.parse import urlencode

import numpy as np
import pytest
from PIL import Image

from demo.lab.show import status_line
from demo.shared.link import write_link
from demo.shared.texts import STOPPED
from segcore.pipeline.methods import METHODS
from segcore.settings import DEFAULTS
from tests.browser.conftest import notices
from tests.server import serving

pytestmark = pytest.mark.browser

SEEDS, ROUNDS = 8, int(os.environ.get("SEGCORE_ROUNDS", "5"))  # in each
QUICK = {"backbone": "color", "max_side": 128}
TABS = ("segments", "vectors", "spectrum", "count", "attention", "numbers", "repeat")
QUICK_METHODS = ("kmeans", "spectral", "fiedler", "tokencut", "lost")
WEIGHTS = (3, 3, 2, 1, 2, 2, 0.5, 0.3)  # how often each of ACTIONS is taken

# Set a number to the first of the values that it does not have; null where the method has no such number.
_SET = """([name, values]) => {
    const input = document.querySelector(`#setting-${name} input[type=number]`);
    const value = input && values.find((value) => value !== Number(input.value));
    if (!input) return null;
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set.call(input, String(value));
    for (const event of ["input", "change", "blur"]) input.dispatchEvent(new Event(event, {bubbles: true}));
    return value;
}"""
_AREAS = """() => [...document.querySelectorAll("#viewer .sg-entry")].map(
    (entry) => parseFloat(entry.style.getPropertyValue("--sg-share")) / 100)"""
_OPEN = """() => document.querySelector("#tabs [role=tab][aria-selected=true]").id.replace(/^tab-|-button$/g, "")"""
_CLICK = "selector => document.querySelector(selector).click()"
# What the controls show; a method hides those that it does not read.
_CONTROLS = """() => {
    const find = (name, kind) => document.querySelector(`#setting-${name} input${kind ? `[type=${kind}]` : ""}`);
    const shown = {};
    for (const name of ["n_segments", "knn_weight"]) {
        if (find(name, "number")) shown[name] = Number(find(name, "number").value);
    }
    return { ...shown, crf: find("crf", "checkbox").checked, method: find("method").value };
}"""


@pytest.fixture(scope="module")
def served():
    """With examples whose settings make every run a matter of milliseconds."""
    with serving() as served:
        examples = served.service.examples
        for name, example in examples.items():
            examples[name] = dataclasses.replace(example, settings={**example.settings, **QUICK})
        yield served


@pytest.fixture
def uploads(tmp_path):
    paths = []
    for seed in range(3):
        pixels = np.random.default_rng(seed).normal(128, 8, (96, 128, 3))
        pixels[:, 40 + 16 * seed :] += 60
        path = tmp_path / f"picture-{seed}.png"
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path)
        paths.append(path)
    return paths


class Visitor:
    """Acts at random, and knows which picture and settings the page should end with."""

    def __init__(self, page, served, uploads, seed):
        self.page, self.served, self.uploads, self.random = page, served, uploads, random.Random(seed)
        self.picture, self.base = served.service.examples["coffee"].path, DEFAULTS.replace(**QUICK)
        self.seen = {}  # values of controls since the example was chosen

    def act(self):
        actions = (self.k, self.weight, self.crf, self.method, self.stop, self.tab, self.example, self.upload)
        self.random.choices(actions, WEIGHTS)[0]()
        if self.random.random() < 0.5:
            self.page.wait_for_timeout(self.random.choice((5, 20, 60, 200)))

    def k(self):
        self.number("n_segments", range(2, 10))

    def weight(self):
        self.number("knn_weight", (0, 1, 5, 10, 20, 50))

    def number(self, name, values):
        """Set a number to another value, or the CRF where the method has no such number."""
        value = self.page.evaluate(_SET, [name, self.random.sample(values, len(values))])
        if value is None:
            self.crf()
        else:
            self.seen[name] = value

    def look(self):
        """Take down what the controls show."""
        self.seen |= self.page.evaluate(_CONTROLS)

    def crf(self):
        self.page.evaluate(_CLICK, "#setting-crf input[type=checkbox]")

    def method(self):
        self.page.locator("#setting-method input").click()
        title = METHODS[self.random.choice(QUICK_METHODS)].title
        self.page.get_by_role("option", name=title, exact=True).click()

    def stop(self):
        self.page.evaluate(_CLICK, "#stop")

    def tab(self):
        self.page.evaluate(_CLICK, f"#tab-{self.random.choice(TABS)}-button")

    def example(self):
        examples = list(self.served.service.examples.values())
        i = self.random.randrange(len(examples))
        self.page.locator("#examples button.thumbnail-item, #examples .thumbnail-item").nth(i).click()
        self.picture, self.base, self.seen = examples[i].path, DEFAULTS.replace(**examples[i].settings), {}
        self.at_rest()  # it sets all controls, so what is changed before they are there is not the last word

    def upload(self):
        self.picture = self.random.choice(self.uploads)
        self.page.get_by_label("Remove Image").click()
        self.page.locator("#picture input[type=file]").first.set_input_files(self.picture)
        self.page.locator("#picture img").wait_for()

    def at_rest(self):
        """Wait until nothing is asked for and nothing runs, for a while."""
        quiet = 0
        for _ in range(4000):
            quiet = quiet + 1 if self.served.is_idle() else 0
            if quiet == 4:
                return
            self.page.wait_for_timeout(30)
        pytest.fail("something still runs after two minutes")

    def expected(self):
        """The result of what the controls show."""
        self.look()
        method = next(key for key, method in METHODS.items() if method.title == self.seen["method"])
        settings = self.base.replace(**self.seen | {"method": method})
        settings = settings.replace(knn_weight=float(settings.knn_weight))
        return settings, self.served.service.pipeline.run(str(self.picture), settings)

    def link(self):
        """The address of that result, and of the tab that is open."""
        settings, result = self.expected()
        tab = self.page.evaluate(_OPEN)
        link = write_link(settings, self.served.service.example_of(str(self.picture)), result.digest)
        return link if tab == TABS[0] else f"{link}&tab={tab}"


def settles(visitor):
    """The page shows the result of its controls: address, status, and two of the tabs."""
    page = visitor.page
    becomes(lambda: page.evaluate("location.search"), visitor.link)
    settings, result = visitor.expected()
    told = status_line(result).rpartition(" · ")[0]
    becomes(lambda: page.locator("#status").inner_text().rpartition(" · ")[0], lambda: told, settings)
    page.evaluate(_CLICK, "#tab-segments-button")
    pixels = result.label_map.flatten().bincount().tolist()
    becomes(lambda: [round(share * sum(pixels)) for share in page.evaluate(_AREAS)], lambda: pixels, settings)
    page.evaluate(_CLICK, "#tab-numbers-button")
    becomes(lambda: f"= {result.features.geometry.n:,}" in page.locator("#numbers").inner_text(), lambda: True, settings)


def becomes(found, expected, about=None):
    """What is found is soon what is expected."""
    for _ in range(3000):
        if found() == expected():
            return
        time.sleep(0.04)
    assert found() == expected(), about


@pytest.mark.parametrize("seed", range(SEEDS))
def test_the_page_ends_in_the_state_of_its_controls(page, served, uploads, seed):
    page.goto(f"{served.address}?example=coffee&{urlencode(QUICK)}")
    page.wait_for_function("document.querySelector('#status')?.innerText.includes('segments on')")
    visitor = Visitor(page, served, uploads, seed)
    for _ in range(ROUNDS):
        for _ in range(visitor.random.randint(2, 7)):
            visitor.act()
        visitor.at_rest()
        page.wait_for_function(
            "words => words.some((word) => document.querySelector('#status').innerText.includes(word))",
            arg=[STOPPED, "segments on"],
        )
        visitor.k()  # after a stop the page goes on with the next change
        settles(visitor)
        assert notices(page) == []
        assert "Error" not in page.locator("#results").inner_text()
    visitor.at_rest()
