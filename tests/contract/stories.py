"""The stories: each verb from each state, refusals, repetition, crashes in the middle, and what is true then."""

from __future__ import annotations

from testbed.cluster.node import Promotion
from tests.contract.story import ORDERS, PROMOTED, SERVING, STANDBY, Crash, Happening, Order, Story

IN_SERVICE = (Order("db-01", "promote", first=PROMOTED), Order("db-01", "start", first=SERVING))
DEMOTED = STANDBY | {"word": ""}
UNREPLICATED = STANDBY | {"word": "unreplicated"}
BACK = STANDBY | {"word": "active", "link": "apart"}
"""A node that went down while it was active."""
NO_DATABASE = {"database": "stopped", "does_database_answer": False, "is_serving": False}
LOSS_ACCEPTED = Promotion(accepts_data_loss=True)
UNSEEN, SECONDARY = Promotion(peer_proof="unseen"), Promotion(peer_proof="secondary")
AND_START = Promotion(and_start=True)
REACHED = PROMOTED | {
    "database": "running", "does_database_answer": True, "is_exported": True, "has_virtual_ip": True,
}  # fmt: skip
"""What a promotion begins comes to: all that users reach, and nothing that acts by itself."""
TOGETHER, ALONE = {"link": "connected"}, {"link": "waiting"}
SEEN = {"database": "answers", "nfs": "answers", "eth0": True, "eth1": True}
GONE = {"database": "unreachable", "nfs": "unreachable", "eth0": False, "eth1": False}

