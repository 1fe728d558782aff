"""Garoon's part of a server: the stand-in, and an installer of the company's."""

from __future__ import annotations

from tests.environment.server import APP, DATABASE, Server, functions_of
from tests.environment.test_servers import APP_SETTINGS

FILL = f"""{functions_of(DATABASE)}
GAROON_INSTALLER=$SSM_GaroonInstaller
install_garoon_on_node
fill_with_garoon
"""
ASK = """
ip link set lo up; ip addr add 10.1.0.10/32 dev lo
mkdir -p /run/mysqld && chown mysql: /run/mysqld
/etc/init.d/cyde_5_0 start
cd /; export SERVER_ADDR=127.0.0.1 REQUEST_METHOD=GET
ask() { QUERY_STRING=$1 setpriv --reuid=www-data --regid=www-data --clear-groups /var/www/cgi-bin/cbgrn/grn.cgi; }
# What NFS brings to an App server.
mount --bind /mnt/DIR1/www/cgi-bin/cbgrn/sessiondata /var/www/cgi-bin/cbgrn/sessiondata
mount --bind /mnt/DIR1/cybozu/mysql-5.0/files /usr/local/cybozu/mysql-5.0/files
ask ""
printf attached | REQUEST_METHOD=PUT CONTENT_LENGTH=8 ask memo=test.txt
ask memo=test.txt
/etc/init.d/cyde_5_0 stop
"""
_INSTALLER = """
mkdir -p /srv/made && printf '%s' '#!/bin/bash
echo "$1" >>/var/log/installed
script=/etc/init.d/cyde_5_0
printf "#!/bin/sh\\necho \\$0 \\$1 >>/var/log/installed\\n" >$script && chmod 755 $script
ln -s $script /etc/rc3.d/S99cyde_5_0
' >/srv/made/install && chmod 755 /srv/made/install && tar --create --file=/srv/archive --directory=/srv/made install
# The download alone is this machine's: there is no bucket.
printf '#!/bin/bash\\nexec cp /srv/archive "${@: -1}"\\n' >/usr/local/bin/aws && chmod 755 /usr/local/bin/aws
"""


def test_the_stand_in_serves_memos_with_attachments_and_says_what_it_is(server: Server) -> None:
    settings = {"GaroonInstaller": "StandIn"}
    server.run(FILL, settings)
    server.run(APP, {**APP_SETTINGS, **settings})

    shown = server.run(ASK)

    page, stored, read = shown.split("Status: ")[1:]
    assert page.startswith("200 OK")
    assert "This is not Cybozu Garoon." in page
    assert 'type="password"' in page
    assert stored.startswith("200 OK")
    assert read.endswith("\n\nattached")


def test_a_companys_installer_is_run_once_and_starts_nothing_at_boot(server: Server) -> None:
    settings = {**APP_SETTINGS, "GaroonInstaller": "s3://company/garoon.tar"}
    server.run(_INSTALLER)

    server.run(APP, settings)
    again = server.run(APP, settings)

    assert again.endswith("nothing changed.\n")
    assert server.read("/var/log/installed") == "app\n/etc/init.d/cyde_5_0 stop\n"
    assert "No such file" in server.run("ls -l /etc/rc3.d/S99cyde_5_0 2>&1 || true")


def test_an_installer_that_fails_is_run_again(server: Server) -> None:
    settings = {**APP_SETTINGS, "GaroonInstaller": "s3://company/garoon.tar"}
    server.run(_INSTALLER.replace('echo "$1"', "exit 3; echo"))

    ran = server.try_to_run(APP, settings)
    server.run(_INSTALLER)
    server.run(APP, settings)

    assert ran.returncode == 1
    assert "Garoon's installer failed" in ran.stdout
    assert server.read("/var/log/installed").startswith("app\n")
