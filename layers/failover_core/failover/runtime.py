"""What every function has in common: parse, log, measure, and say errors by name. Lambda itself traces."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import ValidationError

from failover.errors import Failed, FailoverError, InvalidInput, explain
from failover.models import Value
from failover.settings import Settings, settings

logger = Logger()
metrics = Metrics()


class StepInput(Value):
    """What the workflow gives to every step."""

    execution: str
    """ARN of the execution: owner of the lock, and the logs' correlation id."""


InputT = TypeVar("InputT", bound=Value)


def lambda_step(
    input_model: type[InputT], *, allowed: str = ""
) -> Callable[[Callable[[InputT, Settings], Value]], Callable[[dict[str, Any], LambdaContext], dict[str, Any]]]:
    """Makes a Lambda handler of a step's function.

    The event is parsed into `input_model`. One that does not fit is Failed: the state machine is wrong then, not the
    operator. A function that operators call says what is `allowed`; there it is InvalidInput. Logs carry the execution
    as correlation id, the result is returned as JSON values. Errors of failover.errors are logged as one sentence and
    raised on: their class name is the error's name in Step Functions.
    """

    def decorate(
        step: Callable[[InputT, Settings], Value],
    ) -> Callable[[dict[str, Any], LambdaContext], dict[str, Any]]:
        @logger.inject_lambda_context(clear_state=True)
        @metrics.log_metrics
        @wraps(step)
        def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
            try:
                request = input_model.model_validate(event)
            except ValidationError as error:
                if allowed:
                    raise InvalidInput(f"The input is not usable: {explain(error)}. {allowed}") from error
                raise Failed(
                    f"The state machine passed an input that this step does not take: {explain(error)}."
                ) from error
            if isinstance(request, StepInput):
                logger.set_correlation_id(request.execution)
            try:
                result = step(request, settings()).to_json()
            except FailoverError as error:
                logger.warning(str(error), error=type(error).__name__)
                raise
            logger.info("done", result=result)
            return result

        return handler

    return decorate
