"""What whole invocations take: the functions that ask the most, as fresh processes, over TLS as on Lambda.

The local cloud speaks HTTP, in which nothing of TLS is seen; so a front before it speaks TLS. The authorities are
botocore's own, and one more that vouches for the front.
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import botocore

from benchmarks import processes
from benchmarks.layer import ROOT
from testbed.garoon.installation import CLUSTER
from testbed.run.bed import running_testbed
from testbed.world.certificates import write_certificate
from testbed.world.profiles import load_profile

_EXECUTION = "arn:aws:states:ap-northeast-1:000000000000:execution:garoon-failover:benchmark"
EVENTS: Mapping[str, Mapping[str, Any]] = {
    "assess_cluster": {
        "execution": _EXECUTION,
        "workflow": "failover",
        "trigger": {"kind": "operator", "reason": "A benchmark."},
        "record": {"active": "db-01", "epoch": 0},
    },
    "check_readiness": {},
    "show_cluster": {},
}
"""Those with the most clients and threads. They change nothing."""


@dataclass
class Invocations:
    processor_seconds: list[float] = field(default_factory=list)
    megabytes: float = 0.0
    """The most memory that any of them held."""


def measure(layer: Path, runs: int) -> dict[str, Invocations]:
    """Each of the functions, in turn, each time in a new process. Raises RuntimeError if one fails."""
    found = {name: Invocations() for name in EVENTS}
    with running_testbed(load_profile("fast"), lambda _what: None) as bed:
        endpoint = bed.clients.endpoint
        with _tls_front(endpoint.url, bed.world.directory) as (url, authorities):
            for _ in range(runs):
                for name, invocations in found.items():
                    function = f"{CLUSTER}-{name.replace('_', '-')}"
                    configured = bed.clients.functions.get_function_configuration(FunctionName=function)
                    environment = {
                        **endpoint.environment(),
                        **configured["Environment"]["Variables"],
                        "AWS_ENDPOINT_URL": url,
                        "AWS_CA_BUNDLE": str(authorities),
                    }
                    seconds, megabytes = _invoke(name, layer, environment)
                    invocations.processor_seconds.append(seconds)
                    invocations.megabytes = max(invocations.megabytes, megabytes)
    return found


def _invoke(name: str, layer: Path, environment: Mapping[str, str]) -> tuple[float, float]:
    function = ROOT / "functions" / name
    ended = processes.run(
        [sys.executable, "-S", "-B", str(ROOT / "benchmarks/invoke_once.py"), json.dumps(EVENTS[name])],
        {
            **environment,
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join((str(function), str(layer))),
            "LAMBDA_TASK_ROOT": str(function),
        },
        function,
    )
    return ended.processor_seconds, int(ended.output.splitlines()[-1]) / 1024


@contextmanager
def _tls_front(url: str, folder: Path) -> Iterator[tuple[str, Path]]:
    """The URL of what passes everything on to `url`, and the authorities who know it."""
    certificate, key = write_certificate(folder, "front", "127.0.0.1")
    authorities = folder / "authorities.pem"
    own = Path(botocore.__file__).parent / "cacert.pem"
    authorities.write_text(own.read_text() + certificate.read_text())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    loop = asyncio.new_event_loop()

    async def pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
        target.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_cloud, to_cloud = await asyncio.open_connection(urlsplit(url).hostname, urlsplit(url).port)
        ways = (pass_on(reader, to_cloud), pass_on(from_cloud, writer))
        await asyncio.gather(*ways, return_exceptions=True)  # who hangs up in the middle is of no interest

    server = loop.run_until_complete(asyncio.start_server(serve, "127.0.0.1", 0, ssl=context))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}", authorities
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        loop.close()
