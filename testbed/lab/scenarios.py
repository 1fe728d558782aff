"""The lab's scenarios: the drill's own where real machines can play them as they are, and what only real ones show."""

from __future__ import annotations

import os
from dataclasses import replace

from testbed.garoon.installation import HOME, STANDBY
from testbed.lab.stage import LabStage
from testbed.scenarios import (
    active_reboots,
    network_loss,
    service_crash,
    slow_recovery,
    switchback_after_failover,
    three_services,
)
from testbed.scenarios.scenario import Expectation, Scenario, Service
from testbed.scenarios.stage import Stage

_RESYNC_MEGABYTES = 100
_SLOW, _FAST = 100, 50_000  # KiB/s: a quarter of an hour and some seconds for that much
_REPLICATION_DELAY_SECONDS = 2.0
_RECOVERY_SECONDS = 90.0
_FAILED_OVER = network_loss.SCENARIO.expected
_NOTHING_TO_DO = Expectation(outcome="NothingToDo", verdict="nothingToDo")


def _lab(stage: Stage) -> LabStage:
    assert isinstance(stage, LabStage)
    return stage


def _lose_power(stage: Stage) -> None:
    stage.cut_power(HOME)


def _panic(stage: Stage) -> None:
    _lab(stage).panic(HOME)


def _look_by_hand(lab: LabStage) -> None:
    """Where an alarm may have had its look already: two lookers at once are too much for an emulated node."""
    lab.start_by_hand()
    lab.wait_until_quiet()


def _lose_replication_link(stage: Stage) -> None:
    lab = _lab(stage)
    lab.lose_replication_link(HOME)
    lab.wait_for_alarm(HOME, "replication-degraded")
    lab.mend_replication_link(HOME)
    lab.wait_for_standby(STANDBY)
    _look_by_hand(lab)


def _lose_network_and_write(stage: Stage) -> str:
    """Returns a line that the active node wrote alone."""
    lab = _lab(stage)
    lab.write_locally(HOME)
    lab.lose_network(HOME)
    line = lab.wait_for_lone_write(HOME)
    lab.wait_for_outcome("FailedOver")
    lab.check_not_merged(STANDBY, line)
    return line


def _split(stage: Stage) -> None:
    _lose_network_and_write(stage)


def _switch_back(stage: Stage) -> None:
    lab = _lab(stage)
    line = _lose_network_and_write(stage)
    lab.wait_until_off(HOME)
    lab.repair_network(HOME)
    lab.switch_back()
    lab.wait_for_outcome("SwitchedOver")
    lab.check_not_merged(HOME, line)
    lab.check_kept(HOME, line)


def _fill_disk(stage: Stage) -> None:
    lab = _lab(stage)
    lab.fill_volume(HOME)
    lab.start_by_hand()
    lab.wait_for_outcome("NothingToDo")
    lab.free_volume(HOME)


def _reboot_slowly(stage: Stage) -> None:
    _lab(stage).slow_boot_down(HOME)
    stage.reboot(HOME)


def _reboot_standby(stage: Stage) -> None:
    lab = _lab(stage)
    lab.reboot(STANDBY)
    lab.wait_until_off(STANDBY)
    lab.wait_for_standby(STANDBY)
    _look_by_hand(lab)


def _fail_in_resync(stage: Stage) -> None:
    lab = _lab(stage)
    lab.lose_replication_link(HOME)
    lab.write_much(HOME, _RESYNC_MEGABYTES)
    lab.limit_resync(_SLOW)
    lab.mend_replication_link(HOME)
    lab.wait_for_data(STANDBY, "stale")
    lab.cut_power(HOME)
    lab.wait_for_outcome("Halted")
    lab.return_power(HOME)


def _replicate_asynchronously(stage: Stage) -> None:
    _lab(stage).replicate_asynchronously(HOME, _REPLICATION_DELAY_SECONDS)


