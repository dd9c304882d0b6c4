load ../lib/common

# Wrong configurations: one error that names the field by its JSON path, exit 1, nothing left behind.
# bats file_tags=berth

@test "config.json that is no JSON: empty, cut off, garbage, trailing words" {
        bundle
        local size
        size=$(wc -c <"$B/config.json")
        cp "$B/config.json" "$T/whole"
        for n in 0 1 2 10 100 $((size / 2)) $((size - 3)); do
                head -c "$n" "$T/whole" >"$B/config.json"
                refused 'config.json' create
        done
        echo '{"ociVersion": "1.0.2"} trailing' >"$B/config.json"
        refused 'config.json' create
        head -c 5000 /dev/urandom >"$B/config.json"
        refused 'config.json' create
        echo '[]' >"$B/config.json"
        refused 'object' create
        printf '\xef\xbb\xbf{}' >"$B/config.json"
        run -1 create
}

@test "config.json that is too deep or too large" {
        bundle
        printf '[%.0s' {1..100000} >"$B/config.json"
        refused 'config.json' create
        jq -c . "$TOP/tests/lib/config.json" | head -c -2 >"$B/config.json"
        printf ',"annotations":{"a":"%s"}}' "$(head -c 100000000 /dev/zero | tr '\0' x)" >>"$B/config.json"
        refused 'config.json|large|annotations' create
}

@test "config.json that is no regular file, or unreadable" {
        bundle
        rm "$B/config.json"
        mkfifo "$B/config.json"
        DEADLINE=5 refused 'config.json' create
        rm "$B/config.json"
        mkdir "$B/config.json"
        refused 'config.json' create
        rmdir "$B/config.json"
        ln -s /dev/zero "$B/config.json"
        DEADLINE=5 refused 'config.json' create
}

@test "strings with NUL are refused" {
        bundle
        refuse_all <<'TABLE'
.process.args = ["/bin/true", "a\u0000b"] -> NUL
.process.env = ["A=\u0000"] -> NUL
.process.cwd = "/a\u0000" -> NUL
.hostname = "a\u0000b" -> NUL
.root.path = "rootfs\u0000x" -> NUL
.mounts[0].destination = "/proc\u0000/x" -> NUL
TABLE
}

@test "top level" {
        bundle
        refuse_all <<'TABLE'
del(.ociVersion) -> ociVersion
.ociVersion = 1 -> ociVersion
.ociVersion = "one" -> ociVersion
.ociVersion = "2.0.0" -> ociVersion
del(.root) -> root
.root = "rootfs" -> root
del(.root.path) -> root\.path
.root.path = 5 -> root\.path
.root.path = "" -> root\.path
.root.path = "absent" -> root|absent
.root.path = "config.json" -> root|config\.json|directory
.root.readonly = "yes" -> root\.readonly
.hostname = 5 -> hostname
.hostname = ("x" * 65) -> hostname
.hostname = "x" | .linux.namespaces |= map(select(.type != "uts")) -> hostname
del(.hostname) | .domainname = "x" | .linux.namespaces |= map(select(.type != "uts")) -> domainname
.annotations = ["a"] -> annotations
.annotations = {"a": 1} -> annotations
.annotations = {"": "x"} -> annotations
.mounts = {} -> mounts
.hooks = [] -> hooks
.linux = "yes" -> linux
TABLE
}

