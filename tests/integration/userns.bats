load ../lib/common

MAPS='.linux.namespaces += [{type: "user"}] |
        .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 1000}, {containerID: 1000, hostID: 200000, size: 10}] |
        .linux.gidMappings = [{containerID: 0, hostID: 300000, size: 1000}, {containerID: 1000, hostID: 400000, size: 10}]'

# A root file system that the mapped root owns, reachable by it.
mapped() {
        bundle "$MAPS | ${1:-.}"
        chown -Rh 100000:300000 "$B/rootfs"
}

@test "user namespace: root in the container is the mapped user outside" {
        mapped
        args /bin/probe wait
        launch
        is "$(awk '/^Uid:/ { print $2 }' "/proc/$(pid_of)/status")" 100000
        is "$(awk '/^Gid:/ { print $2 }' "/proc/$(pid_of)/status")" 300000
        run -0 cat "/proc/$(pid_of)/uid_map"
        matches '^ +0 +100000 +1000$'
        matches '^ +1000 +200000 +10$'
        run -0 berth exec "$ID" /bin/probe ids caps
        fact_is uid "0 0 0"
        fact_is effective 0000000020000420
}

@test "user namespace: another user of the maps" {
        mapped '.process.user = {uid: 1000, gid: 1001, additionalGids: [5]}'
        args /bin/probe ids
        run -0 once
        fact_is uid "1000 1000 1000"
        fact_is gid "1001 1001 1001"
        [[ " $(fact groups) " == *" 5 "* ]]
}

@test "user namespace: every other namespace belongs to it" {
        mapped '.process.capabilities |= with_entries(.value += ["CAP_SYS_ADMIN", "CAP_NET_ADMIN"])'
        args /bin/sh -c 'hostname other && hostname && mount -t tmpfs x /tmp && cat /proc/self/setgroups'
        run -0 once
        has_line other allow
}

@test "user namespace: devices are there and work" {
        mapped
        args /bin/sh -c 'echo gone >/dev/null && head -c 3 /dev/zero | wc -c && test -c /dev/full && test -c /dev/random && test -c /dev/urandom && test -c /dev/tty'
        run -0 once
        is "$output" 3
}

# bats test_tags=wall
@test "user namespace: files made inside belong to the mapped user outside" {
        mapped
        args /bin/touch /made
        run -0 once
        is "$(stat -c %u:%g "$B/rootfs/made")" 100000:300000
}

@test "user namespace: sysfs, mqueue, cgroup and proc can be mounted" {
        mapped
        args /bin/probe mounts
        run -0 once
        matches ' /sys .*- sysfs '
        matches ' /proc .*- proc '
        matches ' /sys/fs/cgroup .*- cgroup2 '
}

@test "user namespace: masked and read-only paths are masked and read-only" {
        mapped
        args /bin/sh -c 'cat /proc/kcore | wc -c; echo 1 >/proc/sys/kernel/panic'
        run once
        has_line 0
        matches 'Read-only|Permission denied|[Nn]onexistent|can.t create'
}

@test "user namespace: one that exists is joined by path" {
        unshare --user --map-root-user --fork --kill-child sleep 1000 3>&- 4>&- &
        eventually pgrep -x sleep
        local there
        there=$(pgrep -x sleep)
        is_runtime runc && skip "runc 1.1 wants mappings with it"
        bundle ".linux.namespaces += [{type: \"user\", path: \"/proc/$there/ns/user\"}] | .mounts[2].options -= [\"gid=5\"]"
        args /bin/probe ns ids
        run -0 once
        has "ns=user $(namespace_of "$there" user)"
        fact_is uid "0 0 0"
        kill "$there"
}

