# What the lab's tests of berth itself share, which run once for each cgroup driver (LAB_DRIVER: cgroupfs or systemd):
# containers that work (tests/helpers/load.c), and what the kernel says of them.

load lab
load ../lib/common

LAB=1
export BERTH_SUITE=${BERTH_SUITE:-lab}
DRIVER=${LAB_DRIVER:-cgroupfs}
ROOTFS=$BATS_FILE_TMPDIR/rootfs
DEADLINE=60
DISK=$(</sys/block/vdb/dev) # MAJOR:MINOR of the lab's empty disk
ROOT_DISK=$(</sys/block/vda/dev)
HERE="major: ${DISK%:*}, minor: ${DISK#*:}"
[ "$DRIVER" != systemd ] || GLOBALS=(--systemd-cgroup)

driver_setup_file() {
        # From the shared folder once; and nothing of the system's own comes and goes meanwhile.
        cp -a "$TOOLS/rootfs" "$BATS_FILE_TMPDIR/rootfs"
        systemctl stop systemd-tmpfiles-clean.timer
}

setup_file() {
        driver_setup_file
}

setup() {
        common_setup
        [ "$DRIVER" != systemd ] || DEFERRED+=('systemctl stop limits.slice 2>/dev/null || true')
}

# ---- containers ----

# place NAME: a jq filter that puts the container into group NAME below one parent that the test owns.
place() {
        if [ "$DRIVER" = systemd ]; then
                echo ".linux.cgroupsPath = \"limits.slice:berth:$1\""
        else
                echo ".linux.cgroupsPath = \"/limits/$1\""
        fi
}

# parent FILE VALUE: makes the parent of all that is placed, and limits it. A slice's files are systemd's own: what is
# written there by hand it takes back.
parent() {
        local -A properties=([memory.max]=MemoryMax [pids.max]=TasksMax)

        if [ "$DRIVER" = systemd ]; then
                systemctl set-property --runtime limits.slice "${properties[$1]}=$2"
                defer 'systemctl revert limits.slice'
        else
                mkdir /sys/fs/cgroup/limits
                defer 'rmdir /sys/fs/cgroup/limits'
                echo "$2" >"/sys/fs/cgroup/limits/$1"
        fi
}

# configure FILTER WORD...: the bundle of the next container, whose program is load with these words.
configure() {
        [ -d "$B/rootfs" ] || { mkdir -p "$B" && cp -al "$ROOTFS" "$B/rootfs" && mkfifo "$B/rootfs/tmp/go"; }
        jq ".process.args = [\"/bin/load\"] + \$ARGS.positional | $1" "$TOP/tests/lib/config.json" --args "${@:2}" >"$B/config.json"
}

# loads FILTER WORD...: a new container with that configuration does its work to the end; what it says is in $output
# and how it ended in $status.
loads() {
        configure "$@"
        run once
}

# start_as ID FILTER WORD...: a container ID in the background, its output in $T/ID. Its group is remembered: one that has
# ended has no process to ask.
declare -gA GROUPS_OF
start_as() {
        local pid path

        configure "${@:2}"
        berth create --bundle "$B" --pid-file "$T/pid" "$1" </dev/null >"$T/$1" 2>"$T/err" || { cat "$T/err"; return 1; }
        pid=$(<"$T/pid")
        read -r path <"/proc/$pid/cgroup"
        GROUPS_OF[$1]=/sys/fs/cgroup${path#0::}
        berth start "$1"
}

# start_ready FILTER WORD...: container $ID, parked before its work; `go` lets it begin. The output is $T/$ID.
start_ready() {
        start_as "$ID" "$1" after /tmp/go "${@:2}"
        says ready
}

go() {
        timeout 10 sh -c ': >"$1"' - "$B/rootfs/tmp/go"
}

# says WORDS [ID]: waits until the container has printed them.
says() {
        within 30 printed "$1" "$T/${2:-$ID}" || { cat "$T/${2:-$ID}"; return 1; }
}

printed() {
        [[ $(<"$2") =~ $1 ]]
}

# within SECONDS COMMAND...: until it succeeds. For what announces itself by no event.
within() {
        local end=$((SECONDS + $1))

        shift
        until "$@"; do
                [ $SECONDS -lt $end ] || { echo "never came true: $*" >&2; return 1; }
                sleep 0.1
        done
}

# told KEY [TEXT]: the value of KEY=VALUE in a text, which is $output.
told() {
        [[ " ${2-$output}" =~ [[:space:]]"$1"=([^[:space:]]*) ]] && echo "${BASH_REMATCH[1]}"
}

# ---- what the kernel says (without a process for each question: the lab is slow) ----

value() { # value FILE [ID]
        echo "$(<"${GROUPS_OF[${2:-$ID}]}/$1")"
}

counter() { # counter FILE KEY [ID]
        [[ $'\n'$(<"${GROUPS_OF[${3:-$ID}]}/$1") =~ $'\n'"$2 "([0-9]+) ]]
        echo "${BASH_REMATCH[1]}"
}

# between LOW VALUE HIGH
between() {
        [ "$2" -ge "$1" ] && [ "$2" -le "$3" ] || { echo "$2 is not between $1 and $3"; return 1; }
}

# cpu_share [ID...]: percent of one CPU that each used over the same second and a half, in SHARES.
cpu_share() {
        local id start before=()

        start=${EPOCHREALTIME/./}
        for id in "$@"; do before+=("$(counter cpu.stat usage_usec "$id")"); done
        sleep 1.5
        SHARES=()
        for id in "$@"; do
                SHARES+=($((100 * ($(counter cpu.stat usage_usec "$id") - before[${#SHARES[@]}]) / (${EPOCHREALTIME/./} - start))))
        done
        echo "shares: ${SHARES[*]}"
}
