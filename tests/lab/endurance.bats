# Endurance on a real host: counts and memory. Writes the tables of docs/endurance.md. LAB_CYCLES and LAB_ALIVE make it
# shorter.
load driver
load ../lib/endurance

# bats file_tags=full

CYCLES=${LAB_CYCLES:-2000}
PEER=/usr/bin/crun # what it takes longer among many is the host's part
ALIVE=${LAB_ALIVE:-300}
RESULTS=${LAB_RESULTS:-/lab/results}
TABLE=$RESULTS/endurance-$DRIVER.md

# What an engine asks for: limits and a profile like Docker's.
configuration() {
        configure ".process.args = [\"/bin/probe\", \"wait\"] |
                .linux.resources = {memory: {limit: 67108864, swap: 67108864}, pids: {limit: 50}, cpu: {shares: 512, quota: 50000, period: 100000}} |
                .linux.seccomp = $(jq -c .linux.seccomp "$TOP/tests/fuzz/corpus/config/docker-seccomp.json")"
}

# One line of numbers: what may not grow. Memory in KiB.
KINDS=(mounts cgroups "dying cgroups" "open files" processes "files of pid 1" units MemAvailable Slab Percpu "RSS of pid 1")
sample() {
        local processes

        processes=$(cut -d ' ' -f 4 /proc/loadavg)
        echo "$(wc -l </proc/self/mountinfo) $(number nr_descendants /sys/fs/cgroup/cgroup.stat)" \
                "$(number nr_dying_descendants /sys/fs/cgroup/cgroup.stat) $(cut -f 1 /proc/sys/fs/file-nr) ${processes#*/}" \
                "$(find /proc/1/fd -mindepth 1 | wc -l) $(systemctl list-units --all --plain --no-legend | wc -l)" \
                "$(number MemAvailable: /proc/meminfo) $(number Slab: /proc/meminfo) $(number Percpu: /proc/meminfo) $(number VmRSS: /proc/1/status)"
}

# A handful: the tests' own processes and files, and what the system does meanwhile. Memory: what is free varies by some
# MiB with nothing done at all; a group that leaks is 40 KiB and more of slab and percpu.
bounds() {
        BOUNDS=(0 0 20 64 8 2 4 $((-4 * $1 - 24576)) $(($1 + 8192)) $(($1 + 8192)) 2048)
}

setup_file() {
        driver_setup_file
        mkdir -p "$RESULTS" /run/crun # which crun makes and leaves; the bus of root's session it wakes
        XDG_RUNTIME_DIR=/run/user/0 systemctl --user start dbus.service || true
        {
                echo "$(date -u +%F), $("$BERTH" --version | head -n 1), Linux $(uname -r), systemd $(systemctl --version | sed -n '1s/systemd \([0-9]*\).*/\1/p')," \
                        "$(nproc) CPUs, $(awk '/MemTotal/ { printf "%d", $2 / 1024 }' /proc/meminfo) MiB"
        } >"$TABLE"
}

@test "containers made, used and deleted one after the other leave nothing and slow nothing" {
        configuration
        one_after_the_other "$CYCLES"
}

@test "containers alive at once: the last starts as quickly as the first, and their end leaves nothing" {
        configuration
        all_at_once "$ALIVE"
        printf '\nWith %d alive: %s\n' "$ALIVE" "$(describe "${ALIVE_SAMPLES[@]}")" >>"$TABLE"
}

# What each of them costs.
describe() {
        local before alive

        read -ra before <<<"$1"
        read -ra alive <<<"$2"
        echo "$(((before[7] - alive[7]) / ALIVE)) KiB of MemAvailable each, $(((alive[4] - before[4]) * 10 / ALIVE))/10 processes each, $((alive[0] - before[0])) mounts of the host's, $((alive[5] - before[5])) files of pid 1"
}
