"""All closed gaps, put on in the order in which they build on each other."""

from __future__ import annotations

from testbed.cloud import alarms, documents, events, functions, network, permissions, workflows
from testbed.cloud.associations import Associations
from testbed.cloud.emulator import Cloud
from testbed.cloud.instances import Instances
from testbed.cloud.recorder import Recorder
from testbed.cloud.run_command import RunCommand
from testbed.cloud.target_health import TargetHealth


def install(cloud: Cloud) -> None:
    recorder = Recorder(cloud.world_directory, cloud.faults)
    recorder.install()
    permissions.install()
    functions.install()
    network.install()
    instances = Instances(cloud)
    instances.install()
    documents.install()
    run_command = RunCommand(cloud)
    run_command.install()
    Associations(cloud, run_command).install(instances)
    events.install(cloud, recorder)
    alarms.install(cloud)
    workflows.install(cloud, recorder)
    TargetHealth(cloud).install()
