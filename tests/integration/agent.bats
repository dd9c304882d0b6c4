#!/usr/bin/env bats
# What berth-agent promises the host, without a machine: it is PID 1 of namespaces, its ports are sockets
# (vmmode/agent/agent.h), and tests/helpers/agent.c is the host.
# bats file_tags=berth

load ../lib/common

agent() {
        timeout -k 2 "$DEADLINE" "$TOOLS/agent" "$@" 3>&- 4>&-
}

# machine [FILTER]: an agent that has the bundle $B as its share.
machine() {
        bundle "${1:-.}"
        mkdir "$T/ports"
        "$TOOLS/agent" serve "$T/ports" "$B" "$TOP/build/berth-agent" </dev/null >"$T/machine" 2>&1 3>&- 4>&- &
        MACHINE=$!
        defer "stop_machine"
        eventually test -S "$T/ports/1024"
}

stop_machine() {
        kill -KILL "$MACHINE" 2>/dev/null || true
        wait "$MACHINE" 2>/dev/null || true
        [ ! -d "/sys/fs/cgroup/$ID" ] || eventually rmdir "/sys/fs/cgroup/$ID" 2>/dev/null
}

# first [OPTION...] [-- ARGUMENT...]: the container's first process.
first() {
        agent launch "$T/ports" "$B" "$ID" "$@"
}

another() {
        agent launch "$T/ports" "$B" "$ID" exec "$@"
}

ask() {
        agent ask "$T/ports" "$1" "$ID" "${@:2}"
}

# A container that runs until it is told to stop; $FIRST is the client.
first_waits() {
        first "$@" -- /bin/sh -c "trap 'exit 3' TERM; trap 'echo usr1' USR1; echo ready; while :; do sleep 0.05; done" \
                </dev/null >"$T/out" 2>"$T/err" &
        FIRST=$!
        eventually grep -qs ready "$T/out"
}

# runs COMMAND: the guest shows a process that was executed so.
runs() {
        ask processes | grep -q -- "$1\$"
}

runs_not() {
        ! runs "$1"
}

gone() {
        [ ! -e "/sys/fs/cgroup/$ID" ]
}

