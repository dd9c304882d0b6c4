load ../lib/common

# The options of the mount at a destination, as the kernel tells them.
mount_line() {
        awk -v at="$1" '/^mount=/ && $5 == at { $1 = $2 = $3 = $4 = $5 = ""; line = $0 }
                END { sub(/^ +/, "", line); print line }' <<<"$output"
}

# with OPTIONS: a tmpfs at /m with them, all mounts in $output
with() {
        rm -rf "$B"
        see ".mounts += [{destination: \"/m\", type: \"tmpfs\", source: \"m\", options: \"$1\" | split(\",\")}]" mounts
}

shows() {
        [[ ,$(mount_line /m | cut -d ' ' -f 1), == *,$1,* ]] || { echo "no $1 in '$(mount_line /m)'"; return 1; }
}

shows_not() {
        [[ ,$(mount_line /m | cut -d ' ' -f 1), != *,$1,* ]] || { echo "$1 in '$(mount_line /m)'"; return 1; }
}

@test "options ro rw nosuid suid nodev dev noexec exec: the last word counts" {
        with ro,nosuid,nodev,noexec
        shows ro && shows nosuid && shows nodev && shows noexec
        with ro,rw,nosuid,suid,nodev,dev,noexec,exec
        shows rw && shows_not nosuid && shows_not nodev && shows_not noexec
}

@test "options defaults, async, loud, nomand: change nothing" {
        is_runtime crun && skip "crun has no loud"
        is_runtime runc && skip "runc 1.1 has no loud"
        with defaults,async,nomand,loud
        shows rw && shows_not nosuid
}

@test "options atime noatime relatime strictatime diratime nodiratime" {
        with noatime
        shows noatime
        with strictatime
        shows_not noatime && shows_not relatime
        with relatime
        shows relatime
        with nodiratime
        shows nodiratime
        with noatime,atime
        shows_not noatime
        with nodiratime,diratime
        shows_not nodiratime
        with noatime,relatime
        shows relatime && shows_not noatime
}

# bats test_tags=berth
@test "options nosymfollow and symfollow" {
        with nosymfollow
        shows nosymfollow
        with nosymfollow,symfollow
        shows_not nosymfollow
}

# bats test_tags=berth
@test "options sync dirsync lazytime silent mand iversion of a file system" {
        with sync,dirsync,silent
        [[ $(mount_line /m) == *"- tmpfs m"*sync* ]]
        with lazytime
        [[ $(mount_line /m) == *lazytime* ]]
        with lazytime,nolazytime
        [[ $(mount_line /m) != *lazytime* ]]
        with iversion
        with noiversion,nostrictatime,norelatime
}

@test "options that are not the kernel's go to the file system" {
        with size=8k,mode=0700,nr_inodes=7
        [[ $(mount_line /m) == *size=8k*nr_inodes=7*mode=700* ]]
}

@test "options that the file system does not know are refused and name the mount" {
        bundle '.mounts += [{destination: "/m", type: "tmpfs", source: "m", options: ["no_such_option"]}]'
        refused '/m|no_such_option|invalid' create
}

# bats test_tags=wall
@test "bind options: each flag is applied to the bind" {
        mkdir "$T/source"
        bundle
        edit '.mounts += [{destination: "/m", type: "none", source: $s, options: ["rbind", "ro", "nosuid", "nodev", "noexec", "noatime"]}]' --arg s "$T/source"
        args /bin/probe mounts
        run -0 once
        shows ro && shows nosuid && shows nodev && shows noexec && shows noatime
}

# A tree of two mounts, bound recursively with the options; the lines of /m and /m/below.
tree_with() {
        rm -rf "$B"
        mkdir -p "$T/tree/below"
        mountpoint -q "$T/tree/below" || {
                mount -t tmpfs below "$T/tree/below"
                defer "umount $T/tree/below"
        }
        bundle
        edit '.mounts += [{destination: "/m", type: "bind", source: $s, options: ("rbind," + $o | split(","))}]' --arg s "$T/tree" --arg o "$1"
        args /bin/probe mounts
        run -0 once
}

below_has() {
        [[ ,$(mount_line /m/below | cut -d ' ' -f 1), == *,$1,* ]] || { echo "no $1 in '$(mount_line /m/below)'"; return 1; }
}

@test "recursive options: rro rnosuid rnodev rnoexec reach the mounts below, plain ones do not" {
        tree_with rro,rnosuid,rnodev,rnoexec
        shows ro && shows nosuid && shows nodev && shows noexec
        below_has ro && below_has nosuid && below_has nodev && below_has noexec
        tree_with ro
        shows ro
        below_has rw
}

@test "recursive options: rnoatime rstrictatime rrelatime rnodiratime" {
        tree_with rnoatime
        shows noatime && below_has noatime
        tree_with rrelatime
        below_has relatime
        tree_with rnodiratime
        below_has nodiratime
        tree_with rstrictatime
        [[ $(mount_line /m/below) != *relatime* && $(mount_line /m/below) != *noatime* ]]
}

