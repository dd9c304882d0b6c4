load ../lib/common

@test "mounts: are made in the order of the list" {
        see '.mounts += [{destination: "/a", type: "tmpfs", source: "first"}, {destination: "/a/b", type: "tmpfs", source: "second"}]' mounts
        matches ' /a .*- tmpfs first'
        matches ' /a/b .*- tmpfs second'
}

@test "mounts: missing targets are made inside the root, directories for directories, files for files" {
        mkdir -p "$T/source"
        echo content >"$T/file"
        bundle
        edit '.mounts += [{destination: "/new/directory", type: "bind", source: ($t + "/source"), options: ["bind"]},
                {destination: "/new/file", type: "bind", source: ($t + "/file"), options: ["bind"]}]' --arg t "$T"
        args /bin/sh -c 'test -d /new/directory && cat /new/file'
        run -0 once
        is "$output" content
        [ -d "$B/rootfs/new/directory" ]
        [ -f "$B/rootfs/new/file" ]
}

bind() { # bind DESTINATION SOURCE OPTION...
        edit '.mounts += [{destination: $d, type: "bind", source: $s, options: ($o | split(","))}]' --arg d "$1" --arg s "$2" --arg o "$3"
}

# bats test_tags=wall
@test "mounts: bind shows the directory, rbind what is mounted below it too" {
        mkdir -p "$T/source/below"
        mount -t tmpfs below "$T/source/below"
        defer "umount $T/source/below"
        touch "$T/source/below/file"
        bundle
        bind /bind "$T/source" bind
        bind /rbind "$T/source" rbind
        args /bin/sh -c 'ls /bind/below; echo; ls /rbind/below'
        run -0 once
        is "$output" "
file"
}

@test "mounts: a relative bind source is relative to the bundle" {
        bundle
        mkdir "$B/data"
        touch "$B/data/here"
        bind /data data bind
        args /bin/ls /data
        cd /
        run -0 once
        is "$output" here
}

@test "mounts: bind with ro is read-only, without it is writable" {
        mkdir "$T/source"
        bundle
        bind /ro "$T/source" bind,ro
        bind /rw "$T/source" bind
        args /bin/sh -c 'touch /rw/file && ! touch /ro/other'
        run -0 once
        [ -e "$T/source/file" ]
}

@test "mounts: what is below the root only in the configuration never lands on the host" {
        bundle '.mounts += [{destination: "/only/inside", type: "tmpfs", source: "tmpfs"}]'
        args /bin/touch /only/inside/file
        run -0 once
        [ ! -e /only ]
        [ ! -e "$B/rootfs/only/inside/file" ]
}

@test "mounts: an absolute symlink in the root stays inside the root" {
        mkdir "$T/outside"
        bundle
        ln -s "$T/outside" "$B/rootfs/link"
        mkdir -p "$B/rootfs/$T/outside"
        edit '.mounts += [{destination: "/link/target", type: "tmpfs", source: "tmpfs"}]'
        args /bin/probe mounts
        run -0 once
        matches " $T/outside/target "
        is "$(ls -A "$T/outside")" ""
}

# bats test_tags=wall
@test "root.readonly: the root is read-only, mounts in it are as they say" {
        see '.root.readonly = true' mounts
        matches '^mount=[0-9]+ [0-9]+ [0-9:]+ [^ ]+ / ro'
        args /bin/probe try /etc/passwd /dev/shm
        run -0 once
        has "/etc/passwd: EROFS"
}

@test "root.readonly false: the root is writable" {
        bundle
        args /bin/touch /written
        run -0 once
        [ -e "$B/rootfs/written" ]
}

@test "root.path: absolute or relative to the bundle" {
        bundle
        edit '.root.path = $p' --arg p "$B/rootfs"
        args /bin/true
        run -0 once
        edit '.root.path = "./rootfs/"'
        run -0 once
}

