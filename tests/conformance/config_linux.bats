load ../lib/common

# Each MUST of config-linux.md, by section. Runs on any runtime: BERTH=/usr/bin/crun.

inside() { # inside FILTER COMMAND...: the output of a command in a container with that configuration
        local filter=$1

        shift
        [ -d "$B/rootfs" ] || bundle
        jq "$filter" "$TOP/tests/lib/config.json" >"$B/config.json"
        args "$@"
        run once
}

@test "config-linux.md Default filesystems: /proc, /sys, /dev/pts, /dev/shm are available when mounted" {
        inside . /bin/sh -c 'test -e /proc/self && test -d /sys/class && test -e /dev/pts/ptmx && test -d /dev/shm && echo all'
        has all
}

@test "config-linux.md Namespaces: a new one for each type without a path" {
        inside . /bin/probe ns
        for kind in pid net mnt ipc uts cgroup; do
                lacks "ns=$kind $(readlink /proc/self/ns/$kind)"
        done
}

@test "config-linux.md Namespaces: a type that is not listed is inherited" {
        inside '.linux.namespaces |= map(select(.type != "ipc")) | .mounts |= map(select(.type != "mqueue"))' /bin/probe ns
        has "ns=ipc $(readlink /proc/self/ns/ipc)"
}

@test "config-linux.md Namespaces: a path is joined" {
        unshare --ipc --fork --kill-child sleep 1000 3>&- 4>&- &
        eventually pgrep -x sleep
        inside ".linux.namespaces |= map(if .type == \"ipc\" then .path = \"/proc/$(pgrep -x sleep)/ns/ipc\" else . end)" /bin/probe ns
        has "ns=ipc $(namespace_of "$(pgrep -x sleep)" ipc)"
        kill "$(pgrep -x sleep)"
}

@test "config-linux.md Namespaces: a path of another type is an error" {
        inside '.linux.namespaces[2].path = "/proc/self/ns/net"' /bin/true
        [ "$status" -ne 0 ]
}

@test "config-linux.md Namespaces: a type named twice is an error" {
        is_runtime crun && skip "crun takes it"
        inside '.linux.namespaces += [{type: "uts"}]' /bin/true
        [ "$status" -ne 0 ]
}

@test "config-linux.md User namespace mappings: uidMappings and gidMappings" {
        bundle '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 1000, size: 3000}] | .linux.gidMappings = [{containerID: 0, hostID: 2000, size: 3000}]'
        chown -Rh 1000:2000 "$B/rootfs"
        args /bin/sh -c 'cat /proc/self/uid_map /proc/self/gid_map | tr -s " "'
        run -0 once
        has_line " 0 1000 3000" " 0 2000 3000"
}

@test "config-linux.md Offset for time namespace" {
        is_runtime berth || skip "since 1.1, these are older"
        inside '.linux.namespaces += [{type: "time"}] | .linux.timeOffsets = {boottime: {secs: 1000000}}' /bin/probe clocks
        (($(fact boottime) > 1000000))
}

@test "config-linux.md Devices: type, path, major and minor; fileMode, uid and gid" {
        inside '.linux.devices = [{type: "c", path: "/dev/test", major: 10, minor: 229, fileMode: 416, uid: 3, gid: 4}]' /bin/stat -c '%F %t:%T %a %u:%g' /dev/test
        is "$output" "character special file a:e5 640 3:4"
}

@test "config-linux.md Default devices: null zero full random urandom tty ptmx, and console with a terminal" {
        inside . /bin/sh -c 'for d in null zero full random urandom tty; do test -c /dev/$d || echo missing $d; done; test -e /dev/ptmx || echo missing ptmx'
        is "$output" ""
}

@test "config-linux.md Network devices (1.3): moved in, renamed, up, with their addresses" {
        is_runtime berth || skip "since 1.3, these are older"
        ip link add moved0 type veth peer name stays0
        ip address add 10.88.0.1/24 dev moved0
        launch_waiting '.linux.netDevices = {moved0: {name: "eth9"}}'
        run -0 nsenter -t "$(pid_of)" -n ip -o address show dev eth9
        has 10.88.0.1/24
        berth delete --force "$ID"
        eventually eval '! ip link show stays0 2>/dev/null'
}

@test "config-linux.md Control groups: the container is in cgroupsPath; it is made when it is missing" {
        launch_waiting '.linux.cgroupsPath = "/conformance"'
        is "$(cgroup_of)" /sys/fs/cgroup/conformance
}

@test "config-linux.md Cgroup ownership: only with v2, a cgroup namespace and a writable mount" {
        is_runtime berth || skip "since 1.1, these are older"
        bundle '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 1000, size: 3000}] | .linux.gidMappings = .linux.uidMappings'
        chown -Rh 1000:1000 "$B/rootfs"
        args /bin/probe wait
        launch
        is "$(stat -c %u "$(cgroup_of)")" 0
        berth delete --force "$ID"
        edit '(.mounts[] | select(.type == "cgroup") | .options) -= ["ro"]'
        launch
        is "$(stat -c %u "$(cgroup_of)")" 1000
        for file in $(cat /sys/kernel/cgroup/delegate); do
                [ ! -e "$(cgroup_of)/$file" ] || is "$(stat -c %u "$(cgroup_of)/$file")" 1000
        done
        is "$(stat -c %u "$(cgroup_of)/cgroup.type")" 0
}

