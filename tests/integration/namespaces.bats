load ../lib/common

own() {
        readlink "/proc/self/ns/$1"
}

@test "namespaces: those listed are new, those not listed are the runtime's" {
        see . ns
        for kind in cgroup ipc mnt net pid uts; do
                lacks "ns=$kind $(own $kind)"
        done
        has "ns=user $(own user)" "ns=time $(own time)"
        edit '.linux.namespaces = [{type: "mount"}, {type: "pid"}] | del(.hostname) | .mounts |= map(select(.type != "sysfs" and .type != "cgroup" and .type != "mqueue"))'
        run -0 once
        for kind in cgroup ipc net uts user; do
                has "ns=$kind $(own $kind)"
        done
        lacks "ns=mnt $(own mnt)"
}

@test "namespaces: every kind can be joined by path" {
        unshare --pid --net --ipc --uts --mount --cgroup --fork --kill-child sleep 1000 3>&- 4>&- &
        eventually pgrep -x sleep
        local there=/proc/$(pgrep -x sleep)/ns kind
        for kind in pid network ipc uts cgroup; do
                case $kind in network) file=net ;; *) file=$kind ;; esac
                bundle "del(.hostname) | .linux.namespaces |= map(if .type == \"$kind\" then .path = \"$there/$file\" else . end)"
                args /bin/probe ns
                run -0 once
                has "ns=$file $(readlink "$there/$file")"
                rm -rf "$B"
        done
        kill "$(pgrep -x sleep)"
}

@test "namespaces: a joined pid namespace shows its processes" {
        unshare --pid --fork --kill-child sleep 1000 3>&- 4>&- &
        eventually pgrep -x sleep
        bundle ".linux.namespaces |= map(if .type == \"pid\" then .path = \"/proc/$(pgrep -x sleep)/ns/pid\" else . end)"
        args /bin/ps
        run -0 once
        has sleep
        kill "$(pgrep -x sleep)"
}

# A configuration for a mount namespace that is not the container's own.
shares_mounts() {
        echo 'del(.linux.maskedPaths, .linux.readonlyPaths, .linux.rootfsPropagation)'
}

mounts_below_bundle() {
        grep -c " $B/" /proc/self/mountinfo || true
}

@test "namespaces: without a mount namespace everything is mounted on the root, and goes with the container" {
        launch_waiting "$(shares_mounts) | .linux.namespaces |= map(select(.type != \"mount\")) | .root.readonly = true"
        is "$(readlink "/proc/$(pid_of)/ns/mnt")" "$(own mnt)"
        [ "$(mounts_below_bundle)" -ge 4 ]
        grep " $B/rootfs " /proc/self/mountinfo | grep -qv shared:
        run -0 berth exec "$ID" /bin/ls / /dev
        lacks boot
        has full
        run berth exec "$ID" /bin/touch /there
        [ "$status" -ne 0 ]
        berth delete --force "$ID"
        is "$(mounts_below_bundle)" 0
        args /bin/nothing-of-that-name
        run ! berth create --bundle "$B" "$ID"
        is "$(mounts_below_bundle)" 0
        mkdir "$T/elsewhere"
        mount --bind "$B/rootfs" "$B/rootfs"
        args /bin/probe ns
        run -0 once
        has "ns=mnt $(own mnt)"
        is "$(mounts_below_bundle)" 1
        umount "$B/rootfs"
}

@test "namespaces: exec finds the root of a container that shares its mount namespace" {
        launch_waiting "$(shares_mounts) | .linux.namespaces |= map(select(.type != \"mount\")) | .mounts = []"
        is "$(mounts_below_bundle)" 0
        echo mine >"$B/rootfs/mine"
        run -0 berth exec "$ID" /bin/cat /mine
        has mine
        run -0 berth exec --cwd /etc "$ID" /bin/pwd
        has /etc
}