@test "process" {
        bundle
        refuse_all <<'TABLE'
.process = [] -> process
.process.args = [] -> process\.args
del(.process.args) -> process\.args
.process.args = "sh" -> process\.args
.process.args = [5] -> process\.args\[0\]
.process.args = [""] -> process\.args|exec
del(.process.cwd) -> process\.cwd
.process.cwd = "" -> process\.cwd
.process.cwd = "relative" -> process\.cwd
.process.cwd = 5 -> process\.cwd
.process.env = {} -> process\.env
.process.env = ["NOEQUALS"] -> process\.env\[0\]
.process.env = ["=x"] -> process\.env\[0\]
.process.env = [1] -> process\.env\[0\]
.process.terminal = "no" -> process\.terminal
.process.user = "root" -> process\.user
.process.user.uid = "root" -> process\.user\.uid
.process.user.uid = -1 -> process\.user\.uid
.process.user.uid = 4294967296 -> process\.user\.uid
.process.user.uid = 1.5 -> process\.user\.uid
.process.user.gid = "0" -> process\.user\.gid
.process.user.umask = 4294967296 -> process\.user\.umask
.process.user.umask = -1 -> process\.user\.umask
.process.user.additionalGids = [-1] -> process\.user\.additionalGids\[0\]
.process.user.additionalGids = 5 -> process\.user\.additionalGids
.process.noNewPrivileges = 1 -> process\.noNewPrivileges
.process.consoleSize = {height: "x", width: 5} -> process\.consoleSize\.height
.process.oomScoreAdj = 1001 -> process\.oomScoreAdj
.process.oomScoreAdj = -1001 -> process\.oomScoreAdj
.process.oomScoreAdj = "0" -> process\.oomScoreAdj
.process.apparmorProfile = 5 -> process\.apparmorProfile
.process.selinuxLabel = [] -> process\.selinuxLabel
TABLE
}

@test "process: rlimits, capabilities" {
        bundle
        refuse_all <<'TABLE'
.process.rlimits = [{type: "RLIMIT_NOFILES", soft: 1, hard: 1}] -> process\.rlimits\[0\]\.type
.process.rlimits = [{type: "NOFILE", soft: 1, hard: 1}] -> process\.rlimits\[0\]\.type
.process.rlimits = [{soft: 1, hard: 1}] -> process\.rlimits\[0\]\.type
.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 1}] -> process\.rlimits\[0\]\.hard
.process.rlimits = [{type: "RLIMIT_NOFILE", hard: 1}] -> process\.rlimits\[0\]\.soft
.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 2, hard: 1}] -> process\.rlimits\[0\]
.process.rlimits = [{type: "RLIMIT_NOFILE", soft: -1, hard: 1}] -> process\.rlimits\[0\]\.soft
.process.rlimits = [{type: "RLIMIT_NOFILE", soft: "1", hard: 1}] -> process\.rlimits\[0\]\.soft
.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 1, hard: 1}, {type: "RLIMIT_NOFILE", soft: 1, hard: 1}] -> process\.rlimits\[1\]
.process.capabilities = ["CAP_KILL"] -> process\.capabilities
.process.capabilities.bounding = "CAP_KILL" -> process\.capabilities\.bounding
.process.capabilities.effective = [5] -> process\.capabilities\.effective\[0\]
TABLE
}

@test "process: scheduler, ioPriority, execCPUAffinity" {
        bundle
        refuse_all <<'TABLE'
.process.scheduler = {} -> process\.scheduler\.policy
.process.scheduler = {policy: "SCHED_FAIR"} -> process\.scheduler\.policy
.process.scheduler = {policy: "SCHED_OTHER", nice: 20} -> process\.scheduler\.nice
.process.scheduler = {policy: "SCHED_OTHER", nice: -21} -> process\.scheduler\.nice
.process.scheduler = {policy: "SCHED_OTHER", priority: 5} -> process\.scheduler\.priority
.process.scheduler = {policy: "SCHED_FIFO", priority: 100} -> process\.scheduler\.priority
.process.scheduler = {policy: "SCHED_OTHER", flags: ["SCHED_FLAG_X"]} -> process\.scheduler\.flags\[0\]
.process.scheduler = {policy: "SCHED_OTHER", runtime: 5} -> process\.scheduler
.process.ioPriority = {} -> process\.ioPriority\.class
.process.ioPriority = {class: "IOPRIO_CLASS_X", priority: 1} -> process\.ioPriority\.class
.process.ioPriority = {class: "IOPRIO_CLASS_BE", priority: 8} -> process\.ioPriority\.priority
.process.execCPUAffinity = {initial: "x"} -> process\.execCPUAffinity\.initial
.process.execCPUAffinity = {final: "0-"} -> process\.execCPUAffinity\.final
.process.execCPUAffinity = {final: "3-1"} -> process\.execCPUAffinity\.final
TABLE
}

