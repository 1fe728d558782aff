"""What a real account shows and no emulator can: one line for each, with what was expected, what was seen, and where.

The lines are those of docs/operations.md, "Check on a real account". None of them moves anything: the look that a sign
starts is the controller's own, and ends with nothing to do.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from botocore.exceptions import BotoCoreError, ClientError
from failover.adapters import alarms, cluster_table, isolation, routes
from failover.adapters.clients import client, error_code, translate_errors
from failover.adapters.execution_history import Execution, list_executions, read_execution
from failover.asking import ask
from failover.errors import CloudUnavailable, Failed, as_sentence
from failover.models import OutcomeKind, Unknown, Value
from failover.readiness import alarm_names
from failover.settings import Settings
from failover.steps.check_readiness import Readiness

from garoon_failover import functions
from garoon_failover.errors import CommandError
from garoon_failover.installation import Installation
from garoon_failover.plan import try_rights

BEAT_SECONDS = 10
"""A beat may be on its way to CloudWatch for so long; later, and the heartbeat alarms go off for nothing."""
SIGN_SECONDS = 10
"""From a line in the log of signs to the start of an execution: five to be delivered, five to be looked at."""
LOOK_SECONDS = 180
"""How long an execution may take that finds nothing to do."""
_WINDOW = timedelta(minutes=2)
_FEWEST_BEATS = 3
_STREAM = "garoon-failover-verify"
PAUSE_SECONDS = 1.0


class Line(Value):
    """One line of the report."""

    what: str
    expected: str
    seen: str
    evidence: str
    """Where it was seen."""
    is_as_expected: bool


class _Seen(NamedTuple):
    is_as_expected: bool
    seen: str


class Check(NamedTuple):
    what: str
    expected: str
    evidence: str
    look: Callable[[Installation], _Seen]


def ask_readiness(found: Installation) -> Readiness:
    """The controller's own word. Raises Failed if it has none."""
    name = found.stack.outputs["CheckReadinessFunctionName"]
    try:
        return Readiness.model_validate(functions.invoke(name, {}))
    except (CommandError, BotoCoreError) as error:
        raise Failed(as_sentence(f"{name} did not answer: {error}")) from error


def verify(found: Installation) -> Iterator[Line]:
    """Each line as it is known. One that could not be looked at is not as expected, and says why."""
    for check in CHECKS:
        yield line_of(check, found)


def line_of(check: Check, found: Installation) -> Line:
    try:
        is_as_expected, seen = check.look(found)
    except (CloudUnavailable, Failed) as error:
        is_as_expected, seen = False, f"It could not be seen: {error}"
    return Line(
        what=check.what, expected=check.expected, seen=seen, evidence=check.evidence, is_as_expected=is_as_expected
    )


def _beats(found: Installation) -> _Seen:
    settings, now = found.settings, datetime.now(UTC)
    beats = alarms.read_beats(settings, now - _WINDOW, now)
    interval = settings.watch_interval_seconds
    words, is_well = [], True
    for node in settings.nodes:
        times = beats.get(node.name, [])
        age = (now - max(times)).total_seconds() if times else None
        # A node that was installed a moment ago has not sent for the whole window.
        span = (max(times) - min(times)).total_seconds() if times else 0
        is_dense = len(times) >= max(_FEWEST_BEATS, span / interval / 2)
        is_well &= is_dense and age is not None and age <= interval + BEAT_SECONDS
        words.append(f"{node.name}: {len(times)} beats" + (f", the newest {age:.0f} s old" if age is not None else ""))
    return _Seen(is_well, "; ".join(words))


def _alarms(found: Installation) -> _Seen:
    wanted = alarm_names(found.settings)
    states = alarms.read_alarms(wanted)
    # It is judged by the readiness check's own metric, which needs some looks after the deployment.
    young = found.settings.own_name("not-ready")
    missing = [name for name in wanted if name not in states]
    blind = [
        name
        for name, alarm in states.items()
        if alarm.trouble or (alarm.state == "INSUFFICIENT_DATA" and name != young)
    ]
    if missing or blind:
        return _Seen(
            False, "; ".join([*(f"{name} does not exist" for name in missing), *(f"{name} is blind" for name in blind)])
        )
    counted = {state: sum(alarm.state == state for alarm in states.values()) for state in ("OK", "ALARM")}
    return _Seen(True, f"{counted['OK']} are OK, {counted['ALARM']} in ALARM")


def _rights_to_look(found: Installation) -> _Seen:
    unknown = [finding for finding in ask_readiness(found).findings if finding.id.startswith("unknown-")]
    return _Seen(not unknown, " ".join(finding.meaning for finding in unknown) or "every source answered")


def _rights_to_act(found: Installation) -> _Seen:
    rights = try_rights(found.settings)
    troubles = [f"{step}: {' '.join(said)}" for step, said in rights.items() if said]
    return _Seen(not troubles, " ".join(troubles) or f"{len(rights)} functions would do their part")