@test "namespaces: a mount namespace is joined by path, and the container's mounts are there and not here" {
        unshare --mount --fork --kill-child sleep 1000 3>&- 4>&- &
        eventually pgrep -x sleep
        local there
        there=/proc/$(pgrep -x sleep)/ns/mnt
        launch_waiting "$(shares_mounts) | .linux.namespaces |= map(if .type == \"mount\" then .path = \"$there\" else . end)"
        is "$(readlink "/proc/$(pid_of)/ns/mnt")" "$(readlink "$there")"
        is "$(mounts_below_bundle)" 0
        run -0 berth exec "$ID" /bin/ls / /dev
        lacks boot
        has full
        kill "$(pgrep -x sleep)"
}

@test "namespaces: what hides or protects needs a mount namespace, and so does any mount beside a user namespace" {
        bundle '.linux.namespaces |= map(select(.type != "mount"))'
        args /bin/true
        run ! once
        has "linux.maskedPaths: needs a new mount namespace (linux.namespaces)"
        edit "$(shares_mounts) | .linux.namespaces += [{type: \"user\"}] |
                .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 10}] | .linux.gidMappings = .linux.uidMappings"
        run ! once
        has "mounts: needs a new mount namespace (linux.namespaces)"
}

@test "namespaces: a network namespace that was mounted with ip netns is joined and stays" {
        ip netns add "$ID"
        defer "ip netns delete $ID; umount /run/netns 2>/dev/null; rmdir /run/netns"
        ip -n "$ID" link add there type veth peer name other
        bundle ".linux.namespaces |= map(if .type == \"network\" then .path = \"/run/netns/$ID\" else . end)"
        args /bin/probe links
        run -0 once
        has_line link=there
        ip -n "$ID" link show there
}

@test "namespaces: the time namespace has the offsets" {
        is_runtime berth || skip "newer than this runtime"
        see '.linux.namespaces += [{type: "time"}] | .linux.timeOffsets = {monotonic: {secs: 100000, nanosecs: 5}, boottime: {secs: 200000}}' clocks ns
        lacks "ns=time $(own time)"
        local up
        up=$(cut -d . -f 1 /proc/uptime)
        # A machine's kernel has just come up.
        [ -z "${WALL:-}" ] || [ -n "${FAKE_VM:-}" ] || up=0
        (($(fact monotonic) >= up + 99990 && $(fact monotonic) < up + 100100))
        (($(fact boottime) >= up + 199990 && $(fact boottime) < up + 200100))
}

# bats test_tags=berth
@test "namespaces: exec sees the time of the container" {
        launch_waiting '.linux.namespaces += [{type: "time"}] | .linux.timeOffsets = {monotonic: {secs: 100000}}'
        run -0 berth exec "$ID" /bin/probe clocks
        (($(fact monotonic) >= 100000))
}

@test "hostname and domainname are the container's, the host keeps its own" {
        local before
        before=$(hostname)
        see '.hostname = "inside"' names
        fact_is hostname inside
        is_runtime berth || { is "$(hostname)" "$before"; return; }
        edit '.domainname = "example.org"'
        run -0 once
        fact_is domainname example.org
        is "$(hostname)" "$before"
}

@test "the loopback link of a new network namespace is up" {
        bundle
        args /bin/cat /proc/self/net/dev
        run -0 once
        has lo:
        launch_waiting_net
        run -0 nsenter -t "$(pid_of)" -n ip -o link show lo
        has "UP"
}

launch_waiting_net() {
        args /bin/probe wait
        launch
}

@test "sysctl: of the container's namespaces, with dots or slashes" {
        bundle '.linux.sysctl = {"net.ipv4.ip_forward": "1", "net/ipv4/conf/all/forwarding": "1", "kernel.msgmax": "12345", "fs.mqueue.msg_max": "99"}'
        is_runtime runc && edit 'del(.linux.sysctl["net/ipv4/conf/all/forwarding"])'
        args /bin/sh -c 'cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax /proc/sys/fs/mqueue/msg_max'
        run -0 once
        is "$output" "1
12345
99"
        [ "$(cat /proc/sys/kernel/msgmax)" != 12345 ]
}

