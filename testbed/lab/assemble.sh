#!/bin/bash
# assemble.sh SYSTEM ADDED WORK IMAGE: makes the root disk of the machines out of the Debian system and what is added to it.
# Runs in a mount namespace of its own; SYSTEM stays as it is.
set -eu
system=$1 added=$2 work=$3 image=$4
whole=$work/whole
mkdir -p "$whole" "$work/overlay"
mount -t overlay overlay -o "lowerdir=$system,upperdir=$added,workdir=$work/overlay" "$whole"

# Garoon's volume as its installer leaves it; the machine that prepares the data disk copies it there.
volume=/usr/local/lib/garoon-lab/volume
mysql=$volume/cybozu/mysql-5.0
unset TMPDIR # which is not there inside
inside() { chroot "$whole" "$@"; }
inside install -d -o mysql -g mysql "$mysql/data"
inside install -d -o www-data -g www-data "$mysql/files" "$volume/www/cgi-bin/cbgrn/sessiondata"
inside install -d "$volume/www/html" "$mysql/libexec" "$mysql/etc" "$volume/cybozu/cyss"
inside mariadb-install-db --user=mysql --datadir="$mysql/data" --skip-test-db --skip-log-bin >/dev/null
inside mariadbd --bootstrap --user=mysql --datadir="$mysql/data" <"$added/usr/local/lib/garoon-lab/garoon.sql"
inside install -m 0755 /usr/sbin/mariadbd "$mysql/libexec/mysqld"
inside install -m 0644 /usr/local/lib/garoon-lab/my.ini "$mysql/etc/my.ini"
inside install -m 0755 /usr/local/lib/garoon-lab/cyss.sh "$volume/cybozu/cyss/cyss"

truncate -s 3G "$image"
mkfs.ext4 -q -F -L root -E lazy_itable_init=1,lazy_journal_init=1 -d "$whole" "$image"
