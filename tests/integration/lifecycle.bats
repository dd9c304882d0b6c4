load ../lib/common

@test "run: the container's exit code is the command's" {
        bundle
        args /bin/probe exit 42
        run -42 once
}

@test "run: a program killed by a signal gives 128 plus its number" {
        bundle
        args /bin/probe wait
        launch
        berth kill "$ID" KILL
        eventually is_state stopped
        edit '.linux.namespaces |= map(select(.type != "pid"))'
        args /bin/probe kill 15
        run -143 berth run --bundle "$B" killed </dev/null
}

@test "run: output of the program is the command's output, nothing is added" {
        bundle
        args /bin/echo hello
        run -0 once
        is "$output" hello
}

@test "run: stdin reaches the program" {
        bundle
        args /bin/cat
        run -0 berth run --bundle "$B" "$ID" <<<"through stdin"
        is "$output" "through stdin"
}

@test "run: the container is gone afterwards" {
        bundle
        args /bin/true
        run -0 once
        run -1 berth state "$ID"
        says_not_exist
}

@test "run --keep: the container stays, stopped, until it is deleted" {
        bundle
        args /bin/probe exit 3
        is_runtime crun && skip "crun 1.8 has no --keep"
        run -3 once --keep
        is_state stopped
        berth delete "$ID"
        run -1 berth state "$ID"
}

@test "run --detach: returns while the program runs" {
        bundle
        args /bin/probe wait
        berth run --detach --bundle "$B" "$ID" </dev/null >"$T/out" 2>&1
        eventually grep -q ready "$T/out"
        is_state running
        berth kill "$ID" KILL
        eventually is_state stopped
        berth delete "$ID"
}

@test "run: foreground passes SIGTERM on to the program" {
        bundle
        args /bin/probe wait
        berth run --bundle "$B" "$ID" </dev/null >"$T/out" 2>&1 &
        local waiter=$!
        eventually grep -q ready "$T/out"
        pkill -TERM -P "$waiter" || kill -TERM "$waiter"
        wait "$waiter"
}

@test "create, start, kill, delete: the states are created, running, stopped" {
        bundle
        args /bin/probe wait
        create
        is_state created
        is "$(cat "$T/out")" ""
        berth start "$ID"
        eventually grep -q ready "$T/out"
        is_state running
        berth kill "$ID"
        eventually is_state stopped
        is "$(state .pid)" 0
        berth delete "$ID"
        run -1 berth state "$ID"
        says_not_exist
}

# bats test_tags=berth
@test "create warns of what cannot be granted, once: later commands do not say it again" {
        bundle '.process.capabilities.bounding = ["CAP_CHOWN", "CAP_NEW"]'
        args /bin/true
        berth create --bundle "$B" "$ID" </dev/null >"$T/out" 2>&1
        is "$(grep -c CAP_NEW "$T/out")" 1
        berth start "$ID" >>"$T/out" 2>&1
        eventually is_state stopped
        berth delete "$ID" >>"$T/out" 2>&1
        is "$(wc -l <"$T/out")" 1
}

@test "create: the program does not run before start" {
        bundle
        args /bin/touch /tmp/ran
        create
        [ ! -e "$B/rootfs/tmp/ran" ]
        berth start "$ID"
        eventually test -e "$B/rootfs/tmp/ran"
        eventually is_state stopped
}

@test "create: the pid file holds the host pid without a newline, and is there when create returns" {
        bundle
        args /bin/probe wait
        create --pid-file "$T/pid"
        is "$(cat "$T/pid")" "$(pid_of)"
        is "$(wc -c <"$T/pid")" "$(printf %s "$(pid_of)" | wc -c)"
        [ -d "/proc/$(cat "$T/pid")" ]
}

@test "create: the runtime is not the parent of the container's process" {
        bundle
        args /bin/probe wait
        create
        parent=$(cut -d ' ' -f 4 "/proc/$(pid_of)/stat")
        [ "$(readlink "/proc/$parent/exe")" != "$(realpath "$BERTH")" ]
}

# bats test_tags=wall
@test "create: config.json that changes afterwards has no effect on start" {
        bundle
        args /bin/echo before
        create
        args /bin/echo after
        berth start "$ID"
        eventually is_state stopped
        is "$(cat "$T/out")" before
}

@test "create: a bundle without config.json is refused by its name" {
        mkdir -p "$B"
        refused "config.json" create
}

@test "create: a bundle that is not there is refused by its name" {
        refused "bundle" create
}

@test "create: the bundle is the working directory when none is named" {
        bundle
        args /bin/true
        cd "$B"
        berth create "$ID" </dev/null >"$T/out" 2>&1
        is "$(state .bundle)" "$B"
}

@test "create: an id that is in use is refused and the first container lives on" {
        launch_waiting
        REFUSAL_KEEPS=1 refused "exist" berth create --bundle "$B" "$ID"
        is_state running
}

@test "start: only a created container can be started" {
        launch_waiting
        run -1 berth start "$ID"
        berth kill "$ID" KILL
        eventually is_state stopped
        run -1 berth start "$ID"
        run -1 berth start nobody
        says_not_exist
}

@test "start: a container whose parked process was killed is an error" {
        bundle
        create
        kill -KILL "$(pid_of)"
        eventually is_state stopped
        run -1 berth start "$ID"
        berth delete "$ID"
}

@test "two containers from one bundle live side by side" {
        bundle
        args /bin/probe wait
        create
        ID=other create
        berth start "$ID"
        berth start other
        eventually is_state running
        [ "$(pid_of)" != "$(pid_of other)" ]
}

# bats test_tags=wall
@test "a container ends when its first process ends, and so do all others in it" {
        bundle
        args /bin/sh -c 'sleep 1000 & echo ready; read line </dev/null; exit 0'
        run -0 once
        has ready
        none_lives sleep
}

# bats test_tags=berth
@test "create: a program that is not there fails here, not at start" {
        bundle
        args /bin/absent
        refused 'exec: "/bin/absent": no such file or directory' create
}

# bats test_tags=berth
@test "create: without process it is allowed, start refuses" {
        bundle 'del(.process)'
        create
        is_state created
        REFUSAL_KEEPS=1 refused process berth start "$ID"
}
