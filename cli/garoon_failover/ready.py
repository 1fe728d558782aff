"""`garoon-failover ready`: the controller's own answer, with its own rights."""

from __future__ import annotations

from failover.finding import Severity
from failover.messages import Message
from failover.readiness import summarize
from failover.steps.check_readiness import Readiness

from garoon_failover import functions, output
from garoon_failover import installation as deployed
from garoon_failover.errors import ExitCode
from garoon_failover.words import code, said, tr

_STYLES = {Severity.CRITICAL: "bold red", Severity.WARNING: "yellow", Severity.INFO: "dim"}


def run(*, is_json: bool) -> None:
    """Exit code 1 if a failover would not work."""
    found = deployed.load()
    answer = Readiness.model_validate(functions.invoke(found.stack.outputs["CheckReadinessFunctionName"], {}))
    if is_json:
        output.print_json(answer.to_json())
    else:
        output.say(_summary(answer), style="bold green" if answer.is_ready else "bold red")
        for finding in answer.findings:
            output.say(
                tr(
                    "finding",
                    severity=said(Message(f"severity.{finding.severity}")),
                    meaning=said(finding.meaning),
                    id=finding.id,
                    about=finding.about,
                ),
                style=_STYLES[finding.severity],
            )
            output.say(f"    {said(finding.action)}")
    if not answer.is_ready:
        raise SystemExit(int(ExitCode.NO))


def _summary(answer: Readiness) -> str:
    """In another language by the findings, as the controller's own judgement sums them up."""
    return answer.summary if code() == "en" else said(summarize(answer.findings))
