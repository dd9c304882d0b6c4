load ../lib/common

# An ordinary user with subordinate ids, known in this file's view only.
USER_ID=54321

setup_file() {
        mkdir -p /run/rootless
        mount -t tmpfs -o mode=755,nosuid,nodev rootless /run/rootless # a host's own /run may be noexec
        for name in passwd group subuid subgid; do
                cat "/etc/$name" >"/run/rootless/$name" 2>/dev/null || true
                [ -e "/etc/$name" ] || touch "/etc/$name"
        done
        echo "mariner:x:$USER_ID:$USER_ID::/run/rootless/home:/bin/sh" >>/run/rootless/passwd
        echo "mariner:x:$USER_ID:" >>/run/rootless/group
        echo "mariner:600000:65536" >>/run/rootless/subuid
        echo "mariner:700000:65536" >>/run/rootless/subgid
        for name in passwd group subuid subgid; do
                mount --bind "/run/rootless/$name" "/etc/$name"
        done
        mkdir -p /run/rootless/home /run/rootless/xdg /run/rootless/bin
        chown -R $USER_ID:$USER_ID /run/rootless/home /run/rootless/xdg
        cp "$BERTH" /run/rootless/bin/runtime # the build directory may be closed to others
        chmod 755 /run/rootless/bin/runtime
}

# The runtime as that user, with nothing but its ids.
user_berth() {
        timeout -k 2 "$DEADLINE" setpriv --reuid $USER_ID --regid $USER_ID --clear-groups --inh-caps=-all \
                env -i PATH="$PATH" HOME=/run/rootless/home XDG_RUNTIME_DIR=/run/rootless/xdg \
                ${USER_ENV:+"$USER_ENV"} /run/rootless/bin/runtime "$@" 3>&- 4>&-
}

teardown() {
        for name in /run/rootless/xdg/"$RUNTIME"/*; do
                [ ! -d "$name" ] || user_berth delete --force "${name##*/}" || true
        done
        rm -rf "/run/rootless/xdg/$RUNTIME"
        common_teardown
}

# The configuration that `spec --rootless` writes, for the tests' root file system.
rootless_bundle() {
        mkdir -p "$B"
        cp -a "$TOOLS/rootfs" "$B/rootfs"
        chown $USER_ID "$B"
        (cd "$B" && user_berth spec --rootless)
        edit "$1"
        chown -Rh $USER_ID:$USER_ID "$B"
}

@test "rootless: a user without any privilege runs a container" {
        rootless_bundle '.process.terminal = false | .process.args = ["/bin/probe"]'
        run -0 user_berth run --bundle "$B" "$ID" </dev/null
        fact_is uid "0 0 0"
        fact_is pid 1
        fact_is hostname "$(jq -r .hostname "$B/config.json")"
}

@test "rootless: in a user namespace that somebody else made, a container without one of its own has the host's devices" {
        bundle '.process.terminal = false | .process.args = ["/bin/sh", "-c", "echo gone >/dev/null; ls -l /dev/null /dev/zero"]
                | .linux.namespaces |= map(select(.type != "user")) | del(.linux.resources)'
        chown -R 600000:700000 "$B"
        chmod 711 "$T"
        run -0 setpriv --reuid $USER_ID --regid $USER_ID --clear-groups --inh-caps=-all \
                unshare --user --map-users=600000,0,65536 --map-groups=700000,0,65536 --setuid 0 --setgid 0 --mount --pid --fork \
                timeout "$DEADLINE" /run/rootless/bin/runtime --root "$B/state" run --bundle "$B" "$ID" </dev/null 3>&- 4>&-
        [[ "$output" == *"1,"*"3 "*"/dev/null"*"1,"*"5 "*"/dev/zero"* ]]
}

# bats test_tags=berth
@test "rootless: NOTIFY_SOCKET works for an ordinary user, too" {
        rootless_bundle '.process.terminal = false | .process.args = ["/bin/probe", "notify", "READY=1"]'
        listener notify notify 10
        chmod 777 "$T/notify.sock"
        USER_ENV="NOTIFY_SOCKET=$T/notify.sock" user_berth create --bundle "$B" "$ID" </dev/null >"$T/out" 2>&1
        USER_ENV="NOTIFY_SOCKET=$T/notify.sock" user_berth start "$ID" </dev/null >"$T/start" 2>&1
        eventually grep -q READY=1 "$T/notify"
        user_berth delete --force "$ID"
}

