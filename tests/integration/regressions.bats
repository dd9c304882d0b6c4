# Each of these was wrong once.
load ../lib/common

# in_foreground [OPTION...]: run $B in the foreground, in the background of the test, until it says ready; its status
# goes to $T/status.
in_foreground() {
        (
                status=0
                timeout -k 2 "$DEADLINE" "$BERTH" --root "$ROOT" run --bundle "$B" "$@" "$ID" </dev/null >"$T/out" 2>"$T/err" || status=$?
                echo $status >"$T/status"
        ) 3>&- 4>&- &
        FOREGROUND=$!
        eventually grep -q ready "$T/out"
}

# bats test_tags=berth
@test "run: while it waits for its program other commands work on the container at once" {
        bundle
        args /bin/probe wait
        in_foreground
        timeout 5 "$BERTH" --root "$ROOT" pause "$ID"
        is_state paused
        timeout 5 "$BERTH" --root "$ROOT" resume "$ID"
        is_state running
        berth kill "$ID" KILL
        wait $FOREGROUND
        is "$(cat "$T/status")" 137
        [ ! -e "$ROOT/$ID" ]
}

# bats test_tags=berth
@test "run: a container that another command deletes is gone once, with one round of poststop hooks" {
        bundle
        edit '.hooks.poststop = [{path: "/bin/sh", args: ["sh", "-c", "echo stopped >>" + $t + "/hooks"]}]' --arg t "$T"
        args /bin/probe wait
        in_foreground
        timeout 5 "$BERTH" --root "$ROOT" delete --force "$ID"
        wait $FOREGROUND
        is "$(cat "$T/status")" 137
        is "$(cat "$T/hooks")" stopped
        [ ! -e "$ROOT/$ID" ]
}

# bats test_tags=berth
@test "run: signals reach a program that never reports READY to NOTIFY_SOCKET" {
        bundle
        args /bin/sh -c 'trap "exit 9" TERM; echo ready; while :; do sleep 0.05; done'
        listener notify notify 10
        export NOTIFY_SOCKET=$T/notify.sock
        in_foreground
        # FOREGROUND is the shell around timeout, which hands the signal on to berth.
        kill -TERM "$(pgrep -P $FOREGROUND timeout)"
        wait $FOREGROUND
        is "$(cat "$T/status")" 9
        kill $LISTENER
}

# bats test_tags=berth
@test "NOTIFY_SOCKET: a container says READY and STATUS, and nothing about the service's processes" {
        bundle
        args /bin/sh -c "/bin/probe notify \"\$(printf 'MAINPID=1\nSTATUS=fine\nFDSTORE=1\nREADY=1\nWATCHDOG=trigger')\""
        listener notify notify 10
        NOTIFY_SOCKET=$T/notify.sock run -0 berth run --bundle "$B" "$ID" </dev/null
        eventually grep -q READY=1 "$T/notify"
        grep -q STATUS=fine "$T/notify"
        is "$(grep -cE 'FDSTORE|WATCHDOG|MAINPID=1$' "$T/notify")" 0
        kill $LISTENER
}

# bats test_tags=berth
@test "NOTIFY_SOCKET: a container with a user namespace reaches it, and can leave nothing in the state directory" {
        bundle '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 1000}] | .linux.gidMappings = .linux.uidMappings'
        chown -Rh 100000:100000 "$B/rootfs"
        args /bin/sh -c '/bin/probe notify READY=1; touch /run/notify/mine 2>/dev/null && echo written; true'
        listener notify notify 10
        NOTIFY_SOCKET=$T/notify.sock run -0 berth run --bundle "$B" "$ID" </dev/null
        eventually grep -q READY=1 "$T/notify"
        is "$output" ""
        kill $LISTENER
}

# bats test_tags=berth
@test "NOTIFY_SOCKET: root inside cannot write into the state directory either" {
        bundle
        args /bin/sh -c 'touch /run/notify/mine 2>/dev/null && echo written; /bin/probe notify READY=1'
        listener notify notify 10
        NOTIFY_SOCKET=$T/notify.sock run -0 berth run --bundle "$B" "$ID" </dev/null
        is "$output" ""
        kill $LISTENER
}

# bats test_tags=berth
@test "--preserve-fds: a descriptor that only berth has opened is not taken for the caller's" {
        bundle
        mkdir -p "$ROOT"
        refused 'descriptor 3 is not open' bash -c 'exec 3<&- 4<&-; timeout 20 "$1" --root "$2" run --preserve-fds 1 --bundle "$3" "$4" </dev/null' - "$BERTH" "$ROOT" "$B" "$ID"
        args /bin/probe wait
        launch
        run -255 bash -c 'exec 3<&- 4<&-; timeout 20 "$1" --root "$2" exec --preserve-fds 1 "$3" /bin/true </dev/null' - "$BERTH" "$ROOT" "$ID"
        matches 'descriptor 3 is not open'
}

@test "kill: a TERM right after create ends the waiting container" {
        for i in 1 2 3 4 5; do
                bundle
                create
                berth kill "$ID" TERM
                eventually is_state stopped
                berth delete "$ID"
                rm -rf "$B"
        done
}

