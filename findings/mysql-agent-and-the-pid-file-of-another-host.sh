#!/usr/bin/env bash
# mysql of resource-agents 4.12.0 (Debian 12) believes its PID file, whatever process has that number. A data directory that goes
# from host to host (DRBD, a shared disk) brings the lost host's file along: there MySQL puts its own (MySQL 8.0 Reference Manual,
# pid_file: by default host_name.pid in the data directory). If any process of this host has the number, monitor says that MySQL
# runs, start succeeds and starts nothing, and stop kills that process. The OCF Resource Agent Developer's Guide: start returns
# OCF_SUCCESS only if all succeeded as expected.
#
#   monitor    0
#   start      0, mysqld is not called: the surprise
#   stop       0, and the other process is killed
#
# What to do: keep the PID file on the host itself (/run, which a boot empties), and ask MySQL whether it runs, not the file.
# Needs Debian 12 with apt and root. The other process is a sleep of this script's own; mysqld is a stand-in that tells of a call.
set -euo pipefail
folder=$(mktemp -d)
other=""
trap '[[ -z $other ]] || kill "$other" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq -o APT::Sandbox::User=root resource-agents=1:4.12.0-2
dpkg -x resource-agents_*.deb .
mkdir data
touch my.cnf
printf '#!/bin/sh\ntouch %s/called\n' "$folder" >mysqld
chmod +x mysqld
export OCF_ROOT=$folder/usr/lib/ocf HA_RSCTMP=$folder OCF_RESOURCE_INSTANCE=db OCF_RESKEY_binary=$folder/mysqld
export OCF_RESKEY_client_binary=true OCF_RESKEY_config=$folder/my.cnf OCF_RESKEY_datadir=$folder/data OCF_RESKEY_log=$folder/log
export OCF_RESKEY_user=root OCF_RESKEY_group=root OCF_RESKEY_socket=$folder/data/socket OCF_RESKEY_pid=$folder/data/db-01.pid

says() { # says ACTION EXPECTED
    local words code=0 mysqld="not called" process=alive
    "$OCF_ROOT/resource.d/heartbeat/mysql" "$1" >said 2>&1 || code=$?
    [[ ! -e called ]] || mysqld=called
    kill -0 "$other" 2>/dev/null || process=killed
    words="$code, mysqld $mysqld, other process $process"
    printf '%-10s %s\n' "$1" "$words"
    [[ $words == "$2" ]] || { cat said; echo "This has changed: expected '$2'." >&2; exit 1; }
}
sleep 600 &
other=$!
echo "$other" >data/db-01.pid
says monitor "0, mysqld not called, other process alive"
says start "0, mysqld not called, other process alive"
says stop "0, mysqld not called, other process killed"
