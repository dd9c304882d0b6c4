load ../lib/common

file_of() { # file_of FILE: a file of the container's cgroup
        cat "$(cgroup_of)/$1"
}

@test "cgroup: the container lies in a group of its own" {
        launch_waiting
        [ "$(cgroup_of)" != "/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)" ]
        grep -qx "$(pid_of)" "$(cgroup_of)/cgroup.procs"
}

# bats test_tags=lab
@test "cgroup: without limits, too, a group has every controller that the tree gives" {
        launch_waiting '.linux.cgroupsPath = "/every/controller"'
        defer 'rmdir /sys/fs/cgroup/every/controller /sys/fs/cgroup/every 2>/dev/null || true'
        is "$(file_of cgroup.controllers)" "$(cat /sys/fs/cgroup/cgroup.controllers)"
}

@test "cgroupsPath: an absolute path is below the root of the tree" {
        launch_waiting '.linux.cgroupsPath = "/at/this/place"'
        defer 'rmdir /sys/fs/cgroup/at/this /sys/fs/cgroup/at 2>/dev/null || true'
        is "$(cgroup_of)" /sys/fs/cgroup/at/this/place
}

@test "cgroupsPath: a relative path is the runtime's choice, the same for the same path" {
        launch_waiting '.linux.cgroupsPath = "./relative/place"'
        defer 'rmdir /sys/fs/cgroup/relative /sys/fs/cgroup/suite/relative 2>/dev/null || true'
        [[ $(cgroup_of) == */relative/place ]]
}

@test "cgroupsPath: one that leads out of the tree is refused" {
        bundle '.linux.cgroupsPath = "/../../escape"'
        is_runtime berth && refused 'cgroupsPath' create
        run create
        run ls -d /sys/fs/cgroup/../escape /sys/fs/escape
        lacks "/escape
"
        berth delete --force "$ID" || true
        rmdir /sys/fs/cgroup/escape 2>/dev/null || true
}

# bats test_tags=berth,lab
@test "cgroupsPath: a group that holds a process, or is frozen, is not taken" {
        mkdir /sys/fs/cgroup/taken
        defer 'rmdir /sys/fs/cgroup/taken'
        sleep 1000 3>&- 4>&- &
        echo $! >/sys/fs/cgroup/taken/cgroup.procs
        bundle '.linux.cgroupsPath = "/taken"'
        refused 'taken' create
        kill $!
        wait $! || true
        echo 1 >/sys/fs/cgroup/taken/cgroup.freeze
        refused 'taken' create
        echo 0 >/sys/fs/cgroup/taken/cgroup.freeze
}

# bats test_tags=berth
@test "cgroupsPath: an empty group that was there before is used and stays" {
        mkdir /sys/fs/cgroup/there
        defer 'rmdir /sys/fs/cgroup/there'
        launch_waiting '.linux.cgroupsPath = "/there"'
        is "$(cgroup_of)" /sys/fs/cgroup/there
        berth delete --force "$ID"
        [ -d /sys/fs/cgroup/there ]
}

# bats test_tags=berth
@test "cgroupsPath: an empty group whose processes were all killed at once is used, too" {
        mkdir /sys/fs/cgroup/killed
        defer 'rmdir /sys/fs/cgroup/killed'
        sleep 1000 3>&- 4>&- &
        echo $! >/sys/fs/cgroup/killed/cgroup.procs
        echo 1 >/sys/fs/cgroup/killed/cgroup.kill
        wait $! || true
        launch_waiting '.linux.cgroupsPath = "/killed"'
        is "$(cgroup_of)" /sys/fs/cgroup/killed
        berth exec "$ID" /bin/true
        berth delete --force "$ID"
        launch_waiting '.linux.cgroupsPath = "/killed"'
        berth delete --force "$ID"
}

# bats test_tags=berth
@test "cgroup: where the tree is read-only the error says so and nothing is left" {
        bundle '.linux.resources.unified = {"cgroup.max.descendants": "7"}'
        refused 'create cgroup .*Read-only file system' unshare -m --propagation private bash -c \
                'mount -o remount,bind,ro /sys/fs/cgroup && exec timeout 20 "$@" 3>&- 4>&-' - "$BERTH" --root "$ROOT" create --bundle "$B" "$ID"
}

