# view: systemd
# The systemd cgroup driver for an ordinary user: scopes of the user's own systemd, reached from a session that lies
# outside of what that systemd may write to.

load ../lib/common
load ../lib/systemd

# bats file_tags=berth

USER_ID=54321
HOME_DIR=/run/rootless/home
RUNTIME_DIR=/run/rootless/xdg
MANAGER=/sys/fs/cgroup/user.slice/user-$USER_ID.slice/user@$USER_ID.service

setup_file() {
        mkdir -p /run/rootless/bin $HOME_DIR $RUNTIME_DIR
        for name in passwd group; do
                cp "/etc/$name" /run/rootless/
        done
        echo "mariner:x:$USER_ID:$USER_ID::$HOME_DIR:/bin/sh" >>/run/rootless/passwd
        echo "mariner:x:$USER_ID:" >>/run/rootless/group
        for name in passwd group; do
                mount --bind "/run/rootless/$name" "/etc/$name"
        done
        chown -R $USER_ID:$USER_ID $HOME_DIR $RUNTIME_DIR
        chmod 700 $RUNTIME_DIR
        # The build directory may be closed to others.
        cp "$BERTH" /run/rootless/bin/berth
        cp "$(real_helper)" /run/rootless/bin/berth-systemd
        chmod -R a+rX /run/rootless/bin
        start_message_bus
        start_manager 'cpu cpuset io memory pids'
        # What the first of its kind makes stays.
        mkdir -m 700 $RUNTIME_DIR/berth
        chown $USER_ID:$USER_ID $RUNTIME_DIR/berth
        for slice in user app; do
                as_user systemd-run --user --quiet --scope --slice=$slice.slice --unit=first-$slice.scope true
                eventually as_user bash -c "systemctl --user show -P LoadState first-$slice.scope | grep -q not-found"
        done
}

real_helper() {
        if [ -e "${BERTH%/*}/berth-systemd" ]; then
                echo "${BERTH%/*}/berth-systemd"
        else
                echo "${BERTH%/bin/*}/libexec/berth/berth-systemd"
        fi
}

# start_manager CONTROLLERS: the user's systemd, which gets these of the controllers that there are.
start_manager() {
        cat >$UNITS/user@.service <<UNIT
[Unit]
DefaultDependencies=no
[Service]
Type=notify
User=%i
Slice=user-%i.slice
Delegate=$1
KillMode=mixed
Environment=XDG_RUNTIME_DIR=$RUNTIME_DIR HOME=$HOME_DIR SYSTEMD_UNIT_PATH=$UNITS:$RUNTIME_DIR/systemd/transient SYSTEMD_GENERATOR_PATH=/none
ExecStart=/lib/systemd/systemd --user --unit=view.target
UNIT
        systemctl daemon-reload
        systemctl start user@$USER_ID.service
}

setup() {
        rm -f /run/systemd/show-status
        common_setup
        ROOT=$RUNTIME_DIR/berth
        chmod 755 "$T"
}

teardown() {
        rm -f /run/systemd/show-status
        common_teardown
}

as_user() {
        setpriv --reuid $USER_ID --regid $USER_ID --clear-groups --inh-caps=-all \
                env -i PATH="$PATH" HOME=$HOME_DIR XDG_RUNTIME_DIR=${XDG-$RUNTIME_DIR} "$@" 3>&- 4>&-
}

berth() {
        as_user timeout -k 2 "$DEADLINE" "${PROGRAM:-/run/rootless/bin/berth}" --root "$ROOT" ${FLAG---systemd-cgroup} "$@"
}

user_property() { # user_property NAME
        as_user systemctl --user show -P "$1" "berth-$ID.scope"
}

rootless_bundle() { # rootless_bundle [FILTER]
        mkdir -p "$B"
        cp -a "$TOOLS/rootfs" "$B/rootfs"
        chown $USER_ID "$B"
        rm -f "$B/config.json"
        (cd "$B" && berth spec --rootless)
        edit '.process.terminal = false | .process.args = ["/bin/probe", "wait"]'
        edit "${1:-.}"
        chown -Rh $USER_ID:$USER_ID "$B"
}

