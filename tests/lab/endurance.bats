# Endurance: many containers one after the other and many at once; nothing may grow, and nothing may be left. Writes the
# table of docs/endurance.md. LAB_CYCLES and LAB_ALIVE make it shorter.
load driver

# bats file_tags=full

CYCLES=${LAB_CYCLES:-2000}
ALIVE=${LAB_ALIVE:-300}
RESULTS=${LAB_RESULTS:-/lab/results}
TABLE=$RESULTS/endurance-$DRIVER.md

# What an engine asks for: limits and a profile like Docker's.
configuration() {
        configure ".process.args = [\"/bin/probe\", \"wait\"] |
                .linux.resources = {memory: {limit: 67108864, swap: 67108864}, pids: {limit: 50}, cpu: {shares: 512, quota: 50000, period: 100000}} |
                .linux.seccomp = $(jq -c .linux.seccomp "$TOP/tests/fuzz/corpus/config/docker-seccomp.json")"
}

# lives [-k] COUNT FIRST NAME: containers NAME{FIRST...} one after the other (tests/helpers/lives.c: no shell is timed), the
# microseconds of each into DURATIONS.
lives() {
        local keep=

        if [ "$1" = -k ]; then keep=-k; shift; fi
        "$TOOLS/lives" $keep -n "$1" -f "$2" "$B" "$3" "$BERTH" --root "$ROOT" "${GLOBALS[@]}" >"$T/durations" 2>"$T/said" 3>&- 4>&- ||
                { tail -n 3 "$T/said"; return 1; }
        mapfile -t -O "${#DURATIONS[@]}" DURATIONS <"$T/durations"
}

# Kernel objects go when the kernel comes to it: what waits for that has a deadline.
settled() { # settled DYING-GROUPS
        echo 3 >/proc/sys/vm/drop_caches
        [ "$(number nr_dying_descendants /sys/fs/cgroup/cgroup.stat)" -le "$1" ]
}

number() { # number KEY FILE
        awk -v key="$1" '$1 == key { print $2 }' "$2"
}

# sample: one line of numbers: what may not grow. Memory in KiB.
KINDS=(mounts cgroups "dying cgroups" "open files" processes "files of pid 1" units MemAvailable Slab Percpu "RSS of pid 1")
sample() {
        local processes

        processes=$(cut -d ' ' -f 4 /proc/loadavg)
        echo "$(wc -l </proc/self/mountinfo) $(number nr_descendants /sys/fs/cgroup/cgroup.stat)" \
                "$(number nr_dying_descendants /sys/fs/cgroup/cgroup.stat) $(cut -f 1 /proc/sys/fs/file-nr) ${processes#*/}" \
                "$(find /proc/1/fd -mindepth 1 | wc -l) $(systemctl list-units --all --plain --no-legend | wc -l)" \
                "$(number MemAvailable: /proc/meminfo) $(number Slab: /proc/meminfo) $(number Percpu: /proc/meminfo) $(number VmRSS: /proc/1/status)"
}

