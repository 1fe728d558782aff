"""Fencing and its undoing: no promotion without a proof, nothing let in that may still be active, nothing forgotten."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType, SimpleNamespace
from typing import Any

import pytest
from failover.adapters import cluster_table as table
from failover.adapters import instances
from failover.conclusion import Progress, conclude
from failover.errors import CloudUnavailable, Failed, NotFenced, NotYet
from failover.failure import Failure
from failover.models import Decision, Fence, Fenced, InstanceState, OutcomeKind, Verdict
from failover.settings import FenceMethod, ReplicationProtocol, Settings
from failover.steps import confirm_stop as confirm_module
from failover.steps import fence_node as fence_module
from failover.steps import promote_replica as promote_module
from failover.steps.confirm_stop import ConfirmStopInput, confirm_stop
from failover.steps.fence_node import FenceNodeInput, fence_node
from failover.steps.promote_replica import PromoteReplicaInput, promote_replica
from failover.steps.start_node import StartNodeInput, start_node

from tests.unit.conftest import EXECUTION, OTHER_EXECUTION, put_last_word
from tests.unit.fake_machines import FakeMachines
from tests.unit.fake_network import OTHER_OWN_ACL, OWN_ACL, FakeNetwork
from tests.unit.fake_nodes import FakeSsm

ORIGINALS = {"subnet-0a0": OWN_ACL, "subnet-0a1": OTHER_OWN_ACL}
ISOLATED = {"subnet-0a0": "acl-0dead", "subnet-0a1": "acl-0dead"}
pytestmark = pytest.mark.usefixtures("lock", "clock")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps that wait see the time pass only by waiting."""
    now = SimpleNamespace(seconds=0.0)
    time = SimpleNamespace(
        monotonic=lambda: now.seconds, sleep=lambda seconds: setattr(now, "seconds", now.seconds + seconds)
    )
    for module in (fence_module, confirm_module):
        monkeypatch.setattr(module, "time", time)


@pytest.fixture(autouse=True)
def stop_hangs(machines: FakeMachines, ssm: FakeSsm) -> None:
    """EC2 takes its time with the stop, as when an Availability Zone is in trouble; the standby answers."""
    machines.stop_leads_to = InstanceState.GOING_OFF


def fence(settings: Settings, seconds_ago: float = 0) -> Fenced:
    started_at = datetime.now(UTC) - timedelta(seconds=seconds_ago)
    return fence_node(FenceNodeInput(execution=EXECUTION, node="db-01", started_at=started_at), settings)


def recorded(settings: Settings) -> Fence | None:
    return table.read_record(settings).fence


def acls_of_home(network_acls: FakeNetwork) -> dict[str, str]:
    return {subnet: acl for subnet, acl in network_acls.acls.items() if subnet in ORIGINALS}


def isolate_home(network_acls: FakeNetwork) -> None:
    network_acls.acls |= ISOLATED


# --- the stop as proof -------------------------------------------------------------------------------------------


def stopping_only(settings: Settings) -> Settings:
    return settings.model_copy(update={"fence_method": FenceMethod.STOP_INSTANCE})


def test_stop_alone_is_proven_by_the_state_stopped_and_touches_no_network_acl(
    settings: Settings, machines: FakeMachines, network_acls: FakeNetwork
) -> None:
    machines.stop_leads_to = InstanceState.OFF
    fenced = fence(stopping_only(settings))
    assert fence(stopping_only(settings)) == fenced
    assert machines.calls == [("stop", "db-01")]
    assert network_acls.replaced == []
    assert (fenced.is_off, fenced.why_not_isolated) == (True, "")
    assert recorded(settings) == Fence(
        node="db-01", instance_id="i-0a", volume_id="vol-0a", execution=EXECUTION, is_off_proven=True
    )


def test_stop_alone_that_hangs_waits_and_then_halts(settings: Settings) -> None:
    with pytest.raises(NotYet):
        fence(stopping_only(settings))
    with pytest.raises(Failed, match="After 301 s db-01 is still not proven to be fenced: EC2 does not say that i-0a"):
        fence(stopping_only(settings), seconds_ago=301)
    assert recorded(settings) is None


