"""A look that failed says nothing: nothing is judged, changed or proven by what a node could not see of itself."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from failover.adapters import cluster_table as table
from failover.conclusion import Progress, conclude
from failover.errors import NotYet, StateUnknown
from failover.failure import Failure
from failover.models import Answer, InstanceState, NodeStatus, OutcomeKind, PeerPaths, PeerProbe
from failover.proof import NotProven, Proven
from failover.settings import Settings
from failover.steps.assess_cluster import judge_status
from failover.steps.demote_node import DemoteNodeInput, demote_node
from failover.steps.promote_replica import PromoteReplicaInput, promote_replica
from failover.steps.proofs import prove_off
from failover.steps.rejoin_node import RejoinNodeInput, rejoin_node
from failover.steps.restart_services import restart_services
from failover.steps.verbs import ServiceInput
from pydantic import ValidationError

from tests.unit.conftest import EXECUTION
from tests.unit.fake_machines import FakeMachines
from tests.unit.fake_nodes import FakeNode, FakeSsm
from tests.unit.test_steps import assess


@pytest.mark.usefixtures("cluster_table", "machines")
def test_node_whose_look_at_itself_failed_is_unknown_and_changes_nothing(settings: Settings, ssm: FakeSsm) -> None:
    """It answers, but could not read its role: it neither serves nor is it demoted nor dead, as far as is known."""
    ssm.nodes["i-0a"].is_blind = True
    with pytest.raises(NotYet, match=r"could not say how it is \(.*its replica's role"):
        assess(settings)
    assert {node["Verb"] for node in ssm.sent} == {"status", "probe"}


@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        ({"is_serving": None, "has_virtual_ip": None}, Answer.UNKNOWN),
        ({"is_serving": False, "has_virtual_ip": None, "database_answers": False}, Answer.NOT_SERVING),
        ({"is_serving": None, "is_mounted": None, "is_writable": None}, Answer.UNKNOWN),
        ({"is_serving": False, "is_mounted": False, "is_writable": False}, Answer.NOT_SERVING),
    ],
)
def test_unseen_part_of_a_primary_is_neither_up_nor_down(changes: dict[str, Any], answer: Answer) -> None:
    status = NodeStatus.model_validate(FakeNode("db-01", role="primary", is_serving=True).status())
    assert judge_status(status.model_copy(update=changes)) is answer


@pytest.mark.parametrize(
    ("role", "is_mounted", "answer"),
    [
        ("secondary", False, Answer.DEMOTED),
        ("secondary", None, Answer.UNKNOWN),
        ("secondary", True, Answer.NOT_SERVING),
        ("unknown", False, Answer.UNKNOWN),
        ("unknown", True, Answer.UNKNOWN),
    ],
)
def test_only_a_role_that_was_read_is_a_proof(role: str, is_mounted: bool | None, answer: Answer) -> None:
    status = NodeStatus.model_validate(FakeNode("db-02").status() | {"isMounted": is_mounted})
    status = status.model_copy(update={"replication": status.replication.model_copy(update={"role": role})})
    assert judge_status(status) is answer
    assert status.is_demoted == (answer is Answer.DEMOTED)


def test_probe_whose_look_failed_sees_neither_service_nor_death() -> None:
    unseen = PeerProbe(peer="db-01", database="unknown", nfs="unknown", paths=PeerPaths(eth0=None, eth1=False))
    assert (unseen.sees_services, unseen.sees_anything) == (None, None)
    silent = unseen.model_copy(update={"nfs": "silent"})
    assert silent.sees_services is False


@pytest.mark.parametrize("paths", [{}, {"eth0": False}])
def test_probe_that_did_not_look_at_both_paths_is_no_answer(paths: dict[str, bool]) -> None:
    """Nothing looked at would be nothing seen, which is what a fence asks for."""
    with pytest.raises(ValidationError):
        PeerProbe.model_validate({"peer": "db-01", "database": "unreachable", "nfs": "unreachable", "paths": paths})


@pytest.mark.usefixtures("lock")
def test_probe_that_could_not_see_a_path_proves_no_end(
    settings: Settings, ssm: FakeSsm, machines: FakeMachines
) -> None:
    table.record_fence(settings, EXECUTION, "db-01", is_off_proven=True)
    machines.states["db-01"], ssm.nodes["i-0a"].is_silent = InstanceState.FORGOTTEN, True
    record = table.read_record(settings)
    assert isinstance(prove_off(settings.node_a, record, settings), Proven)
    ssm.garble = lambda output: output.replace('"eth1": false', '"eth1": null')
    why = "db-02 could not see whether db-01 is still on the network"
    assert prove_off(settings.node_a, record, settings) == NotProven(why=why)
    ssm.nodes["i-0b"].is_silent = True
    why = "db-02 did not say what it sees of db-01"
    assert prove_off(settings.node_a, record, settings) == NotProven(why=why)


@pytest.mark.usefixtures("lock")
def test_node_that_cannot_see_its_role_is_not_let_follow(
    settings: Settings, ssm: FakeSsm, machines: FakeMachines
) -> None:
    """It is not known either whether it holds what nobody else has."""
    ssm.nodes["i-0b"].is_blind = True
    with pytest.raises(StateUnknown, match="its replica's role"):
        rejoin_node(RejoinNodeInput(execution=EXECUTION, node="db-02"), settings)
    assert "rejoin" not in ssm.nodes["i-0b"].heard


@pytest.mark.usefixtures("lock")
@pytest.mark.parametrize("step", ["restart", "demote", "promote"])
def test_node_that_cannot_see_its_role_is_asked_again_and_not_called_a_failure(
    step: str, settings: Settings, ssm: FakeSsm, machines: FakeMachines
) -> None:
    ssm.nodes["i-0a"].is_blind = True
    steps: dict[str, Callable[[], object]] = {
        "restart": lambda: restart_services(
            ServiceInput(execution=EXECUTION, node="db-01", started_at=datetime.now(UTC)), settings
        ),
        "demote": lambda: demote_node(DemoteNodeInput(execution=EXECUTION, node="db-01"), settings),
        "promote": lambda: promote_replica(PromoteReplicaInput(execution=EXECUTION, node="db-02"), settings),
    }
    with pytest.raises(StateUnknown, match="could not see its replica's role or its mount"):
        steps[step]()
    assert "promote" not in ssm.nodes["i-0b"].heard
    assert ssm.nodes["i-0a"].role == "primary"


def test_restart_that_saw_nothing_ends_in_a_warning_and_moves_nothing() -> None:
    cause = json.dumps({"errorMessage": "db-01 could not see the role of its replica; nothing was changed."})
    failure = Failure(step="RestartServices", error="StateUnknown", cause=cause)
    conclusion = conclude(None, failure, Progress())
    assert conclusion.kind is OutcomeKind.WARNED
    assert "could not see the role" in conclusion.reason
