"""The web tier: two small HTTP servers in place of Apache with Garoon's CGI.

An App server reaches the database and the files only through the virtual IP: it looks up its own subnet's route table,
follows the entry to an interface, and opens connections to that node's real sockets. So a route that points to the
wrong node, a dead node, or a service that is down is seen here as Garoon's users see it, and by the ALB's health
checks.

    GET  /cgi-bin/cbgrn/grn.cgi            200 when the database greets, else 503 (the ALB's health check)
    PUT  /cgi-bin/cbgrn/grn.cgi?memo=ID    stores a memo (its digest in the database) and its attachment (over NFS)
    GET  /cgi-bin/cbgrn/grn.cgi?memo=ID    the attachment, if it is what the memo says
"""

from __future__ import annotations

import base64
import hashlib
import logging
import socket
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from testbed.garoon.installation import (
    DATABASE_PORT,
    GAROON_PATH,
    NFS_PORT,
    VIRTUAL_IP_ROUTE,
    WEB_PORT,
    AppServer,
    Installation,
)
from testbed.stack.endpoint import Clients

_ROUTE_LIFETIME_SECONDS = 0.2  # a route change takes a moment to reach the data plane, in a real VPC too
_log = logging.getLogger(__name__)


class GaroonError(Exception):
    """What Garoon would show its user: why the page could not be made."""


@dataclass(frozen=True)
class VirtualIpPath:
    """The way from one App server's subnet to whoever has the virtual IP now."""

    clients: Clients
    installation: Installation
    subnet_id: str

    def resolve(self) -> str:
        """The eth0 address of the node that the subnet's route points to. Raises GaroonError."""
        try:
            tables = self.clients.ec2.describe_route_tables(
                Filters=[{"Name": "association.subnet-id", "Values": [self.subnet_id]}]
            )["RouteTables"]
        except (BotoCoreError, ClientError) as error:
            raise GaroonError(f"The route table could not be read: {error}") from error
        for route in (route for table in tables for route in table["Routes"]):
            if route.get("DestinationCidrBlock") == VIRTUAL_IP_ROUTE:
                if route.get("State") == "blackhole":
                    raise GaroonError("The virtual IP's route is a blackhole.")
                node = self.installation.node_of_interface(route.get("NetworkInterfaceId"))
                if node is None:
                    raise GaroonError("The virtual IP's route does not lead to a database server.")
                return self.installation.nodes[node].eth0_address
        raise GaroonError("No route leads to the virtual IP.")


class DataService:
    """The simulated hosts' database and NFS servers, spoken to with their small line protocols."""

    def __init__(self, address: str, source: str, timeout_seconds: float) -> None:
        self._address = address
        self._source = source
        self._timeout_seconds = timeout_seconds

    def greet(self) -> None:
        """Raises GaroonError when the database does not greet."""
        with self._connect(DATABASE_PORT) as connection:
            self._read_greeting(connection)

    def write_memo(self, memo: str, digest: str) -> None:
        answer = self._ask(DATABASE_PORT, f"PUT {memo} {digest}")
        if answer != "OK":
            raise GaroonError(f"The database did not store the memo: {answer!r}")

    def read_memo(self, memo: str) -> str | None:
        answer = self._ask(DATABASE_PORT, f"GET {memo}")
        return None if answer == "NONE" else answer

    def write_file(self, name: str, content: bytes) -> None:
        answer = self._ask(NFS_PORT, f"PUT {name} {base64.b64encode(content).decode()}")
        if answer != "OK":
            raise GaroonError(f"The attachment was not stored: {answer!r}")

    def read_file(self, name: str) -> bytes | None:
        answer = self._ask(NFS_PORT, f"GET {name}")
        return None if answer == "NONE" else base64.b64decode(answer)

    def _ask(self, port: int, line: str) -> str:
        try:
            with self._connect(port) as connection:
                if port == DATABASE_PORT:
                    self._read_greeting(connection)
                connection.sendall(line.encode() + b"\n")
                with connection.makefile("rb") as stream:
                    answer = stream.readline()
        except OSError as error:
            raise GaroonError(f"Port {port} of the virtual IP: {error}") from error
        if not answer.endswith(b"\n"):
            raise GaroonError(f"Port {port} of the virtual IP closed the connection without an answer.")
        return answer.decode().strip()

    def _connect(self, port: int) -> socket.socket:
        try:
            return socket.create_connection((self._address, port), self._timeout_seconds, (self._source, 0))
        except OSError as error:
            raise GaroonError(f"Port {port} of the virtual IP: {error}") from error

    @staticmethod
    def _read_greeting(connection: socket.socket) -> None:
        # MySQL's packet header: three bytes of length, least significant first, and a sequence number.
        try:
            header = _read_exactly(connection, 4)
            _read_exactly(connection, int.from_bytes(header[:3], "little"))
        except OSError as error:
            raise GaroonError(f"The database did not greet: {error}") from error


