"""`garoon-failover plan`: what the controller would do, decided by its own decision, called by its own adapters.

Calls are those that change a machine, a node, the network or a volume. What each step writes into the cluster record,
and whom it notifies, is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from failover.adapters import cluster_table, instances, isolation, nodes, routes, snapshots
from failover.decision import decide
from failover.models import (
    Answer,
    AutomaticLimit,
    ClusterRecord,
    Decision,
    Evidence,
    InstanceState,
    NodeEvidence,
    PeerView,
    Rehearsal,
    Replica,
    StatusChecks,
    Trigger,
    Value,
    Verdict,
)
from failover.planned_decision import decide_rejoin, decide_switchback
from failover.proof import Proven
from failover.settings import FenceMethod, Node, Settings
from failover.steps.assess_cluster import gather_evidence
from failover.steps.rehearse import REHEARSED

from garoon_failover import functions, output
from garoon_failover import installation as deployed
from garoon_failover.errors import ExitCode
from garoon_failover.recording import Call, recorded

Act = tuple[str, Callable[[], None]]
"""A step's name, and what it does."""


class PlannedCall(Value):
    step: str
    action: str
    """As IAM names it, e.g. ec2:ReplaceRoute; for a node's verb ssm:SendCommand."""
    target: str
    change: str
    """From what to what, or the verb."""


class Plan(Value):
    when: str
    workflow: str
    verdict: Verdict
    reason: str
    next_step: str
    calls: list[PlannedCall]


def run(*, is_trying_rights: bool, is_json: bool) -> None:
    """Exit code 1 if rights were tried and something is missing."""
    found = deployed.load()
    plans = list(make_plans(found.settings))
    rights = try_rights(found.settings) if is_trying_rights else {}
    if is_json:
        said = [plan.to_json() for plan in plans]
        output.print_json({"plans": said, "rights": rights} if is_trying_rights else said)
    else:
        _show(plans)
        _show_rights(rights)
        output.say("Nothing was changed.")
    if any(rights.values()):
        raise SystemExit(int(ExitCode.NO))


def try_rights(settings: Settings) -> dict[str, list[str]]:
    """By function: what would keep it from its work, a sentence each, as its rehearsal says with its own role."""
    said = Rehearsal.model_validate(functions.invoke(settings.own_name("rehearse"), {}))
    return {name: said.troubles.get(name, []) for name in REHEARSED}


def _show_rights(rights: dict[str, list[str]]) -> None:
    if not rights:
        return
    output.say("Each function was called, and gave EC2 its orders as dry runs, with its own role:", style="bold")
    for name, troubles in rights.items():
        output.say(f"  {name:<22} {' '.join(troubles) or 'may'}", style="bold red" if troubles else "")
    if any(rights.values()):
        output.say("Next step: deploy the stack again; garoon-failover ready says what else is amiss.")
    output.say()


def _show(plans: list[Plan]) -> None:
    for plan in plans:
        output.say(f"{plan.when}: {plan.verdict}", style="bold")
        output.say(f"  {plan.reason}")
        if plan.next_step:
            output.say(f"  Next step: {plan.next_step}")
        for call in plan.calls:
            output.say(f"    {call.step:<16} {call.action:<33} {call.target}: {call.change}")
        if not plan.calls:
            output.say("    No call that changes anything.")
        output.say()


def make_plans(settings: Settings) -> Iterator[Plan]:
    """What would happen now, and in the three cases that matter. Changes nothing."""
    record = cluster_table.read_record(settings)
    automatic = Trigger(kind="schedule", reason="plan")
    evidence = gather_evidence(automatic, record, settings, datetime.now(UTC))
    by_hand = evidence.model_copy(update={"limit": AutomaticLimit.NONE})
    active, standby = evidence.active.name, evidence.standby.name
    planner = _Planner(settings, record)
    yield planner.plan("Now", "failover", decide(evidence), evidence)
    dead = with_dead_active(evidence)
    yield planner.plan(f"If {active} died", "failover", decide(dead), dead)
    yield planner.plan(
        f"If you moved the role to {standby}", "switchback", decide_switchback(by_hand, standby), by_hand
    )
    rejoin = decide_rejoin(by_hand, Trigger(kind="operator", reason="plan"))
    yield planner.plan(f"If {standby} were brought back as a standby", "rejoin", rejoin, by_hand)


