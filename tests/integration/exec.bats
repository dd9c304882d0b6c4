load ../lib/common

@test "exec: the exit code is the command's" {
        launch_waiting
        run -7 berth exec "$ID" /bin/probe exit 7
        run -0 berth exec "$ID" /bin/true
}

@test "exec: a command killed by a signal gives 128 plus its number" {
        launch_waiting
        run -143 berth exec "$ID" /bin/probe kill 15
        run -137 berth exec "$ID" /bin/probe kill 9
}

@test "exec: stdin, stdout and stderr are the command's" {
        launch_waiting
        run -0 berth exec "$ID" /bin/cat <<<"through stdin"
        is "$output" "through stdin"
        berth exec "$ID" /bin/sh -c 'echo out; echo err >&2' >"$T/1" 2>"$T/2"
        is "$(cat "$T/1")" out
        is "$(cat "$T/2")" err
}

@test "exec: options after the first word belong to the command" {
        launch_waiting
        run -0 berth exec "$ID" /bin/echo --cwd /nowhere -t
        is "$output" "--cwd /nowhere -t"
}

@test "exec: joins every namespace of the container" {
        launch_waiting
        run -0 berth exec "$ID" /bin/probe ns
        for kind in cgroup ipc mnt net pid uts; do
                has "ns=$kind $(namespace_of "$(pid_of)" $kind)"
        done
}

@test "exec: lies in the container's cgroup" {
        launch_waiting
        berth exec --detach --pid-file "$T/pid" "$ID" /bin/probe wait </dev/null >"$T/exec" 2>&1
        # Behind a machine's wall what stands for it on the host has a group below.
        is "$(grep '^0::' "/proc/$(cat "$T/pid")/cgroup")" "$(grep '^0::' "/proc/$(pid_of)/cgroup")${WALL:+/machine}"
}

# bats test_tags=wall
@test "exec: user, environment, directory, capabilities, limits and no_new_privs are the container's" {
        launch_waiting '.process.user = {uid: 1000, gid: 1001, additionalGids: [7, 8], umask: 63} |
                .process.env += ["FROM=config"] | .process.cwd = "/tmp"'
        run -0 berth exec "$ID" /bin/probe
        fact_is uid "1000 1000 1000"
        fact_is gid "1001 1001 1001"
        [[ " $(fact groups) " == *" 7 8 "* ]]
        fact_is umask 0077
        has_line env=FROM=config
        fact_is cwd /tmp
        fact_is bounding 0000000020000420
        fact_is inheritable 0000000000000000
        fact_is ambient 0000000000000000
        fact_is RLIMIT_NOFILE "1024 1024"
        fact_is no_new_privs 1
}

@test "exec --env: adds to the environment and replaces" {
        launch_waiting '.process.env += ["A=old"]'
        run -0 berth exec --env A=new -e B=2 "$ID" /bin/probe env
        has_line env=A=new env=B=2
        lacks env=A=old
}

@test "exec --cwd: is where the command starts" {
        launch_waiting
        run -0 berth exec --cwd /etc "$ID" /bin/pwd
        is "$output" /etc
}

@test "exec --user: a number, or two with a colon" {
        launch_waiting
        run -0 berth exec --user 1000 "$ID" /bin/probe ids
        fact_is uid "1000 1000 1000"
        fact_is gid "0 0 0"
        run -0 berth exec -u 1000:1001 "$ID" /bin/probe ids
        fact_is uid "1000 1000 1000"
        fact_is gid "1001 1001 1001"
}

@test "exec --user: another user than root has no capabilities that were not asked for" {
        launch_waiting
        run -0 berth exec --user 1000:1000 "$ID" /bin/probe caps
        fact_is effective 0000000000000000
        fact_is inheritable 0000000000000000
        fact_is ambient 0000000000000000
}

@test "exec --additional-gids: are the groups" {
        is_runtime crun && skip "crun has no --additional-gids"
        launch_waiting
        run -0 berth exec --additional-gids 100 -g 200 "$ID" /bin/probe ids
        [[ " $(fact groups) " == *" 100 200 "* ]]
}

@test "exec --cap: is added to what the container has" {
        launch_waiting
        run -0 berth exec --cap CAP_SYS_CHROOT "$ID" /bin/probe caps
        (((0x$(fact effective) & 0x40000) != 0))
        (((0x$(fact bounding) & 0x40000) != 0))
}

# bats test_tags=berth
@test "exec --cap: is ambient where the container has it inheritable, and nowhere else" {
        launch_waiting '.process.capabilities |= (.inheritable = ["CAP_SYS_CHROOT"] | .bounding += .inheritable)'
        run -0 berth exec --user 1000 --cap CAP_SYS_CHROOT --cap CAP_MKNOD "$ID" /bin/probe caps
        fact_is inheritable 0000000000040000
        fact_is ambient 0000000000040000
        fact_is effective 0000000000040000
}

