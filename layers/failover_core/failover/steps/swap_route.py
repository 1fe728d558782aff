"""Point the virtual IP's entry of every configured route table to the active node's eth0."""

from functools import partial

from failover.adapters import cluster_table, routes
from failover.errors import NotYet
from failover.messages import Message
from failover.models import Value
from failover.rehearsal import try_orders
from failover.runtime import StepInput
from failover.settings import Settings


class SwapRouteInput(StepInput):
    node: str


class RoutesSwapped(Value):
    node: str
    changed: list[str]
    """Ids of the route tables whose entry was changed."""
    already_right: list[str]
    was_source_dest_check_on: bool


def swap_route(request: SwapRouteInput, settings: Settings) -> RoutesSwapped:
    """Every configured route table sends the virtual IP to the node, read back, and its eth0 takes the packets.

    Entries that are right are left alone; no other route is touched. Raises NotYet if a table read back does not show
    the change yet (EC2 is eventually consistent), and LockLost.
    """
    node = settings.node(request.node)
    cluster_table.require_lock(settings, request.execution)
    was_check_on = routes.switch_off_source_dest_check(node)
    entries = routes.read_entries(settings)
    wrong = [entry for entry in entries if not entry.points_to(node)]
    if wrong:
        routes.point_entries_to(node, wrong, settings)
        still_wrong = [entry.route_table_id for entry in routes.read_entries(settings) if not entry.points_to(node)]
        if still_wrong:
            raise NotYet(Message("error.routes-not-yet", node=node.name, names=list(still_wrong)))
    changed = [entry.route_table_id for entry in wrong]
    return RoutesSwapped(
        node=node.name,
        changed=changed,
        already_right=[entry.route_table_id for entry in entries if entry.route_table_id not in changed],
        was_source_dest_check_on=was_check_on,
    )


def rehearse_swap_route(settings: Settings) -> list[str]:
    """Why AWS would not take what the step orders: the routes to the standby, either eth0's check. Changes nothing."""
    return try_orders(
        [
            partial(_point_to_standby, settings),
            *(partial(routes.take_any_packet, node) for node in settings.nodes),
        ]
    )


def _point_to_standby(settings: Settings) -> None:
    standby = settings.peer_of(cluster_table.read_record(settings).active)
    routes.point_entries_to(standby, routes.read_entries(settings), settings)
