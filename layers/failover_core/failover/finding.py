"""A finding of readiness, and how much it matters."""

from enum import StrEnum

from failover.models import Value


class Severity(StrEnum):
    """How much a finding matters. CRITICAL alone makes the cluster not ready."""

    CRITICAL = "critical"  # a failover would not work, or would lose data
    WARNING = "warning"  # it would work, but something is not as it should be, or an operator is needed
    INFO = "info"


class Finding(Value):
    """Something that the operator should know, and what to do about it."""

    id: str
    """Stable: programs may go by it."""
    about: str
    """The node, table, alarm, ... that it is about."""
    severity: Severity
    meaning: str
    action: str