@test "rootless: the state lies in XDG_RUNTIME_DIR, closed to others" {
        rootless_bundle '.process.terminal = false | .process.args = ["/bin/probe", "wait"]'
        user_berth create --bundle "$B" "$ID" </dev/null >"$T/out" 2>&1
        [ -d "/run/rootless/xdg/$RUNTIME/$ID" ]
        is "$(stat -c %U /run/rootless/xdg/"$RUNTIME")" mariner
        run -0 user_berth state "$ID"
        is "$(jq -r .status <<<"$output")" created
        user_berth start "$ID"
        eventually grep -q ready "$T/out"
        run -5 user_berth exec "$ID" /bin/probe exit 5
        user_berth kill "$ID" KILL
        user_berth delete --force "$ID"
}

@test "rootless: subordinate ids map a range, through newuidmap and newgidmap" {
        rootless_bundle '.process.terminal = false | .process.args = ["/bin/sh", "-c", "cat /proc/self/uid_map /proc/self/gid_map; chown 1000:1000 /tmp/x; stat -c %u:%g /tmp/x"] |
                .linux.uidMappings = [{containerID: 0, hostID: 54321, size: 1}, {containerID: 1, hostID: 600000, size: 65536}] |
                .linux.gidMappings = [{containerID: 0, hostID: 54321, size: 1}, {containerID: 1, hostID: 700000, size: 65536}] | .root.readonly = false |
                .process.capabilities |= with_entries(.value += ["CAP_CHOWN"])'
        touch "$B/rootfs/tmp/x"
        chown $USER_ID:$USER_ID "$B/rootfs/tmp/x"
        run -0 user_berth run --bundle "$B" "$ID" </dev/null
        has 600000 700000 1000:1000
        is "$(stat -c %u:%g "$B/rootfs/tmp/x")" 600999:700999
}

@test "rootless: ids that are not the user's are refused" {
        rootless_bundle '.process.terminal = false | .process.args = ["/bin/true"] |
                .linux.uidMappings = [{containerID: 0, hostID: 0, size: 1}]'
        run ! user_berth run --bundle "$B" "$ID" </dev/null
        [ ! -e "/run/rootless/xdg/$RUNTIME/$ID" ]
}

@test "rootless: setgroups is denied with a single-id map" {
        is_runtime crun && skip "crun maps through newgidmap, which keeps setgroups"
        rootless_bundle '.process.terminal = false | .process.args = ["/bin/cat", "/proc/self/setgroups"]'
        run -0 user_berth run --bundle "$B" "$ID" </dev/null
        has_line deny
}

@test "rootless: networks without a namespace are the host's, sysfs is bound" {
        is_runtime crun && skip "crun's rootless configuration has a network namespace"
        rootless_bundle '.process.terminal = false | .process.args = ["/bin/probe", "ns", "mounts"]'
        run -0 user_berth run --bundle "$B" "$ID" </dev/null
        has "ns=net $(readlink /proc/self/ns/net)"
        has " /sys "
}

@test "rootless: a device that only root can make is refused or bound from the host, never left out" {
        rootless_bundle '.process.terminal = false | .process.args = ["/bin/sh", "-c", "test -c /dev/null && test -c /dev/zero && echo there"]'
        run -0 user_berth run --bundle "$B" "$ID" </dev/null
        has there
}

@test "rootless: the container cannot write the host's cgroup tree" {
        rootless_bundle '.process.terminal = false | .process.args = ["/bin/sh", "-c", "mkdir /sys/fs/cgroup/attack; echo $? >/dev/stderr; echo 1 >/sys/fs/cgroup/cgroup.procs; echo done"]'
        run user_berth run --bundle "$B" "$ID" </dev/null
        [ ! -e /sys/fs/cgroup/attack ]
        [ ! -e /sys/fs/cgroup/suite/attack ]
}

