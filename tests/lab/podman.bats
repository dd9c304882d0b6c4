load podman

# Podman as root, set up by the lines of docs/engines/podman.md, doing what people do with it. The container "web" lives
# from the test that makes it to the one that removes it. Tests tagged "full" are of `make check-full`.

podman() {
        # conmon outlives the test and must not hold bats' own descriptors.
        command podman ${LAB_RUNTIME:+--runtime "$LAB_RUNTIME"} "$@" 3>&- 4>&-
}

setup_file() {
        follow "$GUIDE" "Set up"
        box_archive "$BATS_FILE_TMPDIR/box.tar"
        import_box "$BATS_FILE_TMPDIR/box.tar"
        remember_what_is_left
}

teardown_file() {
        follow "$GUIDE" "Going back"
}

@test "podman: the guide's lines make berth the default runtime, with cgroups by systemd" {
        run -0 podman info --format '{{.Host.OCIRuntime.Name}} {{.Host.CgroupManager}} {{.Host.CgroupsVersion}}'
        is "$output" "$RUNTIME_NAME systemd v2"
}

# ---- run ----

@test "podman run: standard input, both outputs and the exit status are the program's" {
        run --separate-stderr -42 once --interactive box sh -c 'cat; echo problem >&2; exit 42' <<<hello
        is "$output" hello
        is "$stderr" problem
}

# bats test_tags=full
@test "podman run: 128 plus the signal that killed the program" {
        run -143 once --init box sh -c 'kill -TERM $$'
}

@test "podman run: a program that is missing is 127, one that may not run 126, and the message is berth's" {
        run -127 once box nowhere
        [ "$RUNTIME_NAME" != berth ] || has 'berth: exec: "nowhere": executable file not found in $PATH'
        run -126 once box /etc
        [ "$RUNTIME_NAME" != berth ] || has 'berth: exec: "/etc": permission denied'
}

# bats test_tags=full
@test "podman run: what Podman refuses is 125, and leaves no container" {
        run -125 once --device /dev/nosuch --name refused box true
        run -1 podman container exists refused
}

@test "podman run -it: the program has a terminal of the caller's size, which follows it" {
        at_terminal -s 30x90 -r 33x99 podman run --rm --network none -it box \
                sh -c 'stty size; trap "stty size; exit 4" WINCH; echo ready; while :; do sleep 0.1; done'
        is "$status" 4
        has_line "30 90" "33 99"
}

# ---- one container, a life long ----

@test "podman run -d: logs hold the output, top names the processes, stats counts them" {
        detached web --health-cmd 'test -e /tmp/well' --health-interval disable --stop-timeout 20 \
                box sh -c 'trap "echo ending; exit 5" TERM; echo started; echo oops >&2; sleep 1000 & wait'
        until_true 20 says web oops
        run -0 podman logs web
        has_line started oops
        run -0 podman top web pid,user,args
        matches '^1 +root +sh -c trap'
        matches '^[0-9]+ +root +sleep 1000'
        run -0 podman stats --no-stream --format '{{.PIDs}} {{.Name}}' web
        is "$output" "2 web"
        looks web '{{.OCIRuntime}} {{.State.Status}}' "$RUNTIME_NAME running"
}

@test "podman exec: user, directory, environment, standard input and exit status are the command's" {
        run -3 podman exec --interactive --user mariner --workdir /var --env NAME=value web \
                sh -c 'id -un; pwd; echo "$NAME"; cat; exit 3' <<<input
        is "$output" $'mariner\n/var\nvalue\ninput'
}

@test "podman exec: a command that is missing is 127, one that may not run 126, a directory that is missing 127" {
        run -127 podman exec web nowhere
        run -126 podman exec web /etc
        run -127 podman exec --workdir /nowhere web true
}

# bats test_tags=full
@test "podman exec -it: a terminal that is resized" {
        at_terminal -s 30x90 -r 33x99 podman exec -it web \
                sh -c 'stty size; trap "stty size; exit 4" WINCH; echo ready; while :; do sleep 0.1; done'
        is "$status" 4
        has_line "30 90" "33 99"
}

@test "podman healthcheck: the container is unhealthy, then healthy, as its command says" {
        run -1 podman healthcheck run web
        podman exec web touch /tmp/well
        run -0 podman healthcheck run web
        looks web '{{.State.Health.Status}}' healthy
}

@test "podman cp: files go in and come out" {
        echo content >"$BATS_TEST_TMPDIR/in"
        podman cp "$BATS_TEST_TMPDIR/in" web:/tmp/copy
        podman cp web:/tmp/copy "$BATS_TEST_TMPDIR/out"
        is "$(cat "$BATS_TEST_TMPDIR/out")" content
}

