load ../lib/common

# Each MUST of the runtime specification's runtime.md, by section. Runs on any runtime: BERTH=/usr/bin/crun.

@test "runtime.md State: id, status, bundle, ociVersion and, while it runs, pid are there" {
        launch_waiting
        berth state "$ID" | jq -e '(.ociVersion | type == "string") and .id != "" and .pid > 0 and .bundle != "" and
                (.status == "running")'
}

@test "runtime.md State: ociVersion is a SemVer version" {
        launch_waiting
        [[ $(state .ociVersion) =~ ^[0-9]+\.[0-9]+\.[0-9]+ ]]
}

@test "runtime.md State: bundle is an absolute path" {
        bundle
        args /bin/probe wait
        cd "$T"
        berth create --bundle bundle "$ID" </dev/null >"$T/out" 2>&1
        is "$(state .bundle)" "$B"
}

@test "runtime.md State: status is created after create, running after start, stopped after the end" {
        bundle
        args /bin/probe wait
        create
        is "$(state)" created
        berth start "$ID"
        eventually grep -q ready "$T/out"
        is "$(state)" running
        berth kill "$ID" KILL
        eventually is_state stopped
}

@test "runtime.md State: pid is the process as the runtime's pid namespace sees it" {
        launch_waiting
        is "$(tr -d '\0' <"/proc/$(pid_of)/comm")" probe
}

@test "runtime.md State: annotations are included when there are some" {
        launch_waiting '.annotations = {"a.b": "c"}'
        is "$(state '.annotations["a.b"]')" c
}

@test "runtime.md Lifecycle 2: create makes the environment, and does not run the program" {
        bundle
        args /bin/touch /tmp/ran
        create
        [ ! -e "$B/rootfs/tmp/ran" ]
        [ "$(namespace_of "$(pid_of)" mnt)" != "$(readlink /proc/self/ns/mnt)" ]
}

@test "runtime.md Lifecycle 2: if the environment cannot be made there is an error" {
        bundle '.linux.namespaces[0].path = "/absent"'
        run ! create
        run ! berth state "$ID"
}

@test "runtime.md Lifecycle: a change of config.json after create has no effect" {
        bundle
        args /bin/echo before
        create
        args /bin/echo after
        berth start "$ID"
        eventually is_state stopped
        is "$(cat "$T/out")" before
}

hook_of() { # hook_of KIND EXIT: a hook of the host that leaves its name
        printf '#!/bin/sh\ncat >%s/%s.state\necho %s >>%s/order\nexit %s\n' "$T" "$1" "$1" "$T" "$2" >"$T/$1.sh"
        chmod +x "$T/$1.sh"
        edit '.hooks[$k] = [{path: ($t + "/" + $k + ".sh")}]' --arg k "$1" --arg t "$T"
}

@test "runtime.md Lifecycle 3-5: prestart, createRuntime, createContainer run in this order, before create ends" {
        bundle
        for kind in createContainer createRuntime prestart; do hook_of $kind 0; done
        args /bin/probe wait
        create
        is "$(tr '\n' ' ' <"$T/order")" "prestart createRuntime createContainer "
}

@test "runtime.md Lifecycle 3-5: a failing hook of create is an error, the container is stopped and removed" {
        for kind in prestart createRuntime createContainer; do
                bundle
                hook_of $kind 1
                args /bin/probe wait
                run ! create
                berth delete --force "$ID" || true
                none_lives probe
                rm -rf "$B"
        done
}

@test "runtime.md Lifecycle 7: startContainer runs at start, before the program, inside the container" {
        bundle '.hooks.startContainer = [{path: "/bin/touch", args: ["touch", "/tmp/hooked"]}]'
        args /bin/test -e /tmp/hooked
        create
        [ ! -e "$B/rootfs/tmp/hooked" ]
        berth start "$ID"
        eventually is_state stopped
        [ -e "$B/rootfs/tmp/hooked" ]
}

@test "runtime.md Lifecycle 7: a failing startContainer is an error and the program does not run" {
        bundle '.hooks.startContainer = [{path: "/bin/false"}]'
        args /bin/touch /tmp/ran
        create
        run berth start "$ID"
        eventually is_state stopped
        [ ! -e "$B/rootfs/tmp/ran" ]
}

@test "runtime.md Lifecycle 9: poststart runs after start, once" {
        bundle
        hook_of poststart 0
        args /bin/probe wait
        create
        [ ! -e "$T/order" ]
        berth start "$ID"
        is "$(cat "$T/order")" poststart
}