@test "rootfsPropagation: each kind is the root's" {
        is_runtime runc && skip "runc changes the mount that the bundle lies on, not the root's own"
        for kind in shared slave private unbindable rshared rslave rprivate; do
                rm -rf "$B"
                see ".linux.rootfsPropagation = \"$kind\"" mounts
                root=$(grep -E '^mount=[0-9]+ [0-9]+ [0-9:]+ [^ ]+ / ' <<<"$output")
                case $kind in
                *shared) [[ $root == *shared:* ]] ;;
                *unbindable) [[ $root == *unbindable* ]] ;;
                *slave) [[ $root != *shared:* ]] ;;
                *private) [[ $root != *shared:* && $root != *master:* ]] ;;
                esac
        done
}

@test "mounts: nothing that the container mounts reaches the host" {
        mount --make-rshared /
        defer 'mount --make-rprivate /'
        bundle '.process.capabilities |= with_entries(.value += ["CAP_SYS_ADMIN"])'
        args /bin/sh -c 'mount -t tmpfs inside /tmp && echo ready && /bin/probe wait'
        launch
        run -0 cat /proc/self/mountinfo
        lacks " inside "
        berth delete --force "$ID"
}

@test "mount option propagation: an rslave bind follows what the host mounts later" {
        mkdir "$T/source"
        mount -t tmpfs source "$T/source"
        mount --make-shared "$T/source"
        defer "umount -R $T/source"
        mkdir "$T/source/later"
        bundle
        bind /slave "$T/source" rbind,rslave
        bind /private "$T/source" rbind,rprivate
        args /bin/probe wait
        launch
        mount -t tmpfs later "$T/source/later"
        run -0 berth exec "$ID" /bin/probe mounts
        has " /slave/later "
        lacks " /private/later "
        berth delete --force "$ID"
}

@test "mount option propagation: an rshared bind shows the container's mounts on the host" {
        mkdir "$T/source"
        mount -t tmpfs source "$T/source"
        mount --make-shared "$T/source"
        defer "umount -R $T/source"
        mkdir "$T/source/inside"
        bundle '.process.capabilities |= with_entries(.value += ["CAP_SYS_ADMIN"]) | .linux.rootfsPropagation = "shared"'
        bind /shared "$T/source" rbind,rshared
        args /bin/sh -c 'mount -t tmpfs fromwithin /shared/inside && echo ready && /bin/probe wait'
        launch
        grep -q " $T/source/inside " /proc/self/mountinfo
        berth delete --force "$ID"
}

@test "mount option propagation: several words are made in their order" {
        is_runtime crun && skip "crun makes them at once, which the kernel refuses"
        mkdir "$T/source"
        mount -t tmpfs source "$T/source"
        mount --make-shared "$T/source"
        defer "umount -R $T/source"
        host=$(sed -n "s, $T/source .* \(shared:[0-9]*\) .*,\1,p" /proc/self/mountinfo | grep -o 'shared:[0-9]*')
        bundle '.linux.rootfsPropagation = "shared"'
        bind /both "$T/source" rbind,rslave,rshared
        bind /own "$T/source" rbind,rprivate,rshared
        args /bin/probe mounts
        run -0 once
        matches " /both .* shared:[0-9]+ master:${host#*:} "
        matches " /own .* shared:[0-9]+ - "
        lacks "$host "
}

@test "mounts: proc shows the container's processes only" {
        bundle
        args /bin/sh -c 'ls /proc | grep -c "^[0-9]"'
        run -0 once
        (($(tail -n 1 <<<"$output") <= 4))
}

@test "mounts: cgroup shows the container's own group as the root" {
        bundle
        args /bin/sh -c 'cat /sys/fs/cgroup/cgroup.procs; cat /proc/self/cgroup'
        run -0 once
        has_line 1 0::/
}

# bats test_tags=berth
@test "mounts: options of a cgroup mount that are none of the mount's go to cgroup2" {
        bundle '.mounts |= map(if .type == "cgroup" then .options += ["nsdelegate"] else . end)'
        args /bin/true
        run -0 once
        edit '.mounts |= map(if .type == "cgroup" then .options += ["no_such_option"] else . end)'
        refused "no_such_option" once
}

