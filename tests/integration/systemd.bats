# view: systemd
# The systemd cgroup driver, with a systemd of the view's own. What needs controllers runs where the host has them.

load ../lib/common
load ../lib/systemd

# bats file_tags=berth

# What the first scope of all makes stays: system.slice, a directory of systemd's.
setup_file() {
        systemd-run --quiet --scope --unit=first.scope true
        eventually is_gone first.scope
}

teardown() {
        rm -f /run/systemd/show-status # a note of systemd's about failures
        common_teardown
}

berth() {
        timeout -k 2 "$DEADLINE" "${PROGRAM:-$BERTH}" --root "$ROOT" ${FLAG---systemd-cgroup} "$@" 3>&- 4>&-
}

unit() {
        echo "berth-${1:-$ID}.scope"
}

is_property() {
        is "$(property "$1" "$(unit)")" "$2"
}

file_of() { # file_of FILE: a file of the container's scope
        cat "/sys/fs/cgroup/${SLICE:-system.slice}/$(unit)/$1"
}

# helper SCRIPT: a berth whose helper is this script; $REAL is the real one. Every call of it is a line in $T/calls.
helper() {
        mkdir -p "$T/bin"
        cp "$BERTH" "$T/bin/berth"
        export REAL=${BERTH%/*}/berth-systemd CALLS=$T/calls
        [ -x "$REAL" ] || REAL=${BERTH%/bin/*}/libexec/berth/berth-systemd
        printf '#!/bin/bash\necho "$3 $4" >>"$CALLS"\n%s\n' "$1" >"$T/bin/berth-systemd"
        chmod 755 "$T/bin/berth-systemd"
        : >"$T/calls"
        PROGRAM=$T/bin/berth
}

# Nothing of a failed create is left.
nothing_left() {
        [ ! -e "$ROOT/$ID" ]
        is_gone "$(unit)"
        is "$(find /sys/fs/cgroup -name "$(unit)")" ""
}

# ---- a container is a scope ----

@test "systemd: a container is a scope of its own, described, without dependencies" {
        launch_waiting
        is "$(cgroup_of)" "/sys/fs/cgroup/system.slice/$(unit)"
        grep -qx "$(pid_of)" "$(cgroup_of)/cgroup.procs"
        is "$(wc -l <"$(cgroup_of)/cgroup.procs")" 1
        is_property ActiveState active
        is_property Slice system.slice
        is_property Delegate yes
        is_property CollectMode inactive-or-failed
        [[ $(property Description "$(unit)") == "berth container $ID, created "* ]]
        [[ $(property Conflicts "$(unit)") != *shutdown.target* ]]
}

@test "systemd: later commands go by the record, not by their own --systemd-cgroup" {
        launch_waiting
        FLAG=
        is "$(state '."systemd-scope"')" "$(unit)"
        berth exec "$ID" /bin/true
        berth pause "$ID"
        is_state paused
        is "$(file_of cgroup.freeze)" 1
        berth resume "$ID"
        is "$(berth ps --format json "$ID" | jq -c .)" "[$(pid_of)]"
        berth events --stats "$ID" | jq -e '.type == "stats"'
        berth kill "$ID" KILL
        eventually is_state stopped
        berth delete "$ID"
        nothing_left
}

@test "systemd: a process of exec is in the scope" {
        launch_waiting
        berth exec --detach --pid-file "$T/pid" "$ID" /bin/probe wait </dev/null >"$T/exec" 2>&1
        grep -q "^0::/system.slice/$(unit)\$" "/proc/$(cat "$T/pid")/cgroup"
}

@test "systemd: cgroupsPath is slice, prefix and name; the slice is made" {
        defer 'systemctl stop tests.slice'
        launch_waiting '.linux.cgroupsPath = "tests-one-two.slice:cri:web"'
        is "$(cgroup_of)" /sys/fs/cgroup/tests.slice/tests-one.slice/tests-one-two.slice/cri-web.scope
        berth delete --force "$ID"
        launch_waiting_again '.linux.cgroupsPath = "-.slice::web"'
        is "$(cgroup_of)" /sys/fs/cgroup/web.scope
}

launch_waiting_again() {
        edit "$1"
        launch
}

@test "systemd: a wrong cgroupsPath is refused, and says what is expected" {
        refuse_all <<'TABLE'
.linux.cgroupsPath = "/system.slice/x" -> cgroupsPath.*slice:prefix:name
.linux.cgroupsPath = "a:b" -> cgroupsPath.*slice:prefix:name
.linux.cgroupsPath = "system:b:c" -> cgroupsPath.*slice
.linux.cgroupsPath = "a--b.slice:b:c" -> cgroupsPath.*slice
.linux.cgroupsPath = "system.slice:b:c.slice" -> cgroupsPath.*cannot be a slice
.linux.cgroupsPath = "system.slice:b:c d" -> cgroupsPath.*name of a systemd unit
.linux.cgroupsPath = "system.slice:b:" -> cgroupsPath.*name is missing
TABLE
}

@test "systemd: a slice that cannot be is an error that says why" {
        mkdir -p /run/systemd/system
        ln -s /dev/null /run/systemd/system/masked.slice
        defer 'rm /run/systemd/system/masked.slice; systemctl daemon-reload'
        systemctl daemon-reload
        bundle '.linux.cgroupsPath = "masked.slice::web"'
        refused 'masked.slice.*masked' create
}

@test "systemd: the same id again right after delete, twenty times; the unit is gone each time" {
        bundle
        args /bin/probe wait
        for _ in {1..20}; do
                create
                berth delete --force "$ID"
                is_gone "$(unit)"
        done
        nothing_left
}

@test "systemd: run in the foreground gives the status and leaves nothing" {
        bundle
        args /bin/probe exit 5
        run -5 once
        nothing_left
}

@test "systemd: one request for a container's life, none for exec, state, list, kill, pause" {
        helper 'exec "$REAL" "$@"'
        launch_waiting
        berth exec "$ID" /bin/true
        berth list
        berth state "$ID"
        berth pause "$ID"
        berth resume "$ID"
        berth kill "$ID" KILL
        eventually is_state stopped
        berth delete "$ID"
        is "$(cat "$T/calls")" "start $(unit)"
}

@test "systemd: features says that the driver is there" {
        run -0 "$BERTH" features
        is "$(jq -c '.linux.cgroup | [.systemd, .systemdUser]' <<<"$output")" '[true,true]'
        jq -e '.potentiallyUnsafeConfigAnnotations | index("org.systemd.property.") and index("run.oci.")' <<<"$output"
}

@test "systemd: what stops the unit stops the container" {
        launch_waiting
        systemctl kill --signal=KILL "$(unit)"
        eventually is_state stopped
        run ! berth exec "$ID" /bin/true
        has stopped
        berth delete "$ID"
        nothing_left
}

@test "systemd: over the message bus where systemd's own socket is not to be used" {
        start_message_bus
        defer stop_message_bus
        export DBUS_SYSTEM_BUS_ADDRESS=unix:path=/run/dbus/system_bus_socket
        launch_waiting
        berth delete --force "$ID"
        for _ in {1..5}; do
                launch_waiting_again .
                berth delete --force "$ID"
        done
        nothing_left
}

# ---- sub-group ----

@test "run.oci.systemd.subgroup: the processes in a group below the scope, the limits on the scope" {
        launch_waiting '.annotations = {"run.oci.systemd.subgroup": "inner"} | .linux.resources.unified = {"cgroup.max.depth": "7"}'
        is "$(cgroup_of)" "/sys/fs/cgroup/system.slice/$(unit)/inner"
        is "$(file_of cgroup.procs)" ""
        is "$(file_of cgroup.max.depth)" 7
        is "$(file_of inner/cgroup.max.depth)" max
        is "$(file_of cgroup.subtree_control)" "$(file_of cgroup.controllers)"
        run -0 berth exec "$ID" /bin/probe cgroup
        has 0::/
        lacks inner
        berth exec --detach --pid-file "$T/pid" "$ID" /bin/probe wait </dev/null >"$T/exec" 2>&1
        grep -q "^0::/system.slice/$(unit)/inner\$" "/proc/$(cat "$T/pid")/cgroup"
        is "$(berth ps --format json "$ID" | jq length)" 2
        berth pause "$ID"
        is_state paused
        berth resume "$ID"
        berth delete --force "$ID"
        nothing_left
}

@test "run.oci.systemd.subgroup: empty is none, more than a name is refused" {
        launch_waiting '.annotations = {"run.oci.systemd.subgroup": ""}'
        is "$(cgroup_of)" "/sys/fs/cgroup/system.slice/$(unit)"
        berth delete --force "$ID"
        refuse_all <<'TABLE'
.annotations = {"run.oci.systemd.subgroup": "../x"} -> run.oci.systemd.subgroup
.annotations = {"run.oci.systemd.subgroup": "a/b"} -> run.oci.systemd.subgroup
.annotations = {"run.oci.systemd.subgroup": "cgroup.procs"} -> run.oci.systemd.subgroup
TABLE
}

@test "systemd: the group of a container with a writable cgroup and a user namespace is its root's" {
        bundle '.linux.namespaces += [{type: "user"}] | .annotations = {"run.oci.systemd.subgroup": "inner"} |
                .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 1000}] | .linux.gidMappings = .linux.uidMappings |
                (.mounts[] | select(.destination == "/sys/fs/cgroup") | .options) = ["rw"]'
        chown -Rh 100000:100000 "$B/rootfs"
        args /bin/probe wait
        launch
        is "$(stat -c %u "$(cgroup_of)" "$(cgroup_of)/cgroup.procs" "$(cgroup_of)/.." | tr '\n' ' ')" "100000 100000 0 "
        berth exec "$ID" /bin/sh -c 'mkdir /sys/fs/cgroup/below && echo $$ >/sys/fs/cgroup/below/cgroup.procs'
}

# ---- annotations ----

@test "org.systemd.property: properties of the unit, in GVariant's text format" {
        launch_waiting '.annotations = {
                "org.systemd.property.TimeoutStopUSec": "uint64 12000000",
                "org.systemd.property.RuntimeMaxSec": "3600",
                "org.systemd.property.KillSignal": "15",
                "org.systemd.property.SendSIGHUP": "true",
                "org.systemd.property.After": "[\"nothing.service\"]",
                "org.systemd.property.DefaultDependencies": "true",
                "org.systemd.property.CollectMode": "\u0027inactive-or-failed\u0027"}'
        is_property TimeoutStopUSec 12s
        is_property RuntimeMaxUSec 1h
        is_property SendSIGHUP yes
        [[ " $(property After "$(unit)") " == *" nothing.service "* ]]
        is_property DefaultDependencies yes
}

@test "org.systemd.property: what is wrong is refused with the annotation's name" {
        refuse_all <<'TABLE'
.annotations = {"org.systemd.property.PIDs": "[uint32 1]"} -> property.PIDs.*berth sets
.annotations = {"org.systemd.property.Slice": "'a.slice'"} -> property.Slice.*berth sets
.annotations = {"org.systemd.property.Delegate": "false"} -> property.Delegate.*berth sets
.annotations = {"org.systemd.property.Kill Signal": "15"} -> property.Kill Signal.*no name
.annotations = {"org.systemd.property.KillSignal": "SIGTERM"} -> property.KillSignal.*unknown word
.annotations = {"org.systemd.property.KillSignal": "uint32 -1"} -> property.KillSignal
.annotations = {"org.systemd.property.TimeoutStopSec": "'long'"} -> property.TimeoutStopSec.*seconds
.annotations = {"org.systemd.property.NoSuchThing": "true"} -> NoSuchThing
.annotations = {"org.systemd.property.KillSignal": "'fifteen'"} -> property.KillSignal.*Unexpected message contents
TABLE
        nothing_left
}

# ---- limits ----

# bats test_tags=lab
@test "systemd: limits are in force, and systemd knows them" {
        needs_controller memory
        launch_waiting '.linux.resources = {
                memory: {limit: 67108864, reservation: 33554432, swap: 134217728},
                cpu: {shares: 2048, quota: 50000, period: 100000, cpus: "0", mems: "0"},
                pids: {limit: 30}, blockIO: {weight: 500}, unified: {"memory.high": "60000000"}}'
        is "$(file_of memory.max)" 67108864
        is_property MemoryMax 67108864
        is "$(file_of memory.low)" 33554432
        is_property MemoryLow 33554432
        is "$(file_of memory.swap.max)" 67108864
        is_property MemorySwapMax 67108864
        is_property MemoryHigh 60000000
        is "$(file_of cpu.max)" "50000 100000"
        is_property CPUQuotaPerSecUSec 500ms
        is_property CPUWeight "$(file_of cpu.weight)"
        is "$(file_of cpuset.cpus)" 0
        is_property AllowedCPUs 0
        is_property AllowedMemoryNodes 0
        is "$(file_of pids.max)" 30
        is_property TasksMax 30
        is_property IOWeight 4950
        is "$(file_of io.weight)" "default 4950"
}

# bats test_tags=lab
@test "systemd: a reload of systemd does not lose a limit" {
        needs_controller memory
        launch_waiting '.linux.resources = {memory: {limit: 67108864}, cpu: {idle: 1}, pids: {limit: 30}}'
        before=$(cat /sys/fs/cgroup/system.slice/"$(unit)"/{memory.max,cpu.idle,pids.max})
        systemctl daemon-reload
        systemctl set-property --runtime "$(unit)" IOWeight=77
        is "$(cat /sys/fs/cgroup/system.slice/"$(unit)"/{memory.max,cpu.idle,pids.max})" "$before"
        is "$(file_of io.weight)" "default 77"
        systemctl daemon-reexec
        is "$(cat /sys/fs/cgroup/system.slice/"$(unit)"/{memory.max,cpu.idle,pids.max})" "$before"
        berth exec "$ID" /bin/true
}

# bats test_tags=lab
@test "systemd: a limit of devices is on the device, and systemd knows it" {
        needs_controller io
        device=$(lsblk -dnro MAJ:MIN | grep -v '^[17]:' | head -n 1)
        [ -n "$device" ] || skip "this machine has no block device to limit"
        launch_waiting ".linux.resources.blockIO = {throttleReadBpsDevice: [{major: ${device%:*}, minor: ${device#*:}, rate: 1048576}]}"
        [[ $(file_of io.max) == "$device rbps=1048576 "* ]]
        is_property IOReadBandwidthMax "/dev/block/$device 1048576"
}

@test "systemd: a controller that systemd does not know is enabled all the same" {
        needs_controller hugetlb
        launch_waiting '.linux.resources.hugepageLimits = [{pageSize: "2MB", limit: 4194304}]'
        is "$(file_of hugetlb.2MB.max)" 4194304
        systemctl daemon-reload
        is "$(file_of hugetlb.2MB.max)" 4194304
        FLAG= berth update --resources - "$ID" <<<'{"hugepageLimits": [{"pageSize": "2MB", "limit": 8388608}]}'
        is "$(file_of hugetlb.2MB.max)" 8388608
}

@test "systemd: a container without limits has all controllers, also those that systemd does not know" {
        launch_waiting 'del(.linux.resources)'
        is "$(file_of cgroup.controllers)" "$(cat /sys/fs/cgroup/cgroup.controllers)"
}

# bats test_tags=lab
@test "systemd: a container of one process and one of 512 KiB start" {
        needs_controller memory
        bundle '.linux.resources = {memory: {limit: 524288}, pids: {limit: 1}}'
        args /bin/probe
        run -0 once
        fact_is pid 1
}

# bats test_tags=lab
@test "systemd: update changes the limit and what systemd knows of it" {
        needs_controller memory
        launch_waiting '.linux.resources = {memory: {limit: 67108864}, pids: {limit: 30}}'
        FLAG= berth update --memory 128m --pids-limit 40 --cpu-quota 20000 --cpu-period 100000 "$ID"
        is "$(file_of memory.max)" 134217728
        is_property MemoryMax 134217728
        is "$(file_of pids.max)" 40
        is_property TasksMax 40
        is "$(file_of cpu.max)" "20000 100000"
        is_property CPUQuotaPerSecUSec 200ms
        systemctl daemon-reload
        is "$(file_of memory.max)" 134217728
        berth update --memory -1 "$ID"
        is "$(file_of memory.max)" max
        is_property MemoryMax infinity
}

# bats test_tags=lab
@test "systemd: an update that fails leaves the old limits, in both places" {
        needs_controller memory
        launch_waiting '.linux.resources = {memory: {limit: 67108864}, pids: {limit: 30}}'
        run -1 berth update --resources - "$ID" <<<'{"memory": {"limit": 33554432}, "unified": {"memory.no.such": "1"}}'
        has memory.no.such
        is "$(file_of memory.max)" 67108864
        is_property MemoryMax 67108864
        # systemd itself refuses: nothing was written.
        helper 'exit 3'
        run -1 berth update --memory 32m "$ID"
        has berth-systemd
        is "$(file_of memory.max)" 67108864
}

# ---- when things go wrong ----

@test "systemd: a unit of that name that lives is not taken, and lives on" {
        systemd-run --quiet --scope --unit="$(unit)" sleep 1000 3>&- 4>&- &
        eventually is_loaded "$(unit)"
        bundle
        refused "$(unit).*already" create
        is_property ActiveState active
        kill -0 $!
}

@test "systemd: a frozen group in its place is refused, and stays" {
        local group

        group=/sys/fs/cgroup/system.slice/$(unit)
        mkdir "$group"
        echo 1 >"$group/cgroup.freeze"
        bundle
        refused "container's cgroup unexpectedly frozen" create
        refused "container's cgroup unexpectedly frozen" create
        rmdir "$group"
}

@test "systemd: a unit of that name that has failed makes room" {
        systemd-run --quiet --scope --unit="$(unit)" --property=RuntimeMaxSec=1 sleep 1000 3>&- 4>&- &
        eventually is_loaded "$(unit)"
        wait $! || true
        eventually is_property ActiveState failed
        launch_waiting
}

@test "systemd: without the helper program there is an error that names it" {
        helper ''
        rm "$T/bin/berth-systemd"
        bundle
        [ ! -e /usr/local/libexec/berth/berth-systemd ] || skip "a helper is installed on this machine"
        refused 'helper program berth-systemd is neither in .*/bin nor in /usr/local/libexec/berth' create
}

@test "systemd: a helper that dies or talks nonsense is an error, and nothing is left" {
        bundle
        for script in 'kill -KILL $$' 'exit 1' 'exit 3' 'echo nonsense; exit 1' 'echo "99999 x"; exit 1' 'echo "0 x"; exit 1'; do
                helper "$script"
                refused 'berth-systemd ended with status' create
                nothing_left
        done
}

@test "systemd: no D-Bus is an error at once, and nothing is left" {
        bundle
        export DBUS_SYSTEM_BUS_ADDRESS=unix:path=$T/nowhere
        refused "connect to systemd at unix:path=$T/nowhere: No such file" create
        nothing_left
}

@test "systemd: a D-Bus that does not answer is an error in time, and nothing is left" {
        listener bus hold
        bundle
        export DBUS_SYSTEM_BUS_ADDRESS=unix:path=$T/bus.sock DEADLINE=40
        start=$SECONDS
        refused 'systemd has not answered StartTransientUnit in time' create
        [ $((SECONDS - start)) -lt 24 ]
        nothing_left
}

@test "systemd: a helper that hangs is killed in time, and nothing is left" {
        helper 'trap "" TERM; exec sleep 1000'
        bundle
        export DEADLINE=40
        start=$SECONDS
        refused 'berth-systemd: wait for its end: .*timed out' create
        [ $((SECONDS - start)) -lt 26 ]
        nothing_left
}

@test "systemd: a signal ends the wait for systemd, and nothing is left" {
        helper 'touch "$CALLS.began"; exec sleep 1000'
        bundle
        "$PROGRAM" --root "$ROOT" --systemd-cgroup create --bundle "$B" "$ID" </dev/null >"$T/out" 2>&1 3>&- 4>&- &
        eventually test -e "$T/calls.began"
        # The second call is that of undoing.
        printf '#!/bin/bash\nexec "$REAL" "$@"\n' >"$T/bin/berth-systemd.new"
        chmod 755 "$T/bin/berth-systemd.new"
        mv "$T/bin/berth-systemd.new" "$T/bin/berth-systemd"
        kill -TERM $!
        ends_with 1 wait $!
        grep -q interrupted "$T/out"
        nothing_left
}

@test "systemd: what a create that was killed has begun goes with delete --force" {
        # Killed before systemd was asked, and when it has answered.
        for script in 'kill -KILL $PPID' '"$REAL" "$@"; kill -KILL $PPID'; do
                helper "$script"
                bundle
                run -137 create
                [ -e "$ROOT/$ID/record.json" ]
                is "$(jq -r '.systemdUnit, .cgroup' "$ROOT/$ID/record.json")" "$(unit)"$'\n'null
                unset PROGRAM
                berth delete --force "$ID"
                nothing_left
                rm -r "$B"
        done
}

@test "systemd: a scope that is not empty by itself is stopped" {
        # A process that nobody knows of is in the scope of a create that was killed.
        helper '"$REAL" "$@"; sleep 1000 >/dev/null 2>&1 & echo $! >"/sys/fs/cgroup/system.slice/$4/cgroup.procs"; kill -KILL $PPID'
        bundle
        run -137 create
        is_property ActiveState active
        unset PROGRAM
        berth delete --force "$ID"
        nothing_left
}

@test "systemd: undoing does not stop somebody else's unit of the same name" {
        helper 'kill -KILL $PPID'
        bundle
        run -137 create
        systemd-run --quiet --scope --unit="$(unit)" sleep 1000 3>&- 4>&- &
        eventually is_loaded "$(unit)"
        unset PROGRAM
        berth delete --force "$ID"
        [ ! -e "$ROOT/$ID" ]
        is_property ActiveState active
}

@test "systemd: delete works where systemd cannot be reached" {
        launch_waiting
        export DBUS_SYSTEM_BUS_ADDRESS=unix:path=$T/nowhere
        berth delete --force "$ID"
        nothing_left
}

@test "systemd: a failing hook takes the scope along" {
        bundle '.hooks.createRuntime = [{path: "/bin/false"}]'
        args /bin/probe wait
        refused 'createRuntime' create
        nothing_left
}
