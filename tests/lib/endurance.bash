# Many containers one after the other and many at once; nothing may grow, and nothing may be left. Who loads it says what
# is counted and in which table it is told: KINDS (names), sample (one line of numbers, in that order), BOUNDS (set by
# `bounds N`: by how much each may grow after N containers, or, below zero, shrink), TABLE, GLOBALS, and makes the bundle.
# PEER: another runtime, to be measured among those that live, too.

# lives [-k] COUNT FIRST NAME: containers NAME{FIRST...} one after the other (tests/helpers/lives.c: no shell is timed), the
# microseconds of each into DURATIONS, and those of the processor into EFFORTS.
lives() {
        local keep=

        if [ "$1" = -k ]; then keep=-k; shift; fi
        "$TOOLS/lives" $keep -n "$1" -f "$2" "$B" "$3" "$BERTH" --root "$ROOT" "${GLOBALS[@]}" >"$T/durations" 2>"$T/said" 3>&- 4>&- ||
                { tail -n 3 "$T/said"; return 1; }
        mapfile -t -O "${#DURATIONS[@]}" DURATIONS < <(cut -d ' ' -f 1 "$T/durations")
        mapfile -t -O "${#EFFORTS[@]}" EFFORTS < <(cut -d ' ' -f 2 "$T/durations")
}

number() { # number KEY FILE
        awk -v key="$1" '$1 == key { print $2 }' "$2"
}

# Kernel objects go when the kernel comes to it: what waits for that has a deadline.
settled() { # settled DYING-GROUPS
        echo 3 >/proc/sys/vm/drop_caches 2>/dev/null || true
        [ "$(number nr_dying_descendants /sys/fs/cgroup/cgroup.stat)" -le "$1" ]
}

settle() { # settle DYING-GROUPS
        local end=$((SECONDS + 60))

        until settled "$1"; do
                [ $SECONDS -lt $end ] || { echo "more than $1 groups are still dying after a minute"; return 1; }
                sleep 0.2
        done
}

median() { # median NUMBER...
        printf '%s\n' "$@" | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

ms() { # ms MICROSECONDS
        printf '%d.%d ms' $(($1 / 1000)) $(($1 / 100 % 10))
}

# compare BEFORE AFTER NUMBER WHAT: a table of two samples; fails for each number that grew beyond its bound.
compare() {
        local before after i change bad=0

        read -ra before <<<"$1"
        read -ra after <<<"$2"
        bounds "$3"
        printf '\n| %s | before | after | may grow by |\n|---|---|---|---|\n' "$4" >>"$TABLE"
        for i in "${!KINDS[@]}"; do
                printf '| %s | %s | %s | %s |\n' "${KINDS[i]}" "${before[i]}" "${after[i]}" "${BOUNDS[i]}" >>"$TABLE"
                change=$((after[i] - before[i]))
                if [ "${BOUNDS[i]}" -lt 0 ]; then
                        [ $change -lt "${BOUNDS[i]}" ] || continue
                else
                        [ $change -gt "${BOUNDS[i]}" ] || continue
                fi
                echo "${KINDS[i]}: ${before[i]} before, ${after[i]} after, ${BOUNDS[i]} allowed"
                bad=1
        done
        return $bad
}

# as_quick WHAT [PEER]: the last 20 take at most 1.3 times of the first 20 (medians), or of what a peer's took longer in
# the same run, in percent: that is the host's part. Without a peer, on a machine that others use, what the runtime itself
# took of the processor says it better.
as_quick() {
        local wall effort

        wall=$(ratio "$1" ' (to reach: 1.30)' "${DURATIONS[@]:0:20}" "${DURATIONS[@]: -20}")
        effort=$(ratio "$1, processor" '' "${EFFORTS[@]:0:20}" "${EFFORTS[@]: -20}")
        [ "$wall" -le 130 ] || [ "$wall" -le "${2:-0}" ] || { [ -z "${2:-}" ] && [ "$effort" -le 130 ]; } || { tail -n 5 "$TABLE"; return 1; }
}

# peer_lives NAME: the microseconds of 20 of the peer's, created and started, into PEER_DURATIONS; they are removed.
peer_lives() {
        local BERTH=$PEER ROOT=$T/peer DURATIONS=() EFFORTS=() i

        lives -k 20 0 "$1"
        PEER_DURATIONS+=("${DURATIONS[@]}")
        for i in {0..19}; do berth delete --force "$1$i"; done
}

ratio() { # ratio WHAT REMARK NUMBER...: 20 first, 20 last; a line of the table, and percent
        local first last percent

        first=$(median "${@:3:20}")
        last=$(median "${@:23:20}")
        percent=$((last * 100 / first))
        printf '\n%s: first 20 %s, last 20 %s, ratio %d.%02d%s\n' "$1" "$(ms "$first")" "$(ms "$last")" $((percent / 100)) $((percent % 100)) "$2" >>"$TABLE"
        echo $percent
}

no_state_left() {
        is "$(find "$ROOT" -mindepth 1 -maxdepth 1 ! -name '.*')" ""
}

# one_after_the_other CYCLES: create, start, exec, kill and delete, so many times.
one_after_the_other() {
        local before i dying DURATIONS=() EFFORTS=()

        # What is made once and stays: the filter's cache, slabs, units of slices.
        lives 30 0 early
        settle 1000000
        dying=$(number nr_dying_descendants /sys/fs/cgroup/cgroup.stat)
        before=$(sample)
        DURATIONS=() EFFORTS=()
        for ((i = 0; i < $1; i += 100)); do
                lives $(($1 - i < 100 ? $1 - i : 100)) "$i" life
                echo "$((i + 100)): $(sample)" >>"${TABLE%.md}.log"
        done
        is "${#DURATIONS[@]}" "$1"
        settle $((dying + 20))
        compare "$before" "$(sample)" "$1" "$1 times create, start, exec, kill, delete"
        no_state_left
        as_quick "one life"
}

# all_at_once NUMBER: so many alive; ALIVE_SAMPLES has the numbers before and meanwhile.
all_at_once() {
        local before i start end among DURATIONS=() EFFORTS=() PEER_DURATIONS=()

        lives 1 0 early
        [ -z "${PEER:-}" ] || peer_lives alone
        DURATIONS=() EFFORTS=()
        settle 1000000
        before=$(sample)
        lives -k "$1" 0 many
        ALIVE_SAMPLES=("$before" "$(sample)")
        [ -z "${PEER:-}" ] || peer_lives among
        is "$(berth list --format json | jq '[.[] | select(.status == "running")] | length')" "$1"
        start=${EPOCHREALTIME/./}
        "$BERTH" --root "$ROOT" state many0 >/dev/null
        end=${EPOCHREALTIME/./}
        printf '\n`state` of one of %d: %s\n' "$1" "$(ms $((end - start)))" >>"$TABLE"
        for ((i = 0; i < $1; i++)); do berth delete --force "many$i"; done
        settle 20
        compare "$before" "$(sample)" "$1" "$1 alive at once, and gone"
        no_state_left
        [ -z "${PEER:-}" ] || among=$(ratio "$("$PEER" --version | head -n 1), create and start before them, and with $1 of berth's alive" '' "${PEER_DURATIONS[@]}")
        as_quick "create and start" "${among:-}"
}