def _drive_replication(stage: Stage) -> None:
    lab = _lab(stage)
    lab.wait_for_status(STANDBY, "connected", "current")
    lab.lose_replication_link(HOME)
    lab.wait_for_status(STANDBY, "waiting", "current")
    lab.drive_replication(STANDBY, "drbdadm outdate")
    lab.wait_for_status(STANDBY, "waiting", "stale")
    lab.write_much(HOME, _RESYNC_MEGABYTES)
    lab.limit_resync(_SLOW)
    lab.mend_replication_link(HOME)
    lab.wait_for_status(STANDBY, "resyncing", "stale")
    lab.drive_replication(STANDBY, "drbdadm disconnect")
    lab.wait_for_status(STANDBY, "apart", "stale")
    lab.drive_replication(STANDBY, "drbdadm detach")
    lab.wait_for_status(STANDBY, "apart", "unknown")  # neither disk nor peer: DRBD shows nothing else of it
    lab.drive_replication(STANDBY, "drbdadm attach")
    lab.limit_resync(_FAST)
    lab.drive_replication(STANDBY, "drbdadm connect")
    lab.wait_for_status(STANDBY, "connected", "current")
    lab.drive_replication(STANDBY, "drbdadm detach")
    lab.wait_for_status(STANDBY, "connected", "unusable")
    lab.drive_replication(STANDBY, "drbdadm attach")
    lab.wait_for_status(STANDBY, "connected", "current")
    _look_by_hand(lab)


def _meet_a_grace_period(stage: Stage) -> None:
    lab = _lab(stage)
    lab.record_nobody(STANDBY)
    lab.hold_file_open("app-01")
    lab.switch_back(STANDBY)
    lab.wait_for_outcome("SwitchedOver")
    lab.check_ready_to_take_over(HOME)


def _recover_slowly(stage: Stage) -> None:
    lab = _lab(stage)
    lab.slow_recovery_down(STANDBY, float(os.environ.get("GAROON_LAB_RECOVERY_SECONDS", _RECOVERY_SECONDS)))
    lab.lose_network(HOME)
    lab.wait_for_outcome("FailedOver")
    lab.check_told_once_of_recovery(STANDBY)


def _run_out_of_memory(stage: Stage) -> None:
    _lab(stage).kill_by_lack_of_memory(HOME)


def _keep_busy(stage: Stage) -> None:
    lab = _lab(stage)
    lab.keep_volume_busy(HOME)
    lab.switch_back(STANDBY)
    lab.wait_for_outcome("SwitchedOver")
    lab.check_let_go(HOME)
    lab.look_into_copy(STANDBY)


def _lose_third_service(stage: Stage) -> None:
    lab = _lab(stage)
    lab.kill_service(HOME, "search")
    lab.wait_for_alarm(HOME, "service-stopped")
    lab.check_process(HOME, "search", is_there=False)


def _move_three_services(stage: Stage) -> None:
    """There and home again: what only warns goes with the role each time, also after it had failed."""
    lab = _lab(stage)
    lab.lose_network(HOME)
    lab.wait_for_outcome("FailedOver")
    lab.check_process(STANDBY, "search", is_there=True)
    lab.wait_until_off(HOME)
    lab.repair_network(HOME)
    lab.switch_back()
    lab.wait_for_outcome("SwitchedOver")
    lab.check_process(HOME, "search", is_there=True)
    lab.check_process(STANDBY, "search", is_there=False)


TAKE_OVER = replace(
    network_loss.SCENARIO,
    name="take-over",
    title="A pair that LifeKeeper protects is taken over by the runbook's commands; then db-01 loses its network.",
)

