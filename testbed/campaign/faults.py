"""What can go wrong: each fault stands around one thing that the world does, and decides how it ends.

How AWS's services say that they throttle or deny is in their API references, "Common errors".
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from testbed.campaign.apis import READS
from testbed.campaign.engine import FunctionError
from testbed.campaign.points import Count, Point, where_of, words_of_call, words_of_command
from testbed.campaign.wire import AwsError

if TYPE_CHECKING:
    from testbed.campaign.apis import Command
    from testbed.campaign.engine import Invocation, Json
    from testbed.campaign.wire import Call
    from testbed.campaign.world import World

_FROZEN_SECONDS = 40.0
_STALE_SECONDS = 30.0
_LASTING_SECONDS = 900.0
_READINESS_SECONDS = 300.0

_THROTTLED = {"ec2": ("RequestLimitExceeded", 503), "dynamodb": ("ThrottlingException", 400)}
_DENIED = {"ec2": ("UnauthorizedOperation", 403), "sns": ("AuthorizationError", 403), "elbv2": ("AccessDenied", 403)}


class Fault:
    """Lets everything pass. Subclasses change one thing, and count how often they did."""

    def __init__(self) -> None:
        self.fired = 0
        self.world: World

    def begin(self, world: World) -> None:
        """The fault's time begins."""
        self.world = world

    def on_call(self, call: Call, perform: Callable[[], Json]) -> Json:
        """Around the service's answer to one HTTP request."""
        return perform()

    def on_step(self, invocation: Invocation, perform: Callable[[], Any]) -> Any:
        """Around one run of a function."""
        return perform()

    def on_command(self, command: Command, perform: Callable[[], None]) -> None:
        """Around an agent's taking a command."""
        perform()

    def on_state(self, execution: str, state: str) -> None:
        """A state is entered."""

    def on_event(self, event: Json) -> list[tuple[float, Json]]:
        """What arrives in place of the event, and how much later."""
        return [(0.0, event)]

    def _fire(self, what: str) -> None:
        self.fired += 1
        self.world.log(f"FAULT {what}")

    def _kill(self, invocation: Invocation) -> None:
        """The function's process ends here, as when it runs out of memory."""
        assert invocation.task is not None
        invocation.task.kill()
        self.world.loop.sleep(0.0)

    def _take_over(self, execution: str | None) -> None:
        """An operator stops the execution in the console, and starts the workflow again."""
        engine = self.world.engine

        def take_over() -> None:
            if execution is not None:
                engine.stop(execution, "stopped by an operator")
            self.world.loop.sleep(1.0)
            engine.start(engine.machine("failover").arn, {})

        self.world.loop.spawn(take_over, "operator")


# --- AWS APIs


class CallFault(Fault):
    """At one call of the controller's: all tries of boto3's for it, or for some time every call of that operation."""

    seconds = 0.0
    is_of_one_role = False
    """For that time, only calls of the same function fail."""

    def __init__(self, point: Point) -> None:
        super().__init__()
        self._count = Count(point)
        self._parameters: object = None
        self._name = self._function = ""
        self._until = 0.0

    def on_call(self, call: Call, perform: Callable[[], Json]) -> Json:
        if call.attempt == 1 and self._count.is_here(where_of(call.caller), words_of_call(call)):
            self._fire(f"{type(self).__name__} at {where_of(call.caller)}: {words_of_call(call)}")
            self._parameters, self._name, self._function = call.parameters, call.name, call.caller.function.name
            self._until = self.world.loop.now + self.seconds
            if self._until < float("inf"):
                self.world.busy_until = self._until
        return self.instead(call, perform) if call.parameters is self._parameters or self._lasts(call) else perform()

    def _lasts(self, call: Call) -> bool:
        is_meant = call.name == self._name and (not self.is_of_one_role or call.caller.function.name == self._function)
        return is_meant and self.world.loop.now < self._until

    def instead(self, call: Call, perform: Callable[[], Json]) -> Json:
        raise NotImplementedError


def throttle(call: Call) -> AwsError:
    """The service's words for too many requests."""
    code, status = _THROTTLED.get(call.service, ("ThrottlingException", 400))
    return AwsError(code, "Rate exceeded", status)


