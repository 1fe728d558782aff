"""boto3 as it is, its retries and time-outs included, with a simulated AWS behind it.

A request is served at botocore's `before-send` event, where HTTP would begin; an answer is not written out as XML or
JSON and parsed again, but it is held against the output shape of botocore's own model of the service.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ConnectTimeoutError, ParamValidationError, ReadTimeoutError
from botocore.retries import standard
from botocore.retries.quota import RetryQuota
from botocore.validate import validate_parameters

from testbed.campaign.stack import REGION
from testbed.campaign.virtual_time import clock

READ_TIMEOUT_SECONDS = 5.0
CONNECT_TIMEOUT_SECONDS = 2.0


class AwsError(Exception):
    """An error that AWS answers with."""

    def __init__(self, code: str, message: str = "", status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status = code, message, status


@dataclass
class Call:
    """One HTTP request of boto3's."""

    service: str
    operation: str
    parameters: Mapping[str, Any]
    caller: Any
    """The invocation of a function that made it."""
    attempt: int = 1
    """boto3's own count: 2 is the first retry of the same call."""

    @property
    def name(self) -> str:
        return f"{self.service}:{self.operation}"

    @property
    def subject(self) -> str:
        """What it is about: the verb, the instance, the table; tells calls of one operation apart."""
        parameters = self.parameters
        if self.operation == "SendCommand":
            return f"{parameters['Parameters']['Verb'][0]} {parameters['InstanceIds'][0]}"
        if self.operation == "UpdateItem":
            return str(parameters["UpdateExpression"]).split(" REMOVE ")[0][:24]
        if filters := parameters.get("Filters"):
            return str(filters[0]["Values"][0])
        for name in ("InstanceIds", "InstanceId", "RouteTableId", "NetworkInterfaceIds", "AssociationId", "VolumeId"):
            if value := parameters.get(name):
                return str(value[0] if isinstance(value, list) else value)
        return ""

    def connect_timeout(self) -> Exception:
        clock.loop.sleep(CONNECT_TIMEOUT_SECONDS)
        return ConnectTimeoutError(endpoint_url=f"https://{self.service}.{REGION}.amazonaws.com/")

    def read_timeout(self) -> Exception:
        clock.loop.sleep(READ_TIMEOUT_SECONDS)
        return ReadTimeoutError(endpoint_url=f"https://{self.service}.{REGION}.amazonaws.com/")


@dataclass
class _Response:
    """As much of an HTTP response as botocore looks at."""

    status_code: int
    content: Any
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def raw(self) -> Any:
        return self.content


class _Parser:
    def parse(self, response: Mapping[str, Any], _shape: object) -> dict[str, Any]:
        # A StreamingBody around it where an operation's answer is read bit by bit, as Lambda's Invoke.
        body = getattr(response["body"], "_raw_stream", response["body"])
        return {**body, "ResponseMetadata": {"HTTPStatusCode": response["status_code"]}}


class _ParserFactory:
    def create_parser(self, _protocol: str) -> _Parser:
        return _Parser()


class Clients:
    """Makes boto3 clients whose calls `serve` answers; forgets their retry quotas between worlds."""

    def __init__(self) -> None:
        self._session = boto3.Session(
            aws_access_key_id="campaign",
            aws_secret_access_key="campaign",
            region_name=REGION,
        )
        self._made: dict[str, Any] = {}
        self._retry_handlers: dict[str, Any] = {}
        self.serve: Callable[[Call], dict[str, Any]] = _serve_nothing

    def client(self, service: Any, config: Any = None) -> Any:
        """Stands in for boto3.client."""
        if service not in self._made:
            # Nobody looks at signatures here, and they take a fifth of the time.
            client = self._session.client(service, config=config.merge(Config(signature_version=UNSIGNED)))
            client._endpoint._response_parser_factory = _ParserFactory()
            client.meta.events.register("before-parameter-build", self._keep_parameters)
            client.meta.events.register("before-send", partial(self._send, service))
            self._made[service] = client
            self._own_retries(service)
        return self._made[service]

    def begin(self, serve: Callable[[Call], dict[str, Any]]) -> None:
        """A new world: its AWS answers, and the clients are as new."""
        self.serve = serve
        for handler in self._retry_handlers.values():
            handler._retry_quota._quota = RetryQuota()

    def _own_retries(self, service: str) -> None:
        """Registers the retries anew: the handler that boto3 registered is out of reach, and it holds the quota."""
        client = self._made[service]
        name = client.meta.service_model.service_id.hyphenize()
        client.meta.events.unregister(f"needs-retry.{name}", unique_id=f"retry-config-{name}")
        attempts = client.meta.config.retries["total_max_attempts"]
        self._retry_handlers[service] = standard.register_retry_handler(client, attempts)

    def _keep_parameters(self, params: dict[str, Any], **_: Any) -> None:
        clock.loop.current.notes.update(parameters=params, attempt=0)

    def _send(self, service: str, event_name: str, **_: Any) -> _Response:
        operation = event_name.rpartition(".")[2]
        task = clock.loop.current
        task.notes["attempt"] += 1
        call = Call(service, operation, task.notes["parameters"], task.note("invocation"), task.notes["attempt"])
        try:
            answer = self.serve(call)
        except AwsError as error:
            return _Response(error.status, {"Error": {"Code": error.code, "Message": error.message}})
        shape = self._made[service].meta.service_model.operation_model(operation).output_shape
        if shape is not None:
            try:
                validate_parameters(answer, shape)
            except ParamValidationError as error:
                # botocore would take it for an error of the connection.
                clock.loop.unexpected.append(error)
        return _Response(200, answer)


def _serve_nothing(call: Call) -> dict[str, Any]:
    raise NotImplementedError(f"{call.name} was called and there is no world.")
