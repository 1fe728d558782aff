"""DynamoDB's attribute values, beside boto3's own reading of them."""

from typing import Any

import pytest
from boto3.dynamodb.types import TypeDeserializer
from failover.adapters.attribute_values import from_attribute, to_attribute
from hypothesis import given
from hypothesis import strategies as st

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.text()
    | st.integers(-(10**37), 10**37)
    | st.floats(-1e12, 1e12).filter(lambda number: number == 0 or abs(number) > 1e-12),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(JSON)
def test_what_is_written_is_read_as_it_was(value: Any) -> None:
    assert from_attribute(to_attribute(value)) == value


@given(JSON)
def test_boto3_reads_it_as_the_same(value: Any) -> None:
    attribute: Any = to_attribute(value)
    read: Any = TypeDeserializer().deserialize(attribute)

    def is_same(mine: Any, its: Any) -> bool:
        match mine:
            case dict():
                return mine.keys() == its.keys() and all(is_same(mine[name], its[name]) for name in mine)
            case list():
                return len(mine) == len(its) and all(map(is_same, mine, its))
            case float():
                return mine == float(its)
            case _:
                return bool(mine == its)

    assert is_same(value, read)


@pytest.mark.parametrize(("digits", "number"), [("7", 7), ("7.0", 7), ("1E+2", 100), ("0.25", 0.25), ("-3", -3)])
def test_numbers_are_as_json_has_them(digits: str, number: float) -> None:
    read = from_attribute({"N": digits})
    assert (read, type(read)) == (number, type(number))


def test_a_set_of_strings_is_one() -> None:
    assert from_attribute({"SS": ["i-1", "i-2"]}) == {"i-1", "i-2"}


def test_what_json_has_not_is_not_written() -> None:
    with pytest.raises(TypeError, match="bytes has no attribute value"):
        to_attribute({"record": b"1"})


def test_what_others_wrote_is_read_as_it_is() -> None:
    assert from_attribute({"M": {"key": {"B": b"1"}, "few": {"NS": ["1"]}}}) == {"key": b"1", "few": ["1"]}
