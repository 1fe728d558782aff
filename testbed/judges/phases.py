"""How long each part of a recovery took, from what was seen outside the controller."""

from __future__ import annotations

from collections.abc import Sequence

from testbed.judges.history import Execution, Sample
from testbed.stack.steps import STEPS

_STEPS = {step.state: step.phase for step in STEPS if step.phase is not None}
"""State -> phase. With its retries: a step that waits does so by failing with NotYet."""


def measure_phases(
    decisive: Execution | None, samples: Sequence[Sample], broken_at: float, served_again_at: float | None
) -> dict[str, float]:
    """Seconds by phase, those that took place, in their order.

    `detect` and `firstGoodRequest` count from the failure; `promote` ends when the replica is primary, `mount` when its
    file system is mounted, `startServices` when all of them answer. The promotion begins the database:
    `databaseRecovery` counts from the mount until it takes connections, beside the phases that follow.
    """
    phases: dict[str, float] = {}
    database_begun_at: float | None = None
    if decisive is not None:
        phases["detect"] = decisive.started_at - broken_at
        for state, phase in _STEPS.items():
            steps = [step for step in decisive.steps if step.state == state and step.ended_at is not None]
            if not steps:
                continue
            start, end = steps[0].started_at, max(step.ended_at or 0.0 for step in steps)
            primary_at = _first(samples, start, end, "is_primary") if phase == "promote" else None
            mounted_at = _first(samples, start, end, "is_mounted") if phase == "promote" else None
            # One phase may be two states'.
            phases[phase] = phases.get(phase, 0.0) + (primary_at or end) - start
            if primary_at is not None and mounted_at is not None:
                phases["mount"], database_begun_at = mounted_at - primary_at, mounted_at
            if phase == "startServices":
                begun_at = start if database_begun_at is None else database_begun_at
                database_at = _first(samples, begun_at, end, "has_database")
                if database_at is not None:
                    phases["databaseRecovery"] = database_at - begun_at
    if served_again_at is not None:
        phases["firstGoodRequest"] = served_again_at - broken_at
    return {phase: round(max(seconds, 0.0), 2) for phase, seconds in phases.items()}


def _first(samples: Sequence[Sample], start: float, end: float, what: str) -> float | None:
    """When a host became so, between two moments."""
    were: set[str] | None = None
    for sample in samples:
        are = {name for name, host in sample.hosts.items() if getattr(host, what)}
        if were is not None and start <= sample.time <= end and are - were:
            return sample.time
        were = are
    return None
