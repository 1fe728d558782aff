"""Every case of the campaign: each fault of each class at each point of each situation."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from testbed.campaign import faults, points
from testbed.campaign.apis import READS
from testbed.campaign.case import Report, begin_situation, prepare_situation, run_case
from testbed.campaign.faults import Fault
from testbed.campaign.install import Controller
from testbed.campaign.points import Point
from testbed.campaign.situations import ALL, Situation
from testbed.campaign.world import World

_RECORDED_SECONDS = 420.0

Kinds = tuple[type[Fault], ...]


@dataclass(frozen=True)
class FaultClass:
    """A row of the table."""

    name: str
    points: Callable[[World], Iterator[Point]]
    kinds: Kinds


def _calls_of(*operations: str) -> Callable[[World], Iterator[Point]]:
    def find(world: World) -> Iterator[Point]:
        for point in points.call_points(world):
            if point.what.split(" ")[0] in operations:
                yield point

    return find


CLASSES: Mapping[str, FaultClass] = {
    one.name: one
    for one in (
        FaultClass(
            "AWS API",
            points.call_points,
            (
                faults.ThrottledTwice, faults.ThrottledForAMinute, faults.ServerError, faults.TimedOutWithEffect,
                faults.TimedOutWithoutEffect, faults.AnsweredOnceThenTimedOut, faults.AccessDenied,
                faults.EmptyAnswer, faults.StaleAnswer,
            ),
        ),
        FaultClass(
            "function at a call",
            points.call_points,
            (faults.KilledBeforeCall, faults.KilledAfterCall, faults.FrozenBeforeCall),
        ),
        FaultClass(
            "step",
            points.step_points,
            (
                faults.CrashBefore, faults.CrashAfter, faults.OutOfMemory, faults.LambdaUnavailable,
                faults.TimedOutBefore, faults.TimedOutAfter, faults.RunTwice, faults.RunTwiceAtOnce,
                faults.AfterLockLost,
            ),
        ),
        FaultClass(
            "sleeping function",
            points.step_points,
            (faults.Slept, faults.SleptDeeply, faults.SleptUntilRehearsed),
        ),
        FaultClass(
            "node verb",
            points.command_points,
            (
                faults.NeverAnswers, faults.EndedByRunCommand, faults.BeginsLate, faults.BeginsALittleLate,
                faults.ReportsLate, faults.ExitsWithOne, faults.ExitsWithoutAWord, faults.KilledEarly,
                faults.KilledHalfway, faults.KilledLate, faults.SaysGarbage, faults.SaysTooMuch,
                faults.NodeDiesMeanwhile,
            ),
        ),
        FaultClass(
            "state",
            points.state_points,
            (
                faults.OtherNodeDies, faults.FirstNodeComesBack, faults.ControlPlaneGone,
                faults.StoppedAndStartedAgain, faults.StoppedMidway, faults.StoppedForGood,
            ),
        ),
        FaultClass(
            "DynamoDB",
            _calls_of("dynamodb:GetItem", "dynamodb:UpdateItem"),
            (faults.ItemMissing, faults.ItemOfOlderVersion, faults.ItemUnparsable),
        ),
        FaultClass(
            "forgotten instance",
            _calls_of("ec2:DescribeInstanceStatus", "ec2:StopInstances", "ec2:StartInstances"),
            (faults.Forgotten,),
        ),
        FaultClass(
            "lasting lag", points.state_points, (faults.LagsBy4Seconds, faults.LagsBy20Seconds, faults.LagsByAMinute)
        ),
        FaultClass(
            "foreign identity", points.state_points, (faults.StandbyAnsweredByACopy, faults.ActiveAnsweredByACopy)
        ),
        FaultClass("DynamoDB condition", _calls_of("dynamodb:UpdateItem"), (faults.ConditionFails,)),
        FaultClass(
            "event",
            points.event_points,
            (
                faults.Duplicated, faults.TenMinutesLate, faults.OutOfOrder, faults.Lost, faults.StrangeInputs,
                faults.Storm,
            ),
        ),
    )
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One fault at one point of one situation."""

    situation: str
    fault_class: str
    kind: str
    point: Point

    @property
    def name(self) -> str:
        """Unique, and enough to run the case again."""
        return f"{self.situation}/{self.kind}/{self.point}"


def find_cases(controller: Controller, situation: Situation) -> list[Case]:
    """The cases of a situation, from the record of a run without faults."""
    world = record(controller, situation)
    return [
        Case(situation.name, one.name, kind.__name__, point)
        for one in CLASSES.values()
        for point in one.points(world)
        for kind in one.kinds
        if _is_sensible(one, kind, point)
    ]


def record(controller: Controller, situation: Situation, *, is_logged: bool = False) -> World:
    """The situation's world after a run without faults."""
    controller.deploy(situation.environment)
    world = World(controller.stack, controller.handlers, controller.clients, situation.name, is_logged=is_logged)
    try:
        world.run(20.0)
        prepare_situation(world, situation)
        begin_situation(world, situation)
        world.run(_RECORDED_SECONDS)
    finally:
        world.end()
    return world


def _is_sensible(fault_class: FaultClass, kind: type[Fault], point: Point) -> bool:
    operation = point.what.split(" ")[0]
    if fault_class.name == "AWS API" and kind in (faults.EmptyAnswer, faults.StaleAnswer):
        return operation in READS
    # An execution's end is told by Step Functions' event, and a lost trigger is made up for by the schedule.
    return not (kind is faults.Lost and point.where.startswith("Step Functions"))


def run(controller: Controller, case: Case, *, is_logged: bool = False) -> Report:
    """Runs the case."""
    kind: type[Fault] = getattr(faults, case.kind)
    fault = kind(case.point)  # type: ignore[call-arg]
    return run_case(
        controller, case.name, ALL[case.situation], [fault], case.fault_class, is_logged=is_logged
    )  # fmt: skip


def sample(cases: Sequence[Case], count: int, seed: str) -> list[Case]:
    """So many cases, of every class and kind in turn."""
    dice = random.Random(seed)
    groups: dict[tuple[str, str], list[Case]] = {}
    for case in cases:
        groups.setdefault((case.fault_class, case.kind), []).append(case)
    for group in groups.values():
        dice.shuffle(group)
    chosen: list[Case] = []
    while len(chosen) < count and any(groups.values()):
        chosen += [group.pop() for group in groups.values() if group][: count - len(chosen)]
    return chosen