class ThrottledTwice(CallFault):
    def instead(self, call: Call, perform: Callable[[], Json]) -> Json:
        if call.attempt <= 2:
            raise throttle(call)
        return perform()


class ThrottledForAMinute(CallFault):
    seconds = 60.0

    def instead(self, call: Call, perform: Callable[[], Json]) -> Json:
        raise throttle(call)


class ServerError(CallFault):
    def instead(self, call: Call, perform: Callable[[], Json]) -> Json:
        raise AwsError("InternalFailure", "An internal error has occurred.", 500)


class TimedOutWithEffect(CallFault):
    def instead(self, call: Call, perform: Callable[[], Json]) -> Json:
        try:
            perform()
        except AwsError:
            self.world.log("the retried call was refused, and nobody hears that either")
        raise call.read_timeout()


class TimedOutWithoutEffect(CallFault):
    def instead(self, call: Call, perform: Callable[[], Json]) -> Json:
        raise call.connect_timeout()


class AnsweredOnceThenTimedOut(CallFault):
    """The first try is done and its answer lost; boto3's second try meets what the first one did."""

    def instead(self, call: Call, perform: Callable[[], Json]) -> Json:
        answer = perform()
        if call.attempt == 1:
            raise call.read_timeout()
        return answer


class AccessDenied(CallFault):
    """The function's role lacks the permission, until somebody gives it."""

    seconds = float("inf")
    is_of_one_role = True

    def instead(self, call: Call, perform: Callable[[], Json]) -> Json:
        code, status = _DENIED.get(call.service, ("AccessDeniedException", 400))
        raise AwsError(code, f"You are not authorized to perform {call.name}.", status)


class EmptyAnswer(CallFault):
    """For half a minute, lists that should hold something are empty."""

    seconds = _STALE_SECONDS

    def instead(self, call: Call, perform: Callable[[], Json]) -> Json:
        answer = perform()
        if call.name not in READS:
            return answer
        if call.operation == "GetItem":
            return {}
        if call.operation == "GetCommandInvocation":
            return answer | {"StandardOutputContent": ""}
        return {name: [] if isinstance(value, list) else value for name, value in answer.items()}


class StaleAnswer(CallFault):
    """For half a minute, eventually consistent reads show the world as it was half a minute before."""

    seconds = _STALE_SECONDS

    def instead(self, call: Call, perform: Callable[[], Json]) -> Json:
        if call.operation == "GetCommandInvocation":
            raise AwsError("InvocationDoesNotExist", "")
        if call.operation == "DescribeExecution":
            raise AwsError("ExecutionDoesNotExist", "Execution Does Not Exist")
        self.world.apis.seconds_behind = _STALE_SECONDS
        try:
            return perform()
        finally:
            self.world.apis.seconds_behind = 0.0


class Forgotten(CallFault):
    """For half a minute EC2 does not know an instance that is there: an id that is unknown is not a dead machine."""

    seconds = _STALE_SECONDS

    def instead(self, call: Call, perform: Callable[[], Json]) -> Json:
        [instance_id] = call.parameters["InstanceIds"]
        raise AwsError("InvalidInstanceID.NotFound", f"The instance ID '{instance_id}' does not exist", 400)


class KilledBeforeCall(CallFault):
    def instead(self, call: Call, perform: Callable[[], Json]) -> Json:
        self._kill(call.caller)
        return perform()


class KilledAfterCall(CallFault):
    def instead(self, call: Call, perform: Callable[[], Json]) -> Json:
        answer = perform()
        self._kill(call.caller)
        return answer


class FrozenBeforeCall(CallFault):
    """The function stands still right before the call, while another execution takes the lock over."""

    def instead(self, call: Call, perform: Callable[[], Json]) -> Json:
        if call.attempt == 1:
            self._take_over(call.caller.execution)
            self.world.loop.sleep(_FROZEN_SECONDS)
        return perform()


# --- the cluster table


