#!/bin/bash
# Mounts what fstab says as soon as the virtual IP serves: in the lab all machines boot at the same time.
set -u
for directory in /var/www/cgi-bin/cbgrn/sessiondata /usr/local/cybozu/mysql-5.0/files; do
    until mountpoint --quiet "$directory" || timeout 30 mount "$directory"; do
        sleep 1
    done
done