@test "rootless: without a cgroup namespace the tree is shown read-only" {
        rootless_bundle '.process.terminal = false | .linux.namespaces |= map(select(.type != "cgroup"))
                | .mounts |= map(if .type == "cgroup" then .options -= ["ro"] else . end)
                | .process.args = ["/bin/sh", "-c", "grep -w /sys/fs/cgroup /proc/mounts | tail -n 1; ls /sys/fs/cgroup"]'
        run -0 user_berth run --bundle "$B" "$ID" </dev/null
        has "/sys/fs/cgroup cgroup2 ro," cgroup.procs
}

@test "rootless: exec enters a container that is created and not started" {
        rootless_bundle '.process.terminal = false | .process.args = ["/bin/probe", "wait"]'
        user_berth create --bundle "$B" "$ID" </dev/null >"$T/out" 2>&1
        run -0 user_berth exec "$ID" /bin/cat /proc/self/status
        has_line "CapEff:	0000000020000420"
        # What exec brought in has no way to the parked init, which still has all capabilities of its user namespace.
        run user_berth exec "$ID" /bin/sh -c 'ls -l /proc/1/fd /proc/1/exe; for f in /proc/1/fd/* /proc/1/exe /proc/1/root; do cat $f && echo reached; done'
        has "Permission denied"
        lacks "->" reached
        user_berth start "$ID"
        run -0 user_berth exec "$ID" /bin/true
        user_berth delete --force "$ID"
}

# bats test_tags=berth
@test "rootless: limits that cannot be set are refused, not ignored" {
        rootless_bundle '.process.terminal = false | .process.args = ["/bin/true"] | .linux.resources = {pids: {limit: 10}}'
        run -1 user_berth run --bundle "$B" "$ID" </dev/null
        matches 'pids|cgroup'
        [ ! -e "/run/rootless/xdg/$RUNTIME/$ID" ]
}

# bats test_tags=berth
@test "rootless: a limit that needs no controller says what is missing, too" {
        rootless_bundle '.process.terminal = false | .process.args = ["/bin/true"] | .linux.resources = {unified: {"cgroup.max.descendants": "7"}}'
        run -1 user_berth run --bundle "$B" "$ID" </dev/null
        has "rootless needs no limits + no cgrouppath when no permission is granted for cgroups" "Permission denied"
        [ ! -e "/run/rootless/xdg/$RUNTIME/$ID" ]
}

# bats test_tags=berth
@test "rootless: a delegated group is used" {
        mkdir /sys/fs/cgroup/delegated
        defer 'rmdir /sys/fs/cgroup/delegated/* 2>/dev/null; rmdir /sys/fs/cgroup/delegated'
        chown -R $USER_ID:$USER_ID /sys/fs/cgroup/delegated
        rootless_bundle '.process.terminal = false | .process.args = ["/bin/probe", "wait"] | .linux.cgroupsPath = "/delegated/it"'
        # A move needs the right to write in the common ancestor: start from inside, as a systemd user unit does.
        mkdir /sys/fs/cgroup/delegated/shell
        chown -R $USER_ID:$USER_ID /sys/fs/cgroup/delegated/shell
        bash -c 'echo $$ >/sys/fs/cgroup/delegated/shell/cgroup.procs && shift && exec "$@"' - - \
                setpriv --reuid $USER_ID --regid $USER_ID --clear-groups --inh-caps=-all \
                env -i PATH="$PATH" XDG_RUNTIME_DIR=/run/rootless/xdg /run/rootless/bin/runtime \
                create --bundle "$B" "$ID" </dev/null >"$T/out" 2>&1 3>&- 4>&-
        pid=$(user_berth state "$ID" | jq .pid)
        grep -q '^0::/delegated/it$' "/proc/$pid/cgroup"
        user_berth delete --force "$ID"
        [ ! -e /sys/fs/cgroup/delegated/it ]
}

@test "rootless: list, state and features need no privilege and no directory" {
        run -0 user_berth list
        run ! user_berth state nobody
        is_runtime berth || return 0
        run -0 user_berth features
}
