# What every test file loads. A test gets: $T its own directory, $ROOT the runtime's state directory, $B a bundle
# (made by `bundle`), $ID a container name, and leaves nothing of all that behind: teardown compares mounts, cgroups,
# processes, namespaces, links and files with what was there before and fails the test for any difference.
#
# $BERTH names the runtime under test (default build/berth); crun and runc can stand there too. Tests of promises that
# only berth makes carry the tag "berth" and are left out for the others.

bats_require_minimum_version 1.5.0

TOP=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)
TOOLS=$TOP/build/tests
BERTH=${BERTH:-$TOP/build/berth}
RUNTIME=$("$BERTH" --version 2>/dev/null | head -n 1 | cut -d ' ' -f 1)
DEADLINE=${DEADLINE:-20}
[ -z "${FAKE_VM:-}" ] || load "${BASH_SOURCE[0]%/*}/fake_vm"
# WALL=vm: every container in a virtual machine; FAKE_VM=1: in what stands for one (fake_vm.bash).
WALL=${WALL:-${FAKE_VM:+vm}}
[ -z "$WALL" ] || DEADLINE=${WALL_DEADLINE:-120}

setup() {
        common_setup
}

teardown() {
        common_teardown
}

common_setup() {
        if [ -z "${BERTH_VIEW:-}${LAB:-}" ]; then
                echo "run the tests through tests/run-bats: it gives them a machine of their own" >&2
                return 1
        fi
        [ -z "$WALL" ] || skip_behind_the_wall
        umask 022
        T=/tmp/t$BATS_TEST_NUMBER
        ROOT=$T/state
        B=$T/bundle
        ID=c$BATS_TEST_NUMBER
        DEFERRED=()
        HELD=$BATS_TEST_TMPDIR
        footprint take "$HELD/footprint"
        mkdir "$T"
        [ -z "${FAKE_VM:-}" ] || fake_machines
}