class TableFault(CallFault):
    """What the table holds is not what it should, from the call on."""

    def instead(self, call: Call, perform: Callable[[], Json]) -> Json:
        if call.attempt == 1:
            item = self.world.apis.table.item
            self.world.is_record_tampered = True
            self.world.apis.table.put(None if item is None else self.tamper(copy.deepcopy(item)))
        return perform()

    def tamper(self, item: Json) -> Json | None:
        raise NotImplementedError


class ItemMissing(TableFault):
    def tamper(self, item: Json) -> Json | None:
        return None


class ItemOfOlderVersion(TableFault):
    """Fewer fields than now, and one that nobody knows any more."""

    def tamper(self, item: Json) -> Json | None:
        kept = {name: value for name, value in item.items() if name in ("clusterName", "active", "epoch", "lockOwner")}
        return kept | {"generation": {"N": "7"}}


class ItemUnparsable(TableFault):
    def tamper(self, item: Json) -> Json | None:
        return item | {"epoch": {"S": "many"}}


class ConditionFails(CallFault):
    """DynamoDB says that the condition does not hold, once."""

    def instead(self, call: Call, perform: Callable[[], Json]) -> Json:
        if call.caller.execution:
            self.world.observer.told_of_lost_lock(call.caller.execution)
        raise AwsError("ConditionalCheckFailedException", "The conditional request failed")


# --- steps


class StepFault(Fault):
    """At one run of a function."""

    def __init__(self, point: Point) -> None:
        super().__init__()
        self._count = Count(point)

    def on_step(self, invocation: Invocation, perform: Callable[[], Any]) -> Any:
        if not self._count.is_here(invocation.where, ""):
            return perform()
        self._fire(f"{type(self).__name__} at {invocation.where}")
        return self.instead(invocation, perform)

    def instead(self, invocation: Invocation, perform: Callable[[], Any]) -> Any:
        raise NotImplementedError


class CrashBefore(StepFault):
    def instead(self, invocation: Invocation, perform: Callable[[], Any]) -> Any:
        raise FunctionError("Runtime.ExitError", "RequestId: 1 Error: Runtime exited with error: exit status 1")


class CrashAfter(StepFault):
    def instead(self, invocation: Invocation, perform: Callable[[], Any]) -> Any:
        perform()
        raise FunctionError("Runtime.ExitError", "RequestId: 1 Error: Runtime exited with error: exit status 1")


class OutOfMemory(StepFault):
    """In the middle of its work."""

    def instead(self, invocation: Invocation, perform: Callable[[], Any]) -> Any:
        assert invocation.task is not None
        self.world.loop.spawn(invocation.task.kill, "out of memory", after=0.28)
        return perform()


class LambdaUnavailable(StepFault):
    def instead(self, invocation: Invocation, perform: Callable[[], Any]) -> Any:
        raise FunctionError("Lambda.TooManyRequestsException", "Rate Exceeded.")


class Slept(StepFault):
    """The function had not been called for weeks: from the first call on it is refused, until Lambda has it ready.

    "Lambda.CodeArtifactUserPendingException" (Lambda API Reference, "Invoke"; "Lambda function states": Inactive).
    """

    seconds = 40.0

    def __init__(self, point: Point) -> None:
        super().__init__(point)
        self._point = point
        self._function = ""
        self._until = 0.0

    def on_step(self, invocation: Invocation, perform: Callable[[], Any]) -> Any:
        if not self._function and self._is_first_call(invocation):
            self._fire(f"{type(self).__name__} at {invocation.where}")
            self._function = invocation.function.name
            self._until = self.world.busy_until = self.world.loop.now + self.seconds
        if invocation.function.name == self._function and self.world.loop.now < self._until:
            message = "Lambda is initializing your function. It will be ready to invoke shortly."
            raise FunctionError("Lambda.CodeArtifactUserPendingException", message)
        return perform()

    def _is_first_call(self, invocation: Invocation) -> bool:
        return self._count.is_here(invocation.where, "")


class SleptDeeply(Slept):
    """As long as was ever reported. Only where nobody looked at readiness, which calls every function."""

    seconds = 106.0


