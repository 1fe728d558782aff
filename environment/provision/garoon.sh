#!/bin/bash
# Garoon on a server: by the vendor's installer, or the stand-in, or by hand. Uses common.sh and stand-in.sh.
#
# GaroonInstaller is ByHand, StandIn, or s3://BUCKET/KEY: a tar archive with a program `install` of the company's, which runs the
# vendor's installer with the answers that it wants (docs/environment.md, Garoon itself). It is run once on a server.

readonly INSTALLED=/var/lib/garoon-environment/garoon

# run_installer WHERE: the archive's program, with that word.
run_installer() {
    local directory
    [[ ! -e $INSTALLED ]] || return 0
    command -v aws >/dev/null || if is_debian; then install_packages awscli; else install_packages awscli2; fi
    directory=$(mktemp --directory)
    aws s3 cp --only-show-errors "$GAROON_INSTALLER" "$directory/archive"
    tar --extract --directory="$directory" --file="$directory/archive"
    [[ -x $directory/install ]] || refuse "$GAROON_INSTALLER has no program \`install\`."
    (cd "$directory" && ./install "$1") || refuse "Garoon's installer failed, with what stands above. Put it right, then run this again."
    rm -r "$directory"
    # The controller starts and stops them; on an App server they are not used.
    leave_services_to_controller
    mkdir -p "${INSTALLED%/*}"
    : >"$INSTALLED"
    changed "Ran Garoon's installer."
}

leave_services_to_controller() {
    local service
    for service in cyss_cbgrn cyde_5_0; do
        [[ -x /etc/init.d/$service ]] || continue
        "/etc/init.d/$service" stop
        # Without `systemctl disable`, which refuses a script whose header names no runlevel.
        rm -f /etc/rc[0-6].d/[SK][0-9][0-9]"$service" /etc/rc.d/rc[0-6].d/[SK][0-9][0-9]"$service"
    done
}

# Before the volume is there: what both nodes need.
install_garoon_on_node() {
    [[ $GAROON_INSTALLER != StandIn ]] || install_stand_in
}

# With the volume mounted, on home: what lies on it.
fill_with_garoon() {
    install --directory "$MOUNT_POINT"/{www/html,www/cgi-bin/cbgrn/sessiondata,cybozu/mysql-5.0/files}
    case $GAROON_INSTALLER in
    ByHand) ;;
    StandIn) fill_with_stand_in "$MOUNT_POINT" ;;
    *) run_installer database ;;
    esac
}

install_garoon_on_app_server() {
    case $GAROON_INSTALLER in
    ByHand) ;;
    StandIn) install_stand_in_program ;;
    *) run_installer app ;;
    esac
}
