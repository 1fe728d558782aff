"""The page of `make dashboard`, asked over HTTP; the widget's function is a stand-in."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from botocore.exceptions import EndpointConnectionError

from testbed.run.dashboard import CloudCaller, serving_dashboard


class FakeFunctions:
    def __init__(self) -> None:
        self.answer: Any = '<div class="gf">both nodes</div>'
        self.error = ""
        self.is_gone = False
        self.events: list[dict[str, Any]] = []
        self.called: list[str] = []

    def invoke(self, FunctionName: str, Payload: str) -> dict[str, Any]:  # noqa: N803
        self.called.append(FunctionName)
        if self.is_gone:
            raise EndpointConnectionError(endpoint_url="http://127.0.0.1:1")
        self.events.append(json.loads(Payload))
        said: dict[str, Any] = {"Payload": io.BytesIO(json.dumps(self.answer).encode())}
        return said | ({"FunctionError": self.error} if self.error else {})


@pytest.fixture
def functions() -> FakeFunctions:
    return FakeFunctions()


@pytest.fixture
def viewers() -> FakeFunctions:
    """The functions as somebody else calls them."""
    return FakeFunctions()


@pytest.fixture
def address(functions: FakeFunctions, viewers: FakeFunctions) -> Iterator[str]:
    callers = {"operator": functions, "viewer": viewers}
    people: Any = {who: CloudCaller(SimpleNamespace(functions=fake)) for who, fake in callers.items()}  # type: ignore[arg-type]
    with serving_dashboard(people, "garoon-show-cluster") as (served, is_looked_at):
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
    assert 'query = "locale=ja&theme=dark&who=operator"' in page


def test_the_widget_is_called_as_cloudwatch_calls_it(address: str, functions: FakeFunctions) -> None:
    assert fetch(address, "widget?locale=ja&theme=dark")[0] == '<div class="gf">both nodes</div>'
    [event] = functions.events
    assert (event["widgetContext"]["locale"], event["widgetContext"]["theme"]) == ("ja", "dark")
    assert functions.called == ["garoon-show-cluster"]


def test_no_script_runs_but_the_page_s_own(address: str) -> None:
    page, policy = fetch(address)
    [nonce] = re.findall('<script nonce="([0-9a-f]{64})">', page)
    assert policy == f"default-src 'none'; style-src 'unsafe-inline'; script-src 'nonce-{nonce}'; connect-src 'self';"
    assert "script-src" not in fetch(address, "widget")[1]


def test_what_is_asked_for_gets_into_the_page_only_if_it_is_one_of_the_choices(address: str) -> None:
    page, _ = fetch(address, "?locale=%22%3E%3Cscript%3E&theme=x&who=root")
    assert '<html lang="en">' in page
    assert '<body class="light">' in page
    assert "who=operator" in page
    assert "who=root" not in page


@pytest.mark.parametrize(("answer", "error"), [({"errorMessage": "No."}, "Unhandled"), ({"is": "no page"}, "")])
def test_a_function_that_fails_is_told(address: str, functions: FakeFunctions, answer: Any, error: str) -> None:
    functions.answer, functions.error = answer, error
    with pytest.raises(HTTPError) as told:
        fetch(address, "widget")
    assert told.value.code == 502
    assert "The function failed" in told.value.read().decode()


def test_a_cloud_that_is_gone_is_told(address: str, functions: FakeFunctions) -> None:
    functions.is_gone = True
    with pytest.raises(HTTPError, match="502"):
        fetch(address, "widget")


def test_there_is_nothing_else(address: str) -> None:
    with pytest.raises(HTTPError, match="404"):
        fetch(address, "etc/passwd")


# --- presses --------------------------------------------------------------------------------------------------------

PRESS = {"endpoint": "arn:aws:lambda:r:1:function:garoon-operate", "given": {"press": {"action": "rejoin"}}}


def press(address: str, sign: str, query: str = "", asked: Any = PRESS) -> str:
    request = Request(f"{address}call{query}", json.dumps(asked).encode(), {"X-Page": sign})
    with urlopen(request, timeout=10) as answer:
        return str(answer.read().decode())


def sign_of(address: str) -> str:
    [sign] = re.findall('<script nonce="([0-9a-f]{64})">', fetch(address)[0])
    return str(sign)


def test_a_press_calls_the_function_that_the_widget_names_with_what_it_says(
    address: str, functions: FakeFunctions, viewers: FakeFunctions
) -> None:
    assert press(address, sign_of(address), "?locale=ja") == functions.answer
    [event] = functions.events
    assert (functions.called, event["press"]) == ([PRESS["endpoint"]], {"action": "rejoin"})
    assert event["widgetContext"]["locale"] == "ja"
    assert viewers.called == []


def test_it_calls_as_whoever_was_chosen(address: str, functions: FakeFunctions, viewers: FakeFunctions) -> None:
    press(address, sign_of(address), "?who=viewer")
    assert (functions.called, viewers.called) == ([], [PRESS["endpoint"]])


@pytest.mark.parametrize("path", ["call", "widget", ""])
def test_another_page_presses_nothing(address: str, functions: FakeFunctions, path: str) -> None:
    for sign in ("", "0" * 64):
        with pytest.raises(HTTPError, match="403"):
            urlopen(Request(address + path, json.dumps(PRESS).encode(), {"X-Page": sign}), timeout=10)
    assert functions.called == []


def test_no_press_is_endless(address: str, functions: FakeFunctions) -> None:
    with pytest.raises(HTTPError, match="403"):
        press(address, sign_of(address), asked={**PRESS, "given": "x" * 200_000})
    assert functions.called == []