class SleptUntilRehearsed(SleptDeeply):
    """As deeply, but readiness looks before the trouble comes, as it does every few minutes: its rehearsal meets it."""

    def __init__(self, point: Point) -> None:
        super().__init__(point)
        self.rehearsals: list[Any] = []
        """What the two looks before the trouble were told."""
        self._sleeper = ""

    def begin(self, world: World) -> None:
        super().begin(world)
        stack = world.engine.stack
        sleeper = stack.function_at(self._point.where)
        assert sleeper is not None, self._point
        self._sleeper = sleeper.name
        rehearse = stack.function_named("garoon-rehearse").arn
        world.faults = [self]
        for _ in range(2):
            world.do(lambda: self.rehearsals.append(world.engine.invoke(rehearse, {}, None)), "readiness")
            world.run(_READINESS_SECONDS)

    def _is_first_call(self, invocation: Invocation) -> bool:
        return invocation.function.name == self._sleeper


class TimedOutBefore(StepFault):
    def instead(self, invocation: Invocation, perform: Callable[[], Any]) -> Any:
        self.world.loop.sleep(3600.0)


class TimedOutAfter(StepFault):
    def instead(self, invocation: Invocation, perform: Callable[[], Any]) -> Any:
        perform()
        self.world.loop.sleep(3600.0)


class RunTwice(StepFault):
    """One after the other; the second one's result counts."""

    def instead(self, invocation: Invocation, perform: Callable[[], Any]) -> Any:
        perform()
        return perform()


class RunTwiceAtOnce(StepFault):
    def instead(self, invocation: Invocation, perform: Callable[[], Any]) -> Any:
        other = self.world.loop.spawn(perform, "second run", is_child=True, after=0.07)
        try:
            return perform()
        finally:
            if not other.is_over:
                other.wait_quietly()


class AfterLockLost(StepFault):
    """It runs late: by then another execution has taken the lock over."""

    def instead(self, invocation: Invocation, perform: Callable[[], Any]) -> Any:
        self._take_over(invocation.execution)
        self.world.loop.sleep(_FROZEN_SECONDS)
        return perform()


# --- nodes


class VerbFault(Fault):
    """At one command to a node."""

    def __init__(self, point: Point) -> None:
        super().__init__()
        self._count = Count(point)

    def on_command(self, command: Command, perform: Callable[[], None]) -> None:
        if not self._count.is_here(where_of(command.caller), words_of_command(command)):
            perform()
            return
        self._fire(f"{type(self).__name__} at {where_of(command.caller)}: {words_of_command(command)}")
        self.instead(command, perform)

    def instead(self, command: Command, perform: Callable[[], None]) -> None:
        raise NotImplementedError

    def _finish_later(self, command: Command, exit_code: int, garble: Callable[[str], str]) -> None:
        """Lets it run, and reports in its place."""
        commands = self.world.apis.commands

        def run() -> None:
            _, said = command.host.obey(command.verb, command.epoch, command.expires_at, command.promotion)
            commands.report(command, exit_code, garble(json.dumps(said) + "\n"))

        command.task = command.host.run(run, command.verb)


class NeverAnswers(VerbFault):
    """The agent takes the command and is never heard of again; nothing is done."""

    def instead(self, command: Command, perform: Callable[[], None]) -> None:
        pass


class BeginsLate(VerbFault):
    """The agent was busy: it begins when the step has long given up."""

    def instead(self, command: Command, perform: Callable[[], None]) -> None:
        self.world.loop.sleep(50.0)
        perform()


class BeginsALittleLate(VerbFault):
    """Just within the time for which the command is good."""

    def instead(self, command: Command, perform: Callable[[], None]) -> None:
        self.world.loop.sleep(28.0)
        perform()


class ReportsLate(VerbFault):
    """It is done at once, and its end is heard of when the step has long given up."""

    def instead(self, command: Command, perform: Callable[[], None]) -> None:
        command.host.run(
            lambda: command.host.obey(command.verb, command.epoch, command.expires_at, command.promotion),
            command.verb,
        )


class EndedByRunCommand(VerbFault):
    """Run Command itself ends the command, and the node never hears of it (Systems Manager User Guide, "Understanding
    command statuses": Terminated, AccessDenied, Invalid Platform)."""

    def instead(self, command: Command, perform: Callable[[], None]) -> None:
        command.finish("Failed", "AccessDenied")


