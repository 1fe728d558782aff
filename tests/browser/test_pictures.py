"""Each picture of the widget as a real browser shows it, in both languages, light and dark, narrow and wide.

Compared are not the pixels of a whole picture, which differ with each machine's fonts, but what an eye takes from it:
each row's badges with their colours, and the buttons, against the file in `expected/`; of the picture's own pixels the
colour of each badge and that a word stands on it; and that nothing is cut off, or lies on something else.
`UPDATE_PICTURES=1 pytest tests/browser` writes the files anew.
"""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.pictures import PICTURES, Cloud, dashboard_of, open_page

EXPECTED = Path(__file__).parent / "expected"
WIDTHS = (800, 1600)
BACKGROUNDS = {"light": "rgb(255, 255, 255)", "dark": "rgb(15, 27, 42)"}

_TABLE = """() => [...document.querySelectorAll("#widget tr")].map((row) => {
  const shown = (mark) => {
    const style = getComputedStyle(mark), words = mark.textContent;
    return mark.matches(".btn") ? `(${words})` : `[${words}: ${style.color} on ${style.backgroundColor}]`;
  };
  const [name, ...cells] = [...row.cells];
  const marks = cells.map((cell) => [...cell.querySelectorAll(".b, .btn")].map(shown).join(" "));
  return marks.some((words) => words) ? [name.textContent, ...marks].join(" | ") : "";
}).filter((line) => line).join("\\n")"""

_BOXES = """() => [...document.querySelectorAll("#widget .b")].map((badge) => {
  const box = badge.getBoundingClientRect(), around = badge.parentElement.closest("td, th, p").getBoundingClientRect();
  return {word: badge.textContent, colour: getComputedStyle(badge).backgroundColor,
    x: Math.round(box.x + scrollX), y: Math.round(box.y + scrollY),
    width: Math.floor(box.width), height: Math.floor(box.height),
    isWithin: box.left >= around.left && box.right <= around.right + 1
      && box.top >= around.top - 1 && box.bottom <= around.bottom + 1};
})"""

_PIXELS = """async ([picture, boxes]) => {
  const image = new Image();
  image.src = "data:image/png;base64," + picture;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = image.width; canvas.height = image.height;
  const drawn = canvas.getContext("2d", {willReadFrequently: true});
  drawn.drawImage(image, 0, 0);
  return boxes.map(({x, y, width, height}) => {
    const edge = drawn.getImageData(x + 3, y + Math.floor(height / 2), 1, 1).data;
    const all = drawn.getImageData(x + 3, y + 3, width - 6, height - 6).data;
    const far = (at) => Math.abs(all[at] - edge[0]) + Math.abs(all[at + 1] - edge[1]) + Math.abs(all[at + 2] - edge[2]);
    let inked = 0;
    for (let at = 0; at < all.length; at += 4) if (far(at) > 200) inked++;
    return {colour: `rgb(${edge[0]}, ${edge[1]}, ${edge[2]})`, inked};
  });
}"""


@pytest.fixture(scope="package")
def canvas(browser: Browser) -> Page:
    """A page of its own, on which a picture can be measured: the dashboard's policy allows no image."""
    return browser.new_page()


@pytest.mark.parametrize("locale", ["en", "ja"])
@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_shows_what_it_should(browser: Browser, canvas: Page, name: str, locale: str) -> None:
    expected = EXPECTED / f"{name}.{locale}.txt"
    page = browser.new_page(viewport={"width": WIDTHS[0], "height": 600})
    with dashboard_of(Cloud(PICTURES[name])) as address:
        for theme, background in BACKGROUNDS.items():
            open_page(page, address, locale=locale, theme=theme)
            assert page.evaluate("getComputedStyle(document.body).backgroundColor") == background
            shown = page.evaluate(_TABLE) + "\n"
            if os.environ.get("UPDATE_PICTURES"):
                EXPECTED.mkdir(exist_ok=True)
                expected.write_text(shown)
            assert shown == expected.read_text()
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 600})
                look_at_the_badges(page, canvas)
    page.close()


def look_at_the_badges(page: Page, canvas: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing is beyond the edge"
    boxes: list[dict[str, Any]] = page.evaluate(_BOXES)
    picture = base64.b64encode(page.screenshot(full_page=True)).decode()
    pixels: list[dict[str, Any]] = canvas.evaluate(_PIXELS, [picture, boxes])
    assert len(boxes) >= 10
    for box, seen in zip(boxes, pixels, strict=True):
        assert box["isWithin"], box
        assert seen["colour"] == box["colour"], (box, seen)
        assert seen["inked"] > 20, f"no word can be seen: {box} {seen}"
