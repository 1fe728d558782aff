"""Profiles: the delays of the simulated cloud and its hosts, read from profiles.toml beside this file."""

from __future__ import annotations

import random
import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, PositiveFloat

PROFILES_FILE = Path(__file__).with_name("profiles.toml")


def _least_first(seconds: tuple[float, float]) -> tuple[float, float]:
    if seconds[0] > seconds[1]:
        raise ValueError("the least comes first")
    return seconds


Delay = Annotated[tuple[PositiveFloat, PositiveFloat], AfterValidator(_least_first)]
"""The least and the most seconds; how long it takes this time is drawn."""


def draw(delay: Delay) -> float:
    """Seconds, each between the least and the most as likely as the other."""
    return random.uniform(*delay)


class Profile(BaseModel):
    """One table of profiles.toml; what each field means stands beside its value there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    instance_start_seconds: PositiveFloat
    instance_clean_stop_seconds: PositiveFloat
    instance_forced_stop_seconds: PositiveFloat
    status_check_interval_seconds: PositiveFloat
    command_delivery_seconds: Delay
    command_visibility_seconds: PositiveFloat
    ping_interval_seconds: PositiveFloat
    connection_lost_seconds: PositiveFloat
    event_delivery_seconds: Delay
    metric_extraction_seconds: Delay
    log_delivery_seconds: Delay
    are_cold_starts_whole: bool
    high_resolution_period_scale: PositiveFloat
    standard_period_scale: PositiveFloat
    schedule_scale: PositiveFloat
    wait_scale: PositiveFloat
    target_check_scale: PositiveFloat
    watch_interval_seconds: PositiveFloat
    host_boot_seconds: PositiveFloat
    host_resync_seconds: PositiveFloat
    snapshot_seconds: PositiveFloat

    def alarm_period_seconds(self, period_seconds: int) -> float:
        """How long an alarm's period of `period_seconds` lasts here."""
        is_high_resolution = period_seconds < 60
        return period_seconds * (
            self.high_resolution_period_scale if is_high_resolution else self.standard_period_scale
        )


def load_profile(name: str) -> Profile:
    """Raises LookupError when profiles.toml has no such profile, ValidationError when it is incomplete."""
    profiles = tomllib.loads(PROFILES_FILE.read_text())
    if name not in profiles:
        raise LookupError(f"There is no profile {name!r}; {PROFILES_FILE.name} has {', '.join(profiles)}.")
    return Profile.model_validate({"name": name, **profiles[name]})