median() { # median NUMBER...
        printf '%s\n' "$@" | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

# compare BEFORE AFTER NUMBER WHAT: a table of two samples; fails for each number that grew beyond its bound. Memory in
# KiB: what is free varies by some MiB with nothing done at all; a group that leaks is 40 and more of slab and percpu.
compare() {
        local before after i bad=0 free=$((4 * $3 + 24576)) kept=$(($3 + 8192)) bounds

        read -ra before <<<"$1"
        read -ra after <<<"$2"
        # A handful: the tests' own processes and files, and what the system does meanwhile.
        bounds=(0 0 20 64 8 2 4 -$free $kept $kept 2048)
        printf '\n| %s | before | after | may grow by |\n|---|---|---|---|\n' "$4" >>"$TABLE"
        for i in "${!KINDS[@]}"; do
                printf '| %s | %s | %s | %s |\n' "${KINDS[i]}" "${before[i]}" "${after[i]}" "${bounds[i]}" >>"$TABLE"
                if [ "${bounds[i]}" -lt 0 ]; then
                        [ $((after[i] - before[i])) -ge "${bounds[i]}" ] && continue
                else
                        [ $((after[i] - before[i])) -le "${bounds[i]}" ] && continue
                fi
                echo "${KINDS[i]}: ${before[i]} before, ${after[i]} after, ${bounds[i]} allowed"
                bad=1
        done
        return $bad
}

setup_file() {
        driver_setup_file
        mkdir -p "$RESULTS"
        {
                echo "## $DRIVER"
                echo
                echo "$(date -u +%F), $("$BERTH" --version | head -n 1), Linux $(uname -r), systemd $(systemctl --version | sed -n '1s/systemd \([0-9]*\).*/\1/p')," \
                        "$(nproc) CPUs, $(awk '/MemTotal/ { printf "%d", $2 / 1024 }' /proc/meminfo) MiB"
        } >"$TABLE"
}

@test "containers made, used and deleted one after the other leave nothing and slow nothing" {
        local before i dying DURATIONS=()

        configuration
        # What is made once and stays: the filter's cache, slabs, units of slices.
        lives 30 0 early
        settled 1000000
        dying=$(number nr_dying_descendants /sys/fs/cgroup/cgroup.stat)
        before=$(sample)
        DURATIONS=()
        for ((i = 0; i < CYCLES; i += 100)); do
                lives $((CYCLES - i < 100 ? CYCLES - i : 100)) "$i" life
                echo "$i: $(sample)" >>"$RESULTS/endurance-$DRIVER.log"
        done
        is "${#DURATIONS[@]}" "$CYCLES"
        within 60 settled $((dying + 20))
        compare "$before" "$(sample)" "$CYCLES" "$CYCLES times create, start, exec, kill, delete"
        is "$(find "$ROOT" -mindepth 1 -maxdepth 1 ! -name '.*')" ""
        quicker "one life, first 20" "$(median "${DURATIONS[@]:0:20}")" "last 20" "$(median "${DURATIONS[@]: -20}")"
}

# The last takes at most 1.3 times of the first.
quicker() {
        printf '\n%s: %d.%d ms, %s: %d.%d ms, ratio %d.%02d (to reach: 1.30)\n' "$1" $(($2 / 1000)) $(($2 / 100 % 10)) "$3" $(($4 / 1000)) $(($4 / 100 % 10)) \
                $(($4 / $2)) $(($4 * 100 / $2 % 100)) >>"$TABLE"
        between 0 $(($4 * 100 / $2)) 130
}

@test "containers alive at once: the last starts as quickly as the first, and their end leaves nothing" {
        local before i start end alive DURATIONS=()

        configuration
        lives 1 0 early
        DURATIONS=()
        settled 1000000
        before=$(sample)
        lives -k "$ALIVE" 0 many
        alive=$(sample)
        is "$(berth list -q | wc -l)" "$ALIVE"
        is "$(berth list --format json | jq '[.[] | select(.status == "running")] | length')" "$ALIVE"
        start=${EPOCHREALTIME/./}
        "$BERTH" --root "$ROOT" state many0 >/dev/null
        end=${EPOCHREALTIME/./}
        printf '\n`state` of one of %d: %d.%d ms\n' "$ALIVE" $(((end - start) / 1000)) $(((end - start) / 100 % 10)) >>"$TABLE"
        for ((i = 0; i < ALIVE; i++)); do berth delete --force "many$i"; done
        within 60 settled 20
        compare "$before" "$(sample)" "$ALIVE" "$ALIVE alive at once, and gone"
        printf '\nWith %d alive: %s\n' "$ALIVE" "$(describe "$before" "$alive")" >>"$TABLE"
        is "$(find "$ROOT" -mindepth 1 -maxdepth 1 ! -name '.*')" ""
        quicker "create and start, first 20" "$(median "${DURATIONS[@]:0:20}")" "last 20" "$(median "${DURATIONS[@]: -20}")"
}

# What each of them costs.
describe() {
        local before alive

        read -ra before <<<"$1"
        read -ra alive <<<"$2"
        echo "$(((before[7] - alive[7]) / ALIVE)) KiB of MemAvailable each, $(((alive[4] - before[4]) * 10 / ALIVE))/10 processes each, $((alive[0] - before[0])) mounts of the host's, $((alive[5] - before[5])) files of pid 1"
}
