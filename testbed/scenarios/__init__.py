"""The drill's scenarios: one file each. `ALL` has them by name, in the order in which `--list` shows them."""

from __future__ import annotations

from collections.abc import Mapping

from testbed.scenarios import (
    active_hangs,
    active_reboots,
    aws_path_lost,
    both_down,
    confirm_abort,
    confirm_proceed,
    confirm_unanswered,
    duplicate_events,
    event_lost,
    fence_stuck,
    flapping,
    instance_stopped,
    isolate,
    isolate_shared_subnet,
    isolate_undone,
    maintenance,
    move_broken_off,
    network_loss,
    node_boots_with_services_enabled,
    other_identifier,
    power_loss,
    promote_fails,
    readiness_findings,
    rejoin_diverged,
    rejoin_on_start,
    route_drift,
    service_broken,
    service_crash,
    slow_recovery,
    standby_stale,
    status_check_failed,
    switchback,
    switchback_after_failover,
    switchback_target_fails,
    switchback_twice,
    three_services,
    two_volumes,
    zone_lost,
)
from testbed.scenarios.scenario import Scenario

_MODULES = (
    network_loss,
    instance_stopped,
    status_check_failed,
    service_crash,
    service_broken,
    slow_recovery,
    route_drift,
    aws_path_lost,
    standby_stale,
    both_down,
    duplicate_events,
    fence_stuck,
    isolate,
    zone_lost,
    isolate_shared_subnet,
    isolate_undone,
    promote_fails,
    flapping,
    maintenance,
    event_lost,
    active_reboots,
    active_hangs,
    switchback,
    switchback_after_failover,
    switchback_target_fails,
    switchback_twice,
    move_broken_off,
    rejoin_diverged,
    rejoin_on_start,
    node_boots_with_services_enabled,
    confirm_proceed,
    confirm_abort,
    confirm_unanswered,
    readiness_findings,
    other_identifier,
    power_loss,
    three_services,
    two_volumes,
)

ALL: dict[str, Scenario] = {module.SCENARIO.name: module.SCENARIO for module in _MODULES}


class UnknownScenarioError(ValueError):
    """No scenario has that name; the message lists those that there are."""


def find(name: str, among: Mapping[str, Scenario] = ALL) -> Scenario:
    """Raises UnknownScenarioError."""
    if name not in among:
        raise UnknownScenarioError(f"There is no scenario {name!r}. Allowed are: {', '.join(among)}.")
    return among[name]
