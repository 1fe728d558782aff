"""Whatever comes in, a clear sentence goes out: nothing is guessed, nothing is changed, nobody reads a traceback.

Inputs are drawn by hypothesis, always the same ones: those that are right, broken in every place in turn.
"""

import contextlib
import copy
import importlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import failover
import pytest
from failover.adapters import cluster_table, nodes
from failover.conclusion import Progress, conclude
from failover.errors import CloudUnavailable, Failed, InvalidInput
from failover.failure import Failure
from failover.models import ClusterRecord, Decision, OutcomeKind, Trigger, Value, Verdict, Workflow
from failover.node_answers import VerbResult
from failover.settings import Settings, read_settings
from failover.triggers import read_trigger
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.unit.conftest import make_environment
from tests.unit.fake_nodes import FakeNode, FakeSsm

LONGEST_SENTENCE = 4_000
"""An outcome has to fit into a notification, a table's item and an execution's history, several times over."""
drawn = hypothesis_settings(
    derandomize=True,
    max_examples=150,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=8,
)
hostile_text = st.sampled_from(
    ["", " ", "$(reboot)", "`reboot`", "';--", '"', "\\", "\x00", "\ud800", "é", "a\nb", "{{x}}", "x" * 5_000, "\u202e"]
) | st.text(max_size=40)


