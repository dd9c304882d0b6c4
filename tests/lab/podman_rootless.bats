load podman

# Podman as the ordinary user "lab", set up by the lines of docs/engines/podman.md. The container "web" lives from the
# test that makes it to the one that removes it. Tests tagged "full" are of `make check-full`.

# A login for each command would take longer than the command: only what a session gives is given.
user() {
        (cd /home/lab && setpriv --reuid lab --regid lab --init-groups env -i HOME=/home/lab USER=lab LOGNAME=lab PATH="$PATH" \
                XDG_RUNTIME_DIR=/run/user/1000 DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus TERM=linux "$@" 3>&- 4>&-)
}

# The tests' own directory is closed to others.
open_to_the_user() {
        local directory=$BATS_TEST_TMPDIR

        while [ "$directory" != /tmp ] && [ "$directory" != / ]; do
                chmod a+rx "$directory"
                directory=${directory%/*}
        done
}

podman() {
        user podman ${LAB_RUNTIME:+--runtime "$LAB_RUNTIME"} "$@"
}

setup_file() {
        follow "$GUIDE" "What root has to allow"
        follow "$GUIDE" "Set up for one user" lab
        box_archive "$BATS_FILE_TMPDIR/box.tar"
        import_box - <"$BATS_FILE_TMPDIR/box.tar"
        remember_what_is_left
        USERS_GROUPS=/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service
        export USERS_GROUPS
}

teardown_file() {
        user rm -f .config/containers/containers.conf.d/50-berth.conf
}

@test "rootless podman: the guide's lines make berth the user's default runtime, with cgroups by the user's systemd" {
        run -0 podman info --format '{{.Host.OCIRuntime.Name}} {{.Host.CgroupManager}} {{.Host.Security.Rootless}}'
        is "$output" "$RUNTIME_NAME systemd true"
}

@test "rootless podman run: standard input, both outputs and the exit status are the program's" {
        run --separate-stderr -42 once --interactive box sh -c 'cat; echo problem >&2; exit 42' <<<hello
        is "$output" hello
        is "$stderr" problem
        run -127 once box nowhere
        run -126 once box /etc
}

@test "rootless podman run -it: the program has a terminal of the caller's size, which follows it" {
        run user "$TOOLS/terminal" -s 30x90 -r 33x99 podman ${LAB_RUNTIME:+--runtime "$LAB_RUNTIME"} run --rm --network none -it box \
                sh -c 'stty size; trap "stty size; exit 4" WINCH; echo ready; while :; do sleep 0.1; done'
        output=${output//$'\r'/}
        is "$status" 4
        has_line "30 90" "33 99"
}

@test "rootless podman run: root inside is the user outside, and others are the user's own ids" {
        run -0 once --user mariner --volume /home/lab:/home box \
                sh -c 'cat /proc/self/uid_map; id -u; stat -c %u /home /etc/passwd; touch /tmp/mine; stat -c %u /tmp/mine'
        matches '^ +0 +1000 +1$'
        matches '^ +1 +100000 +65536$'
        is "$(tail -n 4 <<<"$output")" $'1000\n0\n0\n1000'
}

@test "rootless podman run --userns=keep-id: the user is the same inside as outside, and owns the home directory" {
        local share # bats' own directories are closed to the user

        share=$(user mktemp -d)
        run -0 once --userns keep-id --volume "$share:/share" box \
                sh -c 'id -u; stat -c %u /share /etc/passwd; touch /share/file'
        is "$output" $'1000\n1000\n0'
        is "$(stat -c %U "$share/file")" lab
        rm -r "$share"
}

@test "rootless podman run: limits arrive in the container's group below the user's systemd" {
        run -0 once --memory 64m --cpus 0.3 --cpuset-cpus 0 --pids-limit 33 \
                box sh -c 'cd /sys/fs/cgroup; grep . memory.max cpu.max cpuset.cpus pids.max'
        has_line memory.max:67108864 "cpu.max:30000 100000" cpuset.cpus:0 pids.max:33
}

@test "rootless podman run: capabilities, no new privileges and the default seccomp profile as Podman has them" {
        run -0 once --cap-drop all --cap-add net_bind_service --security-opt no-new-privileges \
                box grep -E '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status
        is "$output" $'CapEff:\t0000000000000400\nCapBnd:\t0000000000000400\nNoNewPrivs:\t1\nSeccomp:\t2'
}

@test "rootless podman run -d: exec, logs, top, pause, update and a published port" {
        podman run --detach --name web --publish 127.0.0.1:8081:8000 box \
                sh -c 'mkdir /www; echo a page >/www/index.html; echo started; exec httpd -f -p 8000 -h /www'
        run -0 curl --silent --max-time 20 --retry 20 --retry-delay 1 --retry-connrefused http://127.0.0.1:8081/
        is "$output" "a page"
        until_true 20 says web started
        run -3 podman exec --interactive --user mariner web sh -c 'id -u; cat; exit 3' <<<input
        is "$output" $'1000\ninput'
        run -0 podman top web user,huser
        matches '^root +(1000|mariner|lab)$'
        podman pause web
        grep -q 'frozen 1' "$(group web)/cgroup.events"
        podman unpause web
        [[ $(group web) == "$USERS_GROUPS"/user.slice/libpod-*.scope* ]] || { group web; return 1; }
        podman update --memory 60m web
        is "$(cat "$(group web)/memory.max")" 62914560
        podman rm --force --time 0 web
}

# bats test_tags=full
@test "rootless podman rm --force: a paused container is removed, frozen as it is" {
        detached frozen box sleep 1000
        podman pause frozen
        podman rm --force --time 0 frozen
}

# bats test_tags=full
@test "rootless podman build: RUN steps run with berth, as their user" {
        local context

        context=$(user mktemp -d)
        printf 'FROM localhost/box\nRUN id -u >/built\nUSER mariner\nRUN id -un >/tmp/who\nCMD cat /built /tmp/who\n' \
                >"$context/Containerfile"
        chmod -R a+rX "$context"
        run -0 podman build --isolation oci --network none --tag built "$context"
        lacks warning
        run -0 once built
        is "$output" $'0\nmariner'
        podman rmi built
        rm -r "$context"
}

@test "rootless podman pod: its containers share network and host name, and go with it" {
        podman pod create --name crew --network none
        run -0 podman run --rm --pod crew box hostname
        is "$output" crew
        podman pod rm --force --time 0 crew
}

@test "rootless podman: nothing of its containers is left on the host" {
        expect_nothing_left
}
