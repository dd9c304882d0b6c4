load ../lib/common

@test "state: the spec's fields, in JSON" {
        launch_waiting '.annotations = {"org.example": "value"}'
        run -0 berth state "$ID"
        is "$(jq -r .id <<<"$output")" "$ID"
        is "$(jq -r .status <<<"$output")" running
        is "$(jq -r .bundle <<<"$output")" "$B"
        is "$(jq -r .rootfs <<<"$output")" "$B/rootfs"
        is "$(jq -r '.annotations["org.example"]' <<<"$output")" value
        [ -d "/proc/$(jq -r .pid <<<"$output")" ]
        matches '"created": "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(\.[0-9]+)?Z"'
}

# bats test_tags=berth
@test "state: ociVersion is the one of the configuration" {
        launch_waiting '.ociVersion = "1.1.0-rc.2"'
        is "$(state .ociVersion)" 1.1.0-rc.2
        run -0 berth state "$ID"
        has '"owner"'
}

# bats test_tags=berth
@test "state: annotations with quotes, control characters and UTF-8 come back unchanged" {
        launch_waiting '.annotations = {"a\"b\\c": "line\nbreak\u0001 é \ud83d\ude00"}'
        is "$(berth state "$ID" | jq -c .annotations)" "$(jq -c .annotations "$B/config.json")"
}

@test "state: a container that does not exist is an error" {
        run -1 berth state nobody
        says_not_exist
}

@test "state: the pid of a stopped container is 0, even if another process has that number" {
        launch_waiting
        berth kill "$ID" KILL
        eventually is_state stopped
        is "$(state .pid)" 0
}

# bats test_tags=berth
@test "state: a reused pid is not taken for the container" {
        launch_waiting
        record=$(cat "$ROOT/$ID/record.json")
        berth kill "$ID" KILL
        eventually is_state stopped
        # The record as it would read had the kernel given the number to this shell.
        sed "s/\"pid\":[ ]*[0-9]*/\"pid\":$$/" <<<"$record" >"$ROOT/$ID/record.json"
        is_state stopped
        berth kill "$ID" KILL 2>/dev/null && false
        berth delete "$ID"
        kill -0 $$
}

@test "list: a line for each container" {
        bundle
        args /bin/probe wait
        create
        ID=other create
        run -0 berth list
        matches '^ID +PID +STATUS +BUNDLE +CREATED +OWNER'
        matches "^$ID +[0-9]+ +created +$B +20[0-9T:.Z-]+ +root"
        matches "^other +[0-9]+ +created"
}

@test "list --quiet: ids only" {
        bundle
        create
        ID=other create
        run -0 berth list -q
        is "$output" "$ID
other"
        run -0 berth list --quiet
        has_line other
}

@test "list --format json: the same as JSON" {
        bundle
        create
        run -0 berth list --format json
        is "$(jq -r '.[0].id' <<<"$output")" "$ID"
        is "$(jq -r '.[0].status' <<<"$output")" created
        is "$(jq -r '.[0].bundle' <<<"$output")" "$B"
        is "$(jq -r '.[0].owner' <<<"$output")" root
        is "$(jq 'length' <<<"$output")" 1
}

@test "list --format json: nothing is []" {
        is_runtime runc && skip "runc prints null"
        mkdir -p "$ROOT"
        run -0 berth list -f json
        is "$(jq -c . <<<"$output")" "[]"
}

@test "list: nothing is no error, even without a state directory" {
        run -0 berth list
        run -0 berth list -q
        is "$output" ""
}

# bats test_tags=berth
@test "list: one broken entry does not hide the others" {
        bundle
        create
        mkdir "$ROOT/broken"
        echo garbage >"$ROOT/broken/record.json"
        berth list >"$T/list" 2>"$T/warning"
        grep -q "^$ID " "$T/list"
        berth list --format json 2>/dev/null | jq -e "map(.id) | index(\"$ID\") != null"
        grep -q broken "$T/warning"
}

@test "list: a format that is none is refused" {
        run -1 berth list --format yaml
        matches 'format|yaml'
}

@test "ps --format json: a plain array of host pids" {
        launch_waiting
        berth exec --detach --pid-file "$T/pid" "$ID" /bin/probe wait </dev/null >"$T/exec" 2>&1
        run -0 berth ps --format json "$ID"
        is "$(jq -c 'sort' <<<"$output")" "$(printf '%s\n' "$(pid_of)" "$(cat "$T/pid")" | jq -sc sort)"
}

@test "ps: a table with the container's processes and no others" {
        launch_waiting
        run -0 berth ps "$ID"
        has PID "$(pid_of)"
        lacks bats
}

# bats test_tags=berth
@test "ps: arguments are ps's own" {
        launch_waiting
        run -0 berth ps "$ID" -o pid,comm
        has probe
        lacks bash
}

@test "ps: a container that does not exist is an error" {
        run -1 berth ps nobody
        says_not_exist
}

@test "pause and resume: the container stands still, the state says so" {
        launch_waiting
        berth pause "$ID"
        is_state paused
        grep -q 'frozen 1' "$(cgroup_of)/cgroup.events"
        berth kill "$ID" USR1
        run grep 'signal 10' "$T/out"
        is "$output" ""
        berth resume "$ID"
        is_state running
        eventually grep -q 'signal 10' "$T/out"
}

@test "pause: only a running container; resume: only a paused one" {
        bundle
        args /bin/probe wait
        launch
        run -1 berth resume "$ID"
        berth kill "$ID" KILL
        eventually is_state stopped
        run -1 berth pause "$ID"
        run -1 berth pause nobody
        says_not_exist
}

# bats test_tags=berth
@test "pause, resume: the messages are runc's" {
        launch_waiting
        run -1 berth resume "$ID"
        has "container not paused"
        berth kill "$ID" KILL
        eventually is_state stopped
        run -1 berth pause "$ID"
        has "container not running"
}

# bats test_tags=berth
@test "pause: a created container, which is paused then, cannot start, and can be resumed" {
        bundle
        args /bin/probe wait
        create
        berth pause "$ID"
        is_state paused
        REFUSAL_KEEPS=1 refused 'cannot start a container in the paused state' berth start "$ID"
        berth resume "$ID"
        is_state created
        berth start "$ID"
        eventually is_state running
}

@test "state root: containers of one root are unknown in another" {
        launch_waiting
        ROOT=$T/elsewhere run -1 berth state "$ID"
        says_not_exist
}