@test "user namespace: joined together with a network namespace that it owns" {
        unshare --user --map-root-user --net --fork --kill-child sleep 1000 3>&- 4>&- &
        eventually pgrep -x sleep
        local there
        there=$(pgrep -x sleep)
        is_runtime runc && skip "runc 1.1 wants mappings with it"
        bundle ".mounts[2].options -= [\"gid=5\"] | .linux.namespaces |= map(if .type == \"network\" then .path = \"/proc/$there/ns/net\" else . end) |
                .linux.namespaces += [{type: \"user\", path: \"/proc/$there/ns/user\"}]"
        args /bin/probe ns
        run -0 once
        has "ns=net $(namespace_of "$there" net)"
        kill "$there"
}

@test "user namespace: a network namespace of the host's is joined before it" {
        unshare --net --fork --kill-child sleep 1000 3>&- 4>&- &
        eventually pgrep -x sleep
        local there
        there=$(pgrep -x sleep)
        is_runtime runc && skip "runc cannot bind /sys there"
        mapped ".mounts |= map(if .type == \"sysfs\" then {destination: \"/sys\", type: \"none\", source: \"/sys\", options: [\"rbind\", \"ro\"]} else . end) |
                .mounts |= map(select(.destination != \"/sys/fs/cgroup\")) |
                .linux.namespaces |= map(if .type == \"network\" then .path = \"/proc/$there/ns/net\" else . end)"
        args /bin/probe ns
        run -0 once
        has "ns=net $(namespace_of "$there" net)"
        kill "$there"
}

# Without a network namespace of its own it may mount no sysfs, and gets the host's with all that is mounted there.
# bats test_tags=berth
@test "user namespace: of the host's sysfs nothing can be written where the configuration says ro" {
        mapped '.linux.namespaces |= map(select(.type != "network")) | .mounts |= map(select(.type != "cgroup"))'
        args /bin/probe mounts
        run -0 once
        matches ' /sys ro,nosuid,nodev,noexec.*- sysfs '
        matches ' /sys/fs/cgroup ro,nosuid,nodev,noexec.*- cgroup2 '
        lacks " /sys rw" " /sys/fs/cgroup rw"
}

@test "exec into a container with a user namespace" {
        mapped
        args /bin/probe wait
        launch
        run -0 berth exec --user 1000:1001 "$ID" /bin/probe ids ns
        fact_is uid "1000 1000 1000"
        has "ns=user $(namespace_of "$(pid_of)" user)"
}

@test "user namespace: the cgroup is the container's to use when it has a cgroup namespace and a writable mount" {
        is_runtime berth || skip "since runtime-spec 1.1, these are older"
        mapped '(.mounts[] | select(.type == "cgroup") | .options) |= map(select(. != "ro"))'
        args /bin/sh -c 'mkdir /sys/fs/cgroup/sub && echo $$ >/sys/fs/cgroup/sub/cgroup.procs && cat /proc/self/cgroup; stat -c %u /sys/fs/cgroup/cgroup.procs /sys/fs/cgroup /sys/fs/cgroup/cgroup.freeze'
        run -0 once
        has_line 0::/sub
        is "$(tail -n 3 <<<"$output" | tr '\n' ' ')" "0 0 65534 "
}

@test "user namespace: the cgroup stays the runtime's when the mount is read-only" {
        is_runtime crun && skip "crun 1.8 hands it over always"
        mapped
        args /bin/probe wait
        launch
        is "$(stat -c %u "$(cgroup_of)/cgroup.procs")" 0
}

# A directory on a file system of the machine, $DATA: a tmpfs can be id-mapped only since Linux 6.3.
data_on_disk() {
        DATA=$(mktemp -d /var/tmp/berth-test.XXXXXX)
        defer "rm -rf --one-file-system '$DATA'"
        chmod 755 "$DATA"
}

@test "idmap: a bind mount shows the files with the ids of its own maps" {
        is_runtime runc && skip "newer than this runtime"
        data_on_disk
        touch "$DATA/root" "$DATA/user"
        chown 1000:1000 "$DATA/user"
        bundle
        edit '.mounts += [{destination: "/data", type: "bind", source: $t, options: ["bind", "idmap"],
                uidMappings: [{containerID: 0, hostID: 5000, size: 2000}], gidMappings: [{containerID: 0, hostID: 6000, size: 2000}]}]' --arg t "$DATA"
        args /bin/stat -c %u:%g /data/root /data/user
        run once
        is_runtime crun && [ "$status" -ne 0 ] && skip "crun 1.8 wants another form"
        is "$output" "5000:6000
6000:7000"
}

# bats test_tags=berth
@test "idmap: with mappings the option is implied" {
        data_on_disk
        touch "$DATA/root"
        bundle
        edit '.mounts += [{destination: "/data", type: "bind", source: $t, options: ["bind"],
                uidMappings: [{containerID: 0, hostID: 5000, size: 1}], gidMappings: [{containerID: 0, hostID: 6000, size: 1}]}]' --arg t "$DATA"
        args /bin/stat -c %u:%g /data/root
        run -0 once
        is "$output" 5000:6000
}

# bats test_tags=berth
@test "idmap: without mappings it is the container's user namespace" {
        data_on_disk
        touch "$DATA/root"
        mapped
        edit '.mounts += [{destination: "/data", type: "bind", source: $t, options: ["bind", "idmap"]}]' --arg t "$DATA"
        args /bin/sh -c 'stat -c %u:%g /data/root && touch /data/new'
        run -0 once
        is "$output" 0:0
        is "$(stat -c %u:%g "$DATA/new")" 0:0
}

# bats test_tags=berth
@test "ridmap: reaches the mounts below" {
        data_on_disk
        mkdir "$DATA/below" "$DATA/other"
        mount --bind "$DATA/other" "$DATA/below"
        defer "umount $DATA/below"
        touch "$DATA/below/file"
        bundle
        edit '.mounts += [{destination: "/data", type: "bind", source: $t, options: ["rbind", "ridmap"],
                uidMappings: [{containerID: 0, hostID: 5000, size: 10}], gidMappings: [{containerID: 0, hostID: 6000, size: 10}]},
                {destination: "/plain", type: "bind", source: $t, options: ["rbind", "idmap"],
                uidMappings: [{containerID: 0, hostID: 5000, size: 10}], gidMappings: [{containerID: 0, hostID: 6000, size: 10}]}]' --arg t "$DATA"
        args /bin/stat -c %u:%g /data/below/file /plain/below/file /plain
        run -0 once
        is "$output" "5000:6000
