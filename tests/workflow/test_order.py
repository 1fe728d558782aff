"""The nodes are installed last of all: a deployment that fails and is rolled back has not touched them.

A node that is installed sends at once, and its CloudWatch agent makes each log group anew that CloudFormation deletes:
the next deployment would find it there, and fail.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from samtranslator.translator.transform import transform

from testbed.stack.template import read_template

INSTALLATIONS = ("NodeAInstallation", "NodeBInstallation")
CONDITIONAL = {"NotificationEmailSubscription"}
"""May not be there at all."""


class _NoManagedPolicies:
    def load(self) -> dict[str, str]:
        return {}


@pytest.fixture(scope="module")
def resources() -> dict[str, Any]:
    """As CloudFormation is given them: with all that SAM makes of a function's or a workflow's events."""
    template = read_template()
    for resource in template["Resources"].values():
        properties = resource.get("Properties", {})
        properties.update(dict.fromkeys({"CodeUri", "ContentUri", "DefinitionUri"} & set(properties), "s3://a/b"))
    defaults = {name: parameter.get("Default", "x") for name, parameter in template["Parameters"].items()}
    with pytest.MonkeyPatch.context() as changes:
        changes.setenv("AWS_DEFAULT_REGION", "ap-northeast-1")
        made: dict[str, Any] = transform(template, defaults, _NoManagedPolicies())["Resources"]
    return made


def named_in(value: Any) -> Iterator[str]:
    match value:
        case {"Ref": name} | {"Fn::GetAtt": [name, *_]}:
            yield name
        case {"Fn::Sub": [text, given]}:
            yield from named_in({"Fn::Sub": text})
            yield from named_in(given)
        case {"Fn::Sub": text}:
            yield from re.findall(r"\$\{(\w+)", text)
        case dict():
            for part in value.values():
                yield from named_in(part)
        case list():
            for part in value:
                yield from named_in(part)


def made_before(name: str, resources: dict[str, Any]) -> set[str]:
    """What CloudFormation makes before this one, because it refers to it or depends on it, through all steps."""
    before: set[str] = set()
    ahead = [name]
    while ahead:
        resource = resources[ahead.pop()]
        depends_on = resource.get("DependsOn", [])
        named = {
            *named_in(resource.get("Properties", {})),
            *([depends_on] if isinstance(depends_on, str) else depends_on),
        }
        ahead += sorted((named & set(resources)) - before)
        before |= named & set(resources)
    return before


@pytest.mark.parametrize("installation", INSTALLATIONS)
def test_nothing_that_could_fail_is_made_after_a_node_is_installed(
    installation: str, resources: dict[str, Any]
) -> None:
    assert set(resources) - made_before(installation, resources) == {*INSTALLATIONS, *CONDITIONAL}


def test_what_may_be_missing_is_what_has_a_condition(resources: dict[str, Any]) -> None:
    assert {name for name, resource in resources.items() if "Condition" in resource} == CONDITIONAL
