"""A full disk keeps nobody from being promoted or demoted, and is told before it is needed."""

from __future__ import annotations

from tests.node.node import Cluster, Node

FULL = """\
#!/bin/bash
# A disk without room: what is there is written over, nothing grows.
for argument; do
    [[ $argument == of=* ]] && file=${argument#of=}
    [[ $argument == conv=*notrunc* ]] && is_in_place=true
done
[[ $file == "$GAROON_NODE_ROOT/var/"* || $file == "$GAROON_NODE_ROOT/tmp/"* ]] || exec /bin/dd "$@"
[[ -n ${is_in_place:-} && -s $file ]] && exec /bin/dd "$@"
echo "dd: error writing '$file': No space left on device" >&2
exit 1
"""


def fill_disk(node: Node) -> None:
    path = node.host.files.bin / "dd"
    path.write_text(FULL)
    path.chmod(0o755)


def test_a_full_disk_keeps_nobody_from_moving_the_role(active_cluster: Cluster) -> None:
    for node in (active_cluster.first, active_cluster.second):
        fill_disk(node)

    active_cluster.first.must("demote", Epoch="2")
    active_cluster.activate(active_cluster.second, epoch="2")

    assert active_cluster.second.status()["epoch"] == 2
    assert active_cluster.second.status()["wasActive"]
    assert not active_cluster.first.status()["wasActive"]


def test_what_takes_no_write_is_told(cluster: Cluster) -> None:
    node = cluster.first
    assert node.status()["unwritable"] == []

    fill_disk(node)
    assert node.status()["unwritable"] == ["/tmp"]

    (node.host.files.root / "var/lib/garoon-node/check").unlink()
    assert node.status()["unwritable"] == ["/var/lib/garoon-node", "/tmp"]


def test_an_order_to_stop_is_obeyed_though_it_can_not_be_recorded(active_cluster: Cluster) -> None:
    node = active_cluster.first
    fill_disk(node)
    for name in ("epoch", "role"):
        (node.host.files.root / "var/lib/garoon-node" / name).unlink()

    assert node.must("demote", Epoch="5").state["replication"]["role"] == "secondary"

    assert node.run("promote", Epoch="4").code == "stale_epoch"
    assert node.run("promote", Epoch="6").result == "failed"