@test "mounts" {
        bundle
        refuse_all <<'TABLE'
.mounts[0] = "proc" -> mounts\[0\]
del(.mounts[0].destination) -> mounts\[0\]\.destination
.mounts[0].destination = "" -> mounts\[0\]\.destination
.mounts[0].destination = 5 -> mounts\[0\]\.destination
.mounts[1].source = 5 -> mounts\[1\]\.source
.mounts[1].type = 5 -> mounts\[1\]\.type
.mounts[1].options = "ro" -> mounts\[1\]\.options
.mounts[1].options = [5] -> mounts\[1\]\.options\[0\]
.mounts += [{destination: "/x", type: "bind", options: ["bind"]}] -> mounts\[7\]\.source
.mounts += [{destination: "/x", source: "x"}] -> mounts\[7\]\.type
TABLE
}

@test "linux: namespaces" {
        bundle
        refuse_all <<'TABLE'
.linux.namespaces = {} -> linux\.namespaces
.linux.namespaces += [{type: "pid"}] -> linux\.namespaces\[6\]
.linux.namespaces += [{type: "file"}] -> linux\.namespaces\[6\]\.type
.linux.namespaces += [{}] -> linux\.namespaces\[6\]\.type
.linux.namespaces[0].path = "relative" -> linux\.namespaces\[0\]\.path
.linux.namespaces[0].path = "/absent/ns" -> linux\.namespaces\[0\]\.path|/absent/ns
.linux.namespaces[0].path = "/etc/passwd" -> linux\.namespaces\[0\]\.path|/etc/passwd
.linux.namespaces[0].path = "/proc/self/ns/net" -> linux\.namespaces\[0\]\.path|/proc/self/ns/net
.linux.namespaces[1].path = "/proc/self/ns/mnt" -> linux\.namespaces\[1\]\.path|/proc/self/ns/mnt
.linux.namespaces[0].path = "/dev/zero" -> linux\.namespaces\[0\]\.path|/dev/zero
.linux.namespaces |= map(select(.type != "mount")) -> mount|linux\.namespaces
.linux.timeOffsets = {monotonic: {secs: 5}} -> linux\.timeOffsets
.linux.namespaces += [{type: "time"}] | .linux.timeOffsets = {monotonic: {secs: 5, nanosecs: 1000000000}} -> linux\.timeOffsets\.monotonic\.nanosecs
.linux.namespaces += [{type: "time"}] | .linux.timeOffsets = {realtime: {secs: "5"}, boottime: {secs: "x"}} -> linux\.timeOffsets\.boottime\.secs
TABLE
}

@test "linux: devices, netDevices, paths, propagation, personality, memoryPolicy, intelRdt" {
        bundle
        refuse_all <<'TABLE'
.linux.devices = [{path: "/dev/x", major: 1, minor: 3}] -> linux\.devices\[0\]\.type
.linux.devices = [{type: "d", path: "/dev/x", major: 1, minor: 3}] -> linux\.devices\[0\]\.type
.linux.devices = [{type: "c", major: 1, minor: 3}] -> linux\.devices\[0\]\.path
.linux.devices = [{type: "c", path: "x", major: 1, minor: 3}] -> linux\.devices\[0\]\.path
.linux.devices = [{type: "c", path: "/dev/x", minor: 3}] -> linux\.devices\[0\]\.major
.linux.devices = [{type: "c", path: "/dev/x", major: -1, minor: 3}] -> linux\.devices\[0\]\.major
.linux.devices = [{type: "c", path: "/dev/x", major: 1, minor: 3, fileMode: 100000}] -> linux\.devices\[0\]\.fileMode
.linux.devices = [{type: "c", path: "/dev/x", major: 1, minor: 3, uid: "root"}] -> linux\.devices\[0\]\.uid
.linux.netDevices = {"": {}} -> linux\.netDevices
.linux.netDevices = {"a/b": {}} -> linux\.netDevices
.linux.netDevices = {"averyveryverylongname": {}} -> linux\.netDevices
.linux.netDevices = {"eth0": {name: "averyveryverylongname"}} -> linux\.netDevices
.linux.maskedPaths = ["relative"] -> linux\.maskedPaths\[0\]
.linux.maskedPaths = "x" -> linux\.maskedPaths
.linux.readonlyPaths = [5] -> linux\.readonlyPaths\[0\]
.linux.readonlyPaths = ["relative"] -> linux\.readonlyPaths\[0\]
.linux.rootfsPropagation = "open" -> linux\.rootfsPropagation
.linux.personality = {domain: "BSD"} -> linux\.personality\.domain
.linux.personality = {domain: "LINUX", flags: ["X"]} -> linux\.personality\.flags
.linux.memoryPolicy = {} -> linux\.memoryPolicy\.mode
.linux.memoryPolicy = {mode: "MPOL_X"} -> linux\.memoryPolicy\.mode
.linux.memoryPolicy = {mode: "MPOL_BIND", nodes: "x"} -> linux\.memoryPolicy\.nodes
.linux.memoryPolicy = {mode: "MPOL_BIND"} -> linux\.memoryPolicy\.nodes
.linux.memoryPolicy = {mode: "MPOL_BIND", nodes: "0", flags: ["MPOL_F_X"]} -> linux\.memoryPolicy\.flags\[0\]
.linux.intelRdt = {closID: "../x"} -> linux\.intelRdt\.closID
.linux.intelRdt = {closID: "x"} -> intelRdt|resctrl
.linux.sysctl = {"net.ipv4.ip_forward": 1} -> linux\.sysctl
.linux.sysctl = {"": "1"} -> linux\.sysctl
.linux.cgroupsPath = 5 -> linux\.cgroupsPath
.linux.cgroupsPath = "/a/../../b" -> linux\.cgroupsPath|cgroup
TABLE
}

