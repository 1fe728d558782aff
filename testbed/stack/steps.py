"""The catalogue of steps as the testbed reads it, and what a step can be called with outside of a workflow."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Last: a core that is on the path already is the one that is meant. Nothing of it reaches the functions' processes.
sys.path.append(str(Path(__file__).parents[2] / "layers/failover_core"))

from failover.models import Value
from failover.settings import Settings
from failover.step_catalogue import STEPS, Step

__all__ = ["CHANGING_STEPS", "STEPS", "function_of", "sample_input"]

CHANGING_STEPS = {step.state: step for step in STEPS if step.changes}


def function_of(step: Step) -> tuple[Callable[[Value, Settings], Value], type[Value]]:
    """The step's function, and the model of its input."""
    function = getattr(importlib.import_module(f"failover.steps.{step.function}"), step.function)
    [request, _] = inspect.signature(function, eval_str=True).parameters.values()
    return function, request.annotation


def sample_input(step: Step, *, execution: str, node: str, started_at: str) -> dict[str, Any]:
    """The least that the step's function takes, as JSON values. Raises LookupError for an argument that is not known.

    `started_at` is in ISO 8601. A node that is said to be fenced is `node`, isolated and not off.
    """
    known = {
        "execution": execution,
        "node": node,
        "startedAt": started_at,
        "fenced": {"node": node, "proof": "it is isolated", "isOff": False},
    }
    _, request = function_of(step)
    needed = [str(field.alias) for field in request.model_fields.values() if field.is_required()]
    if unknown := [name for name in needed if name not in known]:
        raise LookupError(f"{step.state} needs {', '.join(unknown)}, of which testbed/stack/steps.py has no sample.")
    return {name: known[name] for name in needed}
