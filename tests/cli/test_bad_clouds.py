"""Whatever AWS does, a command ends with a sentence, a next step and its exit code."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from testbed.cloud.launch import free_port
from testbed.stack.endpoint import Endpoint
from tests.cli.conftest import Place, run

COMMANDS = [
    ["discover"],
    ["preflight"],
    ["status"],
    ["status", "--json"],
    ["status", "--watch"],
    ["ready"],
    ["plan"],
    ["plan", "--try-rights"],
    ["verify"],
    ["history"],
    ["history", "da8566d2", "--markdown"],
    ["failover", "--yes"],
    ["switchback", "--yes"],
    ["rejoin", "--yes"],
    ["confirm", "yes", "--yes"],
    ["maintenance", "on"],
    ["maintenance", "off"],
]
NEED_A_STACK = [one for one in COMMANDS if one[0] not in ("discover", "preflight")]


class Answers(BaseHTTPRequestHandler):
    """Answers everything with one error."""

    status, code = 403, "AccessDenied"

    def do_POST(self) -> None:
        body = (
            f"<ErrorResponse><Error><Code>{self.code}</Code><Message>You may not.</Message></Error></ErrorResponse>"
        ).encode()
        self.send_response(self.status)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        pass


@pytest.fixture
def refusing() -> Iterator[type[Answers]]:
    handler = type("OneError", (Answers,), {})
    server = HTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    os.environ.update(Endpoint(f"http://127.0.0.1:{server.server_port}").environment())
    yield handler
    server.shutdown()
    server.server_close()


def is_told(err: str) -> bool:
    return "Traceback" not in err and "Next step: " in err


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_cloud_that_refuses(refusing: type[Answers], command: list[str]) -> None:
    answer = run(*command)
    assert answer.code == 3
    assert "AccessDenied: You may not." in answer.err
    assert "view to look, operate to act" in answer.err
    assert is_told(answer.err)
    assert answer.out == ""


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_cloud_that_is_not_there(command: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _seconds: None)  # botocore's pauses between its tries
    port = free_port()
    os.environ.update(Endpoint(f"http://127.0.0.1:{port}").environment())
    answer = run(*command)
    assert answer.code == 3
    assert f"Is http://127.0.0.1:{port} (AWS_ENDPOINT_URL) there?" in answer.err
    assert is_told(answer.err)


def test_a_cloud_that_has_trouble_of_its_own(refusing: type[Answers], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    refusing.status, refusing.code = 503, "ServiceUnavailable"
    answer = run("status")
    assert answer.code == 3
    assert "Try again in a minute" in answer.err


def test_credentials_that_have_expired(refusing: type[Answers]) -> None:
    refusing.code = "ExpiredToken"
    assert "Log in anew" in run("status").err


def test_no_credentials_and_no_region() -> None:
    os.environ |= {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/dev/null"}
    os.environ["AWS_SHARED_CREDENTIALS_FILE"] = "/dev/null"
    assert "--region ap-northeast-1" in run("status").err
    answer = run("--region", "ap-northeast-1", "status")
    assert answer.code == 3
    assert "Log in" in answer.err


@pytest.mark.parametrize("command", NEED_A_STACK, ids=" ".join)
def test_an_account_without_the_stack(standing: Place, command: list[str]) -> None:
    answer = run("--stack", "no-such", *command)
    assert answer.code == 4
    assert "There is no stack no-such in ap-northeast-1." in answer.err
    assert "garoon-failover discover" in answer.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["no-such"], "No such command"),
        (["maintenance", "maybe"], "maybe"),
        (["maintenance", "on", "--minutes", "0"], "--minutes"),
        (["maintenance", "on", "--minutes", "1441"], "--minutes"),
        (["confirm", "perhaps"], "perhaps"),
        (["history", "--markdown"], "is of one execution"),
        (["history", "x", "--markdown", "--json"], "exclude each other"),
        (["history", "--limit", "0"], "--limit"),
    ],
)
def test_a_bad_command_line(arguments: list[str], words: str) -> None:
    answer = run(*arguments)
    assert answer.code == 2
    assert words in answer.err
