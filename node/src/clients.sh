# ------------------------------------------------------------------------------------------- the clients' connections
# Uses core. A client whose packets were lost tries again after ever longer pauses, in the end of minutes (RFC 6298). A
# bare acknowledgement makes its kernel answer at once, whatever its number (RFC 9293, 3.10.7.4; RFC 5961); that comes to
# a server which knows no such connection and resets it, and the client connects anew. Pacemaker's portblock agent calls
# it a tickle. Before it goes the same with SYN, which is answered as well: a firewall that counts sequence numbers lets
# that pass as a repetition, and calls the other invalid (Linux, nf_conntrack_proto_tcp.c).
#
# Who is to be tickled a dead node can't say: the active one notes its clients on the volume, which goes with the role.

readonly CONNECTIONS_FILE=.garoon-node-connections
# A fixed size, written over itself: needs no room, like the other write check.
readonly CONNECTIONS_BYTES=4096
CONNECTIONS_NOTED=""

# Connections of clients with the virtual IP, a line each as the kernel has them, in hexadecimal: the client's address and
# port, and ours. (proc(5), /proc/net/tcp; in tcp6 the addresses have a prefix.)
list_connections() {
    local own file local_end client state nfs database
    # An address is four numbers.
    # shellcheck disable=SC2086
    printf -v own '%02X' ${CONFIG[VIRTUAL_IP]//./ }
    own=${own:6:2}${own:4:2}${own:2:2}${own:0:2}
    printf -v nfs '%04X' "$NFS_PORT"
    printf -v database '%04X' "${CONFIG[DATABASE_PORT]}"
    for file in "$ROOT"/proc/net/tcp "$ROOT"/proc/net/tcp6; do
        [[ -r $file ]] || continue
        while read -r _ local_end client state _; do
            [[ $state == 01 && ($local_end == *"$own:$nfs" || $local_end == *"$own:$database") ]] || continue
            printf '%s %s\n' "${client: -13}" "${local_end: -4}"
        done <"$file"
    done
}

note_connections() {
    local connections
    connections=$(list_connections)
    connections=${connections:0:CONNECTIONS_BYTES-1}
    # A node that has just taken over has none yet, and those of before may still be needed.
    [[ -n $connections && $connections != "$CONNECTIONS_NOTED" ]] || return 0
    # The variable is the inner shell's.
    # shellcheck disable=SC2016
    act "${CONFIG[LOOK_SECONDS]}" "$BASH" -c 'printf "%-*s\n" "$1" "$2" | dd of="$3" conv=notrunc,fsync status=none' - \
        "$((CONNECTIONS_BYTES - 1))" "$connections" "$ROOT${CONFIG[MOUNT_POINT]}/$CONNECTIONS_FILE" &&
        CONNECTIONS_NOTED=$connections
}

# Four times a second, as the route may move a while later, until the clients are back; left to itself. RHEL has Python for its
# own tools, also where it is no command (RHEL 8: /usr/libexec/platform-python), and Debian's cloud images for cloud-init.
tickle_clients() {
    local python connections=() line
    [[ -r $ROOT${CONFIG[MOUNT_POINT]}/$CONNECTIONS_FILE ]] || return 0
    while read -r line; do
        [[ ! $line =~ ^([0-9A-F]{8}:[0-9A-F]{4})\ ([0-9A-F]{4})$ ]] || connections+=("${line/ /,}")
    done <"$ROOT${CONFIG[MOUNT_POINT]}/$CONNECTIONS_FILE"
    ((${#connections[@]} > 0)) || return 0
    for python in python3 /usr/libexec/platform-python python python2; do
        if type -P "$python" >/dev/null; then
            log "tickling ${#connections[@]} connections of before"
            setsid "$python" -c "$TICKLE" "$ROOT" "${CONFIG[VIRTUAL_IP]}" "${CONFIG[TICKLE_SECONDS]}" "${connections[@]}" \
                </dev/null >/dev/null 2>>"$LOG_FILE" 9>&- &
            return 0
        fi
    done
    log "there is no Python to tickle the clients with: they come back when they try again by themselves"
}

readonly TICKLE='
import socket, struct, sys, time
root, address, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
left = set(sys.argv[4:])
own = socket.inet_aton(address)
ends_at = time.time() + seconds
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
raw.bind((address, 0))
while time.time() < ends_at:
    for name in ("tcp", "tcp6"):
        try:
            for line in open(root + "/proc/net/" + name).readlines()[1:]:
                words = line.split()
                left.discard(words[2][-13:] + "," + words[1][-4:])
        except IOError:
            continue
    if not left:
        break
    for one in left:
        client = struct.pack("<I", int(one[:8], 16))
        ends = struct.pack("!HH", int(one[14:], 16), int(one[9:13], 16))
        for flags in (18, 16):
            rest = struct.pack("!IIBBH", 0, 0, 80, flags, 1024)
            words = struct.unpack("!16H", own + client + struct.pack("!HH", 6, 20) + ends + rest + struct.pack("!I", 0))
            total = (sum(words) >> 16) + (sum(words) & 65535)
            check = ~(total + (total >> 16)) & 65535
            try:
                raw.sendto(ends + rest + struct.pack("!HH", check, 0), (socket.inet_ntoa(client), 0))
            except (IOError, OSError) as error:
                sys.stderr.write("garoon-node: tickle: %s\n" % error)
    time.sleep(0.25)
'
