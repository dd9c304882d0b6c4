# berthctl export and import: whole containers as files, and what hostile or damaged ones may not do.
load ../lib/common
load ../lib/ctl

@test "export, import: every file, attribute and setting comes along; ids are the new one's own" {
        local file

        ctl create web --image busybox --net none -e A=1 --memory 64m --hostname same --stop-timeout 0 -- /bin/sleep 1000
        furnish web
        describe web >"$T/before"
        # An unprivileged container's device files are not made again.
        mv "$(root_of web)/root/null" "$T/null"
        ctl export web >"$T/plain.tar"
        ctl export web -o "$T/packed.tar.zst"
        ctl export web -z gzip -o "$T/packed"
        ctl export web -o "$T/packed.tar.xz"
        for file in plain.tar packed.tar.zst packed packed.tar.xz; do
                ctl import copy "$T/$file"
                cp -a "$T/null" "$(root_of copy)/root/null"
                touch -d '2001-02-03 04:05:06' "$(root_of copy)/root"
                describe copy | diff "$T/before" -
                is "$(ctl info --json copy | jq -c '[.settings.env, .settings.memory, .settings.hostname, .settings.arg]')" \
                        '[["A=1"],67108864,"same",["/bin/sleep","1000"]]'
                [ "$(ctl info --json copy | jq .settings.ids)" != "$(ctl info --json web | jq .settings.ids)" ]
                ctl destroy copy
        done
        is "$(head -c 4 "$T/packed.tar.zst" | od -An -tx1 | tr -d ' ')" 28b52ffd
        is "$(head -c 2 "$T/packed" | od -An -tx1 | tr -d ' ')" 1f8b
        xz -t "$T/packed.tar.xz"
        # Holes are not written: 64 MiB of them fit into little.
        [ "$(stat -c %s "$T/plain.tar")" -lt 6000000 ]
        [ "$(stat -c %a "$T/packed")" = 600 ]
        ls "$T" | grep -c '^packed' | grep -qx 3
        ctl import copy - --memory 32m --unset hostname <"$T/plain.tar"
        is "$(ctl info --json copy | jq -c '[.settings.memory, .settings.hostname]')" '[33554432,null]'
        ctl set copy --unset memory
        ctl start copy
        ctl exec copy cat /root/file
        ctl stop copy
}

@test "export, import: through a pipe, packed in any way, nothing stands behind the end" {
        local how

        ctl create web --image busybox --net none -- /bin/sleep 1000
        own_root web
        echo page >"$(root_of web)/root/page"
        for how in none gzip xz zstd; do
                ctl export web -z $how | tee "$T/$how" | ctl import copy -
                is "$(cat "$(root_of copy)/root/page")" page
                ctl destroy copy
        done
        zstd -qt "$T/zstd"
        xz -qt "$T/xz"
        gzip -t "$T/gzip"
        tar -tf "$T/none" | tail -n 1 | grep -qx complete
}

@test "export, import: names, links and their targets may be of any bytes" {
        ctl create web --image busybox --net none -- /bin/sleep 1000
        own_root web
        python3 - "$(root_of web)/root" <<'END'
import os, sys
os.chdir(os.fsencode(sys.argv[1]))
for name in b'\xff\xfe \n', 'F\u0151\u00e4'.encode(), b'latin\xe4':
        open(name, 'wb').write(name)
        os.link(name, b'hard ' + name)
        os.symlink(name + b'\xfc', b'link ' + name)
        os.mkdir(b'dir ' + name)
        open(b'dir ' + name + b'/' + name, 'wb').write(name)
END
        ctl export web -o "$T/web.tar"
        ctl import copy "$T/web.tar"
        listed() {
                (cd "$(root_of "$1")/root" && find . -printf '%p %y %m %n %l %s\0' | sort -z | sha256sum)
        }
        is "$(listed copy)" "$(listed web)"
        is "$(find "$(root_of copy)/root" | wc -l)" "$(find "$(root_of web)/root" | wc -l)"
}

@test "export: a running container is frozen and goes on; a privileged one's devices come along with --trust" {
        ctl create web --image busybox --net none --unprivileged=false --stop-timeout 0 -- /bin/sleep 1000
        own_root web
        mknod "$(root_of web)/root/zero" c 1 5
        ctl start web
        ctl export web -o "$T/web.tgz"
        ctl_is web running
        ctl stop web
        refused_ctl "its settings make it privileged" import copy "$T/web.tgz"
        ctl import copy "$T/web.tgz" --trust
        is "$(stat -c %t:%T "$(root_of copy)/root/zero")" 1:5
}