# bats test_tags=berth
@test "mounts: cgroup without a cgroup namespace shows only the container's group" {
        bundle '.linux.namespaces |= map(select(.type != "cgroup"))'
        args /bin/sh -c 'cat /sys/fs/cgroup/cgroup.procs; ls -d /sys/fs/cgroup/suite'
        run once
        has_line 1
        matches 'suite: No such file|No such file'
}

@test "mounts: mqueue, sysfs, devpts, shm are what they say" {
        see . mounts
        matches ' /dev/mqueue .*- mqueue '
        matches ' /sys ro.*- sysfs '
        matches ' /dev/pts .*- devpts .*gid=5,mode=620,ptmxmode=666'
        matches ' /dev/shm .*nosuid,nodev,noexec.*- tmpfs shm .*size=65536k'
}

@test "mounts: a file can be the target of a bind onto an existing file" {
        echo other >"$T/passwd"
        bundle
        bind /etc/passwd "$T/passwd" bind,ro
        args /bin/cat /etc/passwd
        run -0 once
        is "$output" other
        [ "$(cat "$B/rootfs/etc/passwd")" != other ]
}

# Docker looks for these words of the kernel's, and adds what a person can do about it.
@test "mounts: a file over a directory, or the other way, is refused with the target's name and \"not a directory\"" {
        echo text >"$T/file"
        mkdir "$T/directory"
        bundle
        bind /etc "$T/file" bind
        refused '/etc.*not a directory' create
        edit 'del(.mounts[-1])'
        bind /etc/passwd "$T/directory" bind
        refused '/etc/passwd.*not a directory' create
}

@test "mounts: a missing bind source is refused by its name" {
        bundle
        bind /data /absent/source bind
        refused '/absent/source' create
        [ ! -e "$B/rootfs/data" ] || [ "$RUNTIME" != berth ]
}

@test "mounts: a file system that the kernel does not know is refused" {
        bundle '.mounts += [{destination: "/x", type: "nosuchfs", source: "x"}]'
        refused 'nosuchfs|/x|No such device' create
}

@test "mounts: a relative destination of old configurations is below the root" {
        is_runtime crun && skip "crun 1.8 refuses it"
        bundle '.mounts += [{destination: "relative", type: "tmpfs", source: "tmpfs"}]'
        args /bin/probe mounts
        run -0 once
        has " /relative "
}

@test "mounts: the destination may be / itself only as a new root for what follows" {
        is_runtime berth || skip "untested there"
        mkdir "$T/lower" "$T/upper" "$T/work"
        bundle
        edit '.mounts |= [{destination: "/", type: "bind", source: ($b + "/rootfs"), options: ["rbind", "rw"]}] + .' --arg b "$B"
        args /bin/true
        run -0 once
}

@test "mounts: overlay over the root works" {
        bundle '.mounts = .mounts + [{destination: "/merged", type: "overlay", source: "overlay", options: []}]'
        mkdir "$T/lower" "$T/upper" "$T/work"
        touch "$T/lower/file"
        edit '.mounts[-1].options = ["lowerdir=" + $t + "/lower", "upperdir=" + $t + "/upper", "workdir=" + $t + "/work"]' --arg t "$T"
        args /bin/sh -c 'ls /merged; touch /merged/new'
        run -0 once
        is "$output" file
        [ -e "$T/upper/new" ]
        rm -rf "$T/work"
}

