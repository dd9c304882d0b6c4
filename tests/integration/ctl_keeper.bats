# berthctl: what the keeper does, and what happens without it.
load ../lib/common
load ../lib/ctl

keeper_of() {
        pgrep -f "^berth-keeper .* $1 "
}

kill_keeper() {
        local keeper

        keeper=$(keeper_of "$1")
        kill -KILL "$keeper"
        eventually is_dead "$keeper"
}

own_kib() {
        awk '/^Private_(Clean|Dirty):/ { n += $2 } END { print n }' "/proc/$1/smaps_rollup"
}

talking='i=0; while :; do i=$((i + 1)); echo "line $i"; sleep 0.05; done'

@test "keeper: killing it leaves the container alone, and the next command that needs one starts another" {
        local pid

        ctl create web --image busybox --net none -- /bin/sh -c "$talking"
        ctl start web
        pid=$(ctl_pid web)
        eventually said web 'line 3$'
        kill_keeper web
        is "$(ctl info --json web | jq -c '[.state, .pid, .keeper]')" "[\"running\",$pid,false]"
        is "$(ctl exec web echo still here)" "still here"
        is "$(ctl info --json web | jq -c .keeper)" true
        eventually said web 'line 40$'
        # Nothing that was said meanwhile is lost.
        is "$(ctl logs web | sed -n 's/^line //p' | head -n 40 | md5sum)" "$(seq 1 40 | md5sum)"
        ctl stop -f web
        is "$(ctl info --json web | jq -r .state)" stopped
}

@test "keeper: killing it leaves the container its terminal; what is said meanwhile is in the log, and the next one has it again" {
        local pid

        ctl create web --image busybox --net none -t -- /bin/sh -c "trap 'echo hung up' HUP; $talking & while read line; do echo \"got \$line\"; done"
        ctl start web
        pid=$(ctl_pid web)
        eventually said web 'line 3$'
        kill_keeper web
        eventually grep -q 'line 40' "$DIR/containers/web/log"
        is "$(ctl info --json web | jq -c '[.state, .pid, .keeper]')" "[\"running\",$pid,false]"
        { echo hello; sleep 1; } | timeout 5 "$BERTHCTL" --directory "$DIR" --run "$RUN" console web >"$T/out" 2>&1 3>&- 4>&- || true
        is "$(ctl info --json web | jq -c '[.pid, .keeper]')" "[$pid,true]"
        tr -d '\r' <"$T/out" | grep -qx 'got hello'
        eventually said web 'line 60$'
        # Nothing is lost and nothing is there twice.
        is "$(ctl logs web | tr -d '\r' | sed -n 's/^line //p' | head -n 60 | md5sum)" "$(seq 1 60 | md5sum)"
        run said web 'hung up'
        [ "$status" -ne 0 ]
        # The second one adopted it, and can be killed, too.
        kill_keeper web
        eventually said web 'line 80$'
        ctl stop -f web
        none_lives berth-holder
}

@test "keeper: who holds the terminal beside it is replaced when killed; both killed at once lose it, and the console says so" {
        local holder

        ctl create web --image busybox --net none -t -- /bin/sh -c "trap '' HUP; while :; do sleep 0.1; done"
        ctl start web
        holder=$(pgrep -x berth-holder)
        kill -KILL "$holder"
        eventually another_holds "$holder"
        # Standing still it cannot replace the other.
        kill -STOP "$(keeper_of web)"
        kill -KILL "$(pgrep -x berth-holder)" "$(keeper_of web)"
        eventually none_lives berth-holder
        is "$(ctl info --json web | jq -r .state)" running
        run -0 timeout 5 "$BERTHCTL" --directory "$DIR" --run "$RUN" console web </dev/null 3>&- 4>&-
        has "terminal was lost"
        is "$(ctl exec web echo here)" here
        ctl restart -f web
        pgrep -x berth-holder
        ctl stop -f web
}

another_holds() {
        local pid

        pid=$(pgrep -r R,S -x berth-holder) && [ "$pid" != "$1" ]
}

@test "keeper: without one, stop works and tidies up" {
        ctl create web --image busybox --net none -- /bin/sleep 1000
        ctl start web
        kill_keeper web
        ctl stop -f web
        is "$(ctl info --json web | jq -r .state)" stopped
        [ -z "$(ls "$RUN/state")" ]
        ctl start web
        ctl stop -f web
}

@test "keeper: a container that ended while it had none is stopped, and starts again" {
        ctl create web --image busybox --net none -- /bin/sleep 1000
        ctl start web
        kill_keeper web
        ctl kill web KILL
        eventually ctl_is web stopped
        ctl start web
        is "$(ctl info --json web | jq -r .state)" running
        ctl destroy -f web
}

