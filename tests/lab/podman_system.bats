load podman

# Podman as root, and what is around it: a system inside a container, units of the host's, Kubernetes' files, rests and
# accidents. The lines of docs/engines/podman.md where there are some.

# bats file_tags=full

podman() {
        # conmon outlives the test and must not hold bats' own descriptors.
        command podman ${LAB_RUNTIME:+--runtime "$LAB_RUNTIME"} "$@" 3>&- 4>&-
}

setup_file() {
        follow "$GUIDE" "Set up"
        box_archive "$BATS_FILE_TMPDIR/box.tar"
        import_box "$BATS_FILE_TMPDIR/box.tar"
        podman import --quiet /usr/local/share/lab/systemd.tar debian-systemd
        remember_what_is_left
}

teardown_file() {
        podman rm --all --force --time 0
        podman pod rm --all --force --time 0
        rm -f /etc/systemd/system/container-web.service
        follow "$GUIDE" "Going back"
}

# ---- a system inside ----

@test "podman: systemd runs in a container, by the guide's lines, and shuts down when it is stopped" {
        run -0 follow "$GUIDE" "Systemd inside a container" 3>&- 4>&-
        has_line running
        looks system '{{.OCIRuntime}} {{.State.Status}}' "$RUNTIME_NAME running"
        # Its processes are in groups that it has made itself, below the one that it was given.
        run -0 podman exec system systemctl show --property ControlGroup --value dbus.service
        is "$output" /system.slice/dbus.service
        [ -d "$(group system)/../system.slice/dbus.service" ]
        run -0 podman exec system systemd-run --wait --pipe cat /proc/self/cgroup
        matches '^0::/system.slice/run-.*[.]service$'
        run -7 podman exec system sh -c 'exit 7'
        podman stop --time 60 system
        looks system '{{.State.ExitCode}}' 0
        podman rm system
}

@test "podman generate systemd: the container is a unit of the host's, by the guide's lines, and comes back after a failure" {
        podman create --network none --name web box sh -c 'trap "exit 0" TERM; while :; do sleep 0.2; done' >/dev/null
        cd "$BATS_TEST_TMPDIR"
        follow "$GUIDE" "Units of containers" 3>&- 4>&-
        is "$(systemctl is-active container-web)" active
        looks web '{{.OCIRuntime}} {{.State.Status}}' "$RUNTIME_NAME running"
        kill -KILL "$(look web '{{.State.Pid}}')"
        until_true 60 restarted
        systemctl stop container-web
        run -1 podman container exists web
        rm /etc/systemd/system/container-web.service
        systemctl daemon-reload
}

restarted() {
        [ "$(systemctl show -P NRestarts container-web)" -ge 1 ] && looks web '{{.State.Status}}' running
}

# ---- Kubernetes' files ----

@test "podman kube play: a pod of two containers with limits, volumes and a read-only root; kube down removes it" {
        mkdir "$BATS_TEST_TMPDIR/share"
        cat >"$BATS_TEST_TMPDIR/pod.yaml" <<END
apiVersion: v1
kind: Pod
metadata: {name: boat}
spec:
  restartPolicy: Never
  volumes:
  - {name: host, hostPath: {path: $BATS_TEST_TMPDIR/share, type: Directory}}
  containers:
  - name: server
    image: localhost/box:latest
    imagePullPolicy: Never
    command: [sh, -c, 'echo a page >/tmp/index.html; exec httpd -f -p 80 -h /tmp']
    resources: {limits: {memory: 64Mi, cpu: 500m}}
  - name: client
    image: localhost/box:latest
    imagePullPolicy: Never
    command: [sh, -c, 'until wget -q -O /share/page http://127.0.0.1/; do sleep 0.5; done; touch /no || echo read-only; echo done; sleep 1000']
    env: [{name: NAME, value: set}]
    securityContext: {readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
    volumeMounts: [{name: host, mountPath: /share}]
END
        podman kube play "$BATS_TEST_TMPDIR/pod.yaml"
        until_true 60 says boat-client done
        says boat-client read-only
        is "$(cat "$BATS_TEST_TMPDIR/share/page")" "a page"
        is "$(cat "$(group boat-server)/memory.max" "$(group boat-server)/cpu.max" | paste -sd' ')" "67108864 50000 100000"
        run -0 podman exec boat-client sh -c 'echo $NAME; grep CapEff /proc/self/status'
        is "$output" $'set\nCapEff:\t0000000000000000'
        podman kube down "$BATS_TEST_TMPDIR/pod.yaml"
        run -1 podman pod exists boat
}

@test "podman generate kube: what it writes makes the same pod again" {
        podman pod create --name crew >/dev/null
        podman run --detach --pod crew --name listener --memory 32m box sh -c 'echo up; sleep 1000' >/dev/null
        podman generate kube crew >"$BATS_TEST_TMPDIR/crew.yaml"
        podman pod rm --force --time 0 crew
        podman kube play "$BATS_TEST_TMPDIR/crew.yaml"
        until_true 60 says crew-listener up
        is "$(cat "$(group crew-listener)/memory.max")" 33554432
        podman kube down "$BATS_TEST_TMPDIR/crew.yaml"
        run -1 podman pod exists crew
}

# ---- rests and accidents ----

@test "podman prune: what has ended goes, what runs and what it uses stay" {
        detached stays --volume used:/used box sleep 1000
        detached ends box true
        podman wait ends
        podman volume create unused
        podman container prune --force
        run -1 podman container exists ends
        podman volume prune --force
        is "$(podman volume ls --quiet)" used
        podman system prune --force
        looks stays '{{.State.Status}}' running
        podman rm --force --time 0 stays
        podman volume rm used
}

@test "podman: a container outlives its conmon, can be used, and is removed as the guide says" {
        local id

        detached orphan box sleep 1000
        id=$(look orphan '{{.Id}}')
        kill -KILL "$(look orphan '{{.State.ConmonPid}}')"
        run -0 podman exec orphan echo lives
        is "$output" lives
        podman rm --force --time 0 orphan
        run -1 podman container exists orphan
        # Podman leaves the runtime's part, whichever runtime it is.
        [ "$RUNTIME_NAME" != berth ] || ! "$BERTH" state "$id" >/dev/null 2>&1 || "$BERTH" delete --force "$id"
}

@test "podman: nothing of its containers is left on the host" {
        expect_nothing_left
}
