"""The controller on virtual time, for the tests of one module."""

from collections.abc import Iterator

import pytest

from testbed.campaign.install import Controller, installed


@pytest.fixture(scope="module")
def controller() -> Iterator[Controller]:
    with installed() as real:
        yield real
