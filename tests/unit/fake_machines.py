"""The two instances, as the EC2 adapter reports them."""

from datetime import UTC, datetime

from failover.adapters.instances import LastStart
from failover.errors import Failed
from failover.models import InstanceState, StatusChecks
from failover.settings import Node, Settings


class FakeMachines:
    """A stop and a start take effect at once."""

    def __init__(self, settings: Settings) -> None:
        self.states = {node.name: InstanceState.ON for node in settings.nodes}
        self.checks = {node.name: StatusChecks.PASSED for node in settings.nodes}
        self.calls: list[tuple[str, str]] = []
        self.stop_leads_to = InstanceState.OFF
        self.start_leads_to = InstanceState.ON
        self.last_start = LastStart(at=None)
        self.knows_no_ids = False
        """EC2 takes no order for an instance either, as when it is gone for good."""

    def read_instance(self, node: Node) -> tuple[InstanceState, StatusChecks]:
        return self.states[node.name], self.checks[node.name]

    def stop_now(self, node: Node) -> None:
        if self.knows_no_ids:
            raise Failed(f"AWS answered StopInstances with InvalidInstanceID.NotFound: {node.instance_id}.")
        self.calls.append(("stop", node.name))
        self.states[node.name] = self.stop_leads_to

    def start(self, node: Node) -> None:
        self.calls.append(("start", node.name))
        self.states[node.name] = self.start_leads_to
        if self.start_leads_to is InstanceState.OFF:
            self.last_start = self.last_start.model_copy(update={"at": datetime.now(UTC)})

    def read_last_start(self, _node: Node) -> LastStart:
        return self.last_start
