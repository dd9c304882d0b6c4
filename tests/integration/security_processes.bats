load ../lib/common

# Attacks on the processes of the runtime that enter a container.

POWER='["CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_KILL", "CAP_FOWNER", "CAP_SETUID", "CAP_SETGID"]'

# The runtime under attack is a copy: the tests' own must survive a success.
copied_runtime() {
        cp "$BERTH" "$T/runtime"
        BERTH=$T/runtime
        before=$(sha256sum <"$BERTH")
}

is_unharmed() {
        is "$(sha256sum <"$BERTH")" "$before"
}

attackers() { # attackers VERB [FILTER]: a container in which `attack VERB` runs beside a harmless first process
        bundle ".process.capabilities = {bounding: $POWER, permitted: $POWER, effective: $POWER} | ${2:-.}"
        cp "$TOOLS/attack" "$B/rootfs/bin/attack"
        edit '.process.args = ["/bin/sh", "-c", "/bin/attack \($v) 2 /bin/; /bin/probe wait"]' --arg v "$1"
}

saw_nothing() {
        local deadline=$((SECONDS + 3))

        launch
        while [ $SECONDS -lt $deadline ]; do
                berth exec "$ID" /bin/true </dev/null >/dev/null 2>&1 || true
        done
        run grep -E '^(attached|memory|fd) ' "$T/out"
        output=$(sort -u <<<"$output")
        is "$output" ""
}

@test "the runtime's program cannot be overwritten through /proc/PID/exe while exec enters (CVE-2019-5736)" {
        copied_runtime
        attackers overwrite
        launch
        for i in {1..40}; do
                run berth exec "$ID" /bin/true </dev/null
        done
        is_unharmed
        run cat "$T/out"
        lacks "overwrote $BERTH"
        is_runtime berth && lacks overwrote
        berth delete --force "$ID"
        is_unharmed
}

@test "a program that is /proc/self/exe runs no writable copy of the runtime (CVE-2019-5736)" {
        copied_runtime
        bundle ".process.capabilities = {bounding: $POWER, permitted: $POWER, effective: $POWER}"
        ln -s /proc/self/exe "$B/rootfs/bin/self"
        printf '#!/proc/self/exe\n' >"$B/rootfs/bin/script"
        chmod +x "$B/rootfs/bin/script"
        for program in /proc/self/exe /bin/self /bin/script; do
                args $program
                DEADLINE=2 run once
                berth delete --force "$ID" || true
                is_unharmed
        done
        args /bin/probe wait
        launch
        for program in /proc/self/exe /bin/self /bin/script; do
                DEADLINE=2 run berth exec "$ID" $program </dev/null
                is_unharmed
        done
}

@test "a process that enters shows the container neither memory nor descriptors (CVE-2016-9962)" {
        # With CAP_SYS_PTRACE in the host's user namespace nothing could be hidden.
        attackers spy '.process.capabilities |= with_entries(.value -= ["CAP_SYS_PTRACE"])'
        saw_nothing
}

@test "a process that enters a user namespace shows its root neither memory nor descriptors (CVE-2016-9962)" {
        attackers spy '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 1000}] | .linux.gidMappings = .linux.uidMappings'
        chown -Rh 100000:100000 "$B/rootfs"
        saw_nothing
}

@test "the parked process of create holds no descriptor of the host's directories" {
        bundle
        create
        run -0 ls -l "/proc/$(pid_of)/fd"
        for target in "$ROOT" /sys/fs/cgroup "$B" /proc/ /etc; do
                ! grep -qE -- "-> $target" <<<"$output" || is_runtime crun || is_runtime runc || { echo "$output"; false; }
        done
        is_runtime berth || skip "these hold some until start"
}

@test "exec --cap does not make capabilities inheritable or ambient (CVE-2022-29162, CVE-2022-27650)" {
        launch_waiting
        run -0 berth exec --cap CAP_SYS_CHROOT "$ID" /bin/probe caps
        is_runtime berth || return 0
        fact_is inheritable 0000000000000000
        fact_is ambient 0000000000000000
        run -0 berth exec --user 1000 --cap CAP_SYS_CHROOT "$ID" /bin/probe caps
        fact_is inheritable 0000000000000000
}