@test "exec: an empty socket, label or profile is none" {
        launch_waiting
        run -0 berth exec --console-socket '' --process-label '' "$ID" /bin/true
        is_runtime crun || run -0 berth exec --apparmor '' "$ID" /bin/true
        is_runtime berth || return 0
        run -0 berth exec --pidfd-socket '' "$ID" /bin/true
        run -0 berth update --l3-cache-schema '' --mem-bw-schema '' "$ID"
        args /bin/true
        run -0 berth run --bundle "$B" --console-socket '' --pidfd-socket '' "$ID-2" </dev/null
}

@test "exec --no-new-privs: is set where the container has it not" {
        launch_waiting '.process.noNewPrivileges = false'
        run -0 berth exec "$ID" /bin/probe locks
        fact_is no_new_privs 0
        run -0 berth exec --no-new-privs "$ID" /bin/probe locks
        fact_is no_new_privs 1
}

# bats test_tags=wall
@test "exec --process: the file says everything" {
        launch_waiting
        jq -n '{args: ["/bin/probe"], cwd: "/etc", env: ["ONLY=this"], user: {uid: 5, gid: 6, additionalGids: [9]},
                noNewPrivileges: true, rlimits: [{type: "RLIMIT_NOFILE", soft: 99, hard: 100}], oomScoreAdj: 77,
                capabilities: {bounding: ["CAP_KILL"]}}' >"$T/process.json"
        run -0 berth exec --process "$T/process.json" "$ID"
        fact_is cwd /etc
        if ! is_runtime runc; then
                run -0 berth exec --process - "$ID" <"$T/process.json"
                fact_is cwd /etc
        fi
        has_line env=ONLY=this
        lacks TERM=
        fact_is uid "5 5 5"
        fact_is gid "6 6 6"
        fact_is RLIMIT_NOFILE "99 100"
        fact_is bounding 0000000000000020
        is_runtime crun || fact_is oom_score_adj 77
}

@test "exec --process: capabilities that the file does not name are the container's" {
        launch_waiting '.process.capabilities = ({bounding: ["CAP_KILL"]} | .permitted = .bounding | .effective = .bounding)'
        for capabilities in '{}' '{capabilities: null}'; do
                jq -n '{args: ["/bin/probe", "caps"], cwd: "/"} + '"$capabilities" >"$T/process.json"
                run -0 berth exec --process "$T/process.json" "$ID"
                fact_is bounding 0000000000000020
                fact_is effective 0000000000000020
        done
        jq -n '{args: ["/bin/probe", "caps"], cwd: "/", capabilities: {}}' >"$T/process.json"
        run -0 berth exec --process "$T/process.json" "$ID"
        fact_is bounding 0000000000000000
        fact_is effective 0000000000000000
}

@test "exec --detach: returns at once; the pid file names a host process that lives in the container" {
        launch_waiting
        berth exec --detach --pid-file "$T/pid" "$ID" /bin/probe wait </dev/null >"$T/exec" 2>&1
        eventually grep -q ready "$T/exec"
        pid=$(cat "$T/pid")
        is "$(namespace_of "$pid" pid)" "$(namespace_of "$(pid_of)" pid)"
        is "$(cat "/proc/$pid/comm")" probe
        is "$(wc -c <"$T/pid")" "${#pid}"
}

@test "exec: processes end with the container" {
        launch_waiting
        berth exec --detach --pid-file "$T/pid" "$ID" /bin/probe wait </dev/null >"$T/exec" 2>&1
        pid=$(cat "$T/pid")
        berth kill "$ID" KILL
        eventually is_state stopped
        eventually test ! -e "/proc/$pid"
}

@test "exec: many at once all give their own code" {
        local i

        launch_waiting
        for i in 1 2 3 4 5 6 7 8; do
                berth exec "$ID" /bin/probe exit $i </dev/null >/dev/null 2>&1 &
                pids[i]=$!
        done
        for i in 1 2 3 4 5 6 7 8; do
                ends_with $i wait "${pids[i]}"
        done
}

@test "exec: a program is found through the container's PATH, not the caller's" {
        launch_waiting
        PATH=/usr/bin:/bin:/nowhere run -0 berth exec "$ID" echo found
        is "$output" found
        mkdir -p "$B/rootfs/own"
        cp "$B/rootfs/bin/busybox" "$B/rootfs/own/sh"
        run -0 berth exec --env PATH=/own "$ID" sh -c 'echo "$PATH"'
        is "$output" /own
}

@test "exec: a program that is not there is an error that names it" {
        launch_waiting
        refused_exec absent "$ID" absent
        refused_exec /bin/absent "$ID" /bin/absent
}

@test "exec: a stopped container is an error" {
        launch_waiting
        berth kill "$ID" KILL
        eventually is_state stopped
        refused_exec 'stopped|not running' "$ID" /bin/true
}

