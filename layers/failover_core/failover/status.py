"""How the cluster is, as operators are shown it: by the command's `status` and by the dashboard's widget alike."""

from datetime import datetime

from pydantic import AwareDatetime, ValidationError

from failover.finding import Finding, Sentence
from failover.hierarchy import NodeView, view_nodes
from failover.models import Outcome, Unknown, Value
from failover.readiness import ReadinessEvidence, is_ready, summarize


class AtWork(Value):
    """The execution that holds the lock."""

    execution: str
    workflow: str
    step: str | None
    """None: it could not be read."""
    started_at: AwareDatetime | None
    is_asking: bool = False
    """It waits for an operator's answer."""

    def seconds_at(self, moment: datetime) -> float | None:
        """How long it had run then."""
        return None if self.started_at is None else (moment - self.started_at).total_seconds()


class RouteView(Value):
    route_table_id: str
    points_to: str
    """A node's name, or what it is instead."""


class TargetView(Value):
    target: str
    state: str
    reason: str


class Status(Value):
    """All that the screen shows; `--json` prints it."""

    cluster: str
    at: AwareDatetime
    active: str | None
    """None: the cluster record could not be read, so nothing that stands in it is known."""
    epoch: int | None
    nodes: list[NodeView]
    routes: list[RouteView] | None
    targets: list[TargetView] | None
    at_work: AtWork | None
    moving_to: str | None
    maintenance_until: AwareDatetime | None
    is_ready: bool
    readiness: Sentence
    findings: list[Finding]
    last_outcome: Outcome | None

    @property
    def is_record_known(self) -> bool:
        """Without the record it is not known who is at work, nor whether maintenance is on."""
        return self.active is not None


def judge(evidence: ReadinessEvidence, findings: list[Finding], at_work: AtWork | None) -> Status:
    """The screen's content: a pure function."""
    record = None if isinstance(evidence.record, Unknown) else evidence.record
    return Status(
        cluster=evidence.settings.cluster_name,
        at=evidence.nodes_said_at,
        active=evidence.active,
        epoch=record.epoch if record else None,
        nodes=view_nodes(evidence, is_at_work=at_work is not None),
        routes=_view_routes(evidence),
        targets=None
        if isinstance(evidence.targets, Unknown)
        else [TargetView(target=one.target, state=one.state, reason=one.reason) for one in evidence.targets],
        at_work=at_work,
        moving_to=record.moving_to if record else None,
        maintenance_until=record.maintenance_end(evidence.nodes_said_at) if record else None,
        is_ready=is_ready(findings),
        readiness=summarize(findings),
        findings=findings,
        last_outcome=_last_outcome(record.last_outcome if record else None),
    )


def _view_routes(evidence: ReadinessEvidence) -> list[RouteView] | None:
    if isinstance(evidence.routes, Unknown):
        return None
    return [
        RouteView(
            route_table_id=entry.route_table_id,
            points_to=next(
                (node.name for node in evidence.settings.nodes if entry.points_to(node)),
                "nothing" if not entry.exists else entry.interface_id or "something else",
            ),
        )
        for entry in evidence.routes
    ]


def _last_outcome(recorded: object) -> Outcome | None:
    try:
        return Outcome.model_validate(recorded)
    except ValidationError:
        return None
