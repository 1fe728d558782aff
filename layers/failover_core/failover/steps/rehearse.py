"""Call every function that a failover needs, so that none of them sleeps, and say which would not work."""

from concurrent.futures import ThreadPoolExecutor

from failover.adapters import functions
from failover.asking import ask
from failover.models import Observed, Rehearsal, Unknown
from failover.settings import Settings
from failover.step_catalogue import STEPS

REHEARSED = (*dict.fromkeys(step.function for step in STEPS), "record_abort", "set_maintenance")
"""All but those that the schedule calls anyway, and NOT_REHEARSED; a test holds template.yaml to it."""

NOT_REHEARSED = {
    "announce": "No failover needs it. Each look at readiness calls it, by what it logs.",
    "operate": "No failover needs it: what its buttons do can be done in the console and by the command as well.",
    "rehearse": "It would call itself.",
    "show_cluster": "No failover needs it: whoever looks at the dashboard sees at once whether it runs.",
}
"""Functions that neither the schedule nor a rehearsal calls, each with the reason."""

_AT_ONCE = 4
"""A new account may run ten functions at once, and a failover needs some of them."""


class RehearseRequest(Observed):
    """Nothing in it is of interest."""


def rehearse(_request: RehearseRequest, settings: Settings) -> Rehearsal:
    """What would keep the stack's functions from their work, each called with the input that changes nothing."""

    def troubles_of(step: str) -> list[str]:
        said = ask(functions.rehearse, step, settings)
        return [said.why] if isinstance(said, Unknown) else said.troubles

    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        answers = {step: pool.submit(troubles_of, step) for step in REHEARSED}
    return Rehearsal(troubles={step: answer.result() for step, answer in answers.items() if answer.result()})
