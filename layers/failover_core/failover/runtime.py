"""What every function has in common: parse, log, measure, and say errors by name. Lambda itself traces."""

import json
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial, wraps
from typing import Any, TypeVar

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import ValidationError

from failover.adapters import tls
from failover.errors import Failed, FailoverError, InvalidInput, as_sentence, explain, with_code
from failover.messages import Message
from failover.models import REHEARSAL, Rehearsed, Value
from failover.settings import Settings, settings

# Lambda takes a line's level only under a name of its own ("WARN"), and only beside a time stamp in RFC 3339: else it
# calls the line INFO, and a filter drops it (Lambda Developer Guide, "Log-level filtering").
logging.addLevelName(logging.WARNING, "WARN")
logger = Logger(use_rfc3339=True, utc=True)
metrics = Metrics()


class StepInput(Value):
    """What the workflow gives to every step."""

    execution: str
    """ARN of the execution: owner of the lock, and the logs' correlation id."""


InputT = TypeVar("InputT", bound=Value)


def lambda_step(
    input_model: type[InputT],
    *,
    allowed: str = "",
    rehearsal: Callable[[Settings], list[str]] | None = None,
    is_announced: bool = False,
) -> Callable[
    [Callable[[InputT, Settings], Value | str]], Callable[[dict[str, Any], LambdaContext], dict[str, Any] | str]
]:
    """Makes a Lambda handler of a step's function.

    The event is parsed into `input_model`. One that does not fit is Failed: the state machine is wrong then, not the
    operator. A function that operators call says what is `allowed`; there it is InvalidInput. Logs carry the execution
    as correlation id, also of an event that does not fit. The result is returned as JSON values; a page is returned as
    its text. Errors of failover.errors are logged as one sentence and raised on: their class name is the error's name
    in Step Functions. Any other is a fault of this code, which trying again would only repeat: it is logged with its
    trace, and Failed.

    With exactly REHEARSAL for its event the step is not run: its settings are read, and its `rehearsal` says what
    would keep it from its work, a sentence each, and changes nothing. An event that says more is InvalidInput.

    The line that says how a step of a workflow ended has `announced`: of it, announce makes an event for EventBridge
    (docs/notifications.md). Other functions whose end is one say `is_announced`.
    """
    is_told = is_announced or issubclass(input_model, StepInput)
    tls.use_one_context()

    def decorate(
        step: Callable[[InputT, Settings], Value | str],
    ) -> Callable[[dict[str, Any], LambdaContext], dict[str, Any] | str]:
        @logger.inject_lambda_context(clear_state=True)
        @wraps(step)
        def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any] | str:
            logger.set_correlation_id(_execution_of(event))
            ending = partial(_ending, time.monotonic(), is_announced=is_told)
            try:
                if isinstance(event, dict) and "rehearse" in event:
                    return _rehearse(event, rehearsal).to_json()
                said = step(_parse(event, input_model, allowed), settings())
                result = said if isinstance(said, str) else said.to_json()
            except FailoverError as error:
                logger.warning(str(error), error=type(error).__name__, **ending())
                raise type(error)(with_code(error.said)) from error
            except Exception as error:
                logger.exception("This is a fault of the controller's code.", error=type(error).__name__, **ending())
                raise Failed(Message("error.own-fault", name=type(error).__name__)) from error
            finally:
                _write_metrics()
            told = f"{len(result)} characters" if isinstance(result, str) else result
            logger.info("done", result=told, **ending())
            return result

        return handler

    return decorate


def _ending(began: float, *, is_announced: bool) -> dict[str, Any]:
    """What the line has that says how the function ended, since it `began`."""
    return {"seconds": round(time.monotonic() - began, 3)} | ({"announced": True} if is_announced else {})


def request_id() -> str:
    """Lambda's id of this call. CloudTrail has it of the call as well, if it records the function's calls."""
    return str(logger.get_current_keys().get("function_request_id", ""))


def _rehearse(event: dict[str, Any], rehearsal: Callable[[Settings], list[str]] | None) -> Rehearsed:
    if event != REHEARSAL or event["rehearse"] is not True:
        raise InvalidInput(Message("error.rehearsal-input", words=json.dumps(REHEARSAL)))
    try:
        its_settings = settings()
    except ValueError as error:
        return Rehearsed(troubles=[as_sentence(str(error))])
    return Rehearsed(troubles=rehearsal(its_settings) if rehearsal else [])


def _execution_of(event: object) -> str | None:
    """The execution that gave the event, or that the event tells of."""
    match event:
        case {"execution": str(execution)} | {"detail": {"executionArn": str(execution)}}:
            return execution
        case _:
            return None


def _parse(event: dict[str, Any], input_model: type[InputT], allowed: str) -> InputT:
    try:
        return input_model.model_validate(event)
    except ValidationError as error:
        if allowed:
            raise InvalidInput(Message("error.input-unusable", words=explain(error), allowed=allowed)) from error
        raise Failed(Message("error.step-input", words=explain(error))) from error


def _write_metrics() -> None:
    """The step's metrics, if it has any, as a line of the log of which CloudWatch makes metrics.

    They have the dimension `Cluster`, beside Powertools' `service`. The line has a level so that no filter of warnings
    drops it. Without metrics nothing is written: Powertools would write a warning in plain text.
    """
    if not metrics.provider.metric_set:
        return
    metrics.add_dimension(name="Cluster", value=settings().cluster_name)
    metrics.add_metadata(key="level", value="WARN")
    metrics.add_metadata(key="timestamp", value=datetime.now(UTC).isoformat(timespec="milliseconds"))
    metrics.flush_metrics()
