#!/bin/bash
# Sets an App server up: Apache, and Garoon's files by NFS from the virtual IP. Can run again at any time.
source "${BASH_SOURCE[0]%/*}/common.sh"
source "${BASH_SOURCE[0]%/*}/../stand-in/stand-in.sh"
source "${BASH_SOURCE[0]%/*}/garoon.sh"

readonly SESSIONS=/var/www/cgi-bin/cbgrn/sessiondata FILES=/usr/local/cybozu/mysql-5.0/files
readonly VOLUME=/mnt/DIR1

read_settings() {
    setting VirtualIp && VIRTUAL_IP=$VALUE
    setting DatabasePort && DATABASE_PORT=$VALUE
    setting WebPort && WEB_PORT=$VALUE
    setting GaroonInstaller && GAROON_INSTALLER=$VALUE
}

set_up_apache() {
    local file=/etc/httpd/conf.d/garoon.conf unit=httpd.service listen=""
    if is_debian; then
        install_packages apache2
        file=/etc/apache2/conf-enabled/garoon.conf unit=apache2.service
        # CGI programs by the module for a server without threads, as on the installation's servers.
        [[ ! -e /etc/apache2/mods-enabled/mpm_event.load ]] || { a2dismod --quiet --force mpm_event && a2enmod --quiet mpm_prefork; changed "Made Apache work without threads."; }
        [[ -e /etc/apache2/mods-enabled/cgi.load ]] || { a2enmod --quiet cgi && changed "Made Apache run CGI programs."; }
    else
        install_packages httpd
    fi
    [[ $WEB_PORT == 80 ]] || listen="Listen $WEB_PORT"$'\n'
    put_file "$file" 0644 "${listen}KeepAlive Off
ScriptAlias /cgi-bin/ /var/www/cgi-bin/
<Directory /var/www/cgi-bin>
    Options +ExecCGI
    Require all granted
</Directory>"
    local has_changed=$WROTE
    enable_units "$unit"
    [[ $has_changed == false ]] || systemctl restart "$unit"
}

# Below a mount that is not there nobody but root may write: a program that could would write past Garoon's files.
make_mount_points() {
    local directory
    for directory in "$SESSIONS" "$FILES"; do
        [[ -d $directory ]] || { install --directory --owner=root --mode=0755 "$directory" && changed "Made $directory."; }
    done
}

# Not by the boot itself, which would wait for as long as no node serves: a unit mounts them as soon as one does.
set_up_mounts() {
    if is_debian; then install_packages nfs-common; else install_packages nfs-utils; fi
    make_mount_points
    put_block /etc/fstab "$VIRTUAL_IP:$VOLUME/www/cgi-bin/cbgrn/sessiondata $SESSIONS nfs intr,noac,noauto 0 0
$VIRTUAL_IP:$VOLUME/cybozu/mysql-5.0/files $FILES nfs intr,noauto 0 0"
    put_file /usr/local/sbin/garoon-mounts 0755 "#!/bin/bash
# Mounts what /etc/fstab has of the virtual IP, as soon as a node serves it.
for directory in $SESSIONS $FILES; do
    until mountpoint --quiet \"\$directory\" || timeout 30 mount \"\$directory\"; do sleep 1; done
done"
    put_file /etc/systemd/system/garoon-mounts.service 0644 "[Unit]
Description=Garoon's files, by NFS from the virtual IP
After=network-online.target
Wants=network-online.target

[Service]
Type=simple
ExecStart=/usr/local/sbin/garoon-mounts

[Install]
WantedBy=multi-user.target"
    [[ $WROTE == false ]] || systemctl daemon-reload
    enable_units garoon-mounts.service
}

main() {
    read_settings
    switch_off_filters
    set_up_clock
    set_up_apache
    install_garoon_on_app_server
    set_up_mounts
    put_file /var/www/cgi-bin/cbgrn/lwc.ini 0644 "prop:_host = \"val:$VIRTUAL_IP:$DATABASE_PORT\""
    conclude "This App server"
}

main