# bats test_tags=lab
@test "resources.memory: limit, reservation, swap" {
        needs_controller memory
        launch_waiting '.linux.resources.memory = {limit: 67108864, reservation: 33554432, swap: 134217728}'
        is "$(file_of memory.max)" 67108864
        is "$(file_of memory.low)" 33554432
        [ ! -e "$(cgroup_of)/memory.swap.max" ] || is "$(file_of memory.swap.max)" 67108864
}

# bats test_tags=lab
@test "resources.memory: a program over its limit is killed by the kernel" {
        needs_controller memory
        bundle '.linux.resources.memory = {limit: 16777216, swap: 16777216}'
        args /bin/sh -c 'x=$(tr "\0" x </dev/zero | head -c 100000000); echo survived'
        run ! once
        lacks survived
}

# bats test_tags=lab
@test "resources.pids: a limit" {
        needs_controller pids
        launch_waiting '.linux.resources.pids = {limit: 12}'
        is "$(file_of pids.max)" 12
}

# bats test_tags=lab
@test "resources.pids: -1 is none" {
        needs_controller pids
        launch_waiting '.linux.resources.pids = {limit: -1}'
        is "$(file_of pids.max)" max
}

# bats test_tags=lab
@test "resources.cpu: quota, period, burst, weight, idle" {
        needs_controller cpu
        launch_waiting '.linux.resources.cpu = {quota: 20000, period: 50000, shares: 1024}'
        is "$(file_of cpu.max)" "20000 50000"
        is_runtime berth || return 0
        is "$(file_of cpu.weight)" 100
        berth delete --force "$ID"
        edit '.linux.resources.cpu = {idle: 1}'
        launch
        is "$(file_of cpu.idle)" 1
}

# bats test_tags=lab
@test "resources.cpu: cpus and mems" {
        needs_controller cpuset
        launch_waiting '.linux.resources.cpu = {cpus: "0", mems: "0"}'
        is "$(file_of cpuset.cpus)" 0
        is "$(file_of cpuset.mems)" 0
}

# bats test_tags=lab
@test "resources.blockIO: weight" {
        needs_controller io
        launch_waiting '.linux.resources.blockIO = {weight: 500}'
        cat "$(cgroup_of)"/io*weight | grep -E '(default )?[0-9]+'
}

# bats test_tags=lab
@test "resources.hugepageLimits: each page size" {
        needs_controller hugetlb
        launch_waiting '.linux.resources.hugepageLimits = [{pageSize: "2MB", limit: 4194304}]'
        is "$(file_of hugetlb.2MB.max)" 4194304
        is_runtime crun || [ ! -e "$(cgroup_of)/hugetlb.2MB.rsvd.max" ] || is_runtime runc || is "$(file_of hugetlb.2MB.rsvd.max)" 4194304
}

# bats test_tags=berth
@test "resources.hugepageLimits: a page size that the machine has not is refused" {
        bundle '.linux.resources.hugepageLimits = [{pageSize: "3MB", limit: 4194304}]'
        refused '3MB' create
        edit '.linux.resources.hugepageLimits = [{pageSize: "2XB", limit: 4194304}]'
        refused 'linux\.resources\.hugepageLimits\[0\]\.pageSize' create
}

# bats test_tags=lab
@test "resources.unified: files are written as they are" {
        needs_controller hugetlb
        launch_waiting '.linux.resources.unified = {"hugetlb.2MB.max": "6291456", "cgroup.max.descendants": "7"}'
        is "$(file_of hugetlb.2MB.max)" 6291456
        is "$(file_of cgroup.max.descendants)" 7
}

@test "resources.unified: a file that is not there, a path and a bad value are refused" {
        bundle '.linux.resources.unified = {"no.such.file": "1"}'
        refused 'no\.such\.file' create
        edit '.linux.resources.unified = {"../cgroup.freeze": "1"}'
        refused 'unified|/|contain' create
        edit '.linux.resources.unified = {"cgroup.max.depth": "many"}'
        refused 'cgroup.max.depth' create
}

