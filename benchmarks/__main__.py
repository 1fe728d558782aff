"""`make bench`: measures, shows tables, and writes docs/performance.md.

    python -m benchmarks [--quick] [--only detection,routes]

A section that is not run keeps its last figures on the page.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from statistics import median

from rich.console import Console

from benchmarks import (
    cold_start,
    command,
    cost,
    detection,
    end_to_end,
    invocation,
    own_time,
    plots,
    quiet_month,
    report,
    route_move,
    widget,
)
from benchmarks.layer import build_layer
from benchmarks.report import Goal, Section, spread

console = Console()


def measure_detection(is_quick: bool) -> Section:
    found = detection.measure(1000 if is_quick else 10000)
    months = 1 if is_quick else 12
    account, pairs = quiet_month.simulate_months(months), quiet_month.simulate_pairs(2 if is_quick else 20)
    healthy_days = 2 if is_quick else 360
    healthy = quiet_month.simulate_healthy_days(healthy_days)
    causeless = sum(healthy.executions.values()) * 30 / healthy_days
    rows, figures = [], {}
    for each in found:
        known = sorted(each.known)
        ways = ", ".join(f"{way} {count / each.ways.total():.0%}" for way, count in each.ways.most_common())
        rows.append(
            [
                each.failure.name,
                spread(each.started),
                f"{_quantile(each.started, 0.95):.1f} s",
                f"{median(known):.1f} s ({_quantile(known, 0.95):.1f} s)",
                ways,
            ]
        )
        figures[f"{each.failure.name}, worst start"] = each.worst()
    ages = detection.last_word_ages(1000 if is_quick else 10000)
    rows.append(["age of a node's last word when it dies", spread(ages), f"{_quantile(ages, 0.95):.1f} s", "", ""])
    looked = f"{healthy.lost_beats} of {healthy.looks:,} looks in {healthy_days} healthy days"
    rows.append(["false heartbeat-lost evidence", looked, "", "", ""])
    rows.append(["warnings without cause", f"{causeless:.1f} a month, in as many healthy days", "", "", ""])
    figures["age of the last word, worst"] = max(ages)
    worst = {each.failure.name: each.worst() for each in found}
    started = sum(account.executions.values()) / months
    verdicts = ", ".join(f"{count / months:.0f} {verdict}" for verdict, count in account.executions.most_common())
    confused = Counter({" and ".join(kinds): count for kinds, count in pairs.failed_over_during.items()})
    notes = (
        "Simulated at CloudWatch's documented granularity with the settings of template.yaml and garoon-node.sh; what "
        "AWS promises no time for is drawn from a range (`benchmarks/cloudwatch.py`, Delays). *Started* is from the "
        "failure to the start of an execution, *known* until its evidence is enough for a verdict: median, and 95 % of "
        f"runs. In a simulated month full of trouble in which nothing dies, {started:.0f} executions start "
        f"({verdicts}; {months} months), and {account.failovers} fail over. Two troubles forced to coincide, "
        f"{sum(pairs.executions.values())} executions: {sum(confused.values())} fail over, "
        f"all while {'; '.join(confused) or 'nothing'}: nothing outside tells that from a dead node."
    )
    goals = [
        Goal(
            what="dead node, start by alarm",
            limit=30,
            figure=worst["node dead, the standby's sign lost"],
            unit="s at worst",
        ),
        Goal(what="dead node, start by sign", limit=15, figure=worst["node dead, or its network"], unit="s at worst"),
        Goal(what="dead service, start", limit=20, figure=worst["service dead"], unit="s at worst"),
        Goal(what="hung service, start", limit=20, figure=worst["service hung"], unit="s at worst"),
        Goal(what="false failovers in simulated months", limit=0, figure=account.failovers),
        Goal(what="false heartbeat-lost evidence in 12 months", limit=0, figure=healthy.lost_beats),
        Goal(what="warnings without cause", limit=1, figure=causeless, unit="a month"),
        Goal(what="a node's last word when it dies", limit=10, figure=max(ages), unit="s old at worst"),
    ]
    columns = ["failure", "started", "95 %", "known", "by"]
    return Section(
        name="detection", title="Detection", notes=notes, columns=columns, rows=rows, goals=goals, figures=figures
    )


def measure_routes(is_quick: bool) -> Section:
    sizes = [1, 6, 50, 200] if is_quick else [1, 6, 50, 200, 500]
    runs = 1 if is_quick else 3
    has_agent = route_move.is_agent_there()
    with (
        tempfile.TemporaryDirectory() as folder,
        console.status("route move: building the layer and the route tables") as status,
    ):
        layer = build_layer(Path(folder))
        with route_move.installation(max(sizes)) as installed:
            status.update("route move: swap_route")
            moves = route_move.measure(installed, layer, sizes, runs)
            agents: list[route_move.Move] = []
            if has_agent:
                status.update("route move: the resource agent, half a minute for 6 tables, minutes for 50")
                agents = route_move.measure_agent(installed, layer, [1, 6], runs)
                agents += [] if is_quick else route_move.measure_agent(installed, layer, [50], 1)
            status.update("route move: 100 ms added to each request")
            installed.cloud.faults.delay_requests(route_move.LATENCY_SECONDS)
            slow = [move for move in route_move.measure(installed, layer, sizes[1:], 1) if "cold" in move.contender]
            installed.cloud.faults.clear()
            status.update("route move: under EC2's limit")
            limited_size = min(100 if is_quick else 200, max(sizes))
            installed.cloud.faults.limit("ec2:ReplaceRoute", *route_move.MUTATING_BUCKET)
            limited, _ = route_move.swap_route(installed, layer, limited_size, [route_move.NODES[1]])
    return _route_section(moves, agents, slow, (limited_size, limited))


def _route_section(
    moves: list[route_move.Move], agents: list[route_move.Move], slow: list[route_move.Move], limited: tuple[int, float]
) -> Section:
    cold = {move.tables: median(move.seconds) for move in moves if "cold" in move.contender}
    rows, ratios = [], {}
    for move in [*moves, *agents]:
        rows.append([move.contender, str(move.tables), spread(move.seconds), str(move.calls)])
    for move in slow:
        rows.append([f"{move.contender}, 100 ms a request", str(move.tables), spread(move.seconds), str(move.calls)])
    for move in agents:
        ratios[move.tables] = median(move.seconds) / cold[move.tables]
        rows.append(["times slower than swap_route, cold", str(move.tables), f"{ratios[move.tables]:.0f}", ""])
    size, seconds = limited
    bound = route_move.bound_under_limit(size)
    rows.append([f"swap_route, cold, EC2's limit (bound {bound:.0f} s)", str(size), f"{seconds:.1f} s", ""])
    extra = max(move.calls - move.tables for move in moves)
    no_agent = "" if agents else "resource-agents and awscli are not installed: make bench-deps"
    goals = [
        Goal(
            what=f"faster than the agent, {tables} tables, cold",
            limit=least,
            figure=ratios.get(tables),
            is_least=True,
            unit="times",
            why_not=no_agent if tables not in ratios else "",
        )
        for tables, least in ((6, 50), (50, 200))
    ]
    goals += [
        Goal(
            what="API calls beyond one a table",
            limit=5,
            figure=extra,
            why_not="EC2 lists route tables in pages: past a hundred tables there is one page more"
            if extra > 5
            else "",
        ),
        Goal(
            what="under EC2's limit, against the bucket's bound",
            limit=1.2,
            figure=seconds / bound if bound else None,
            unit="times",
        ),
    ]
    if 50 not in ratios and agents:
        goals[1].why_not = "takes minutes; the full run measures it"
    lines: dict[str, list[tuple[float, float]]] = {}
    for move in [*moves, *agents]:
        lines.setdefault(move.contender, []).append((move.tables, median(move.seconds)))
    for move in slow:
        lines.setdefault("cold, 100 ms a request", []).append((move.tables, median(move.seconds)))
    notes = (
        "`swap_route` as Lambda runs it, against `ocf:heartbeat:aws-vpc-move-ip` (Debian's resource-agents, AWS CLI) "
        "on the same local cloud in the same run, whole processes. The last column is AWS API calls. Under the limit, "
        "ReplaceRoute has a "
        f"bucket of {route_move.MUTATING_BUCKET[0]} tokens that gets {route_move.MUTATING_BUCKET[1]} a second. Known "
        "from outside: F5's Cloud Failover Extension documents 5 s for 100 routes, 15 s for 200 and 90 s for 500."
    )
    figures = {f"{move.contender}, {move.tables} tables": median(move.seconds) for move in [*moves, *agents]}
    columns = ["contender", "route tables", "time", "calls"]
    return Section(
        name="routes",
        title="Moving the routes",
        notes=notes,
        columns=columns,
        rows=rows,
        goals=goals,
        figures=figures,
        plot={"lines": lines},
    )


def measure_cold_starts(is_quick: bool) -> Section:
    with tempfile.TemporaryDirectory() as folder, console.status("cold starts"):
        layer = build_layer(Path(folder))
        packed = cold_start.packed_megabytes(layer)
        found = cold_start.measure(layer, 3 if is_quick else 10)
        invoked = invocation.measure(layer, 2 if is_quick else 5)
    base, *rest = found
    rows = [
        [each.name, spread(each.seconds), f"{each.median / base.median:.2f}", f"{each.megabytes:.0f} MB"]
        for each in found
    ]
    functions = {each.name: each.median for each in rest if " " not in each.name}
    path = sum(functions[name] for name in cold_start.CRITICAL_PATH)
    for name, each in invoked.items():
        seconds = f"{median(each.processor_seconds) / base.median:.2f}"
        rows.append([f"{name}, invoked", spread(each.processor_seconds), seconds, f"{each.megabytes:.0f} MB"])
    rows.append(["all of a failover, one after the other", f"{path:.2f} s", f"{path / base.median:.2f}", ""])
    notes = (
        "Processor seconds of a whole process that imports the function and makes one client, against importing boto3 "
        "and making one; *invoked* are whole invocations, on the local cloud and over TLS, of the functions that ask "
        f"the most. Memory is the most that any of the processes held. The layer packs to {packed:.1f} MB; a function "
        "is its handler alone, under 1 kB. What was chosen and why: [0012](decisions/0012-cold-starts.md), "
        "[0034](decisions/0034-memory-and-connections.md)."
    )
    slowest = max(functions.values()) / base.median
    goals = [
        Goal(
            what="slowest function's cold start, against bare boto3 and one client",
            limit=1.3,
            figure=slowest,
            unit="times",
        ),
        Goal(
            what="memory of the heaviest function, invoked",
            limit=50,
            figure=max(each.megabytes for each in invoked.values()),
            unit="MB",
            why_not="of a failover's, assess_cluster holds the most, "
            f"{invoked['assess_cluster'].megabytes:.0f} MB; those that look at everything have ten clients and sixteen "
            "connections",
        ),
    ]
    columns = ["process", "processor time", "against the first", "memory"]
    return Section(
        name="cold-starts", title="Cold starts", notes=notes, columns=columns, rows=rows, goals=goals, figures=functions
    )


SCENARIOS = ("network-loss", "switchback")


def measure_own_time(is_quick: bool) -> Section:
    rows, bars, figures = [], {}, {}
    own: dict[str, list[float]] = {}
    for scenario in SCENARIOS:
        with console.status(f"the controller's own time: drills of {scenario}"):
            drills = own_time.measure(scenario, "fast", 1 if is_quick else 3)
        drills.sort(key=lambda drill: drill.own)
        drill = drills[len(drills) // 2]
        for phase in drill.phases:
            injected = min(phase.injected, phase.seconds)
            seconds = [f"{value:.1f} s" for value in (phase.seconds, injected, phase.own)]
            rows.append([f"{scenario}: {phase.step}", *seconds, str(phase.tries), phase.calls])
        own[scenario] = [each.own for each in drills]
        rows.append([f"{scenario}: all", f"{drill.result.controller_seconds:.1f} s", "", spread(own[scenario]), "", ""])
        bars[scenario] = {"detection": drill.detection, **{phase.step: phase.seconds for phase in drill.phases}}
        figures[f"own time of {scenario}"] = median(own[scenario])
    notes = (
        "Drills on the fast profile, each on a cloud of its own, so every function starts cold; but the local cloud "
        "forks its processes from one that has imported boto3, pydantic and Powertools, so of a cold start only the "
        "rest is in these figures: what the whole takes stands under *Cold starts*, its last line for a failover's "
        "functions together. *Injected* is what the simulated world takes: the silent node's answer time-out, a "
        "command's way, the load balancer's looks. API calls are in the order in which they were made; where a step "
        "asks several at once they stand mixed."
    )
    slow = "the functions, both hosts and the cloud share two processors"
    goals = [
        Goal(
            what=f"own time of {scenario} on the drill",
            limit=5,
            figure=figures.get(f"own time of {scenario}"),
            unit="s",
            why_not=slow if median(own[scenario]) > 5 else "",
        )
        for scenario in SCENARIOS
    ]
    return Section(
        name="own-time",
        title="The controller's own time",
        notes=notes,
        columns=["step", "time", "injected", "own", "tries", "API calls"],
        rows=rows,
        goals=goals,
        figures=figures,
        plot={"bars": bars},
    )


def measure_end_to_end(_is_quick: bool) -> Section:
    scenarios = os.environ.get("SCENARIOS", ",".join(end_to_end.SCENARIOS)).split(",")
    runs, commit = int(os.environ.get("RUNS", "7")), os.environ.get("BASELINE") or None
    with end_to_end.checked_out(commit) as baseline, console.status("end to end") as status:
        pairs = end_to_end.measure(scenarios, runs, baseline, lambda what: status.update(f"end to end: {what}"))
    rows, bars = [], {}
    for scenario, pair in pairs.items():
        for arm, drills in (("", pair.own), (f" at {commit}", pair.baseline)):
            if drills:
                outages = [run.outage for run in drills]
                bars[scenario + arm] = end_to_end.parts(drills)
                told = ", ".join(f"{part} {seconds:.1f}" for part, seconds in bars[scenario + arm].items())
                rows.append([scenario + arm, str(len(drills)), spread(outages), told, ""])
        if pair.ratio is not None:
            rows[-2][-1] = f"{pair.ratio:.2f}"
    rows += [
        ["RDS Multi-AZ, as AWS documents it", "", "60 to 120 s", "", ""],
        ["LifeKeeper's detection by default", "", "15 s node, up to 120 s application", "", ""],
    ]
    medians = {scenario: median(run.outage for run in pair.own) for scenario, pair in pairs.items()}
    goals = [
        Goal(what=f"outage of {scenario}, realistic profile", limit=limit, figure=medians.get(scenario), unit="s")
        for scenario, limit in (("network-loss", 60), ("switchback", 20))
    ]
    against = f" Beside it the code at {commit}, run in turn on the same machine." if commit else ""
    return Section(
        name="end-to-end",
        title="End to end",
        notes="The simulated user's outage on the realistic profile (`testbed/world/profiles.toml`), by published "
        "figures and assumed ranges where there are none: the agent's two stages, a command's way, metrics and events "
        f"under way, whole cold starts with each function's share of a processor.{against} *Parts* are medians, in "
        "seconds, of the phases that follow each other. "
        "`make bench ONLY=end-to-end RUNS=7 BASELINE=commit SCENARIOS=one,other` runs it.",
        columns=["", "runs", "outage", "parts", "against the baseline"],
        rows=rows,
        goals=goals,
        figures={f"outage of {scenario}": seconds for scenario, seconds in medians.items()},
        plot={"bars": bars},
    )


def measure_command(is_quick: bool) -> Section:
    with console.status("the command: its start, and status on the local cloud"):
        started = command.measure_start(3 if is_quick else 15)
        status = command.measure_status(3 if is_quick else 7)
    subjects = started | {"garoon-failover status": status}
    processor = {name: [one.processor_seconds for one in runs] for name, runs in subjects.items()}
    clock = {name: [one.clock_seconds for one in runs] for name, runs in subjects.items()}
    ratios = {name: median(seconds) / median(processor[command.BASELINE]) for name, seconds in processor.items()}
    rows = [[name, spread(processor[name]), f"{ratios[name]:.2f}", spread(clock[name])] for name in subjects]
    goals = [
        Goal(
            what="start of the command, against importing boto3",
            limit=1.2,
            figure=max(ratios[name] for name in started if name != command.BASELINE),
            unit="times",
        ),
        Goal(
            what="status on the local cloud, whole process",
            limit=2,
            figure=median(clock["garoon-failover status"]),
            unit="s",
        ),
    ]
    return Section(
        name="command",
        title="The command",
        notes="What an operator waits for, whole processes. The local cloud shares the processors with the command. "
        "The first `status`, for which the functions start cold, is counted.",
        columns=["process", "processor time", "against the first", "by the clock"],
        rows=rows,
        goals=goals,
        figures={name: median(seconds) for name, seconds in clock.items()},
    )


def measure_widget(is_quick: bool) -> Section:
    with console.status("the dashboard's widget on the local cloud"):
        looks = widget.measure(5 if is_quick else 20)
    kilobytes = looks.bytes / 1000
    return Section(
        name="widget",
        title="The dashboard's widget",
        notes="One call of the function, by the clock, with both nodes asked over Run Command. Cold is the first call "
        "after the deployment. The local cloud, the nodes and the function share the machine's processors.",
        columns=["call", "by the clock", "answer"],
        rows=[
            ["cold", f"{looks.cold_seconds:.2f} s", ""],
            ["warm", spread(looks.warm_seconds), f"{kilobytes:.1f} KB"],
        ],
        goals=[
            Goal(what="widget, cold", limit=3, figure=looks.cold_seconds, unit="s"),
            Goal(what="widget, warm", limit=1, figure=median(looks.warm_seconds), unit="s"),
            Goal(what="widget's answer", limit=60, figure=kilobytes, unit="KB"),
        ],
        figures={"cold": looks.cold_seconds, "warm": median(looks.warm_seconds)},
    )


def measure_cost(_is_quick: bool) -> Section:
    items, failover = cost.at_rest(), cost.total(cost.of_a_failover())
    rows = [[item.quantity, item.what, f"{item.dollars:.2f}"] for item in items]
    rows.append(["", "a month at rest", f"{cost.total(items):.2f}"])
    prices = ", ".join(f"{what} {price:g}" for what, price in cost.PRICES.items())
    notes = (
        f"Computed from the template, USD, assumed prices without free tier: {prices}. A failover costs {failover:.4f}."
    )
    goals = [Goal(what="a month at rest, one cluster", limit=15, figure=cost.total(items), unit="USD")]
    return Section(name="cost", title="Cost", notes=notes, columns=["quantity", "of", "USD"], rows=rows, goals=goals)


SECTIONS: dict[str, Callable[[bool], Section]] = {
    "detection": measure_detection,
    "routes": measure_routes,
    "cold-starts": measure_cold_starts,
    "own-time": measure_own_time,
    "end-to-end": measure_end_to_end,
    "command": measure_command,
    "widget": measure_widget,
    "cost": measure_cost,
}
SLOW = ("end-to-end",)
"""Left out of a quick run."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer runs, smaller sizes, nothing that takes minutes")
    parser.add_argument("--only", help=f"sections, separated by commas: {', '.join(SECTIONS)}")
    arguments = parser.parse_args()
    names = arguments.only.split(",") if arguments.only else list(SECTIONS)
    if unknown := set(names) - set(SECTIONS):
        parser.error(f"there is no section {', '.join(sorted(unknown))}: allowed are {', '.join(SECTIONS)}")
    sections = report.read_sections()
    for name in names:
        if arguments.quick and name in SLOW:
            continue
        section = report.stamp(SECTIONS[name](arguments.quick), arguments.quick)
        report.show(console, section, sections.get(name))
        sections[name] = section
        report.write(sections, list(SECTIONS))
        _draw(section)
    report.show_goals(console, [sections[name] for name in SECTIONS if name in sections])


def _draw(section: Section) -> None:
    path = report.FOLDER / f"{section.name}.svg"
    if lines := section.plot.get("lines"):
        plots.draw_lines(path, section.title, "route tables", "seconds", lines)
    if bars := section.plot.get("bars"):
        plots.draw_stacks(path, section.title, bars)


def _quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


if __name__ == "__main__":
    main()
