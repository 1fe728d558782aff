#!/bin/bash
### BEGIN INIT INFO
# Provides:          cyss_cbgrn
# Required-Start:    $local_fs $network cyde_5_0
# Required-Stop:     $local_fs $network
# Default-Start:
# Default-Stop:
# Short-Description: Cybozu Scheduling Service: stands for the one that Garoon brings along
### END INIT INFO
set -u
readonly PROGRAM=/mnt/DIR1/cybozu/cyss/cyss
readonly PID_FILE=/run/cyss_cbgrn.pid

is_running() {
    local process=""
    [[ -r $PID_FILE ]] && read -r process <"$PID_FILE"
    [[ -n $process && -d /proc/$process ]]
}

start() {
    is_running && return 0
    setsid "$PROGRAM" >/dev/null 2>&1 </dev/null &
    printf '%s\n' "$!" >"$PID_FILE"
    is_running
}

stop() {
    is_running || return 0
    kill "$(<"$PID_FILE")"
    for _ in {1..50}; do
        is_running || return 0
        sleep 0.2
    done
    return 1
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
