"""The resources of the hierarchy on each node, as operators know them: pure functions of the readiness evidence."""

from __future__ import annotations

from enum import StrEnum

from failover.finding import Sentence
from failover.messages import NOTHING, Message
from failover.models import Answer, InstanceState, NodeStatus, PeerPaths, PeerProbe, Unknown, Value
from failover.readiness import ReadinessEvidence

_ABOVE, _BELOW = ("route", "virtual IP", "exports"), ("file system", "replication")
RESOURCES = (*_ABOVE, "scheduler", "database", *_BELOW)
"""The hierarchy, top to bottom, of an installation with the usual two services: brought into service from below."""


class State(StrEnum):
    ACTIVE = "active"
    STANDBY = "standby"
    DEGRADED = "degraded"  # it works, or is on its way, and not as it should
    FAILED = "failed"
    UNKNOWN = "unknown"  # it could not be seen, which says nothing


class Resource(Value):
    state: State
    detail: Sentence = NOTHING


class NodeView(Value):
    name: str
    role: str
    """active or standby, by the record; unknown without one."""
    instance: Sentence
    answer: Sentence
    """What the node says of itself, or that it says nothing."""
    resources: dict[str, Resource]
    paths: PeerPaths
    """What it sees of its peer, by the interface."""
    sync_percent: float | None = None


def view_nodes(evidence: ReadinessEvidence, *, is_at_work: bool) -> list[NodeView]:
    """Both nodes, A first. While an execution is at work, what is not up yet on the active node is no failure."""
    services = _name_services(evidence)
    return [_view(evidence, node.name, services, is_at_work=is_at_work) for node in evidence.settings.nodes]


def _name_services(evidence: ReadinessEvidence) -> dict[str, str]:
    """The services by what operators call them, top to bottom: the first to start is the database, others as named.

    Cybozu's scheduling service is `cyss` and the installation's identifier; where there is one, it is the scheduler.
    """
    told = [status.services for status in evidence.statuses.values() if isinstance(status, NodeStatus)]
    services = evidence.settings.service_names or list(dict.fromkeys(name for names in told for name in names))
    schedulers = [service for service in services[1:] if service.startswith("cyss")]
    names = {service: "scheduler" if [service] == schedulers else service for service in services}
    names |= dict.fromkeys(services[:1], "database")
    return {names[service]: service for service in reversed(services)}


def _view(evidence: ReadinessEvidence, node: str, services: dict[str, str], *, is_at_work: bool) -> NodeView:
    is_active = None if evidence.active is None else evidence.active == node
    names = (*_ABOVE, *services, *_BELOW)
    said, probe = evidence.statuses[node], evidence.probes[node]
    is_off = evidence.is_on(node) is False
    if isinstance(said, NodeStatus):
        resources = _of_status(said, services, is_active=bool(is_active))
        answer = _words_of(said)
    else:
        why = Message("resource.instance-is-off") if is_off else _why(said)
        state = State.FAILED if is_off else State.UNKNOWN
        resources = {name: Resource(state=state, detail=why) for name in names if name != "route"}
        answer = why
    resources["route"] = _route(evidence, node, is_active=bool(is_active))
    if is_active is None:
        resources = {name: Resource(state=State.UNKNOWN, detail=Message("resource.no-record")) for name in resources}
    if is_at_work and is_active:
        resources = {name: _on_its_way(resource) for name, resource in resources.items()}
    return NodeView(
        name=node,
        role="unknown" if is_active is None else "active" if is_active else "standby",
        instance=_instance_words(evidence, node),
        answer=answer,
        resources={name: resources[name] for name in names},
        paths=probe.paths if isinstance(probe, PeerProbe) else PeerPaths(eth0=None, eth1=None),
        sync_percent=said.replication.sync_percent if isinstance(said, NodeStatus) else None,
    )


def _on_its_way(resource: Resource) -> Resource:
    if resource.state is not State.FAILED:
        return resource
    return resource.model_copy(
        update={"state": State.DEGRADED, "detail": resource.detail or Message("resource.not-up-yet")}
    )


def _why(said: Answer | Unknown) -> Message:
    return said.why if isinstance(said, Unknown) else Message("answer.no-answer")


