"""What CloudWatch Logs hands on to a function that is subscribed to a log group."""

import base64
import binascii
import gzip
import zlib

from pydantic import ValidationError

from failover.errors import Failed
from failover.messages import Message
from failover.models import Observed


class LogData(Observed):
    """`awslogs` of a subscription's event (CloudWatch Logs User Guide, "Subscription filters with AWS Lambda")."""

    data: str
    """Base64 of gzip of JSON."""


class _LogEvent(Observed):
    message: str


class _LogBatch(Observed):
    log_events: list[_LogEvent]


def read_lines(log: LogData) -> list[str]:
    """The log's lines, as they were written. Raises Failed if it is not what CloudWatch Logs documents."""
    try:
        batch = _LogBatch.model_validate_json(gzip.decompress(base64.b64decode(log.data, validate=True)))
    except (binascii.Error, gzip.BadGzipFile, zlib.error, EOFError, ValidationError) as error:
        raise Failed(Message("error.no-log-batch", words=str(error))) from error
    return [event.message for event in batch.log_events]
