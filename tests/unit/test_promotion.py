"""One order promotes, looks at the peer once more, and begins what users reach."""

from datetime import UTC, datetime

import pytest
from failover.adapters import alarms
from failover.adapters import cluster_table as table
from failover.errors import Failed, Refused
from failover.settings import Settings
from failover.steps.demote_node import DemoteNodeInput, demote_node
from failover.steps.promote_replica import PromoteReplicaInput, promote_replica
from failover.steps.start_services import start_services
from failover.steps.verbs import ServiceInput

from tests.unit.conftest import EXECUTION, put_last_word
from tests.unit.fake_network import FakeNetwork
from tests.unit.fake_nodes import FakeSsm, make_pair

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
pytestmark = pytest.mark.usefixtures("lock", "machines")


def test_peer_that_obeyed_this_move_is_looked_at_by_the_target_and_not_asked_again(
    settings: Settings, ssm: FakeSsm
) -> None:
    make_pair(*ssm.nodes.values())
    ssm.nodes["i-0a"].enter_service()
    demoted = demote_node(DemoteNodeInput(execution=EXECUTION, node="db-01"), settings)
    promoted = promote_replica(PromoteReplicaInput(execution=EXECUTION, node="db-02", demoted=demoted), settings)
    assert [(sent["Verb"], sent.get("PeerProof")) for sent in ssm.sent] == [("demote", None), ("promote", "secondary")]
    assert promoted.proof == "db-01 is demoted, and db-02 finds it secondary on the replication link"


@pytest.mark.parametrize("doubt", ["link", "epoch", "off", "other node"])
def test_peer_that_may_not_be_as_it_was_when_it_obeyed_is_asked_again(
    doubt: str, settings: Settings, ssm: FakeSsm
) -> None:
    make_pair(*ssm.nodes.values())
    ssm.nodes["i-0a"].enter_service()
    demoted = demote_node(DemoteNodeInput(execution=EXECUTION, node="db-01"), settings)
    put_last_word(settings.node_a)
    match doubt:
        case "link":
            ssm.nodes["i-0b"].mirror.disconnect("db-02")
        case "epoch":
            demoted = demoted.model_copy(update={"epoch": demoted.epoch - 1})
        case "off":
            demoted = demoted.model_copy(update={"is_off": True})
        case _:
            demoted = demoted.model_copy(update={"node": "db-02"})
    promoted = promote_replica(PromoteReplicaInput(execution=EXECUTION, node="db-02", demoted=demoted), settings)
    assert promoted.proof == "db-01 is demoted"
    assert ssm.nodes["i-0a"].heard == ["demote", "demote"]
    assert ssm.nodes["i-0b"].role == "primary"


def test_promotion_begins_what_users_reach_and_leaves_the_rest_to_the_start(settings: Settings, ssm: FakeSsm) -> None:
    promote_replica(PromoteReplicaInput(execution=EXECUTION, node="db-02"), settings)
    node = ssm.nodes["i-0b"]
    assert (node.does_database_answer, node.is_exported, node.has_virtual_ip) == (True, True, True)
    assert not node.is_scheduler_up
    start_services(ServiceInput(execution=EXECUTION, node="db-02", started_at=NOW), settings)
    assert node.is_serving


def test_promotion_that_fails_begins_nothing(settings: Settings, ssm: FakeSsm) -> None:
    node = ssm.nodes["i-0b"]
    node.weakness.does_volume_mount = False
    with pytest.raises(Failed, match="could not mount its volume"):
        promote_replica(PromoteReplicaInput(execution=EXECUTION, node="db-02"), settings)
    assert node.heard == ["promote"]
    assert [node.is_database_up, node.is_exported, node.has_virtual_ip] == [False, False, False]


def test_last_word_that_turned_bad_until_the_target_looked_undoes_the_promotion(
    settings: Settings, ssm: FakeSsm, network_acls: FakeNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The network ACL took effect on the replication link first, and the node served on without its standby."""
    network_acls.acls |= dict.fromkeys(settings.node_a.subnet_ids, settings.isolation_acl_id)
    words = iter([True, False])
    monkeypatch.setattr(alarms, "was_replicating_to_its_end", lambda *_: next(words))
    with pytest.raises(Refused, match="db-01 was no longer replicating to db-02"):
        promote_replica(PromoteReplicaInput(execution=EXECUTION, node="db-02"), settings)
    assert ssm.nodes["i-0b"].role == "primary"
    record = table.read_record(settings)
    assert (record.active, record.moving_to) == ("db-01", "db-02")
