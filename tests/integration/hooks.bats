load ../lib/common

# A hook program on the host that writes what it is given to $T/NAME.
hook() { # hook NAME
        cat >"$T/$1.sh" <<SCRIPT
#!/bin/sh
cat >"$T/$1.state"
{
        echo "arguments \$0 \$*"
        env
        readlink /proc/self/ns/mnt /proc/self/ns/net /proc/self/ns/pid
        pwd
} >"$T/$1.seen"
echo "$1" >>"$T/order"
SCRIPT
        chmod +x "$T/$1.sh"
}

state_given() { # state_given NAME FIELD
        jq -r ".$2" "$T/$1.state"
}

@test "hooks: each runs in its place, in order" {
        bundle
        for name in prestart createRuntime createContainer poststart poststop; do
                hook $name
        done
        printf '#!/bin/sh\ncat >/tmp/startContainer.state; echo startContainer >>/tmp/order\n' >"$B/rootfs/bin/hook"
        chmod +x "$B/rootfs/bin/hook"
        edit '.hooks = ([("prestart", "createRuntime", "createContainer", "poststart", "poststop") | {(.): [{path: ($t + "/" + . + ".sh")}]}] | add) |
                .hooks.startContainer = [{path: "/bin/hook"}]' --arg t "$T"
        args /bin/probe wait
        create
        is "$(tr '\n' ' ' <"$T/order")" "prestart createRuntime createContainer "
        [ ! -e "$B/rootfs/tmp/order" ]
        berth start "$ID"
        is "$(tr '\n' ' ' <"$T/order")" "prestart createRuntime createContainer poststart "
        is "$(cat "$B/rootfs/tmp/order")" startContainer
        berth kill "$ID" KILL
        eventually is_state stopped
        [ "$(tail -n 1 "$T/order")" = poststart ]
        berth delete "$ID"
        is "$(tail -n 1 "$T/order")" poststop
        for name in prestart createRuntime createContainer poststart poststop; do
                is "$(state_given $name id)" "$ID"
                is "$(state_given $name bundle)" "$B"
        done
        for name in prestart createRuntime createContainer; do
                matches_status="creat(ing|ed)"
                [[ $(state_given $name status) =~ ^$matches_status$ ]]
                [ "$(state_given $name pid)" -gt 0 ]
        done
        is "$(state_given poststart status)" running
        is "$(state_given poststop status)" stopped
        [[ $(jq -r .status "$B/rootfs/tmp/startContainer.state") =~ ^(created|creating)$ ]]
}

@test "hooks: prestart and createRuntime run in the runtime's namespaces, createContainer in the container's" {
        bundle
        for name in prestart createRuntime createContainer; do
                hook $name
        done
        edit '.hooks = ([("prestart", "createRuntime", "createContainer") | {(.): [{path: ($t + "/" + . + ".sh")}]}] | add)' --arg t "$T"
        args /bin/probe wait
        create
        for name in prestart createRuntime; do
                grep -qF "$(readlink /proc/self/ns/mnt)" "$T/$name.seen"
                grep -qF "$(readlink /proc/self/ns/net)" "$T/$name.seen"
        done
        grep -qF "$(namespace_of "$(pid_of)" mnt)" "$T/createContainer.seen"
        grep -qF "$(namespace_of "$(pid_of)" net)" "$T/createContainer.seen"
}

@test "hooks: the pid in the state lives in the container's network namespace already" {
        bundle
        cat >"$T/network.sh" <<SCRIPT
#!/bin/sh
pid=\$(jq .pid)
readlink /proc/\$pid/ns/net >"$T/network"
readlink /proc/self/ns/net >>"$T/network"
SCRIPT
        chmod +x "$T/network.sh"
        edit '.hooks.prestart = [{path: $t, env: [$p]}]' --arg t "$T/network.sh" --arg p "PATH=$PATH"
        args /bin/true
        run -0 once
        [ "$(head -n 1 "$T/network")" != "$(tail -n 1 "$T/network")" ]
}

@test "hooks: arguments and environment are those of the entry" {
        bundle
        hook createRuntime
        sed -i '1a printf "%s|" "$@" >'"$T/arguments" "$T/createRuntime.sh"
        edit '.hooks.createRuntime = [{path: $t, args: ["name", "one", "two words"], env: ["A=1", ("PATH=" + $p)]}]' --arg t "$T/createRuntime.sh" --arg p "$PATH"
        args /bin/true
        run -0 once
        is "$(cat "$T/arguments")" "one|two words|"
        grep -qx A=1 "$T/createRuntime.seen"
        run grep -E '^(BERTH|BATS)' "$T/createRuntime.seen"
        is "$output" ""
}

