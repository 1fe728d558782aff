"""One browser for all tests of a worker."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.chromium import running_chromium


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with running_chromium() as running:
        yield running