@test "recursive options: rrw rsuid rdev rexec ratime take back" {
        tree_with rro,rrw,rnosuid,rsuid,rnodev,rdev,rnoexec,rexec
        below_has rw
        [[ $(mount_line /m/below) != *nosuid* ]]
}

# bats test_tags=berth
@test "recursive options: rnosymfollow and rsymfollow" {
        tree_with rnosymfollow
        shows nosymfollow && below_has nosymfollow
        tree_with rnosymfollow,rsymfollow
        shows_not nosymfollow
}

@test "remount: changes a mount that is already there" {
        see '.mounts += [{destination: "/m", type: "tmpfs", source: "m"}, {destination: "/m", type: "tmpfs", source: "m", options: ["remount", "ro", "nosuid"]}]' mounts
        shows ro && shows nosuid
}

# bats test_tags=berth
@test "remount: where nothing is mounted is an error that says so" {
        for options in '["remount"]' '["remount", "ro"]' '["remount", "bind", "ro"]'; do
                rm -rf "$B"
                bundle ".mounts += [{destination: \"/tmp\", type: \"tmpfs\", source: \"m\", options: $options}]"
                args /bin/true
                refused 'mounts\[[0-9]+\] /tmp: nothing is mounted there that could be remounted' create
        done
}

@test "options: an empty word says nothing" {
        with nosuid,,size=64k,
        shows nosuid
        [[ $(mount_line /m) == *size=64k* ]]
}

@test "tmpcopyup: the tmpfs starts with what the image has there" {
        bundle '.mounts += [{destination: "/etc", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup", "mode=755"]}]'
        mkdir -m 700 "$B/rootfs/etc/sub"
        ln -s passwd "$B/rootfs/etc/link"
        chown 5:6 "$B/rootfs/etc/sub"
        args /bin/sh -c 'head -n 1 /etc/passwd; readlink /etc/link; stat -c "%a %u %g" /etc/sub; touch /etc/new'
        run -0 once
        is "$output" "root:x:0:0:root:/root:/bin/sh
passwd
700 5 6"
        [ ! -e "$B/rootfs/etc/new" ]
}

# bats test_tags=berth
@test "tmpfs: without mode= it has the one of the directory that it covers; 1777 where there was none" {
        bundle '.mounts += [{destination: "/kept", type: "tmpfs", source: "m", options: ["size=64k", "ro"]},
                {destination: "/copied", type: "tmpfs", source: "m", options: ["tmpcopyup"]},
                {destination: "/said", type: "tmpfs", source: "m", options: ["size=64k", "mode=1750"]},
                {destination: "/new", type: "tmpfs", source: "m"}]'
        mkdir -m 710 "$B/rootfs/kept" "$B/rootfs/copied" "$B/rootfs/said"
        args /bin/stat -c '%n %a' /kept /copied /said /new
        run -0 once
        is "$output" "/kept 710
/copied 710
/said 1750
/new 1777"
        args /bin/probe mounts
        run -0 once
        matches ' /kept ro,.*mode=710'
        is "$(stat -c %a "$B/rootfs/said")" 710
}

# bats test_tags=berth
@test "copy-symlink, src-nofollow: what Podman passes to crun" {
        ln -s /etc/passwd "$T/link"
        bundle
        edit '.mounts += [{destination: "/copied", type: "bind", source: $s, options: ["bind", "copy-symlink"]}]' --arg s "$T/link"
        args /bin/readlink /copied
        run -0 once
        is "$output" /etc/passwd
        echo "no link" >"$T/file"
        edit '.mounts[-1].source = $s' --arg s "$T/file"
        args /bin/cat /copied
        run -0 once
        is "$output" "no link"
}

@test "every option that features lists is accepted" {
        is_runtime runc && skip "runc 1.1 lists none"
        is_runtime crun && skip "crun 1.8 has no features"
        local option bad=0
        bundle
        args /bin/true
        for option in $(berth features | jq -r '.mountOptions[]'); do
                case $option in
                # these need something that a plain tmpfs or bind is not
                remount | idmap | ridmap | mand) continue ;;
                esac
                jq '.mounts += [{destination: "/m", type: "tmpfs", source: "m", options: [$o]}] | .process.args = ["/bin/true"]' \
                        --arg o "$option" "$TOP/tests/lib/config.json" >"$B/config.json"
                case $option in
                bind | rbind | r[a-z]*) edit '.mounts[-1] += {type: "bind", source: $t, options: ["rbind", $o]}' --arg t "$T" --arg o "$option" ;;
                esac
                run once
                [ "$status" -eq 0 ] || { echo "$option: $output"; bad=1; }
        done
        return $bad
}