@test "keeper: at most 300 KiB of its own memory" {
        local keeper

        ctl create web --image busybox --net none -- /bin/sleep 1000
        ctl start web
        keeper=$(keeper_of web)
        [ "$(own_kib "$keeper")" -le 300 ]
        ctl stop -f web
        # Who holds a terminal beside it counts, too.
        ctl set web --terminal
        ctl start web
        [ $(($(own_kib "$(keeper_of web)") + $(own_kib "$(pgrep -x berth-holder)"))) -le 300 ]
        ctl stop -f web
}

@test "keeper: the kernel's table of its descriptors is no larger than any process's" {
        # A high one that berthctl inherits, as bats gives, makes it larger.
        (
                eval "exec $(ls "/proc/$BASHPID/fd" | awk '$1 >= 64 && $1 != 255 { printf "%d>&- ", $1 }')"
                ctl create web --image busybox --net none -- /bin/sleep 1000
                ctl start web
        )
        is "$(awk '$1 == "FDSize:" { print $2 }' "/proc/$(keeper_of web)/status")" 64
        ctl stop -f web
}

@test "keeper: gives the container no descriptor but its own three" {
        ctl create web --image busybox --net none -- /bin/sleep 1000
        ctl start web
        is "$(ctl exec web ls /proc/1/fd | tr '\n' ' ')" "0 1 2 "
        ctl stop -f web
}

@test "logs: kept after the end, bounded by log-size, the last lines on demand" {
        ctl create web --image busybox --net none --log-size 8k -- /bin/sh -c 'i=0; while [ $i -lt 3000 ]; do i=$((i + 1)); echo "line $i"; done'
        ctl start web
        eventually ctl_is web stopped
        [ "$(stat -c %s "$DIR/containers/web/log")" -le 8192 ]
        [ "$(stat -c %s "$DIR/containers/web/log.1")" -le 12288 ]
        is "$(ctl logs web | tail -n 1)" "line 3000"
        is "$(ctl logs -n 2 web | tr '\n' ' ')" "line 2999 line 3000 "
        is "$(ctl logs -n 0 web)" ""
        refused_ctl "there is no container nobody" logs nobody
}

@test "logs --follow: goes on until the container ends, over a rotation" {
        ctl create web --image busybox --net none --log-size 4k -- /bin/sh -c 'sleep 0.3; i=0; while [ $i -lt 600 ]; do i=$((i + 1)); echo "line $i"; done; sleep 0.3; echo end'
        ctl start web
        run -0 ctl logs -f web
        is "${lines[-1]}" end
        has_line "line 600"
}

@test "console: what is typed reaches the terminal, what is said comes back, Ctrl-] leaves" {
        ctl create web --image busybox --net none -t -- /bin/sh -c 'echo ready; while read line; do echo "got $line"; done'
        ctl start web
        eventually said web ready
        # Standard input is no terminal here: the escape is for those who sit at one.
        { echo hello; sleep 0.5; } | timeout 3 "$BERTHCTL" --directory "$DIR" --run "$RUN" console web >"$T/out" 2>&1 3>&- 4>&- || true
        tr -d '\r' <"$T/out" | grep -qx 'got hello'
        said web '^got hello$'
        ctl stop -f web
}

@test "console: at a terminal the container gets its size, and Ctrl-] leaves the container as it is" {
        ctl create web --image busybox --net none -t -- /bin/sh -c 'while :; do echo "ready $(stty size)"; sleep 0.2; done'
        ctl start web
        run -0 timeout 10 "$TOOLS/terminal" -s 33x99 -i $'\x1d' "$BERTHCTL" --directory "$DIR" --run "$RUN" console web
        has "Ctrl-] leaves" "ready"
        eventually said web '^ready 33 99$'
        is "$(ctl info --json web | jq -r .state)" running
        ctl stop -f web
}

@test "console: a terminal that nobody inside has open for a while is there when somebody opens it again" {
        ctl create web --image busybox --net none -t -- /bin/sh -c 'echo one; exec </dev/null >/dev/null 2>&1; sleep 1; echo two >/dev/console; exec sleep 1000'
        ctl start web
        eventually said web '^one$'
        eventually said web '^two$'
        ctl stop -f web
}

