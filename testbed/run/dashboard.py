"""`make dashboard`: the dashboard's widget of the deployed stack, on a page of its own.

The page calls the widget's function as CloudWatch does, with a `widgetContext`, and shows the HTML that it answers.
As CloudWatch it runs no script that comes with it: the page's policy allows none but the page's own.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from testbed.stack.deployment import REPOSITORY, Stack
from testbed.stack.endpoint import Clients

LOCALES = ("en", "ja")
THEMES = ("light", "dark")
_REFRESH_MILLISECONDS = 2000
_EXAMPLE = REPOSITORY / "events/dashboard-widget.json"
"""What CloudWatch calls the function with."""


class WidgetError(RuntimeError):
    """The widget's function did not answer; the message says why."""


def call_widget(clients: Clients, stack: Stack, locale: str, theme: str) -> str:
    """The widget's HTML. Raises WidgetError."""
    event = json.loads(_EXAMPLE.read_text())
    event["widgetContext"] |= {"locale": locale, "theme": theme}
    try:
        answer = clients.functions.invoke(
            FunctionName=stack.outputs["ShowClusterFunctionName"], Payload=json.dumps(event)
        )
    except (BotoCoreError, ClientError) as error:
        raise WidgetError(str(error)) from error
    said: Any = json.loads(answer["Payload"].read())
    if "FunctionError" in answer or not isinstance(said, str):
        raise WidgetError(f"The widget's function failed: {said}")
    return said


@contextmanager
def serving_dashboard(clients: Clients, stack: Stack) -> Iterator[tuple[str, threading.Event]]:
    """The page's address while it is served, on loopback, and what is set once somebody has looked."""
    is_looked_at = threading.Event()

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            asked = parse_qs(parts.query)
            locale, theme = _one_of(LOCALES, asked.get("locale")), _one_of(THEMES, asked.get("theme"))
            match parts.path:
                case "/":
                    self._answer(
                        HTTPStatus.OK, "text/html", make_page(locale, theme, nonce := secrets.token_hex()), nonce
                    )
                case "/widget":
                    try:
                        self._answer(HTTPStatus.OK, "text/html", call_widget(clients, stack, locale, theme))
                    except WidgetError as error:
                        self._answer(HTTPStatus.BAD_GATEWAY, "text/plain", str(error))
                    is_looked_at.set()
                case _:
                    self._answer(HTTPStatus.NOT_FOUND, "text/plain", "There is / and /widget.")

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


def _one_of(allowed: tuple[str, ...], given: list[str] | None) -> str:
    return given[0] if given and given[0] in allowed else allowed[0]


def make_page(locale: str, theme: str, nonce: str) -> str:
    """The page around the widget, in one of LOCALES and of THEMES; it asks for the widget again and again."""
    choices = " ".join(
        f'<a href="/?locale={one}&amp;theme={other}">{one}, {other}</a>' for one in LOCALES for other in THEMES
    )
    return f"""<!doctype html>
<html lang="{locale}"><meta charset="utf-8"><title>Garoon failover</title>
<style>
body {{ font: 14px/1.4 sans-serif; margin: 16px }}
body.light {{ background: #ffffff; color: #16191f }} body.dark {{ background: #0f1b2a; color: #d1d5db }}
a {{ color: inherit }}
</style>
<body class="{theme}"><p>{choices} <span id="said"></span></p><div id="widget"></div>
<script nonce="{nonce}">
async function look() {{
  try {{
    const answer = await fetch("/widget?locale={locale}&theme={theme}");
    const text = await answer.text();
    if (answer.ok) document.getElementById("widget").innerHTML = text;
    document.getElementById("said").textContent = answer.ok ? "" : text;
  }} catch (error) {{
    document.getElementById("said").textContent = "The local cloud has ended.";
  }}
  setTimeout(look, {_REFRESH_MILLISECONDS});
}}
look();
</script></body></html>
"""