@test "config-linux.md Allowed device list: a whitelist in the listed order" {
        is_runtime crun && ! capsh --has-p=cap_sys_resource 2>/dev/null && skip "this machine's root lacks CAP_SYS_RESOURCE"
        inside '.linux.resources.devices = [{allow: false, access: "rwm"}, {allow: true, type: "c", major: 1, minor: 11, access: "r"}] |
                .linux.devices = [{type: "c", path: "/dev/kmsg", major: 1, minor: 11}]' /bin/probe try /dev/kmsg
        has "/dev/kmsg: EPERM"
}

@test "config-linux.md Huge page limits" {
        needs_controller hugetlb
        launch_waiting '.linux.resources.hugepageLimits = [{pageSize: "2MB", limit: 2097152}]'
        is "$(cat "$(cgroup_of)/hugetlb.2MB.max")" 2097152
}

@test "config-linux.md Unified: key is a file, value its content; a missing file is an error" {
        launch_waiting '.linux.resources.unified = {"cgroup.max.depth": "3"}'
        is "$(cat "$(cgroup_of)/cgroup.max.depth")" 3
        berth delete --force "$ID"
        edit '.linux.resources.unified = {"cgroup.nonsense": "3"}'
        run ! create
        berth delete --force "$ID" 2>/dev/null || true
        rmdir "/sys/fs/cgroup/$ID" 2>/dev/null || true
}

@test "config-linux.md Memory, PIDs, CPU: limits" {
        needs_controller memory
        needs_controller pids
        needs_controller cpu
        launch_waiting '.linux.resources = {memory: {limit: 67108864}, pids: {limit: 11}, cpu: {quota: 10000, period: 20000}}'
        is "$(cat "$(cgroup_of)/memory.max")" 67108864
        is "$(cat "$(cgroup_of)/pids.max")" 11
        is "$(cat "$(cgroup_of)/cpu.max")" "10000 20000"
}

@test "config-linux.md Memory policy (1.3)" {
        is_runtime berth || skip "since 1.3, these are older"
        inside '.linux.memoryPolicy = {mode: "MPOL_BIND", nodes: "0"}' /bin/probe sched
        fact_is mempolicy "2 nodes:1"
}

@test "config-linux.md Sysctl" {
        inside '.linux.sysctl = {"net.ipv4.ip_default_ttl": "77"}' /bin/cat /proc/sys/net/ipv4/ip_default_ttl
        is "$output" 77
}

@test "config-linux.md Seccomp: actions, arguments and errnoRet" {
        inside '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["getpgid"], action: "SCMP_ACT_ERRNO", errnoRet: 61, args: [{index: 1, value: 5, op: "SCMP_CMP_EQ"}]}]}' \
                /bin/probe call getpgid 0 5
        [ "$(uname -m)" = x86_64 ] || skip "the number is x86_64's"
        fact_is errno ENODATA
}

@test "config-linux.md Seccomp: the state is sent to listenerPath with the descriptor" {
        bundle '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["getpgid"], action: "SCMP_ACT_NOTIFY"}]}'
        edit '.linux.seccomp += {listenerPath: $s, listenerMetadata: "m"}' --arg s "$T/agent.sock"
        args /bin/probe call getpgid 0
        listener agent seccomp 61
        run -0 once
        wait $LISTENER
        sed -n 's/^state //p' "$T/agent" | jq -e '.ociVersion and (.fds | index("seccompFd") != null) and .pid > 0 and .metadata == "m" and .state.id'
}

@test "config-linux.md Rootfs mount propagation: shared, slave, private, unbindable" {
        is_runtime runc && skip "runc changes the mount that the bundle lies on"
        inside '.linux.rootfsPropagation = "shared"' /bin/probe mounts
        grep -E '^mount=[0-9]+ [0-9]+ [0-9:]+ [^ ]+ / .* shared:' <<<"$output"
        inside '.linux.rootfsPropagation = "unbindable"' /bin/probe mounts
        grep -E '^mount=[0-9]+ [0-9]+ [0-9:]+ [^ ]+ / .* unbindable' <<<"$output"
}

@test "config-linux.md Masked paths: cannot be read" {
        inside '.linux.maskedPaths = ["/etc/passwd", "/home"]' /bin/sh -c 'cat /etc/passwd; ls /home'
        is "$output" ""
}

@test "config-linux.md Readonly paths: cannot be written" {
        inside '.linux.readonlyPaths = ["/etc"]' /bin/probe try /etc/passwd
        has "/etc/passwd: EROFS"
}

@test "config-linux.md Personality" {
        is_runtime runc && skip "newer than this runtime"
        inside '.linux.personality = {domain: "LINUX32"}' /bin/probe sched
        fact_is personality 8
}

@test "config-linux.md Dev symbolic links: fd, stdin, stdout, stderr" {
        inside . /bin/sh -c 'readlink /dev/fd /dev/stdin; readlink /dev/stdin; readlink /dev/stdout; readlink /dev/stderr'
        has /proc/self/fd /proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2
}