@test "console: a container without a terminal shows its output" {
        ctl create web --image busybox --net none -- /bin/sh -c "$talking"
        ctl start web
        timeout 2 "$BERTHCTL" --directory "$DIR" --run "$RUN" console web >"$T/out" 2>&1 </dev/null 3>&- 4>&- || true
        grep -q '^line [0-9]' "$T/out"
        ctl stop -f web
        refused_ctl "container web is stopped" console web
        ctl create quiet --image busybox --net none -- /bin/sh -c 'while :; do echo ready; sleep 0.2; done'
        ctl start quiet
        run -0 timeout 10 "$TOOLS/terminal" -i $'\x03' "$BERTHCTL" --directory "$DIR" --run "$RUN" console quiet
        has "It has no terminal: this is its output. Ctrl-C leaves."
        is "$(ctl info --json quiet | jq -r .state)" running
        ctl destroy -f quiet
}

@test "exec: status, user, environment and directory; what is wrong is said" {
        ctl create web --image busybox --net none -- /bin/sleep 1000
        refused_ctl "container web is stopped" exec web true
        ctl start web
        run -3 ctl exec web sh -c 'exit 3'
        run -0 --separate-stderr ctl exec -u nobody -w /etc -e A=b web sh -c 'id -u; pwd; echo $A $HOME'
        is "${lines[*]}" "65534 /etc b /"
        run -143 ctl exec web sh -c 'kill -TERM $$'
        is "$(ctl exec web cat <<<"through stdin")" "through stdin"
        refused_ctl "/bin/missing" exec web /bin/missing
        refused_ctl "^container web: its /etc/passwd has no user 'somebody'" exec -u somebody web id
        is "$(ctl exec -u nobody:root web id -g)" 0
        is "$(ctl exec -u 7:nogroup web id -g)" 65534
        refused_ctl "^container web: its /etc/group has no group 'somebody'" exec -u nobody:somebody web id
        refused_ctl "^--user 'nobody:': expected USER or USER:GROUP" exec -u nobody: web id
        refused_ctl "expected NAME=VALUE" exec -e novalue web id
        refused_ctl "no command given" exec web
        run -0 ctl enter web <<<'echo in $0'
        has "in sh"
        ctl stop -f web
}

@test "set: kept for the next start, refused when it is wrong, and nothing to set is an error" {
        ctl create web --image busybox --net none -- /bin/sleep 1000
        ctl set web --hostname other --restart always -e A=1 --autostart
        is "$(ctl info --json web | jq -c '[.settings.hostname, .settings.restart, .settings.env, .settings.autostart]')" \
                '["other","always",["A=1"],true]'
        ctl set web --unset restart --unset env --autostart=false
        is "$(ctl info --json web | jq -c '[.settings.restart, .settings.env, .settings.autostart]')" '[null,[],false]'
        ctl start web
        is "$(ctl exec web hostname)" other
        run -0 ctl set web --hostname third
        has "counts from its next start"
        is "$(ctl exec web hostname)" other
        refused_ctl "nothing to change" set web
        refused_ctl "no setting 'ids'" set web --unset ids
        refused_ctl "memory: invalid value" set web --memory lots
        ctl restart -f web
        is "$(ctl exec web hostname)" third
        ctl set web -- /bin/sleep 2000
        ctl restart -f web
        run -0 ctl exec web cat /proc/1/cmdline
        has 2000
        ctl stop -f web
}

@test "set: a limit that the running container cannot have is refused and the old settings stay" {
        grep -qw memory /sys/fs/cgroup/cgroup.controllers && skip "this host has the memory controller"
        ctl create web --image busybox --net none -- /bin/sleep 1000
        ctl start web
        refused_ctl "(memory|cpu) controller" set web --memory 64m
        is "$(ctl info --json web | jq -c .settings.memory)" null
        ctl stop -f web
}

# bats test_tags=lab
@test "set: memory, CPU and process limits reach the running container at once" {
        needs_controller memory
        needs_controller cpu
        needs_controller pids
        ctl create web --image busybox --net none --unprivileged=false -- /bin/sleep 1000
        ctl start web
        ctl set web --memory 64m --cpus 1.5 --pids 100 --cpu-weight 50
        is "$(cat /sys/fs/cgroup/berth/web/memory.max)" 67108864
        is "$(cat /sys/fs/cgroup/berth/web/cpu.max)" "150000 100000"
        is "$(cat /sys/fs/cgroup/berth/web/pids.max)" 100
        is "$(cat /sys/fs/cgroup/berth/web/cpu.weight)" 50
        ctl set web --unset memory --unset cpus --unset pids
        is "$(cat /sys/fs/cgroup/berth/web/memory.max)" max
        is "$(cat /sys/fs/cgroup/berth/web/cpu.max)" "max 100000"
        is "$(cat /sys/fs/cgroup/berth/web/pids.max)" max
        ctl stop -f web
}
