# Podman, Docker and ctr with containers in virtual machines, set up by the lines of their guides. One test of each is of
# every run; the rest, tagged "full", are of `make check-full`.

load engines

IMAGE=docker.io/library/busybox:latest
VM=${BERTH%/*}/berth-vm

setup_file() {
        modprobe -a kvm_amd kvm_intel 2>/dev/null || true
        [ -c /dev/kvm ] || { echo "no /dev/kvm in the lab" >&2; return 1; }
        busybox_root "$BATS_FILE_TMPDIR/root"
        image_archive "$BATS_FILE_TMPDIR/busybox.tar" "$IMAGE" "$BATS_FILE_TMPDIR/root" sh
        # What a machine says of itself is not what this one does.
        cat /proc/sys/kernel/random/boot_id >"$BATS_FILE_TMPDIR/boot"
        follow docs/engines/podman.md "Set up"
        follow docs/engines/podman.md "Virtual machines"
        command podman load --quiet --input "$BATS_FILE_TMPDIR/busybox.tar"
        remember_what_is_left
}

teardown_file() {
        follow docs/engines/podman.md "Going back"
        systemctl stop docker.socket docker.service containerd
        rm -f /etc/docker/daemon.json
}

teardown() {
        command podman rm --all --force --time 0 >/dev/null 2>&1
}

podman() {
        # conmon outlives the test and must not hold bats' own descriptors.
        command podman --runtime berth-vm "$@" 3>&- 4>&-
}

# use_docker, use_ctr: the engine set up by its guide, with the image in its store. Once for the file.
use_docker() {
        [ ! -e "$BATS_FILE_TMPDIR/docker" ] || return 0
        follow docs/engines/docker.md "Virtual machines"
        docker load --quiet --input "$BATS_FILE_TMPDIR/busybox.tar"
        touch "$BATS_FILE_TMPDIR/docker"
}

use_ctr() {
        [ ! -e "$BATS_FILE_TMPDIR/ctr" ] || return 0
        follow docs/engines/containerd.md ctr
        ctr images import "$BATS_FILE_TMPDIR/busybox.tar"
        touch "$BATS_FILE_TMPDIR/ctr"
}

# Another kernel's life than this machine's.
has_own_kernel() {
        has boot=
        lacks "boot=$(cat "$BATS_FILE_TMPDIR/boot")"
}

TELL='echo boot=$(cat /proc/sys/kernel/random/boot_id)'

# at_port: the page of a server in the container, asked for until it is up.
at_port() {
        curl --silent --max-time 30 --retry 30 --retry-delay 1 --retry-connrefused --retry-all-errors "http://$1/"
}

SERVE='echo a page >/tmp/index.html; exec httpd -f -p 80 -h /tmp'

# ---- Podman ----

@test "podman --runtime berth-vm: run, exec, logs, a volume, stop" {
        mkdir "$BATS_TEST_TMPDIR/volume"
        podman run --detach --name web --network none --memory 200m --stop-timeout 60 --volume "$BATS_TEST_TMPDIR/volume:/volume" "$IMAGE" \
                sh -c "$TELL"'; trap "echo ending; exit 5" TERM; echo started | tee /volume/file; while :; do sleep 1; done'
        until_true 120 logged web started
        run -0 podman logs web
        has_own_kernel
        is "$(cat "$BATS_TEST_TMPDIR/volume/file")" started
        run -3 podman exec --interactive --env NAME=value web sh -c 'echo "$NAME"; cat; exit 3' <<<input
        is "$output" $'value\ninput'
        podman stop web
        is "$(podman inspect --format '{{.State.Status}} {{.State.ExitCode}}' web)" "exited 5"
        podman rm web
}

logged() { # logged CONTAINER WORD
        podman logs "$1" 2>&1 | grep -q "$2"
}

# bats test_tags=full
@test "podman --runtime berth-vm run: input, both outputs, the exit status; 127 for a missing program in berth's words" {
        run --separate-stderr -42 podman run --rm --network none --interactive "$IMAGE" sh -c 'cat; echo problem >&2; exit 42' <<<hello
        is "$output" hello
        is "$stderr" problem
        run -127 podman run --rm --network none "$IMAGE" nowhere
        has 'exec: "nowhere": executable file not found in $PATH'
}

# Podman leaves CAP_NET_RAW out, and ping of Debian's busybox knows no other way.
# bats test_tags=full
@test "podman --runtime berth-vm run -p: a published port is reached, and the container reaches the host" {
        podman run --detach --name server --cap-add net_raw --publish 127.0.0.1:8085:80 "$IMAGE" sh -c "$SERVE"
        run -0 at_port 127.0.0.1:8085
        is "$output" "a page"
        run -0 podman exec server sh -c 'ping -c 1 -W 20 "$(ip route | sed -n "s/^default via \([^ ]*\).*/\1/p")"'
        podman rm --force --time 0 server
        run ! curl --silent --max-time 5 http://127.0.0.1:8085/
}

