# view: systemd
# Endurance on this machine with systemd as cgroup driver: what can be counted in a view. The lab counts memory, too
# (tests/lab/endurance.bats). FULL=1: as often as in docs/endurance.md, whose table it writes into build/endurance.
load ../lib/common
load ../lib/systemd
load ../lib/endurance

# bats file_tags=berth

if [ -n "${FULL:-}" ]; then CYCLES=2000 ALIVE=300 RESULTS=$TOP/build/endurance; else CYCLES=200 ALIVE=40 RESULTS=$BATS_FILE_TMPDIR; fi
GLOBALS=(--systemd-cgroup)
TABLE=$RESULTS/native-systemd.md

KINDS=(mounts cgroups "dying cgroups" processes "files of pid 1" units "RSS of pid 1, KiB")
sample() {
        echo "$(wc -l </proc/self/mountinfo) $(number nr_descendants /sys/fs/cgroup/cgroup.stat)" \
                "$(number nr_dying_descendants /sys/fs/cgroup/cgroup.stat) $(find /proc -maxdepth 1 -name '[0-9]*' | wc -l)" \
                "$(find /proc/1/fd -mindepth 1 | wc -l) $(systemctl list-units --all --plain --no-legend | wc -l) $(number VmRSS: /proc/1/status)"
}

bounds() {
        BOUNDS=(0 0 20 2 2 4 2048)
}

# What the first scope of all makes stays: system.slice, a directory of systemd's.
setup_file() {
        systemd-run --quiet --scope --unit=first.scope true
        eventually is_gone first.scope
        mkdir -p "$RESULTS"
        echo "$(date -u +%F), $("$BERTH" --version | head -n 1), Linux $(uname -r), $(nproc) CPUs, in a view without controllers" >"$TABLE"
}

# A profile like Docker's; limits need controllers.
configuration() {
        bundle ".process.args = [\"/bin/probe\", \"wait\"] | .linux.seccomp = $(jq -c .linux.seccomp "$TOP/tests/fuzz/corpus/config/docker-seccomp.json")"
}

@test "endurance, systemd: containers one after the other leave nothing and slow nothing" {
        configuration
        one_after_the_other $CYCLES
}

@test "endurance, systemd: many alive at once, the last as quick to start as the first; their end leaves nothing" {
        configuration
        all_at_once $ALIVE
}