@test "import: settings that reach into the host are refused by name without --trust" {
        ctl create web --image busybox --net none -v /etc:/mnt:ro -- /bin/sleep 1000
        ctl export web -o "$T/volume.tar"
        refused_ctl "show it /etc:/mnt:ro of the host" import copy "$T/volume.tar"
        ctl import copy "$T/volume.tar" --unset volume
        is "$(ctl info --json copy | jq -c '.settings.volume // []')" '[]'
        ctl destroy copy
        ctl set web --unset volume
        ctl set web --net host
        ctl export web -o "$T/net.tar"
        refused_ctl "give it net = host" import copy "$T/net.tar"
        ctl import copy "$T/net.tar" --net none
        ctl destroy copy
        ctl set web --net none --autostart --log-size 1g --cgroup-parent /mine
        ctl export web -o "$T/start.tar"
        refused_ctl "start it with this host" import copy "$T/start.tar"
        refused_ctl "larger than 10m" import copy "$T/start.tar" --autostart
        refused_ctl "into the cgroup /mine" import copy "$T/start.tar" --unset autostart --log-size 20m
        ctl import copy "$T/start.tar" --unset autostart --unset log-size --unset cgroup-parent
        is "$(ctl info --json copy | jq -c '.settings | [.autostart, ."log-size", ."cgroup-parent"]')" '[false,null,null]'
        ctl destroy copy
        ctl import copy "$T/start.tar" --trust
        is "$(ctl info --json copy | jq -c '.settings | [.autostart, ."log-size", ."cgroup-parent"]')" '[true,1073741824,"/mine"]'
        ctl destroy copy
        is "$(ls "$DIR/containers")" web
}

@test "import: what was privileged is not in the hands of an ordinary user" {
        user_at_home
        ctl create web --image busybox --net none --unprivileged=false --stop-timeout 0 -- /bin/sleep 1000
        ctl export web -o "$T/home/web.tar"
        chown 1000:1000 "$T/home/web.tar"
        as_user import web "$T/home/web.tar"
        is "$(as_user info --json web | jq .settings.unprivileged)" true
        as_user start web
        is "$(as_user exec web id -u)" 0
        as_user destroy -f web
}

# archive FILE ENTRY...: a tar of these in this order, all in $T/in.
archive() {
        tar -C "$T/in" --no-recursion -cPf "$T/$1" "${@:2}"
}

