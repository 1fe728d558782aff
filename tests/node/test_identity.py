"""Whose machine it is: a copy of a node has everything of it but the instance's id."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.node.node import SCRIPT

FIRMWARE = "sys/devices/virtual/dmi/id/board_asset_tag"


class Metadata:
    """An instance metadata service that wants a token (IMDSv2)."""

    def __init__(self) -> None:
        self.instance_id = "i-0123456789abcdef0"
        self.questions = 0
        self.address = ""


@pytest.fixture
def metadata() -> Iterator[Metadata]:
    metadata = Metadata()

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            assert self.path == "/latest/api/token"
            assert int(self.headers["X-aws-ec2-metadata-token-ttl-seconds"]) > 0
            self._answer(200, "AQAEAtoken==")

        def do_GET(self) -> None:
            metadata.questions += 1
            if self.headers.get("X-aws-ec2-metadata-token") != "AQAEAtoken==":
                self._answer(401, "")
            elif self.path == "/latest/meta-data/instance-id":
                self._answer(200, metadata.instance_id)
            else:
                self._answer(404, "")

        def _answer(self, status: int, text: str) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    metadata.address = f"127.0.0.1/{server.server_port}"
    yield metadata
    server.shutdown()
    server.server_close()


def own_instance_id(root: Path, metadata_server: str) -> str:
    (root / "run").mkdir(exist_ok=True)
    environment = {**os.environ, "GAROON_NODE_ROOT": str(root), "GAROON_NODE_METADATA_SERVER": metadata_server}
    command = ["bash", "-c", f". {SCRIPT}; own_instance_id"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=20, check=True).stdout


def test_firmware_tells_the_instance_without_any_network(tmp_path: Path, metadata: Metadata) -> None:
    (tmp_path / FIRMWARE).parent.mkdir(parents=True)
    (tmp_path / FIRMWARE).write_text("i-0aaaaaaaaaaaaaaaa\n")

    assert own_instance_id(tmp_path, metadata.address) == "i-0aaaaaaaaaaaaaaaa"
    assert metadata.questions == 0


def test_metadata_service_is_asked_once_a_boot_where_the_firmware_says_something_else(
    tmp_path: Path, metadata: Metadata
) -> None:
    (tmp_path / FIRMWARE).parent.mkdir(parents=True)
    (tmp_path / FIRMWARE).write_text("Not Specified\n")

    assert [own_instance_id(tmp_path, metadata.address) for _ in range(2)] == ["i-0123456789abcdef0"] * 2
    assert metadata.questions == 1


@pytest.mark.parametrize("nonsense", ["", "<html>not found</html>", "i-0123456789abcdef0 and more", "i-nonsense"])
def test_nonsense_is_no_identity(tmp_path: Path, metadata: Metadata, nonsense: str) -> None:
    metadata.instance_id = nonsense

    assert own_instance_id(tmp_path, metadata.address) == ""
    assert not (tmp_path / "run/garoon-node.instance").exists()


def test_nobody_who_knows_is_no_identity(tmp_path: Path) -> None:
    assert own_instance_id(tmp_path, "127.0.0.1/1") == ""
