load ../lib/common

# The words that engines look for (containerd, CRI-O, conmon, Podman, Docker). They are contract.
# bats file_tags=berth

@test "message: a container that does not exist" {
        for command in state start kill delete pause resume ps "events --stats"; do
                run -1 berth $command nobody
                has "container does not exist" "no such file or directory"
        done
        run -255 berth exec nobody /bin/true
        has "container does not exist"
}

@test "message: a container that is not running" {
        launch_waiting
        berth kill "$ID" KILL
        eventually is_state stopped
        for command in kill pause; do
                run -1 berth $command "$ID"
                has "container not running" "no such process"
        done
}

@test "message: an id in use" {
        launch_waiting
        run -1 berth create --bundle "$B" "$ID" </dev/null
        has "container with given ID already exists"
}

@test "message: start of a stopped and of a running container" {
        launch_waiting
        run -1 berth start "$ID"
        has "cannot start an already running container"
        berth kill "$ID" KILL
        eventually is_state stopped
        run -1 berth start "$ID"
        has "cannot start a container that has stopped"
}

@test "message: exec in a stopped and in a paused container" {
        launch_waiting
        berth pause "$ID"
        run -255 berth exec "$ID" /bin/true
        has "cannot exec in a paused container (use --ignore-paused to override)"
        berth resume "$ID"
        berth kill "$ID" KILL
        eventually is_state stopped
        run -255 berth exec "$ID" /bin/true
        has "cannot exec in a stopped container"
}

@test "message: programs that are not there, or may not run" {
        bundle
        args absent
        refused 'exec: "absent": executable file not found in \$PATH: no such file or directory' create
        args /bin/absent
        refused 'exec: "/bin/absent": no such file or directory' create
        echo text >"$B/rootfs/bin/text"
        args /bin/text
        refused 'exec: "/bin/text": permission denied' create
        args /bin/probe wait
        launch
        refused_exec 'exec: "absent": executable file not found in \$PATH: no such file or directory' "$ID" absent
        refused_exec 'exec: "/bin/absent": no such file or directory' "$ID" /bin/absent
        refused_exec 'exec: "/bin/text": permission denied' "$ID" /bin/text
}

# Known only when the program is executed. Callers of runc compare the words as Go spells them.
# bats test_tags=berth
@test "message: programs whose interpreter is missing, or that are none" {
        bundle
        printf '#!/absent/interpreter\n' >"$B/rootfs/bin/script"
        printf 'text' >"$B/rootfs/bin/text"
        chmod 755 "$B/rootfs/bin/script" "$B/rootfs/bin/text"
        args /bin/script
        refused 'exec /bin/script: no such file or directory$' once
        args /bin/probe wait
        launch
        refused_exec 'exec /bin/script: no such file or directory$' "$ID" /bin/script
        refused_exec 'exec /bin/text: exec format error$' "$ID" /bin/text
}

@test "message: delete of a running container" {
        launch_waiting
        run -1 berth delete "$ID"
        has "cannot delete container $ID that is not stopped: running"
}

@test "message: update and ps of a container that does not exist" {
        run -1 berth update --resources - nobody <<<'{}'
        has "does not exist"
        run -1 berth ps --format json nobody
        has "does not exist"
}

# Words that runc's test suite looks for (tests/lab/runc-suite).
@test "message: a cgroup that is in use or frozen, a /proc that is a link, no seccomp agent, no such help" {
        mkdir /sys/fs/cgroup/taken
        defer 'rmdir /sys/fs/cgroup/taken'
        echo 1 >/sys/fs/cgroup/taken/cgroup.freeze
        bundle '.linux.cgroupsPath = "/taken"'
        refused "container's cgroup unexpectedly frozen: /taken" create
        echo 0 >/sys/fs/cgroup/taken/cgroup.freeze
        sleep 1000 3>&- 4>&- &
        echo $! >/sys/fs/cgroup/taken/cgroup.procs
        refused "container's cgroup is not empty: /taken" create
        kill $!
        wait $! || true
        rm -r "$B"
        bundle
        rmdir "$B/rootfs/proc"
        ln -s /symlink "$B/rootfs/proc"
        refused "/proc must be mounted on ordinary directory" create
        rm -r "$B"
        bundle '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", listenerPath: "/no/agent", syscalls: [{names: ["mkdir"], action: "SCMP_ACT_NOTIFY"}]}'
        args /bin/true
        refused "failed to connect with seccomp agent.*/no/agent" once
        refused "No help topic for 'foo'" berth foo -h
}