is_watched() {
        readlink /proc/[0-9]*/fd/* 2>/dev/null | grep -q cgroup.events
}

# ---- launch ----

@test "agent: a process has its output, its error and its exit status" {
        machine
        run -7 --separate-stderr first -- /bin/sh -c 'echo out; echo err >&2; exit 7' </dev/null
        is "$output" out
        is "$stderr" err
}

@test "agent: a process that a signal ends has 128 and its number" {
        machine
        first_waits
        run -139 another -- /bin/sh -c 'kill -SEGV $$' </dev/null
        run -0 ask signal 9
        ends_with 137 wait "$FIRST"
}

@test "agent: a mebibyte goes both ways and not a byte is lost" {
        machine
        head -c 1048576 /dev/urandom >"$T/in"
        first -- /bin/cat <"$T/in" >"$T/out"
        cmp "$T/in" "$T/out"
}

@test "agent: sixteen mebibytes that end with the process arrive whole, at a slow reader too" {
        machine
        first -- /bin/sh -c 'head -c 16777216 /dev/zero; exit 4' </dev/null | { sleep 0.5; cat; } >"$T/out" || true
        is "$(stat -c %s "$T/out")" 16777216
}

@test "agent: the end of the input reaches the process, which goes on writing" {
        machine
        run -0 first -- /bin/sh -c 'cat; sleep 0.2; echo after' <<<"typed"
        is "$output" $'typed\nafter'
}

@test "agent: who closes the output is noticed by the process as a broken pipe" {
        machine
        run -0 bash -c '"$0" launch "$@" </dev/null | head -n 1' "$TOOLS/agent" "$T/ports" "$B" "$ID" \
                -- /bin/sh -c 'while echo line; do :; done'
        is "${lines[0]}" line
        eventually gone
}

@test "agent: a process that closes its input ends the sender's" {
        machine
        run -0 bash -c 'yes | timeout 10 "$0" launch "$@"' "$TOOLS/agent" "$T/ports" "$B" "$ID" \
                -- /bin/sh -c 'exec <&-; sleep 0.3; echo done'
        is "$output" done
}

@test "agent: outputs that nobody connects are thrown away" {
        machine
        run -5 first only=IN -- /bin/sh -c 'head -c 300000 /dev/zero; exit 5' </dev/null
        is "$output" ""
}

@test "agent: the last words of a process are heard" {
        local round

        machine
        for round in 1 2 3 4 5 6 7 8 9 10; do
                run -0 first -- /bin/echo "words $round" </dev/null
                is "$output" "words $round"
        done
}

@test "agent: a missing program is an error that names it, and leaves nothing" {
        machine
        run -125 first -- /bin/missing </dev/null
        has "error 2:" "/bin/missing"
        gone
        run -0 first -- /bin/true </dev/null
}

@test "agent: volumes of the share are where the plan has them" {
        mkdir "$T/data"
        echo volume >"$T/data/file"
        echo single >"$T/single"
        machine '.mounts += [{destination: "/data", type: "bind", source: "'"$T"'/data", options: ["rbind", "ro"]},
                             {destination: "/etc/single", type: "bind", source: "'"$T"'/single", options: ["bind"]}]'
        run -0 first -- /bin/sh -c 'cat /data/file /etc/single; touch /data/new 2>/dev/null || echo read-only; hostname; echo $$' </dev/null
        is "$output" $'volume\nsingle\nread-only\nberth\n1'
}

@test "agent: hooks of the container get the state that the host sends" {
        machine '.hooks.createContainer = [{path: "/bin/sh", args: ["sh", "-c", "cat >'"$T"'/state"]}]'
        run -0 first -- /bin/true </dev/null
        is "$(cat "$T/state")" '{"id":"state"}'
}

@test "agent: a second container of the same name is refused" {
        machine
        first_waits
        run -125 first -- /bin/true </dev/null
        has "$ID"
        run -0 ask signal 9
        ends_with 137 wait "$FIRST"
}

# ---- created ----

@test "agent: a created container waits until the host says to go on" {
        machine
        mkfifo "$T/go"
        first "hold=$T/go" -- /bin/echo started </dev/null >"$T/out" 2>"$T/err" &
        FIRST=$!
        eventually grep -q ready "$T/err"
        is "$(cat "$T/out")" ""
        echo >"$T/go"
        ends_with 0 wait "$FIRST"
        is "$(cat "$T/out")" started
}

@test "agent: a created container that is killed ends with the signal" {
        machine
        mkfifo "$T/go"
        first "hold=$T/go" -- /bin/echo started </dev/null >"$T/out" 2>"$T/err" &
        FIRST=$!
        eventually grep -q ready "$T/err"
        run -0 ask signal 9
        echo >"$T/go"
        ends_with 137 wait "$FIRST"
        is "$(cat "$T/out")" ""
}

@test "agent: a created container whose host goes away is gone" {
        machine
        mkfifo "$T/go"
        "$TOOLS/agent" launch "$T/ports" "$B" "$ID" "hold=$T/go" -- /bin/echo started </dev/null >"$T/out" 2>"$T/err" 3>&- 4>&- &
        FIRST=$!
        eventually grep -q ready "$T/err"
        kill -KILL "$FIRST"
        wait "$FIRST" || true
        eventually gone
}

# ---- exec ----

@test "agent: another process joins the container, with its own streams and status" {
        machine
        first_waits
        run -6 another -- /bin/sh -c 'hostname; cat; [ $(readlink /proc/1/ns/pid) = $(readlink /proc/self/ns/pid) ] && echo inside; exit 6' <<<typed
        is "$output" $'berth\ntyped\ninside'
        run -0 ask signal 15
        ends_with 3 wait "$FIRST"
}

@test "agent: several processes at once keep their streams apart" {
        local pids=() i

        machine
        first_waits
        for i in 1 2 3 4 5 6 7 8; do
                another -- /bin/sh -c "cat; echo end $i" <<<"in $i" >"$T/out$i" &
                pids+=($!)
        done
        for i in 1 2 3 4 5 6 7 8; do
                ends_with 0 wait "${pids[i - 1]}"
                is "$(cat "$T/out$i")" "in $i"$'\n'"end $i"
        done
        run -0 ask signal 15
        ends_with 3 wait "$FIRST"
}

@test "agent: a missing program of exec is an error that names it, and the container lives" {
        machine
        first_waits
        run -125 another -- missing </dev/null
        has "error 2:" missing
        run -0 another -- /bin/true </dev/null
}

@test "agent: exec into a container that is not there is refused" {
        machine
        run -125 another -- /bin/true </dev/null
        has "$ID"
}

@test "agent: an exec whose host goes away is killed" {
        machine
        first_waits
        "$TOOLS/agent" launch "$T/ports" "$B" "$ID" exec -- /bin/sleep 1000 </dev/null >/dev/null 2>&1 3>&- 4>&- &
        EXEC=$!
        eventually runs 'sleep 1000'
        kill -KILL "$EXEC"
        wait "$EXEC" || true
        eventually runs_not 'sleep 1000'
}

@test "agent: a signal on a launch's connection is for its process" {
        machine
        first_waits
        "$TOOLS/agent" launch "$T/ports" "$B" "$ID" exec -- \
                /bin/sh -c "trap 'exit 9' TERM; echo up; while :; do sleep 0.05; done" </dev/null >"$T/exec" 3>&- 4>&- &
        EXEC=$!
        eventually grep -q up "$T/exec"
        kill -TERM "$EXEC"
        ends_with 9 wait "$EXEC"
        run -0 ask signal 0
}

# What an exec leaves behind must not keep its end from being told.
@test "agent: an exec ends though a child of it holds its output" {
        machine
        first_waits
        run -0 another -- /bin/sh -c 'sleep 30 & echo parent' </dev/null
        is "$output" parent
}

# ---- terminal ----

@test "agent: a terminal has the host's size, speaks both ways and is the standard streams" {
        machine
        first terminal -- /bin/sh -c 'stty size; tty; test -t 0 && test -t 1 && test -t 2 && read line && echo "got $line"; exit 2' \
                <<<"word" >"$T/out" || status=$?
        is "$status" 2
        tr -d '\r' <"$T/out" >"$T/lines"
        grep -qx '40 132' "$T/lines"
        grep -qx '/dev/pts/0' "$T/lines" || grep -qx '/dev/console' "$T/lines"
        grep -qx 'got word' "$T/lines"
}

@test "agent: all that a terminal's process wrote is heard" {
        machine
        run -0 first terminal -- /bin/sh -c 'i=0; while [ $i -lt 2000 ]; do echo "line $i"; i=$((i + 1)); done' </dev/null
        is "$(tr -d '\r' <<<"$output" | grep -c '^line ')" 2000
}

@test "agent: a terminal whose host goes away hangs up" {
        machine
        first_waits
        "$TOOLS/agent" launch "$T/ports" "$B" "$ID" exec terminal -- /bin/sh -c 'sleep 1001' </dev/null >/dev/null 2>&1 3>&- 4>&- &
        EXEC=$!
        eventually runs 'sleep 1001'
        kill -KILL "$EXEC"
        wait "$EXEC" || true
        eventually runs_not 'sleep 1001'
}

# ---- requests ----

@test "agent: signals reach the first process, or all" {
        machine
        first_waits
        run -0 ask signal 10
        eventually grep -q usr1 "$T/out"
        another -- /bin/sleep 1000 </dev/null &
        EXEC=$!
        eventually runs 'sleep 1000'
        run -0 ask signal 9 all
        ends_with 137 wait "$FIRST"
        ends_with 137 wait "$EXEC"
        run -125 ask signal 9
        has "error 3:"
}

@test "agent: a signal that is none is refused" {
        machine
        first_waits
        run -125 ask signal 65
        has "65"
        run -125 ask signal -1
        run -0 ask signal 0
}

@test "agent: processes are listed as ps does" {
        machine
        first_waits
        another -- /bin/sleep 1000 </dev/null &
        EXEC=$!
        eventually runs 'sleep 1000'
        run -0 ask processes
        matches '^0 +[0-9]+ +[0-9]+ +[0-9]+ [0-9]{2}:[0-9]{2} \? +[0-9]{2}:[0-9]{2}:[0-9]{2} /bin/sleep 1000$'
        matches '^0 .* /bin/sh -c trap'
}

@test "agent: statistics are the files of the group" {
        machine
        first_waits
        run -0 ask statistics
        matches '^cpu.stat: usage_usec [0-9]+'
        matches '^cgroup.procs: [0-9]+'
}

# bats test_tags=lab
@test "agent: limits hold from the launch on, and are changed while it runs" {
        needs_controller pids
        machine
        first_waits limit=pids.max:64
        is "$(cat "/sys/fs/cgroup/$ID/pids.max")" 64
        run -0 ask update pids.max:32
        is "$(cat "/sys/fs/cgroup/$ID/pids.max")" 32
        run -125 ask update pids.max:31 pids.max:none
        is "$(cat "/sys/fs/cgroup/$ID/pids.max")" 32
}

@test "agent: a limit without its file names it, and leaves nothing" {
        machine
        run -125 first limit=cgroup.nothing:1 -- /bin/true </dev/null
        has cgroup.nothing
        gone
        run -125 first "limit=../$ID/x:1" -- /bin/true </dev/null
        has "damaged"
}

@test "agent: the events end with the container" {
        machine
        first_waits
        ask events >"$T/events" &
        EVENTS=$!
        eventually is_watched
        run -0 ask signal 15
        ends_with 3 wait "$FIRST"
        ends_with 0 wait "$EVENTS"
        is "$(cat "$T/events")" "done"
}

@test "agent: requests about a container that is not there are refused" {
        machine
        for kind in processes statistics update events; do
                run -125 ask "$kind"
                has "$ID"
        done
        run -125 ask signal 9
        has "$ID"
}

@test "agent: an ID that would lead elsewhere is none" {
        machine
        for id in .. . a/b .hidden ''; do
                run -125 agent ask "$T/ports" processes "$id"
                has "no container ID"
        done
}

@test "agent: power-off ends all" {
        machine
        first_waits
        run -0 ask power-off
        ends_with 0 wait "$MACHINE"
        eventually none_lives berth-agent
}

# ---- strangers ----

@test "agent: garbage ends its own connection only" {
        machine
        first_waits
        run -0 agent raw "$T/ports" < <(head -c 100000 /dev/urandom)
        is "$output" "kind 3"
        run -0 agent raw "$T/ports" < <(printf 'htrb\x05\0\0\0\xff\xff\xff\xff\0\0\0\0')
        run -0 agent raw "$T/ports" < <(printf 'htrb\x05\0\0\0\x40\0\0\0\0\0\0\0short')
        run -0 agent raw "$T/ports" </dev/null
        run -0 another -- /bin/true </dev/null
}

@test "agent: more connections than it serves are told so, and served again later" {
        machine
        mkfifo "$T/end"
        agent crowd "$T/ports" 300 <"$T/end" >"$T/crowd" &
        CROWD=$!
        exec 9>"$T/end"
        eventually grep -q . "$T/crowd"
        is "$(cat "$T/crowd")" "greeted 256 refused 44"
        exec 9>&-
        ends_with 0 wait "$CROWD"
        eventually first -- /bin/true </dev/null
}

@test "agent: called by hand it says what it is" {
        run -1 "$TOP/build/berth-agent"
        has "not to be called by hand"
}
