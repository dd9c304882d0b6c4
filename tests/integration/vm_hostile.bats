# What a guest that an attacker has can do to who speaks with its agent: nothing but fail, in time and in one line. The
# machine is a stand-in, whose socket tests/helpers/hostile_agent.c takes over.
# bats file_tags=berth

load ../lib/common
load ../lib/fake_vm

setup() {
        common_setup
        fake_machines
}

# taken_over HABIT: who connects with the container's machine from here on meets it.
taken_over() {
        [ -z "${ATTACKER:-}" ] || kill "$ATTACKER"
        "$TOOLS/hostile_agent" "$ROOT/$ID/vsock.sock" "$1" >"$T/attacker" 2>&1 3>&- 4>&- &
        ATTACKER=$!
        eventually grep -q listening "$T/attacker"
}

# One line, printable, and a status that says so.
fails_well() { # fails_well NAME STATUS
        output=$(cat "$T/$1")
        [ "$2" -ne 0 ] && [ "$2" -lt 124 ] || [ "$2" -eq 255 ] || { echo "$1: status $2: ${output:0:200}"; return 1; }
        is "$(wc -l <"$T/$1")" 1
        is "$(tr -d '\40-\176\n' <"$T/$1" | wc -c)" 0
}

# all_fail COMMAND...: all at once.
all_fail() {
        local command n pids=() status
        for command; do
                # shellcheck disable=SC2086
                timeout -k 2 60 "$BERTH" --root "$ROOT" $command </dev/null >"$T/said${#pids[@]}" 2>&1 3>&- 4>&- &
                pids+=($!)
        done
        for n in "${!pids[@]}"; do
                status=0
                wait "${pids[n]}" || status=$?
                fails_well "said$n" $status
        done
}

@test "vm: an agent that does not answer, or without end, is waited for until a deadline" {
        launch_waiting
        for habit in silent dripping mute; do
                taken_over $habit
                all_fail "kill $ID USR1" "ps $ID" "events --stats $ID" "events --interval 1s $ID"
        done
}

@test "vm: an agent that answers what it was not asked is an error of one line" {
        launch_waiting
        for habit in nonsense stranger huge crooked rude streaming; do
                taken_over $habit
                all_fail "kill $ID USR1" "ps $ID" "events --stats $ID" "events --interval 1s $ID" "update --pids-limit 77 $ID" "exec $ID /bin/true"
        done
}

@test "vm: a program that ends with an impossible status has failed" {
        launch_waiting
        taken_over ending
        run -255 berth exec "$ID" /bin/true </dev/null
}

@test "vm: an agent that logs without end is not listened to" {
        launch_waiting
        taken_over talking
        run ! timeout 20 "$BERTH" --root "$ROOT" exec "$ID" /bin/true </dev/null
        has "speaks without end"
}

@test "vm: processes and statistics of a guest that lies are printable" {
        launch_waiting
        taken_over lying
        run -0 berth ps "$ID"
        is "$(tr -d '\40-\176\n' <<<"$output" | wc -c)" 0
        run -0 berth events --stats "$ID"
        is "$(jq -r .type <<<"$output")" stats
}

@test "vm: a guest that reports kills without end does not hide the statistics, nor fill a disk" {
        launch_waiting
        taken_over killing
        run ! timeout -k 2 5 "$BERTH" --root "$ROOT" events --interval 1s "$ID" </dev/null
        local oom
        oom=$(grep -c '"type":"oom"' <<<"$output" || true)
        [ "$oom" -gt 0 ]
        [ "$oom" -le $((6 * 4096)) ]
        has "reach the agent"
}