@test "exec: a process never gets more capabilities than the container (CVE-2025-27612)" {
        launch_waiting
        run -0 berth exec "$ID" /bin/probe caps
        fact_is bounding 0000000020000420
        fact_is effective 0000000020000420
        jq -n '{args: ["/bin/probe", "caps"], cwd: "/", user: {uid: 0, gid: 0}}' >"$T/process.json"
        run -0 berth exec --process "$T/process.json" "$ID"
        is_runtime berth || return 0
        (((0x$(fact effective) & ~0x20000420) == 0))
        (((0x$(fact bounding) & ~0x20000420) == 0))
}

# bats test_tags=berth
@test "exec --user: what is no number is refused, never taken for root (CVE-2026-30892)" {
        launch_waiting
        local user
        for user in '' 1: :1 01 +1 -1 ' 1' '1 ' 1x 0x1 1.0 root 4294967296 4294967295 1:2:3 1:x 99999999999999999999; do
                refused_exec 'user' --user "$user" "$ID" /bin/probe ids
                lacks "uid=0"
        done
        run -0 berth exec --user 1 "$ID" /bin/probe ids
        fact_is uid "1 1 1"
}

# bats test_tags=berth
@test "numbers on the command line: what is no number is refused by its option" {
        launch_waiting
        local value
        for value in '' -2 +1 01x 1x 0x10 1e3 ' 1' 99999999999999999999 64x; do
                REFUSAL_KEEPS=1 refused 'pids-limit' berth update --pids-limit "$value" "$ID"
                REFUSAL_KEEPS=1 refused 'flag --memory' berth update --memory "$value" "$ID"
                ID=other refused 'preserve-fds' berth create --preserve-fds "$value" --bundle "$B" other
                refused_exec 'additional.gid' --additional-gids "$value" "$ID" /bin/true
                REFUSAL_KEEPS=1 refused 'preserve-fds' berth exec --preserve-fds "$value" "$ID" /bin/true
        done
}

@test "what exec left running ends with the container, even as an orphan" {
        launch_waiting
        run -0 berth exec "$ID" /bin/sh -c '(sleep 1000 </dev/null >/dev/null 2>&1 &) ; true'
        eventually berth exec "$ID" /bin/sh -c 'grep -qx sleep /proc/[0-9]*/comm'
        berth kill "$ID" KILL
        eventually is_state stopped
        eventually none_lives sleep
}

@test "what exec left running without a pid namespace ends with delete --force" {
        bundle '.linux.namespaces |= map(select(.type != "pid"))'
        args /bin/probe wait
        launch
        run -0 berth exec "$ID" /bin/sh -c '/bin/busybox setsid sleep 1000 </dev/null >/dev/null 2>&1 & true'
        eventually pgrep -x sleep
        berth delete --force "$ID"
        none_lives sleep
}

# bats test_tags=berth
@test "what exec left at its terminal, and goes on writing, is not what exec waits for" {
        launch_waiting
        install -m 755 "$TOOLS/attack" "$B/rootfs/bin/attack"
        run -0 "$TOOLS/terminal" /bin/sh -c "'$BERTH' --root '$ROOT' exec -t '$ID' /bin/attack linger 7 z >'$T/said'; echo status \$?" 3>&- 4>&-
        matches 'status 7'
        [ "$(tr -dc z <"$T/said" | wc -c)" -le $((128 * 1024)) ]
        eventually none_lives attack
}