0:0
5000:6000"
}

# bats test_tags=berth
@test "idmap: a file system of the container's own can be mapped too" {
        [ "$(printf '6.3\n%s\n' "$(uname -r)" | sort -V | head -n 1)" = 6.3 ] || skip "this kernel cannot id-map a tmpfs"
        bundle '.mounts += [{destination: "/m", type: "tmpfs", source: "m", options: ["idmap"],
                uidMappings: [{containerID: 0, hostID: 5000, size: 10}], gidMappings: [{containerID: 0, hostID: 6000, size: 10}]}]'
        args /bin/stat -c %u:%g /m
        run -0 once
        is "$output" 5000:6000
}

# bats test_tags=berth
@test "idmap: one-sided mappings, or the option without maps and without a user namespace, are refused" {
        bundle
        refuse_all <<'TABLE'
.mounts += [{destination: "/m", type: "bind", source: "/tmp", options: ["bind", "idmap"]}] -> mounts\[7\]
.mounts += [{destination: "/m", type: "bind", source: "/tmp", options: ["bind"], uidMappings: [{containerID: 0, hostID: 1, size: 1}]}] -> mounts\[7\]\.(uid|gid)Mappings
.mounts += [{destination: "/m", type: "bind", source: "/tmp", options: ["bind"], uidMappings: [{containerID: 0, hostID: 1, size: 0}], gidMappings: [{containerID: 0, hostID: 1, size: 1}]}] -> mounts\[7\]\.uidMappings\[0\]
TABLE
}

# bats test_tags=berth
@test "root.idmap: the files of the root have on disk the ids that they have inside" {
        data_on_disk
        bundle "$MAPS | .root.idmap = true"
        cp -a "$B/rootfs" "$DATA/rootfs"
        chown 1000:1001 "$DATA/rootfs/etc"
        edit '.root.path = $t' --arg t "$DATA/rootfs"
        args /bin/sh -c 'stat -c %u:%g / /bin/probe /etc && touch /made'
        run -0 once
        is "$output" "0:0
0:0
1000:1001"
        is "$(stat -c %u:%g "$DATA/rootfs/made")" 0:0
        edit 'del(.linux.uidMappings, .linux.gidMappings) | .linux.namespaces -= [{type: "user"}]'
        refused 'root\.idmap' create
        edit '.root.idmap = "yes"'
        refused 'root\.idmap' create
}

