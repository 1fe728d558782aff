"""One TLS context for all connections: the authorities are loaded once, and still nobody else is trusted."""

import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from botocore import httpsession
from botocore.config import Config
from botocore.exceptions import BotoCoreError, SSLError
from botocore.session import Session
from failover.adapters import tls

from testbed.world.certificates import write_certificate

THREADS = 6
PORTS: dict[str, int] = {}


class Answer(BaseHTTPRequestHandler):
    """An empty list of queues, over a connection that is used once."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Whoever does not trust it hangs up."""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Three servers: one that the bundle vouches for, one that it does not, one with another's address."""
    folder = tmp_path_factory.mktemp("tls")
    servers = []
    for name, address in (("trusted", "127.0.0.1"), ("stranger", "127.0.0.1"), ("misnamed", "10.9.9.9")):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*write_certificate(folder, name, address))
        server = Server(("127.0.0.1", 0), Answer)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        servers.append(server)
        PORTS[name] = server.server_port
    bundle = folder / "bundle.pem"
    bundle.write_text((folder / "trusted.pem").read_text() + (folder / "misnamed.pem").read_text())
    yield bundle
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What was loaded so far, with the one context in use."""
    for name in ("SSLContext", "create_urllib3_context"):
        monkeypatch.setattr(httpsession, name, getattr(httpsession, name))  # what was so before comes back
    seen: list[object] = []
    load = ssl.SSLContext.load_verify_locations

    def counted(self: ssl.SSLContext, cafile: Any = None, capath: Any = None, cadata: Any = None) -> None:
        seen.append(cafile)
        load(self, cafile, capath, cadata)

    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", counted)
    return seen


def make_client(service: str, server: str, bundle: Path, **options: Any) -> Any:
    return Session().create_client(
        service,
        region_name="ap-northeast-1",
        endpoint_url=f"https://127.0.0.1:{PORTS[server]}",
        aws_access_key_id="x",
        aws_secret_access_key="x",
        config=Config(retries={"total_max_attempts": 1}, max_pool_connections=THREADS),
        **{"verify": str(bundle), **options},
    )


def test_all_connections_of_all_clients_load_the_authorities_once(bundle: Path, loads: list[object]) -> None:
    tls.use_one_context()
    clients = [make_client("sqs", "trusted", bundle), make_client("stepfunctions", "trusted", bundle)]
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda client: client.list_queues(), [clients[0]] * THREADS))
    clients[1].list_state_machines()
    assert loads == [str(bundle)]


def test_without_it_each_connection_does(bundle: Path, loads: list[object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where this fails botocore, or urllib3, does it by itself, and failover.adapters.tls may go."""
    original = httpsession.create_urllib3_context
    monkeypatch.setattr(httpsession, "SSLContext", ssl.SSLContext)
    monkeypatch.setattr(httpsession, "create_urllib3_context", getattr(original, "__wrapped__", original))
    client = make_client("sqs", "trusted", bundle)
    for _ in range(2):
        client.list_queues()  # a server that answers in HTTP 1.0 closes the connection
    assert loads == [str(bundle)] * 2


@pytest.mark.parametrize("server", ["stranger", "misnamed"])
def test_whom_the_authorities_do_not_know_by_that_name_is_refused(
    bundle: Path, loads: list[object], server: str
) -> None:
    tls.use_one_context()
    make_client("sqs", "trusted", bundle).list_queues()
    with pytest.raises(SSLError):
        make_client("sqs", server, bundle).list_queues()


def test_nobody_can_switch_verifying_off_for_the_others(bundle: Path, loads: list[object]) -> None:
    tls.use_one_context()
    with pytest.raises(BotoCoreError, match="which verifies"):
        make_client("sqs", "stranger", bundle, verify=False).list_queues()
    with pytest.raises(SSLError):
        make_client("sqs", "stranger", bundle).list_queues()
