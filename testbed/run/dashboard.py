"""`make dashboard`: the dashboard's widget of the deployed stack, on a page of its own.

The page calls the widget's function as CloudWatch does, with a `widgetContext`, shows the HTML that it answers, and
does what the HTML's <cwdb-action> elements say: asks, calls, shows the answer. It calls with the rights of whoever
looks, who is chosen on the page. No script runs that comes with the HTML: the page's policy allows its own.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from string import Template
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from testbed.stack.deployment import REPOSITORY, Stack
from testbed.stack.endpoint import Clients
from testbed.stack.people import OPERATOR, VIEWER, somebody

LOCALES = ("en", "ja")
THEMES = ("light", "dark")
_REFRESH_MILLISECONDS = 2000
_LONGEST_CALL = 100_000
_EXAMPLE = REPOSITORY / "events/dashboard-widget.json"
"""What CloudWatch calls the function with."""
_PAGE = Template(Path(__file__).with_name("dashboard.html").read_text())
_WORDS = {
    "en": {"confirm": "Confirm", "cancel": "Cancel", "close": "Close"},
    "ja": {"confirm": "確認", "cancel": "キャンセル", "close": "閉じる"},
}


class WidgetError(RuntimeError):
    """A function did not answer with a page; the message says why."""


class Caller(Protocol):
    """Calls functions with somebody's rights."""

    def call(self, function: str, event: dict[str, Any]) -> str:
        """The page that the function answers. Raises WidgetError, with what CloudWatch would show."""


@dataclass(frozen=True)
class CloudCaller:
    """Of the local cloud."""

    clients: Clients

    def call(self, function: str, event: dict[str, Any]) -> str:
        try:
            answer = self.clients.functions.invoke(FunctionName=function, Payload=json.dumps(event))
        except (BotoCoreError, ClientError) as error:
            raise WidgetError(str(error)) from error
        said: Any = json.loads(answer["Payload"].read())
        if "FunctionError" in answer or not isinstance(said, str):
            raise WidgetError(f"The function failed: {said}")
        return said


@dataclass(frozen=True)
class _Choice:
    """What somebody chose on the page; the first of each if it is none of the choices."""

    locale: str
    theme: str
    who: str

    @classmethod
    def of(cls, query: str, people: Mapping[str, Caller]) -> _Choice:
        asked = parse_qs(query)

        def one_of(allowed: tuple[str, ...], name: str) -> str:
            given = asked.get(name)
            return given[0] if given and given[0] in allowed else allowed[0]

        return cls(one_of(LOCALES, "locale"), one_of(THEMES, "theme"), one_of(tuple(people), "who"))

    def event(self, given: dict[str, Any]) -> dict[str, Any]:
        event: dict[str, Any] = json.loads(_EXAMPLE.read_text())
        event["widgetContext"] |= {"locale": self.locale, "theme": self.theme}
        return given | event


@contextmanager
def serving_dashboard(people: Mapping[str, Caller], widget: str) -> Iterator[tuple[str, threading.Event]]:
    """The page's address while it is served, on loopback, and what is set once somebody has looked.

    `people` are those as whom one can look, by name; `widget` is the function that draws it.
    """
    is_looked_at = threading.Event()
    nonce = secrets.token_hex()

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            choice = _Choice.of(parts.query, people)
            if parts.path == "/":
                self._answer(HTTPStatus.OK, "text/html", _make_page(choice, tuple(people), nonce), nonce)
            elif parts.path == "/widget":
                self._call(choice, widget, {})
                is_looked_at.set()
            else:
                self._answer(HTTPStatus.NOT_FOUND, "text/plain", "There is / and /widget.")

        def do_POST(self) -> None:
            parts = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            # Another page of the browser does not know the sign, and may not send the header.
            if parts.path != "/call" or self.headers.get("X-Page") != nonce or length > _LONGEST_CALL:
                self._answer(HTTPStatus.FORBIDDEN, "text/plain", "Only the page itself may call.")
                return
            asked = json.loads(self.rfile.read(length))
            self._call(_Choice.of(parts.query, people), asked["endpoint"], asked["given"])

        def _call(self, choice: _Choice, function: str, given: dict[str, Any]) -> None:
            try:
                said = people[choice.who].call(function, choice.event(given))
                self._answer(HTTPStatus.OK, "text/html", said)
            except WidgetError as error:
                self._answer(HTTPStatus.BAD_GATEWAY, "text/plain", str(error))

        def _answer(self, status: HTTPStatus, kind: str, text: str, nonce: str = "") -> None:
            body = text.encode()
            script = f" script-src 'nonce-{nonce}'; connect-src 'self';" if nonce else ""
            self.send_response(status)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.send_header("Content-Security-Policy", f"default-src 'none'; style-src 'unsafe-inline';{script}")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *_arguments: object) -> None:
            """A look every two seconds is nothing to tell of."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/", is_looked_at
        finally:
            server.shutdown()
            thread.join()


def _make_page(choice: _Choice, people: tuple[str, ...], nonce: str) -> str:
    """The page around the widget; it asks for the widget again and again."""
    choices = " ".join(
        f'<a href="/?locale={locale}&amp;theme={theme}&amp;who={escape(who)}">{locale}, {theme}, {escape(who)}</a>'
        for locale in LOCALES
        for theme in THEMES
        for who in people
    )
    return _PAGE.substitute(
        _WORDS[choice.locale],
        locale=choice.locale,
        theme=choice.theme,
        who=choice.who,
        choices=choices,
        nonce=nonce,
        refresh=_REFRESH_MILLISECONDS,
    )


@contextmanager
def serving_dashboard_of(clients: Clients, stack: Stack) -> Iterator[tuple[str, threading.Event]]:
    """The deployed widget, for somebody who may operate and somebody who may only look."""
    with (
        somebody(clients, stack, "dashboard-operator", OPERATOR) as operator,
        somebody(clients, stack, "dashboard-viewer", VIEWER) as viewer,
    ):
        sessions = {"operator": operator, "viewer": viewer}
        people = {who: CloudCaller(Clients(clients.endpoint, session)) for who, session in sessions.items()}
        with serving_dashboard(people, stack.outputs["ShowClusterFunctionName"]) as served:
            yield served
