"""`python -m testbed.campaign`: break every step in every way, and see whether the promises hold."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from testbed.campaign import cases
from testbed.campaign.campaign import WALKS, Tally, find_all_cases, run_all, run_all_walks, total
from testbed.campaign.case import End, Report
from testbed.campaign.cases import Case
from testbed.campaign.idle import EXPLANATIONS, UNEXPLAINED
from testbed.campaign.install import REPOSITORY, installed
from testbed.campaign.mutations import read_mutations, try_mutation
from testbed.run.arguments import new_file

_SHORT_CASES = 150
_TOLD_EVERY = 500
_TABLE_BEGINS = "<!-- table begins -->"
_TABLE_ENDS = "<!-- table ends -->"


def main() -> int:
    """Returns the exit code: 0 every promise kept, 1 some broken, 2 wrong arguments."""
    arguments = _parse()
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    if arguments.self_test:
        return _test_itself(arguments.seed, console)
    if arguments.case:
        return _replay(arguments.case, arguments.root, console)
    started = time.monotonic()
    every = find_all_cases(arguments.root)
    chosen = [case for case in every if arguments.only in case.name or arguments.only == case.fault_class]
    if arguments.short or arguments.sample:
        chosen = cases.sample(chosen, arguments.sample or _SHORT_CASES, arguments.seed)
    if not chosen:
        print(f"No case's name holds {arguments.only!r}.", file=sys.stderr)
        return 2
    console.print(f"{len(chosen)} of {len(every)} cases, seed {arguments.seed}")
    tallies = _run(chosen, arguments, console)
    if arguments.walks:
        tallies[WALKS] = run_all_walks(
            arguments.walks, arguments.seed, partial(_print_what_is_wrong, console=console), root=arguments.root
        )
    seconds = time.monotonic() - started
    whole = total(tallies.values())
    console.print(_table(tallies, whole))
    console.print(summary(whole, seconds), markup=False, soft_wrap=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(_as_json(tallies, whole, seconds, arguments.seed), indent=2) + "\n")
    if arguments.write:
        sampled = f"a sample of {len(chosen)} of {len(every)} cases, " if len(chosen) < len(every) else ""
        write_table(tallies, whole, f"{sampled}seed {arguments.seed}: {summary(whole, seconds)}")
    return 1 if whole.broken else 0


def summary(whole: Tally, seconds: float) -> str:
    """The last line."""
    return (
        f"{whole.cases} cases in {seconds:.0f} s: {whole.survived} survived, {whole.halted} halted safely "
        f"({whole.unexplained} though it could have served), {len(whole.broken)} broke a promise."
    )


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m testbed.campaign", description=__doc__)
    parser.add_argument("--short", action="store_true", help=f"{_SHORT_CASES} cases of every class and kind")
    parser.add_argument("--sample", type=int, metavar="N", help="so many cases of every class and kind")
    parser.add_argument("--only", default="", metavar="TEXT", help="cases whose name holds TEXT, or that class")
    parser.add_argument("--seed", default="0", help="chooses the sample (default 0)")
    parser.add_argument("--case", metavar="NAME", help="run one case and print all that happens")
    parser.add_argument("--json", type=new_file, metavar="FILE", help="write the result there")
    parser.add_argument("--walks", type=int, default=0, metavar="N", help="and so many random walks")
    parser.add_argument("--write", action="store_true", help="write the table into docs/reliability.md")
    parser.add_argument("--self-test", action="store_true", help="put each seeded defect in: is it found?")
    parser.add_argument("--first", action="store_true", help="stop at the first broken promise")
    parser.add_argument("--root", type=Path, default=REPOSITORY, help="the repository whose controller is tried")
    return parser.parse_args()


def _run(chosen: list[Case], arguments: argparse.Namespace, console: Console) -> dict[str, Tally]:
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("cases", total=len(chosen))
        done = broken = 0

        def tell(report: Report) -> None:
            nonlocal done, broken
            done += 1
            broken += report.end is End.BROKEN
            progress.update(bar, advance=1, description=f"cases, {broken} broke a promise")
            if not console.is_terminal and done % _TOLD_EVERY == 0:
                print(f"{done} of {len(chosen)} cases, {broken} broke a promise", file=sys.stderr, flush=True)
            _print_what_is_wrong(report, console)

        return run_all(chosen, tell, root=arguments.root, does_stop_at_first=arguments.first)


def _test_itself(seed: str, console: Console) -> int:
    """Each seeded defect, and what found it. The controller as it is must pass the same cases."""
    missed = 0
    for mutation in [None, *read_mutations()]:
        finding = try_mutation(mutation, seed)
        is_right = finding.is_caught is (mutation is not None)
        missed += not is_right
        name = mutation.name if mutation else "no defect"
        word = "caught" if finding.is_caught else "nothing found"
        style = None if is_right else "bold red"
        console.print(f"{name:<32} {word:<14} {finding.first_words}", style=style, markup=False, soft_wrap=True)
    console.print(f"{missed} of the seeded defects were judged wrongly.")
    return 1 if missed else 0


def write_table(tallies: dict[str, Tally], whole: Tally, what: str) -> None:
    """Puts the table between its two marks in docs/reliability.md, with date, commit and what it is of."""
    page = REPOSITORY / "docs" / "reliability.md"
    before, _, rest = page.read_text().partition(_TABLE_BEGINS)
    _, _, after = rest.partition(_TABLE_ENDS)
    git = ["git", "-C", str(REPOSITORY), "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()
    rows = [
        f"| {name} | {tally.cases} | {tally.survived} | {tally.halted} | {tally.unexplained} | {len(tally.broken)} |"
        for name, tally in [*tallies.items(), ("**total**", whole)]
    ]
    date = datetime.now(UTC).strftime("%Y-%m-%d")
    head = [
        "| fault class | cases run | survived | halted safely | of these, halted though it could have served | "
        "broken promises |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    explained = [
        "",
        "In a halted case a node may have been well and current, and kept from serving on purpose; these are not in "
        "the column:",
        "",
        "| why it did not serve | cases |",
        "| --- | ---: |",
        *(f"| {sentence} | {whole.idle[sentence]} |" for sentence in EXPLANATIONS),
    ]
    first_line = f"{date}, commit {commit}, {what}"
    text = "\n".join([first_line, "", *head, *rows, *explained])
    page.write_text(f"{before}{_TABLE_BEGINS}\n{text}\n{_TABLE_ENDS}{after}")


def _print_what_is_wrong(report: Report, console: Console) -> None:
    if report.end is End.BROKEN:
        console.print(f"BROKEN {report.name}", style="bold red", markup=False, soft_wrap=True)
        for broken in report.broken:
            console.print(f"  promise {broken.promise}: {broken.what}", markup=False, soft_wrap=True)
    if report.why_idle == UNEXPLAINED:
        words = f"HALTED THOUGH IT COULD HAVE SERVED {report.name}: {report.last_word}"
        console.print(words, style="yellow", markup=False, soft_wrap=True)
        for act in report.lines:  # of a walk
            console.print(f"    {act}", markup=False, soft_wrap=True)


def _replay(name: str, root: Path, console: Console) -> int:
    found = next((case for case in find_all_cases(root) if case.name == name), None)
    if found is None:
        print(f"There is no case {name!r}.", file=sys.stderr)
        return 2
    with installed(root) as controller:
        report = cases.run(controller, found, is_logged=True)
    for line in report.lines:
        console.print(line, markup=False, soft_wrap=True)
    for broken in report.broken:
        console.print(f"promise {broken.promise}: {broken.what}", style="bold red", markup=False, soft_wrap=True)
    if report.why_idle:
        console.print(f"halted though it could have served: {report.why_idle}", markup=False, soft_wrap=True)
    console.print(f"{report.name}: {report.end}, outage {report.outage_seconds:.0f} s", markup=False, soft_wrap=True)
    return 1 if report.broken else 0


def _table(tallies: dict[str, Tally], whole: Tally) -> Table:
    table = Table(title="Fault campaign")
    for name in ("fault class", "cases run", "survived", "halted safely", "could have served", "broken promises"):
        table.add_column(name, justify="left" if name == "fault class" else "right")
    for name, tally in [*tallies.items(), ("total", whole)]:
        if name == "total":
            table.add_section()
        row = (tally.cases, tally.survived, tally.halted, tally.unexplained, len(tally.broken))
        table.add_row(name, *map(str, row), style="red" if tally.broken else None)
    return table


def _as_json(tallies: dict[str, Tally], whole: Tally, seconds: float, seed: str) -> dict[str, Any]:
    def row(tally: Tally) -> dict[str, int]:
        return {
            "cases": tally.cases,
            "survived": tally.survived,
            "haltedSafely": tally.halted,
            "haltedThoughItCouldHaveServed": tally.unexplained,
            "broken": len(tally.broken),
            "withoutOccasion": tally.missed,
        }

    return {
        "seed": seed,
        "seconds": round(seconds, 1),
        "classes": {name: row(tally) for name, tally in tallies.items()},
        "total": row(whole),
        "haltedOnPurpose": {sentence: whole.idle[sentence] for sentence in EXPLANATIONS},
        "broken": [
            {"case": report.name, "promises": {str(one.promise): one.what for one in report.broken}}
            for report in whole.broken
        ],
    }


if __name__ == "__main__":
    sys.exit(main())