class ExitsWithOne(VerbFault):
    """It says that it failed, and has done nothing."""

    def instead(self, command: Command, perform: Callable[[], None]) -> None:
        said = {"verb": command.verb, "result": "failed", "code": "failed", "message": f"{command.verb} went wrong."}
        self.world.apis.commands.report(command, 1, json.dumps(said) + "\n")


class ExitsWithoutAWord(VerbFault):
    def instead(self, command: Command, perform: Callable[[], None]) -> None:
        self.world.apis.commands.report(command, 1, "")


class KilledHalfway(VerbFault):
    seconds = 0.9

    def instead(self, command: Command, perform: Callable[[], None]) -> None:
        perform()
        self.world.loop.sleep(self.seconds)
        self.world.apis.commands.kill(command)


class KilledEarly(KilledHalfway):
    seconds = 0.2


class KilledLate(KilledHalfway):
    seconds = 2.6


class SaysGarbage(VerbFault):
    def instead(self, command: Command, perform: Callable[[], None]) -> None:
        self._finish_later(command, 0, lambda _output: "Segmentation fault\n\x00{]\n")


class SaysTooMuch(VerbFault):
    """Its line comes after more than Run Command hands on (24,000 characters)."""

    def instead(self, command: Command, perform: Callable[[], None]) -> None:
        self._finish_later(command, 0, lambda output: "x" * 24_000 + output)


class NodeDiesMeanwhile(VerbFault):
    """The node that was given the command loses its power while it is at it."""

    def instead(self, command: Command, perform: Callable[[], None]) -> None:
        perform()
        self.world.loop.spawn(command.host.lose_power, "power", after=0.9)


# --- states


class StateFault(Fault):
    """When a state is entered."""

    def __init__(self, point: Point) -> None:
        super().__init__()
        self._count = Count(point)

    def on_state(self, execution: str, state: str) -> None:
        if self._count.is_here(state, ""):
            self._fire(f"{type(self).__name__} at {state}")
            self.happen(execution)

    def happen(self, execution: str) -> None:
        raise NotImplementedError


class LagsBy4Seconds(StateFault):
    """From here on, whatever EC2 shows is so old: it is eventually consistent, and nothing says how soon."""

    seconds = 4.0

    def __init__(self, point: Point) -> None:
        super().__init__(point)
        self._until = 0.0

    def happen(self, execution: str) -> None:
        self._until = self.world.busy_until = self.world.loop.now + _LASTING_SECONDS

    def on_call(self, call: Call, perform: Callable[[], Json]) -> Json:
        if call.service != "ec2" or call.name not in READS or self.world.loop.now >= self._until:
            return perform()
        self.world.apis.seconds_behind = self.seconds
        try:
            return perform()
        finally:
            self.world.apis.seconds_behind = 0.0


class LagsBy20Seconds(LagsBy4Seconds):
    seconds = 20.0


class LagsByAMinute(LagsBy4Seconds):
    seconds = 60.0


class StandbyAnsweredByACopy(StateFault):
    """For half a minute, what comes back from a node is the word of a copy of it."""

    node = "db-02"

    def happen(self, execution: str) -> None:
        host = self.world.hosts[self.node]
        self.world.busy_until = self.world.loop.now + _STALE_SECONDS

        def end() -> None:
            host.answers_as = host.instance_id

        host.answers_as = "i-0ff"
        self.world.loop.spawn(end, "the copy is gone", after=_STALE_SECONDS)


class ActiveAnsweredByACopy(StandbyAnsweredByACopy):
    node = "db-01"


class OtherNodeDies(StateFault):
    def happen(self, execution: str) -> None:
        self.world.loop.spawn(self.world.hosts["db-02"].lose_power, "power", after=0.02)


class FirstNodeComesBack(StateFault):
    """What was wrong with the active node ends by itself, at a bad moment."""

    def happen(self, execution: str) -> None:
        host = self.world.hosts["db-01"]

        def come_back() -> None:
            host.change("is well again", eth0_up=True, eth1_up=True, aws_path_up=True, is_hung=False)
            if host.instance_state.get() == "running":
                host.gain_power()

        self.world.loop.spawn(come_back, "comes back", after=0.02)