@test "hooks: several of one kind run in their order" {
        bundle
        hook a
        hook b
        edit '.hooks.createRuntime = [{path: ($t + "/a.sh")}, {path: ($t + "/b.sh")}]' --arg t "$T"
        args /bin/true
        run -0 once
        is "$(tr '\n' ' ' <"$T/order")" "a b "
}

fails_in() { # fails_in KIND: a hook of that kind that fails
        bundle
        printf '#!/bin/sh\necho "why it failed" >&2\nexit 3\n' >"$T/fail.sh"
        chmod +x "$T/fail.sh"
        cp "$T/fail.sh" "$B/rootfs/bin/fail"
        edit '.hooks[$k] = [{path: (if $k == "startContainer" then "/bin/fail" else $t end)}]' --arg k "$1" --arg t "$T/fail.sh"
        args /bin/probe wait
}

@test "hooks: one that fails at create destroys the container" {
        for kind in prestart createRuntime createContainer; do
                fails_in $kind
                run -1 create
                is_runtime crun || has fail.sh
                [ ! -e "$ROOT/$ID" ]
                none_lives probe
                rm -rf "$B"
        done
}

# bats test_tags=berth
@test "hooks: what a failing one wrote to stderr is in the message" {
        fails_in createRuntime
        refused 'why it failed' create
        has fail.sh createRuntime
}

@test "hooks: a failing startContainer fails start; the container does not run" {
        fails_in startContainer
        create
        run berth start "$ID"
        is_runtime berth && [ "$status" -eq 1 ]
        eventually is_state stopped
        none_lives probe
}

