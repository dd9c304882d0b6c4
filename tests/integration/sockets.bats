load ../lib/common

# activated N ARGUMENT...: the runtime as systemd's socket activation starts it: N descriptors from 3 are passed on.
activated() {
        local n=$1

        shift
        timeout -k 2 "$DEADLINE" bash -c 'export LISTEN_FDS=$1 LISTEN_PID=$$; shift; exec "$@"' - "$n" "$BERTH" --root "$ROOT" "$@" </dev/null
}

@test "LISTEN_FDS: descriptors from 3 reach the program, with LISTEN_PID 1" {
        is_runtime crun && skip "crun does not tell the number"
        bundle
        args /bin/sh -c 'echo "$LISTEN_FDS $LISTEN_PID"; /bin/probe read 3; /bin/probe read 4'
        echo three >"$T/3"
        echo four >"$T/4"
        run -0 activated 2 run --bundle "$B" "$ID" 3<"$T/3" 4<"$T/4"
        is "$output" "2 1
three
four"
}

# bats test_tags=berth
@test "LISTEN_FDS: descriptors that are not open are refused" {
        bundle
        args /bin/true
        refused 'LISTEN_FDS|descriptor' activated 20 run --bundle "$B" "$ID"
}

# bats test_tags=berth
@test "LISTEN_FDS: a value that is no number is refused by its name" {
        bundle
        for value in x -1 1x 99999999999 ''; do
                [ -n "$value" ] || continue
                LISTEN_FDS=$value refused LISTEN_FDS create
        done
}

@test "--preserve-fds: so many descriptors above the standard ones reach the program" {
        bundle
        args /bin/sh -c '/bin/probe fds; /bin/probe read 3'
        echo three >"$T/3"
        run -0 bash -c 'exec 3<"$1/3" 4<"$1/3"; timeout 20 "$2" --root "$3" run --preserve-fds 2 --bundle "$4" "$5" </dev/null' - "$T" "$BERTH" "$ROOT" "$B" "$ID"
        has "fd=3 $T/3" "fd=4 $T/3" three
}

@test "--preserve-fds: they come after those of LISTEN_FDS" {
        bundle
        args /bin/probe fds
        touch "$T/3" "$T/4" "$T/5"
        run -0 activated 1 run --preserve-fds 1 --bundle "$B" "$ID" 3<"$T/3" 4<"$T/4" 5<"$T/5"
        has "fd=3 $T/3" "fd=4 $T/4"
        lacks "$T/5"
}

@test "--preserve-fds: a descriptor that is not open is refused" {
        is_runtime berth || skip "the others do not look"
        bundle
        refused 'descriptor|fd|bad file' bash -c 'timeout 20 "$1" --root "$2" run --preserve-fds 3 --bundle "$3" "$4" </dev/null 3<&- 4<&- 5<&-' - "$BERTH" "$ROOT" "$B" "$ID"
}

@test "--preserve-fds: exec has them too" {
        launch_waiting
        echo three >"$T/3"
        run -0 bash -c 'exec 3<"$1/3"; timeout 20 "$2" --root "$3" exec --preserve-fds 1 "$4" /bin/probe read 3 </dev/null' - "$T" "$BERTH" "$ROOT" "$ID"
        is "$output" three
}

@test "descriptors: none but the standard ones reach the program" {
        bundle
        args /bin/probe fds
        run -0 bash -c 'exec 3</etc 7</etc/passwd 9<>/dev/null 200</; timeout 20 "$1" --root "$2" run --bundle "$3" "$4" </dev/null' - "$BERTH" "$ROOT" "$B" "$ID"
        is "$(fact fd | cut -d ' ' -f 1 | tr '\n' ' ')" "0 1 2 "
}

@test "descriptors: exec hands on none but the standard ones" {
        launch_waiting
        run -0 bash -c 'exec 3</etc 7</etc/passwd 200</; timeout 20 "$1" --root "$2" exec "$3" /bin/probe fds </dev/null' - "$BERTH" "$ROOT" "$ID"
        is "$(fact fd | cut -d ' ' -f 1 | tr '\n' ' ')" "0 1 2 "
}

@test "NOTIFY_SOCKET: the program's readiness reaches the caller's socket" {
        bundle
        args /bin/sh -c '/bin/probe notify READY=1; test -n "$NOTIFY_SOCKET" && echo "set to $NOTIFY_SOCKET"'
        listener notify notify 10
        NOTIFY_SOCKET=$T/notify.sock berth create --bundle "$B" "$ID" </dev/null >"$T/out" 2>"$T/err"
        NOTIFY_SOCKET=$T/notify.sock berth start "$ID" </dev/null >"$T/start" 2>&1
        eventually grep -q READY=1 "$T/notify"
        eventually is_state stopped
        grep -q "set to /" "$T/out"
        }

@test "NOTIFY_SOCKET: in the foreground too, and the program ends with its own code" {
        bundle
        args /bin/sh -c '/bin/probe notify READY=1; exit 7'
        listener notify notify 10
        NOTIFY_SOCKET=$T/notify.sock run -7 berth run --bundle "$B" "$ID" </dev/null
        eventually grep -q READY=1 "$T/notify"
}

# bats test_tags=berth
@test "--pidfd-socket: create hands over a pidfd of the container's process" {
        bundle
        args /bin/probe wait
        listener pidfd pidfd
        create --pidfd-socket "$T/pidfd.sock"
        eventually grep -q "^pid $(pid_of)\$" "$T/pidfd"
        berth kill "$ID" KILL
        wait $LISTENER
        grep -q ended "$T/pidfd"
}

# bats test_tags=berth
@test "--pidfd-socket: exec hands over a pidfd of its process" {
        launch_waiting
        listener pidfd pidfd
        berth exec --detach --pid-file "$T/pid" --pidfd-socket "$T/pidfd.sock" "$ID" /bin/probe wait </dev/null >"$T/exec" 2>&1
        eventually grep -q "^pid $(cat "$T/pid")\$" "$T/pidfd"
        kill "$(cat "$T/pid")"
        wait $LISTENER
}

# bats test_tags=berth
@test "--pidfd-socket: one that is not there is refused and nothing is left" {
        bundle
        refused 'absent.sock' create --pidfd-socket "$T/absent.sock"
}

@test "--pid-file: one that cannot be written is refused and nothing is left" {
        bundle
        refused '/absent/pid|absent' create --pid-file /absent/pid
}

@test "stdio: closed standard descriptors are no way to the container's or the host's files" {
        is_runtime crun && skip "crun fails and leaves its cgroup"
        bundle
        args /bin/probe fds
        run bash -c 'exec <&- ; timeout 20 "$1" --root "$2" run --bundle "$3" "$4"' - "$BERTH" "$ROOT" "$B" "$ID"
        lacks "$ROOT"
        run bash -c 'timeout 20 "$1" --root "$2" run --bundle "$3" "$4" <&- >&- 2>&-; echo "status $?"' - "$BERTH" "$ROOT" "$B" "$ID"
        has status
}

@test "stdio: a pipe given as stdout can be opened again by the container's user" {
        bundle '.process.user = {uid: 1000, gid: 1000}'
        args /bin/sh -c 'echo again >/dev/stdout; echo error >/proc/self/fd/2'
        run -0 once
        has again error
}
