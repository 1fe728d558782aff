"""Shows a drill while it runs: one compact screen on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from testbed.garoon.user import Visit, find_outages
from testbed.judges.history import Execution, HostState, Sample, Step
from testbed.judges.timeline import Moment

_STYLES = {"drill": "bold magenta", "user": "yellow", "host": "cyan", "aws": "blue", "workflow": "green"}
_VISITS_SHOWN = 60
_MOMENTS_SHOWN = 8
_STEPS_SHOWN = 10


@dataclass
class Picture:
    """What there is to show now."""

    title: str
    phase: str
    started_at: float = field(default_factory=time.time)
    sample: Sample | None = None
    executions: Sequence[Execution] = ()
    visits: Sequence[Visit] = ()
    moments: Sequence[Moment] = ()
    broken_at: float | None = None


class View(Protocol):
    """Where a run is shown."""

    def show(self, picture: Picture) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class PlainView:
    """One line for each moment, as they become known."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._told: set[tuple[str, str, float]] = set()
        self._phase = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def show(self, picture: Picture) -> None:
        if picture.phase != self._phase:
            self._phase = picture.phase
            self._console.print(f"-- {picture.phase}", highlight=False, markup=False)
        for moment in picture.moments:
            key = (moment.source, moment.what, round(moment.time, 2))
            if key not in self._told:
                self._told.add(key)
                line = format_moment(moment, picture.broken_at or picture.started_at)
                self._console.print(line, highlight=False, markup=False, soft_wrap=True)


class LiveView:
    """A screen that is drawn anew several times a second, and is gone at the end: the timeline takes its place."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, refresh_per_second=4, transient=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def show(self, picture: Picture) -> None:
        self._live.update(draw(picture))


class Progress:
    """What is being set up, one line each with the time it took."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status = console.status("")
        self._task = ""
        self._since = time.monotonic()

    def __enter__(self) -> Self:
        self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._status.stop()

    def tell(self, task: str) -> None:
        """The last task is done, this one begins."""
        self._report()
        self._task = task
        self._status.update(f"{task} ...")

    def finish(self) -> None:
        """The last task is done, and nothing more comes."""
        self._report()
        self._status.stop()

    def _report(self) -> None:
        now = time.monotonic()
        if self._task:
            self._console.print(f"[green]✔[/] {self._task} [dim]{now - self._since:.1f} s[/]")
        self._task, self._since = "", now


def choose_view(console: Console) -> View:
    return LiveView(console) if console.is_terminal else PlainView(console)


def format_moment(moment: Moment, origin: float) -> str:
    return f"{moment.time - origin:+8.2f} s  {moment.source:<8}  {moment.what}"


