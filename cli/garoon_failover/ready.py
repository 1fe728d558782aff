"""`garoon-failover ready`: the controller's own answer, with its own rights."""

from __future__ import annotations

from failover.finding import Severity
from failover.steps.check_readiness import Readiness

from garoon_failover import functions, output
from garoon_failover import installation as deployed
from garoon_failover.errors import ExitCode

_STYLES = {Severity.CRITICAL: "bold red", Severity.WARNING: "yellow", Severity.INFO: "dim"}


def run(*, is_json: bool) -> None:
    """Exit code 1 if a failover would not work."""
    found = deployed.load()
    answer = Readiness.model_validate(functions.invoke(found.stack.outputs["CheckReadinessFunctionName"], {}))
    if is_json:
        output.print_json(answer.to_json())
    else:
        output.say(answer.summary, style="bold green" if answer.is_ready else "bold red")
        for finding in answer.findings:
            output.say(
                f"{finding.severity}: {finding.meaning} [{finding.id}, {finding.about}]",
                style=_STYLES[finding.severity],
            )
            output.say(f"    {finding.action}")
    if not answer.is_ready:
        raise SystemExit(int(ExitCode.NO))
