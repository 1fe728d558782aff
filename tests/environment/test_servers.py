"""Both kinds of servers: what GAROON's documents ask for is there, and a second run changes nothing."""

from __future__ import annotations

import pytest

from tests.environment.server import APP, DATABASE, Server, functions_of, with_interfaces

DATABASE_SETTINGS = {
    "Region": "ap-northeast-1",
    "NodeName": "db-01",
    "PeerName": "db-02",
    "IsHome": "Yes",
    "Eth0Address": "10.0.3.4",
    "Eth1Address": "10.0.12.4/24",
    "PeerEth0Address": "10.0.6.4",
    "PeerEth1Address": "10.0.14.4",
    "PeerEth1Subnet": "10.0.14.0/24",
    "VolumeId": "vol-0123456789abcdef0",
    "DataVolumes": "New",
    "GaroonInstaller": "ByHand",
}
APP_SETTINGS = {"VirtualIp": "10.1.0.10", "DatabasePort": "3770", "WebPort": "80", "GaroonInstaller": "ByHand"}
# All but the volume: test_volume.py has what needs no DRBD in the kernel.
SET_UP = with_interfaces(f"{functions_of(DATABASE)}\nread_settings\nset_up_server\nconclude $NODE_NAME")
_AGENT = (
    "mkdir -p /opt/aws/amazon-cloudwatch-agent/bin /etc/cloud/cloud.cfg.d; "
    "echo {} >/opt/aws/amazon-cloudwatch-agent/bin/CWAGENT_VERSION"
)


def test_a_database_server_is_set_up_once(server: Server) -> None:
    server.run(_AGENT.format("1.300071.0b1"))

    server.run(f"{SET_UP}; test $(uname -n) = db-01", DATABASE_SETTINGS)
    before = server.digest("")
    again = server.run(SET_UP, DATABASE_SETTINGS)

    assert again.endswith("db-01 is set up already, nothing changed.\n")
    assert server.digest("") == before
    hosts = server.read("/etc/hosts")
    assert "10.0.3.4 db-01 ip-10-0-3-4.ap-northeast-1.compute.internal\n" in hosts
    assert "10.0.6.4 db-02 ip-10-0-6-4.ap-northeast-1.compute.internal\n" in hosts
    assert server.read("/etc/chrony/sources.d/amazon.sources").startswith("server 169.254.169.123 prefer iburst")
    # The server's own reading of its settings.
    assert server.run("nfsconf --get nfsd vers3").strip() == "n"
    assert server.run("systemctl is-enabled nfs-server chrony").split() == ["enabled", "enabled"]


def test_another_peer_changes_the_hosts_file_and_nothing_of_others_in_it(server: Server) -> None:
    server.run(_AGENT.format("1.300071.0b1") + "; echo '192.0.2.1 printer' >>/etc/hosts")
    server.run(SET_UP, DATABASE_SETTINGS)
    before = server.read("/etc/hosts")

    server.run(SET_UP, {**DATABASE_SETTINGS, "PeerEth0Address": "10.0.6.5"})

    assert server.read("/etc/hosts") == before.replace("10.0.6.4", "10.0.6.5").replace("10-0-6-4", "10-0-6-5")
    assert "192.0.2.1 printer\n" in before


def test_cloud_init_leaves_the_name_alone(server: Server) -> None:
    server.run(_AGENT.format("1.300071.0b1"))
    server.run(SET_UP, DATABASE_SETTINGS)

    assert server.read("/etc/cloud/cloud.cfg.d/99-garoon.cfg") == "preserve_hostname: true\nmanage_etc_hosts: false\n"


@pytest.mark.parametrize(
    ("version", "is_new_enough"),
    [("", False), ("1.247350.0b251780", False), ("1.300070.1b2", False), ("1.300071.0b1", True), ("1.300100.0", True)],
)
def test_an_agent_that_may_stall_is_replaced(server: Server, version: str, is_new_enough: bool) -> None:
    look = 'is_at_least "$AGENT_VERSION" "$(agent_version)" && echo new enough'

    ran = server.try_to_run(f"{_AGENT.format(version)}\n{functions_of(DATABASE)}\n{look}")

    assert ("new enough" in ran.stdout) is is_new_enough


def test_a_setting_that_is_missing_is_named_before_anything_is_changed(server: Server) -> None:
    server.run("true")
    before = server.digest("")

    ran = server.try_to_run(SET_UP, {**DATABASE_SETTINGS, "VolumeId": ""})

    assert ran.returncode == 1
    assert ran.stdout.endswith("Nothing was changed, because the setting VolumeId has no value.\n")
    assert server.digest("") == before


def test_an_app_server_is_set_up_once(server: Server) -> None:
    server.run(APP, APP_SETTINGS)
    before = server.digest("")
    again = server.run(APP, APP_SETTINGS)

    assert again.endswith("This App server is set up already, nothing changed.\n")
    assert server.digest("") == before
    fstab = server.read("/etc/fstab")
    sessions, files = "/var/www/cgi-bin/cbgrn/sessiondata", "/usr/local/cybozu/mysql-5.0/files"
    assert f"10.1.0.10:/mnt/DIR1/www/cgi-bin/cbgrn/sessiondata {sessions} nfs intr,noac,noauto 0 0\n" in fstab
    assert f"10.1.0.10:/mnt/DIR1/cybozu/mysql-5.0/files {files} nfs intr,noauto 0 0\n" in fstab
    assert server.read("/var/www/cgi-bin/cbgrn/lwc.ini") == 'prop:_host = "val:10.1.0.10:3770"\n'
    # Both programs' own reading of their settings.
    assert "cannot be found" not in server.run("findmnt --verify 2>&1 || true")
    shown = server.run(
        ". /etc/apache2/envvars && mkdir -p $APACHE_RUN_DIR && apache2 -t -D DUMP_MODULES 2>&1 && apache2 -t"
    )
    assert "mpm_prefork_module" in shown
    assert "cgi_module" in shown
    assert "KeepAlive Off" in server.read("/etc/apache2/conf-enabled/garoon.conf")


def test_apache_keeps_no_connection_open(server: Server) -> None:
    """As a browser finds it: the answer to a request that asks for more ends the connection."""
    server.run(APP, {**APP_SETTINGS, "WebPort": "8080"})

    shown = server.run(
        "ip link set lo up; . /etc/apache2/envvars && mkdir -p $APACHE_RUN_DIR && apache2 -k start 2>/dev/null && "
        "curl --silent --include --retry 5 --retry-connrefused --header 'Connection: keep-alive' http://127.0.0.1:8080/"
    )

    assert "200 OK" in shown
    assert "Connection: close" in shown


def test_nobody_but_root_writes_where_a_mount_is_missing(server: Server) -> None:
    server.run(APP, APP_SETTINGS)

    ran = server.try_to_run("setpriv --reuid=www-data --clear-groups touch /var/www/cgi-bin/cbgrn/sessiondata/lost")

    assert "Permission denied" in ran.stdout
