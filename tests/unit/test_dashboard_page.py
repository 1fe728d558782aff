"""The page of `make dashboard`, asked over HTTP; the widget's function is a stand-in."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from botocore.exceptions import EndpointConnectionError

from testbed.run.dashboard import serving_dashboard


class FakeFunctions:
    def __init__(self) -> None:
        self.answer: Any = '<div class="gf">both nodes</div>'
        self.error = ""
        self.is_gone = False
        self.events: list[dict[str, Any]] = []

    def invoke(self, FunctionName: str, Payload: str) -> dict[str, Any]:  # noqa: N803
        assert FunctionName == "garoon-show-cluster"
        if self.is_gone:
            raise EndpointConnectionError(endpoint_url="http://127.0.0.1:1")
        self.events.append(json.loads(Payload))
        said: dict[str, Any] = {"Payload": io.BytesIO(json.dumps(self.answer).encode())}
        return said | ({"FunctionError": self.error} if self.error else {})


@pytest.fixture
def functions() -> FakeFunctions:
    return FakeFunctions()


@pytest.fixture
def address(functions: FakeFunctions) -> Iterator[str]:
    clients: Any = SimpleNamespace(functions=functions)
    stack: Any = SimpleNamespace(outputs={"ShowClusterFunctionName": "garoon-show-cluster"})
    with serving_dashboard(clients, stack) as (served, is_looked_at):
        assert not is_looked_at.is_set()
        yield served


def fetch(address: str, path: str = "") -> tuple[str, str]:
    """What came, and the page's policy."""
    with urlopen(address + path, timeout=10) as answer:
        return answer.read().decode(), answer.headers["Content-Security-Policy"]


def test_the_page_asks_for_the_widget_in_the_language_and_theme_chosen(address: str) -> None:
    page, _ = fetch(address, "?locale=ja&theme=dark")
    assert '<html lang="ja">' in page
    assert '<body class="dark">' in page
    assert 'fetch("/widget?locale=ja&theme=dark")' in page


def test_the_widget_is_called_as_cloudwatch_calls_it(address: str, functions: FakeFunctions) -> None:
    assert fetch(address, "widget?locale=ja&theme=dark")[0] == '<div class="gf">both nodes</div>'
    [event] = functions.events
    assert (event["widgetContext"]["locale"], event["widgetContext"]["theme"]) == ("ja", "dark")


def test_no_script_runs_but_the_page_s_own(address: str) -> None:
    page, policy = fetch(address)
    [nonce] = re.findall('<script nonce="([0-9a-f]{64})">', page)
    assert policy == f"default-src 'none'; style-src 'unsafe-inline'; script-src 'nonce-{nonce}'; connect-src 'self';"
    assert fetch(address)[0] != page
    assert "script-src" not in fetch(address, "widget")[1]


def test_what_is_asked_for_gets_into_the_page_only_if_it_is_one_of_the_choices(address: str) -> None:
    page, _ = fetch(address, "?locale=%22%3E%3Cscript%3E&theme=x")
    assert '<html lang="en">' in page
    assert '<body class="light">' in page


@pytest.mark.parametrize(("answer", "error"), [({"errorMessage": "No."}, "Unhandled"), ({"is": "no page"}, "")])
def test_a_function_that_fails_is_told(address: str, functions: FakeFunctions, answer: Any, error: str) -> None:
    functions.answer, functions.error = answer, error
    with pytest.raises(HTTPError) as told:
        fetch(address, "widget")
    assert told.value.code == 502
    assert "The widget's function failed" in told.value.read().decode()


def test_a_cloud_that_is_gone_is_told(address: str, functions: FakeFunctions) -> None:
    functions.is_gone = True
    with pytest.raises(HTTPError, match="502"):
        fetch(address, "widget")


def test_there_is_nothing_else(address: str) -> None:
    with pytest.raises(HTTPError, match="404"):
        fetch(address, "etc/passwd")