class ControlPlaneGone(StateFault):
    """For a minute no AWS API can be reached."""

    def __init__(self, point: Point) -> None:
        super().__init__(point)
        self._until = 0.0

    def happen(self, execution: str) -> None:
        self._until = self.world.busy_until = self.world.loop.now + 60.0

    def on_call(self, call: Call, perform: Callable[[], Json]) -> Json:
        if self.world.loop.now < self._until:
            raise call.connect_timeout()
        return perform()


class StoppedAndStartedAgain(StateFault):
    seconds = 0.02

    def happen(self, execution: str) -> None:
        self.world.loop.spawn(lambda: self._take_over(execution), "operator", after=self.seconds)


class StoppedMidway(StoppedAndStartedAgain):
    seconds = 1.3


class StoppedForGood(StateFault):
    """An operator stops it, and nobody starts anything."""

    def happen(self, execution: str) -> None:
        engine = self.world.engine
        self.world.loop.spawn(lambda: engine.stop(execution, "stopped by an operator"), "operator", after=0.9)


# --- events


class EventFault(Fault):
    """At the first event that starts the workflow, or takes the place of one."""

    def __init__(self, point: Point) -> None:
        super().__init__()
        self._count = Count(point)

    def on_event(self, event: Json) -> list[tuple[float, Json]]:
        if not self._count.is_here(words_of_event(event), ""):
            return [(0.0, event)]
        self._fire(f"{type(self).__name__} at {words_of_event(event)}")
        return self.instead(event)

    def instead(self, event: Json) -> list[tuple[float, Json]]:
        raise NotImplementedError


def words_of_event(event: Json) -> str:
    """E.g. "garoon-db-01-heartbeat-lost ALARM"."""
    detail = event["detail"]
    if "alarmName" in detail:
        return f"{detail['alarmName']} {detail['state']['value']}"
    if "sign" in detail:
        return f"sign {detail['node']} {detail['sign']}"
    if "instance-id" in detail:
        return f"{detail['instance-id']} {detail['state']}"
    return f"{event['detail-type']} {detail.get('status', '')}".strip()


class Duplicated(EventFault):
    def instead(self, event: Json) -> list[tuple[float, Json]]:
        return [(0.0, event), (0.0, event), (0.4, event), (7.0, event), (45.0, event)]


class TenMinutesLate(EventFault):
    def instead(self, event: Json) -> list[tuple[float, Json]]:
        self.world.busy_until = self.world.loop.now + 660.0
        return [(600.0, event)]


class OutOfOrder(EventFault):
    """It comes after what came to pass later."""

    def instead(self, event: Json) -> list[tuple[float, Json]]:
        return [(31.0, event)]


class Lost(EventFault):
    def instead(self, event: Json) -> list[tuple[float, Json]]:
        return []


class Storm(EventFault):
    """A thousand of it within ten seconds."""

    def instead(self, event: Json) -> list[tuple[float, Json]]:
        return [(number / 100.0, event) for number in range(1000)]


class StrangeInputs(EventFault):
    """Beside the real event, the workflow is started with what no rule would let through."""

    def instead(self, event: Json) -> list[tuple[float, Json]]:
        engine = self.world.engine
        of_instance = event | {"detail-type": "EC2 Instance State-change Notification"}
        for strange in (
            of_instance | {"detail": {"instance-id": "i-0ff", "state": "stopped"}},
            of_instance | {"detail": {"instance-id": "i-0a"}},
            event | {"detail": "text"},
            event | {"detail-type": 7},
            event | {"detail-type": "Scheduled Event"},
            event | {"detail-type": "CloudWatch Alarm State Change", "detail": {"alarmName": "other"}},
            {"acceptDataLoss": "yes"},
            {"acceptDataLoss": True, "force": True},
            [1, 2],
            "fail over",
            None,
            17,
        ):
            self.world.loop.spawn(partial(engine.start, engine.machine("failover").arn, strange), "strange")
        return [(0.3, event)]