@test "podman pause: the container stands still, exec is refused; unpause: it goes on" {
        podman pause web
        looks web '{{.State.Status}}' paused
        grep -q 'frozen 1' "$(group web)/cgroup.events"
        run -255 podman exec web true
        podman unpause web
        grep -q 'frozen 0' "$(group web)/cgroup.events"
        looks web '{{.State.Status}}' running
}

@test "podman update: limits of a running container change" {
        podman update --memory 100m --cpus 0.5 web
        is "$(cat "$(group web)/memory.max")" 104857600
        is "$(cat "$(group web)/cpu.max")" "50000 100000"
}

# bats test_tags=full
@test "podman checkpoint: refused with words that say why, and the container lives on" {
        run -125 podman container checkpoint web
        has "configured runtime does not support checkpoint/restore"
        looks web '{{.State.Status}}' running
}

@test "podman stop: the program gets its signal and its time, and its status is kept" {
        podman stop web
        looks web '{{.State.Status}} {{.State.ExitCode}}' "exited 5"
        run -0 podman logs web
        has_line ending
}

# bats test_tags=full
@test "podman start, kill, wait: an old container lives again and can be killed" {
        podman start web
        podman kill --signal KILL web
        run -0 podman wait web
        is "$output" 137
        podman rm web
}

@test "podman stop: a program that does not listen is killed after the timeout" {
        detached deaf box sh -c 'trap "" TERM; sleep 1000'
        run -0 podman stop --time 1 deaf
        looks deaf '{{.State.ExitCode}}' 137
        podman rm deaf
}

# bats test_tags=full
@test "podman rm --force: a paused container is removed, frozen as it is" {
        detached frozen box sleep 1000
        podman pause frozen
        podman rm --force --time 0 frozen
        run -1 podman container exists frozen
}

# bats test_tags=full
@test "podman attach: the detach keys leave a container that goes on running" {
        podman run --detach --tty --network none --name seen box sh -c 'while :; do echo ready; sleep 0.5; done' >/dev/null
        at_terminal -i $'\x10\x11' podman attach seen
        is "$status" 0
        looks seen '{{.State.Status}}' running
        at_terminal -i $'\x18' podman attach --detach-keys ctrl-x seen
        is "$status" 0
        looks seen '{{.State.Status}}' running
        podman rm --force --time 0 seen
}

# bats test_tags=full
@test "podman run --restart: as often as asked after a failure, always until it is stopped" {
        detached again --restart on-failure:2 box sh -c 'exit 3'
        until_true 60 looks again '{{.RestartCount}} {{.State.Status}} {{.State.ExitCode}}' "2 exited 3"
        podman rm again
        # To stop one that ends by itself at that moment does not count for Podman: its third life stays.
        detached again --restart always box sh -c 'echo life >>/lives; [ "$(wc -l </lives)" -lt 3 ] || { echo stays; exec sleep 1000; }'
        until_true 60 says again stays
        looks again '{{.RestartCount}} {{.State.Status}}' "2 running"
        podman stop --time 0 again
        looks again '{{.State.Status}}' exited
        podman rm again
}

# ---- what a container is given ----

@test "podman run: limits of memory, processors and processes arrive in the container's group" {
        run -0 once --memory 64m --memory-reservation 32m --cpus 0.3 --cpuset-cpus 0 --pids-limit 33 --blkio-weight 200 \
                box sh -c 'cd /sys/fs/cgroup; grep . memory.max memory.low cpu.max cpuset.cpus pids.max; cat /proc/self/cgroup'
        is "$output" "memory.max:67108864
memory.low:33554432
cpu.max:30000 100000
cpuset.cpus:0
pids.max:33
0::/"
}

@test "podman run: capabilities, no new privileges, AppArmor and the default seccomp profile as Podman has them" {
        run -0 once --cap-drop all --cap-add net_bind_service --cap-add CAP_SYS_CHROOT --security-opt no-new-privileges \
                box sh -c 'grep -E "^(CapEff|CapBnd|NoNewPrivs|Seccomp):" /proc/self/status; cat /proc/self/attr/current'
        has_line $'CapEff:\t0000000000040400' $'CapBnd:\t0000000000040400' $'NoNewPrivs:\t1' $'Seccomp:\t2'
        matches '^containers-default-.* \(enforce\)$'
}

@test "podman run: a seccomp profile of one's own decides about system calls" {
        cat >"$BATS_TEST_TMPDIR/profile.json" <<'END'
{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38}]}
END
        run -1 once --security-opt seccomp="$BATS_TEST_TMPDIR/profile.json" box mkdir /new
        has "Function not implemented"
}

