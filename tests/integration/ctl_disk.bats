# berthctl: limits of disk space and inodes, with files in a disk image.
load ../lib/common
load ../lib/ctl

setup_file() {
        [ -e /dev/loop-control ] || skip "this host has no loop devices"
}

used_of() {
        ctl info --json "$1" | jq ".storage.$2"
}

loops() {
        losetup -n -O BACK-FILE | grep -c "$DIR" || true
}

no_loop_is_left() {
        [ "$(loops)" -eq 0 ]
}

@test "disk: a container that fills its disk gets ENOSPC, is told so by info and stats, and the host keeps its room" {
        ctl create web --image busybox --net none --disk 32m --stop-timeout 0 -- /bin/sleep 1000
        is "$(ctl info --json web | jq -c '[.storage.kind, .storage.limit, .settings.disk]')" '["disk image",33554432,33554432]'
        ctl start web
        run ctl exec web dd if=/dev/zero of=/big bs=1M count=100
        [ "$status" -ne 0 ]
        has "No space left on device"
        [ "$(used_of web used)" -gt 31000000 ]
        [ "$(du -sk "$DIR" | cut -f 1)" -lt 33500 ]
        is "$(ctl stats --json web | jq -c '.[0] | [.disk > 31000000, .diskLimit]')" '[true,33554432]'
        run -0 ctl info web
        matches '^disk used +3(1\.[0-9]|2\.0) MiB / 32\.0 MiB \(disk image\)$'
        run -0 ctl stats
        matches '3(1\.[0-9]|2\.0) MiB / 32\.0 MiB'
        run -0 ctl metrics
        matches '^berth_disk_limit_bytes\{container="web"\} 33554432$'
        # It lives, and so do commands on it.
        ctl exec web rm /big
        ctl exec web sh -c 'echo well >/file && sync'
        echo copied >"$T/file"
        ctl cp "$T/file" web:/copied
        is "$(ctl exec web cat /file /copied | tr '\n' ' ')" "well copied "
        # What is deleted is given back to the host.
        eventually gives_back
        is "$(ctl exec web stat -c %u /file)" 0
        ctl stop web
        is "$(stat -c %a "$DIR/containers/web/disk")" 600
        ctl start web
        is "$(ctl exec web cat /file)" well
        ctl destroy --force web
        eventually no_loop_is_left
}

gives_back() {
        ctl exec web sync
        [ "$(du -sk "$DIR/containers/web/disk" | cut -f 1)" -lt 12000 ]
}

@test "disk: inodes run out alone" {
        ctl create web --image busybox --net none --disk 32m --inodes 1000 --stop-timeout 0 -- /bin/sleep 1000
        [ "$(used_of web inodesLimit)" -ge 1000 ] && [ "$(used_of web inodesLimit)" -lt 1200 ]
        ctl start web
        run ctl exec web sh -c 'i=0; while touch /root/$i; do i=$((i + 1)); done; [ $i -gt 500 ]'
        [ "$status" -eq 0 ]
        has "No space left on device"
        is "$(used_of web inodes)" "$(used_of web inodesLimit)"
        refused_ctl "uses [0-9]+ inodes: 100 are less" set web --inodes 100
        ctl exec web true
        ctl stop web
}

@test "disk: set changes a stopped one's limit both ways, with all its files; below its use it says how much that is" {
        ctl create web --image busybox --net none --disk 32m --unprivileged=false -- /bin/sleep 1000
        ctl start web
        ctl exec web sh -c 'head -c 9000000 /dev/urandom >/root/data; sha256sum /root/data >/root/sum; ln /root/data /root/twin'
        refused_ctl "container web runs, with its files in a disk image" set web --disk 24m
        refused_ctl "container web runs, with its files in a disk image" set web --unset disk
        refused_ctl "container web uses [0-9]+ bytes of disk space: 12582912 are less" set web --disk 12m
        is "$(ctl info --json web | jq .settings.disk)" 33554432
        ctl stop -f web
        for size in 64m 24m; do
                ctl set web --disk $size
                is "$(ctl info web | sed -n 's/.* \/ \(.*\) (disk image)/\1/p')" "${size%m}.0 MiB"
                ctl start web
                ctl exec web sha256sum -c /root/sum
                is "$(ctl exec web stat -c %h /root/data)" 2
                ctl stop -f web
        done
        ctl set web --inodes 2000
        [ "$(used_of web inodesLimit)" -ge 2000 ] && [ "$(used_of web inodesLimit)" -lt 2300 ]
        ctl set web --unset disk --unset inodes
        is "$(used_of web kind)" '"directory"'
        [ ! -e "$DIR/containers/web/disk" ]
        (cd / && chroot "$(root_of web)" /bin/busybox sha256sum -c /root/sum)
        ctl set web --disk 48m
        is "$(used_of web kind)" '"disk image"'
        [ -z "$(ls "$DIR/containers/web/rootfs")" ]
        ctl start web
        ctl exec web sha256sum -c /root/sum
        ctl stop -f web
        refused_ctl "disk: 1m is out of range" set web --disk 1m
        ctl create other --image busybox --net none -- /bin/sleep 1000
        refused_ctl "limit of inodes needs one of disk space" set other --inodes 1000
        refused_ctl "create container third: .*limit of inodes needs one" create third --image busybox --net none --inodes 1000
        [ ! -e "$DIR/containers/third" ]
}