# What cannot hold in a virtual machine is listed with its reason, and nothing else is left out.
skip_behind_the_wall() {
        local reason

        reason=$(awk -F ' *[|] *' -v file="$(basename "$BATS_TEST_FILENAME")" -v name="$BATS_TEST_DESCRIPTION" '
                /^## Tests/ { tests = 1 } tests && $2 == file && ($3 == "all" || $3 == name) { print $4; exit }' "$TOP/docs/vm-differences.md")
        [ -z "${FAKE_VM:-}" ] || ! fake_cannot || reason="the stand-in for a machine cannot do that"
        [ -z "$reason" ] || { WALLED=1; skip "$reason"; }
}

common_teardown() {
        local i name failed=0

        [ -z "${WALLED:-}" ] || return 0
        [ -n "${ROOT:-}" ] || return 1

        # A test that failed half-way may have left helpers that still run.
        for i in $(jobs -p); do
                kill -KILL "$i" 2>/dev/null || true
                wait "$i" 2>/dev/null || true
        done
        for name in "$ROOT"/*; do
                [ -d "$name" ] || continue
                berth delete --force "${name##*/}" </dev/null >"$HELD/delete" 2>&1 || {
                        echo "delete --force ${name##*/}: $(cat "$HELD/delete")"
                        failed=1
                }
        done
        for ((i = ${#DEFERRED[@]} - 1; i >= 0; i--)); do
                eval "${DEFERRED[i]}" || { echo "could not undo: ${DEFERRED[i]}"; failed=1; }
        done
        rm -rf --one-file-system "$T" || failed=1
        footprint compare "$HELD/footprint" || failed=1
        return $failed
}

# In the lab other programs run beside the tests (the system's own): there only what carries the mark counts, and cgroups.
footprint() {
        "$TOOLS/footprint" ${LAB:+--marked "BERTH_SUITE=$BERTH_SUITE"} "$@"
}

# defer COMMAND: run at the end, last first. For what the test itself makes on the machine.
defer() {
        DEFERRED+=("$1")
}

# The runtime, with its own state directory and a deadline. Bats' own descriptors stay with bats. GLOBALS: options of
# every command.
GLOBALS=(${WALL:+--isolation "$WALL"})
berth() {
        timeout -k 2 "$DEADLINE" "$BERTH" --root "$ROOT" "${GLOBALS[@]}" "$@" 3>&- 4>&-
}

# ---- bundles ----

# bundle [FILTER]: a bundle in $B with a root file system of its own; FILTER is a jq program for its config.json.
bundle() {
        mkdir -p "$B"
        cp -a "${ROOTFS:-$TOOLS/rootfs}" "$B/rootfs"
        jq "${1:-.}" "$TOP/tests/lib/config.json" >"$B/config.json"
}

# edit FILTER [JQ-ARGUMENT...]: change its config.json.
edit() {
        jq "${@:2}" "$1" "$B/config.json" >"$B/config.new" && mv "$B/config.new" "$B/config.json"
}

# args WORD...: what the container runs.
args() {
        local words

        words=$(printf '%s\v' "$@")
        edit '.process.args = ($words | split("\u000b") | .[:-1])' --arg words "$words"
}

# ---- containers ----

# create [OPTION...]: a container $ID from $B whose output goes to $T/out.
create() {
        berth create --bundle "$B" "$@" "$ID" </dev/null >"$T/out" 2>"$T/err" || {
                local status=$?
                cat "$T/err" >&2
                return $status
        }
}

# launch [OPTION...]: create and start, and wait until the program in it says "ready".
launch() {
        create "$@"
        berth start "$ID"
        eventually grep -q ready "$T/out"
}

# A container that runs until it is told to stop.
launch_waiting() {
        bundle "${1:-.}"
        args /bin/probe wait
        launch
}

# once [OPTION...]: run $B in the foreground, as $ID.
once() {
        berth run --bundle "$B" "$@" "$ID" </dev/null
}

# see FILTER FACT...: run a container with that configuration which prints facts (tests/helpers/probe.c) in $output.
see() {
        bundle "$1"
        shift
        args /bin/probe "$@"
        run -0 once
}

state() {
        berth state "$ID" | jq -r "${1:-.status}"
}

pid_of() {
        berth state "${1:-$ID}" | jq -r .pid
}

is_state() {
        [ "$(state .status)" = "$1" ]
}

# The directory of the container's cgroup.
cgroup_of() {
        echo "/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$(pid_of "${1:-$ID}")/cgroup")"
}

namespace_of() {
        readlink "/proc/$1/ns/$2"
}

# ---- waiting ----

# eventually COMMAND...: until it succeeds, at most five seconds (in a machine a minute, or $PATIENCE). For what announces
# itself by no event.
eventually() {
        local deadline=$((SECONDS + 6 ${WALL:+ + ${PATIENCE:-55}}))

        until "$@"; do
                [ $SECONDS -lt $deadline ] || { echo "never came true: $*" >&2; return 1; }
                sleep 0.02
        done
}

# No living process of that name; one that only waits to be reaped by its parent is dead.
none_lives() {
        ! pgrep -r R,S,D,T,t,I -x "$1"
}

# It may be reaped between two looks.
is_dead() {
        local state

        state=$(grep '^State:' "/proc/$1/status" 2>/dev/null) || return 0
        [[ $state == *[ZX]" "* ]]
}

# listener NAME VERB ARGUMENT...: start the far end of a socket (tests/helpers/receive.c) at $T/NAME.sock, its output
# in $T/NAME, its pid in $LISTENER.
listener() {
        local name=$1 verb=$2

        shift 2
        "$TOOLS/receive" "$verb" "$T/$name.sock" "$@" >"$T/$name" 2>&1 3>&- 4>&- &
        LISTENER=$!
        eventually grep -q listening "$T/$name"
}

# ---- what came out ----

# The value of a fact in $output.
fact() {
        sed -n "s/^$1=//p" <<<"$output"
}

fact_is() {
        [ "$(fact "$1")" = "$2" ] || { echo "$1 is '$(fact "$1")', expected '$2'"; return 1; }
}

has() {
        local text

        for text in "$@"; do
                [[ $output == *"$text"* ]] || { echo "expected '$text' in the output"; return 1; }
        done
}

lacks() {
        local text

        for text in "$@"; do
                [[ $output != *"$text"* ]] || { echo "did not expect '$text' in the output"; return 1; }
        done
}

has_line() {
        local line

        for line in "$@"; do
                grep -qxF -- "$line" <<<"$output" || { echo "expected the line '$line' in the output"; return 1; }
        done
}

# Of a container that does not exist: the words that Podman and containerd look for.
says_not_exist() {
        [[ $output == *"does not exist"* ]] || { [ "$RUNTIME" = crun ] && [[ $output == *"No such file"* ]]; } ||
                { echo "expected 'does not exist' in:"; echo "$output"; return 1; }
}

matches() {
        grep -qE -- "$1" <<<"$output" || { echo "expected /$1/ in the output"; return 1; }
}

is() {
        [ "$1" = "$2" ] || { echo "is '$1', expected '$2'"; return 1; }
}

# fails COMMAND...: it must. A bare "! command" fails no test unless it is the last (tests/can-fail).
fails() {
        ! "$@" || { echo "should have failed: $*"; return 1; }
}

# ---- refusals ----

# refused WORDS COMMAND...: ends with 1 and one line on stderr that names WORDS (an extended regular expression).
# Nothing may be left of the container.
refused() {
        local words=$1 problem=""

        shift
        run "$@"
        [ "$status" -eq "${REFUSAL_STATUS:-1}" ] || problem="status $status, expected ${REFUSAL_STATUS:-1}"
        grep -qiE -- "$words" <<<"$output" || problem="$problem; no /$words/ in the message"
        [ "$RUNTIME" != berth ] || [ "$(wc -l <<<"$output")" -eq 1 ] || problem="$problem; more than one line"
        [ ! -e "$ROOT/$ID" ] || [ -n "${REFUSAL_KEEPS:-}" ] || problem="$problem; state is left"
        [ -z "$problem" ] || { echo "${problem#; }: $*"; echo "$output"; return 1; }
}

# A table of refusals: refuse_all reads lines "FILTER  ->  WORDS" and tries each on a fresh config.json; all failures
# are told, not only the first.
refuse_all() {
        local line filter words bad=0

        [ -d "$B/rootfs" ] || bundle
        while IFS= read -r line; do
                [ -n "${line// /}" ] || continue
                filter=${line% -> *}
                words=${line##* -> }
                jq "$filter" "$TOP/tests/lib/config.json" >"$B/config.json" || { echo "bad filter: $filter"; return 1; }
                refused "$(sed 's/^ *//; s/ *$//' <<<"$words")" create || {
                        echo "   with $filter"
                        bad=1
                        berth delete --force "$ID" >/dev/null 2>&1 || true
                }
        done
        return $bad
}

# What exec gives when it cannot run the program: 255 as runc, crun gives 1.
EXEC_REFUSED=255
[ "$RUNTIME" != crun ] || EXEC_REFUSED=1

# refused_exec WORDS ARGUMENT...: the same for exec, whose container lives on.
refused_exec() {
        REFUSAL_STATUS=$EXEC_REFUSED REFUSAL_KEEPS=1 refused "$1" berth exec "${@:2}"
}

# ends_with STATUS COMMAND...: as `run -STATUS`, for what must be done in this shell (wait).
ends_with() {
        local expected=$1 got=0

        shift
        "$@" || got=$?
        [ "$got" -eq "$expected" ] || { echo "$* ended with $got, expected $expected"; return 1; }
}

# ---- what the host gives ----

needs_controller() {
        grep -qw "$1" /sys/fs/cgroup/cgroup.controllers || skip "the host's v2 tree has no $1 controller"
}

needs_root_capability() {
        capsh --has-p="$1" 2>/dev/null || skip "this machine's root lacks $1"
}

is_runtime() {
        [ "$RUNTIME" = "$1" ]
}
