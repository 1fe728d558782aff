"""API destinations that are tried again, and that leave in a dead-letter queue what nobody took.

Follows, in the EventBridge User Guide: "API destinations as targets" (the target's role may do
events:InvokeApiDestination; an answer is awaited for five seconds; 401, 407, 409, 429 and 5xx are tried again),
"Retrying event delivery" (the target's retry policy; with back-off), "Using dead-letter queues" (attributes). The
emulator tries once, and drops what was not taken.
"""

from __future__ import annotations

import contextvars
import logging
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import eventbridge

from testbed.cloud.emulator import Cloud

logger = logging.getLogger("testbed.api_destinations")

_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 60.0
_TRIED_AGAIN = (401, 407, 409, 429)
_DEFAULT_ATTEMPTS = 185

delivery: contextvars.ContextVar[tuple[dict[str, Any], ...]] = contextvars.ContextVar("delivery")
"""Target, event and rule of what is delivered."""


def install(cloud: Cloud) -> None:
    from testbed.cloud.events import NotDeliveredError, keep

    def dispatch(spec: Any, payload: str, target: dict[str, Any]) -> None:
        own_target, event, rule = delivery.get()
        destination = eventbridge._api_destinations[spec.resource.split("/", 2)[1]]
        name = destination["ConnectionArn"].rpartition("/")[2]
        connection = eventbridge._connections[name]
        request = eventbridge._build_api_destination_request(
            destination, connection, target.get("HttpParameters") or {}, payload
        )
        secret = eventbridge._connection_auth_headers(connection, (get_account_id(), get_region(), name))
        most = int((own_target.get("RetryPolicy") or {}).get("MaximumRetryAttempts", _DEFAULT_ATTEMPTS))

        def attempt(number: int) -> None:
            try:
                status = int(eventbridge._api_destination_send_sync(request, secret))
                why = f"HTTP status {status}"
            except OSError as error:  # no connection, no trust in the certificate, no answer in time
                status, why = 0, str(error)
            if 200 <= status < 300:
                return
            logger.warning("%s, attempt %d: %s", request["url"], number, why)
            is_tried_again = status == 0 or status in _TRIED_AGAIN or status >= 500
            if is_tried_again and number < most:
                pause = min(_FIRST_PAUSE_SECONDS * 2**number, _LONGEST_PAUSE_SECONDS)
                cloud.background.start(attempt, number + 1, after_seconds=pause)
                return
            condition = "MaximumRetryAttempts" if is_tried_again else "NotRetriable"
            keep(own_target, event, rule, NotDeliveredError("ERROR_FROM_TARGET", why), condition, number)

        cloud.background.start(attempt, 0)

    eventbridge._dispatch_to_api_destination = dispatch
