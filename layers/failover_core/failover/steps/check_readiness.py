"""Look at everything that a failover needs, all at once, and say what is missing. Changes nothing."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from typing import ParamSpec, TypeVar

from aws_lambda_powertools.metrics import MetricUnit
from pydantic import AwareDatetime

from failover.adapters import (
    alarms,
    cluster_table,
    events,
    executions,
    functions,
    instances,
    isolation,
    nodes,
    notifications,
    routes,
    snapshots,
    targets,
)
from failover.adapters.clients import CALL_THREADS
from failover.asking import ask
from failover.errors import Failed
from failover.finding import Finding
from failover.messages import Message
from failover.models import Answer, ClusterRecord, NodeStatus, Observed, PeerProbe, Rehearsal, Unknown, Value
from failover.node_answers import NodeSurvey, VerbResult
from failover.readiness import (
    RULES,
    ReadinessEvidence,
    alarm_names,
    is_ready,
    judge_readiness,
    summarize,
)
from failover.runtime import metrics
from failover.settings import Node, Settings

P = ParamSpec("P")
T = TypeVar("T")


class ReadinessRequest(Observed):
    """The schedule's event, or an operator's {}; nothing in it is of interest."""


class Readiness(Value):
    is_ready: bool
    summary: str
    checked_at: AwareDatetime
    findings: list[Finding]


def check_readiness(_request: ReadinessRequest, settings: Settings) -> Readiness:
    """Whether a failover would work right now, and everything that an operator should know about it.

    Counts the metric FailoverReady: 1, or 0 when a finding is critical.
    """
    evidence = gather_readiness(settings, datetime.now(UTC), rehearse=functions.rehearse_all)
    findings = judge_readiness(evidence)
    metrics.add_metric(name="FailoverReady", unit=MetricUnit.Count, value=int(is_ready(findings)))
    return Readiness(
        is_ready=is_ready(findings), summary=summarize(findings), checked_at=evidence.now, findings=findings
    )


def gather_readiness(
    settings: Settings, now: datetime, *, rehearse: Callable[[Settings], Rehearsal] | None = None
) -> ReadinessEvidence:
    """What every source says now. One that fails is Unknown, with its own words.

    The functions' rehearsal and the nodes' surveys take seconds, and the first the right to call functions; who looks
    every few of them leaves both out.
    """
    with ThreadPoolExecutor(max_workers=CALL_THREADS) as pool:

        def begin(source: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> Future[T | Unknown]:
            return pool.submit(lambda: ask(source, *arguments, **options))

        names = [node.name for node in settings.nodes]
        # The nodes first: they take longest to answer.
        statuses = [begin(_read_status, node, settings) for node in settings.nodes]
        probes = [begin(_read_probe, node, settings) for node in settings.nodes]
        machines = [begin(instances.read_instance, node) for node in settings.nodes]
        interfaces = [begin(routes.read_interface, node) for node in settings.nodes]
        volumes = [begin(snapshots.read_data_volumes, node) for node in settings.nodes]
        isolated_subnets = [begin(_read_isolated_subnets, node, settings) for node in settings.nodes]
        alone = [begin(isolation.prove_alone, node) for node in settings.nodes]
        protections = [begin(instances.is_stop_protected, node) for node in settings.nodes]
        hibernation = [begin(instances.can_hibernate, node) for node in settings.nodes]
        isolation_acl = begin(isolation.prove_acl_denies, settings)
        rules = {rule: begin(events.is_rule_on, settings.own_name(rule)) for rule in RULES}
        entries = begin(routes.read_entries, settings)
        unconfigured = begin(routes.read_unconfigured_tables, settings)
        health, check = begin(targets.read_target_health, settings), begin(targets.read_target_check, settings)
        alarm_states = begin(alarms.read_alarms, alarm_names(settings))
        muted = begin(alarms.read_muted, alarm_names(settings))
        subscribers = begin(notifications.count_subscribers, settings)
        undelivered = begin(events.count_undelivered, settings)
        rehearsal = begin(rehearse, settings) if rehearse else None
        record = ask(cluster_table.read_record, settings)
        nodes_said, nodes_said_at = _by_name(names, statuses), datetime.now(UTC)
        # Afterwards, and only who answers: what is asked of a node at the same time makes each answer later.
        surveys = {
            node.name: begin(_read_survey, node, settings)
            for node in settings.nodes
            if rehearse and isinstance(nodes_said[node.name], NodeStatus)
        }
        return ReadinessEvidence(
            now=now,
            nodes_said_at=nodes_said_at,
            settings=settings,
            record=record,
            is_lock_owner_over=ask(_is_lock_owner_over, record),
            machines=_by_name(names, machines),
            statuses=nodes_said,
            probes=_by_name(names, probes),
            surveys={name: survey.result() for name, survey in surveys.items()},
            interfaces=_by_name(names, interfaces),
            volumes=_by_name(names, volumes),
            isolated_subnets=_by_name(names, isolated_subnets),
            alone=_by_name(names, alone),
            isolation_acl=isolation_acl.result(),
            stop_protection=_by_name(names, protections),
            hibernation=_by_name(names, hibernation),
            routes=entries.result(),
            unconfigured_tables=unconfigured.result(),
            targets=health.result(),
            target_check=check.result(),
            alarms=alarm_states.result(),
            muted_alarms=muted.result(),
            rules={rule: answer.result() for rule, answer in rules.items()},
            undelivered=undelivered.result(),
            subscribers=subscribers.result(),
            rehearsal=rehearsal.result() if rehearsal else None,
        )


def _by_name(names: list[str], answers: list[Future[T]]) -> dict[str, T]:
    return dict(zip(names, (answer.result() for answer in answers), strict=True))


def _read_status(node: Node, settings: Settings) -> NodeStatus | Answer:
    result = _run(node, "status", settings)
    return Answer.NONE if result is None else _given(result.status, result, node)


def _read_probe(node: Node, settings: Settings) -> PeerProbe | Answer:
    result = _run(node, "probe", settings)
    return Answer.NONE if result is None else _given(result.probe, result, node)


def _read_survey(node: Node, settings: Settings) -> NodeSurvey | Answer:
    result = _run(node, "survey", settings)
    return Answer.NONE if result is None else _given(result.survey, result, node)


def _read_isolated_subnets(node: Node, settings: Settings) -> list[str]:
    return [acl.subnet_id for acl in isolation.isolated(isolation.read_acls(node), settings)]


def _run(node: Node, verb: nodes.Verb, settings: Settings) -> VerbResult | None:
    return nodes.run_verb(node, verb, settings, timeout_seconds=settings.answer_timeout_seconds)


def _given(answer: T | None, result: VerbResult, node: Node) -> T:
    if answer is None:
        raise Failed(Message("error.node-answered", node=node.name, words=result.message))
    return answer


def _is_lock_owner_over(record: ClusterRecord | Unknown) -> bool | None:
    if isinstance(record, Unknown) or record.lock_owner is None:
        return None
    return executions.has_ended(record.lock_owner)