@test "linux.resources" {
        bundle
        refuse_all <<'TABLE'
.linux.resources = [] -> linux\.resources
.linux.resources.memory = {limit: "1g"} -> linux\.resources\.memory\.limit
.linux.resources.memory = {limit: -2} -> linux\.resources\.memory\.limit
.linux.resources.memory = {limit: 1e30} -> linux\.resources\.memory\.limit
.linux.resources.pids = {limit: "x"} -> linux\.resources\.pids\.limit
.linux.resources.pids = {limit: -5} -> linux\.resources\.pids\.limit
.linux.resources.cpu = {shares: -1} -> linux\.resources\.cpu\.shares
.linux.resources.cpu = {mems: "0,,1"} -> linux\.resources\.cpu\.mems
.linux.resources.hugepageLimits = [{limit: 5}] -> linux\.resources\.hugepageLimits\[0\]\.pageSize
.linux.resources.hugepageLimits = [{pageSize: "2MB"}] -> linux\.resources\.hugepageLimits\[0\]\.limit
.linux.resources.blockIO = {throttleReadBpsDevice: [{major: 8, minor: 0}]} -> linux\.resources\.blockIO\.throttleReadBpsDevice\[0\]\.rate
.linux.resources.unified = {"a/b": "1"} -> linux\.resources\.unified
.linux.resources.unified = {"a.b": 1} -> linux\.resources\.unified
TABLE
}

@test "unknown fields and annotations are no error; neither are other platforms' sections" {
        bundle '.future = {x: 1} | .process.future = 1 | .linux.future = [] | .annotations = {"org.example.anything": "x"} |
                .windows = {layerFolders: []} | .solaris = {} | .process.commandLine = "x"'
        args /bin/true
        run -0 once
}

@test "duplicate keys: the last one counts or it is refused, never both" {
        bundle
        sed 's|"args": \["/bin/probe"\]|"args": ["/bin/false"], "args": ["/bin/true"]|; /"args": \[$/,/\]/d' "$TOP/tests/lib/config.json" >"$B/config.json"
        run once
        [ "$status" -eq 0 ] || [[ $output == *args* ]]
}

@test "a state directory that cannot be written is refused by its name" {
        bundle
        mkdir "$T/readonly"
        mount -t tmpfs -o ro tmpfs "$T/readonly"
        defer "umount $T/readonly"
        ROOT=$T/readonly/state refused 'readonly' create
        ROOT=/proc/nowhere refused '/proc/nowhere' create
}