# --- the isolation as proof --------------------------------------------------------------------------------------


def test_isolation_proves_the_fence_while_the_stop_hangs(
    settings: Settings, machines: FakeMachines, network_acls: FakeNetwork
) -> None:
    fenced = fence(settings)
    assert acls_of_home(network_acls) == ISOLATED
    assert machines.calls == [("stop", "db-01")]
    assert not fenced.is_off
    assert recorded(settings) == Fence(
        node="db-01", instance_id="i-0a", volume_id="vol-0a", execution=EXECUTION, is_off_proven=False, acls=ORIGINALS
    )


def test_clients_are_cut_before_the_replication_link(settings: Settings, network_acls: FakeNetwork) -> None:
    """Else the node's last word, and what the standby sees, would be an active node that serves without its standby."""
    fence(settings)
    assert [subnet for subnet, _acl in network_acls.replaced] == ["subnet-0a0", "subnet-0a1"]


@pytest.mark.parametrize("replaced_before_the_crash", [0, 1])
def test_what_the_subnets_had_is_on_record_before_anything_is_changed(
    replaced_before_the_crash: int, settings: Settings, network_acls: FakeNetwork
) -> None:
    network_acls.fails_after = replaced_before_the_crash
    with pytest.raises(NotYet, match="RequestLimitExceeded"):
        fence(settings)
    assert recorded(settings) == Fence(
        node="db-01", instance_id="i-0a", volume_id="vol-0a", execution=EXECUTION, acls=ORIGINALS
    )
    network_acls.fails_after = None
    fence(settings)
    assert acls_of_home(network_acls) == ISOLATED
    assert recorded(settings) == Fence(
        node="db-01", instance_id="i-0a", volume_id="vol-0a", execution=EXECUTION, acls=ORIGINALS
    )


def test_a_later_execution_never_takes_the_isolation_for_what_the_subnets_had(
    settings: Settings, network_acls: FakeNetwork
) -> None:
    fence(settings)
    table.acquire_lock(settings, OTHER_EXECUTION, datetime.now(UTC), stale_owner=EXECUTION)
    fence_node(FenceNodeInput(execution=OTHER_EXECUTION, node="db-01", started_at=datetime.now(UTC)), settings)
    assert recorded(settings) == Fence(
        node="db-01", instance_id="i-0a", volume_id="vol-0a", execution=OTHER_EXECUTION, acls=ORIGINALS
    )
    assert len(network_acls.replaced) == 2


def test_isolation_that_is_not_read_back_is_no_proof(settings: Settings, network_acls: FakeNetwork) -> None:
    network_acls.shown = dict(ORIGINALS)
    with pytest.raises(NotYet, match="the subnet subnet-0a0 of db-01 has the network ACL acl-00a0"):
        fence(settings)


def test_what_the_standby_sees_is_its_own_to_find_when_it_takes_the_role(settings: Settings, ssm: FakeSsm) -> None:
    fence(settings)
    assert ssm.sent == []


def test_network_acl_that_somebody_opened_proves_nothing(settings: Settings, network_acls: FakeNetwork) -> None:
    network_acls.allowing.add("acl-0dead")
    with pytest.raises(NotYet, match="acl-0dead has an entry that lets something through"):
        fence(settings)


