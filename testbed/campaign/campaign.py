"""Runs many cases on all processors, and counts."""

from __future__ import annotations

import multiprocessing
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from testbed.campaign import cases
from testbed.campaign.case import End, Report
from testbed.campaign.cases import Case
from testbed.campaign.idle import UNEXPLAINED
from testbed.campaign.install import REPOSITORY, Controller, installed
from testbed.campaign.machine import run_walks
from testbed.campaign.observer import Broken
from testbed.campaign.situations import ALL

WALKS = "random walk"
_WALKS_AT_ONCE = 25

_worker: Controller | None = None
_installation = ExitStack()


@dataclass
class Tally:
    """How the cases of one class ended."""

    cases: int = 0
    survived: int = 0
    halted: int = 0
    broken: list[Report] = field(default_factory=list)
    idle: Counter[str] = field(default_factory=Counter)
    """Halted cases in which the pair could have served, by what explains them (testbed.campaign.idle)."""
    missed: int = 0
    """Cases whose fault found no occasion: the run had taken another way by then."""

    def count(self, report: Report) -> None:
        self.cases += 1
        self.survived += report.end is End.SURVIVED
        self.halted += report.end is End.HALTED
        self.idle.update([report.why_idle] if report.why_idle else [])
        self.missed += not report.has_fired
        if report.end is End.BROKEN:
            self.broken.append(report)

    @property
    def unexplained(self) -> int:
        """Halted though the pair could have served, and nothing says why that is right."""
        return self.idle[UNEXPLAINED]


def total(tallies: Iterable[Tally]) -> Tally:
    """All of them as one."""
    whole = Tally()
    for tally in tallies:
        whole.cases += tally.cases
        whole.survived += tally.survived
        whole.halted += tally.halted
        whole.missed += tally.missed
        whole.broken += tally.broken
        whole.idle += tally.idle
    return whole


def find_all_cases(root: Path = REPOSITORY) -> list[Case]:
    """Every case, in a fixed order."""
    with installed(root) as controller:
        return [case for situation in ALL.values() for case in cases.find_cases(controller, situation)]


def run_all(
    chosen: Sequence[Case],
    tell: Callable[[Report], None] = lambda _report: None,
    *,
    root: Path = REPOSITORY,
    processes: int | None = None,
    does_stop_at_first: bool = False,
) -> dict[str, Tally]:
    """Runs the cases and tells each report as it comes."""
    tallies: dict[str, Tally] = {case.fault_class: Tally() for case in chosen}
    context = multiprocessing.get_context("fork")
    with context.Pool(processes or multiprocessing.cpu_count(), _begin_worker, (root,)) as pool:
        for report in pool.imap_unordered(_run, chosen, chunksize=8):
            tallies[report.kind].count(report)
            tell(report)
            if does_stop_at_first and report.end is End.BROKEN:
                break
    return tallies


def run_all_walks(
    count: int,
    seed: str,
    tell: Callable[[Report], None] = lambda _report: None,
    *,
    root: Path = REPOSITORY,
    processes: int | None = None,
) -> Tally:
    """So many random walks, by hypothesis, and each report as it comes.

    A broken promise comes with the shortest walk that breaks it, any other report with its acts.
    """
    tally = Tally()
    parts = [(number, f"{seed}/{number}") for number in range(-(-count // _WALKS_AT_ONCE))]
    context = multiprocessing.get_context("fork")
    with context.Pool(processes or multiprocessing.cpu_count(), _begin_worker, (root,)) as pool:
        for reports in pool.imap_unordered(_walk, parts):
            for report in reports:
                tally.count(report)
                tell(report)
    return tally


def _walk(part: tuple[int, str]) -> list[Report]:
    assert _worker is not None
    number, name = part
    ends, error = run_walks(_worker, _WALKS_AT_ONCE, number)
    reports = [
        Report(
            name,
            WALKS,
            walked.end,
            (),
            has_fired=True,
            outage_seconds=0.0,
            why_idle=walked.why_idle,
            last_word=walked.last_word,
            lines=tuple(f"{act!r}," for act in walked.acts),
        )
        for walked in ends
        if walked.end is not End.BROKEN
    ]
    if error is not None:
        broken = tuple(Broken(0, words) for words in str(error).split("\n"))
        reports.append(Report(name, WALKS, End.BROKEN, broken, has_fired=True, outage_seconds=0.0))
    return reports


def _begin_worker(root: Path) -> None:
    global _worker
    _worker = _installation.enter_context(installed(root))


def _run(case: Case) -> Report:
    assert _worker is not None
    try:
        return cases.run(_worker, case)
    except Exception:  # noqa: BLE001 - a case that cannot be run is as bad as a broken promise, and the others go on
        words = traceback.format_exc()
        broken = Broken(0, f"the campaign itself failed: {words}")
        return Report(case.name, case.fault_class, End.BROKEN, (broken,), has_fired=False, outage_seconds=0.0)
