load engines

# containerd by hand (ctr), set up by docs/engines/containerd.md. Everything runs with the group made by berth itself and
# with the group made by systemd. Container "held" lives from its first test to its last.

GUIDE=docs/engines/containerd.md
IMAGE=docker.io/library/busybox:latest

setup_file() {
        busybox_root "$BATS_FILE_TMPDIR/root"
        image_archive "$BATS_FILE_TMPDIR/busybox.tar" "$IMAGE" "$BATS_FILE_TMPDIR/root" sh
        follow "$GUIDE" ctr
        ctr images import "$BATS_FILE_TMPDIR/busybox.tar"
        remember_what_is_left
}

teardown_file() {
        systemctl stop containerd
}

# runs [OPTION...] -- NAME COMMAND...: ctr run, directly in cgroupfs; runs_scoped: in a scope of systemd's.
runs() {
        local options=()

        while [ "$1" != -- ]; do options+=("$1"); shift; done
        ctr run --runc-binary "$BERTH" "${options[@]}" "$IMAGE" "${@:2}"
}

runs_scoped() {
        local word name

        for word; do [ "${previous:-}" != -- ] || name=$word; local previous=$word; done
        runs --runc-systemd-cgroup --cgroup "system.slice:ctr:$name" "$@"
}

# gone NAME...: killed, deleted, removed.
gone() {
        ctr tasks delete --force "$@" >/dev/null
        ctr containers delete "$@"
}

pid_of_task() {
        ctr tasks ls | awk -v name="$1" '$1 == name { print $2 }'
}

is_task() { # is_task NAME STATUS
        [ "$(ctr tasks ls | awk -v name="$1" '$1 == name { print $3 }')" = "$2" ]
}

group() {
        local path

        read -r path <"/proc/$(pid_of_task "$1")/cgroup"
        echo "/sys/fs/cgroup${path#0::}"
}

@test "ctr run: outputs and exit status are the program's, with either cgroup driver" {
        run --separate-stderr -42 runs --rm -- once sh -c 'echo out; echo err >&2; cat /proc/self/cgroup; exit 42'
        is "$output" $'out\n0::/default/once'
        is "$stderr" err
        run --separate-stderr -42 runs_scoped --rm -- once sh -c 'echo out; echo err >&2; cat /proc/self/cgroup; exit 42'
        is "$output" $'out\n0::/system.slice/ctr-once.scope'
        is "$stderr" err
        expect_nothing_left
}

@test "ctr run -t: a terminal of the person's size that follows it" {
        run -7 "$TOOLS/terminal" -w 100 -s 30x100 -r 40x120 ctr run --rm -t --runc-binary "$BERTH" "$IMAGE" once sh -c '
                until [ "$(stty size 2>/dev/null)" = "30 100" ]; do sleep 0.1; done
                echo ready
                until [ "$(stty size)" = "40 120" ]; do sleep 0.1; done
                exit 7'
}

@test "ctr run: a program that is missing, a mount that cannot be, a wrong cgroup are errors in berth's words, and leave nothing" {
        run ! runs --rm -- bad nowhere
        has 'OCI runtime create failed: exec: "nowhere": executable file not found in $PATH'
        run ! runs --rm --mount type=bind,src=/nowhere,dst=/mnt,options=rbind -- bad true
        has 'mounts[' '/mnt' '/nowhere'
        run ! runs --rm --runc-systemd-cgroup --cgroup /a/path -- bad true
        has "slice:prefix:name"
        run ! runs --rm --memory-limit 1 --cpu-quota 1 --cpu-period 1 -- bad true
        has linux.resources
        run -0 ctr containers ls --quiet
        is "$output" ""
        expect_nothing_left
}

@test "ctr run -d: limits, user namespace, seccomp, devices, mounts are what was asked for" {
        echo shared >"$BATS_TEST_TMPDIR/file"
        runs_scoped --detach --memory-limit 67108864 --cpus 0.5 --seccomp --device /dev/vdb --env COLOUR=blue --annotation stranger.example/x=y \
                --mount "type=bind,src=$BATS_TEST_TMPDIR,dst=/shared,options=rbind:ro" -- held sh -c \
                'trap "exit 9" USR1; echo $COLOUR >/colour; while :; do sleep 0.2; done'
        cd "$(group held)"
        is "$PWD" /sys/fs/cgroup/system.slice/ctr-held.scope
        is "$(cat memory.max cpu.max)" $'67108864\n50000 100000'
        run -0 ctr tasks exec --exec-id look held sh -c 'cat /colour /shared/file; grep Seccomp: /proc/1/status; head -c 1 /dev/vdb | wc -c; touch /shared/x 2>&1; true'
        has blue shared $'Seccomp:\t2' "Read-only file system"
        run -0 runs --rm --uidmap 0:100000:65536 --gidmap 0:100000:65536 -- mapped cat /proc/self/uid_map
        is "$(awk '{ print $1, $2, $3 }' <<<"$output")" "0 100000 65536"
}