@pytest.mark.parametrize(
    ("interface", "sentence"),
    [
        (("eni-0f", "subnet-0a1", "i-0c"), "the subnet subnet-0a1 holds the network interface eni-0f"),
        (("eni-0f", "subnet-0a0", None), "the subnet subnet-0a0 holds the network interface eni-0f"),
        (("eni-0f", "subnet-0c", "i-0a"), "db-01 has the network interface eni-0f in subnet-0c"),
    ],
    ids=["another instance's", "nobody's", "the node's own elsewhere"],
)
def test_node_that_would_not_be_cut_off_alone_and_whole_is_only_stopped(
    interface: tuple[str, str, str | None],
    sentence: str,
    settings: Settings,
    machines: FakeMachines,
    network_acls: FakeNetwork,
) -> None:
    network_acls.interfaces.append(interface)
    with pytest.raises(NotYet, match=sentence):
        fence(settings)
    assert network_acls.replaced == []
    machines.states["db-01"] = InstanceState.ON
    machines.stop_leads_to = InstanceState.OFF
    fenced = fence(settings)
    assert fenced.is_off
    assert sentence in fenced.why_not_isolated


def test_list_of_interfaces_that_is_empty_proves_nothing(settings: Settings, network_acls: FakeNetwork) -> None:
    isolate_home(network_acls)
    network_acls.shows_no_interfaces = True
    with pytest.raises(NotYet, match="db-01 has no network interface in its configured subnet subnet-0a0"):
        fence(settings)


def test_trouble_with_the_stop_does_not_keep_the_isolation_back(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: Any) -> None:
        raise CloudUnavailable("EC2 answers nothing.")

    monkeypatch.setattr(instances, "stop_now", fail)
    monkeypatch.setattr(instances, "read_instance", fail)
    assert not fence(settings).is_off


def test_trouble_with_the_isolation_does_not_keep_the_stop_back(
    settings: Settings, machines: FakeMachines, network_acls: FakeNetwork
) -> None:
    network_acls.fails_after = 0
    machines.stop_leads_to = InstanceState.OFF
    fenced = fence(settings)
    assert fenced.is_off
    assert "RequestLimitExceeded" in fenced.why_not_isolated


# --- promotion with an isolated peer -----------------------------------------------------------------------------


def promote(settings: Settings, node: str = "db-02") -> Any:
    return promote_replica(PromoteReplicaInput(execution=EXECUTION, node=node), settings)


def test_isolated_peer_is_proof_enough_and_is_not_asked(
    settings: Settings, ssm: FakeSsm, network_acls: FakeNetwork
) -> None:
    isolate_home(network_acls)
    put_last_word(settings.node_a)
    assert promote(settings).proof == "db-01 is isolated, and db-02 sees nothing of it"
    assert ssm.nodes["i-0a"].heard == []
    assert [(sent["Verb"], sent["PeerProof"]) for sent in ssm.sent] == [("promote", "unseen")]
    assert ssm.nodes["i-0b"].role == "primary"