@test "sysctl: also where the container's own procfs is read-only, or does not show them" {
        local options

        for options in ro subset=pid; do
                bundle '.linux.sysctl = {"net.ipv4.ip_forward": "1"}'
                edit '.mounts |= map(if .destination == "/proc" then .options = [$o] else . end) | del(.linux.readonlyPaths, .linux.maskedPaths)' --arg o "$options"
                args /bin/probe wait
                launch
                is "$(nsenter -t "$(pid_of)" -n cat /proc/sys/net/ipv4/ip_forward)" 1
                berth delete --force "$ID"
        done
}

# The host's keeps what was looked up for each network namespace, and compares with all of it the next time.
# bats test_tags=berth
@test "sysctl: goes by the container's own procfs and not by the host's" {
        bundle '.linux.sysctl = {"net.ipv4.ip_forward": "1"}'
        args /bin/true
        run -0 strace -f -e trace=openat2,pivot_root -o "$T/trace" "$BERTH" --root "$ROOT" run --bundle "$B" "$ID" 3>&- 4>&-
        run -0 sed -n '/pivot_root/,$p' "$T/trace"
        has ', "net/ipv4/ip_forward"'
        lacks '"sys'
}

@test "sysctl: one that is not of a namespace of the container's is refused by its name" {
        bundle
        for filter in '.linux.sysctl = {"vm.swappiness": "10"}' '.linux.sysctl = {"kernel.panic": "10"}' \
                '.linux.sysctl = {"net.ipv4.ip_forward": "1"} | .linux.namespaces |= map(select(.type != "network"))' \
                '.linux.sysctl = {"kernel.msgmax": "1"} | .linux.namespaces |= map(select(.type != "ipc"))' \
                '.linux.sysctl = {"net.ipv4.../../../kernel/panic": "1"}' \
                '.linux.sysctl = {"net/../kernel/panic": "1"}'; do
                jq "$filter" "$TOP/tests/lib/config.json" >"$B/config.json"
                refused "swappiness|panic|ip_forward|msgmax|sysctl" create
        done
}

@test "netDevices: a link moves into the container and keeps its addresses" {
        is_runtime berth || skip "newer than this runtime"
        ip link add berth0 type veth peer name berth1
        ip address add 10.99.0.1/24 dev berth0
        ip address add fd99::1/64 dev berth0 nodad
        ip link set berth0 up
        launch_waiting '.linux.netDevices = {"berth0": {"name": "inside0"}}'
        run -0 nsenter -t "$(pid_of)" -n ip -o address show
        has 'inside0' '10.99.0.1/24' 'fd99::1/64'
        run -0 nsenter -t "$(pid_of)" -n ip -o link show inside0
        matches 'UP[,>]'
        run ! ip link show berth0
        berth delete --force "$ID"
        eventually eval '! ip link show berth1 2>/dev/null'
}

# bats test_tags=berth
@test "netDevices: keeps its name without one, and takes a template" {
        ip link add berth0 type veth peer name berth1
        launch_waiting '.linux.netDevices = {"berth0": {}, "berth1": {"name": "eth%d"}}'
        run -0 nsenter -t "$(pid_of)" -n ip -o link show
        has berth0 eth0
        berth delete --force "$ID"
}

# bats test_tags=berth
@test "netDevices: a missing link, a taken name and a shared network are refused and nothing moves" {
        bundle '.linux.netDevices = {"absent0": {}}'
        refused 'absent0' create
        ip link add berth0 type veth peer name berth1
        defer 'ip link delete berth0'
        edit '.linux.netDevices = {"berth0": {"name": "lo"}}'
        refused 'lo' create
        ip link show berth0
        edit '.linux.netDevices = {"berth0": {}} | .linux.namespaces |= map(select(.type != "network"))'
        refused 'netDevices' create
        ip link show berth0
}