@test "hooks: what is still being created takes no signal" {
        bundle
        cat >"$T/kill.sh" <<SCRIPT
#!/bin/sh
for signal in TERM KILL "--all KILL"; do
        set -- \$signal
        [ \$# -eq 1 ] || { all=--all; shift; }
        "$BERTH" --root "$ROOT" kill \$all "$ID" \$1 2>>"$T/said" && echo "\$signal" >>"$T/taken"
done
exit 0
SCRIPT
        chmod +x "$T/kill.sh"
        edit '.hooks.createRuntime = [{path: $t}]' --arg t "$T/kill.sh"
        args /bin/probe wait
        create
        [ ! -e "$T/taken" ]
        is "$(grep -c . "$T/said")" 3
        ! is_runtime berth || is "$(sort -u "$T/said")" "container not running: no such process"
        is_state created
}

# bats test_tags=berth
@test "hooks: an init that is killed meanwhile is named, not the pipe to it" {
        bundle
        printf '#!/bin/sh\nkill -9 $(jq .pid)\n' >"$T/kill.sh"
        chmod +x "$T/kill.sh"
        edit '.hooks.createRuntime = [{path: $t, env: [$p]}]' --arg t "$T/kill.sh" --arg p "PATH=$PATH"
        args /bin/probe wait
        refused 'killed by signal 9 while it built the container' create
}

# bats test_tags=berth
@test "hooks: a failing poststart stops the container and is an error (since 1.3)" {
        fails_in poststart
        create
        run -1 berth start "$ID"
        has fail.sh
        eventually is_state stopped
}

@test "hooks: a failing poststop is a warning, delete goes on" {
        fails_in poststop
        create
        run -0 berth delete --force "$ID"
        [ ! -e "$ROOT/$ID" ]
}

@test "hooks: one that is not there fails create by its name" {
        bundle '.hooks.createRuntime = [{path: "/absent/hook"}]'
        refused '/absent/hook' create
}

@test "hooks: a timeout ends the hook and fails create" {
        bundle
        printf '#!/bin/sh\nexec sleep 1000\n' >"$T/slow.sh"
        chmod +x "$T/slow.sh"
        edit '.hooks.createRuntime = [{path: $t, timeout: 1}]' --arg t "$T/slow.sh"
        SECONDS=0
        run ! create
        ((SECONDS < 5))
        [ ! -e "$ROOT/$ID" ]
        none_lives sleep
}

# bats test_tags=berth
@test "hooks: a timeout ends also what the hook started" {
        bundle
        printf '#!/bin/sh\nsleep 1000 &\nsleep 1000\n' >"$T/slow.sh"
        chmod +x "$T/slow.sh"
        edit '.hooks.createRuntime = [{path: $t, timeout: 1}]' --arg t "$T/slow.sh"
        refused 'slow.sh' create
        has timeout || has "timed out" || has "1 s"
        none_lives sleep
}

@test "hooks: one that does not read the state is no problem" {
        bundle
        printf '#!/bin/sh\nexec true\n' >"$T/deaf.sh"
        chmod +x "$T/deaf.sh"
        edit '.hooks.createRuntime = [{path: $t}] | .annotations = {big: ("x" * 200000)}' --arg t "$T/deaf.sh"
        args /bin/true
        run -0 once
}

# bats test_tags=berth
@test "hooks: one that writes without end is cut, not stuck" {
        bundle
        printf '#!/bin/sh\nyes noise | head -c 10000000 >&2\nexit 1\n' >"$T/noisy.sh"
        chmod +x "$T/noisy.sh"
        edit '.hooks.createRuntime = [{path: $t}]' --arg t "$T/noisy.sh"
        run -1 create
        ((${#output} < 20000))
}

# bats test_tags=berth
@test "hooks: a background process that keeps the hook's stderr open does not hold create" {
        bundle
        printf '#!/bin/sh\nsleep 300 &\nexit 0\n' >"$T/leaves.sh"
        chmod +x "$T/leaves.sh"
        edit '.hooks.createRuntime = [{path: $t}]' --arg t "$T/leaves.sh"
        args /bin/probe wait
        create
        eventually pkill -x sleep
}

@test "hooks: get no descriptors of the runtime or the caller" {
        bundle
        cat >"$T/fds.sh" <<SCRIPT
#!/bin/sh
ls -l /proc/\$\$/fd >"$T/fds"
SCRIPT
        chmod +x "$T/fds.sh"
        edit '.hooks.createRuntime = [{path: $t}]' --arg t "$T/fds.sh"
        args /bin/true
        run -0 bash -c 'exec 7</etc/passwd; timeout 20 "$1" --root "$2" run --bundle "$3" "$4" </dev/null' - "$BERTH" "$ROOT" "$B" "$ID"
        is_runtime crun && skip "crun passes the caller's on"
        run grep -E " (7|[1-9][0-9]+) -> " "$T/fds"
        lacks "$ROOT"
        is_runtime berth && lacks /etc/passwd
        true
}

@test "hooks: poststart runs after the program was executed" {
        is_runtime crun && skip "crun does not wait for it"
        is_runtime runc && skip "runc before 1.4 does not wait for it"
        bundle
        cat >"$T/after.sh" <<SCRIPT
#!/bin/sh
cat /proc/\$(jq .pid)/comm >"$T/comm"
SCRIPT
        chmod +x "$T/after.sh"
        edit '.hooks.poststart = [{path: $t, env: [$p]}]' --arg t "$T/after.sh" --arg p "PATH=$PATH"
        args /bin/probe wait
        launch
        is "$(cat "$T/comm")" probe
}

@test "hooks: the state has the annotations" {
        bundle '.annotations = {"com.example.key": "value"}'
        hook createRuntime
        edit '.hooks.createRuntime = [{path: $t}]' --arg t "$T/createRuntime.sh"
        args /bin/true
        run -0 once
        is "$(jq -r '.annotations["com.example.key"]' "$T/createRuntime.state")" value
        is_runtime berth && is "$(state_given createRuntime ociVersion)" 1.0.2
        true
}

# bats test_tags=berth
@test "hooks: what cannot be right is refused by its path" {
        bundle
        refuse_all <<'TABLE'
.hooks.prestart = [{}] -> hooks\.prestart\[0\]\.path
.hooks.createRuntime = [{path: "relative"}] -> hooks\.createRuntime\[0\]\.path
.hooks.poststop = [{path: "/x", timeout: 0}] -> hooks\.poststop\[0\]\.timeout
.hooks.poststop = [{path: "/x", timeout: -1}] -> hooks\.poststop\[0\]\.timeout
.hooks.poststart = {path: "/x"} -> hooks\.poststart
.hooks.createContainer = [{path: "/x", args: "y"}] -> hooks\.createContainer\[0\]\.args
TABLE
}

# What it executes comes out of the image, like the program.
@test "hooks: startContainer has the ids, capabilities, limits and seccomp profile of the program" {
        bundle '.process.user = {uid: 1000, gid: 1000} | .process.noNewPrivileges = true | .process.cwd = "/home"
                | .process.rlimits = [{type: "RLIMIT_NOFILE", soft: 77, hard: 77}]
                | .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO"}]}
                | .hooks.startContainer = [{path: "/bin/sh", args: ["sh", "-c",
                        "cat >/dev/null; { id -u; pwd; ulimit -n; grep -E \"Cap(Eff|Prm|Bnd)|Seccomp:|NoNew\" /proc/self/status; mkdir /tmp/x || echo refused; } >/tmp/hook"]}]'
        args /bin/sh -c '{ id -u; pwd; ulimit -n; grep -E "Cap(Eff|Prm|Bnd)|Seccomp:|NoNew" /proc/self/status; mkdir /tmp/x || echo refused; } 2>/dev/null'
        run -0 --separate-stderr once
        has_line 1000 /home 77 refused
        is "$(cat "$B/rootfs/tmp/hook")" "$output"
}

# bats test_tags=berth
@test "hooks: startContainer without an environment of its own has the one of the program, with HOME" {
        bundle '.process.env += ["OWN=1"] | .process.user.uid = 1000
                | .hooks.startContainer = [{path: "/bin/sh", args: ["sh", "-c", "env | sort >/tmp/hook"]}]'
        chmod 777 "$B/rootfs/tmp"
        args /bin/sh -c 'env | sort | diff - /tmp/hook'
        run -0 once
        grep -qx HOME=/home "$B/rootfs/tmp/hook"
        grep -qx OWN=1 "$B/rootfs/tmp/hook"
}

@test "hooks: startContainer runs under a profile that knows no clone3, and without noNewPrivileges" {
        bundle '.process.noNewPrivileges = false
                | .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: 38}]}
                | .hooks.startContainer = [{path: "/bin/sh", args: ["sh", "-c", "cat >/tmp/hook"]}]'
        args /bin/cat /tmp/hook
        run -0 once
        is "$(jq -r .id <<<"$output")" "$ID"
}

# bats test_tags=berth
@test "hooks: one that the profile kills is named with its signal" {
        bundle '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_KILL"}]}
                | .hooks.startContainer = [{path: "/bin/sh", args: ["sh", "-c", "mkdir /dev/shm/foo"]}]'
        refused 'error running hook hooks.startContainer\[0\] /bin/sh: killed by signal 31 \(bad system call\)' once
}

@test "hooks: their working directory is the bundle" {
        bundle
        for name in prestart createRuntime poststart poststop; do
                edit '.hooks[$n] = [{path: "/bin/sh", args: ["sh", "-c", "cat >/dev/null; pwd >\($t)/\($n)"]}]' --arg n "$name" --arg t "$T"
        done
        args /bin/true
        run -0 once
        for name in prestart createRuntime poststart poststop; do
                is "$(cat "$T/$name")" "$B"
        done
}

# As for runc; crun has the bundle.
# bats test_tags=berth
@test "hooks: the working directory of createContainer is the root, before pivot_root" {
        bundle '.hooks.createContainer = [{path: "/bin/sh", args: ["sh", "-c", "cat >/dev/null; pwd; echo yes >./tmp/hooked"]}]'
        args /bin/cat /tmp/hooked
        run -0 once
        is "$output" yes
}

@test "hooks: one that lists no environment has the runtime's" {
        bundle
        for name in prestart createRuntime poststart poststop; do
                edit '.hooks[$n] = [{path: "/bin/sh", args: ["sh", "-c", "cat >/dev/null; echo $MARK $PATH >\($t)/\($n)"]}]' --arg n "$name" --arg t "$T"
        done
        args /bin/true
        MARK=marked run -0 once
        for name in prestart createRuntime poststart poststop; do
                is "$(cat "$T/$name")" "marked $PATH"
        done
}

@test "hooks: variables that are none reach the hook as they are" {
        bundle
        edit '.hooks.createRuntime = [{path: "/usr/bin/cp", args: ["cp", "/proc/self/environ", $t], env: ["PLAIN=1", "PLAIN", "=x", "TWICE=1", "TWICE=2"]}]' \
                --arg t "$T/environment"
        args /bin/true
        run -0 once
        run -0 tr '\0' '\n' <"$T/environment"
        is "$output" "$(printf '%s\n' PLAIN=1 PLAIN =x TWICE=2)"
}

# crun gives its own environment here, too.
@test "hooks: a startContainer hook that lists no environment has the program's" {
        is_runtime crun && skip "crun gives its own"
        bundle '.process.env += ["MARK=marked"] | .hooks.startContainer = [{path: "/bin/sh", args: ["sh", "-c", "cat >/dev/null; echo $MARK >/tmp/hooked"]}]'
        args /bin/cat /tmp/hooked
        run -0 --separate-stderr once
        is "$output" marked
}