@test "disk: live growth, where the host allows it" {
        ctl create web --image busybox --net none --disk 16m --stop-timeout 0 -- /bin/sleep 1000
        ctl start web
        if capsh --has-p=cap_sys_resource; then
                ctl set web --disk 64m
                ctl exec web dd if=/dev/zero of=/big bs=1M count=30
                is "$(used_of web limit)" 67108864
        else
                refused_ctl "container web runs" set web --disk 64m
                is "$(used_of web limit)" 16777216
        fi
        ctl exec web sh -c 'echo well >/file'
        ctl stop web
        ctl start web
        is "$(ctl exec web cat /file)" well
        ctl stop web
}

@test "disk: snapshots, clones and archives take what is in it" {
        ctl create web --image busybox --net none --disk 32m --stop-timeout 0 -- /bin/sleep 1000
        ctl start web
        ctl exec web sh -c 'echo first >/file'
        ctl snapshot create web one
        ctl exec web sh -c 'echo second >/file'
        ctl export web -o "$T/web.tar"
        ctl stop web
        ctl snapshot restore web one
        ctl clone web copy
        ctl import third "$T/web.tar"
        ctl start web copy third
        is "$(for name in web copy third; do ctl exec $name cat /file; done | tr '\n' ' ')" "first first second "
        is "$(ctl list --json | jq -c '[.[].settings.disk]')" '[33554432,33554432,33554432]'
        ctl stop web copy third
}

@test "disk: archives are unpacked into it like anywhere else" {
        mkdir -p "$T/root/bin" "$T/root/usr/lib/deep"
        cp /bin/busybox "$T/root/bin/sh"
        ln "$T/root/bin/sh" "$T/root/usr/lib/deep/twin"
        ln -s ../usr/lib/deep/twin "$T/root/bin/busybox"
        ln -s usr/lib "$T/root/lib"
        echo there >"$T/root/usr/lib/deep/file"
        tar -C "$T/root" -cf "$T/root.tar" bin usr lib
        mkdir "$T/more" "$T/more/lib"
        echo more >"$T/more/lib/more"
        tar -C "$T/more" -rf "$T/root.tar" lib/more
        ctl create web --image "tar:$T/root.tar" --net none --disk 16m --stop-timeout 0 -- /bin/sh -c 'echo ok; exec sleep 1000'
        ctl start web
        is "$(ctl exec web /bin/sh -c 'busybox cat /lib/deep/file /usr/lib/more; busybox ls /')" "$(printf '%s\n' there more bin dev lib proc run sys usr)"
        ctl stop web
}

@test "disk: commands that come together mount one loop device, and none stays" {
        local i

        ctl create web --image busybox --net none --disk 16m --stop-timeout 0 -- /bin/sleep 1000
        echo x >"$T/x"
        for i in $(seq 12); do
                ctl cp "$T/x" web:/root/$i &
        done
        ctl start web
        wait
        [ "$(loops)" -eq 1 ]
        is "$(ctl exec web sh -c 'cat /root/* | wc -l')" 12
        ctl stop web
        eventually no_loop_is_left
        cp "$DIR/containers/web/disk" "$T/disk"
        e2fsck -fn "$T/disk"
}

@test "disk: a set or create that is killed loses nothing" {
        local i

        ctl create web --image busybox --net none --disk 32m --stop-timeout 0 -- /bin/sleep 1000
        ctl start web
        ctl exec web sh -c 'head -c 6000000 /dev/urandom >/root/data; sha256sum /root/data >/root/sum'
        ctl stop web
        for i in 0.01 0.02 0.03 0.05 0.08; do
                killed_after $i set web --disk 48m
                killed_after $i set web --unset disk
                ctl start web
                ctl exec web sha256sum -c /root/sum
                ctl stop web
                is "$(find "$DIR/containers/web" -maxdepth 1 -name '*.new')" ""
                ctl set web --disk 32m
                killed_after $i create other --image busybox --net none --disk 32m
                [ ! -e "$DIR/containers/other" ] || ctl destroy other
        done
        ctl destroy web
        eventually no_loop_is_left
}
