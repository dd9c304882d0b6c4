# For tests of berthctl: $DIR and $RUN are its directories; what a test leaves is destroyed.

BERTHCTL=${BERTHCTL:-$TOP/build/berthctl}

# /tmp is memory here, whose files kernels before 6.3 cannot map.
can_map_memory() {
        local major minor

        IFS=.- read -r major minor _ </proc/sys/kernel/osrelease
        [ "$major" -gt 6 ] || { [ "$major" -eq 6 ] && [ "$minor" -ge 3 ]; }
}

on_disk() {
        local place

        place=$(mktemp -d /var/tmp/berth.XXXXXX)
        defer "rm -rf --one-file-system '$place'"
        chmod 711 "$place"
        DIR=$place/lib
}

# Where nothing says another wall.
machines_by_default() {
        mkdir /etc/berth
        defer 'rm -r /etc/berth'
        printf '%s\n' 'isolation = vm' 'memory = 192M' 'vcpus = 1' >/etc/berth/berth.conf
}

setup() {
        common_setup
        DIR=$T/lib
        RUN=$T/run
        can_map_memory || on_disk
        [ -z "$WALL" ] || [ -n "${FAKE_VM:-}" ] || machines_by_default
        # Containers of unprivileged ids pass through.
        chmod 711 "$T"
}

teardown() {
        local name failed=0

        for name in "$DIR"/containers/*; do
                [ -d "$name" ] || continue
                ctl destroy --force "${name##*/}" </dev/null >"$HELD/destroy" 2>&1 || {
                        echo "destroy --force ${name##*/}: $(cat "$HELD/destroy")"
                        failed=1
                }
        done
        for name in "$DIR"/networks/*; do
                [ -d "$name" ] || continue
                ctl network delete "${name##*/}" || failed=1
        done
        eventually none_lives berth-keeper || failed=1
        common_teardown || failed=1
        return $failed
}

ctl() {
        timeout -k 2 "$DEADLINE" "$BERTHCTL" --directory "$DIR" --run "$RUN" "$@" 3>&- 4>&-
}

# refused_ctl WORDS ARGUMENT...: fails with one line that says WORDS.
refused_ctl() {
        refused_by ctl "$@"
}

refused_by() {
        local words=$2

        run "$1" "${@:3}"
        [ "$status" -ne 0 ] || { echo "not refused: ${*:3}"; return 1; }
        grep -qiE -- "$words" <<<"$output" || { echo "no /$words/ in: $output"; return 1; }
        [ "$(wc -l <<<"$output")" -eq 1 ] || { echo "more than one line: $output"; return 1; }
}

ctl_pid() {
        ctl info --json "$1" | jq -r .pid
}

ctl_is() {
        [ "$(ctl info --json "$1" | jq -r .state)" = "$2" ]
}

# said NAME REGEX: a line of the log matches.
said() {
        ctl logs "$1" | tr -d '\r' | grep -qE -- "$2"
}

said_often() {
        [ "$(ctl logs "$1" | grep -c -- "$2")" -ge "$3" ]
}

runs_in() {
        [ "$(ctl exec "$1" cat /proc/1/comm 2>/dev/null)" = "$2" ]
}

runs_anew() {
        local pid

        pid=$(ctl_pid "$1")
        [ -n "$pid" ] && [ "$pid" != null ] && [ "$pid" != "$2" ]
}

# Somebody without privileges, with $T/home.
user_at_home() {
        mkdir -p "$T/home/run"
        chmod 755 "$T" "$T/home"
        chown -R 1000:1000 "$T/home"
}

as_user() {
        setpriv --reuid 1000 --regid 1000 --clear-groups env HOME="$T/home" XDG_RUNTIME_DIR="$T/home/run" \
                timeout "$DEADLINE" "$BERTHCTL" "$@" 3>&- 4>&-
}