@test "podman run --read-only: named volumes, tmpfs and writable binds can be written, nothing else" {
        mkdir "$BATS_TEST_TMPDIR/share"
        run -0 once --read-only --volume things:/things --volume "$BATS_TEST_TMPDIR/share:/share:Z" \
                --volume "$BATS_TEST_TMPDIR/share:/look:ro" --tmpfs /scratch:size=1m,mode=1777,noexec \
                box sh -c 'echo kept >/share/file; for d in / /things /share /look /scratch /tmp; do
                        touch $d/new 2>/dev/null && echo $d; done; cat /look/file; grep " /scratch " /proc/mounts'
        has_line /things /share /scratch /tmp kept
        [ "$(grep -cxE '/|/look' <<<"$output")" -eq 0 ]
        matches '^tmpfs /scratch tmpfs [^ ]*noexec[^ ]*size=1024k'
        run ! grep -xE '/|/look' <<<"$output"
        is "$(cat "$BATS_TEST_TMPDIR/share/file")" kept
        # A named volume keeps what was written.
        run -0 once --volume things:/things box ls /things
        is "$output" new
        podman volume rm things
}

@test "podman run --init: an init reaps, and the program is its child" {
        run -0 once --init box sh -c 'tr "\0" " " </proc/1/cmdline; echo; echo $PPID'
        matches '^/run/podman-init -- sh -c'
        has_line 1
}

@test "podman run --uidmap: the container has ids of its own, and its files are right inside" {
        run -0 once --uidmap 0:200000:5000 --gidmap 0:200000:5000 --user mariner \
                box sh -c 'cat /proc/self/uid_map; id -u; stat -c %u /etc/passwd; touch /tmp/mine; stat -c %u /tmp/mine'
        is "$(tail -n 3 <<<"$output")" $'1000\n0\n1000'
        matches '^ +0 +200000 +5000$'
}

@test "podman run -p: a published port is reached from the host, and gone with the container" {
        podman run --detach --name server --publish 127.0.0.1:8080:80 box \
                sh -c 'mkdir /www; echo a page >/www/index.html; exec httpd -f -p 80 -h /www'
        run -0 curl --silent --max-time 20 --retry 20 --retry-delay 1 --retry-connrefused http://127.0.0.1:8080/
        is "$output" "a page"
        podman rm --force --time 0 server
        run ! curl --silent --max-time 5 http://127.0.0.1:8080/
}

# ---- images ----

@test "podman build: RUN steps run with berth, as their user, and the image does what it says" {
        mkdir "$BATS_TEST_TMPDIR/context"
        cat >"$BATS_TEST_TMPDIR/context/Containerfile" <<'END'
FROM localhost/box
ENV NAME=value
RUN echo "built with $NAME as $(id -u)" >/built
USER mariner
WORKDIR /tmp/work
RUN id -un >/tmp/who
COPY Containerfile .
ENTRYPOINT ["sh", "-c"]
CMD ["cat /built /tmp/who; pwd; ls"]
END
        run -0 podman --runtime "$RUNTIME_NAME" build --network none --tag built "$BATS_TEST_TMPDIR/context"
        lacks warning
        run -0 once built
        is "$output" $'built with value as 0\nmariner\n/tmp/work\nContainerfile'
        podman rmi built
}

# bats test_tags=full
@test "podman build: a step that fails ends it with the step's status" {
        printf 'FROM localhost/box\nRUN exit 7\n' >"$BATS_TEST_TMPDIR/Containerfile"
        run -7 podman build --network none --file "$BATS_TEST_TMPDIR/Containerfile" "$BATS_TEST_TMPDIR"
        has "exit status 7"
}

# bats test_tags=full
@test "podman commit: an image of what a running container has become" {
        detached changed box sh -c 'echo kept >/written; echo done; sleep 1000'
        until_true 20 says changed done
        podman commit --quiet --change 'CMD ["cat", "/written"]' changed changed-image
        looks changed '{{.State.Status}}' running
        podman rm --force --time 0 changed
        run -0 once changed-image
        is "$output" kept
        podman rmi changed-image
}

# ---- pods ----

@test "podman pod: its containers share network, IPC and host name, and go with it" {
        podman pod create --name crew --network none --share net,ipc,uts
        podman run --detach --pod crew --name listener box sh -c 'echo up; nc -l -p 99 </etc/passwd; sleep 1000'
        until_true 20 says listener up
        run -0 podman run --rm --pod crew box sh -c 'hostname; until nc 127.0.0.1 99 </dev/null; do sleep 0.2; done'
        has_line crew root:x:0:0:root:/root:/bin/sh
        podman pod rm --force --time 0 crew
        run -1 podman container exists listener
}

@test "podman: nothing of its containers is left on the host" {
        expect_nothing_left
}
