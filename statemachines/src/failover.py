"""The order of the failover workflow."""

from statemachines.src.language import (
    ACTIVE,
    END,
    ENTERED_AT,
    RESULT,
    STANDBY,
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

ANSWERS = "['serving', 'not serving', 'demoted']"

FAILOVER = Workflow(
    "Garoon failover: find out what is wrong with the active node and put it right, by a failover if it must be.",
    timeout_seconds=10_500,
    legs={
        "begin": [
            begin(
                lock=None, decision=None, failure=None, fenced=None, moveFailure=None, isMoved=False, asked=None,
                demoted=None, to="look",
            ),
        ],
        "look": [
            step(
                "AcquireLock", {"workflow": "failover", "input": "$states.context.Execution.Input"},
                assign={"lock": RESULT},
            ),
            step(
                "AssessCluster",
                {"workflow": "failover", "trigger": "$lock.trigger", "record": "$lock.record", "asked": "$asked"},
                assign={
                    "decision": "$states.result.decision",
                    "doesActiveAnswer": f"$states.result.evidence.active.answer in {ANSWERS}",
                    "target": f"$states.result.decision.verdict = 'failOver' ? {STANDBY} : {ACTIVE}",
                    "confirmation": "$states.result.confirmation",
                },
            ),
            choice(
                "ByVerdict",
                "One way for each verdict; nothing to do, warn and halt go straight to the outcome.",
                when("$decision.verdict = 'repairRoutes'", "SwapRoute"),
                when("$decision.verdict = 'restartServices'", "RestartServices"),
                when("$decision.verdict = 'resumeActive' and $decision.isStandbyFencedFirst", "FenceTarget"),
                when("$decision.verdict = 'resumeActive'", "take over"),
                when("$decision.verdict = 'failOver' and $confirmation.isNeeded", "ask"),
                when("$decision.verdict = 'failOver' and $doesActiveAnswer", "demote, or fence"),
                when("$decision.verdict = 'failOver'", "FenceNode"),
                otherwise=END,
            ),
        ],
        "ask": [
            step(
                "RequestConfirmation",
                {
                    "taskToken": "$states.context.Task.Token", "active": ACTIVE, "standby": STANDBY,
                    "decision": "$decision", "failure": "$failure",
                },
                # As the function gave it, an integer: a $max of JSONata's need not be one. The linter, which knows no
                # variables, sees the 1.
                timeout="$append(1, $confirmation.timeoutSeconds)[-1]",
                catches=[
                    on(
                        "States.Timeout", to="look", is_told=False,
                        assign={"failure": None, "asked": {"isAnswered": False}},
                    ),
                ],
                assign={"failure": None, "asked": {"isAnswered": True, "answer": RESULT}},
                to="look",
            ),
        ],
        "in place": [
            step(
                "RestartServices", {"node": ACTIVE, "startedAt": ENTERED_AT},
                catches=[on("LockLost", "StateUnknown"), otherwise("did not help")],
                to="SwapRoute",
            ),
        ],
        "did not help": [
            choice(
                "MayRoleMove",
                "What was done in place did not help: the role moves gracefully if the standby can take it, and an "
                "operator agrees where one is to be asked. Once, and only away from the node that was active.",
                when(f"$target != {ACTIVE} or $moveFailure != null", END),
                when("$confirmation.isNeeded", "ask"),
                when("$decision.whyNoMove = ''", "demote, or fence", assign={"target": STANDBY, "failure": None}),
                otherwise=END,
            ),
        ],
        "demote, or fence": [
            step(
                "DemoteNode", {"node": ACTIVE},
                comment="Takes the active node, which answers, out of service; if that fails, it is fenced.",
                catches=[on("LockLost", "Refused"), otherwise("FenceNode", is_told=False)],
                assign={"demoted": RESULT}, to="take over",
            ),
            step("FenceNode", {"node": ACTIVE, "startedAt": ENTERED_AT}, assign={"fenced": RESULT}, to="take over"),
        ],
        "take over": [
            step(
                "PromoteReplica",
                {"node": "$target", "acceptDataLoss": "$lock.trigger.acceptDataLoss", "demoted": "$demoted"},
                catches=[on("LockLost", "NotFenced"), otherwise("way back")],
                assign={"isMoved": f"$target != {ACTIVE}"},
            ),
            step(
                "SwapRouteAhead", {"node": "$target"},
                catches=[on("LockLost"), otherwise("StartServices", is_told=False)],
            ),
            step(
                "StartServices", {"node": "$target", "startedAt": ENTERED_AT},
                catches=[on("LockLost", "StateUnknown"), otherwise("did not help")],
            ),
            step("SwapRoute", {"node": "$target"}),
            step("CheckTargets"),
            *wait_for_stop(),
        ],
        "way back": [
            choice(
                "IsThereAWayBack",
                "If the standby could not be promoted, nothing was written there: the old active node is brought back.",
                when(f"$target != {ACTIVE}", "DemoteTarget", assign={"moveFailure": "$failure", "failure": None}),
                otherwise=END,
            ),
            step("DemoteTarget", {"node": STANDBY}, to="StartNode"),
            step(
                "FenceTarget", {"node": STANDBY, "startedAt": ENTERED_AT},
                comment="Cuts off the standby, which is dead and may have been promoted, and waits for the proof, so "
                "that the old active node can have the role back.",
                assign={"fenced": RESULT},
            ),
            step(
                "StartNode", {"node": ACTIVE},
                comment="Brings the old active node's machine back, if it was stopped.",
                assign={
                    "target": ACTIVE,
                    "fenced": f"$fenced != null and $fenced.node = {ACTIVE} ? null : $fenced",
                },
                to="take over",
            ),
        ],
        END: ending(
            {
                "progress": {"isMoved": "$isMoved", "fenced": "$fenced", "moveFailure": "$moveFailure"},
                "asked": "$asked",
            }
        ),
    },
)  # fmt: skip
