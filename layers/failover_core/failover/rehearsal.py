"""What a step orders, asked for and not carried out: so that what stands in its way is known before."""

from collections.abc import Callable, Iterable

from failover.adapters.dry_runs import dry_runs
from failover.asking import ask
from failover.models import Unknown


def try_orders(orders: Iterable[Callable[[], object]]) -> list[str]:
    """Why AWS would not take these orders now, a sentence each; empty if it would take all. Changes nothing."""
    with dry_runs():
        answers = [ask(order) for order in orders]
    return list(dict.fromkeys(answer.why for answer in answers if isinstance(answer, Unknown)))