def _read_exactly(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            raise ConnectionResetError("the connection was closed")
        data += part
    return data


class _Garoon:
    """What one App server does with a request."""

    def __init__(self, path: VirtualIpPath, address: str, timeout_seconds: float) -> None:
        self._path = path
        self._address = address
        self._timeout_seconds = timeout_seconds
        self._lock = threading.Lock()
        self._resolved: tuple[float, str] | None = None

    def check(self) -> None:
        self._service().greet()

    def write(self, memo: str, attachment: bytes) -> None:
        service = self._service()
        service.write_file(memo, attachment)
        service.write_memo(memo, hashlib.sha256(attachment).hexdigest())

    def read(self, memo: str) -> bytes:
        service = self._service()
        digest = service.read_memo(memo)
        attachment = service.read_file(memo)
        if digest is None or attachment is None:
            raise GaroonError(f"Memo {memo} or its attachment is missing.")
        if hashlib.sha256(attachment).hexdigest() != digest:
            raise GaroonError(f"The attachment of memo {memo} is not the one that was stored.")
        return attachment

    def _service(self) -> DataService:
        with self._lock:
            now = time.monotonic()
            if self._resolved is None or now - self._resolved[0] > _ROUTE_LIFETIME_SECONDS:
                self._resolved = None
                self._resolved = (now, self._path.resolve())
            return DataService(self._resolved[1], self._address, self._timeout_seconds)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: str, garoon: _Garoon) -> None:
        super().__init__((address, WEB_PORT), _Handler)
        self.garoon = garoon
        self.is_lost = False

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002
        # A health checker that gave up waiting is no news: it shows as an unhealthy target.
        _log.debug("A request of %s was not finished.", client_address, exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def parse_request(self) -> bool:
        # A server that is lost says nothing, whatever it is asked.
        return super().parse_request() and not self.server.is_lost

    def do_GET(self) -> None:
        memo = self._memo()
        try:
            if memo is None:
                self.server.garoon.check()
                self._answer(200, b"Garoon\n")
            else:
                self._answer(200, self.server.garoon.read(memo))
        except GaroonError as error:
            self._answer(503, str(error).encode())

    def do_PUT(self) -> None:
        attachment = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        memo = self._memo()
        if memo is None:
            self._answer(400, b"Which memo?")
            return
        try:
            self.server.garoon.write(memo, attachment)
        except GaroonError as error:
            self._answer(503, str(error).encode())
        else:
            self._answer(200, b"stored\n")

    def log_message(self, format: str, *args: object) -> None:
        _log.debug(format, *args)

    def _memo(self) -> str | None:
        parts = urlsplit(self.path)
        if parts.path != GAROON_PATH:
            return None
        return next(iter(parse_qs(parts.query).get("memo", [])), None)

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")  # as the installation's Apache: KeepAlive Off
        self.end_headers()
        self.wfile.write(body)


class AppServers:
    """All App servers of an installation, serving while the context is open."""

    def __init__(self, clients: Clients, installation: Installation, timeout_seconds: float) -> None:
        self._servers = {
            name: self._make(clients, installation, server, timeout_seconds)
            for name, server in installation.app_servers.items()
        }

    @staticmethod
    def _make(clients: Clients, installation: Installation, server: AppServer, timeout_seconds: float) -> _Server:
        path = VirtualIpPath(clients, installation, server.subnet_id)
        return _Server(server.address, _Garoon(path, server.address, timeout_seconds))

    def __enter__(self) -> Self:
        for server in self._servers.values():
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in self._servers.values():
            server.shutdown()
            server.server_close()

    def lose(self, name: str) -> None:
        """The server answers nothing any more."""
        self._servers[name].is_lost = True

    def restore(self) -> None:
        """Every server answers again."""
        for server in self._servers.values():
            server.is_lost = False
