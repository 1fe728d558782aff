"""Every button in a real browser: asked, cancelled, confirmed, told; and hostile words stay words."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from failover.buttons import Action
from failover.widget_words import ENGLISH, JAPANESE, Words
from playwright.sync_api import Browser, Dialog, Page, expect

from tests.browser.pictures import PICTURES, REFUSED, Cloud, dashboard_of, open_page
from tests.unit.test_widget import HOSTILE, hostile_status


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1000, "height": 600})
    yield page
    page.close()


@pytest.mark.parametrize("words", [ENGLISH, JAPANESE], ids=lambda words: words.language)
def test_every_button_is_asked_for_cancelled_confirmed_and_told(page: Page, words: Words) -> None:
    seen: set[str] = set()
    for name in ("question", "maintenance"):
        cloud = Cloud(PICTURES[name])
        with dashboard_of(cloud) as address:
            open_page(page, address, locale=words.language)
            buttons = page.locator("#widget .btn")
            for index in range(buttons.count()):
                action = page.locator("#widget cwdb-action").nth(index)
                if json.loads(action.text_content() or "")["press"]["action"] in seen:
                    continue
                asked = action.get_attribute("confirmation")
                buttons.nth(index).click()
                expect(page.locator("#confirmation")).to_be_visible()
                assert page.locator("#confirmation p").inner_text() == asked
                page.locator("#cancel").click()
                expect(page.locator("#confirmation")).to_be_hidden()
                assert cloud.pressed == []

                buttons.nth(index).click()
                page.locator("#confirm").click()
                expect(page.locator("#popup .gf")).to_be_visible()
                [press] = cloud.pressed
                assert words.done in page.locator("#popup p").first.inner_text()
                assert press["action"] in page.locator("#popup p").first.inner_text()
                assert press["confirmed"] is True
                page.locator("#close").click()
                seen.add(press["action"])
                cloud.pressed.clear()
    assert seen == {str(action) for action in Action}


def test_a_viewer_s_press_is_refused_with_a_sentence(page: Page) -> None:
    cloud = Cloud(PICTURES["sound"], may_operate=False)
    with dashboard_of(cloud) as address:
        open_page(page, address)
        page.locator("#widget .btn").first.click()
        page.locator("#confirm").click()
        expect(page.locator("#popup div")).to_have_text(REFUSED)
    assert cloud.pressed == []


def test_the_picture_follows_the_cluster_and_a_popup_stays(page: Page) -> None:
    cloud = Cloud(PICTURES["sound"])
    with dashboard_of(cloud) as address:
        open_page(page, address)
        page.locator("#widget .btn").first.click()
        cloud.status = PICTURES["failing-over"]
        expect(page.locator("#widget")).to_contain_text("FenceNode")
        expect(page.locator("#confirmation")).to_be_visible()
        page.locator("#confirm").click()
        expect(page.locator("#popup .gf")).to_be_visible()
        cloud.trouble = "The function failed: <b>no</b>"
        expect(page.locator("#said")).to_have_text(cloud.trouble)
        expect(page.locator("#widget")).to_contain_text("FenceNode")
        cloud.trouble = ""
        expect(page.locator("#said")).to_have_text("")
    assert [press["action"] for press in cloud.pressed] == ["switchback"], "of the picture that was confirmed"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_hostile_words_stay_words(page: Page, theme: str) -> None:
    alarms: list[str] = []

    def dismiss(dialog: Dialog) -> None:
        alarms.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", dismiss)
    cloud = Cloud(hostile_status(f"<img src=x onerror=alert(2)>{HOSTILE}", 3))
    with dashboard_of(cloud) as address:
        open_page(page, address, theme=theme)
        assert "<script>alert('1')</script>" in page.locator("#widget").inner_text()
        assert page.locator("#widget").locator("script, img, iframe, [onload], [onerror]").count() == 0
    assert alarms == []
