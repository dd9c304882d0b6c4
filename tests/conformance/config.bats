load ../lib/common

# Each MUST of config.md, by section. Runs on any runtime: BERTH=/usr/bin/crun.

inside() { # inside FILTER COMMAND...: the output of a command in a container with that configuration
        local filter=$1

        shift
        [ -d "$B/rootfs" ] || bundle
        jq "$filter" "$TOP/tests/lib/config.json" >"$B/config.json"
        args "$@"
        run once
}

@test "config.md Specification version: ociVersion is REQUIRED; 1.x is taken" {
        for version in 1.0.0 1.0.2-dev 1.1.0 1.2.1 1.3.0; do
                inside ".ociVersion = \"$version\"" /bin/true
                [ "$status" -eq 0 ]
        done
        is_runtime berth || return 0
        inside 'del(.ociVersion)' /bin/true
        [ "$status" -ne 0 ]
}

@test "config.md Root: path is REQUIRED and must exist" {
        inside 'del(.root.path)' /bin/true
        [ "$status" -ne 0 ]
        inside '.root.path = "/absent"' /bin/true
        [ "$status" -ne 0 ]
}

@test "config.md Root: path may be relative to the bundle or absolute" {
        inside '.root.path = "rootfs"' /bin/echo hello
        is "$output" hello
        inside ".root.path = \"$B/rootfs\"" /bin/echo hello
        is "$output" hello
}

@test "config.md Root: readonly makes it read-only, default is writable" {
        inside '.root.readonly = true' /bin/touch /x
        [ "$status" -ne 0 ]
        inside 'del(.root.readonly)' /bin/touch /x
        [ "$status" -eq 0 ]
}

@test "config.md Mounts: are mounted in the listed order" {
        inside '.mounts += [{destination: "/tmp", type: "tmpfs", source: "a"}, {destination: "/tmp", type: "tmpfs", source: "b"}]' /bin/probe mounts
        is "$(grep -oE ' /tmp .*- tmpfs [ab]' <<<"$output" | tail -c 2)" b
}

@test "config.md Mounts: bind and rbind take files and directories, read-only when they say so" {
        mkdir "$T/d"
        echo hello >"$T/d/f"
        inside ".mounts += [{destination: \"/d\", source: \"$T/d\", options: [\"rbind\", \"ro\"]}, {destination: \"/f\", type: \"bind\", source: \"$T/d/f\", options: [\"bind\"]}]" \
                /bin/sh -c 'cat /d/f /f; touch /d/x'
        is "$(grep -c hello <<<"$output")" 2
        [ "$status" -ne 0 ]
}

@test "config.md Mounts: every option that MUST be supported is" {
        is_runtime berth || skip "see integration/mount_options for each"
        local option bad=0
        for option in async atime bind defaults dev diratime dirsync exec iversion lazytime loud noatime nodev nodiratime \
                noexec noiversion nolazytime norelatime nostrictatime nosuid private ratime rbind rdev rdiratime relatime \
                rexec rnoatime rnodev rnodiratime rnoexec rnorelatime rnostrictatime rnosuid ro rprivate rrelatime rro rrw \
                rshared rslave rstrictatime rsuid runbindable rw shared silent slave strictatime suid sync unbindable \
                nosymfollow symfollow rnosymfollow rsymfollow tmpcopyup; do
                case $option in
                bind | rbind | r[a-z]*) inside ".mounts += [{destination: \"/m\", type: \"bind\", source: \"$T\", options: [\"rbind\", \"$option\"]}]" /bin/true ;;
                *) inside ".mounts += [{destination: \"/m\", type: \"tmpfs\", source: \"m\", options: [\"$option\"]}]" /bin/true ;;
                esac
                [ "$status" -eq 0 ] || { echo "$option: $output"; bad=1; }
        done
        return $bad
}

@test "config.md Process: cwd is REQUIRED and absolute" {
        inside 'del(.process.cwd)' /bin/true
        [ "$status" -ne 0 ]
        inside '.process.cwd = "relative"' /bin/true
        [ "$status" -ne 0 ]
        inside '.process.cwd = "/tmp"' /bin/pwd
        is "$output" /tmp
}