def _routes(found: Installation) -> _Seen:
    settings = found.settings
    active = settings.node(cluster_table.read_record(settings).active)
    entries = routes.read_entries(settings)
    wrong = [entry.route_table_id for entry in entries if not entry.points_to(active)]
    seen = f"{', '.join(wrong)} do not lead to {active.name}" if wrong else f"{len(entries)} lead to {active.name}"
    return _Seen(not wrong, seen)


def _associations(found: Installation) -> _Seen:
    acls = [acl for node in found.settings.nodes for acl in isolation.read_acls(node)]
    isolated = isolation.isolated(acls, found.settings)
    closed = [acl for acl in acls if not acl.does_allow and acl not in isolated]
    seen = ", ".join(f"{acl.subnet_id} has {acl.acl_id}" for acl in (isolated + closed or acls))
    return _Seen(not isolated and not closed, seen)


def _sign(found: Installation) -> _Seen:
    """A line as a node writes it when it has lost its peer, and the look that it starts."""
    earlier = failovers(found)
    written_at = time.monotonic()
    _write_sign(found.settings)
    arn = wait_for_new(found, earlier, LOOK_SECONDS)
    if arn is None:
        return _Seen(False, f"no execution began within {LOOK_SECONDS} s")
    # By this machine's clock, and as late as it was seen: another clock would make it sooner or later than it was.
    seconds = time.monotonic() - written_at
    execution = wait_for_end(arn, LOOK_SECONDS)
    is_well = seconds <= SIGN_SECONDS and execution.came_to == OutcomeKind.NOTHING_TO_DO
    return _Seen(is_well, f"{execution.name} began {seconds:.1f} s after the line, and ended with {execution.came_to}")


@translate_errors
def _write_sign(settings: Settings) -> None:
    standby = settings.peer_of(cluster_table.read_record(settings).active)
    group = f"/garoon-failover/{settings.cluster_name}/signs"
    try:
        client("logs").create_log_stream(logGroupName=group, logStreamName=_STREAM)
    except ClientError as error:
        if error_code(error) != "ResourceAlreadyExistsException":
            raise
    line = json.dumps({"node": standby.name, "instance": standby.instance_id, "sign": "peerLost"})
    event = {"timestamp": int(time.time() * 1000), "message": line}
    client("logs").put_log_events(logGroupName=group, logStreamName=_STREAM, logEvents=[event])


def failovers(found: Installation) -> set[str]:
    """The ARNs of the newest executions of the failover workflow."""
    return {one.arn for one in list_executions(found.state_machine_arn("failover"), 100)}


def wait_for_new(found: Installation, earlier: Collection[str], seconds: float) -> str | None:
    """The first execution of the failover workflow that was not there earlier; None if none begins in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        listed = ask(list_executions, found.state_machine_arn("failover"), 20)
        for one in reversed([] if isinstance(listed, Unknown) else listed):
            if one.arn not in earlier:
                return one.arn
        time.sleep(PAUSE_SECONDS)
    return None


def wait_for_end(arn: str, seconds: float, tell: Callable[[str], None] | None = None) -> Execution:
    """The execution when it has ended, or as it is when the time is over; each step that begins is told.

    Raises Failed if it is not to be seen.
    """
    deadline = time.monotonic() + seconds
    step: str | None = None
    while True:
        # An AWS that does not answer for a moment says nothing about the execution, which goes on.
        said = ask(read_execution, arn)
        execution = None if isinstance(said, Unknown) else said
        if tell and execution is not None and execution.step not in (None, step):
            step = execution.step
            tell(f"  {execution.workflow}: {step}")
        if time.monotonic() > deadline or (execution is not None and not execution.is_running):
            break
        time.sleep(PAUSE_SECONDS)
    if execution is None:
        raise Failed(said.why if isinstance(said, Unknown) else f"Step Functions does not know the execution {arn}.")
    return execution


CHECKS = (
    Check(
        "metrics arrive",
        f"Heartbeat of both nodes and their instances, to the second, within {BEAT_SECONDS} s",
        "CloudWatch GetMetricData, period 1 s, the last two minutes",
        _beats,
    ),
    Check("alarms see them", "each exists, and none is INSUFFICIENT_DATA", "CloudWatch DescribeAlarms", _alarms),
    Check("every right to look is enough", "no finding unknown-...", "the function check-readiness", _rights_to_look),
    Check(
        "every function runs, and might do its part", "no trouble", "the function rehearse (dry runs)", _rights_to_act
    ),
    Check("routes", "each entry of the virtual IP leads to the active node", "EC2 DescribeRouteTables", _routes),
    Check(
        "network ACLs", "none of the nodes' subnets is isolated", "EC2 DescribeNetworkAcls: associations", _associations
    ),
    Check(
        "signs arrive",
        f"an execution begins within {SIGN_SECONDS} s, and ends with NothingToDo",
        "a line in the log group of signs, the failover workflow's executions",
        _sign,
    ),
)
