# berthctl snapshot: states of a container's files, kept and restored.
load ../lib/common
load ../lib/ctl

@test "snapshot: restore gives back every file as it was, and what came later is gone" {
        ctl create web --image busybox --net none -- /bin/sleep 1000
        furnish web
        describe web >"$T/before"
        ctl snapshot create web first
        echo second >"$(root_of web)/root/file"
        rm "$(root_of web)/root/link" "$(root_of web)/root/null"
        echo new >"$(root_of web)/root/new"
        ctl snapshot create web second
        ctl snapshot restore web first
        describe web >"$T/after"
        diff "$T/before" "$T/after"
        [ ! -e "$(root_of web)/root/new" ]
        ctl snapshot restore web second
        is "$(cat "$(root_of web)/root/new")" new
        is "$(cat "$(root_of web)/root/twin")" second
        ctl snapshot restore web first
        describe web | diff "$T/before" -
        [ -z "$(find "$DIR/containers/web" -maxdepth 1 -name '*.new')" ]
        ctl start web
        ctl exec web test -e /root/link
        ctl stop -f web
}

@test "snapshot: list shows names, dates and sizes in order, JSON too; nobody but root comes near the files" {
        ctl create web --image busybox --net none -- /bin/sleep 1000
        own_root web
        is "$(ctl snapshot list --json web)" "[]"
        ctl snapshot create web zero
        head -c 3000000 /dev/urandom >"$(root_of web)/root/data"
        ctl snapshot create web another
        name=$(ctl snapshot create web)
        [[ $name =~ ^[0-9]{8}-[0-9]{6}$ ]]
        is "$(ctl snapshot list --json web | jq -r '.[].name' | tr '\n' ' ')" "zero another $name "
        [ "$(ctl snapshot list --json web | jq '.[1].bytes - .[0].bytes')" -ge 3000000 ]
        ctl snapshot list --json web | jq -e '.[].created | test("^20[0-9-]{8}T[0-9:.]+Z$")' >/dev/null
        run -0 ctl snapshot list web
        matches '^NAME +CREATED +SIZE$'
        matches '^another +20[0-9-]+T[0-9:]+Z +[0-9.]+ MiB$'
        is "$(stat -c %a "$DIR/containers/web/snapshots")" 700
        ctl snapshot delete web zero
        is "$(ctl snapshot list --json web | jq length)" 2
        ctl destroy web
        [ ! -e "$DIR/containers/web" ]
}

@test "snapshot: a running container is frozen while it is copied, and goes on; what was paused stays paused" {
        ctl create web --image busybox --net none -- /bin/sh -c 'i=0; while :; do i=$((i + 1)); echo $i >/root/a; echo $i >/root/b; done'
        own_root web
        ctl start web
        eventually test -s "$(root_of web)/root/b"
        ctl snapshot create web live
        ctl_is web running
        # Written one after the other: of one moment, b is a or one behind.
        local a b
        a=$(cat "$DIR/containers/web/snapshots/live/rootfs/root/a") b=$(cat "$DIR/containers/web/snapshots/live/rootfs/root/b")
        [ -z "$a" ] || [ -z "$b" ] || [ $((a - b)) -eq 0 ] || [ $((a - b)) -eq 1 ]
        refused_ctl "container web is running: snapshots are restored to a stopped one" snapshot restore web live
        ctl pause web
        ctl snapshot create web still
        ctl_is web paused
        ctl resume web
        ctl stop -f web
        ctl snapshot restore web live
        is "$(cat "$(root_of web)/root/a")" "$a"
}

@test "snapshot: a berthctl that is killed while it copies leaves the container running and no half snapshot" {
        local i

        ctl create web --image busybox --net none -- /bin/sleep 1000
        own_root web
        for i in $(seq 400); do
                mkdir "$(root_of web)/root/$i"
                head -c 20000 /dev/urandom | split -b 1000 - "$(root_of web)/root/$i/"
        done
        ctl start web
        for i in 0.01 0.02 0.04 0.08 0.12 0.2; do
                killed_after $i snapshot create web half
                eventually ctl_is web running
                ctl snapshot list --json web | jq -e 'length == 0 or .[0].bytes > 8000000' >/dev/null
                [ -z "$(ctl snapshot list --json web | jq -r '.[].name')" ] || ctl snapshot delete web half
        done
        ctl snapshot create web whole
        [ ! -e "$DIR/containers/web/snapshots/.new" ]
        is "$(ls "$DIR/containers/web/snapshots")" whole
        ctl stop -f web
        describe_names() { (cd "$(root_of web)" && find . | sort | sha256sum); }
        describe_names >"$T/before"
        for i in 0.01 0.02 0.04 0.08 0.12 0.2; do
                killed_after $i snapshot restore web whole
                describe_names | diff "$T/before" -
        done
        ctl snapshot restore web whole
        [ ! -e "$DIR/containers/web/rootfs.new" ]
}