@test "config.md Process: env is the program's, with execvp's semantics for args[0]" {
        inside '.process.env = ["PATH=/bin", "A=b c"]' sh -c 'echo "$A"'
        is "$output" "b c"
}

@test "config.md Process: args has at least one entry" {
        bundle '.process.args = []'
        run ! once
        edit 'del(.process.args)'
        run ! once
}

@test "config.md Process: terminal and consoleSize" {
        bundle '.process.terminal = true | .process.consoleSize = {height: 12, width: 34}'
        args /bin/probe winsize
        listener console console
        berth create --bundle "$B" --console-socket "$T/console.sock" "$ID" </dev/null >"$T/out" 2>&1
        berth start "$ID"
        wait $LISTENER
        grep -q 12x34 "$T/console"
}

@test "config.md POSIX process: rlimits are set; a type named twice, or unknown, is an error" {
        inside '.process.rlimits = [{type: "RLIMIT_CORE", soft: 1024, hard: 2048}]' /bin/probe limits
        fact_is RLIMIT_CORE "1024 2048"
        inside '.process.rlimits = [{type: "RLIMIT_X", soft: 1, hard: 1}]' /bin/true
        [ "$status" -ne 0 ]
        is_runtime berth || is_runtime runc || return 0
        inside '.process.rlimits = [{type: "RLIMIT_CORE", soft: 1, hard: 1}, {type: "RLIMIT_CORE", soft: 2, hard: 2}]' /bin/true
        [ "$status" -ne 0 ]
}

@test "config.md Linux process: capabilities outside of the sets are not there" {
        inside '.process.capabilities = {bounding: ["CAP_KILL"], permitted: ["CAP_KILL"], effective: ["CAP_KILL"]}' /bin/probe caps
        fact_is bounding 0000000000000020
        fact_is effective 0000000000000020
}

@test "config.md Linux process: capabilities that cannot be granted are warned of, not an error (1.1)" {
        is_runtime berth || skip "since 1.1, these are older"
        inside '.process.capabilities.bounding += ["CAP_NONSENSE"]' /bin/true
        [ "$status" -eq 0 ]
}

@test "config.md Linux process: noNewPrivileges" {
        inside '.process.noNewPrivileges = true' /bin/probe locks
        fact_is no_new_privs 1
}

@test "config.md Linux process: oomScoreAdj is set, and unchanged when absent" {
        inside '.process.oomScoreAdj = 100' /bin/probe process
        fact_is oom_score_adj 100
        inside . /bin/probe process
        fact_is oom_score_adj "$(cat /proc/self/oom_score_adj)"
}

@test "config.md User: uid, gid, umask, additionalGids" {
        inside '.process.user = {uid: 10, gid: 20, umask: 18, additionalGids: [30]}' /bin/probe ids process
        fact_is uid "10 10 10"
        fact_is gid "20 20 20"
        fact_is umask 0022
        [[ " $(fact groups) " == *" 30 "* ]]
}

@test "config.md Hostname and domainname: as the container sees them; an error without a uts namespace" {
        inside '.hostname = "h"' /bin/hostname
        is "$output" h
        is_runtime berth || is_runtime runc || return 0
        inside '.hostname = "h" | .linux.namespaces |= map(select(.type != "uts"))' /bin/true
        [ "$status" -ne 0 ]
}

@test "config.md Annotations: values are strings, keys are not empty; unknown keys are ignored" {
        inside '.annotations = {"unknown.key": "v"}' /bin/true
        [ "$status" -eq 0 ]
        inside '.annotations = {"k": 5}' /bin/true
        [ "$status" -ne 0 ]
}

@test "config.md Extensibility: unknown properties are ignored" {
        inside '.unknown = {a: [1]} | .process.unknown = true | .linux.unknown = "x"' /bin/true
        [ "$status" -eq 0 ]
}

@test "config.md Valid values: an invalid value of a known property is an error" {
        inside '.process.terminal = "maybe"' /bin/true
        [ "$status" -ne 0 ]
        inside '.linux.namespaces += [{type: "nonsense"}]' /bin/true
        [ "$status" -ne 0 ]
        is_runtime crun && return 0
        inside '.linux.rootfsPropagation = "nonsense"' /bin/true
        [ "$status" -ne 0 ]
}