# bats test_tags=full
@test "podman --runtime berth-vm run -it: the program has a terminal of the caller's size" {
        run -4 "$TOOLS/terminal" -w 120 -s 30x90 podman --runtime berth-vm run --rm --network none -it "$IMAGE" sh -c 'stty size; exit 4' 3>&- 4>&-
        has "30 90"
}

# bats test_tags=full
@test "podman: the annotation berth.isolation=vm asks for a machine of the runtime berth" {
        run -0 command podman --runtime berth run --rm --network none --annotation berth.isolation=vm "$IMAGE" sh -c "$TELL"
        has_own_kernel
}

# ---- Docker ----

@test "docker run --runtime berth-vm: run, exec, logs, a volume, stop" {
        use_docker
        mkdir "$BATS_TEST_TMPDIR/volume"
        docker run --detach --runtime berth-vm --name web --network none --memory 200m --volume "$BATS_TEST_TMPDIR/volume:/volume" busybox \
                sh -c "$TELL"'; trap "echo ending; exit 5" TERM; echo started | tee /volume/file; while :; do sleep 1; done'
        until_true 120 docker_logged web started
        run -0 docker logs web
        has_own_kernel
        is "$(cat "$BATS_TEST_TMPDIR/volume/file")" started
        run -3 docker exec --interactive --env NAME=value web sh -c 'echo "$NAME"; cat; exit 3' <<<input
        is "$output" $'value\ninput'
        docker stop --time 60 web
        is "$(docker inspect --format '{{.State.Status}} {{.State.ExitCode}}' web)" "exited 5"
        docker rm web
}

docker_logged() {
        docker logs "$1" 2>&1 | grep -q "$2"
}

# bats test_tags=full
@test "docker run --runtime berth-vm: a container beyond its memory is reported as OOM" {
        use_docker
        run -137 docker run --runtime berth-vm --name greedy --network none --memory 64m --memory-swap 64m busybox sh -c 'tail /dev/zero; sleep 3; exit 137'
        is "$(docker inspect --format '{{.State.OOMKilled}} {{.State.ExitCode}}' greedy)" "true 137"
        docker rm greedy
}

# bats test_tags=full
@test "docker run --runtime berth-vm -p: a published port is reached" {
        use_docker
        docker run --detach --runtime berth-vm --name server --publish 127.0.0.1:8086:80 busybox sh -c "$SERVE"
        run -0 at_port 127.0.0.1:8086
        is "$output" "a page"
        docker rm --force server
        run ! curl --silent --max-time 5 http://127.0.0.1:8086/
}

# bats test_tags=full
@test "docker run --runtime berth-vm: on a network of a user the names of its containers are answered" {
        use_docker
        docker network create named
        docker run --detach --name server --network named busybox sh -c "$SERVE"
        run -0 docker run --rm --runtime berth-vm --network named busybox sh -c 'cat /etc/resolv.conf; wget -q -O - http://server/'
        has "nameserver 127.0.0.11" "a page"
        docker rm --force server
        docker network rm named
}

# ---- containerd ----

@test "ctr run --runc-binary berth-vm: run, exec, a volume, kill" {
        use_ctr
        mkdir "$BATS_TEST_TMPDIR/volume"
        run --separate-stderr -42 ctr run --rm --runc-binary "$VM" --mount "type=bind,src=$BATS_TEST_TMPDIR/volume,dst=/volume,options=rbind" \
                "$IMAGE" once sh -c "$TELL; echo kept >/volume/file; echo err >&2; exit 42"
        has_own_kernel
        is "$stderr" err
        is "$(cat "$BATS_TEST_TMPDIR/volume/file")" kept
}

# bats test_tags=full
@test "ctr tasks exec and kill, with a container in a machine" {
        use_ctr
        ctr run --detach --runc-binary "$VM" "$IMAGE" held sh -c 'sleep 1000'
        run -3 ctr tasks exec --exec-id first held sh -c 'echo inside; exit 3'
        is "$output" inside
        ctr tasks kill --signal SIGKILL held
        until_true 30 stopped held
        ctr tasks delete held || true
        ctr containers delete held
}

stopped() {
        ctr tasks ls | grep -q "^$1 .*STOPPED"
}

@test "engines: nothing of the machines is left on the host" {
        expect_nothing_left 60
        run ! pgrep -l -f '^berth-vmm |berth-proxy|virtiofsd --'
}
