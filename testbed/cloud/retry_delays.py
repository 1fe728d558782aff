"""How long Step Functions waits before it retries a state.

Follows, in the Step Functions Developer Guide: "Handling errors in Step Functions workflows", IntervalSeconds,
BackoffRate, MaxDelaySeconds, JitterStrategy.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any


def retry_delay_seconds(retrier: Mapping[str, Any], retries_so_far: int) -> float:
    """The wait before the next retry."""
    delay = float(retrier.get("IntervalSeconds", 1)) * float(retrier.get("BackoffRate", 2.0)) ** retries_so_far
    delay = min(delay, float(retrier.get("MaxDelaySeconds", delay)))
    return random.uniform(0.0, delay) if retrier.get("JitterStrategy") == "FULL" else delay