def print_timeline(console: Console, moments: Iterable[Moment], origin: float) -> None:
    """The whole story; times count from when things were broken."""
    table = Table(title="Timeline", title_justify="left", box=None, padding=(0, 1), show_header=False)
    table.add_column(justify="right", style="dim", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for moment in moments:
        table.add_row(
            f"{moment.time - origin:+.1f} s", Text(moment.source, _STYLES.get(moment.source, "")), Text(moment.what)
        )
    console.print(table)


def draw(picture: Picture) -> RenderableType:
    """The whole screen."""
    elapsed = time.time() - picture.started_at
    parts: list[RenderableType] = [Text.assemble((picture.phase, "bold"), f"   {elapsed:.0f} s")]
    if picture.sample is not None:
        columns = Table.grid(padding=(0, 4))
        columns.add_row(
            Group(_draw_nodes(picture.sample), Text(), _draw_cloud(picture.sample)),
            _draw_workflow(picture.executions),
        )
        parts += [Text(), columns, Text(), _draw_user(picture.visits)]
    if picture.moments:
        parts += [Text(), *_draw_moments(picture)]
    return Panel(Group(*parts), title=picture.title, title_align="left", border_style="dim", padding=(0, 1))


def _draw_nodes(sample: Sample) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("node", "instance", "role", "replica", "services"):
        table.add_column(heading, no_wrap=True)
    for name, host in sample.hosts.items():
        is_active = sample.active == name
        table.add_row(
            Text(f"{'▶' if is_active else ' '} {name}", "bold" if is_active else ""),
            _state(sample.instances.get(name, "?"), {"running"}),
            _role(host),
            _state(host.data, {"current"}) if host.is_on else Text("-", "dim"),
            Text("running", "green") if host.has_services else Text("-", "dim"),
        )
    return table


def _role(host: HostState) -> Text:
    if not host.is_on:
        return Text("off", "red")
    return Text("primary", "bold green") if host.is_primary else Text("secondary", "cyan")


def _draw_cloud(sample: Sample) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("App subnet", "10.1.0.10 →", "ALB target", "health"):
        table.add_column(heading, no_wrap=True)
    targets = sorted(sample.targets.items())
    for index, (route_table, node) in enumerate(sorted(sample.routes.items())):
        server, health = targets[index] if index < len(targets) else ("", "")
        table.add_row(
            route_table,
            Text(node or "missing", "green" if node is not None and node == sample.active else "yellow"),
            server,
            _state(health, {"healthy"}),
        )
    return table


def _state(word: str, good: set[str]) -> Text:
    return Text(word, "green" if word in good else "yellow")


def _draw_workflow(executions: Sequence[Execution]) -> RenderableType:
    telling = [execution for execution in executions if execution.outcome not in ("Skipped", "NothingToDo")]
    if not telling:
        return Text("no execution of the workflow yet", "dim")
    execution = next((one for one in reversed(telling) if not one.is_over), telling[-1])
    grid = Table.grid(padding=(0, 1))
    end = execution.outcome or ("running" if not execution.is_over else execution.status)
    more = f", {len(executions) - 1} more" if len(executions) > 1 else ""
    grid.add_row("", Text.assemble(("workflow ", "dim"), (end, "bold"), (more, "dim")), "")
    for mark, state, seconds in list(_summarize(execution.steps))[-_STEPS_SHOWN:]:
        grid.add_row(mark, state, Text(seconds, "dim", justify="right"))
    return grid


def _summarize(steps: Sequence[Step]) -> Iterable[tuple[Text, str, str]]:
    groups: list[list[Step]] = []
    for step in steps:
        if groups and groups[-1][0].state == step.state:
            groups[-1].append(step)
        else:
            groups.append([step])
    for group in groups:
        last = group[-1]
        seconds = (last.ended_at or time.time()) - group[0].started_at
        tries = f" (try {len(group)})" if len(group) > 1 else ""
        if last.is_done:
            mark = Text("✔", "green")
        elif last.error is None or last.error == "NotYet":
            mark = Text("…", "yellow")
        else:
            mark = Text("✘", "red")
        yield mark, f"{last.state}{tries}", f"{seconds:.1f} s"


def _draw_user(visits: Sequence[Visit]) -> Text:
    text = Text.assemble(("user      ", "dim"))
    for visit in visits[-_VISITS_SHOWN:]:
        text.append("●" if visit.is_good else "✘", "green" if visit.is_good else "bold red")
    outages = find_outages(visits)
    if outages:
        longest = max(outages, key=lambda outage: outage.seconds(time.time()))
        lasts = "" if longest.ended_at else " so far"
        text.append(f"\n          outage {longest.seconds(time.time()):.1f} s{lasts}", "bold yellow")
    else:
        text.append("\n          no outage", "dim")
    return text


def _draw_moments(picture: Picture) -> list[Text]:
    origin = picture.broken_at or picture.started_at
    lines = []
    for moment in picture.moments[-_MOMENTS_SHOWN:]:
        lines.append(
            Text.assemble(
                (f"{moment.time - origin:+7.1f} s  ", "dim"),
                (f"{moment.source:<9}", _STYLES.get(moment.source, "")),
                moment.what,
                no_wrap=True,
                overflow="ellipsis",
            )
        )
    return lines