@test "snapshot: bad names, absent ones, and a full disk are one clear line, and nothing is lost" {
        mkdir -p "$DIR"
        mount -t tmpfs -o size=6m none "$DIR"
        defer "umount $DIR"
        ctl create web --image busybox --net none -- /bin/sleep 1000
        own_root web
        refused_ctl "has no snapshot none" snapshot restore web none
        refused_ctl "has no snapshot none" snapshot delete web none
        refused_ctl "is no name of a snapshot" snapshot create web ../x
        refused_ctl "is no name of a snapshot" snapshot delete web .new
        refused_ctl "there is no container nobody" snapshot create nobody x
        refused_ctl "there is no container nobody" snapshot list nobody
        refused_ctl "unknown word 'take'" snapshot take web
        refused_ctl "snapshot restore: expected" snapshot restore web
        ctl snapshot create web one
        refused_ctl "has a snapshot one already" snapshot create web one
        head -c $((($(df -k --output=avail "$DIR" | tail -n 1) - 500) * 1024)) /dev/urandom >"$(root_of web)/root/data"
        refused_ctl "snapshot two of container web: .*No space left" snapshot create web two
        is "$(ls -A "$DIR/containers/web/snapshots")" one
        refused_ctl "restore snapshot one of container web: .*No space left" snapshot restore web one
        [ -s "$(root_of web)/root/data" ]
        [ ! -e "$DIR/containers/web/rootfs.new" ]
        ctl destroy web
}

@test "snapshot: a tree deeper than any path is long is kept, measured and restored" {
        ctl create web --image busybox --net none -- /bin/sleep 1000
        own_root web
        python3 - "$(root_of web)/root" <<'END'
import os, sys
os.chdir(sys.argv[1])
for i in range(2000):
        os.mkdir('deep')
        os.chdir('deep')
open('file', 'w').write('x' * 3000000)
END
        ctl snapshot create web one
        [ "$(ctl snapshot list --json web | jq '.[0].bytes')" -ge 3000000 ]
        rm -r "$(root_of web)/root/deep"
        ctl snapshot restore web one
        is "$(find "$(root_of web)/root" -name deep | wc -l)" 2000
        is "$(find "$(root_of web)/root" -name file -size 3000000c | wc -l)" 1
}

@test "clone: device files and the root's own mode come along" {
        ctl create web --image busybox --net none -- /bin/sleep 1000
        furnish web
        ctl clone web copy
        describe web >"$T/before"
        describe copy | diff "$T/before" -
}

on_xfs() {
        [ -e /dev/loop-control ] || skip "this host has no loop devices"
        truncate -s 320M "$T/fs"
        command -v mkfs.xfs >/dev/null || skip "there is no mkfs.xfs here"
        mkfs.xfs -q -f -m reflink=1 "$T/fs"
        mkdir -p "$DIR"
        mount -o loop "$T/fs" "$DIR" || skip "this kernel has no xfs"
        defer "umount $DIR"
}

used() { # KiB
        sync -f "$DIR"
        df -k --output=used "$DIR" | tail -n 1
}

@test "create: on a file system with reflinks the program of the busybox image is there once, for machines, too" {
        local before i

        on_xfs
        cp /bin/busybox "$DIR/busybox"
        mount --bind "$DIR/busybox" /bin/busybox
        defer "umount /bin/busybox"
        before=$(used)
        for i in 1 2 3 4; do ctl create "c$i" --image busybox --net none --isolation vm; done
        [ $(($(used) - before)) -lt "$(($(stat -c %s /bin/busybox) / 1024))" ]
        cmp /bin/busybox "$DIR/containers/c4/rootfs/bin/busybox"
        ctl destroy c1 c2 c3 c4
}

@test "snapshot: on a file system with reflinks it takes no room, and neither does restoring" {
        local before

        on_xfs
        ctl create web --image busybox --net none -- /bin/sleep 1000
        own_root web
        head -c 40000000 /dev/urandom >"$(root_of web)/root/data"
        before=$(used)
        ctl snapshot create web one
        ctl clone web copy
        echo more >>"$(root_of web)/root/data"
        ctl snapshot restore web one
        [ $(($(used) - before)) -lt 6000 ]
        cmp "$(root_of web)/root/data" "$(root_of copy)/root/data"
        is "$(stat -c %s "$(root_of web)/root/data")" 40000000
        ctl destroy web copy
}
