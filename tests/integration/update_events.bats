load ../lib/common

# limit FILE: of the group in which the container's processes are: in a machine that is the guest's.
limit() {
        if [ -n "${WALL:-}" ] && [ -z "${FAKE_VM:-}" ]; then
                berth exec "$ID" /bin/cat "/sys/fs/cgroup/$1"
        else
                cat "$(cgroup_of)/$1"
        fi
}

# bats test_tags=lab
@test "update --resources FILE: changes a limit of a running container" {
        needs_controller hugetlb
        launch_waiting
        echo '{"hugepageLimits": [{"pageSize": "2MB", "limit": 8388608}]}' >"$T/resources"
        berth update --resources "$T/resources" "$ID"
        is "$(limit hugetlb.2MB.max)" 8388608
}

@test "update --resources -: reads standard input" {
        needs_controller hugetlb
        launch_waiting
        berth update --resources - "$ID" <<<'{"unified": {"hugetlb.2MB.max": "2097152"}}'
        is "$(limit hugetlb.2MB.max)" 2097152
}

@test "update: device rules stay as they were" {
        is_runtime crun && skip "crun cannot load rules here"
        launch_waiting '.linux.devices = [{type: "c", path: "/dev/mem", major: 1, minor: 1}] | .process.capabilities |= with_entries(.value += ["CAP_SYS_RAWIO"]) |
                .linux.resources.devices = [{allow: false, access: "rwm"}]'
        run ! berth exec "$ID" /bin/head -c 1 /dev/mem
        berth update --resources - "$ID" <<<'{"devices": [{"allow": true, "access": "rwm"}]}'
        run ! berth exec "$ID" /bin/head -c 1 /dev/mem
        has "not permitted"
}

# bats test_tags=lab
@test "update --memory, --pids-limit: flags" {
        needs_controller memory
        needs_controller pids
        launch_waiting
        berth update --memory 67108864 --pids-limit 20 "$ID"
        is "$(limit memory.max)" 67108864
        is "$(limit pids.max)" 20
}

# bats test_tags=lab
@test "update --cpu-quota, --cpu-period, --cpu-share: flags" {
        needs_controller cpu
        launch_waiting
        berth update --cpu-quota 30000 --cpu-period 60000 "$ID"
        is "$(cat "$(cgroup_of)/cpu.max")" "30000 60000"
}

# bats test_tags=berth,lab
@test "update: a limit that fails leaves all as it was" {
        needs_controller hugetlb
        launch_waiting '.linux.resources.hugepageLimits = [{pageSize: "2MB", limit: 4194304}]'
        REFUSAL_KEEPS=1 refused 'cgroup.max.depth' berth update --resources - "$ID" <<<'{"unified": {"hugetlb.2MB.max": "8388608", "cgroup.max.depth": "many"}}'
        is "$(limit hugetlb.2MB.max)" 4194304
}

# bats test_tags=berth
@test "update: a controller that the host has not is an error that names it" {
        grep -qw memory /sys/fs/cgroup/cgroup.controllers && skip "the host has them all"
        launch_waiting
        REFUSAL_KEEPS=1 refused 'memory' berth update --memory 67108864 "$ID"
}

@test "update --resources: null says nothing, as an empty object" {
        launch_waiting
        run -0 berth update --resources - "$ID" <<<null
        run -0 berth update --resources - "$ID" <<<'{}'
}

@test "update: bad JSON, bad numbers and unknown flags are refused" {
        launch_waiting
        REFUSAL_KEEPS=1 refused '.' berth update --resources - "$ID" <<<'{"pids": '
        is_runtime berth || return 0
        REFUSAL_KEEPS=1 refused 'pids\.limit' berth update --resources - "$ID" <<<'{"pids": {"limit": "many"}}'
        REFUSAL_KEEPS=1 refused 'memory' berth update --memory 64q "$ID"
        REFUSAL_KEEPS=1 refused 'pids-limit' berth update --pids-limit '' "$ID"
        REFUSAL_KEEPS=1 refused 'no-such' berth update --no-such-flag 1 "$ID"
        REFUSAL_KEEPS=1 refused 'blkio-weight' berth update --blkio-weight 9 "$ID"
        run -0 berth update --blkio-weight 0 "$ID"
        REFUSAL_KEEPS=1 refused 'absent' berth update --resources "$T/absent" "$ID"
}

@test "update: a container that does not exist is an error" {
        run -1 berth update --resources - nobody <<<'{}'
        says_not_exist
}

# bats test_tags=berth
@test "update --l3-cache-schema: refused for a container without intelRdt" {
        launch_waiting
        REFUSAL_KEEPS=1 refused 'l3|intelRdt|resctrl' berth update --l3-cache-schema 'L3:0=f' "$ID"
}

# bats test_tags=lab
@test "events --stats: one JSON line with the container's numbers" {
        is_runtime crun && skip "crun has no events"
        launch_waiting
        run -0 berth events --stats "$ID"
        is "${#lines[@]}" 1
        is "$(jq -r .type <<<"$output")" stats
        is "$(jq -r .id <<<"$output")" "$ID"
        [ "$(jq '.data.cpu.usage.total' <<<"$output")" -gt 0 ]
        jq -e '.data | has("memory") and has("pids") and has("blkio") and has("hugetlb")' <<<"$output"
        is "$(jq '.data.hugetlb | has("2MB")' <<<"$output")" true
}

@test "events: a line each interval, until the container ends" {
        is_runtime crun && skip "crun has no events"
        launch_waiting
        berth events --interval 100ms "$ID" >"$T/events" 2>&1 </dev/null &
        waiter=$!
        eventually eval '[ "$(grep -c stats "$T/events")" -ge 2 ]'
        berth kill "$ID" KILL
        is_runtime runc || ends_with 0 wait $waiter
        jq -es 'length >= 2' "$T/events"
}

@test "events: a stopped container is an error" {
        is_runtime crun && skip "crun has no events"
        launch_waiting
        berth kill "$ID" KILL
        eventually is_state stopped
        run -1 berth events --stats "$ID"
        has "not running"
}

@test "events: network interfaces are counted" {
        is_runtime berth || skip "the others read only what they made"
        launch_waiting
        run -0 berth events --stats "$ID"
        is "$(jq -r '.data.network_interfaces // [] | map(.Name) | index("lo") != null or . == []' <<<"$output")" true
}

# bats test_tags=lab
@test "events: an OOM kill is a line of its own" {
        needs_controller memory
        is_runtime crun && skip "crun has no events"
        bundle '.linux.resources.memory = {limit: 16777216, swap: 16777216}'
        args /bin/sh -c 'echo ready; until test -e /tmp/go; do sleep 0.1; done; dd if=/dev/zero of=/dev/shm/x bs=1M count=32'
        launch
        berth events --interval 1s "$ID" >"$T/events" 2>&1 </dev/null &
        eventually grep -q '"stats"' "$T/events" # kills from before it looked are not its events
        touch "$B/rootfs/tmp/go"
        eventually grep -q '"oom"' "$T/events"
}
