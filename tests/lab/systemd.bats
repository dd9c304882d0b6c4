# The systemd cgroup driver on a real host: its own systemd, a session of PAM's, a user whose systemd was started by a
# login. tests/integration/systemd*.bats hold the details, against a systemd of their own.
load lab

B=/var/tmp/lab-systemd

setup_file() {
        mkdir -p $B
        cp -a "$TOOLS/rootfs" $B/rootfs
        jq '.process.args = ["/bin/probe", "wait"] | .linux.cgroupsPath = "machine.slice:lab:one" |
                .linux.resources = {memory: {limit: 67108864}, cpu: {quota: 50000, period: 100000}, pids: {limit: 20}}' \
                "$TOP/tests/lib/config.json" >$B/config.json
        mkdir -p /home/lab/bundle
        cp -a "$TOOLS/rootfs" /home/lab/bundle/rootfs
        chown -Rh lab:lab /home/lab/bundle
        runuser -l lab -c "cd bundle && $BERTH spec --rootless && jq '.process.terminal = false | .process.args = [\"/bin/probe\", \"wait\"] |
                .linux.resources = {memory: {limit: 67108864}, cpu: {shares: 512}, pids: {limit: 20}}' config.json >c && mv c config.json"
        until_true 60 as lab systemctl --user is-system-running --quiet
}

teardown_file() {
        "$BERTH" delete --force one || true
        as lab "$BERTH" delete --force two || true
        rm -rf $B /home/lab/bundle
}

# in_session COMMAND: as the user, in a session of a login, not below the user's systemd.
in_session() {
        runuser -l lab -c "export XDG_RUNTIME_DIR=/run/user/1000; $*"
}

@test "root: a container is a scope with its limits, also after systemd was reloaded and started anew" {
        "$BERTH" --systemd-cgroup create --bundle $B one </dev/null >/dev/null 2>&1
        "$BERTH" start one
        group=/sys/fs/cgroup/machine.slice/lab-one.scope
        grep -qx "$("$BERTH" state one | jq .pid)" $group/cgroup.procs
        [ "$(systemctl show -P MemoryMax lab-one.scope)" = 67108864 ]
        systemctl daemon-reload
        systemctl daemon-reexec
        [ "$(cat $group/memory.max $group/cpu.max $group/pids.max | tr '\n' ' ')" = "67108864 50000 100000 20 " ]
        "$BERTH" exec one /bin/true
        "$BERTH" delete --force one
        [ ! -e $group ]
        [ "$(systemctl show -P LoadState lab-one.scope)" = not-found ]
}

@test "an ordinary user: create and exec from a session, limits, nothing left" {
        in_session "cd bundle && $BERTH --systemd-cgroup create two </dev/null >/dev/null 2>&1 && $BERTH start two"
        pid=$(as lab "$BERTH" state two | jq .pid)
        [[ $(cat "/proc/$pid/cgroup") == 0::/user.slice/user-1000.slice/user@1000.service/user.slice/berth-two.scope ]]
        [ "$(cat "/sys/fs/cgroup$(sed 's/^0:://' "/proc/$pid/cgroup")/memory.max")" = 67108864 ]
        [ "$(as lab systemctl --user show -P MemoryMax berth-two.scope)" = 67108864 ]
        run -7 in_session "$BERTH" exec two /bin/probe exit 7
        as lab systemctl --user daemon-reload
        [ "$(cat "/sys/fs/cgroup$(sed 's/^0:://' "/proc/$pid/cgroup")/memory.max")" = 67108864 ]
        in_session "$BERTH" delete --force two
        [ "$(as lab systemctl --user show -P LoadState berth-two.scope)" = not-found ]
        [ -z "$(find /sys/fs/cgroup -name 'berth-two.scope')" ]
}

@test "fifty containers, made and removed one after the other, leave no unit and no group" {
        before=$(find /sys/fs/cgroup -type d | wc -l)
        left=$(leftovers)
        for _ in {1..50}; do
                "$BERTH" --systemd-cgroup create --bundle $B one </dev/null >/dev/null 2>&1
                "$BERTH" delete one
        done
        [ "$(find /sys/fs/cgroup -type d | wc -l)" -eq "$before" ]
        [ "$(leftovers)" = "$left" ]
}

@test "ten at a time: each has its scope" {
        left=$(leftovers)
        pids=()
        for i in {1..10}; do
                cp -r $B "$B-$i"
                jq ".linux.cgroupsPath = \"machine.slice:lab:many-$i\"" $B/config.json >"$B-$i/config.json"
                "$BERTH" --systemd-cgroup run --detach --bundle "$B-$i" "many-$i" </dev/null >/dev/null 2>&1 &
                pids+=($!)
        done
        for pid in "${pids[@]}"; do
                wait "$pid"
        done
        for i in {1..10}; do
                systemctl is-active --quiet "lab-many-$i.scope"
                "$BERTH" delete --force "many-$i"
                rm -rf "$B-$i"
        done
        [ "$(leftovers)" = "$left" ]
}
