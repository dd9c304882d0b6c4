load ../lib/common

# bats test_tags=wall
@test "terminal: the console socket gets the pty's master, the program the slave" {
        bundle '.process.terminal = true'
        args /bin/sh -c 'tty; test -t 0 && test -t 1 && test -t 2 && echo terminal; stat -c %t:%T /dev/console; readlink /proc/self/fd/0'
        listener console console
        berth create --bundle "$B" --console-socket "$T/console.sock" "$ID" </dev/null >"$T/out" 2>&1
        berth start "$ID"
        eventually is_state stopped
        wait $LISTENER
        run -0 tr -d '\r' <"$T/console"
        has_line "isatty 1" terminal
        matches '^/dev/(pts/[0-9]+|console)$'
        matches '^payload .+'
}

@test "terminal: /dev/console is the container's terminal" {
        bundle '.process.terminal = true'
        args /bin/sh -c 'echo through the console >/dev/console'
        listener console console
        berth create --bundle "$B" --console-socket "$T/console.sock" "$ID" </dev/null >"$T/out" 2>&1
        berth start "$ID"
        wait $LISTENER
        grep -q 'through the console' "$T/console"
}

@test "terminal: consoleSize is its size" {
        bundle '.process.terminal = true | .process.consoleSize = {height: 33, width: 111}'
        args /bin/probe winsize
        listener console console
        berth create --bundle "$B" --console-socket "$T/console.sock" "$ID" </dev/null >"$T/out" 2>&1
        berth start "$ID"
        wait $LISTENER
        grep -q '^size 33x111' "$T/console"
        grep -q '^33x111' "$T/console"
}

@test "terminal: consoleSize without a terminal is ignored" {
        bundle '.process.consoleSize = {height: 33, width: 111}'
        args /bin/true
        run -0 once
}

@test "terminal: is the controlling terminal, job control and ^C work" {
        bundle '.process.terminal = true'
        args /bin/sh -c 'trap "echo caught; exit 9" INT; echo ready; while :; do sleep 1000 & wait; done'
        run -9 "$TOOLS/terminal" -i $'\x03' "$BERTH" --root "$ROOT" run --bundle "$B" "$ID" 3>&- 4>&-
        has caught
}

# bats test_tags=wall
@test "terminal: run in the foreground connects the caller's terminal, with its size and its changes" {
        bundle '.process.terminal = true | .process.user.uid = 0'
        args /bin/sh -c 'trap "probe winsize; exit 4" WINCH; probe winsize; echo ready; while :; do sleep 1000 & wait; done'
        run -4 "$TOOLS/terminal" -s 40x100 -r 50x120 "$BERTH" --root "$ROOT" run --bundle "$B" "$ID" 3>&- 4>&-
        has 40x100 50x120
}

# bats test_tags=berth
@test "terminal: what run and exec write to a pipe has the lines of the program" {
        bundle '.process.terminal = true'
        args /bin/sh -c 'echo one; echo two'
        run -0 "$TOOLS/terminal" /bin/sh -c "'$BERTH' --root '$ROOT' run --bundle '$B' '$ID' | od -c" 3>&- 4>&-
        has 'o   n   e  \n   t   w   o  \n'
        edit '.process.terminal = false'
        args /bin/probe wait
        launch
        run -0 "$TOOLS/terminal" /bin/sh -c "'$BERTH' --root '$ROOT' exec -t '$ID' /bin/echo one | od -c" 3>&- 4>&-
        has 'o   n   e  \n'
}

@test "terminal: what is typed reaches the program" {
        bundle '.process.terminal = true'
        args /bin/sh -c 'echo ready; read line; echo "got <$line>"'
        run -0 "$TOOLS/terminal" -i $'typed\n' "$BERTH" --root "$ROOT" run --bundle "$B" "$ID" 3>&- 4>&-
        has "got <typed>"
}

@test "terminal: create without a console socket is refused" {
        bundle '.process.terminal = true'
        refused 'console|tty' create
}

