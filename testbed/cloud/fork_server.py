"""The process that Lambda's Python environments are forked from: it has imported what every function imports.

`python -P fork_server.py SOCKET LAYER...`, where SOCKET is the number of an inherited descriptor. A request is a JSON
object with the descriptors of a new environment's stdin, stdout and stderr; the answer is its process number. Nothing
that looks at the environment when it is imported is imported here: that is for the fork, which has the function's own
variables. Ends with its socket.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import runpy
import socket
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

PRELOADED = ("boto3", "pydantic", "aws_lambda_powertools", "failover.models")
"""What takes long and is in the layer of every function; a layer may lack it."""
LONGEST_REQUEST = 1 << 17


def main(number: int, layers: list[str]) -> None:
    """Forks until nobody asks any more."""
    asker = socket.socket(fileno=number)
    own_path = list(sys.path)
    sys.path[:0] = [str(Path(layer) / "python") for layer in layers]
    for module in PRELOADED:
        with suppress(ModuleNotFoundError):
            importlib.import_module(module)
    sys.path[:] = own_path
    gc.freeze()
    while True:
        request, descriptors, _, _ = socket.recv_fds(asker, LONGEST_REQUEST, 3)
        if not request:
            return
        # Not before the next request: until then a fork's number is its own, and the asker has time to hold it.
        _bury_dead_forks()
        pid = os.fork()
        if pid == 0:
            _become(json.loads(request), descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        asker.send(str(pid).encode())


def _bury_dead_forks() -> None:
    with suppress(ChildProcessError):  # there is none, dead or alive
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _become(request: dict[str, Any], descriptors: list[int]) -> None:
    """The rest of a fork's life: the script, as if Python had been started with it. Nobody asks for its status."""
    try:
        for number, descriptor in enumerate(descriptors):
            os.dup2(descriptor, number)
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        os.environ.clear()
        os.environ.update(request["environment"])
        os.chdir(request["directory"])
        script = request["script"]
        sys.argv = [script]
        sys.path.insert(0, str(Path(script).parent))
        with suppress(SystemExit):
            runpy.run_path(script, run_name="__main__")
    except BaseException:  # noqa: BLE001 - what ends a Python process is told on stderr, whatever it is
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
