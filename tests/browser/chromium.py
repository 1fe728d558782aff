"""A real Chromium without a window: Debian's, driven by Playwright."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

REQUIRED = "GAROON_BROWSER_TEST"
"""A variable of the environment: without a browser the tests fail, and are not skipped."""


@contextmanager
def running_chromium() -> Iterator[Browser]:
    """Where there is none, the test that asks is skipped with a sentence."""
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        missing = "There is no Chromium here: apt-get install chromium fonts-ipafont-gothic"
        if os.environ.get(REQUIRED):
            pytest.fail(missing)
        pytest.skip(missing)
    # Chromium's sandbox takes no root.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        # What is waited for comes at once, but on a machine that does much else.
        expect.set_options(timeout=60_000)
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()