def places(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every part of a JSON value."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [here, *(place for key, part in inside for place in places(part, (*here, key)))]


@st.composite
def broken(draw: Callable[..., Any], right: Any, parts: st.SearchStrategy[Any] = json_values | hostile_text) -> Any:
    """The right value with one part replaced, removed, or joined by another."""
    value = copy.deepcopy(right)
    place = draw(st.sampled_from(places(value)))
    if not place:
        return draw(parts)
    holder = value
    for key in place[:-1]:
        holder = holder[key]
    match draw(st.sampled_from(["replace", "remove", "add"])):
        case "replace":
            holder[place[-1]] = draw(parts)
        case "remove":
            del holder[place[-1]]
        case "add" if isinstance(holder, dict):
            holder[draw(hostile_text)] = draw(parts)
        case "add":
            holder.append(draw(parts))
    return value


def value_or_words(call: Callable[[], Any], error: type[Exception]) -> tuple[Any, str]:
    """What came back, or the words of the one error that may come instead."""
    try:
        return call(), ""
    except error as refusal:
        return None, str(refusal)


def assert_is_a_sentence(message: str) -> None:
    assert message[0].isupper(), message
    assert message.rstrip().endswith((".", "?")), message
    assert len(message) < LONGEST_SENTENCE
    assert "Traceback" not in message


# --- what starts an execution ------------------------------------------------------------------------------------

EVENTS = {
    path.stem: json.loads(path.read_text()) for path in sorted((Path(__file__).parents[2] / "events").glob("*.json"))
}


@drawn
@given(
    st.sampled_from(get_args(Workflow)),
    st.sampled_from(sorted(EVENTS)).flatmap(lambda name: broken(EVENTS[name])) | json_values,
)
@example("failover", {f"field{number}": 1 for number in range(5_000)})
@example("failover", {"x" * 100_000: 1})
@example("failover", {"reason": "\ud800"})
@example("switchback", {"target": "x" * 100_000})
@example(
    "failover", {**EVENTS["alarm-heartbeat-lost"], "detail": {"alarmName": "x" * 100_000, "state": {"value": "ALARM"}}}
)
@example(
    "failover", {**EVENTS["instance-stopped"], "detail": {"instance-id": "i-" + "x" * 100_000, "state": "stopped"}}
)
@example("failover", {**EVENTS["standing-trouble"], "detail": {"signs": ["x" * 1_000] * 100}})
def test_execution_input_is_understood_or_refused_with_what_is_allowed(
    settings: Settings, workflow: Workflow, given_input: Any
) -> None:
    trigger, refusal = value_or_words(lambda: read_trigger(workflow, given_input, settings), InvalidInput)
    if trigger is None:
        assert_is_a_sentence(refusal)
        assert re.search(r"Allowed are \{\}|acts on: garoon-|of this cluster's: i-", refusal)
        return
    assert trigger.is_automatic == ("detail-type" in given_input)
    assert len(trigger.reason) < LONGEST_SENTENCE
    assert not (trigger.is_automatic and trigger.accept_data_loss)
    assert Trigger.model_validate_json(json.dumps(trigger.to_json())) == trigger


@pytest.mark.parametrize("workflow", get_args(Workflow))
@pytest.mark.parametrize("name", ["accept_data_loss", "AcceptDataLoss", "Target", "Reason"])
def test_operator_s_input_has_one_name_for_each_field(settings: Settings, workflow: Workflow, name: str) -> None:
    trigger, refusal = value_or_words(lambda: read_trigger(workflow, {name: True}, settings), InvalidInput)
    assert trigger is None
    assert f"{name}: Extra inputs are not permitted" in refusal


def models_in(module: str) -> list[type[Value]]:
    members = vars(importlib.import_module(module)).values()
    return [one for one in members if isinstance(one, type) and issubclass(one, Value) and one.__module__ == module]


MODULES = [
    f"failover.{name}" for name in ("models", "node_answers", "triggers", "confirmation", "signs", "readiness")
] + [
    f"failover.{folder}.{file.stem}"
    for folder in ("steps", "adapters")
    for file in sorted((Path(failover.__file__).parent / folder).glob("*.py"))
    if file.stem != "__init__"
]


@pytest.mark.parametrize("model", [model for module in MODULES for model in models_in(module)])
def test_python_s_names_are_for_python_alone(model: type[Value]) -> None:
    """What comes from outside under one of them is refused, or passed over where others' words are read."""
    others = [name for name, field in model.model_fields.items() if field.alias and field.alias != name]
    for text in (dict.fromkeys(others, "x"), {}):
        for validate in (model.model_validate, lambda given: model.model_validate_json(json.dumps(given))):
            with contextlib.suppress(ValidationError):
                assert not validate(text).model_fields_set
    if others and model.model_config["extra"] == "forbid":
        with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
            model.model_validate({others[0]: "x"})


# --- what a node says --------------------------------------------------------------------------------------------

RUN_COMMAND_CHARACTERS = 24_000
"""GetCommandInvocation's StandardOutputContent is cut there (Systems Manager API Reference)."""
STATUS = FakeNode("db-01", role="primary", is_serving=True).run("status", 0)


def say(settings: Settings, output: str) -> VerbResult | None:
    node = FakeSsm({settings.node_a.instance_id: FakeNode("db-01")})
    node.garble = lambda _right: output
    with pytest.MonkeyPatch.context() as patches:
        patches.setattr(nodes, "client", lambda _service: node)
        patches.setattr(nodes, "time", SimpleNamespace(time=lambda: 0.0, monotonic=lambda: 0.0, sleep=lambda _: None))
        return nodes.run_verb(settings.node_a, "status", settings, timeout_seconds=10)


@drawn
@given(broken(STATUS).map(json.dumps) | hostile_text | st.binary(max_size=200).map(lambda data: data.decode("latin-1")))
@example(json.dumps(STATUS | {"message": "x" * 30_000})[:RUN_COMMAND_CHARACTERS])
@example("[" * RUN_COMMAND_CHARACTERS)
@example('{"verb": "status"' * 1_000)
@example("\ud800")
@example(json.dumps(STATUS).replace('"epoch": 0', '"epoch": 1e400'))
@example(json.dumps(STATUS | {"status": STATUS["status"] | {"instanceId": " "}}))
@example(json.dumps(STATUS | {"status": STATUS["status"] | {"instanceId": "i-" + "a" * 5_000}}))
def test_node_output_is_understood_or_says_nothing(settings: Settings, output: str) -> None:
    result, nothing_said = value_or_words(lambda: say(settings, output), CloudUnavailable)
    if result is None:
        assert "db-01 answered, but not in the words of garoon-node.sh" in nothing_said
        assert len(nothing_said) < LONGEST_SENTENCE
        return
    assert result.result in ("done", "refused", "failed")
    json.dumps(result.to_json())
    if result.status is not None:
        assert result.status.is_demoted == (
            result.status.replication.role == "secondary" and not result.status.is_mounted
        )
        result.status.failing_parts()


@pytest.mark.parametrize("length", [1, 100, 500, RUN_COMMAND_CHARACTERS - 1])
def test_cut_output_is_never_taken_for_a_whole_one(length: int, settings: Settings) -> None:
    whole = json.dumps(STATUS | {"message": "x" * RUN_COMMAND_CHARACTERS})
    with pytest.raises(CloudUnavailable):
        say(settings, whole[:length])


# --- the functions' environment ----------------------------------------------------------------------------------


@drawn
@given(st.dictionaries(st.sampled_from(sorted(make_environment())), st.none() | hostile_text, min_size=1, max_size=3))
def test_environment_is_understood_or_its_variables_are_named(changes: dict[str, str | None]) -> None:
    environment = {name: value for name, value in (make_environment() | changes).items() if value is not None}
    settings, refusal = value_or_words(lambda: read_settings(environment), ValueError)
    if settings is None:
        assert refusal.startswith("The function's environment is not usable: ")
        assert any(name in refusal for name in changes), refusal
        return
    assert settings.nodes
    assert settings.route_table_ids


# --- the cluster record ------------------------------------------------------------------------------------------

ITEM = {
    "clusterName": {"S": "garoon"},
    "active": {"S": "db-01"},
    "epoch": {"N": "3"},
    "movingTo": {"S": "db-02"},
    "movedBy": {"S": "arn"},
    "fence": {"M": {"node": {"S": "db-01"}, "execution": {"S": "arn"}, "isOffProven": {"BOOL": True}}},
    "lockOwner": {"S": "arn"},
    "lockExpiresAt": {"S": "2026-11-22T04:00:00.000000Z"},
    "lastFailoverAt": {"S": "2026-11-22T04:00:00.000000Z"},
    "maintenanceUntil": {"S": "2026-11-22T04:00:00Z"},
    "lastOutcome": {"M": {"outcome": {"S": "Halted"}, "epochAfter": {"N": "3"}}},
}
typed_values = st.one_of(
    hostile_text.map(lambda text: {"S": text}),
    st.integers(-(10**30), 10**30).map(lambda number: {"N": str(number)}),
    st.sampled_from(
        [{"N": "1.5"}, {"NULL": True}, {"BOOL": False}, {"L": []}, {"M": {}}, {"SS": ["a"]}, {"B": b"\xff"}]
    ),
)


def read_item(settings: Settings, item: dict[str, Any] | None) -> ClusterRecord:
    table = SimpleNamespace(get_item=lambda **_: {} if item is None else {"Item": item})
    with pytest.MonkeyPatch.context() as patches:
        patches.setattr(cluster_table, "client", lambda _service: table)
        return cluster_table.read_record(settings)


@drawn
@given(st.dictionaries(st.sampled_from(sorted(ITEM)) | hostile_text, st.none() | typed_values, min_size=1, max_size=3))
@example(dict.fromkeys(ITEM))
@example({"lastOutcome": {"M": {"evidence": {"B": b"\xff"}}}})
@example({"lastOutcome": {"M": {"reason": {"SS": ["a"]}}}})
@example({"fencedNode": {"S": "db-01"}})
def test_record_is_understood_or_named_as_unreadable(settings: Settings, changes: dict[str, Any]) -> None:
    item = {name: value for name, value in (ITEM | changes).items() if value is not None}
    record, refusal = value_or_words(lambda: read_item(settings, item), Failed)
    if record is None:
        assert re.match(r"The item garoon of clusters cannot be read: .*\. Correct it\.$", refusal, re.DOTALL)
        assert len(refusal) < LONGEST_SENTENCE
        return
    assert record.active in ("db-01", "db-02")
    assert ClusterRecord.model_validate_json(json.dumps(record.to_json())).epoch == record.epoch


# --- the end -----------------------------------------------------------------------------------------------------


@drawn
@given(
    st.sampled_from(["AcquireLock", "AssessCluster", "FenceNode", "PromoteReplica", "SomethingNew"]),
    st.sampled_from(["InvalidInput", "LockHeld", "Failed", "States.Timeout", ""]),
    hostile_text | json_values.map(json.dumps) | st.just("[" * 20_000),
    st.sampled_from([None, *Verdict]),
)
def test_every_end_has_words(step: str, error: str, cause: str, verdict: Verdict | None) -> None:
    decision = Decision(verdict=verdict, reason="It is down.") if verdict else None
    conclusion = conclude(decision, Failure(step=step, error=error, cause=cause), Progress())
    assert conclusion.kind in OutcomeKind
    assert conclusion.next_step.endswith(".")
    assert conclusion.reason.endswith((".", "!", "?", ")"))


def test_the_drawing_of_broken_inputs_can_fail(settings: Settings) -> None:
    """A right input is accepted, so refusing everything would not do."""
    assert read_trigger("failover", EVENTS["operator"], settings).kind == "operator"
    assert say(settings, json.dumps(STATUS)) is not None
    assert read_item(settings, ITEM).epoch == 3
    assert read_item(settings, None).active == "db-01"
