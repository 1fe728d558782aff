"""What of Garoon is on a node is found, not typed: and nothing is changed by looking."""

from __future__ import annotations

from pathlib import Path

from failover.node_answers import BlockDevice, NodeSurvey

from tests.node.node import Cluster, Node
from tests.node.test_arguments import run


def survey(node: Node) -> dict[str, object]:
    found = node.must("survey").survey
    assert found is not None
    return found


def write(path: Path, text: str, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


def test_the_installation_is_found_on_both_nodes(serving_cluster: Cluster) -> None:
    first, second = survey(serving_cluster.first), survey(serving_cluster.second)

    assert first["services"] == second["services"] == ["cyde_5_0", "cyss_cbgrn"]
    assert first["identifiers"] == ["cbgrn"]
    assert first["missing"] == second["missing"] == []
    assert first["exports"] == ["www/cgi-bin/cbgrn/sessiondata", "cybozu/mysql-5.0/files"]
    assert second["exports"] == []


def test_the_port_is_that_of_the_server_in_the_settings_on_the_volume(serving_cluster: Cluster) -> None:
    node = serving_cluster.first
    settings = node.host.files.volume / "cybozu/mysql-5.0/etc/my.ini"
    write(settings, "[client]\nport = 3799\n[mysqld]\n#port=1\nport = 3771\nport-open-timeout=5\n[mysqldump]\nport=2\n")
    try:
        assert survey(node)["databasePorts"] == ["3771"]
        assert survey(serving_cluster.second)["databasePorts"] == []
    finally:
        settings.unlink()


def test_services_of_another_identifier_are_found_once_and_copies_are_none(serving_cluster: Cluster) -> None:
    root = serving_cluster.second.host.files.root
    files = {
        root / "etc/init.d/cyss_cbgrn_01": 0o755,
        root / "etc/rc.d/init.d/cyss_cbgrn_01": 0o755,
        root / "usr/lib/systemd/system/cyssp_cbgrn_1.service": 0o644,
        root / "etc/init.d/cyss_cbgrn.rpmsave": 0o755,
        root / "etc/init.d/cyde_4_0": 0o644,
    }
    for file, mode in files.items():
        write(file, "#!/bin/sh\n", mode)
    try:
        found = survey(serving_cluster.second)
    finally:
        for file in files:
            file.unlink()

    assert found["services"] == ["cyde_5_0", "cyss_cbgrn", "cyss_cbgrn_01", "cyssp_cbgrn_1.service"]
    assert found["identifiers"] == ["cbgrn", "cbgrn_01", "cbgrn_1"]


def test_what_a_node_could_not_start_is_missing(serving_cluster: Cluster) -> None:
    node = serving_cluster.second
    write(node.host.files.root / "opt/whole/remove", "#!/bin/sh\n", 0o755)
    for script in ("restore", "quickCheck"):
        write(node.host.files.root / "opt/whole" / script, "#!/bin/sh\n", 0o755)
    node.set_local(SERVICES="cyde_5_0,cyss_cbgrn_01,/opt/search,/opt/whole,index.service,/mnt/DIR1/opt/mail")
    try:
        assert survey(node)["missing"] == ["cyss_cbgrn_01", "/opt/search", "index.service"]
    finally:
        node.forget_local("SERVICES")


def test_what_everything_else_needs_is_told(serving_cluster: Cluster) -> None:
    node = serving_cluster.second
    root = node.host.files.root
    write(root / "etc/fstab", "# x\n/dev/drbd0 /mnt/DIR1 xfs defaults 0 0\n/dev/xvdc /mnt/other xfs noauto 0 0\n")
    node.host.enable_services_at_boot()
    try:
        host = NodeSurvey.model_validate(survey(node)).host
    finally:
        (root / "etc/fstab").unlink()
        for service in ("cyde_5_0", "cyss_cbgrn"):
            (root / f"etc/systemd/system/{service}.service").unlink()
            (root / f"etc/systemd/system/multi-user.target.wants/{service}.service").unlink()

    assert host is not None
    assert host.missing_commands == ()
    assert host.engine == "DRBD 8.4.11-1"
    assert host.agent == "1.300071.0b1"
    assert host.devices == (BlockDevice(name="xvdb1", bytes=8387584 * 1024, volume=""),)
    assert host.mounted_at_boot == ("/mnt/DIR1",)
    assert host.enabled_at_boot == ("cyde_5_0", "cyss_cbgrn")
    assert host.free_mib is not None
    assert set(host.free_mib) == {"/", "/var", "/run"}


def test_a_disk_that_nitro_names_is_known_by_its_volume(tmp_path: Path) -> None:
    listed = "major minor  #blocks  name\n\n 7 0 5 loop0\n 259 1 2048 nvme1n1\n 259 2 1024 nvme1n1p1\n 254 0 9 vda\n"
    write(tmp_path / "proc/partitions", listed)
    write(tmp_path / "sys/class/block/nvme1n1/device/serial", "vol0123456789abcdef0\n")
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/xvdb1").symlink_to("nvme1n1p1")

    said = NodeSurvey.model_validate(run(tmp_path, Verb="survey").survey).host

    assert said is not None
    assert said.devices is not None
    volume = "vol-0123456789abcdef0"
    assert [(one.name, one.bytes, one.volume) for one in said.devices] == [
        ("nvme1n1", 2 << 20, volume),
        ("nvme1n1p1", 1 << 20, volume),
        ("xvdb1", 1 << 20, volume),
        ("vda", 9 << 10, ""),
    ]


def test_a_node_that_is_not_installed_tells_what_is_on_it(tmp_path: Path) -> None:
    write(tmp_path / "etc/init.d/cyss_cbgrn_01", "#!/bin/sh\n", 0o755)
    before = sorted(tmp_path.rglob("*"))

    report = run(tmp_path, Verb="survey")

    assert report.result == "done"
    assert report.survey is not None
    assert report.survey["services"] == ["cyss_cbgrn_01"]
    assert sorted(tmp_path.rglob("*")) == before


def test_the_controller_understands_it(serving_cluster: Cluster) -> None:
    report = serving_cluster.first.must("survey")

    said = NodeSurvey.model_validate(report.survey)

    assert said.exports == ("www/cgi-bin/cbgrn/sessiondata", "cybozu/mysql-5.0/files")