# fsconfig(2) takes 255 bytes of a value.
@test "mounts: overlay over many directories works" {
        local lower=() directory

        for directory in layer-{1..12}-of-an-image-with-a-long-name; do
                mkdir "$T/$directory"
                touch "$T/$directory/${directory%%-of*}"
                lower+=("$T/$directory")
        done
        mkdir "$T/upper" "$T/work"
        bundle '.mounts = .mounts + [{destination: "/merged", type: "overlay", source: "overlay", options: ["nosuid", "noatime"]}]'
        edit '.mounts[-1].options += ["lowerdir=" + $l, "upperdir=" + $t + "/upper", "workdir=" + $t + "/work"]' --arg t "$T" \
                --arg l "$(IFS=:; echo "${lower[*]}")"
        args /bin/sh -c 'echo /merged/*; touch /merged/new; grep " /merged " /proc/mounts'
        run -0 once
        is "${lines[0]}" "$(printf '/merged/%s\n' layer-{1..12} | sort | paste -sd ' ')"
        has "overlay /merged overlay rw,nosuid,noatime,lowerdir="
        [ -e "$T/upper/new" ]
        rm -rf "$T/work"
}

@test "no_pivot: the program runs without pivot_root too" {
        bundle
        args /bin/ls /
        run -0 once --no-pivot
        has_line bin etc
}

# With a procfs of the host behind the root, the kernel would let a user namespace of the program's own mount one that
# nothing is masked in.
# bats test_tags=berth
@test "no_pivot: the program finds no bare /proc or /sys behind its root" {
        bundle '.process.capabilities.bounding += ["CAP_SETFCAP"] | .process.capabilities.permitted += ["CAP_SETFCAP"]'
        args /bin/sh -c 'unshare -mrpf sh -c "mount -t proc none /proc"; unshare -mrn sh -c "mount -t sysfs none /sys"'
        run once --no-pivot
        echo "$output"
        [ "$status" -ne 0 ]
        is "$(grep -c 'mount: permission denied' <<<"$output")" 2
}

# There the host's mounts are locked and cannot be unmounted; one that its ids may not reach is an error, so the test
# does without those that somebody may just have below /root.
# bats test_tags=berth
@test "no_pivot: nor in a user namespace" {
        bundle '.linux.namespaces += [{type: "user"}]
                | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings
                | .process.capabilities.bounding += ["CAP_SETFCAP"] | .process.capabilities.permitted += ["CAP_SETFCAP"]'
        chown -R 100000:100000 "$B/rootfs"
        args /bin/sh -c 'unshare -mrpf sh -c "mount -t proc none /proc"; unshare -mrn sh -c "mount -t sysfs none /sys"'
        export -f once berth
        export BERTH ROOT B ID DEADLINE
        run unshare -m --propagation private bash -c '
                for mount in $(awk "\$5 ~ \"^(/root|/tmp/mmdebstrap)\" { print \$5 }" /proc/self/mountinfo); do umount -l $mount; done
                once --no-pivot'
        echo "$output"
        [ "$status" -ne 0 ]
        is "$(grep -c 'mount: permission denied' <<<"$output")" 2
}

# bats test_tags=berth
@test "no_pivot: what is unmounted behind the root stays mounted on the host, with shared propagation too" {
        mkdir "$T/volume"
        mount -t tmpfs volume "$T/volume"
        defer "umount $T/volume"
        mount --make-rshared "$T/volume"
        mount --make-rshared /
        defer 'mount --make-rprivate /'
        bundle '.linux.rootfsPropagation = "shared" | .process.capabilities.bounding += ["CAP_SETFCAP"]
                | .process.capabilities.permitted += ["CAP_SETFCAP"]'
        args /bin/sh -c 'unshare -mrpf sh -c "mount -t proc none /proc" 2>&1; echo ready; exec probe wait'
        launch --no-pivot
        grep -q "mount: permission denied" "$T/out"
        grep -q " $T/volume " /proc/self/mountinfo
        grep -q " /proc .*- proc " /proc/self/mountinfo
}

@test "mounts: many of them" {
        bundle '.mounts += [range(100) | {destination: "/m/\(.)", type: "tmpfs", source: "t\(.)", options: ["size=4k"]}]'
        args /bin/sh -c 'grep -c " /m/" /proc/self/mountinfo'
        run -0 once
        is "$output" 100
}
