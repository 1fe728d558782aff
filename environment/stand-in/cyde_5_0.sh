#!/bin/bash
### BEGIN INIT INFO
# Provides:          cyde_5_0
# Required-Start:    $local_fs $network
# Required-Stop:     $local_fs $network
# Default-Start:
# Default-Stop:
# Short-Description: Cybozu Database Engine: stands for the MySQL that Garoon brings along
### END INIT INFO
set -u
readonly HOME_DIRECTORY=/mnt/DIR1/cybozu/mysql-5.0
readonly PROGRAM=$HOME_DIRECTORY/libexec/mysqld
readonly SOCKET=/run/mysqld/cyde_5_0.sock
readonly PID_FILE=/run/cyde_5_0.pid

is_running() {
    local process=""
    [[ -r $PID_FILE ]] && read -r process <"$PID_FILE"
    [[ -n $process && -d /proc/$process ]]
}

# wait_for SECONDS COMMAND...
wait_for() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        ((SECONDS < deadline)) || return 1
        sleep 0.2
    done
}

is_stopped() {
    ! is_running
}

has_socket() {
    [[ -S $SOCKET ]]
}

start() {
    is_running && return 0
    rm -f "$SOCKET"
    setsid "$PROGRAM" --defaults-file="$HOME_DIRECTORY/etc/my.ini" >/dev/null 2>&1 </dev/null &
    local process=$!
    printf '%s\n' "$process" >"$PID_FILE"
    # Comes after the recovery of what a crash left behind.
    wait_for 120 has_socket
}

stop() {
    is_running || return 0
    kill "$(<"$PID_FILE")"
    wait_for 60 is_stopped
}

case ${1:-} in
start) start ;;
stop) stop ;;
restart) stop && start ;;
status) is_running ;;
*)
    echo "Usage: $0 {start|stop|restart|status}"
    exit 2
    ;;
esac
