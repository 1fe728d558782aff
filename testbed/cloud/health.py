"""The verdict of a load balancer on a target."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Health:
    """What DescribeTargetHealth says of a target."""

    state: str
    reason: str = ""
    description: str = ""


INITIAL = Health("initial", "Elb.InitialHealthChecking", "Initial health checks in progress")

Judge = Callable[[str], Health]
"""What a load balancer that is there for real holds of the target with that address."""
