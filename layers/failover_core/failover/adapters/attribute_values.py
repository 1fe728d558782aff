"""DynamoDB's attribute values, `{"S": "text"}`, of the values that JSON has (API Reference, "AttributeValue")."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any


def to_attribute(value: Any) -> dict[str, Any]:
    """Raises TypeError for what is not JSON's."""
    match value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": value}
        case int() | float():
            return {"N": repr(value)}
        case list():
            return {"L": [to_attribute(each) for each in value]}
        case dict():
            return {"M": {name: to_attribute(each) for name, each in value.items()}}
        case _:
            raise TypeError(f"{type(value).__name__} has no attribute value here")


def from_attribute(attribute: Mapping[str, Any]) -> Any:
    """As JSON has it; a set of strings is a set. Of a kind that nothing here writes, botocore's value as it is."""
    match dict(attribute):
        case {"NULL": _}:
            return None
        case {"BOOL": value} | {"S": value}:
            return value
        case {"N": digits}:
            number = Decimal(digits)
            return int(number) if number == number.to_integral_value() else float(number)
        case {"L": values}:
            return [from_attribute(each) for each in values]
        case {"M": values}:
            return {name: from_attribute(each) for name, each in values.items()}
        case {"SS": values}:
            return set(values)
        case _:
            [value] = attribute.values()
            return value
