"""The real steps on modelled AWS."""

from collections.abc import Iterator

import pytest

from testbed.model.code import Code, stand_still


@pytest.fixture(scope="session")
def known_code() -> Code:
    """What was learnt of the code is kept from test to test."""
    return Code()


@pytest.fixture
def code(known_code: Code) -> Iterator[Code]:
    with stand_still():
        yield known_code
