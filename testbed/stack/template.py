"""template.yaml as data: the one reader for whoever asks what will be deployed."""

from pathlib import Path
from typing import Any

import yaml

try:
    from yaml import CSafeLoader as SafeLoader  # seven times as fast, where PyYAML was built with libyaml
except ImportError:
    from yaml import SafeLoader  # type: ignore[assignment]

TEMPLATE = Path(__file__).parents[2] / "template.yaml"


class _Loader(SafeLoader):
    """Reads CloudFormation's short forms of its functions as the long ones."""


def _long_form(loader: SafeLoader, tag: str, node: yaml.Node) -> dict[str, Any]:
    """`!Ref x` as {"Ref": "x"}, `!Sub x` as {"Fn::Sub": "x"}: AWS CloudFormation User Guide, "Intrinsic functions"."""
    name = tag if tag in ("Ref", "Condition") else f"Fn::{tag}"
    match node:
        case yaml.ScalarNode() if tag == "GetAtt":
            return {name: loader.construct_scalar(node).split(".", 1)}
        case yaml.ScalarNode():
            return {name: loader.construct_scalar(node)}
        case yaml.SequenceNode():
            return {name: loader.construct_sequence(node, deep=True)}
        case yaml.MappingNode():
            return {name: loader.construct_mapping(node, deep=True)}
    raise yaml.constructor.ConstructorError(None, None, f"!{tag} has no value.", node.start_mark)


_Loader.add_multi_constructor("!", _long_form)


def read_template(path: Path = TEMPLATE) -> dict[str, Any]:
    """The template with every short form written out. Raises yaml.YAMLError, OSError."""
    template: dict[str, Any] = yaml.load(path.read_text(), Loader=_Loader)
    return template
