# What the tests of Docker, containerd and the CRI share: images made of what the machine has, and what must not be left.

load lab
load ../lib/common

# The engines' own state is not of one test: what each test makes it removes (teardown of the file at hand).
setup() { :; }
teardown() { :; }

# ---- images ----

# busybox_root DIRECTORY: a root file system with busybox under all its names.
busybox_root() {
        local name

        mkdir -p "$1"/{bin,dev,etc,proc,root,sys,tmp,var}
        chmod 1777 "$1/tmp"
        cp /bin/busybox "$1/bin/busybox"
        for name in $(busybox --list); do
                [ "$name" = busybox ] || ln -s busybox "$1/bin/$name"
        done
        printf 'root:x:0:0:root:/root:/bin/sh\nmariner:x:1000:1000:mariner:/tmp:/bin/sh\n' >"$1/etc/passwd"
        printf 'root:x:0:\nmariner:x:1000:\ncrew:x:1001:mariner\n' >"$1/etc/group"
}

# image_archive FILE NAME ROOT [COMMAND...]: an image of that root file system, in the form that `docker save` writes and
# every engine reads.
image_archive() {
        local file=$1 name=$2 root=$3 work digest

        shift 3
        work=$(mktemp -d)
        tar -C "$root" --numeric-owner --owner=0 --group=0 -cf "$work/layer.tar" .
        digest=$(sha256sum <"$work/layer.tar")
        jq -n '{architecture: "amd64", os: "linux", rootfs: {type: "layers", diff_ids: ["sha256:" + $layer]}, config:
                {Cmd: $ARGS.positional, Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]}}' \
                --arg layer "${digest%% *}" --args -- "$@" >"$work/config.json"
        jq -n '[{Config: "config.json", RepoTags: [$name], Layers: ["layer.tar"]}]' --arg name "$name" >"$work/manifest.json"
        tar -C "$work" -cf "$file" manifest.json config.json layer.tar
        rm -r "$work"
}

# ---- what is left ----

# everything_left: leftovers (lab.bash), and what these engines add to a container on the host.
everything_left() (
        set +e
        leftovers
        # BuildKit's group is the daemon's, slices are systemd's and stay until somebody stops them.
        find /sys/fs/cgroup/{docker,default,k8s.io,engines,engine.slice,kubepods,kubepods.slice} -mindepth 1 -type d \
                ! -path '*/docker/buildkit' ! -name '*.slice' 2>/dev/null
        # A network namespace is gone when nothing is mounted there; Docker removes the file a minute later.
        awk '$5 ~ /\/netns\// && $5 !~ /\/default$/ { print $5 }' /proc/self/mountinfo
        find /var/lib/cni/networks -name '[0-9]*' 2>/dev/null
        ip -o link | awk '$2 ~ /^veth/ { print $2 }'
        ps -eo comm=,args= | awk '$1 ~ /^containerd-shim|^berth/'
)

# nothing_left: as at the beginning of the file, where remember_what_is_left was called; engines clean up in their own time.
nothing_left() {
        everything_left | sort >"$BATS_FILE_TMPDIR/left.now"
        diff "$BATS_FILE_TMPDIR/left.before" "$BATS_FILE_TMPDIR/left.now" >"$BATS_FILE_TMPDIR/left.diff"
}

remember_what_is_left() {
        everything_left | sort >"$BATS_FILE_TMPDIR/left.before"
}

expect_nothing_left() {
        until_true "${1:-20}" nothing_left || { cat "$BATS_FILE_TMPDIR/left.diff"; return 1; }
}

# ---- words ----

# The value behind "key: value" or "key value" in $output.
told() {
        sed -nE "s/^$1(:|[[:space:]])[[:space:]]*//p" <<<"$output" | head -n 1
}
