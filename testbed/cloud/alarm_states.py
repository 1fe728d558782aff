"""Which state the newest points of a metric call for.

Follows, in the CloudWatch User Guide: "Configuring how CloudWatch alarms treat missing data", whose two tables are this
module's test.
"""

from __future__ import annotations

from collections.abc import Sequence

SPARE_POINTS = 2
"""How many points more than EvaluationPeriods are retrieved. AWS does not say; its example retrieves 5 for 3."""


def next_state(points: Sequence[bool | None], current: str, periods: int, to_alarm: int, treat_missing: str) -> str:
    """The state that the newest points call for; they are breaching, not breaching or missing (None), oldest first."""
    retrieved = list(points)[-(periods + SPARE_POINTS) :]
    real = [point for point in retrieved if point is not None]
    missing = min(len(retrieved) - len(real), periods - len(real))
    if missing <= 0:
        return "ALARM" if real[-periods:].count(True) >= to_alarm else "OK"
    if treat_missing == "breaching":
        return "ALARM" if real.count(True) + missing >= to_alarm else "OK"
    if treat_missing == "notBreaching":
        return "ALARM" if real.count(True) >= to_alarm else "OK"
    if not real:
        return "INSUFFICIENT_DATA" if treat_missing == "missing" else current
    if real.count(True) >= to_alarm:
        return "ALARM"
    if False in real:
        return "OK"
    if treat_missing == "ignore":
        return current
    # Only breaching points, too few of them: they alarm once the oldest is old enough to rule out a mere blip.
    age = len(retrieved) - retrieved.index(True)
    return "ALARM" if age >= to_alarm else "INSUFFICIENT_DATA"