@test "import: hostile and damaged archives are refused by what is wrong with them, and nothing is left" {
        local size i

        mkdir -p "$T/in/rootfs/dir" "$T/outside"
        echo 'arg = /bin/sh
unprivileged = yes
net = none' >"$T/in/settings"
        echo evil >"$T/in/rootfs/evil"
        touch "$T/in/complete"
        mknod "$T/in/rootfs/disk" b 8 0
        ln -s "$T/outside" "$T/in/rootfs/way"
        archive good.tar settings rootfs rootfs/evil complete
        ctl import good "$T/good.tar"
        is "$(cat "$(root_of good)/evil")" evil
        ctl destroy good
        archive device.tar settings rootfs rootfs/disk complete
        refused_ctl "entry 'rootfs/disk' is a device file" import web "$T/device.tar"
        archive short.tar settings rootfs rootfs/evil
        refused_ctl "the archive ends too early" import web "$T/short.tar"
        archive order.tar rootfs settings complete
        refused_ctl "does not begin with settings" import web "$T/order.tar"
        archive foreign.tar settings rootfs complete
        tar -C "$T/in" --transform 's|^|elsewhere/|' -cf "$T/other.tar" settings
        refused_ctl "/etc/passwd: Unrecognized archive format" import web /etc/passwd
        refused_ctl "is no archive of berthctl export" import web "$T/other.tar"
        mkdir "$T/in/elsewhere"
        archive beside.tar settings rootfs elsewhere complete
        refused_ctl "entry 'elsewhere/?' does not belong there" import web "$T/beside.tar"
        tar -C "$T/in" -cPf "$T/dotdot.tar" settings --transform 's|^rootfs/evil|rootfs/../../evil|' rootfs/evil complete
        refused_ctl "leads out of the root" import web "$T/dotdot.tar"
        archive link.tar settings rootfs rootfs/way
        mkdir -p "$T/in2/rootfs/way"
        echo evil >"$T/in2/rootfs/way/evil"
        tar -C "$T/in2" -rPf "$T/link.tar" rootfs/way/evil
        tar -C "$T/in" -rPf "$T/link.tar" complete
        run ctl import web "$T/link.tar"
        [ -z "$(ls "$T/outside")" ]
        [ ! -e "$DIR/containers/web" ] || ctl destroy web
        printf 'arg = x\0y' >"$T/in/settings"
        archive nul.tar settings complete
        refused_ctl "NUL byte" import web "$T/nul.tar"
        echo 'memory = lots' >"$T/in/settings"
        archive value.tar settings complete
        refused_ctl "value.tar: line 1: memory: invalid value" import web "$T/value.tar"
        head -c 5000 /dev/urandom >"$T/noise.tar"
        refused_ctl "noise.tar: " import web "$T/noise.tar"
        : >"$T/empty.tar"
        refused_ctl "empty.tar" import web "$T/empty.tar"
        refused_ctl "No such file" import web "$T/none.tar"
        [ -z "$(ls "$DIR/containers")" ]
        # Cut anywhere.
        ctl create web --image busybox --net none -- /bin/sleep 1000
        ctl export web -o "$T/web.tar.zst"
        ctl export web -o "$T/web.tar"
        ctl destroy web
        for i in web.tar web.tar.zst; do
                size=$(stat -c %s "$T/$i")
                for part in 10 600 1500 $((size / 3)) $((size / 2)) $((size - 2000)); do
                        head -c "$part" "$T/$i" >"$T/cut"
                        refused_ctl "cut" import web "$T/cut"
                done
        done
        [ -z "$(ls "$DIR/containers")" ]
}

@test "import, export: names, files and full disks are one clear line; an import that is killed is partial or not there" {
        local i

        ctl create web --image busybox --net none -- /bin/sleep 1000
        ctl export web -o "$T/web.tar"
        refused_ctl "there is a container web already" import web "$T/web.tar"
        refused_ctl "is no name of a container" import ../web "$T/web.tar"
        refused_ctl "there is no container nobody" export nobody -o "$T/x"
        refused_ctl "export container web: make $T/none/x: No such file" export web -o "$T/none/x"
        refused_ctl "invalid value 'rar' for flag --compress" export web -z rar
        refused_ctl "No space left" export web -o /dev/full
        mkdir "$T/small"
        mount -t tmpfs -o size=300k none "$T/small"
        defer "umount $T/small"
        echo old >"$T/small/web.tar"
        refused_ctl "export container web: .*No space left" export web -o "$T/small/web.tar"
        is "$(ls "$T/small")" web.tar
        is "$(cat "$T/small/web.tar")" old
        for i in 0.002 0.005 0.01 0.015 0.02 0.03 0.05; do
                killed_after $i import copy "$T/web.tar"
                if [ -e "$DIR/containers/copy" ]; then
                        eventually is_left copy
                        ctl destroy copy
                fi
        done
        ctl import copy "$T/web.tar"
        mount -t tmpfs -o size=1m none "$T/small"
        defer "umount $T/small"
        run "$BERTHCTL" --directory "$T/small" --run "$RUN" import copy "$T/web.tar"
        has "No space left"
        [ -z "$(ls "$T/small/containers")" ]
}

@test "import: one that is interrupted undoes what it has done, says so and ends by the signal" {
        local pid status=0

        ctl create web --image busybox --net none
        ctl export web -o "$T/web.tar"
        mkfifo "$T/pipe"
        "$BERTHCTL" --directory "$DIR" --run "$RUN" import other - <"$T/pipe" 2>"$T/err" 3>&- 4>&- &
        pid=$!
        exec 8>"$T/pipe"
        head -c 1m "$T/web.tar" >&8
        [ -e "$DIR/containers/other/partial" ]
        kill -TERM "$pid"
        tail -c +1048577 "$T/web.tar" >&8 || true
        exec 8>&-
        wait "$pid" || status=$?
        is "$status" 143
        is "$(cat "$T/err")" "create container other: interrupted"
        is "$(ctl list -q)" web
        [ ! -e "$DIR/containers/other" ]
}