def test_isolated_peer_that_is_still_seen_is_looked_at_again_until_it_is_off(
    settings: Settings, ssm: FakeSsm, machines: FakeMachines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The network ACL takes its time, and so does the stop: the first to be so is proof."""
    fence(settings)
    put_last_word(settings.node_a)
    ssm.nodes["i-0b"].sees_peer = True

    def stop_after_a_second(_seconds: float) -> None:
        machines.states["db-01"] = InstanceState.OFF

    monkeypatch.setattr(promote_module, "time", SimpleNamespace(monotonic=lambda: 0.0, sleep=stop_after_a_second))
    assert promote(settings).proof == "EC2 says that the instance i-0a of db-01 is stopped"
    assert [sent.get("PeerProof") for sent in ssm.sent] == ["unseen", None]


def halve(network_acls: FakeNetwork, _ssm: FakeSsm) -> None:
    network_acls.acls["subnet-0a1"] = OTHER_OWN_ACL


def let_it_be_seen(_network_acls: FakeNetwork, ssm: FakeSsm) -> None:
    ssm.nodes["i-0b"].sees_peer = True


def share_a_subnet(network_acls: FakeNetwork, _ssm: FakeSsm) -> None:
    network_acls.interfaces.append(("eni-0f", "subnet-0a0", "i-0c"))


@pytest.mark.parametrize("doubt", [halve, let_it_be_seen, share_a_subnet])
def test_isolation_of_the_peer_is_believed_only_if_it_holds_now(
    doubt: Callable[[FakeNetwork, FakeSsm], None],
    settings: Settings,
    ssm: FakeSsm,
    network_acls: FakeNetwork,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fence(settings)
    put_last_word(settings.node_a)
    monkeypatch.setattr(promote_module, "time", LateReads(network_acls, seconds=1000, shown=None))
    doubt(network_acls, ssm)
    with pytest.raises(NotFenced, match=r"not proven yet that db-01 is cut off|has not taken the role yet"):
        promote(settings)
    assert ssm.nodes["i-0b"].role == "secondary"
    assert ssm.nodes["i-0a"].heard == []


class LateReads:
    """EC2 shows the node's subnets as they were before the fence, until so many seconds are over."""

    def __init__(
        self, network_acls: FakeNetwork, seconds: float, shown: Mapping[str, str] | None = MappingProxyType(ORIGINALS)
    ) -> None:
        self.now = 0.0
        self._network_acls, self._seconds = network_acls, seconds
        network_acls.shown = None if shown is None else dict(shown)

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        if self.now >= self._seconds:
            self._network_acls.shown = None


def test_fence_that_ec2_does_not_show_again_yet_is_waited_for_and_the_node_is_not_asked(
    settings: Settings, ssm: FakeSsm, network_acls: FakeNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    fence(settings)
    put_last_word(settings.node_a)
    monkeypatch.setattr(promote_module, "time", LateReads(network_acls, seconds=20))
    assert promote(settings).proof == "db-01 is isolated, and db-02 sees nothing of it"
    assert ssm.nodes["i-0a"].heard == []


def test_fence_that_ec2_never_shows_again_is_not_waited_for_for_ever(
    settings: Settings, ssm: FakeSsm, network_acls: FakeNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    fence(settings)
    late = LateReads(network_acls, seconds=1000)
    monkeypatch.setattr(promote_module, "time", late)
    ssm.nodes["i-0a"].is_silent = True
    with pytest.raises(NotYet, match="db-01 did not answer `garoon-node demote`"):
        promote(settings)
    assert late.now == pytest.approx(30, abs=2)
    assert ssm.nodes["i-0b"].role == "secondary"


def test_promoted_node_is_no_longer_recorded_as_fenced(
    settings: Settings, machines: FakeMachines, ssm: FakeSsm
) -> None:
    """The way back: the standby could not be promoted, and the old active node is brought back."""
    table.record_fence(settings, EXECUTION, "db-01", is_off_proven=True)
    promote(settings, "db-02")
    assert recorded(settings) is not None
    promote(settings, "db-01")
    assert recorded(settings) is None


# --- the stop, confirmed -----------------------------------------------------------------------------------------


def confirm(settings: Settings, seconds_ago: float = 0) -> Fenced:
    fenced = Fenced(node="db-01", proof="db-01 is isolated", is_off=False)
    started_at = datetime.now(UTC) - timedelta(seconds=seconds_ago)
    return confirm_stop(ConfirmStopInput(execution=EXECUTION, fenced=fenced, started_at=started_at), settings)


def test_stop_is_awaited_and_recorded_with_what_the_subnets_had(settings: Settings, machines: FakeMachines) -> None:
    fence(settings)
    with pytest.raises(NotYet, match="still stopping db-01"):
        confirm(settings)
    machines.states["db-01"] = InstanceState.OFF
    assert confirm(settings).is_off
    assert confirm(settings).is_off
    assert machines.calls == [("stop", "db-01")]
    assert recorded(settings) == Fence(
        node="db-01", instance_id="i-0a", volume_id="vol-0a", execution=EXECUTION, is_off_proven=True, acls=ORIGINALS
    )


def test_stop_that_never_comes_is_a_result_and_no_error(settings: Settings) -> None:
    fence(settings)
    assert not confirm(settings, seconds_ago=301).is_off
    assert recorded(settings) == Fence(
        node="db-01", instance_id="i-0a", volume_id="vol-0a", execution=EXECUTION, is_off_proven=False, acls=ORIGINALS
    )


def test_stop_that_could_not_be_asked_for_is_asked_for_again(settings: Settings, machines: FakeMachines) -> None:
    fence(settings)
    machines.states["db-01"] = InstanceState.ON
    machines.stop_leads_to = InstanceState.OFF
    assert confirm(settings).is_off


# --- letting the node in again -----------------------------------------------------------------------------------


def start(settings: Settings) -> None:
    start_node(StartNodeInput(execution=EXECUTION, node="db-01"), settings)


def test_stopped_node_gets_back_what_its_subnets_had_and_is_started_then(
    settings: Settings, machines: FakeMachines, network_acls: FakeNetwork
) -> None:
    fence(settings)
    machines.states["db-01"] = InstanceState.OFF
    with pytest.raises(NotYet, match="is starting"):
        start(settings)
    assert acls_of_home(network_acls) == ORIGINALS
    start(settings)
    assert machines.calls == [("stop", "db-01"), ("start", "db-01")]
    assert recorded(settings) == Fence(
        node="db-01", instance_id="i-0a", volume_id="vol-0a", execution=EXECUTION, is_off_proven=True, acls=ORIGINALS
    )


def test_isolated_node_that_was_never_off_is_stopped_before_it_is_let_in(
    settings: Settings, machines: FakeMachines, network_acls: FakeNetwork
) -> None:
    """EC2 never stopped it: it may still be primary, and its old connections would come back to life."""
    fence(settings)
    machines.states["db-01"] = InstanceState.ON
    with pytest.raises(NotYet, match="may still be active"):
        start(settings)
    assert acls_of_home(network_acls) == ISOLATED
    assert machines.calls == [("stop", "db-01"), ("stop", "db-01")]
    with pytest.raises(NotYet, match="stopping"):
        start(settings)
    assert acls_of_home(network_acls) == ISOLATED


def test_node_that_somebody_started_after_it_was_off_is_let_in(
    settings: Settings, machines: FakeMachines, network_acls: FakeNetwork
) -> None:
    fence(settings)
    machines.states["db-01"] = InstanceState.OFF
    confirm(settings)
    machines.states["db-01"] = InstanceState.ON
    start(settings)
    assert acls_of_home(network_acls) == ORIGINALS


def test_fence_of_the_other_node_says_nothing_about_this_one(
    settings: Settings, machines: FakeMachines, network_acls: FakeNetwork
) -> None:
    isolate_home(network_acls)
    table.record_fence(settings, EXECUTION, "db-01", is_off_proven=False, acls=ORIGINALS)
    table.record_fence(settings, EXECUTION, "db-02", is_off_proven=True)
    with pytest.raises(NotYet, match="may still be active"):
        start(settings)
    machines.states["db-01"] = InstanceState.OFF
    with pytest.raises(NotYet, match="is starting"):
        start(settings)
    assert acls_of_home(network_acls) == ORIGINALS


def test_restoring_that_was_cut_short_is_finished(
    settings: Settings, machines: FakeMachines, network_acls: FakeNetwork
) -> None:
    fence(settings)
    machines.states["db-01"] = InstanceState.OFF
    network_acls.fails_after = len(network_acls.replaced) + 1
    with pytest.raises(CloudUnavailable):
        start(settings)
    assert ("start", "db-01") not in machines.calls
    network_acls.fails_after = None
    with pytest.raises(NotYet, match="is starting"):
        start(settings)
    assert acls_of_home(network_acls) == ORIGINALS


def test_node_is_not_started_while_the_restored_network_acl_is_not_read_back(
    settings: Settings, machines: FakeMachines, network_acls: FakeNetwork
) -> None:
    fence(settings)
    machines.states["db-01"] = InstanceState.OFF
    network_acls.shown = dict(ISOLATED)
    with pytest.raises(NotYet, match="still isolated"):
        start(settings)
    assert ("start", "db-01") not in machines.calls


def test_isolation_of_which_nothing_is_recorded_is_left_to_the_operator(
    settings: Settings, machines: FakeMachines, network_acls: FakeNetwork
) -> None:
    isolate_home(network_acls)
    machines.states["db-01"] = InstanceState.OFF
    with pytest.raises(Failed, match="not recorded which network ACL subnet-0a0 and subnet-0a1 had"):
        start(settings)
    assert acls_of_home(network_acls) == ISOLATED
    assert machines.calls == []


# --- what the operator is told -----------------------------------------------------------------------------------


FAIL_OVER = Decision(verdict=Verdict.FAIL_OVER, reason="db-01 is dead; db-02 takes over.")


def test_isolated_node_that_is_not_stopped_is_told_plainly() -> None:
    fenced = Fenced(node="db-01", proof="db-01 is isolated", is_off=False)
    conclusion = conclude(FAIL_OVER, None, Progress(is_moved=True, fenced=fenced))
    assert conclusion.kind is OutcomeKind.FAILED_OVER
    assert conclusion.reason.endswith("db-01 is isolated, but its instance is not stopped.")
    assert conclusion.next_step.startswith("Stop the instance of db-01")
    assert conclusion.next_step.endswith("until then there is none.")
    failure = Failure(step="CheckTargets", error="NotYet", cause="No target is healthy.")
    failed = conclude(FAIL_OVER, failure, Progress(is_moved=True, fenced=fenced))
    assert "its instance is not stopped" in failed.reason
    assert "Stop the instance of db-01" in failed.next_step


def test_node_that_was_not_isolated_is_told_with_the_reason() -> None:
    fenced = Fenced(node="db-01", proof="stopped", is_off=True, why_not_isolated="the subnet subnet-0a1 is shared")
    conclusion = conclude(FAIL_OVER, None, Progress(is_moved=True, fenced=fenced))
    assert conclusion.reason.endswith("db-01 was fenced by its stop alone: the subnet subnet-0a1 is shared.")
    stopped = Fenced(node="db-01", proof="stopped", is_off=True)
    assert conclude(FAIL_OVER, None, Progress(is_moved=True, fenced=stopped)).reason == FAIL_OVER.reason


def test_asynchronous_replication_is_told_after_a_fence_and_only_then() -> None:
    fenced = Fenced(node="db-01", proof="stopped", is_off=True)
    after_a_fence = conclude(FAIL_OVER, None, Progress(is_moved=True, fenced=fenced), ReplicationProtocol.A)
    assert "may be missing" in after_a_fence.reason
    failure = Failure(step="StartServices", error="Failed", cause="It went wrong.")
    half_done = conclude(FAIL_OVER, failure, Progress(is_moved=True, fenced=fenced), ReplicationProtocol.A)
    assert "may be missing" in half_done.reason
    for protocol, progress in (
        (ReplicationProtocol.C, Progress(is_moved=True, fenced=fenced)),
        (ReplicationProtocol.A, Progress(is_moved=True)),
    ):
        assert "may be missing" not in conclude(FAIL_OVER, None, progress, protocol).reason


@pytest.mark.parametrize(
    ("runs", "wanted", "told"),
    [
        ("A", ReplicationProtocol.C, "(protocol A)"),
        ("B", ReplicationProtocol.C, "(protocol B)"),
        ("C", ReplicationProtocol.A, ""),
        (None, ReplicationProtocol.A, "(protocol A)"),
        (None, ReplicationProtocol.C, ""),
    ],
)
def test_the_protocol_that_runs_is_told_and_not_the_parameter(
    runs: str | None, wanted: ReplicationProtocol, told: str
) -> None:
    """`sam deploy` with another protocol changes the parameter at once, and the replication later or never."""
    fenced = Fenced(node="db-01", proof="stopped", is_off=True)
    decision = FAIL_OVER.model_copy(update={"protocol": runs})
    reason = conclude(decision, None, Progress(is_moved=True, fenced=fenced), wanted).reason
    assert ("may be missing" in reason) == bool(told)
    assert told in reason
