"""Asking one source among several: the failure of one is an answer of its own, and keeps no other from being heard."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from failover.errors import CloudUnavailable, Failed
from failover.models import Unknown
from failover.runtime import logger

P = ParamSpec("P")
T = TypeVar("T")


def ask(source: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T | Unknown:
    """What the source says; Unknown, in its own words, if it could not be asked."""
    try:
        return source(*arguments, **options)
    except (CloudUnavailable, Failed) as error:
        logger.warning(f"A source did not answer: {error}")
        return Unknown(why=error.said)
