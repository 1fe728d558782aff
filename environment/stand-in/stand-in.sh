#!/bin/bash
# The stand-in for Garoon: what its installer would put on a server. Uses common.sh; the document's generator adds
# stand_in_file, which prints one of the files beside this one.

# put_program PATH NAME
put_program() {
    put_file "$1" 0755 "$(stand_in_file "$2")"
}

# On both database servers: the services' init scripts, and the server that they start from the volume.
install_stand_in() {
    install_packages mariadb-server
    disable_units mariadb.service
    put_program /etc/init.d/cyde_5_0 cyde_5_0.sh
    put_program /etc/init.d/cyss_cbgrn cyss_cbgrn.sh
}

# fill_with_stand_in MOUNT_POINT: what lies on the volume.
fill_with_stand_in() {
    local mysql=$1/cybozu/mysql-5.0 server web=33
    server=$(command -v mariadbd || printf /usr/libexec/mariadbd)
    is_debian || web=48
    install --directory --owner=mysql --group=mysql "$mysql/data"
    install --directory "$1"/{www/html,www/cgi-bin/cbgrn,cybozu/cyss} "$mysql"/{libexec,etc}
    # Over NFS users are numbers: those of the App servers' Apache, of which this server may know nothing.
    install --directory --owner="$web" --group="$web" "$mysql/files" "$1/www/cgi-bin/cbgrn/sessiondata"
    mariadb-install-db --user=mysql --datadir="$mysql/data" --skip-test-db --skip-log-bin >/dev/null
    stand_in_file garoon.sql | "$server" --bootstrap --user=mysql --datadir="$mysql/data"
    install --mode=0755 "$server" "$mysql/libexec/mysqld"
    put_file "$mysql/etc/my.ini" 0644 "$(stand_in_file my.ini)"
    put_program "$1/cybozu/cyss/cyss" cyss.sh
}

# On an App server.
install_stand_in_program() {
    is_debian || install_packages perl-interpreter
    put_program /var/www/cgi-bin/cbgrn/grn.cgi grn.pl
}
