"""What the dashboard's widget costs whoever looks, on the local cloud: its time, cold and warm, and its size."""

from __future__ import annotations

import time
from typing import NamedTuple

from testbed.run.bed import running_testbed
from testbed.run.dashboard import CloudCaller
from testbed.world.profiles import load_profile


class Looks(NamedTuple):
    cold_seconds: float
    """The first call after the deployment: the function starts, and its clients."""
    warm_seconds: list[float]
    bytes: int


def measure(runs: int) -> Looks:
    """Both nodes are asked over Run Command each time, as in CloudWatch."""
    with running_testbed(load_profile("fast"), lambda _what: None) as bed:
        caller, widget = CloudCaller(bed.clients), bed.stack.outputs["ShowClusterFunctionName"]
        seconds, size = [], 0
        for _ in range(runs + 1):
            began = time.monotonic()
            size = max(size, len(caller.call(widget, {}).encode()))
            seconds.append(time.monotonic() - began)
    return Looks(seconds[0], seconds[1:], size)
