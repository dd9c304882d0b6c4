# Endurance on this machine with cgroupfs as cgroup driver: what can be counted in a view. The lab counts memory, too
# (tests/lab/endurance.bats). FULL=1: as often as in docs/endurance.md, whose table it writes into build/endurance.
load ../lib/common
load ../lib/endurance

# bats file_tags=berth

if [ -n "${FULL:-}" ]; then CYCLES=2000 ALIVE=300 RESULTS=$TOP/build/endurance; else CYCLES=200 ALIVE=40 RESULTS=$BATS_FILE_TMPDIR; fi
TABLE=$RESULTS/native-cgroupfs.md

KINDS=(mounts cgroups "dying cgroups" processes)
sample() {
        echo "$(wc -l </proc/self/mountinfo) $(number nr_descendants /sys/fs/cgroup/cgroup.stat)" \
                "$(number nr_dying_descendants /sys/fs/cgroup/cgroup.stat) $(find /proc -maxdepth 1 -name '[0-9]*' | wc -l)"
}

bounds() {
        BOUNDS=(0 0 20 2)
}

setup_file() {
        mkdir -p "$RESULTS"
        echo "$(date -u +%F), $("$BERTH" --version | head -n 1), Linux $(uname -r), $(nproc) CPUs, in a view without controllers" >"$TABLE"
}

# A profile like Docker's; limits need controllers.
configuration() {
        bundle ".process.args = [\"/bin/probe\", \"wait\"] | .linux.seccomp = $(jq -c .linux.seccomp "$TOP/tests/fuzz/corpus/config/docker-seccomp.json")"
}

@test "endurance, cgroupfs: containers one after the other leave nothing and slow nothing" {
        configuration
        one_after_the_other $CYCLES
}

@test "endurance, cgroupfs: many alive at once, the last as quick to start as the first; their end leaves nothing" {
        configuration
        all_at_once $ALIVE
}
