"""Pictures of the dashboard while a drill runs, each of another moment, as whoever watches `make dashboard` sees it.

They lie in build/pictures; with UPDATE_PICTURES=1 in docs/pictures, where the documents show them.
"""

from __future__ import annotations

import os
import re
import threading
from pathlib import Path

from playwright.sync_api import Page

from tests.browser.chromium import running_chromium
from tests.browser.pictures import FOLDER, open_page, screenshot

_BUILT = Path(__file__).parents[2] / "build/pictures"
_LOOK_MILLISECONDS = 250


def moment_of(page: Page) -> str:
    """The step that is at work; else who is active. Between pictures nothing."""
    text = page.locator("#widget").inner_text()
    step = re.search(r"▲ ([A-Z]\w+)", text)
    active = re.search(r"(db-0\d): active", text)
    return step[1] if step else f"{active[1]}-active" if active else ""


class Film:
    """Looks at the page beside the drill until it is closed; Playwright wants a thread of its own for that."""

    def __init__(self, name: str, address: str) -> None:
        self._name, self._address = name, address
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._roll)
        self.moments: list[str] = []
        """In their order; each once."""

    def __enter__(self) -> Film:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _roll(self) -> None:
        folder = FOLDER if os.environ.get("UPDATE_PICTURES") else _BUILT
        with running_chromium() as browser:
            page = browser.new_page(viewport={"width": 900, "height": 400})
            open_page(page, self._address, locale="en", theme="light")
            while not self._is_over.is_set():
                if (moment := moment_of(page)) and moment not in self.moments:
                    screenshot(page, folder / f"{self._name}-{moment}.png")
                    self.moments.append(moment)
                page.wait_for_timeout(_LOOK_MILLISECONDS)
