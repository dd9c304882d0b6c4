# What both files of Podman's tests share. LAB_RUNTIME=crun runs the tests with another runtime, to see whether it is
# berth that is wrong: the default that the guide's lines set is passed over then.

load lab
load ../lib/common

GUIDE=docs/engines/podman.md
RUNTIME_NAME=${LAB_RUNTIME:-berth}

# Containers are of one test or of the whole file, and Podman's own state is removed by the last test.
setup() { :; }
teardown() { :; }

# ---- the image ----

# box_archive FILE: a root file system with busybox under all its names, as a tar file for `podman import`.
box_archive() {
        local root

        root=$(mktemp -d)
        mkdir -p "$root"/{bin,dev,etc,proc,root,run,sys,tmp,var}
        chmod 755 "$root"
        chmod 1777 "$root/tmp"
        cp /bin/busybox "$root/bin/busybox"
        chroot "$root" /bin/busybox --install -s /bin
        printf 'root:x:0:0:root:/root:/bin/sh\nmariner:x:1000:1000:mariner:/tmp:/bin/sh\n' >"$root/etc/passwd"
        printf 'root:x:0:\nmariner:x:1000:\ncrew:x:1001:mariner\n' >"$root/etc/group"
        tar -C "$root" --numeric-owner -cf "$1" .
        rm -r "$root"
}

import_box() { # import_box FILE
        podman import --quiet --change 'CMD ["/bin/sh"]' --change 'ENV PATH=/bin' "$1" box
}

# ---- containers ----

# once [OPTION...] IMAGE COMMAND...: a container without network that is removed at its end.
once() {
        podman run --rm --network none "$@"
}

# detached NAME [OPTION...] IMAGE COMMAND...
detached() {
        podman run --detach --network none --name "$@" >/dev/null
}

look() { # look CONTAINER TEMPLATE
        podman inspect --format "$2" "$1"
}

looks() { # looks CONTAINER TEMPLATE VALUE
        [ "$(look "$1" "$2")" = "$3" ]
}

# The directory of a container's cgroup on the host.
group() {
        local path

        read -r path <"/proc/$(look "$1" '{{.State.Pid}}')/cgroup"
        echo "/sys/fs/cgroup${path#0::}"
}

says() { # says CONTAINER TEXT: it has written that
        podman logs "$1" 2>&1 | grep -qF -- "$2"
}

# at_terminal [-s ROWSxCOLUMNS] [-r ROWSxCOLUMNS] [-i TEXT] COMMAND...: tests/helpers/terminal.c; $output without CRs.
at_terminal() {
        run "$TOOLS/terminal" "$@"
        output=${output//$'\r'/}
}

# ---- what is left ----

# everything_left: leftovers (lab.bash), and what Podman adds to a container on the host.
everything_left() (
        set +e
        leftovers
        find /run/netns /run/user/*/netns -type f 2>/dev/null
        ip -o link | awk '$2 ~ /^veth/ { print $2 }'
        ps -eo comm=,args= | awk '$1 ~ /^(conmon|berth|slirp4netns|rootlessport|aardvark-dns|netavark)/'
)

remember_what_is_left() {
        everything_left | sort >"$BATS_FILE_TMPDIR/left.before"
}

# As at the beginning of the file; Podman's clean-up runs behind its back.
nothing_left() {
        everything_left | sort >"$BATS_FILE_TMPDIR/left.now"
        diff "$BATS_FILE_TMPDIR/left.before" "$BATS_FILE_TMPDIR/left.now" >"$BATS_FILE_TMPDIR/left.diff"
}

expect_nothing_left() {
        until_true 30 nothing_left || { cat "$BATS_FILE_TMPDIR/left.diff"; return 1; }
}