@test "exec: a container that does not exist is an error" {
        ID=nobody
        run berth exec nobody /bin/true
        [ "$status" -eq "$EXEC_REFUSED" ]
        says_not_exist
}

@test "exec: into a paused container is refused" {
        launch_waiting
        berth pause "$ID"
        run berth exec "$ID" /bin/true
        [ "$status" -eq "$EXEC_REFUSED" ]
        has paused
        berth resume "$ID"
}

# bats test_tags=berth
@test "exec: into a group that is frozen though nobody paused the container is refused" {
        launch_waiting '.linux.cgroupsPath = "/above/container"'
        local group
        group=$(cgroup_of)
        mkdir "$group/below"
        echo 1 >"$group/below/cgroup.freeze"
        refused_exec 'below: the cgroup is frozen' --cgroup /below "$ID" /bin/true
        rmdir "$group/below"
        echo 1 >"${group%/*}/cgroup.freeze"
        is "$(state)" running
        refused_exec 'the cgroup is frozen' "$ID" /bin/true
        echo 0 >"${group%/*}/cgroup.freeze"
        berth exec "$ID" /bin/true
}

@test "exec --ignore-paused: waits in the frozen container and runs when it is resumed" {
        is_runtime crun && skip "crun has no --ignore-paused"
        launch_waiting
        berth pause "$ID"
        berth exec --ignore-paused "$ID" /bin/echo thawed </dev/null >"$T/exec" 2>&1 &
        waiter=$!
        berth resume "$ID"
        wait $waiter
        is "$(cat "$T/exec")" thawed
}

@test "exec --cgroup: a group below the container's own" {
        is_runtime crun && skip "crun 1.8 looks for it elsewhere"
        launch_waiting
        mkdir "$(cgroup_of)/below"
        berth exec --cgroup below --detach --pid-file "$T/pid" "$ID" /bin/probe wait </dev/null >"$T/exec" 2>&1
        is "$(sed -n 's/^0:://p' "/proc/$(cat "$T/pid")/cgroup")" "$(sed -n 's/^0:://p' "/proc/$(pid_of)/cgroup")/below"
}

# bats test_tags=berth
@test "exec --cgroup: a group that is not there, or not below, is refused" {
        launch_waiting
        refused_exec 'absent.* adding pid .*/absent/cgroup.procs: no such file ' --cgroup absent "$ID" /bin/true
        refused_exec ' \.\./suite is not a sub cgroup path' --cgroup ../suite "$ID" /bin/true
        refused_exec ' below/\.\. is not a sub cgroup path' --cgroup below/.. "$ID" /bin/true
}

# bats test_tags=berth
@test "exec --cgroup: a group that hands its controllers on and can hold no process is refused, not left for another" {
        local controller

        controller=$(cut -d' ' -f1 /sys/fs/cgroup/cgroup.controllers)
        [ -n "$controller" ] || skip "the host's v2 tree has no controller"
        launch_waiting
        mkdir "$(cgroup_of)/below"
        group=$(cgroup_of)
        pid_of >"$group/below/cgroup.procs"
        echo "+$controller" >"$group/cgroup.subtree_control"
        run -0 berth exec "$ID" /bin/cat /proc/self/cgroup
        has_line 0::/below
        refused_exec ' adding pid .* to cgroups.*/cgroup.procs: device or resource busy' --cgroup / "$ID" /bin/true
        run -0 berth exec --cgroup below "$ID" /bin/cat /proc/self/cgroup
        has_line 0::/below
}

@test "exec: HOME comes from the image's passwd when the environment has none" {
        launch_waiting
        run -0 berth exec --user 1000 "$ID" /bin/probe env
        has_line env=HOME=/home
}

# bats test_tags=berth
@test "exec --process: a bad file is an error that names the field" {
        launch_waiting
        echo '{"args": ["/bin/true"], "cwd": "/", "user": {"uid": "root"}}' >"$T/process.json"
        refused_exec 'user\.uid' --process "$T/process.json" "$ID"
        echo '{"args": ["/bin/true"], "cwd": "/", ' >"$T/process.json"
        refused_exec 'process.json|JSON|json' --process "$T/process.json" "$ID"
        refused_exec 'absent.json' --process "$T/absent.json" "$ID"
}

@test "exec: execCPUAffinity final is where the command runs" {
        is_runtime berth || skip "newer than this runtime"
        [ "$(nproc)" -ge 2 ] || skip "one CPU only"
        launch_waiting '.process.execCPUAffinity = {initial: "0", final: "1"}'
        run -0 berth exec "$ID" /bin/probe sched
        fact_is affinity 1
        run -0 cat "/proc/$(pid_of)/status"
        matches '^Cpus_allowed_list:[[:space:]]0-1'
}