launch_waiting() {
        rootless_bundle "${1:-.}"
        launch
}

scope_of() {
        sed -n 's/^0:://p' "/proc/$1/cgroup"
}

nothing_left() {
        [ ! -e "$ROOT/$ID" ]
        is "$(user_property LoadState)" not-found
        is "$(find /sys/fs/cgroup -name "berth-$ID.scope")" ""
}

# A helper that writes down its calls before it is the real one.
counted() {
        mkdir -p "$T/bin"
        cp /run/rootless/bin/berth "$T/bin/"
        printf '#!/bin/bash\necho "$3 $4 $5" >>"%s"\n%s\n' "$T/calls" "${1:-exec /run/rootless/bin/berth-systemd \"\$@\"}" >"$T/bin/berth-systemd"
        chmod 755 "$T/bin/berth-systemd"
        touch "$T/calls"
        chown $USER_ID "$T/calls"
        PROGRAM=$T/bin/berth
}

@test "systemd for a user: a container made from a session is a scope of the user's systemd" {
        launch_waiting
        is "$(scope_of "$(pid_of)")" "${MANAGER#/sys/fs/cgroup}/user.slice/berth-$ID.scope"
        is "$(user_property Slice)" user.slice
        is "$(systemctl show -P LoadState "berth-$ID.scope")" not-found
        is "$(state '."systemd-scope"')" "berth-$ID.scope"
        berth pause "$ID"
        is_state paused
        berth resume "$ID"
        berth kill "$ID" KILL
        eventually is_state stopped
        berth delete "$ID"
        nothing_left
}

@test "systemd for a user: exec from a session gets into the scope, by one request of systemd" {
        launch_waiting
        counted
        run -7 berth exec "$ID" /bin/probe exit 7
        is "$(cat "$T/calls")" "attach berth-$ID.scope /"
        berth exec --detach --pid-file "$T/bundle/pid" "$ID" /bin/probe wait </dev/null >"$T/exec" 2>&1
        is "$(scope_of "$(cat "$T/bundle/pid")")" "$(scope_of "$(pid_of)")"
}

@test "systemd for a user: exec from within the user's own tree needs no request" {
        launch_waiting
        counted
        as_user systemd-run --user --quiet --scope "$PROGRAM" --root "$ROOT" exec "$ID" /bin/true
        is "$(cat "$T/calls")" ""
}

@test "systemd for a user: exec gets into the sub-group, and into a group that --cgroup names" {
        launch_waiting '.annotations = {"run.oci.systemd.subgroup": "inner"}'
        berth exec --detach --pid-file "$T/bundle/pid" "$ID" /bin/probe wait </dev/null >"$T/exec" 2>&1
        is "$(scope_of "$(cat "$T/bundle/pid")")" "$(scope_of "$(pid_of)")"
        [[ $(scope_of "$(pid_of)") == */berth-$ID.scope/inner ]]
        as_user mkdir "/sys/fs/cgroup$(scope_of "$(pid_of)")/deep"
        berth exec --cgroup deep --detach --pid-file "$T/bundle/pid" "$ID" /bin/probe wait </dev/null >"$T/exec2" 2>&1
        [[ $(scope_of "$(cat "$T/bundle/pid")") == */berth-$ID.scope/inner/deep ]]
        run -255 berth exec --cgroup ../.. "$ID" /bin/true
        run -255 berth exec --cgroup none "$ID" /bin/true
}

@test "systemd for a user: exec that systemd refuses is an error, and leaves nothing" {
        launch_waiting
        counted 'echo "13 no"; exit 1'
        run -255 berth exec "$ID" /bin/true
        has 'exec failed: no'
        is "$(berth ps --format json "$ID" | jq length)" 1
}