@test "runtime.md Lifecycle 9 (1.3): a failing poststart stops the container and is an error" {
        is_runtime berth || skip "before 1.3 it was a warning"
        bundle
        hook_of poststart 1
        args /bin/probe wait
        create
        run -1 berth start "$ID"
        eventually is_state stopped
}

@test "runtime.md Lifecycle 12-13: poststop runs at delete; its failure is a warning, the rest goes on" {
        bundle
        hook_of poststop 1
        args /bin/true
        create
        berth start "$ID"
        eventually is_state stopped
        [ ! -e "$T/order" ]
        run -0 berth delete "$ID"
        is "$(cat "$T/order")" poststop
        run ! berth state "$ID"
}

@test "runtime.md Errors: a failing operation leaves the environment as if it had never been tried" {
        bundle '.mounts += [{destination: "/x", type: "nosuchfs", source: "x"}]'
        run ! create
        [ ! -e "$ROOT/$ID" ]
}

@test "runtime.md Query State: no id, and an unknown id, are errors" {
        run ! berth state
        run ! berth state nobody
}

@test "runtime.md Create: no id, no bundle, and an id in use are errors" {
        run ! berth create </dev/null
        run ! berth create --bundle /absent "$ID" </dev/null
        bundle
        create
        run ! berth create --bundle "$B" "$ID" </dev/null
}

@test "runtime.md Create: properties other than process.args are applied at create" {
        bundle '.hostname = "applied"'
        create
        is "$(nsenter -t "$(pid_of)" -u hostname)" applied
}

@test "runtime.md Start: no id, an unknown id, a running and a stopped container are errors" {
        run ! berth start
        run ! berth start nobody
        launch_waiting
        run ! berth start "$ID"
        berth kill "$ID" KILL
        eventually is_state stopped
        run ! berth start "$ID"
}

@test "runtime.md Start: a failed start has no effect on the container" {
        launch_waiting
        run ! berth start "$ID"
        is "$(state)" running
}

@test "runtime.md Start: runs the program of process" {
        bundle
        args /bin/echo hello
        create
        berth start "$ID"
        eventually is_state stopped
        is "$(cat "$T/out")" hello
}

@test "runtime.md Start: without process it is an error" {
        is_runtime berth || skip "the others refuse at create"
        bundle 'del(.process)'
        create
        run ! berth start "$ID"
}

@test "runtime.md Kill: no id, an unknown id and a stopped container are errors; it changes nothing then" {
        run ! berth kill
        run ! berth kill nobody KILL
        launch_waiting
        berth kill "$ID" KILL
        eventually is_state stopped
        run ! berth kill "$ID" KILL
        is "$(state)" stopped
}

@test "runtime.md Kill: sends the signal that is named" {
        launch_waiting
        berth kill "$ID" USR1
        eventually grep -q "signal 10" "$T/out"
        berth kill "$ID" 12
        eventually grep -q "signal 12" "$T/out"
}

@test "runtime.md Delete: no id and an unknown id are errors; a container that runs is refused and unharmed" {
        run ! berth delete
        run ! berth delete nobody
        launch_waiting
        run ! berth delete "$ID"
        is "$(state)" running
}

@test "runtime.md Delete: what create made is gone, what it did not make stays" {
        launch_waiting
        group=$(cgroup_of)
        berth kill "$ID" KILL
        eventually is_state stopped
        berth delete "$ID"
        [ ! -e "$group" ]
        [ -d "$B/rootfs/bin" ]
}

@test "runtime.md Delete: the id can be used again" {
        bundle
        args /bin/true
        run -0 once
        run -0 once
}

@test "runtime.md Hooks: the state is given on stdin, with the right status" {
        bundle
        for kind in createRuntime poststart poststop; do hook_of $kind 0; done
        args /bin/probe wait
        create
        [[ $(jq -r .status "$T/createRuntime.state") =~ ^(creating|created)$ ]]
        is "$(jq -r .id "$T/createRuntime.state")" "$ID"
        [ "$(jq -r .pid "$T/createRuntime.state")" -gt 0 ]
        berth start "$ID"
        is "$(jq -r .status "$T/poststart.state")" running
        berth delete --force "$ID"
        is "$(jq -r .status "$T/poststop.state")" stopped
}

@test "runtime.md Hooks: of one kind they run in the listed order" {
        bundle
        hook_of a 0
        hook_of b 0
        edit '.hooks = {createRuntime: [.hooks.b[0], .hooks.a[0]]}'
        args /bin/true
        run -0 once
        is "$(tr '\n' ' ' <"$T/order")" "b a "
}
