"""A rehearsal calls every function that a failover needs, changes nothing, and hides none that would not work."""

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber
from failover.adapters import clients, functions
from failover.errors import CloudUnavailable, Failed, InvalidInput
from failover.models import REHEARSAL, Rehearsal, Rehearsed
from failover.settings import Settings
from failover.settings import settings as process_settings
from failover.steps import rehearse as step
from failover.steps.rehearse import NOT_REHEARSED, REHEARSED, RehearseRequest, rehearse

from testbed.stack.template import read_template
from tests.unit.conftest import make_environment
from tests.unit.test_logs import CONTEXT, FUNCTIONS, load_handler

RESOURCES: dict[str, Any] = read_template()["Resources"]


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    for name, value in make_environment().items():
        monkeypatch.setenv(name, value)
    process_settings.cache_clear()
    yield monkeypatch
    process_settings.cache_clear()


def forbid_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(service: str, **_options: Any) -> None:
        raise AssertionError(f"{service} was called")

    monkeypatch.setattr(clients, "_clients", {})
    monkeypatch.setattr(boto3, "client", forbidden)


# --- what a function does -------------------------------------------------------------------------------------------


ORDERING = ("confirm_stop", "fence_node", "keep_data", "start_node", "swap_route")
"""Those that try their orders, too: test_dry_runs.py."""


@pytest.mark.parametrize(
    "path", [path for path in FUNCTIONS if path.parent.name not in ORDERING], ids=lambda path: path.parent.name
)
def test_every_function_rehearses_and_calls_nobody(path: Path, environment: pytest.MonkeyPatch) -> None:
    forbid_calls(environment)
    assert load_handler(path)(REHEARSAL, CONTEXT) == {"troubles": []}


@pytest.mark.parametrize(
    "event",
    [
        {"rehearse": False},
        {"rehearse": 1},
        {"rehearse": "true"},
        {"rehearse": None},
        {"rehearse": True, "node": "db-01"},
        {"rehearse": True, "execution": "arn"},
    ],
    ids=json.dumps,
)
@pytest.mark.parametrize("path", FUNCTIONS, ids=lambda path: path.parent.name)
def test_whoever_says_more_than_that_is_refused(
    path: Path, event: dict[str, Any], environment: pytest.MonkeyPatch
) -> None:
    forbid_calls(environment)
    with pytest.raises(InvalidInput, match="and nothing beside it"):
        load_handler(path)(event, CONTEXT)


def test_a_function_that_was_told_nonsense_says_so(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("FENCE_TIMEOUT_SECONDS", "soon")
    environment.delenv("ROUTE_TABLE_IDS")
    [trouble] = load_handler(FUNCTIONS[0])(REHEARSAL, CONTEXT)["troubles"]
    assert "FENCE_TIMEOUT_SECONDS" in trouble
    assert "ROUTE_TABLE_IDS" in trouble


# --- who is called, and what is made of the answers -----------------------------------------------------------------


def test_every_function_that_the_schedule_does_not_call_is_rehearsed_by_its_name() -> None:
    own = {name: one["Properties"] for name, one in RESOURCES.items() if one["Type"] == "AWS::Serverless::Function"}
    asleep = {
        Path(one["CodeUri"]).name: one["FunctionName"]
        for one in own.values()
        if not any(event["Type"] == "Schedule" for event in one.get("Events", {}).values())
    }
    for name in NOT_REHEARSED:
        del asleep[name]
    assert asleep == {name: {"Fn::Sub": f"${{ClusterName}}-{name.replace('_', '-')}"} for name in REHEARSED}


def test_the_one_that_may_call_them_all_takes_no_orders() -> None:
    """Whoever may call it, as check_readiness may, can make it do nothing else."""
    assert RehearseRequest.model_fields == {}
    text = (Path(step.__file__)).read_text() + Path(functions.__file__).read_text()
    assert len(re.findall(r"client\(\"lambda\"\)", text)) == 1


class FakeFunctions:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.client = boto3.client("lambda", region_name="ap-northeast-1")
        self.stubber = Stubber(self.client)
        self.stubber.activate()
        monkeypatch.setattr(functions, "client", lambda _service: self.client)

    def say(self, name: str, answer: object, *, error: str = "", given: str = '{"rehearse": true}') -> None:
        payload = json.dumps(answer).encode()
        said: dict[str, Any] = {"StatusCode": 200, "Payload": StreamingBody(io.BytesIO(payload), len(payload))}
        if error:
            said["FunctionError"] = error
        self.stubber.add_response("invoke", said, {"FunctionName": name, "Payload": given})


@pytest.fixture
def fake(aws: None, monkeypatch: pytest.MonkeyPatch) -> FakeFunctions:
    return FakeFunctions(monkeypatch)


def test_a_function_s_own_word_is_taken(fake: FakeFunctions, settings: Settings) -> None:
    fake.say("garoon-fence-node", {"troubles": ["It may not stop i-0a."]})
    assert functions.rehearse("fence_node", settings) == Rehearsed(troubles=["It may not stop i-0a."])


@pytest.mark.usefixtures("aws")
def test_a_function_that_does_not_run_is_no_function_without_trouble(fake: FakeFunctions, settings: Settings) -> None:
    fake.say("garoon-fence-node", {"errorMessage": "Unable to import module 'app'"}, error="Unhandled")
    with pytest.raises(Failed, match="garoon-fence-node does not run: Unable to import module 'app'"):
        functions.rehearse("fence_node", settings)


def test_a_function_that_slept_is_told_in_lambda_s_words(fake: FakeFunctions, settings: Settings) -> None:
    words = "Lambda is initializing your function. It will be ready to invoke shortly."
    fake.stubber.add_client_error("invoke", "CodeArtifactUserPendingException", words, 409)
    with pytest.raises(Failed, match="Lambda is initializing your function"):
        functions.rehearse("fence_node", settings)


def test_readiness_asks_the_one_that_may_call_them_all(fake: FakeFunctions, settings: Settings) -> None:
    fake.say("garoon-rehearse", {"troubles": {"fence_node": ["No."]}}, given="{}")
    assert REHEARSE_ALL(settings) == Rehearsal(troubles={"fence_node": ["No."]})


REHEARSE_ALL = functions.rehearse_all


def test_one_that_fails_leaves_the_others_their_word(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(name: str, _settings: Settings) -> Rehearsed:
        match name:
            case "fence_node":
                raise Failed("The function garoon-fence-node does not run: it is gone.")
            case "swap_route":
                raise CloudUnavailable("AWS could not be reached.")
            case "start_node":
                return Rehearsed(troubles=["It may not start i-0b."])
        return Rehearsed(troubles=[])

    monkeypatch.setattr(functions, "rehearse", ask)
    assert rehearse(RehearseRequest(), settings).troubles == {
        "fence_node": ["The function garoon-fence-node does not run: it is gone."],
        "start_node": ["It may not start i-0b."],
        "swap_route": ["AWS could not be reached."],
    }
