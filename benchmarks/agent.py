"""The CloudWatch agent's way with a log file, in simulated time.

Read from amazon-cloudwatch-agent 1.300071: plugins/inputs/logfile (the file is looked at every 250 ms; the last line
is held until the next one, or five ticks of a second), plugins/outputs/cloudwatchlogs/internal/pusher (a batch goes
out one force_flush_interval after its first event).
"""

from __future__ import annotations

import random
from collections.abc import Sequence

POLL_SECONDS = 0.25
NETWORK_SECONDS = (0.05, 0.3)
"""One request to AWS."""


def send_pushed_lines(lines: Sequence[float], flush_seconds: float, source: random.Random) -> list[float]:
    """When lines that were written at these times, in order, have left the node; each is pushed out by a second one."""
    poll_phase = source.uniform(0, POLL_SECONDS)
    sent: list[float] = []
    batch_ends = float("-inf")
    for written in lines:
        seen = written + (poll_phase - written) % POLL_SECONDS
        if seen > batch_ends:
            batch_ends = seen + flush_seconds
        sent.append(batch_ends + source.uniform(*NETWORK_SECONDS))
    return sent
