"""All closed gaps, put on in the order in which they build on each other."""

from __future__ import annotations

import functools
from typing import Any

from ministack import app

from testbed.cloud import (
    alarms,
    api_destinations,
    callbacks,
    documents,
    dry_runs,
    embedded_metrics,
    events,
    functions,
    metric_math,
    mute_rules,
    network,
    network_acls,
    permissions,
    stack_resources,
    subscriptions,
    workflows,
)
from testbed.cloud.associations import Associations
from testbed.cloud.emulator import Cloud
from testbed.cloud.health import Judge
from testbed.cloud.instances import Instances
from testbed.cloud.network_acls import NetworkAcls
from testbed.cloud.recorder import Recorder
from testbed.cloud.run_command import RunCommand
from testbed.cloud.snapshots import Snapshots
from testbed.cloud.target_health import TargetHealth


def install(cloud: Cloud, judge: Judge | None = None) -> None:
    recorder = Recorder(cloud.world_directory, cloud.faults)
    recorder.install()
    permissions.install()
    functions.install(cloud)
    network.install()
    instances = Instances(cloud)
    instances.install()
    NetworkAcls(cloud).install()
    run_command = RunCommand(cloud)
    run_command.install()
    associations = Associations(cloud, run_command)
    associations.install(instances)
    events.install(cloud, recorder)
    api_destinations.install(cloud)
    alarms.install(cloud)
    metric_math.install()
    mute_rules.install()
    subscriptions.install(cloud, recorder)
    embedded_metrics.install(cloud)
    workflows.install(cloud, recorder)
    callbacks.install()
    TargetHealth(cloud, judge).install()
    Snapshots(cloud).install()
    dry_runs.install()
    modules = (documents, associations, metric_math, network_acls, stack_resources)
    handlers = (module.resource_handlers() for module in modules)
    _register_when_loaded(cloud, {name: handler for each in handlers for name, handler in each.items()})


def _register_when_loaded(cloud: Cloud, handlers: dict[str, dict[str, Any]]) -> None:
    """Adds resource types to CloudFormation, whose import takes a second, without delaying the cloud's start."""
    load = app._get_module

    @functools.cache
    def register() -> None:
        from ministack.services.cloudformation import provisioners

        provisioners._RESOURCE_HANDLERS.update(handlers)

    def get_module(name: str) -> object:
        if name == "cloudformation":
            register()
        return load(name)

    app._get_module = get_module
    cloud.background.start(get_module, "cloudformation", after_seconds=0.5)
