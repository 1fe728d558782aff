"""Instances live as EC2's do."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from tests.cloud.conftest import Account, Instance, eventually


def _wait_for_state(account: Account, instance: Instance, state: str) -> None:
    eventually(lambda: account.state_of(instance) == state, f"instance {state}")


def test_a_launched_instance_has_the_interfaces_it_was_given(account: Account) -> None:
    """EC2 API Reference, RunInstances (NetworkInterface.N) and Instance (networkInterfaceSet)."""
    instance = account.make_instance()
    described = account.client("ec2").describe_instances(InstanceIds=[instance.id])
    (seen,) = described["Reservations"][0]["Instances"]
    assert seen["PrivateIpAddress"] == instance.address
    assert seen["SubnetId"] == instance.subnet_id
    assert [interface["NetworkInterfaceId"] for interface in seen["NetworkInterfaces"]] == [instance.interface_id]
    assert seen["Placement"]["AvailabilityZone"] == "ap-northeast-1c"


def test_a_forced_stop_cuts_the_power_and_takes_time(account: Account) -> None:
    """EC2 API Reference, StopInstances: Force with SkipOsShutdown bypasses the shutdown of the operating system."""
    instance, ec2 = account.make_instance(), account.client("ec2")
    (change,) = ec2.stop_instances(InstanceIds=[instance.id], Force=True, SkipOsShutdown=True)["StoppingInstances"]
    assert (change["PreviousState"]["Name"], change["CurrentState"]["Name"]) == ("running", "stopping")
    assert account.state_of(instance) == "stopping"
    _wait_for_state(account, instance, "stopped")
    assert instance.history() == ["boot", "power_off"]
    (again,) = ec2.stop_instances(InstanceIds=[instance.id], Force=True, SkipOsShutdown=True)["StoppingInstances"]
    assert again["CurrentState"]["Name"] == "stopped"


def test_a_power_cut_asked_for_again_does_not_start_over(account: Account) -> None:
    """EC2 User Guide, "Stop and start Amazon EC2 instances": the call is accepted again while the instance stops."""
    instance, ec2 = account.make_instance(), account.client("ec2")

    def is_stopped() -> bool:
        ec2.stop_instances(InstanceIds=[instance.id], Force=True, SkipOsShutdown=True)
        return account.state_of(instance) == "stopped"

    eventually(is_stopped, "instance stopped although it is told so all the time")


def test_a_plain_stop_lets_the_operating_system_shut_down(account: Account) -> None:
    """EC2 User Guide, "Stop and start Amazon EC2 instances": a graceful shutdown comes first."""
    instance = account.make_instance()
    account.client("ec2").stop_instances(InstanceIds=[instance.id])
    _wait_for_state(account, instance, "stopped")
    assert instance.history() == ["boot", "shutdown"]


def test_a_started_instance_boots_and_each_state_is_told(account: Account) -> None:
    """EC2 User Guide, "State change events for your instances": one event for each state."""
    instance, ec2 = account.make_instance(), account.client("ec2")
    heard = account.listen(
        {
            "source": ["aws.ec2"],
            "detail-type": ["EC2 Instance State-change Notification"],
            "detail": {"instance-id": [instance.id]},
        }
    )
    ec2.stop_instances(InstanceIds=[instance.id], Force=True, SkipOsShutdown=True)
    _wait_for_state(account, instance, "stopped")
    ec2.start_instances(InstanceIds=[instance.id])
    _wait_for_state(account, instance, "running")
    eventually(lambda: instance.history()[-1] == "boot", "boot")
    states = [event["detail"]["state"] for event in account.wait_for(heard, 4)]
    assert sorted(states) == ["pending", "running", "stopped", "stopping"]


def test_an_instance_that_stops_cannot_be_started(account: Account) -> None:
    """EC2 API Reference, "Error codes": IncorrectInstanceState."""
    instance, ec2 = account.make_instance(), account.client("ec2")
    ec2.stop_instances(InstanceIds=[instance.id], Force=True, SkipOsShutdown=True)
    with pytest.raises(ClientError, match="IncorrectInstanceState"):
        ec2.start_instances(InstanceIds=[instance.id])


@pytest.mark.usefixtures("faultless")
def test_a_stop_can_hang_until_the_fault_is_lifted(account: Account) -> None:
    """EC2 User Guide, "Troubleshoot Amazon EC2 instance stop issues": an instance stuck in `stopping`."""
    instance, ec2 = account.make_instance(), account.client("ec2")
    account.cloud.faults.set_stuck_in_stopping(instance.id, host="on")
    ec2.stop_instances(InstanceIds=[instance.id], Force=True, SkipOsShutdown=True)
    other = account.make_instance()
    ec2.stop_instances(InstanceIds=[other.id], Force=True, SkipOsShutdown=True)
    _wait_for_state(account, other, "stopped")
    assert account.state_of(instance) == "stopping"
    assert instance.history() == ["boot"]
    account.cloud.faults.clear()
    _wait_for_state(account, instance, "stopped")
    assert instance.history() == ["boot", "power_off"]


@pytest.mark.usefixtures("faultless")
def test_failed_status_checks_are_described_and_measured(account: Account) -> None:
    """EC2 User Guide, "Status checks for Amazon EC2 instances"; CloudWatch metrics "Status check metrics"."""
    instance, ec2 = account.make_instance(), account.client("ec2")

    def statuses() -> tuple[str, str]:
        (seen,) = ec2.describe_instance_status(InstanceIds=[instance.id])["InstanceStatuses"]
        return seen["SystemStatus"]["Status"], seen["InstanceStatus"]["Status"]

    assert statuses() == ("ok", "ok")
    account.cloud.faults.set_failed_status_check(instance.id)
    eventually(lambda: statuses() == ("ok", "impaired"), "impaired")
    cloudwatch = account.client("cloudwatch")
    alarm = f"status-{instance.id}"
    cloudwatch.put_metric_alarm(
        AlarmName=alarm,
        Namespace="AWS/EC2",
        MetricName="StatusCheckFailed",
        Dimensions=[{"Name": "InstanceId", "Value": instance.id}],
        Statistic="Maximum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
    )
    eventually(
        lambda: cloudwatch.describe_alarms(AlarmNames=[alarm])["MetricAlarms"][0]["StateValue"] == "ALARM", "alarm"
    )


def test_an_instance_whose_interface_is_dead_fails_its_own_check(account: Account) -> None:
    """EC2 User Guide, "Status checks for Amazon EC2 instances": the instance check sends an ARP request."""
    instance, ec2 = account.make_instance(), account.client("ec2")
    (instance.host / "faults.json").write_text('{"nic_eth0": "down"}')

    def is_impaired() -> bool:
        (seen,) = ec2.describe_instance_status(InstanceIds=[instance.id])["InstanceStatuses"]
        return bool(seen["InstanceStatus"]["Status"] == "impaired")

    eventually(is_impaired, "impaired")


def test_only_running_instances_have_a_status_unless_all_are_asked_for(account: Account) -> None:
    """EC2 API Reference, DescribeInstanceStatus: IncludeAllInstances."""
    instance, ec2 = account.make_instance(), account.client("ec2")
    ec2.stop_instances(InstanceIds=[instance.id], Force=True, SkipOsShutdown=True)
    assert ec2.describe_instance_status(InstanceIds=[instance.id])["InstanceStatuses"] == []
    (seen,) = ec2.describe_instance_status(InstanceIds=[instance.id], IncludeAllInstances=True)["InstanceStatuses"]
    assert seen["InstanceState"]["Name"] == "stopping"
    assert seen["InstanceStatus"]["Status"] == "not-applicable"


def test_an_unknown_instance_is_an_error(account: Account) -> None:
    """EC2 API Reference, "Error codes": InvalidInstanceID.NotFound."""
    with pytest.raises(ClientError, match=r"InvalidInstanceID\.NotFound"):
        account.client("ec2").stop_instances(InstanceIds=["i-0123456789abcdef0"])


def test_a_reboot_keeps_the_instance_running(account: Account) -> None:
    """EC2 User Guide, "Reboot your Amazon EC2 instance": an operating system reboot; the instance stays `running`."""
    instance = account.make_instance()
    account.client("ec2").reboot_instances(InstanceIds=[instance.id])
    eventually(lambda: instance.history() == ["boot", "shutdown", "boot"], "the host's second boot")
    assert account.state_of(instance) == "running"


def test_an_instance_with_stop_protection_is_not_stopped(account: Account) -> None:
    instance = account.make_instance()
    ec2 = account.client("ec2")
    for is_protected in (True, False):
        ec2.modify_instance_attribute(InstanceId=instance.id, DisableApiStop={"Value": is_protected})
        said = ec2.describe_instance_attribute(InstanceId=instance.id, Attribute="disableApiStop")
        assert said["DisableApiStop"] == {"Value": is_protected}
        if is_protected:
            with pytest.raises(ClientError, match="OperationNotPermitted"):
                ec2.stop_instances(InstanceIds=[instance.id], Force=True, SkipOsShutdown=True)
    ec2.stop_instances(InstanceIds=[instance.id])
