# berthctl: check.
load ../lib/common
load ../lib/ctl

# found NAME: true, false, or nothing when there is no such line.
found() {
        jq -r --arg name "$1" '.[] | select(.name == $name) | .ok' "$T/check"
}

check() {
        run ctl check --json
        echo "$output" >"$T/check"
}

@test "check: the basics are here, where these tests run, and each line says what it is for" {
        check
        is "$status" 0
        is "$(jq '[.[] | select(.basic) | .ok] | all' "$T/check")" true
        is "$(jq '[.[] | select(.ok | not) | (.reason | length > 0) and (.remedy | length > 0)] | all' "$T/check")" true
        is "$(jq '[.[] | .use | length > 0] | all' "$T/check")" true
        run -0 ctl check
        is "${#lines[@]}" "$(jq length "$T/check")"
        matches '^ok +namespaces +every container$'
        run -0 ctl check --quiet
        is "${#lines[@]}" "$(jq '[.[] | select(.ok | not)] | length' "$T/check")"
        lacks $'\nok '
}

@test "check: says what is true: controllers, programs, devices" {
        local name

        check
        for name in cpu memory pids io; do
                is "$(found "$name controller")" "$(grep -qw "$name" /sys/fs/cgroup/cgroup.controllers && echo true || echo false)"
        done
        for name in dnsmasq mmdebstrap skopeo pasta; do
                is "$(found $name)" "$(command -v $name >/dev/null && echo true || echo false)"
        done
        run ctl check --json
        PATH=/nowhere /usr/bin/timeout 60 "$BERTHCTL" --directory "$DIR" --run "$RUN" check --json >"$T/check"
        is "$(found mmdebstrap) $(found skopeo) $(found namespaces)" "false false true"
}

@test "check: what bridge, nftables and overlayfs say is what happens" {
        local part

        check
        is "$(found "bridge, veth")" "$(unshare -n sh -c 'ip link add br0 type bridge && ip link add v0 type veth peer name w0' 2>/dev/null && echo true || echo false)"
        is "$(found nftables)" "$(unshare -n nft add table inet t 2>/dev/null && echo true || echo false)"
        is "$(found macvlan)" "$(unshare -n sh -c 'ip link add v0 type veth peer name w0 && ip link add m0 link v0 type macvlan' 2>/dev/null && echo true || echo false)"
        is "$(found vlan)" "$(unshare -n sh -c 'ip link add v0 type veth peer name w0 && ip link add m0 link v0 type vlan id 7' 2>/dev/null && echo true || echo false)"
        mkdir "$T/l" "$T/m"
        is "$(found overlayfs)" "$(unshare -m mount -t overlay -o "lowerdir=$T/l:$T/m" overlay "$T/m" 2>/dev/null && echo true || echo false)"
}

@test "check: who drops forwarded packets is named" {
        check
        is "$(found forwarding)" true
        nft 'add table ip filter; add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }'
        run ctl check --quiet
        nft delete table ip filter
        matches "^lacking +forwarding +containers' way to the world: the chain ip filter FORWARD drops by its policy; remedy: "
}

@test "check: without cgroup v2 it fails, and says so" {
        run -1 unshare -m sh -c 'mount --make-rprivate / && umount -l /sys/fs/cgroup && exec "$@"' sh \
                "$BERTHCTL" --directory "$DIR" --run "$RUN" check 3>&- 4>&-
        matches '^LACKING +cgroup v2 +every container: no cgroup v2 tree.*; remedy: '
        matches '^lacking +memory controller .*no cgroup v2 tree'
        matches '^ok +namespaces'
}

@test "check: a file system without id-mapped mounts is told, with its path" {
        run -1 timeout 60 "$BERTHCTL" --directory /proc/sys/berth --run "$RUN" check --quiet 3>&- 4>&-
        matches '^LACKING +id-mapped mounts .*/proc/sys: .*; remedy: .*--unprivileged=false'
}

@test "check: devices that are not there" {
        run -0 unshare -m sh -c 'mount --make-rprivate / && mount -t tmpfs tmpfs /dev && mknod -m 666 /dev/null c 1 3 && exec "$@"' sh \
                "$BERTHCTL" --directory "$DIR" --run "$RUN" check 3>&- 4>&-
        matches '^lacking +KVM +--isolation vm: .*/dev/kvm'
        matches '^lacking +tun .*/dev/net/tun: No such file'
        matches '^lacking +loop devices .*/dev/loop-control: No such file'
}

@test "check: as an ordinary user, only what is for one" {
        run env -i PATH="$PATH" HOME=/nowhere XDG_RUNTIME_DIR=/nowhere setpriv --reuid 65534 --regid 65534 --clear-groups \
                timeout 60 "$BERTHCTL" check --json 3>&- 4>&-
        echo "$output" >"$T/check"
        is "$(found nftables)$(found "id-mapped mounts")" ""
        is "$(found namespaces)" "$(setpriv --reuid 65534 --regid 65534 --clear-groups unshare -Ur true 2>/dev/null && echo true || echo false)"
        is "$(jq '.[] | select(.name == "cgroup v2") | .basic' "$T/check")" false
}

@test "check: an ordinary user is told what his containers can have, and of what is root's nothing" {
        user_at_home
        check
        run as_user check --json
        mv "$T/check" "$T/roots"
        echo "$output" >"$T/check"
        is "$(found namespaces) $(found "user namespaces") $(found busybox)" "true true $(jq '.[] | select(.name == "busybox") | .ok' "$T/roots")"
        is "$(found overlayfs)$(found "bridge, veth")" ""
}
