"""The deployed installation: the stack, and the settings that its functions have."""

from __future__ import annotations

import logging

from failover.models import Value
from failover.runtime import logger
from failover.settings import Settings, read_settings

from garoon_failover import account as reader
from garoon_failover import session
from garoon_failover.account import DeployedStack
from garoon_failover.errors import NotFoundError
from garoon_failover.words import tr


class Installation(Value):
    stack: DeployedStack
    settings: Settings
    """Those of check_readiness, word for word: nothing is set in two places."""

    def state_machine_arn(self, workflow: str) -> str:
        """Of failover, switchback or rejoin."""
        return self.settings.state_machine_arn(workflow)


def load() -> Installation:
    """Raises NotFoundError if there is no such stack, or it is not one of this product."""
    # What the product's steps log is for a function's log; here everything is told by what is printed.
    logger.setLevel(logging.CRITICAL)
    name = session.stack_name()
    stack = reader.read_stack(name)
    if stack is None:
        raise NotFoundError(
            tr("no-stack", name=name, region=reader.region()),
            tr("no-stack-next"),
        )
    if "CheckReadinessFunctionName" not in stack.outputs:
        raise NotFoundError(
            tr("no-whole-stack", name=name, status=stack.status),
            tr("no-whole-stack-next"),
        )
    return Installation(
        stack=stack, settings=read_settings(reader.read_environment(stack.outputs["CheckReadinessFunctionName"]))
    )
