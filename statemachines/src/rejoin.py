"""The order of the rejoin workflow."""

from failover.step_catalogue import Retry

from statemachines.src.language import END, RESULT, STANDBY, Workflow, begin, choice, ending, on, step, when

ACQUIRES_IN_TIME = (
    "Refuses an input that cannot be understood, then makes this execution the only one that changes the cluster; "
    "another that is at work is waited for, for a bounded time."
)

REJOIN = Workflow(
    "Garoon rejoin: bring the standby back as an up-to-date one; what it alone holds is kept before it is overwritten.",
    timeout_seconds=3_300,
    legs={
        "look": [
            begin(lock=None, decision=None, failure=None, snapshotId=None),
            step(
                "AcquireLock", {"workflow": "rejoin", "input": "$states.input"},
                comment=ACQUIRES_IN_TIME, retries=[Retry(("LockHeld",), 5, 14, growth=2.0, longest_seconds=60)],
                assign={"lock": RESULT},
            ),
            step(
                "AssessCluster", {"workflow": "rejoin", "trigger": "$lock.trigger", "record": "$lock.record"},
                assign={"decision": "$states.result.decision"},
            ),
            choice(
                "ByVerdict", "Nothing to do, warn and halt go straight to the outcome.",
                when("$decision.verdict = 'rejoin' and $decision.isDataKeptFirst", "KeepData"),
                when("$decision.verdict = 'rejoin'", "StartNode"),
                otherwise=END,
            ),
        ],
        "rejoin": [
            step("KeepData", {"node": STANDBY}, assign={"snapshotId": "$states.result.snapshotId"}),
            step("StartNode", {"node": STANDBY}),
            step(
                "RejoinNode", {"node": STANDBY, "snapshotId": "$snapshotId"},
                catches=[on("DataNotKept", to="KeepData", is_told=False)],
                to=END,
            ),
        ],
        END: ending({"snapshotId": "$snapshotId"}),
    },
)  # fmt: skip