STORIES = (
    Story(
        "brought into service, and told the same again",
        (
            Order("db-01", "promote", first=PROMOTED),
            Order("db-01", "promote"),
            Order("db-01", "start", first=SERVING),
            Order("db-01", "start"),
            Order("db-01", "restart"),
            Order("db-01", "promote"),
            Order("db-01", "promote", epoch=0),
            Order("db-01", "status"),
        ),
    ),
    Story(
        "a standby has nothing to serve with",
        (
            Order("db-01", "start", "failed"),
            Order("db-01", "restart", "failed"),
            Order("db-01", "demote"),
            Order("db-01", "restart", "failed", epoch=2),
            Order("db-01", "start", "failed", epoch=2),
        ),
    ),
    Story(
        "a standby has nothing to stop, and follows its peer",
        (
            Order("db-01", "stop"),
            Order("db-01", "reconnect", "not_primary"),
            Order("db-01", "rejoin"),
            Order("db-01", "status"),
        ),
    ),
    Story(
        "beside a primary",
        (
            *IN_SERVICE,
            Order("db-02", "promote", "peer_primary", epoch=2),
            Order("db-02", "promote", "peer_primary", epoch=0),
            Order("db-02", "start", "failed", epoch=2),
            Order("db-02", "restart", "failed", epoch=2),
            Order("db-02", "demote", epoch=2),
        ),
    ),
    Story(
        "beside a primary, what else there is to order",
        (
            *IN_SERVICE,
            Order("db-02", "stop"),
            Order("db-02", "reconnect", "not_primary"),
            Order("db-02", "rejoin"),
            Order("db-01", "reconnect"),
            Order("db-01", "rejoin", "not_demoted"),
        ),
    ),
    Story(
        "promoted, and not in service yet",
        (
            Order("db-01", "promote", first=PROMOTED),
            Order("db-01", "restart", first=SERVING),
            Order("db-01", "demote", epoch=2, first=DEMOTED),
            Order("db-01", "promote", epoch=3, first=PROMOTED),
            Order("db-01", "demote", epoch=4, first=DEMOTED),
        ),
    ),
    Story(
        "out of service and back",
        (
            *IN_SERVICE,
            Order("db-01", "stop", first=PROMOTED),
            Order("db-01", "stop"),
            Order("db-01", "restart", first=SERVING),
            Order("db-01", "stop", first=PROMOTED),
            Order("db-01", "reconnect"),
            Order("db-01", "rejoin", "not_demoted"),
            Order("db-01", "start", first=SERVING),
        ),
    ),
    Story(
        "switchover",
        (
            *IN_SERVICE,
            Order("db-01", "demote", epoch=2, first=DEMOTED),
            Order("db-01", "demote", epoch=2),
            Order("db-02", "promote", epoch=2, second=PROMOTED),
            Order("db-02", "start", epoch=2, second=SERVING),
            Order("db-01", "start", "stale_epoch"),
            Order("db-01", "start", "failed", epoch=2),
            Order("db-01", "status"),
        ),
    ),
    Story(
        "promoted only if the peer is not seen",
        (
            *IN_SERVICE,
            Order("db-02", "promote", "peer_not_proven", epoch=2, promotion=UNSEEN),
            Happening("db-01", "loses power", first=None, second=ALONE),
            Order("db-02", "promote", epoch=2, promotion=UNSEEN, second=PROMOTED),
            Order("db-02", "promote", epoch=2, promotion=UNSEEN),
        ),
    ),
    Story(
        "promoted only if the peer is secondary on the link",
        (
            *IN_SERVICE,
            Order("db-02", "promote", "peer_not_proven", epoch=2, promotion=SECONDARY),
            Order("db-01", "demote", epoch=2, first=DEMOTED),
            Order("db-02", "promote", epoch=2, promotion=SECONDARY, second=PROMOTED),
            Order("db-02", "promote", epoch=2, promotion=SECONDARY),
            Order("db-01", "promote", "peer_not_proven", epoch=2, promotion=SECONDARY),
        ),
    ),
    Story(
        "a link that is lost shows no peer",
        (
            *IN_SERVICE,
            Order("db-01", "demote", epoch=2, first=DEMOTED),
            Happening("db-01", "loses its link", first=ALONE, second=ALONE),
            Order("db-02", "promote", "peer_not_proven", epoch=2, promotion=SECONDARY),
            Order("db-02", "promote", "peer_not_proven", epoch=2, promotion=UNSEEN),
            Order("db-02", "promote", epoch=2, second=PROMOTED),
        ),
    ),
    Story(
        "promoted, and what users reach with it",
        (
            Order("db-01", "promote", promotion=AND_START, first=REACHED),
            Order("db-01", "promote", promotion=AND_START),
            Order("db-01", "start", first=SERVING),
            Order("db-01", "demote", epoch=2, first=DEMOTED),
            Order("db-02", "promote", epoch=2, promotion=AND_START, second=REACHED),
            Order("db-02", "demote", epoch=3, second=DEMOTED),
        ),
    ),
    Story(
        "a promotion whose start fails is a promotion",
        (
            Happening("db-01", "can't start its database"),
            Order("db-01", "promote", promotion=AND_START, first=PROMOTED),
            Order("db-01", "start", "failed"),
            Happening("db-01", "is well again"),
            Order("db-01", "start", first=SERVING),
        ),
    ),
    Story(
        "a promotion that fails starts nothing",
        (
            Happening("db-01", "can't mount its volume"),
            Order("db-01", "promote", "failed", promotion=AND_START),
            Happening("db-01", "is well again"),
            Order("db-01", "promote", promotion=AND_START, first=REACHED),
        ),
    ),
    Story(
        "the database dies",
        (
            *IN_SERVICE,
            Happening("db-01", "loses its database", first=NO_DATABASE),
            Order("db-01", "restart", first=SERVING),
            Happening("db-01", "loses its database", first=NO_DATABASE),
            Order("db-01", "start", first=SERVING),
            Happening("db-01", "loses its database", first=NO_DATABASE),
            Order("db-01", "demote", epoch=2, first=DEMOTED),
        ),
    ),
    Story(
        "failover",
        (
            *IN_SERVICE,
            Happening("db-01", "loses power", first=None, second=ALONE),
            Order("db-02", "promote", epoch=2, second=PROMOTED),
            Order("db-02", "start", epoch=2, second=SERVING),
            Happening("db-01", "boots", first=BACK),
            Order("db-01", "restart", "failed"),
            Order("db-02", "restart", epoch=2),
        ),
    ),
    Story(
        "failover and rejoin",
        (
            *IN_SERVICE,
            Happening("db-01", "loses power", first=None, second=ALONE),
            Order("db-02", "promote", epoch=2, second=PROMOTED),
            Order("db-02", "start", epoch=2, second=SERVING),
            Happening("db-01", "boots", first=BACK),
            Order("db-01", "status"),
            Order("db-01", "start", "failed", epoch=2),
            Order("db-01", "reconnect", "not_primary", epoch=2),
            Order("db-02", "reconnect", epoch=2),
            Order("db-02", "rejoin", "not_demoted", epoch=2),
            Order(
                "db-01", "rejoin", epoch=2,
                first=TOGETHER | {"word": ""}, second=TOGETHER,
            ),
            Order("db-01", "rejoin", epoch=2),
            Order("db-01", "status"),
        ),
    ),
    Story(
        "demoted out of touch",
        (
            *IN_SERVICE,
            Happening("db-02", "loses power", first=ALONE, second=None),
            Order("db-01", "demote", epoch=2, first=UNREPLICATED),
            Order("db-01", "demote", epoch=2),
            Order("db-01", "promote", epoch=3, first=PROMOTED),
            Order("db-01", "start", epoch=3, first=SERVING),
        ),
    ),
    Story(
        "the active node reboots",
        (
            *IN_SERVICE,
            Happening("db-01", "loses power", first=None, second=ALONE),
            Happening("db-01", "boots", first=BACK),
            Order(
                "db-01", "promote", epoch=2,
                first=PROMOTED | TOGETHER, second=TOGETHER,
            ),
            Order("db-01", "restart", epoch=2, first=SERVING),
        ),
    ),
    Story(
        "the standby reboots",
        (
            *IN_SERVICE,
            Happening("db-02", "loses power", first=ALONE, second=None),
            Happening("db-02", "boots", first=TOGETHER, second=TOGETHER),
            Order("db-02", "promote", "peer_primary", epoch=2),
        ),
    ),
    Story(
        "orders of an epoch that is over",
        (
            *IN_SERVICE,
            Order("db-01", "restart", epoch=5),
            *(Order("db-01", verb, "stale_epoch", epoch=4) for verb in ("promote", "start", "restart", "demote")),
            Order("db-01", "demote", epoch=5, first=DEMOTED),
            Order("db-01", "promote", "stale_epoch", epoch=4),
        ),
    ),
    Story(
        "orders of an epoch that is over, what else there is to order",
        (
            *IN_SERVICE,
            Order("db-01", "demote", epoch=5, first=DEMOTED),
            *(Order("db-01", verb, "stale_epoch", epoch=4) for verb in ("stop", "reconnect", "rejoin")),
            Order("db-01", "stop", epoch=5),
        ),
    ),
    Story(
        "orders that come too late, or were timed by another clock",
        (
            *IN_SERVICE,
            *(Order("db-01", verb, "expired", epoch=6, expires_in=-10) for verb in ORDERS),
            Order("db-01", "demote", "expired", epoch=6, expires_in=1000),
            Order("db-01", "demote", epoch=6, expires_in=None, first=DEMOTED),
        ),
    ),
    Story(
        "a replica that is behind",
        (
            Happening(
                "db-02", "begins a long resync",
                first={"link": "resyncing"}, second={"link": "resyncing", "data": "stale"},
            ),
            Order("db-02", "promote", "stale_replica"),
            Order("db-02", "start", "failed"),
            Order("db-02", "promote", promotion=LOSS_ACCEPTED, second=PROMOTED),
        ),
    ),
    Story(
        "a replica that was outdated",
        (
            *IN_SERVICE,
            Happening("db-02", "loses its link", first=ALONE, second=ALONE),
            Happening("db-02", "is outdated", second={"data": "stale"}),
            Happening("db-01", "loses power", first=None),
            Order("db-02", "promote", "stale_replica", epoch=2),
            Order("db-02", "promote", epoch=2, promotion=LOSS_ACCEPTED, second=PROMOTED | {"data": "current"}),
            Order("db-02", "start", epoch=2, second=SERVING),
        ),
    ),
    Story(
        "the link is lost and found",
        (
            *IN_SERVICE,
            Happening("db-02", "loses its link", first=ALONE, second=ALONE),
            Order("db-01", "start"),
            Order("db-01", "probe", sight=SEEN | {"database": "unreachable", "eth1": False}),
            Happening("db-02", "finds its link again", first=TOGETHER, second=TOGETHER),
            Order("db-02", "probe", sight=SEEN),
        ),
    ),
    Story(
        "what a node sees of its peer",
        (
            Order("db-02", "demote"),
            Order("db-01", "demote"),
            Order("db-02", "probe", sight=SEEN | {"database": "unreachable"}),
            *IN_SERVICE,
            Order("db-02", "probe", sight=SEEN),
            Order("db-01", "probe", sight=SEEN | {"database": "unreachable"}),
            Happening("db-01", "loses power", first=None, second=ALONE),
            Order("db-02", "probe", sight=GONE),
        ),
    ),
    Story(
        "a database that does not start",
        (
            Order("db-01", "promote", first=PROMOTED),
            Happening("db-01", "can't start its database"),
            Order("db-01", "start", "failed"),
            Order("db-01", "restart", "failed"),
            Happening("db-01", "is well again"),
            Order("db-01", "start", first=SERVING),
        ),
    ),
    Story(
        "a database that recovers",
        (
            Order("db-01", "promote", first=PROMOTED),
            Happening("db-01", "has a database that recovers"),
            Order("db-01", "start", "recovering", first={"database": "starting"}),
            Order("db-01", "restart", "recovering"),
        ),
    ),
    Story(
        "a volume that can't be mounted",
        (
            Happening("db-01", "can't mount its volume"),
            Order("db-01", "promote", "failed"),
            Happening("db-01", "is well again"),
            Order("db-01", "promote", epoch=2, first=PROMOTED),
        ),
    ),
    Story(
        "a replica that can't be seen",
        (
            *IN_SERVICE,
            Happening(
                "db-01", "can't see its replica",
                first={"role": "unknown", "link": "unknown", "data": "unknown", "is_serving": None},
            ),
            Order("db-01", "demote", "unknown", epoch=2),
            Order("db-01", "start", "unknown", epoch=2),
            Happening("db-01", "is well again", first=SERVING | TOGETHER | {"data": "current"}),
            Order("db-01", "demote", epoch=2, first=DEMOTED),
        ),
    ),
    Story(
        "one order at a time",
        (
            *IN_SERVICE,
            Happening("db-01", "is at work on an earlier order"),
            Order("db-01", "demote", "busy", epoch=2),
            Order("db-01", "status"),
            Order("db-01", "probe", sight=SEEN | {"database": "unreachable"}),
            Happening("db-01", "is well again"),
            Order("db-01", "demote", epoch=2, first=DEMOTED),
        ),
    ),
    Story(
        "a promotion that the node does not live through",
        (
            Crash(
                "db-01", "promote", {"role": "primary", "is_mounted": False, "word": "active"},
                first=BACK, second=ALONE,
            ),
            Order(
                "db-01", "promote",
                first=PROMOTED | TOGETHER, second=TOGETHER,
            ),
            Order("db-01", "start", first=SERVING),
        ),
    ),
    Story(
        "a start that the node does not live through",
        (
            Order("db-01", "promote", first=PROMOTED),
            Crash(
                "db-01", "start", {"does_database_answer": True, "is_exported": False},
                first=BACK, second=ALONE,
            ),
            Order("db-01", "start", "failed"),
            Order(
                "db-01", "promote",
                first=PROMOTED | TOGETHER, second=TOGETHER,
            ),
            Order("db-01", "start", first=SERVING),
        ),
    ),
    Story(
        "a demotion that the node does not live through",
        (
            *IN_SERVICE,
            Crash(
                "db-01", "demote", {"database": "stopped", "is_mounted": True}, epoch=2,
                first=BACK, second=ALONE,
            ),
            Order("db-01", "restart", "stale_epoch"),
            Order("db-01", "demote", epoch=2, first={"word": "unreplicated"}),
            Order("db-02", "promote", epoch=2, second=PROMOTED),
        ),
    ),
)  # fmt: skip
