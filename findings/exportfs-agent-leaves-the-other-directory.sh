#!/usr/bin/env bash
# exportfs of resource-agents 4.12.0 (Debian 12) may have several directories. If the export of one is gone, monitor says "not
# running", and so stop has nothing to do: it succeeds, and the others stay exported. The agent's meta-data: the directory or
# directories to export. The OCF Resource Agent Developer's Guide: OCF_NOT_RUNNING is for a resource that has stopped; stop
# does all in its power. To the cluster this host gives out nothing any more; its clients still write here.
#
#   exported             monitor   stop   exported after it
#   /srv/a and /srv/b    0         0      nothing
#   /srv/b alone         7         0      /srv/b
#
# What to do: a resource for each directory, or look yourself (exportfs -s) before the file system beneath is given up.
# Needs Debian 12 with apt and root, for a mount namespace. exportfs(8) is the real one: its table needs no NFS server.
set -euo pipefail
if [[ ${1:-} != inside ]]; then
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    script=$(realpath "$0")
    cd "$folder"
    apt-get download -qq -o APT::Sandbox::User=root resource-agents=1:4.12.0-2 nfs-kernel-server=1:2.6.2-4+deb12u1
    for package in *.deb; do dpkg -x "$package" .; done
    unshare --mount --net "$script" inside
    exit
fi
cp -a /etc here
: >here/exports
rm -rf here/exports.d
mount --bind here /etc
mount -t tmpfs tmpfs /var/lib
mount -t tmpfs tmpfs /srv
mkdir -p /var/lib/nfs /srv/a /srv/b
touch /var/lib/nfs/etab
export PATH=$PWD/usr/sbin:$PATH OCF_ROOT=$PWD/usr/lib/ocf HA_RSCTMP=$PWD OCF_RESOURCE_INSTANCE=export OCF_RESKEY_fsid=1
export OCF_RESKEY_clientspec=192.0.2.0/24 OCF_RESKEY_options=rw OCF_RESKEY_directory="/srv/a /srv/b"
agent() { "$OCF_ROOT/resource.d/heartbeat/exportfs" "$1" >log 2>&1; }
exported() { exportfs | sort | sed 's/[[:space:]].*//' | xargs; }

says() { # says WHAT-IS-EXPORTED EXPECTED
    local words monitor=0 stop=0
    [[ $(exported) == "$1" ]] || { cat log; echo "This has changed: not '$1' is exported, but '$(exported)'." >&2; exit 1; }
    agent monitor || monitor=$?
    agent stop || stop=$?
    words="monitor $monitor, stop $stop, then exported: $(exported)"
    printf '%-16s %s\n' "$1" "$words"
    [[ $words == "$2" ]] || { cat log; echo "This has changed: expected '$2'." >&2; exit 1; }
}
agent start || { cat log; exit 1; }
says "/srv/a /srv/b" "monitor 0, stop 0, then exported: "
agent start || { cat log; exit 1; }
exportfs -u 192.0.2.0/24:/srv/a
says "/srv/b" "monitor 7, stop 0, then exported: /srv/b"