# bats test_tags=berth
@test "devices and directories of the host that are stdio keep their owner" {
        bundle '.process.user = {uid: 1234, gid: 1234}'
        args /bin/true
        mkdir "$T/dev" "$T/directory"
        mount -t tmpfs -o mode=755 dev "$T/dev"
        defer "umount $T/dev"
        local device
        for device in "kmsg 1 11" "urandom 1 9" "zero 1 5" "fuse 10 229"; do
                # shellcheck disable=SC2086
                mknod -m 600 "$T/dev/${device%% *}" c ${device#* }
        done
        for device in "$T"/dev/* "$T/directory"; do
                run -0 berth run --bundle "$B" "$ID" <"$device"
                is "$(stat -c %u "$device")" 0
        done
        mkfifo -m 600 "$T/pipe"
        run -0 berth run --bundle "$B" "$ID" <>"$T/pipe"
        # (A machine has pipes of its own.)
        [ -n "$WALL" ] || is "$(stat -c %u "$T/pipe")" 1234
}

@test "the program cannot push input into the caller's terminal (TIOCSTI)" {
        see . process
        is "$(fact sid)" "$(fact pid)"
}

@test "the container's root cannot write the host's cgroup tree through its read-only mount" {
        bundle
        args /bin/sh -c 'mkdir /sys/fs/cgroup/x; echo 1 >/sys/fs/cgroup/cgroup.freeze'
        run ! once
        matches 'Read-only file system'
}

@test "the container's process does not see the runtime's environment" {
        export RUNTIME_SECRET=hidden
        bundle
        args /bin/sh -c 'cat /proc/1/environ; env'
        run -0 once
        lacks hidden
        args /bin/probe wait
        create
        run tr '\0' '\n' <"/proc/$(pid_of)/environ"
        is_runtime berth && lacks hidden
        true
}

# bats test_tags=berth
@test "groups that the container nests deeper than the runtime has descriptors hide no process" {
        bundle '.mounts |= map(if .type == "cgroup" then .options = ["rw"] else . end)'
        args /bin/sh -c 'cd /sys/fs/cgroup; p=$(printf "a/%.0s" $(seq 100)); for i in 1 2 3; do mkdir -p $p && cd $p || exit 1; done
                echo 0 >cgroup.procs; exec /bin/probe wait'
        launch
        local few="ulimit -n 64; timeout 20 \"\$@\" 3>&- 4>&-"
        run -0 bash -c "$few" - "$BERTH" --root "$ROOT" ps --format json "$ID"
        matches "[[,]$(pid_of)[],]"
        run -0 bash -c "$few" - "$BERTH" --root "$ROOT" kill --all "$ID" TERM
        eventually is_state stopped
        run -0 bash -c "$few" - "$BERTH" --root "$ROOT" delete "$ID"
}

# bats test_tags=berth
@test "an endless /etc/passwd in the image does not hold up the program" {
        bundle 'del(.process.env)'
        truncate -s 1T "$B/rootfs/etc/passwd" 2>/dev/null || truncate -s 100G "$B/rootfs/etc/passwd"
        edit '.process.user.uid = 4321'
        args /bin/sh -c 'echo "home=$HOME"'
        DEADLINE=${WALL:+3}5 run -0 once
        fact_is home /
}

# bats test_tags=lab
@test "a fork bomb in the container ends with delete --force" {
        needs_controller pids
        bundle '.linux.resources.pids = {limit: 100}'
        args /bin/sh -c 'echo ready; f() { f | f & }; f; /bin/probe wait'
        launch
        berth delete --force "$ID"
}

@test "thirty containers that start and go at once leave nothing" {
        bundle
        args /bin/true
        local i
        for i in {1..30}; do
                timeout 60 "$BERTH" --root "$ROOT" run --bundle "$B" "many$i" </dev/null >/dev/null 2>"$T/err$i" 3>&- 4>&- &
                pids[i]=$!
        done
        for i in {1..30}; do
                wait "${pids[i]}" || { cat "$T/err$i"; false; }
        done
        is "$(ls "$ROOT" 2>/dev/null | grep -c many)" 0
}

@test "create of one id by many at once succeeds once" {
        bundle
        args /bin/probe wait
        local i won=0
        for i in {1..10}; do
                berth create --bundle "$B" "$ID" </dev/null >"$T/out$i" 2>&1 &
                pids[i]=$!
        done
        for i in {1..10}; do
                wait "${pids[i]}" && won=$((won + 1)) || true
        done
        is $won 1
        is_state created
}
