"""A function with a wrong environment must not start, and must say what is wrong."""

import pytest
from failover.settings import Settings, read_settings

from benchmarks.route_move import function_environment
from tests.unit.conftest import make_environment


def test_the_stack_s_environment_is_understood(settings: Settings) -> None:
    assert settings.home.name == "db-01"
    assert settings.peer_of("db-01").name == "db-02"
    assert settings.peer_of("db-02").name == "db-01"
    assert settings.route_table_ids == ("rtb-0a", "rtb-0b")
    assert settings.virtual_ip_cidr == "10.1.0.10/32"
    assert settings.alarm_name("db-02", "heartbeat-lost") == "garoon-db-02-heartbeat-lost"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NODE_A_INSTANCE_ID", "db-01"),
        ("FENCE_TIMEOUT_SECONDS", "soon"),
        ("ROUTE_TABLE_IDS", " , "),
        ("MINIMUM_HEALTHY_TARGETS", "0"),
    ],
)
def test_a_wrong_variable_is_named(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=name):
        read_settings(make_environment(**{name: value}))


def test_a_missing_variable_is_named() -> None:
    environment = make_environment()
    del environment["CLUSTER_TABLE"]
    with pytest.raises(ValueError, match="CLUSTER_TABLE"):
        read_settings(environment)


def test_the_benchmark_s_environment_has_every_variable() -> None:
    environment = function_environment({"db-01": "eni-0a", "db-02": "eni-0b"}, ["rtb-0a"])
    assert read_settings(environment).route_table_ids == ("rtb-0a",)