# bats test_tags=berth
@test "resources: a controller that the host has not is an error that names field and controller" {
        local name field
        while read -r name field filter; do
                grep -qw "$name" /sys/fs/cgroup/cgroup.controllers && continue
                bundle_once
                jq "$filter" "$TOP/tests/lib/config.json" >"$B/config.json"
                refused "$field" create
                has "$name"
        done <<'TABLE'
memory linux.resources.memory.limit .linux.resources.memory.limit = 67108864
pids linux.resources.pids.limit .linux.resources.pids.limit = 5
cpu linux.resources.cpu.quota .linux.resources.cpu.quota = 10000
cpuset linux.resources.cpu.cpus .linux.resources.cpu.cpus = "0"
io linux.resources.blockIO.weight .linux.resources.blockIO.weight = 100
rdma linux.resources.rdma .linux.resources.rdma = {mlx5_1: {hcaHandles: 3}}
TABLE
}

bundle_once() {
        [ -d "$B/rootfs" ] || bundle
}

# bats test_tags=berth
@test "resources: contradictions are refused by their path" {
        bundle
        refuse_all <<'TABLE'
.linux.resources.memory = {limit: 100000000, swap: 50000000} -> linux\.resources\.memory\.swap
.linux.resources.memory = {swap: 50000000} -> linux\.resources\.memory\.swap
.linux.resources.cpu = {idle: 2} -> linux\.resources\.cpu\.idle
.linux.resources.cpu = {cpus: "0-"} -> linux\.resources\.cpu\.cpus
.linux.resources.cpu = {cpus: "a"} -> linux\.resources\.cpu\.cpus
.linux.resources.cpu = {quota: 1000, burst: 100000} -> linux\.resources\.cpu\.(burst|quota)
.linux.resources.cpu = {realtimeRuntime: 1000} -> linux\.resources\.cpu\.realtimeRuntime
.linux.resources.blockIO = {weight: 5} -> linux\.resources\.blockIO\.weight
.linux.resources.blockIO = {weight: 1001} -> linux\.resources\.blockIO\.weight
.linux.resources.devices = [{allow: true, type: "x", access: "rwm"}] -> linux\.resources\.devices\[0\]\.type
.linux.resources.devices = [{allow: true, type: "c", access: "rwx"}] -> linux\.resources\.devices\[0\]\.access
.linux.resources.devices = [{type: "c", access: "rw"}] -> linux\.resources\.devices\[0\]\.allow
TABLE
}

@test "resources: fields that only cgroup v1 knows are no error" {
        is_runtime berth || skip "the others differ"
        bundle '.linux.resources.memory = {swappiness: 10, kernel: 100000000, kernelTCP: 100000000, useHierarchy: true} | .linux.resources.network = {classID: 5, priorities: [{name: "lo", priority: 5}]}'
        args /bin/true
        run -0 once
}

# bats test_tags=berth
@test "cgroup: --systemd-cgroup without a systemd is an error that says where it was looked for" {
        [ ! -e /run/systemd/system ] || skip "this machine has a systemd"
        bundle
        refused 'connect to systemd at unix:path=/run/systemd/private: No such file or directory; .*unix:path=/run/dbus/system_bus_socket' \
                berth --systemd-cgroup create --bundle "$B" "$ID"
}

# bats test_tags=berth
@test "cgroup: --cgroup-manager disabled makes none" {
        bundle
        args /bin/probe wait
        timeout 20 "$BERTH" --root "$ROOT" --cgroup-manager disabled create --bundle "$B" "$ID" </dev/null >"$T/out" 2>&1 3>&- 4>&-
        is "$(sed -n 's/^0:://p' "/proc/$(pid_of)/cgroup")" "$(sed -n 's/^0:://p' /proc/self/cgroup)"
        berth delete --force "$ID"
}

# bats test_tags=berth
@test "cgroup: on a hybrid host the v2 tree at /sys/fs/cgroup/unified is found" {
        bundle
        args /bin/true
        run -0 unshare -m --propagation private bash -c '
                umount /sys/fs/cgroup && mount -t tmpfs tmpfs /sys/fs/cgroup && mkdir /sys/fs/cgroup/unified &&
                mount -t cgroup2 none /sys/fs/cgroup/unified && exec timeout 20 "$1" --root "$2" run --bundle "$3" "$4" </dev/null' \
                - "$BERTH" "$ROOT" "$B" "$ID"
}
