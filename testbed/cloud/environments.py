"""Lambda's Python execution environments: each a process of its own, forked from one that has imported botocore.

Importing it is most of a cold start, and the drills of one test run have some 150 of them on two cores. Everything that
a function can see is its own: the module's code, its variables, its globals. That a real cold start imports everything
itself costs time and nothing else: a profile with whole cold starts has it, where time is what is measured.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ministack.core import lambda_runtime

_FORK_SERVER = Path(__file__).with_name("fork_server.py")
_LAYERS = "_LAMBDA_LAYERS_DIRS"

_lock = threading.Lock()
_servers: dict[str, _ForkServer] = {}


def install(*, are_cold_starts_whole: bool) -> None:
    """Has the emulator's workers forked instead of started, unless they are to import everything themselves."""
    if not are_cold_starts_whole:
        lambda_runtime.subprocess = SimpleNamespace(**{**vars(subprocess), "Popen": _start})


def _start(arguments: Sequence[str], *, env: Mapping[str, str], cwd: str, **options: Any) -> Any:
    """What the emulator calls to start a worker, in place of subprocess.Popen."""
    if arguments[0] != sys.executable:
        return subprocess.Popen(arguments, env=env, cwd=cwd, **options)
    layers = env.get(_LAYERS, "")
    with _lock:
        if layers not in _servers:
            _servers[layers] = _ForkServer([layer for layer in layers.split(os.pathsep) if layer])
        return _servers[layers].fork(arguments[1], env, cwd)


class _ForkServer:
    """The process to fork from, for functions with these layers."""

    def __init__(self, layers: Sequence[str]) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            subprocess.Popen(
                [sys.executable, "-P", str(_FORK_SERVER), str(theirs.fileno()), *layers], pass_fds=[theirs.fileno()]
            )

    def fork(self, script: str, environment: Mapping[str, str], directory: str) -> _Environment:
        request = {"script": script, "environment": dict(environment), "directory": directory}
        (their_stdin, our_stdin), (our_stdout, their_stdout), (our_stderr, their_stderr) = (os.pipe() for _ in range(3))
        theirs = (their_stdin, their_stdout, their_stderr)
        try:
            socket.send_fds(self._socket, [json.dumps(request).encode()], theirs)
            answer = self._socket.recv(32)
            if not answer:
                raise RuntimeError("The process that Lambda's environments are forked from has ended; see its stderr.")
            pid = int(answer)
            descriptor = os.pidfd_open(pid)
        finally:
            for number in theirs:
                os.close(number)
        return _Environment(pid, descriptor, (our_stdin, our_stdout, our_stderr))


class _Environment:
    """What the emulator uses of subprocess.Popen: three pipes, in lines, and the process's end."""

    def __init__(self, pid: int, descriptor: int, pipes: Sequence[int]) -> None:
        self.pid = pid
        self._descriptor = descriptor
        self.stdin = os.fdopen(pipes[0], "w", buffering=1)
        self.stdout = os.fdopen(pipes[1])
        self.stderr = os.fdopen(pipes[2])

    def poll(self) -> int | None:
        """0 when the process is over, however it ended; the emulator asks only whether it is."""
        return 0 if self._is_over(0.0) else None

    def wait(self, timeout: float) -> int:
        if not self._is_over(timeout):
            raise subprocess.TimeoutExpired(str(self.pid), timeout)
        return 0

    def _is_over(self, timeout: float) -> bool:
        end = select.poll()
        end.register(self._descriptor, select.POLLIN)
        return bool(end.poll(timeout * 1000))

    def terminate(self) -> None:
        signal.pidfd_send_signal(self._descriptor, signal.SIGTERM)

    def kill(self) -> None:
        signal.pidfd_send_signal(self._descriptor, signal.SIGKILL)

    def __del__(self) -> None:
        os.close(self._descriptor)
