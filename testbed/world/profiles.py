"""Profiles: the delays of the simulated cloud and its hosts, read from profiles.toml beside this file."""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, PositiveFloat

PROFILES_FILE = Path(__file__).with_name("profiles.toml")


class Profile(BaseModel):
    """One table of profiles.toml; what each field means stands beside its value there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    instance_start_seconds: PositiveFloat
    instance_clean_stop_seconds: PositiveFloat
    instance_forced_stop_seconds: PositiveFloat
    status_check_interval_seconds: PositiveFloat
    command_delivery_seconds: PositiveFloat
    command_visibility_seconds: PositiveFloat
    ping_interval_seconds: PositiveFloat
    connection_lost_seconds: PositiveFloat
    event_delivery_seconds: PositiveFloat
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