# bats test_tags=berth
@test "terminal: the messages of contradictory options are runc's" {
        bundle '.process.terminal = true'
        refused 'cannot allocate tty if runc will detach without setting console socket' create
        refused 'cannot allocate tty if runc will detach without setting console socket' berth run --detach --bundle "$B" "$ID"
        edit '.process.terminal = false'
        refused 'cannot use console socket if runc will not detach or allocate tty' create --console-socket "$T/s"
}

@test "terminal: a console socket that nobody listens on is refused by its name" {
        bundle '.process.terminal = true'
        refused 'absent.sock|No such file|no such file' create --console-socket "$T/absent.sock"
}

@test "exec --tty: a terminal of its own, through the console socket" {
        launch_waiting
        listener console console
        run -0 berth exec --tty --detach --console-socket "$T/console.sock" "$ID" /bin/sh -c 'test -t 0 && echo terminal && tty' </dev/null
        wait $LISTENER
        grep -q terminal "$T/console"
}

@test "exec --tty: in the foreground" {
        launch_waiting
        run -6 "$TOOLS/terminal" -s 20x60 "$BERTH" --root "$ROOT" exec --tty "$ID" /bin/sh -c 'probe winsize; exit 6' 3>&- 4>&-
        has 20x60
}

@test "exec --process: terminal and consoleSize of the file" {
        launch_waiting
        jq -n '{args: ["/bin/probe", "winsize"], cwd: "/", terminal: true, user: {uid: 0, gid: 0}, consoleSize: {height: 11, width: 22}}' >"$T/process.json"
        listener console console
        berth exec --process "$T/process.json" --detach --console-socket "$T/console.sock" "$ID" </dev/null
        wait $LISTENER
        grep -q '^size 11x22' "$T/console"
        is_runtime crun || grep -q '^11x22' "$T/console"
}

@test "terminal: the caller's terminal is as it was afterwards" {
        bundle '.process.terminal = true'
        args /bin/true
        run -0 "$TOOLS/terminal" sh -c "stty -g; $BERTH --root $ROOT run --bundle $B $ID; stty -g" 3>&- 4>&-
        is "$(head -n 1 <<<"$output")" "$(tail -n 1 <<<"$output")"
}

@test "terminal: owned by the container's user" {
        bundle '.process.terminal = true | .process.user = {uid: 1000, gid: 1000}'
        args /bin/sh -c 'stat -L -c "owner %u" /proc/self/fd/0'
        run -0 "$TOOLS/terminal" "$BERTH" --root "$ROOT" run --bundle "$B" "$ID" 3>&- 4>&-
        has "owner 1000"
}

# bats test_tags=berth
@test "terminal: who does not read the output keeps no signal from the program, and can be told to go" {
        bundle '.process.terminal = true'
        args /bin/sh -c 'trap ": >/stopped; exit 7" TERM; (i=0; while :; do echo 0123456789; i=$((i + 1)); [ $i -ne 100 ] || : >/ready; done) & wait'
        mkfifo "$T/pipe"
        exec 8<>"$T/pipe"
        dd if=/dev/zero of="$T/pipe" bs=4096 oflag=nonblock 2>/dev/null || true # full
        "$BERTH" --root "$ROOT" run --bundle "$B" "$ID" </dev/null >"$T/pipe" 2>"$T/err" 3>&- 4>&- 8>&- &
        runner=$!
        eventually test -e "$B/rootfs/ready"
        kill -TERM $runner
        eventually test -e "$B/rootfs/stopped"
        # What is left of the output waits for a reader, and no longer than nobody wants berth to end. (A machine waits
        # for him itself.)
        if [ -n "$WALL" ]; then
                cat <&8 >"$T/output" 3>&- 4>&- &
        else
                eventually is_state stopped
                kill -TERM $runner
        fi
        ends_with 7 wait $runner
        exec 8>&-
}