# layout NAME LAYER...: an OCI layout $T/NAME of tar files, its program prints the environment.
layout() {
        local layer digest size layers='[]' blobs=$T/$1/blobs/sha256

        mkdir -p "$blobs"
        for layer in "${@:2}"; do
                digest=$(sha256sum <"$layer" | cut -d ' ' -f 1)
                cp "$layer" "$blobs/$digest"
                layers=$(jq -c --arg d "sha256:$digest" '. + [{mediaType: "application/vnd.oci.image.layer.v1.tar", digest: $d, size: 1}]' <<<"$layers")
        done
        echo '{"architecture":"amd64","os":"linux","config":{"Entrypoint":["/bin/sh"],"Cmd":["-c","echo $GREETING; echo A=$A; pwd; exec sleep 1000"],"Env":["GREETING=hello","A=1"],"WorkingDir":"/etc","User":"0:0"}}' >"$T/config"
        digest=$(sha256sum <"$T/config" | cut -d ' ' -f 1)
        cp "$T/config" "$blobs/$digest"
        jq -n --arg d "sha256:$digest" --argjson l "$layers" '{schemaVersion: 2, config: {digest: $d, size: 1}, layers: $l}' >"$T/manifest"
        digest=$(sha256sum <"$T/manifest" | cut -d ' ' -f 1)
        cp "$T/manifest" "$blobs/$digest"
        jq -n --arg d "sha256:$digest" '{schemaVersion: 2, manifests: [{digest: $d, size: 1, annotations: {"org.opencontainers.image.ref.name": "latest"}}]}' >"$T/$1/index.json"
}

# killed_after SECONDS ARGUMENT...: berthctl, killed in the middle.
killed_after() {
        timeout -s KILL "$1" "$BERTHCTL" --directory "$DIR" --run "$RUN" "${@:2}" 3>&- 4>&- >/dev/null 2>&1 || true
}

# is_left NAME: whole or partial, by a command that was killed; busy for as long as that is still ending.
is_left() {
        ctl list --json | jq -e --arg name "$1" '.[] | select(.name == $name) | .state == "partial" or .state == "stopped"' >/dev/null
}

# The root of a container on disk.
root_of() {
        echo "$DIR/containers/$1/rootfs"
}

# own_root NAME: gives a stopped container files of its own there, whose image is a layer that it shares.
own_root() {
        [ -z "$(ls -A "$(root_of "$1")")" ] || return 0
        ctl snapshot create "$1" own && ctl snapshot restore "$1" own && ctl snapshot delete "$1" own
}

# image_of NAME, changes_of NAME: where the files of its image lie, and those that it has changed.
image_of() {
        echo "$DIR/containers/$1/$(jq -r '.root.overlay.lower[0] // .root.path' "$DIR/containers/$1/config.json")"
}
changes_of() {
        echo "$DIR/containers/$1/$(jq -r '.root.overlay.upper // .root.path' "$DIR/containers/$1/config.json")"
}

# plain NAME: the root of a copy of it, which is a directory whatever its own is (layers).
plain() {
        ctl clone "$1" plain && root_of plain
}

# furnish NAME: what copying can get wrong: owners, modes, links, attributes, holes, devices, the root directory itself.
furnish() {
        local root

        own_root "$1"
        root=$(root_of "$1")
        echo first >"$root/root/file"
        ln "$root/root/file" "$root/root/twin"
        ln -s file "$root/root/link"
        chown 33:44 "$root/root/file"
        chmod 4751 "$root/root/file"
        truncate -s 64M "$root/root/holes"
        echo end >>"$root/root/holes"
        mknod "$root/root/null" c 1 3
        mkfifo "$root/root/fifo"
        setcap cap_net_bind_service+ep "$root/bin/busybox"
        setfacl -m u:33:r,d:g:44:rwx "$root/root"
        setfattr -n trusted.berth -v yes "$root/root/file"
        chmod 711 "$root"
        touch -d '2001-02-03 04:05:06' "$root/root"
}

# describe NAME: everything about its files, sorted.
describe() {
        (cd "$(root_of "$1")" && {
                find . -mindepth 1 -printf '%p %y %m %U:%G %n %T@ %l %s\n' | grep -v '^\./\(dev\|etc\) ' | sort
                find . -maxdepth 0 -printf '%p %m %U:%G\n'
                find . -type f -exec sha256sum {} + | sort
                stat -c 'device %t:%T' root/null
                find root/holes -printf 'blocks %k\n'
                getfacl -np root
                getfattr -d -m '^trusted' root/file
                getcap bin/busybox
        })
}
