# What every test file of the lab loads: a real host with systemd, cgroup v2 and engines, all of it thrown away after.
# Tests of one file run in order and may build on each other; setup_file makes what they share.

bats_require_minimum_version 1.5.0

TOP=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)
TOOLS=$TOP/build/tests
BERTH=${BERTH:-/usr/local/bin/berth}

# follow FILE HEADING [USER]: carries out the copy-and-paste lines (```sh blocks) that stand below a heading of a
# document, as root or as that user. The documents' lines are what the tests use, so they cannot go stale.
follow() {
        local lines

        lines=$(awk -v heading="$2" '/^#+ / { within = ($0 ~ "^#+ " heading "$"); next }
                within && /^```sh$/ { block = 1; next } /^```$/ { block = 0 } within && block' "$TOP/$1")
        [ -n "$lines" ] || { echo "$1 has no lines below '$2'" >&2; return 1; }
        if [ -n "${3:-}" ]; then
                runuser -l "$3" -c "set -e; export XDG_RUNTIME_DIR=/run/user/$(id -u "$3"); $lines"
        else
                bash -ec "$lines"
        fi
}

# as USER COMMAND...: as that user with a session's environment (rootless engines want XDG_RUNTIME_DIR).
as() {
        local user=$1

        shift
        runuser -l "$user" -c "export XDG_RUNTIME_DIR=/run/user/$(id -u "$user"); $(printf '%q ' "$@")"
}

# until_true SECONDS COMMAND...: for what another program does in its own time and tells nobody about.
until_true() {
        local end=$((SECONDS + $1))

        shift
        until "$@"; do
                [ $SECONDS -lt $end ] || { echo "not within the time: $*" >&2; return 1; }
                sleep 0.2
        done
}

# What containers leave behind when something goes wrong: to be asked before and after.
leftovers() (
        set +e # half of these places do not exist on most machines
        find /sys/fs/cgroup -type d \( -name 'libpod-*' -o -name 'docker-*' -o -name 'cri-*' -o -name 'berth-*' -o -name 'crun-*' \) 2>/dev/null
        systemctl list-units --all --plain --no-legend 'libpod-*' 'docker-*' 'cri-*' 'berth-*'
        # The cache of seccomp filters stays on purpose.
        find /run/berth /run/containerd/runc/* /run/docker/runtime-*/* /run/user/*/berth /run/user/*/crun -mindepth 1 -maxdepth 2 \
                ! -path '*/.cache*' 2>/dev/null
        # Neither engine nor container is meant by the mounts of the machine itself.
        awk '$5 != "/berth" && $5 ~ /overlay.*merged|\/rootfs$|berth/ { print $5 }' /proc/self/mountinfo
)
