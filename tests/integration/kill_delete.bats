load ../lib/common

@test "kill: SIGTERM is the default" {
        launch_waiting
        berth kill "$ID"
        eventually is_state stopped
}

@test "kill: a signal is a number or a name, with or without SIG, in any case" {
        launch_waiting
        local n=0 signal

        for signal in USR1 SIGUSR1 usr1 sigusr1 10; do
                berth kill "$ID" $signal
                n=$((n + 1))
                eventually test "$(grep -c 'signal 10' "$T/out")" -ge 0
                eventually eval "[ \$(grep -c 'signal 10' '$T/out') -eq $n ]"
        done
}

@test "kill: a word that is no signal is refused by its name" {
        launch_waiting
        for signal in NOSUCH SIGNOSUCH 1x "" 0x9 999; do
                REFUSAL_KEEPS=1 refused 'signal' berth kill "$ID" "$signal"
        done
        is_state running
}

@test "kill: a container that does not exist is an error" {
        run -1 berth kill nobody KILL
        says_not_exist
}

@test "kill: a stopped container is 'container not running', and no error with --all" {
        launch_waiting
        berth kill "$ID" KILL
        eventually is_state stopped
        run -1 berth kill "$ID" TERM
        matches 'container not running|not running|No such process|already finished'
        is_runtime crun || run -0 berth kill --all "$ID" KILL
}

@test "kill: a created container can be killed" {
        bundle
        create
        berth kill "$ID" KILL
        eventually is_state stopped
        berth delete "$ID"
}

@test "kill: a container without a pid namespace of its own ends whole on SIGKILL" {
        bundle '.linux.namespaces |= map(select(.type != "pid"))'
        args /bin/sh -c 'sleep 1000 & echo ready; /bin/probe wait'
        launch
        is_runtime berth && all= || all=--all
        berth kill $all "$ID" KILL
        eventually is_state stopped
        none_lives sleep
}

# bats test_tags=berth
@test "kill: SIGKILL reaches what a stopped container without a pid namespace of its own has left" {
        bundle '.linux.namespaces |= map(select(.type != "pid"))'
        args /bin/sh -c '(while :; do sleep 1000; done) & echo ready; exec /bin/probe wait'
        launch
        kill -KILL "$(pid_of)"
        eventually is_state stopped
        REFUSAL_KEEPS=1 refused 'container not running' berth kill "$ID" TERM
        berth kill "$ID" KILL
        eventually none_lives sleep
        REFUSAL_KEEPS=1 refused 'container not running' berth kill "$ID" KILL
}

@test "kill --all: every process of the container gets the signal" {
        launch_waiting
        berth exec --detach "$ID" /bin/probe wait </dev/null >"$T/exec" 2>&1
        eventually grep -q ready "$T/exec"
        berth kill --all "$ID" USR2
        eventually grep -q "signal 12" "$T/exec"
        eventually grep -q "signal 12" "$T/out"
}

@test "delete: a running container is refused without --force and lives on" {
        launch_waiting
        REFUSAL_KEEPS=1 refused 'not stopped|running|stopped' berth delete "$ID"
        is_state running
}

@test "delete --force: kills and removes" {
        launch_waiting
        run -0 berth delete --force "$ID"
        is "$output" ""
        [ ! -e "$ROOT/$ID" ]
        none_lives probe
}

@test "delete --force: a container that does not exist is no error and says nothing" {
        run -0 berth delete --force nobody
        is_runtime runc || is "$output" ""
}

@test "delete: a container that does not exist is an error" {
        run -1 berth delete nobody
        says_not_exist
}

@test "delete: a created container is killed and removed" {
        bundle
        create
        pid=$(pid_of)
        is_runtime berth && force= || force=--force
        berth delete $force "$ID"
        # It has left its cgroup a moment before it is a zombie.
        eventually is_dead "$pid"
}

@test "delete: removes the cgroup and the parents that create made, and no other" {
        mkdir /sys/fs/cgroup/there
        defer 'rmdir /sys/fs/cgroup/there'
        launch_waiting '.linux.cgroupsPath = "/there/made/by/create"'
        [ -d /sys/fs/cgroup/there/made/by/create ]
        berth delete --force "$ID"
        [ ! -e /sys/fs/cgroup/there/made/by/create ]
        [ -d /sys/fs/cgroup/there ]
        rmdir /sys/fs/cgroup/there/made/by /sys/fs/cgroup/there/made 2>/dev/null || true
}

# bats test_tags=berth
@test "delete: the parents of the cgroup that create made are gone too" {
        launch_waiting '.linux.cgroupsPath = "/made/by/create"'
        berth delete --force "$ID"
        [ ! -e /sys/fs/cgroup/made ]
}

@test "delete: removes groups that the container made below its own" {
        launch_waiting
        mkdir -p "$(cgroup_of)/a/b"
        berth delete --force "$ID"
}

@test "delete --force: a paused container" {
        launch_waiting
        berth pause "$ID"
        berth delete --force "$ID"
}

@test "delete --force: a container that ignores signals and forks without end" {
        bundle
        args /bin/sh -c 'trap "" TERM INT HUP; echo ready; while :; do /bin/true; done'
        launch
        berth delete --force "$ID"
}

@test "delete --force: a stopped container whose cgroup still holds a process" {
        bundle '.linux.namespaces |= map(select(.type != "pid"))'
        args /bin/sh -c 'sleep 1000 & echo ready'
        create
        berth start "$ID"
        eventually is_state stopped
        eventually pgrep -x sleep
        berth delete --force "$ID"
        none_lives sleep
}

# bats test_tags=berth
@test "delete: half a state directory, as a crash leaves it, can be deleted with --force" {
        mkdir -p "$ROOT/half"
        run -0 berth delete --force half
        [ ! -e "$ROOT/half" ]
        mkdir -p "$ROOT/garbage"
        echo '{"ver' >"$ROOT/garbage/record.json"
        run -0 berth delete --force garbage
        [ ! -e "$ROOT/garbage" ]
}

@test "delete: works when the bundle is gone" {
        launch_waiting
        rm -rf "$B"
        berth kill "$ID" KILL
        eventually is_state stopped
        berth delete "$ID"
}

@test "delete: two at once both end and leave nothing" {
        launch_waiting
        berth delete --force "$ID" </dev/null >/dev/null 2>&1 &
        first=$!
        berth delete --force "$ID" || true
        wait $first || true
        [ ! -e "$ROOT/$ID" ]
}