@test "a full disk under the state directory: an error, and nothing is left" {
        bundle
        mkdir "$T/full"
        mount -t tmpfs -o size=64k,nr_inodes=20 tmpfs "$T/full"
        defer "umount $T/full"
        head -c 65536 /dev/zero >"$T/full/filler" 2>/dev/null || true
        ROOT=$T/full refused '[Nn]o space' create
        is "$(ls "$T/full")" filler
        run ls /sys/fs/cgroup
        lacks "$ID"
}

@test "a full disk under the root file system: an error, and nothing is left" {
        mkdir "$T/full"
        mount -t tmpfs -o size=4m,nr_inodes=100 tmpfs "$T/full"
        defer "umount $T/full"
        B=$T/full bundle
        B=$T/full
        edit '.mounts += [range(60) | {destination: "/m\(.)", type: "tmpfs", source: "x"}]'
        refused '[Nn]o space' create
}

@test "create that is interrupted while a hook runs leaves nothing: no hook, no container" {
        bundle
        printf '#!/bin/sh\necho >%s/hooked\nexec sleep 1000\n' "$T" >"$T/slow.sh"
        chmod +x "$T/slow.sh"
        edit '.hooks.createRuntime = [{path: $t}]' --arg t "$T/slow.sh"
        for signal in INT TERM HUP; do
                # A shell's background job ignores SIGINT: give it back.
                timeout -k 1 10 env --default-signal=INT "$BERTH" --root "$ROOT" create --bundle "$B" "$ID" </dev/null >"$T/out" 2>&1 3>&- 4>&- &
                waiter=$!
                eventually test -e "$T/hooked"
                pkill -$signal -P $waiter
                wait $waiter && false
                [ ! -e "$ROOT/$ID" ]
                none_lives sleep
                rm -f "$T/hooked"
        done
}

# bats test_tags=berth
@test "a pid file takes no device's, pipe's or directory's place" {
        bundle
        args /bin/probe wait
        mknod "$T/null" c 1 3
        mkfifo "$T/pipe"
        mkdir "$T/directory"
        for file in null pipe directory; do
                refused "pid file $T/$file: there is something that is no regular file" create --pid-file "$T/$file"
        done
        is "$(stat -c %F "$T/null")" "character special file"
        is "$(stat -c %F "$T/pipe")" fifo
        refused "pid file: the path is empty" create --pid-file ""
}

# bats test_tags=berth
@test "a pipe where a record or a configuration should be holds no command up" {
        launch_waiting
        mv "$ROOT/$ID/record.json" "$T/record"
        mkfifo "$ROOT/$ID/record.json"
        run -1 berth state "$ID"
        has "read record.json: "
        run -0 berth list
        has "skipped"
        mv "$T/record" "$ROOT/$ID/record.json"
        mv "$ROOT/$ID/config.json" "$T/config"
        mkfifo "$ROOT/$ID/config.json"
        run -255 berth exec "$ID" /bin/probe true
        has "read the saved configuration: "
        mv "$T/config" "$ROOT/$ID/config.json"
}

# bats test_tags=berth
@test "the copy of a configuration that a container keeps says the same without the space between its words" {
        launch_waiting '.annotations = {"two  words": "a \" : \\", "tab": "\t \\t"} | .process.env += ["SPACED=a  b , c"]'
        is "$(jq -cS . "$ROOT/$ID/config.json")" "$(jq -cS . "$B/config.json")"
        is "$(cat "$ROOT/$ID/config.json")" "$(jq -c . "$B/config.json")"
        [ "$(wc -l <"$B/config.json")" -gt 1 ]
        run -0 berth exec "$ID" /bin/sh -c 'echo "$SPACED"'
        is "$output" "a  b , c"
}

# bats test_tags=berth
@test "a console socket that nobody takes connections from is refused in time" {
        bundle '.process.terminal = true'
        python3 - "$T/socket" <<'END' 3>&- 4>&-
import os, socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen(0)
waiting = socket.socket(socket.AF_UNIX)
waiting.connect(sys.argv[1])
if os.fork():
        os._exit(0)
for fd in range(3):
        os.close(fd)
import time
time.sleep(100)
END
        refused "connect to socket $T/socket: .*timed out" create --console-socket "$T/socket"
        pkill -x python3
        eventually none_lives python3
}
