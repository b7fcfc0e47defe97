"""The page of many pictures in a real Chromium: a run from the button to the saved zip, and what is refused."""

import json
import zipfile

import pytest

from segcore.collection import SYSTEMS
from tests.browser.conftest import address_has

pytestmark = pytest.mark.browser


def started(page, address, query=""):
    page.goto(f"{address}collections{query}")
    page.get_by_role("button", name="Group them").click()


@pytest.mark.slow
def test_a_run_from_the_button_to_the_zip(page, address, tmp_path, shoot):
    started(page, address)
    page.locator(".cl-picture canvas").first.wait_for()
    page.reload()  # the job goes on, and the page finds it again
    page.locator(".cl-table table").wait_for()
    shoot("collections")
    assert page.locator(".cl-picture").count() == 12
    assert float(page.locator(".cl-scores figcaption").inner_text().split("mIoU ")[1].split(",")[0]) > 0.5
    groups = page.locator(".cl-group")
    assert groups.count() == 4
    groups.nth(1).click()
    assert page.locator(".cl-gallery img").count() > 0
    assert 0 < page.locator(".cl-picture:visible").count() < 12
    page.locator(".cl-detail input").fill("checked")
    page.locator(".cl-detail input").press("Enter")
    assert "checked" in groups.nth(1).inner_text()
    page.locator(".cl-all").click()
    assert page.locator(".cl-picture:visible").count() == 12
    page.locator(".cl-colors").click()
    assert page.locator(".cl-colors").get_attribute("aria-pressed") == "true"
    address_has(page, "colors=true")
    page.locator(".cl-save").wait_for()
    with page.expect_download() as download:
        page.locator(".cl-save").click()
    download.value.save_as(tmp_path / "saved.zip")
    with zipfile.ZipFile(tmp_path / "saved.zip") as archive:
        names = archive.namelist()
        about = json.loads(archive.read("clusters.json"))
        assert "--system cosegment" in archive.read("command.txt").decode()
    assert sum(name.endswith(".labels.png") for name in names) == 12
    assert about["groups"][1]["name"] == "checked"


def test_own_pictures_are_asked_for(page, address):
    page.goto(f"{address}collections?source=own&system=kmeans")
    page.locator("#collections-files").wait_for()
    page.get_by_role("button", name="Group them").click()
    page.get_by_text("Choose pictures of your own first").wait_for()
    assert page.locator("#collections-system input").input_value() == SYSTEMS["kmeans"].title
    page.get_by_text("Of a transformer it reads the tokens.").wait_for()


def test_a_link_brings_the_settings_of_a_system(page, address):
    page.goto(f"{address}collections?source=drawn&system=kmeans&groups=auto&backbone=color&set_n_init=3&set_center=false")
    page.wait_for_function("document.querySelector('#collections-system input')?.value === 'k-means'")
    page.locator("#collections-auto input").wait_for()
    assert page.locator("#collections-auto input").is_checked()
    page.get_by_role("button", name="Settings of the system").locator("visible=true").click()
    page.wait_for_function("document.querySelector('#collections-kmeans-n_init input')?.value === '3'")
    assert not page.locator("#collections-kmeans-center input").is_checked()
    page.get_by_role("button", name="Group them").click()
    page.locator(".cl-group").first.wait_for()
    address_has(page, "set_n_init=3")
    address_has(page, "groups=auto")
    page.goto(f"{address}collections?system=kmeans&set_n_init=many")
    page.get_by_text("The link holds a setting").wait_for()