# layers: an image of two layers on a disk, $DATA/base and $DATA/top, and $DATA/rw with upper and work.
layers() {
        data_on_disk
        cp -a "$B/rootfs" "$DATA/base"
        mkdir -p "$DATA/top/etc" "$DATA"/rw/{upper,work}
        echo base >"$DATA/base/word"
        echo gone >"$DATA/base/gone"
        echo top >"$DATA/top/word"
        mknod "$DATA/top/gone" c 0 0
        chown 1000:1001 "$DATA/top/etc"
        edit '.root.overlay = {lower: [$d + "/top", $d + "/base"], upper: ($d + "/rw/upper"), work: ($d + "/rw/work")}' --arg d "$DATA"
        rm -rf "$B/rootfs"
        mkdir "$B/rootfs"
}

# bats test_tags=berth
@test "root.overlay: the root is an overlay of directories, which stay as they are" {
        bundle
        layers
        args /bin/sh -c 'cat /word; stat -c %u:%g /etc; test ! -e /gone && echo changed >/word && cat /word'
        run -0 once
        is "$output" "top
1000:1001
changed"
        is "$(cat "$DATA/top/word" "$DATA/rw/upper/word" | tr '\n' ' ')" "top changed "
        [ -z "$(ls "$B/rootfs")" ]
        ! grep -q "$DATA" /proc/self/mountinfo || return 1
        # Without a place for changes there are none.
        edit 'del(.root.overlay.upper, .root.overlay.work)'
        args /bin/sh -c 'cat /word; touch /new'
        run -1 once
        has top
        has "Read-only"
}

# bats test_tags=berth
@test "root.overlay: with idmap its layers have on disk the ids that they have inside, also by relative paths" {
        bundle "$MAPS | .root.idmap = true"
        layers
        mv "$B/rootfs" "$B/config.json" "$DATA"
        B=$DATA
        edit '.root.overlay = {lower: ["top", "./base"], upper: "rw/upper", work: "rw/work"}'
        args /bin/sh -c 'stat -c %u:%g / /bin/probe /etc && touch /made && echo x >>/word && stat -c %u:%g /made /word'
        run -0 once
        is "$(tr '\n' ' ' <<<"$output")" "0:0 0:0 1000:1001 0:0 0:0 "
        is "$(stat -c %u:%g "$B/rw/upper/made" "$B/rw/upper/word" "$B/top/word" | tr '\n' ' ')" "0:0 0:0 0:0 "
        ! grep -q "$B" /proc/self/mountinfo || return 1
}

# bats test_tags=berth
@test "root.overlay: what cannot be one is refused" {
        bundle
        refuse_all <<'TABLE'
.root.overlay = {} -> root\.overlay\.lower
.root.overlay = {lower: []} -> root\.overlay\.lower
.root.overlay = {lower: [range(81) | "l\(.)"]} -> root\.overlay\.lower: more than 80
.root.overlay = {lower: ["/nowhere/at/all"]} -> root\.overlay: open /nowhere/at/all
.root.overlay = {lower: ["/etc/passwd"]} -> root\.overlay: open /etc/passwd
.root.overlay = {lower: ["/usr"], upper: "rw/upper"} -> root\.overlay\.work
.root.overlay = {lower: ["/usr"], work: "rw/work"} -> root\.overlay\.upper
.root.overlay = {lower: ["/usr"], upper: "rw/upper", work: "other/work"} -> root\.overlay\.work: .*beside upper
.root.overlay = {lower: ["/usr"], upper: "rw/upper", work: "rw/upper"} -> root\.overlay\.work: .*beside upper
.root.overlay = {lower: ["/usr"], upper: "rw/a,b", work: "rw/work"} -> root\.overlay\.upper
.root.overlay = {lower: ["/usr"], upper: "rw/", work: "rw/work"} -> root\.overlay\.upper
.root.overlay = "yes" -> root\.overlay
TABLE
}

# bats test_tags=berth
@test "user namespace: maps that contradict themselves are refused" {
        bundle
        refuse_all <<'TABLE'
.linux.uidMappings = [{containerID: 0, hostID: 0, size: 1}] -> uidMappings
.linux.namespaces += [{type: "user"}] -> (uid|gid)Mappings|user
.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 0, size: 0}] | .linux.gidMappings = [{containerID: 0, hostID: 0, size: 1}] -> uidMappings\[0\]
.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 4294967290, size: 100}] | .linux.gidMappings = [{containerID: 0, hostID: 0, size: 1}] -> uidMappings\[0\]
TABLE
}