@test "systemd for a user: a missing program is no reason to ask systemd" {
        launch_waiting
        counted
        run -255 berth exec "$ID" /bin/none
        has 'no such file or directory'
        is "$(sort -u "$T/calls")" "attach berth-$ID.scope /"
        is "$(wc -l <"$T/calls")" 1
}

@test "systemd for a user: a paused container takes in an exec that ignores the pause when it goes on" {
        launch_waiting
        berth pause "$ID"
        berth exec --ignore-paused "$ID" /bin/true &
        job=$!
        eventually pgrep -f 'berth .*exec --ignore-paused'
        FLAG= berth resume "$ID"
        ends_with 0 wait $job
}

@test "systemd for a user: run in the foreground, and the same id again" {
        rootless_bundle '.process.args = ["/bin/probe", "exit", "4"]'
        for _ in {1..5}; do
                run -4 once
        done
        nothing_left
}

# bats test_tags=lab
@test "systemd for a user: limits, as far as the controllers were given" {
        needs_controller memory
        launch_waiting '.linux.resources = {memory: {limit: 67108864}, pids: {limit: 30}, cpu: {shares: 2048}}'
        is "$(cat "/sys/fs/cgroup$(scope_of "$(pid_of)")/memory.max")" 67108864
        is "$(user_property MemoryMax)" 67108864
        is "$(user_property TasksMax)" 30
        FLAG= berth update --memory 32m "$ID"
        is "$(cat "/sys/fs/cgroup$(scope_of "$(pid_of)")/memory.max")" 33554432
        is "$(user_property MemoryMax)" 33554432
}

@test "systemd for a user: a controller that was not given is an error that names field and controller" {
        needs_controller hugetlb
        rootless_bundle '.linux.resources = {hugepageLimits: [{pageSize: "2MB", limit: 4194304}]}'
        refused 'hugepageLimits.0.*hugetlb controller.*Delegate=' create
        nothing_left
        launch_waiting
        run -1 berth update --resources - "$ID" <<<'{"hugepageLimits": [{"pageSize": "2MB", "limit": 4194304}]}'
        has 'hugetlb controller'
}

# bats test_tags=lab
@test "systemd for a user: 512 KiB are enough to start" {
        needs_controller memory
        rootless_bundle '.linux.resources = {memory: {limit: 524288}, pids: {limit: 1}} | .process.args = ["/bin/probe"]'
        run -0 once
        fact_is pid 1
}

@test "systemd for a user: without a way to systemd there is an error at once" {
        rootless_bundle
        run -1 as_user env -u XDG_RUNTIME_DIR /run/rootless/bin/berth --root "$ROOT" --systemd-cgroup create -b "$B" "$ID" </dev/null
        has "no way to the user's systemd" XDG_RUNTIME_DIR DBUS_SESSION_BUS_ADDRESS
        mkdir "$T/empty"
        XDG=$T/empty refused "connect to systemd at unix:path=$T/empty/systemd/private.*unix:path=$T/empty/bus" create
        nothing_left
}

@test "systemd for a user: a systemd that does not answer is an error in time" {
        rootless_bundle
        mkdir -p "$T/systemd"
        listener systemd/private hold
        mv "$T/systemd/private.sock" "$T/systemd/private"
        chmod 777 "$T/systemd/private"
        export DEADLINE=40
        XDG=$T refused 'systemd has not answered StartTransientUnit in time' create
        nothing_left
}

@test "systemd for a user: root of the user's namespace is still that user" {
        rootless_bundle '.linux.uidMappings[0].hostID = 0 | .linux.gidMappings[0].hostID = 0'
        as_user unshare --user --mount --map-root-user /run/rootless/bin/berth --root "$ROOT" --systemd-cgroup create -b "$B" "$ID" </dev/null >"$T/out" 2>&1
        [[ $(scope_of "$(pid_of)") == "${MANAGER#/sys/fs/cgroup}/user.slice/berth-$ID.scope" ]]
        berth delete --force "$ID"
        nothing_left
}