@test "mounts: a file is bound where a link of the image leads that leads nowhere yet" {
        bundle
        mkdir -p "$B/rootfs/etc"
        rm -f "$B/rootfs/etc/resolv.conf"
        ln -s ../run/systemd/resolve/stub-resolv.conf "$B/rootfs/etc/resolv.conf"
        echo nameserver >"$T/resolv.conf"
        edit '.mounts += [{destination: "/etc/resolv.conf", type: "bind", source: ($t + "/resolv.conf"), options: ["bind", "ro"]}]' --arg t "$T"
        args /bin/cat /etc/resolv.conf
        run -0 once
        is "$output" nameserver
}

# bats test_tags=berth
@test "a terminal: much input for a program that writes before it reads does not stop both" {
        bundle '.process.terminal = true'
        args /bin/sh -c 'i=0; while [ $i -lt 20000 ]; do echo 0123456789; i=$((i+1)); done; exit 5'
        for ((i = 0; i < 4000; i++)); do echo "a line of input that nobody reads in time $i"; done >"$T/input"
        run -5 bash -c 'timeout -k 2 15 "$1" --root "$2" run --bundle "$3" "$4" <"$5" | wc -c; exit "${PIPESTATUS[0]}"' - "$BERTH" "$ROOT" "$B" "$ID" "$T/input"
        [ "$output" -ge 220000 ]
}

has_processes() {
        [ "$(wc -l <"$(cgroup_of)/cgroup.procs")" -eq "$1" ]
}

# bats test_tags=berth
@test "exec --ignore-paused: a signal ends the wait for the frozen container" {
        launch_waiting
        berth pause "$ID"
        "$BERTH" --root "$ROOT" exec --ignore-paused "$ID" /bin/true </dev/null >"$T/exec" 2>&1 3>&- 4>&- &
        waiting=$!
        eventually has_processes 2
        kill -TERM $waiting
        status=0
        timeout 5 tail --pid=$waiting -f /dev/null || { kill -KILL $waiting; false; }
        wait $waiting || status=$?
        is $status 255
        grep -q 'interrupted by a signal' "$T/exec"
        is_state paused
        berth resume "$ID"
}

# somebody_waits_for FILE: a berth is in flock(2), system call 73, with this file. (/proc/locks does not show locks whose
# taker has ended.)
somebody_waits_for() {
        local pid number fd rest

        for pid in $(pgrep -x berth); do
                read -r number fd rest <"/proc/$pid/syscall" || continue
                [ "$number" != 73 ] || [ "$(readlink "/proc/$pid/fd/$((fd))")" != "$1" ] || return 0
        done
        return 1
}

# bats test_tags=berth
@test "two commands: one that waited for a deleted container does not work on its successor" {
        bundle
        args /bin/probe wait
        create
        exec 8<"$ROOT/$ID/lock"
        flock -x 8
        (timeout 15 "$BERTH" --root "$ROOT" pause "$ID" >"$T/pause" 2>&1; echo $? >>"$T/pause") 3>&- 4>&- 8<&- &
        waiting=$!
        eventually somebody_waits_for "$ROOT/$ID/lock"
        # As delete and create do it, while the other one waits for the first container's lock.
        mv "$ROOT/$ID" "$ROOT/first"
        rm "$ROOT/first/lock"
        cp -a "$ROOT/first" "$ROOT/$ID"
        : >"$ROOT/$ID/lock"
        exec 9<"$ROOT/$ID/lock"
        flock -x 9
        exec 8<&-
        eventually somebody_waits_for "$ROOT/$ID/lock"
        exec 9<&-
        wait $waiting
        rm -rf "$ROOT/first"
        berth delete --force "$ID"
}

# bats test_tags=berth
@test "cgroupsPath: parents that several containers share go with the last of them, and foreign ones stay" {
        mkdir /sys/fs/cgroup/foreign
        defer "rmdir /sys/fs/cgroup/foreign"
        bundle '.linux.cgroupsPath = "/foreign/ours/deep/one"'
        args /bin/probe wait
        berth run --detach --bundle "$B" one </dev/null >"$T/out" 2>&1
        edit '.linux.cgroupsPath = "/foreign/ours/deep/two"'
        berth run --detach --bundle "$B" two </dev/null >"$T/out" 2>&1
        berth delete --force one
        [ -d /sys/fs/cgroup/foreign/ours/deep/two ]
        berth delete --force two
        [ -d /sys/fs/cgroup/foreign ]
        [ ! -e /sys/fs/cgroup/foreign/ours ]
}

deaf() { # deaf ARGUMENT...: berth, as a caller that ignores SIGCHLD starts it
        timeout 20 bash -c 'trap "" CHLD; exec "$@"' - "$BERTH" --root "$ROOT" "$@" </dev/null 3>&- 4>&-
}

# bats test_tags=berth
@test "a caller that ignores SIGCHLD: run, exec and the commands of a container give their own codes" {
        bundle
        args /bin/probe exit 5
        run -5 deaf run --bundle "$B" "$ID"
        args /bin/probe wait
        deaf create --bundle "$B" "$ID" >"$T/out" 2>&1
        deaf start "$ID"
        eventually grep -q ready "$T/out"
        run -9 deaf exec "$ID" /bin/probe exit 9
        run -0 deaf ps "$ID"
        has probe
        deaf delete --force "$ID"
}