@test "user namespace: a map as long as the kernel takes" {
        bundle '.linux.namespaces += [{type: "user"}] |
                .linux.uidMappings = [range(340) | {containerID: ., hostID: (1000 + .), size: 1}] |
                .linux.gidMappings = .linux.uidMappings'
        chown -Rh 1000:1000 "$B/rootfs"
        args /bin/sh -c 'wc -l </proc/self/uid_map'
        run -0 once
        is "$(tail -n 1 <<<"$output")" 340
}

# ---- the runtime itself in a user namespace: Podman without privileges, or a system container ----

# in_user_namespace COMMAND...: as root of a user namespace with 65536 ids, which owns the mounts but nothing of the
# host's.
in_user_namespace() {
        local pid status=0 go

        mkfifo "$T/go"
        unshare --user --mount --propagation slave bash -c 'read -r _ <"$0"; exec "$@"' "$T/go" "$@" </dev/null 3>&- 4>&- &
        pid=$!
        exec {go}>"$T/go"
        echo "0 0 65536" >"/proc/$pid/uid_map"
        echo "0 0 65536" >"/proc/$pid/gid_map"
        echo >&"$go"
        exec {go}>&-
        wait $pid || status=$?
        rm "$T/go"
        return $status
}

@test "runtime in a user namespace: a container without one of its own runs, and its devices work" {
        bundle
        args /bin/sh -c 'echo >/dev/null && head -c 1 /dev/zero | wc -c; stat -c %t:%T /dev/null /dev/tty; id -u; cat /proc/self/uid_map'
        run -0 in_user_namespace timeout 20 "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
        is "$(tr -s ' ' <<<"$output")" $'1\n1:3\n5:0\n0\n 0 0 65536'
}

# bats test_tags=berth
@test "runtime in a user namespace: a device that is there already serves as it is, another is refused" {
        bundle '.mounts += [{destination: "/dev/null", type: "bind", source: "/dev/null", options: ["bind"]}]'
        args /bin/sh -c 'echo >/dev/null; grep -c " /dev/null " /proc/mounts'
        run -0 in_user_namespace timeout 20 "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
        is "$output" 1
        edit '.linux.devices = [{path: "/dev/null", type: "c", major: 1, minor: 5}]'
        run -1 in_user_namespace timeout 20 "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
        has /dev/null
}

# bats test_tags=berth
@test "runtime in a user namespace: namespaces of the host's show what the host shows" {
        bundle '.linux.namespaces = [{type: "mount"}] | del(.hostname) | del(.mounts[] | select(.type == "mqueue"))'
        args /bin/sh -c 'test "$(cat /proc/sys/kernel/hostname)" = "$(hostname)" && test -d /sys/class/net && echo host'
        run -0 in_user_namespace timeout 20 "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
        is "$output" host
}

@test "runtime in a user namespace: device rules need no program where no device can be made" {
        bundle '.linux.resources.devices = [{allow: false, access: "rwm"}, {allow: true, type: "c", major: 1, minor: 3, access: "rwm"}]'
        args /bin/sh -c 'echo >/dev/null && echo fine'
        run -0 in_user_namespace timeout 20 "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
        is "$output" fine
}

@test "runtime in a user namespace: exec and delete --force work" {
        bundle
        args /bin/probe wait
        in_user_namespace timeout 20 "$BERTH" --root "$ROOT" run --detach --bundle "$B" "$ID" >"$T/out" 2>&1
        eventually is_state running
        run -0 berth exec "$ID" /bin/id -u
        is "$output" 0
        berth delete --force "$ID"
}

# The root is then hung on / itself.
# bats test_tags=berth
@test "user namespace: a root that its ids cannot reach by the path, with shared propagation, and without pivot_root" {
        mapped '.linux.rootfsPropagation = "shared"'
        args /bin/probe mounts
        chmod 700 "${B%/*}"
        run -0 once
        matches '^mount=[0-9]+ [0-9]+ [0-9:]+ [^ ]+ / .* shared:[0-9]+ '
        run -0 once --no-pivot
        matches '^mount=[0-9]+ [0-9]+ [0-9:]+ [^ ]+ / .* shared:[0-9]+ '
}
