"""The order of the switchback workflow."""

from failover.step_catalogue import Retry, asks_again

from statemachines.src.language import (
    ACTIVE,
    END,
    ENTERED_AT,
    RESULT,
    STANDBY,
    Pass,
    Workflow,
    begin,
    choice,
    ending,
    on,
    otherwise,
    step,
    wait_for_stop,
    when,
)
from statemachines.src.rejoin import ACQUIRES_IN_TIME

UNDO = [on("LockLost"), otherwise("way back")]

SWITCHBACK = Workflow(
    "Garoon switchback: a planned move of the active role, to the home node or to the one that the input names.",
    timeout_seconds=10_500,
    legs={
        "look": [
            begin(
                lock=None, decision=None, failure=None, snapshotId=None, fenced=None, moveFailure=None, isMoved=False,
                serviceStoppedAt=None, routesMovedAt=None, demoted=None,
            ),
            step(
                "AcquireLock", {"workflow": "switchback", "input": "$states.input"},
                comment=ACQUIRES_IN_TIME, retries=[Retry(("LockHeld",), 5, 12)], assign={"lock": RESULT},
            ),
            step(
                "AssessCluster", {"workflow": "switchback", "trigger": "$lock.trigger", "record": "$lock.record"},
                assign={"decision": "$states.result.decision", "target": STANDBY},
            ),
            choice(
                "ByVerdict",
                "A target that is not an up-to-date standby rejoins first; nothing to do, warn and halt go straight to "
                "the outcome.",
                when("$decision.verdict = 'switchOver' and $decision.isDataKeptFirst", "KeepData"),
                when("$decision.verdict = 'switchOver' and $decision.isRejoinFirst", "StartNode"),
                when("$decision.verdict = 'switchOver'", "move"),
                otherwise=END,
            ),
        ],
        "rejoin first": [
            step("KeepData", {"node": STANDBY}, assign={"snapshotId": "$states.result.snapshotId"}),
            step("StartNode", {"node": STANDBY}),
            step(
                "RejoinNode", {"node": STANDBY, "snapshotId": "$snapshotId"},
                catches=[on("DataNotKept", to="KeepData", is_told=False)],
                to="move",
            ),
        ],
        "move": [
            step(
                "DemoteNode", {"node": ACTIVE},
                comment="Takes the active node out of service; everything it acknowledged is on the target by then.",
                catches=UNDO, assign={"serviceStoppedAt": ENTERED_AT, "demoted": RESULT}, to="take over",
            ),
        ],
        "take over": [
            step(
                "PromoteReplica", {"node": "$target", "acceptDataLoss": False, "demoted": "$demoted"},
                catches=UNDO, assign={"isMoved": f"$target != {ACTIVE}"},
            ),
            step(
                "SwapRouteAhead", {"node": "$target"},
                catches=[on("LockLost"), otherwise("StartServices", is_told=False)],
            ),
            step("StartServices", {"node": "$target", "startedAt": ENTERED_AT}, catches=UNDO),
            step("SwapRoute", {"node": "$target"}, catches=UNDO),
            step("CheckTargets", catches=UNDO, assign={"routesMovedAt": ENTERED_AT}),
            *wait_for_stop(),
        ],
        "way back": [
            choice(
                "IsThereAWayBack", "A move that fails is undone, once: the role goes back where it was.",
                when("$moveFailure = null", "DemoteTarget", assign={"moveFailure": "$failure", "failure": None}),
                otherwise=END,
            ),
            step(
                "DemoteTarget", {"node": STANDBY},
                comment="Proves that the target is demoted; one that does not answer any more is fenced.",
                retries=[asks_again(2, 1)], catches=[on("LockLost"), otherwise("FenceTarget", is_told=False)],
                to="ReturnRole",
            ),
            step(
                "FenceTarget", {"node": STANDBY, "startedAt": ENTERED_AT},
                comment="Cuts the target off and waits for the proof, so that the role can go back.",
                assign={"fenced": RESULT},
            ),
            Pass(
                "ReturnRole", "The same steps again, with the old active node as their target.",
                assign={"target": ACTIVE}, to="take over",
            ),
        ],
        END: ending(
            {
                "progress": {"isMoved": "$isMoved", "fenced": "$fenced", "moveFailure": "$moveFailure"},
                "serviceStoppedAt": "$serviceStoppedAt",
                "routesMovedAt": "$routesMovedAt",
                "snapshotId": "$snapshotId",
            }
        ),
    },
)  # fmt: skip
