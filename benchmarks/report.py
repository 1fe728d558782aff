"""Sections of figures: shown as tables, kept as JSON beside the last committed ones, written as a page with plots."""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from pydantic import BaseModel
from rich.console import Console
from rich.table import Table

from benchmarks.layer import ROOT

PAGE = ROOT / "docs/performance.md"
FOLDER = ROOT / "docs/performance"
FIGURES = FOLDER / "figures.json"


class Goal(BaseModel):
    """A figure and the most or the least that it may be; without a figure it was not measured."""

    what: str
    limit: float
    figure: float | None
    is_least: bool = False
    unit: str = ""
    why_not: str = ""
    """Why it is not met or not measured."""

    @property
    def is_met(self) -> bool:
        if self.figure is None:
            return False
        return self.figure >= self.limit if self.is_least else self.figure <= self.limit

    def words(self) -> list[str]:
        wanted = f"{'at least' if self.is_least else 'at most'} {self.limit:g} {self.unit}".strip()
        shown = "not measured" if self.figure is None else f"{self.figure:.3g} {self.unit}".strip()
        verdict = "not measured" if self.figure is None else "met" if self.is_met else "**not met**"
        return [self.what, wanted, shown, f"{verdict}{': ' if self.why_not else ''}{self.why_not}"]


class Section(BaseModel):
    """One comparison: a table, goals, and what is to be known about it."""

    name: str
    title: str
    notes: str
    columns: list[str]
    rows: list[list[str]]
    goals: list[Goal]
    figures: dict[str, float] = {}
    """Medians by name, which the next run is shown beside."""
    plot: dict[str, Any] = {}
    measured_at: str = ""
    commit: str = ""
    is_quick: bool = False


def spread(values: Sequence[float], unit: str = "s") -> str:
    """Median with minimum and maximum."""
    digits = 2 if max(values) < 100 else 0
    shown = f"{median(values):.{digits}f} {unit}"
    return shown if len(values) == 1 else f"{shown} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def read_sections() -> dict[str, Section]:
    """The sections as they were written last; empty before the first run."""
    if not FIGURES.exists():
        return {}
    return {name: Section.model_validate(section) for name, section in json.loads(FIGURES.read_text()).items()}


def stamp(section: Section, is_quick: bool) -> Section:
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],  # noqa: S607
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip
    at = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return section.model_copy(update={"measured_at": at, "commit": commit, "is_quick": is_quick})


def show(console: Console, section: Section, before: Section | None) -> None:
    """The section's table, then its figures beside those of the last run."""
    table = Table(*section.columns, title=section.title)
    for row in section.rows:
        table.add_row(*row)
    console.print(table)
    if before and before.figures:
        old = Table("figure", f"{before.measured_at}, {before.commit}", "now", title="against the last run")
        for name, value in section.figures.items():
            if name in before.figures:
                old.add_row(name, f"{before.figures[name]:.3g}", f"{value:.3g}")
        console.print(old)


def show_goals(console: Console, sections: Sequence[Section]) -> None:
    table = Table("goal", "wanted", "found", "", title="Goals")
    for section in sections:
        for goal in section.goals:
            table.add_row(*(word.replace("**", "") for word in goal.words()))
    console.print(table)


def write(sections: dict[str, Section], order: Sequence[str]) -> None:
    """Figures and page, from all sections that were ever run."""
    FOLDER.mkdir(exist_ok=True)
    ordered = [sections[name] for name in order if name in sections]
    FIGURES.write_text(json.dumps({each.name: each.model_dump() for each in ordered}, indent=1) + "\n")
    PAGE.write_text("\n".join(_page(ordered)) + "\n")


def _page(sections: Sequence[Section]) -> list[str]:
    lines = [
        "# Performance",
        "",
        "Written by `make bench`; do not edit. Figures are medians, with the least and the most in brackets. The "
        f"machine is a virtual one with {_processors()} processors, shared with other work ({platform.system()}, "
        f"{platform.machine()}), so compare columns with each other rather than with another machine.",
        "",
        "## Goals",
        "",
        *_table(["goal", "wanted", "found", "", "measured"], _goal_rows(sections)),
    ]
    for section in sections:
        how = "a quick run, " if section.is_quick else ""
        lines += [
            "",
            f"## {section.title}",
            "",
            f"{section.notes} *({how}{section.measured_at}, {section.commit})*",
            "",
        ]
        if section.plot:
            lines += [f"![{section.title}](performance/{section.name}.svg)", ""]
        lines += _table(section.columns, section.rows)
    return lines


def _goal_rows(sections: Sequence[Section]) -> list[list[str]]:
    return [
        [*goal.words(), f"{section.measured_at}, {section.commit}"] for section in sections for goal in section.goals
    ]


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [_row(columns), _row(["---"] * len(columns)), *(_row(row) for row in rows)]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _processors() -> int:
    return sum(line.startswith("processor") for line in Path("/proc/cpuinfo").read_text().splitlines())