_SCENARIOS = (
    network_loss.SCENARIO,
    Scenario(
        name="power-loss",
        title="The active node loses its power in the middle of its writes: the standby takes over.",
        break_it=_lose_power,
        expected=_FAILED_OVER,
    ),
    Scenario(
        name="power-loss-asynchronous",
        title="As power-loss, with protocol A and a slow link: what was lost is counted, and the operator told.",
        prepare=_replicate_asynchronously,
        break_it=_lose_power,
        expected=replace(_FAILED_OVER, may_lose_writes=True, reason="may be missing"),
        parameters={"ReplicationProtocol": "A"},
    ),
    replace(
        switchback_after_failover.SCENARIO,
        title="As split; an operator moves the role home: what db-01 wrote alone is kept, and resynced away.",
        break_it=_switch_back,
    ),
    service_crash.SCENARIO,
    replace(slow_recovery.SCENARIO, break_it=_recover_slowly, parameters={"RecoveryNoticeSeconds": "30"}),
    Scenario(
        name="oom",
        title="The kernel's OOM killer takes the database: what commands the node goes on, and restarts it in place.",
        break_it=_run_out_of_memory,
        expected=service_crash.SCENARIO.expected,
    ),
    Scenario(
        name="kernel-panic",
        title="The active node's kernel panics: the machine stays on and does nothing; the standby takes over.",
        break_it=_panic,
        expected=_FAILED_OVER,
    ),
    Scenario(
        name="replication-link-lost",
        title="The replication link alone is lost: a warning, no move; what changed is resynced when it returns.",
        break_it=_lose_replication_link,
        expected=_NOTHING_TO_DO,
    ),
    Scenario(
        name="replication-states",
        title="The standby's replica goes through the states of DRBD, and the node script calls each by its name.",
        break_it=_drive_replication,
        expected=_NOTHING_TO_DO,
    ),
    Scenario(
        name="split",
        title="The active node loses its network and goes on writing alone: it is fenced, and nothing is merged.",
        break_it=_split,
        expected=_FAILED_OVER,
    ),
    Scenario(
        name="disk-full",
        title="The volume is full: a move would not help, so nothing moves; with room again, users are served.",
        break_it=_fill_disk,
        expected=_NOTHING_TO_DO,
    ),
    Scenario(
        name="grace",
        title="A planned move while a client holds a file open, to a node whose NFS server waits for a lost one.",
        break_it=_meet_a_grace_period,
        expected=Expectation(outcome="SwitchedOver", verdict="switchOver", active=STANDBY, moves=1),
    ),
    Scenario(
        name="busy-device",
        title="A planned move while everything keeps the volume; then a copy of it is looked into on the active node.",
        break_it=_keep_busy,
        expected=Expectation(outcome="SwitchedOver", verdict="switchOver", active=STANDBY, moves=1),
    ),
    replace(
        active_reboots.SCENARIO,
        title="The active node reboots, which takes longer than to know that nobody serves: the standby takes over.",
        break_it=_reboot_slowly,
        expected=_FAILED_OVER,
    ),
    Scenario(
        name="standby-reboots",
        title="The standby reboots: users notice nothing, and it catches up.",
        break_it=_reboot_standby,
        expected=replace(_NOTHING_TO_DO, service=Service.KEPT),
    ),
    Scenario(
        name="mid-resync-failure",
        title="The active node dies while its standby is mid-resync: nothing is promoted until the active is back.",
        break_it=_fail_in_resync,
        expected=Expectation(
            outcome="Resumed",
            verdict="resumeActive",
            moves=1,
            service=Service.BACK,
            others=frozenset({"NothingToDo", "Skipped", "Warned", "Halted"}),
        ),
    ),
    replace(
        three_services.SCENARIO,
        title="A service that only warns fails, goes with the role to db-02, and home again after db-01 has rejoined.",
        prepare=_lose_third_service,
        break_it=_move_three_services,
        expected=switchback_after_failover.SCENARIO.expected,
    ),
    TAKE_OVER,
)

THERE_AND_BACK = "take-over-and-back"
"""Not a drill: as take-over, but every way back is taken, until LifeKeeper serves again and the stack is gone."""

ALL: dict[str, Scenario] = {scenario.name: scenario for scenario in _SCENARIOS}

OF_A_LANDING = ("network-loss",)
"""What the gate of a landing runs of ALL: the whole way of a failover, once. `make lab-test` runs all."""