def _words_of(status: NodeStatus) -> Message:
    if status.is_serving:
        return Message("resource.serves")
    if status.is_demoted:
        return Message("answer.demoted")
    if status.is_serving is None:
        return Message("resource.could-not-see", parts=status.unseen_parts())
    return status.failing_parts()


def _of_status(status: NodeStatus, services: dict[str, str], *, is_active: bool) -> dict[str, Resource]:
    exported, nfs = status.is_exported, status.nfs_answers
    is_nfs_up = None if exported is None else exported and (not is_active or nfs is not False)
    resources = {
        "virtual IP": _up_or_down(status.has_virtual_ip, is_active=is_active),
        "exports": _up_or_down(
            is_nfs_up, is_active=is_active, detail=NOTHING if exported is not True else Message("resource.nfs-silent")
        ),
        "file system": _up_or_down(status.is_mounted, is_active=is_active),
        "replication": _replication(status, is_active=is_active),
    }
    if is_active and status.is_mounted and status.is_writable is False:
        resources["file system"] = Resource(state=State.FAILED, detail=Message("resource.takes-no-write"))
    for name, service in services.items():
        state = status.services.get(service, "unknown")
        is_up = {"running": True, "stopped": False}.get(state)
        if state == "starting":
            resources[name] = Resource(state=State.DEGRADED, detail=Message("resource.starting"))
        elif is_active and is_up is False and service in status.only_warning:
            resources[name] = Resource(state=State.DEGRADED, detail=Message("resource.only-warns"))
        else:
            resources[name] = _up_or_down(is_up, is_active=is_active)
    if (
        is_active
        and "database" in resources
        and resources["database"].state is State.ACTIVE
        and status.database_answers is False
    ):
        resources["database"] = Resource(state=State.FAILED, detail=Message("resource.does-not-answer"))
    return resources


def _up_or_down(is_up: bool | None, *, is_active: bool, detail: Message = NOTHING) -> Resource:
    if is_up is None:
        return Resource(state=State.UNKNOWN)
    if is_active:
        return Resource(state=State.ACTIVE) if is_up else Resource(state=State.FAILED, detail=detail)
    return (
        Resource(state=State.FAILED, detail=Message("resource.up-on-the-standby"))
        if is_up
        else Resource(state=State.STANDBY)
    )


def _replication(status: NodeStatus, *, is_active: bool) -> Resource:
    replication = status.replication
    if replication.role == "unknown":
        return Resource(state=State.UNKNOWN)
    if (replication.role == "primary") is not is_active:
        return Resource(state=State.FAILED, detail=Message("as-is", line=replication.role))
    if replication.data == "unusable":
        return Resource(state=State.FAILED, detail=replication.words)
    is_well = replication.is_connected and replication.is_current
    if not is_well or (not is_active and status.may_be_ahead):
        return Resource(state=State.DEGRADED, detail=replication.words)
    return Resource(state=State.ACTIVE if is_active else State.STANDBY)


def _route(evidence: ReadinessEvidence, node: str, *, is_active: bool) -> Resource:
    if isinstance(evidence.routes, Unknown):
        return Resource(state=State.UNKNOWN)
    configured = evidence.settings.node(node)
    here = [entry.route_table_id for entry in evidence.routes if entry.points_to(configured)]
    counts = {"here": len(here), "all": len(evidence.routes)}
    if is_active:
        is_whole = len(here) == len(evidence.routes)
        return (
            Resource(state=State.ACTIVE)
            if is_whole
            else Resource(state=State.FAILED, detail=Message("resource.tables", **counts))
        )
    return (
        Resource(state=State.FAILED, detail=Message("resource.tables-point-here", **counts))
        if here
        else Resource(state=State.STANDBY)
    )


def _instance_words(evidence: ReadinessEvidence, node: str) -> Message:
    machine = evidence.machines[node]
    if isinstance(machine, Unknown):
        return Message("answer.unknown")
    state, checks = machine
    if state is InstanceState.UNKNOWN:
        return Message("answer.unknown")
    if state is not InstanceState.ON:
        return state.words
    return Message(f"resource.running-checks-{checks}")