def with_dead_active(evidence: Evidence) -> Evidence:
    """The same cluster, had the active node failed its status checks and fallen silent just now."""
    dead = NodeEvidence(
        name=evidence.active.name,
        instance_id=evidence.active.instance_id,
        instance=evidence.active.instance if evidence.active.instance.is_off else InstanceState.ON,
        checks=StatusChecks.FAILED,
        answer=Answer.NONE,
        replica=Replica.UNKNOWN,
    )
    return evidence.model_copy(
        update={"active": dead, "is_heartbeat_lost": True, "standby_view": PeerView.DOES_NOT_SERVE}
    )


class _Planner:
    def __init__(self, settings: Settings, record: ClusterRecord) -> None:
        self._settings = settings
        self._record = record

    def plan(self, when: str, workflow: str, decision: Decision, evidence: Evidence) -> Plan:
        calls = [call for step, act in self._steps(decision, evidence) for call in self._calls_of(step, act)]
        return Plan(
            when=when,
            workflow=workflow,
            verdict=decision.verdict,
            reason=decision.reason,
            next_step=decision.next_step,
            calls=calls,
        )

    def _steps(self, decision: Decision, evidence: Evidence) -> Iterator[Act]:
        active, standby = (self._settings.node(one.name) for one in (evidence.active, evidence.standby))
        match decision.verdict:
            case Verdict.REPAIR_ROUTES:
                yield "SwapRoute", lambda: self._swap(active)
            case Verdict.RESTART_SERVICES:
                yield "RestartServices", lambda: self._verb(active, "restart")
            case Verdict.RESUME_ACTIVE:
                if decision.is_standby_fenced_first:
                    yield "FenceNode", lambda: self._fence(standby)
                if not evidence.standby.is_down:
                    yield "PromoteReplica", lambda: self._verb(standby, "demote")  # its word that it cannot write
                yield from self._promote(active)
            case Verdict.FAIL_OVER:
                if evidence.active.answer in (Answer.NONE, Answer.UNKNOWN):
                    yield "FenceNode", lambda: self._fence(active)
                else:
                    yield "DemoteNode", lambda: self._verb(active, "demote")
                yield from self._promote(standby)
            case Verdict.SWITCH_OVER:
                if decision.is_rejoin_first:
                    yield from self._rejoin(standby, active, evidence.standby, decision)
                yield "DemoteNode", lambda: self._verb(active, "demote")
                yield from self._promote(standby)
            case Verdict.REJOIN:
                yield from self._rejoin(standby, active, evidence.standby, decision)
            case Verdict.NOTHING_TO_DO | Verdict.WARN | Verdict.HALT | Verdict.NOT_YET:
                return

    def _promote(self, target: Node) -> Iterator[Act]:
        yield "PromoteReplica", lambda: self._verb(target, "promote")
        yield "SwapRouteAhead", lambda: self._swap(target)
        yield "StartServices", lambda: self._verb(target, "start")

    def _rejoin(self, node: Node, active: Node, evidence: NodeEvidence, decision: Decision) -> Iterator[Act]:
        if decision.is_data_kept_first:
            yield "KeepData", lambda: self._keep(node)
        yield "StartNode", lambda: self._start(node, evidence)
        yield "RejoinNode", lambda: self._verb(active, "reconnect")
        yield "RejoinNode", lambda: self._verb(node, "rejoin")

    # --- what the steps do, by the product's own adapters -----------------------------------------------------

    def _fence(self, node: Node) -> None:
        settings = self._settings
        can_isolate = settings.fence_method is FenceMethod.ISOLATE_AND_STOP and isinstance(
            isolation.prove_alone(node), Proven
        )
        if can_isolate:
            isolation.isolate(isolation.read_acls(node), settings)
        if not instances.read_instance(node)[0].is_off:
            instances.stop_now(node)

    def _verb(self, node: Node, verb: nodes.Verb) -> None:
        nodes.run_verb(node, verb, self._settings, timeout_seconds=1, epoch=self._record.epoch + 1)

    def _swap(self, node: Node) -> None:
        routes.switch_off_source_dest_check(node)
        wrong = [entry for entry in routes.read_entries(self._settings) if not entry.points_to(node)]
        if wrong:
            routes.point_entries_to(node, wrong, self._settings)

    def _keep(self, node: Node) -> None:
        snapshots.take_snapshots(node, self._settings, "planned", "planned")

    def _start(self, node: Node, evidence: NodeEvidence) -> None:
        acls = self._record.fence.acls if self._record.fence and self._record.fence.node == node.name else {}
        isolation.restore(isolation.read_acls(node), acls, self._settings)
        if evidence.instance is not InstanceState.ON:
            instances.start(node)

    # --- in words ----------------------------------------------------------------------------------------------

    def _calls_of(self, step: str, act: Callable[[], None]) -> list[PlannedCall]:
        with recorded() as calls:
            act()
        described = [self._describe(step, call) for call in calls]
        order = list(self._settings.route_table_ids)
        # The routes are changed all at once.
        return sorted(described, key=lambda one: order.index(one.target) if one.target in order else -1)

    def _describe(self, step: str, call: Call) -> PlannedCall:
        action = "".join(part.capitalize() for part in call.operation.split("_"))
        given = call.arguments
        match call.operation:
            case "replace_network_acl_association":
                acl = self._acl_of(given["AssociationId"])
                target = acl.subnet_id if acl else given["AssociationId"]
                change = f"network ACL from {acl.acl_id if acl else 'unknown'} to {given['NetworkAclId']}"
            case "stop_instances":
                target, change = self._instance(given["InstanceIds"][0]), "forced stop, without the OS's shutdown"
            case "start_instances":
                target, change = self._instance(given["InstanceIds"][0]), "start"
            case "replace_route" | "create_route":
                target = given["RouteTableId"]
                before = next(
                    (one for one in routes.read_entries(self._settings) if one.route_table_id == target), None
                )
                old = self._interface(before.interface_id) if before and before.exists else "no entry"
                change = f"{given['DestinationCidrBlock']} from {old} to {self._interface(given['NetworkInterfaceId'])}"
            case "modify_network_interface_attribute":
                target, change = self._interface(given["NetworkInterfaceId"]), "source/dest check off"
            case "create_snapshot":
                target, change = given["VolumeId"], "snapshot"
            case "send_command":
                target = self._instance(given["InstanceIds"][0])
                change = f"garoon-node {given['Parameters']['Verb'][0]}"
            case _:
                target, change = call.service, str(given)
        return PlannedCall(step=step, action=f"{call.service}:{action}", target=target, change=change)

    def _acl_of(self, association_id: str) -> isolation.SubnetAcl | None:
        acls = (acl for node in self._settings.nodes for acl in isolation.read_acls(node))
        return next((acl for acl in acls if acl.association_id == association_id), None)

    def _instance(self, instance_id: str) -> str:
        node = self._settings.node_of_instance(instance_id)
        return f"{node.name} ({instance_id})" if node else instance_id

    def _interface(self, interface_id: str | None) -> str:
        names = {node.eth0_interface_id: node.name for node in self._settings.nodes}
        return f"{names[interface_id]} ({interface_id})" if interface_id in names else interface_id or "something else"