@test "ctr tasks exec: exit status, terminal, user; what cannot be run is told in berth's words" {
        run -5 ctr tasks exec --exec-id a --user 1000 --cwd /tmp held sh -c 'id -u; pwd; exit 5'
        is "$output" $'1000\n/tmp'
        run ! ctr tasks exec --exec-id b held nowhere
        has 'exec: "nowhere": executable file not found in $PATH'
        run -3 "$TOOLS/terminal" -w 100 -s 30x100 ctr tasks exec --exec-id c -t held sh -c \
                'until [ "$(stty size 2>/dev/null)" = "30 100" ]; do sleep 0.1; done; exit 3'
}

@test "ctr tasks ls, ps, metrics: see the container" {
        is_task held RUNNING
        run -0 ctr tasks ps held
        has "$(pid_of_task held)"
        run -0 ctr tasks metrics held
        matches 'memory.usage_in_bytes|memory.usage +[0-9]'
        matches 'pids.current +[1-9]'
}

@test "ctr tasks pause and resume: nothing runs meanwhile" {
        ctr tasks pause held
        is_task held PAUSED
        grep -q 'frozen 1' "$(group held)/cgroup.events"
        ctr tasks resume held
        is_task held RUNNING
}

@test "ctr tasks checkpoint: is refused clearly, and the container goes on" {
        run ! ctr tasks checkpoint --checkpoint-path "$BATS_TEST_TMPDIR/image" held
        has checkpoint
        lacks panic
        is_task held RUNNING
        ctr tasks exec --exec-id after held true
}

@test "ctr tasks kill and delete: the signal arrives, the exit status is told, nothing is left" {
        ctr tasks kill --signal USR1 held
        until_true 20 is_task held STOPPED
        run -0 ctr tasks delete held
        has "non-zero exit code 9"
        ctr containers delete held
        runs --detach -- held sleep 1000
        ctr tasks pause held
        gone held
        expect_nothing_left
}

# ---- full ----

# bats test_tags=full
@test "ctr: a shim that dies takes its container along and leaves nothing, with either cgroup driver" {
        for how in runs runs_scoped; do
                $how --detach -- orphan sleep 1000
                kill -KILL "$(ps -o ppid= "$(pid_of_task orphan)")"
                until_true 60 is_task orphan "" || is_task orphan STOPPED
                ctr tasks delete --force orphan || true
                ctr containers delete orphan
                expect_nothing_left 60
        done
}

# bats test_tags=full
@test "ctr: containers outlive containerd's restart and death, and stay under control" {
        local pid

        runs_scoped --detach -- lasting sh -c 'trap "exit 6" USR1; while :; do sleep 0.2; done'
        pid=$(pid_of_task lasting)
        systemctl kill --kill-whom main --signal KILL containerd
        systemctl restart containerd
        is "$(pid_of_task lasting)" "$pid"
        ctr tasks exec --exec-id again lasting true
        ctr tasks pause lasting
        ctr tasks resume lasting
        ctr tasks kill --signal USR1 lasting
        until_true 20 is_task lasting STOPPED
        run -0 ctr tasks delete lasting
        has "non-zero exit code 6"
        ctr containers delete lasting
        expect_nothing_left
}

# bats test_tags=full
@test "ctr: namespaces of the host and of another container, privileged, read-only root" {
        runs --detach -- owner sleep 1000
        run -0 runs --rm --with-ns "pid:/proc/$(pid_of_task owner)/ns/pid" --with-ns "network:/proc/$(pid_of_task owner)/ns/net" -- guest \
                sh -c 'tr "\0" " " </proc/1/cmdline; readlink /proc/self/ns/net'
        has "sleep 1000" "$(readlink "/proc/$(pid_of_task owner)/ns/net")"
        gone owner
        run -0 runs --rm --net-host --privileged --read-only -- wide sh -c 'readlink /proc/self/ns/net; grep CapEff /proc/self/status; touch /x 2>&1; true'
        has "$(readlink /proc/self/ns/net)" "$(grep CapEff /proc/1/status)" "Read-only file system"
        expect_nothing_left
}

# bats test_tags=full
@test "ctr: an OOM is an event and an exit of 137" {
        timeout 60 ctr events >"$BATS_TEST_TMPDIR/events" &
        until_true 10 test -e "$BATS_TEST_TMPDIR/events"
        run -137 runs_scoped --memory-limit 20971520 -- greedy tail /dev/zero
        until_true 20 grep -q '/tasks/oom' "$BATS_TEST_TMPDIR/events"
        kill %1
        ctr containers delete greedy
        expect_nothing_left
}

# bats test_tags=full
@test "ctr: a root file system of its own without an image, and a bundle's configuration with unknown fields" {
        "$BERTH" spec --bundle "$BATS_TEST_TMPDIR"
        jq --arg root "$BATS_FILE_TMPDIR/root" '.process.args = ["sh", "-c", "cat /proc/self/cgroup; exit 11"] | .process.terminal = false | .root.path = $root |
                .unheardOf = {a: [1]} | .linux.unheardOf = true | .annotations = {"stranger.example/a": "b"}' "$BATS_TEST_TMPDIR/config.json" >"$BATS_TEST_TMPDIR/c.json"
        run -11 ctr run --rm --runc-binary "$BERTH" --config "$BATS_TEST_TMPDIR/c.json" own
        expect_nothing_left
}
