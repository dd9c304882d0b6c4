# berthctl: layers of images, stored once and shared between containers by overlayfs.
load ../lib/common
load ../lib/ctl
load ../lib/fake_vm

# layer NUMBER: $T/NUMBER.tar of the directory $T/NUMBER.
layer() {
        tar -C "$T/$1" -cf "$T/$1.tar" .
}

# layout_of NAME LAYER...: an OCI layout $T/NAME of these.
layout_of() {
        local layers=("${@:2}")

        layers=("${layers[@]/#/$T/}")
        layout "$1" "${layers[@]/%/.tar}"
}

# A base and what lies on it: whiteouts, a link of the base, a hard link to a file of it, a parent that it does not name.
images() {
        mkdir -p "$T"/{base,app,other}/etc "$T/base/bin" "$T/base/usr/lib" "$T/base/root/old" "$T/base/tmp" "$T/app/lib" "$T/app/root/old"
        cp /bin/busybox "$T/base/bin/busybox"
        for name in sh sleep cat id stat touch chown rm ls mkdir grep wc; do ln -s busybox "$T/base/bin/$name"; done
        ln -s usr/lib "$T/base/lib"
        echo secret >"$T/base/etc/shadow"
        chmod 640 "$T/base/etc/shadow" && chown 0:42 "$T/base/etc/shadow"
        echo base >"$T/base/etc/base"
        echo gone >"$T/base/root/old/file"
        chmod 750 "$T/base/root"
        echo root:x:0:0:root:/root:/bin/sh >"$T/base/etc/passwd"
        layer base
        echo app >"$T/app/etc/app"
        echo library >"$T/app/lib/library"
        touch "$T/app/etc/.wh.base" "$T/app/root/old/.wh..wh..opq"
        tar -C "$T/app" -cf "$T/app.tar" etc/app etc/.wh.base lib/library root/old/.wh..wh..opq
        echo other >"$T/other/etc/other"
        tar -C "$T/other" -cf "$T/other.tar" etc/other
        layout_of app base app
        layout_of other base other
}

stored() {
        (cd "$DIR/layers" && ls -d [0-9]* | grep -c '^[0-9]*$') || true
}

@test "layers: each is stored once, containers see the image as if it was their own, and each only its own changes" {
        images
        ctl create one --image "oci:$T/app" --net none --stop-timeout 0
        ctl create two --image "oci:$T/app" --net none --stop-timeout 0
        ctl create three --image "oci:$T/other" --net none --stop-timeout 0 --unprivileged=false
        is "$(stored)" 3
        # Set-user-id programs of images are nobody's on the host.
        is "$(stat -c %a "$DIR/layers")" 700
        is "$(ctl info --json one | jq -r .storage.kind)" layers
        # Two megabytes of the base lie there once.
        [ "$(du -sk "$DIR" | cut -f 1)" -lt 3000 ]
        ctl start one two three
        is "$(ctl exec one cat /etc/app /usr/lib/library | tr '\n' ' ')" "app library "
        is "$(ctl exec one stat -c '%a %u:%g' /root /etc/shadow | tr '\n' ' ')" "750 0:0 640 0:42 "
        run ctl exec one cat /etc/base
        has "No such file"
        is "$(ctl exec one ls /root/old)" ""
        is "$(ctl exec three cat /etc/base /etc/other | tr '\n' ' ')" "base other "
        is "$(stat -c %u "/proc/$(ctl_pid one)")" "$(ctl info --json one | jq .settings.ids)"
        ctl exec one sh -c 'echo mine >/etc/app; rm /etc/shadow; mkdir /srv; touch /srv/new; chown 33:44 /srv/new; chown 5 /bin/busybox'
        is "$(ctl exec one stat -c %u:%g /srv/new)" 33:44
        is "$(ctl exec two cat /etc/app /etc/shadow | tr '\n' ' ')" "app secret "
        ctl stop one
        ctl start one
        is "$(ctl exec one cat /etc/app)" mine
        is "$(ctl exec one stat -c %u:%g /srv/new /bin/busybox | tr '\n' ' ')" "33:44 5:0 "
        run ctl exec one cat /etc/shadow
        has "No such file"
        ctl stop one two three
}

@test "layers: what no container has any more goes with the last one" {
        images
        ctl create one --image "oci:$T/app" --net none
        ctl create two --image "oci:$T/other" --net none
        is "$(stored)" 3
        ctl destroy one
        is "$(stored)" 2
        ctl create one --image "oci:$T/app" --net none
        is "$(stored)" 3
        ctl destroy two
        is "$(stored)" 2
        ctl rename one other
        ctl start other
        is "$(ctl exec other cat /etc/app)" app
        ctl stop -f other
        ctl destroy other
        is "$(ls -A "$DIR/layers")" ""
}

@test "layers: cp, exec by name, snapshots, clones, archives and limits see the whole root, running or not" {
        images
        ctl create web --image "oci:$T/app" --net none --stop-timeout 0
        echo host >"$T/file"
        chown 7:8 "$T/file"
        ctl cp "$T/file" web:/etc/stopped
        ctl start web
        mkdir "$T/directory"
        cp -a "$T/file" "$T/directory/inside"
        ctl cp "$T/file" web:/etc/running
        ctl cp "$T/directory" web:/root
        is "$(ctl exec web stat -c %u:%g /etc/stopped /etc/running /root/directory/inside | tr '\n' ' ')" "7:8 7:8 7:8 "
        is "$(ctl exec -u root web cat /etc/running)" host
        ctl exec web sh -c 'echo changed >/etc/app'
        ctl cp web:/etc/app "$T/app.copy"
        is "$(cat "$T/app.copy")" changed
        ctl cp web:/etc/shadow "$T/shadow"
        is "$(stat -c %g "$T/shadow")" 42
        ctl snapshot create web one
        ctl export web -o "$T/web.tar"
        ctl exec web sh -c 'echo later >/etc/app'
        ctl stop web
        ctl clone web copy
        ctl import third "$T/web.tar"
        ctl start copy third
        is "$(ctl exec copy cat /etc/app)" later
        is "$(ctl exec third cat /etc/app /etc/running | tr '\n' ' ')" "changed host "
        ctl exec third stat -c %a:%g /etc/shadow | grep -qx 640:42
        ctl snapshot restore web one
        is "$(ctl info --json web | jq -r .storage.kind)" directory
        ctl start web
        is "$(ctl exec web cat /etc/app)" changed
        [ ! -e "$DIR/containers/web/rw" ]
        ctl stop web copy third
        ctl destroy web
        if [ -e /dev/loop-control ]; then
                ctl create web --image "oci:$T/app" --net none --stop-timeout 0
                ctl set web --disk 32m
                is "$(ctl info --json web | jq -r .storage.kind)" "disk image"
                ctl start web
                is "$(ctl exec web cat /etc/app)" app
                ctl stop web
                ctl destroy web
        fi
        is "$(ls -A "$DIR/layers")" ""
}

@test "layers: a container's resolv.conf lies in its own root" {
        images
        ctl create web --image "oci:$T/app" --net none --stop-timeout 0
        ctl network create lab --subnet 10.79.0.0/24 --no-ipv6
        ctl create other --image "oci:$T/app" --net none --stop-timeout 0
        ctl network connect lab web
        ctl start web
        ctl exec web grep -q berthctl /etc/resolv.conf
        is "$(ctl exec web stat -c %u:%g /etc/resolv.conf)" 0:0
        [ -e "$DIR/containers/web/rw/upper/etc/resolv.conf" ]
        [ ! -e "$DIR/containers/other/rw/upper/etc" ]
        ctl stop web
        ctl destroy web
}

@test "layers: docker-archive shares them, too; damaged ones leave nothing; a limited or user's container gets a copy" {
        images
        mkdir "$T/save"
        cp "$T/base.tar" "$T/app.tar" "$T/save"
        echo '{"config":{"Cmd":["/bin/sh"]}}' >"$T/save/config.json"
        echo '[{"Config":"config.json","Layers":["base.tar","app.tar"]}]' >"$T/save/manifest.json"
        tar -C "$T/save" -cf "$T/save.tar" manifest.json config.json base.tar app.tar
        ctl create web --image "docker-archive:$T/save.tar" --net none
        ctl create same --image "oci:$T/app" --net none
        is "$(stored)" 2
        head -c 20000 "$T/app.tar" | head -c 1700 >"$T/short.tar"
        layout_of short base short
        refused_ctl "create container bad: .*layer 2" create bad --image "oci:$T/short" --net none
        is "$(stored)" 2
        is "$(ls -A "$DIR/layers" | grep -v '^[0-9]')" .works
        is "$(ls "$DIR/containers" | tr '\n' ' ')" "same web "
        if [ -e /dev/loop-control ]; then
                ctl create limited --image "oci:$T/app" --net none --disk 16m
                is "$(ctl info --json limited | jq -r .storage.kind)" "disk image"
        fi
        ctl destroy web
        is "$(stored)" 2
}

@test "layers: a create that is killed at any point leaves what destroy removes, and layers that are whole" {
        local i

        images
        for i in 0.004 0.007 0.01 0.013 0.016 0.02 0.025 0.03; do
                killed_after $i create web --image "oci:$T/app" --net none
                [ ! -e "$DIR/containers/web" ] || ctl destroy web
                ctl create whole --image "oci:$T/app" --net none --stop-timeout 0
                ctl start whole
                is "$(ctl exec whole cat /etc/app /usr/lib/library | tr '\n' ' ')" "app library "
                ctl stop whole
                ctl destroy whole
                is "$(ls -A "$DIR/layers")" ""
        done
}

@test "layers: many creates and destroys at once lose and leave nothing" {
        local i

        images
        for i in $(seq 8); do
                { ctl create "c$i" --image "oci:$T/app" --net none && { [ $((i % 2)) = 0 ] || ctl destroy "c$i"; }; } &
        done
        wait
        is "$(ls "$DIR/containers" | tr '\n' ' ')" "c2 c4 c6 c8 "
        is "$(stored)" 2
        ctl start c2 c8
        is "$(ctl exec c8 cat /etc/app)" app
        ctl stop -f c2 c8
        ctl destroy c2 c4 c6 c8
        is "$(ls -A "$DIR/layers")" ""
}

# has_lock PID, waits_for_lock PID
has_lock() {
        grep -q "[0-9]: FLOCK .* $1 " /proc/locks
}

waits_for_lock() {
        grep -q "[0-9]: -> FLOCK .* $1 " /proc/locks
}

@test "layers: who waits for another create and is interrupted says so, and leaves nothing" {
        local holder pid status=0

        images
        mkdir -p "$DIR/layers"
        flock -F "$DIR/layers" sleep 1000 3>&- 4>&- &
        holder=$!
        eventually has_lock $holder
        "$BERTHCTL" --directory "$DIR" --run "$RUN" create web --image "oci:$T/app" --net none 2>"$T/err" 3>&- 4>&- &
        pid=$!
        eventually waits_for_lock $pid
        kill -TERM $pid
        wait $pid || status=$?
        kill $holder
        wait $holder || true
        is "$status" 143
        is "$(cat "$T/err")" "create container web: interrupted"
        [ ! -e "$DIR/containers/web" ]
}

@test "layers: where overlayfs cannot be had, or cannot be mapped, containers get a copy" {
        images
        mkdir -p "$T/lower" "$T/upper" "$T/work" "$DIR"
        mount -t overlay -o "lowerdir=$T/lower,upperdir=$T/upper,workdir=$T/work" none "$DIR"
        defer "umount $DIR"
        ctl create web --image "oci:$T/app" --net none --unprivileged=false --stop-timeout 0
        is "$(ctl info --json web | jq -r .storage.kind)" directory
        ctl start web
        is "$(ctl exec web cat /etc/app /usr/lib/library | tr '\n' ' ')" "app library "
        ctl stop web
        ctl destroy web
        is "$(ls -A "$DIR/layers")" ""
        mkdir "$DIR/plain"
        mount -t ramfs none "$DIR/plain"
        defer "umount $DIR/plain"
        ctl --directory "$DIR/plain" create web --image "oci:$T/app" --net none
        is "$(ctl --directory "$DIR/plain" info --json web | jq -r .storage.kind)" directory
        is "$(cat "$DIR/plain/containers/web/rootfs/usr/lib/library")" library
        is "$(stat -c %a:%g "$DIR/plain/containers/web/rootfs/etc/shadow")" 640:42
        ctl --directory "$DIR/plain" destroy web
        is "$(ls -A "$DIR/plain/layers")" ""
}

@test "layers: within a container, stopped or running, cp copies no directory into itself and no file onto itself" {
        local again

        images
        ctl create web --image "oci:$T/app" --net none --stop-timeout 0 -- /bin/sleep 1000
        for again in stopped running; do
                for target in / /usr /usr/other /usr/lib; do
                        refused_ctl "into itself|it is the file" cp web:/usr "web:$target"
                done
                refused_ctl "into itself" cp web:/ web:/etc
                refused_ctl "it is the file" cp web:/etc/app web:/etc
                refused_ctl "into itself" cp "$DIR" web:/root
                refused_ctl "into itself" cp "$(changes_of web)" web:/root
                ctl cp web:/etc/app "web:/root/$again"
                ctl cp web:/usr/lib "web:/$again"
                ctl cp "web:/$again/library" "$T/got"
                is "$(cat "$T/got")" library
                [ $again = running ] || ctl start web
        done
        is "$(ctl exec web cat /root/stopped /root/running | tr '\n' ' ')" "app app "
        ctl stop web
}

@test "layers: busybox is one, too, and another one when the program is replaced" {
        cp /bin/busybox "$T/busybox"
        ctl create one --image busybox --net none --stop-timeout 0
        ctl create two --image busybox --net none --stop-timeout 0
        is "$(stored)" 1
        mount --bind "$T/busybox" /bin/busybox
        defer "umount /bin/busybox"
        ctl create three --image busybox --net none --stop-timeout 0
        is "$(stored)" 2
        ctl start one two three
        ctl exec one rm /bin/ls
        ctl exec one sh -c 'echo broken >/bin/busybox.new && chmod +x /bin/busybox.new && mv /bin/busybox.new /bin/cat'
        is "$(ctl exec two cat /etc/hostname 2>&1; ctl exec three ls /etc/passwd)" "$(ctl exec two cat /etc/hostname 2>&1)
/etc/passwd"
        run ctl exec one ls
        [ "$status" -ne 0 ]
        ctl stop one two three
        ctl destroy one two
        is "$(stored)" 1
        ctl destroy three
        is "$(ls -A "$DIR/layers")" ""
}

@test "layers: what a person has put into the directory that they are mounted on stays there" {
        ctl create web --image busybox --net none --stop-timeout 0
        echo mine >"$(root_of web)/file"
        ctl start web
        run ctl exec web cat /file
        has "No such file"
        ctl stop web
        is "$(cat "$(root_of web)/file")" mine
}

@test "layers: a machine does not share them: what has them is given files of its own when it starts as one" {
        images
        ctl create web --image "oci:$T/app" --net none --stop-timeout 0 -- /bin/sleep 1000
        ctl start web
        ctl exec web sh -c 'echo mine >/etc/app'
        ctl stop web
        fake_machines
        ctl start web
        is "$(ctl info --json web | jq -r .storage.kind)" directory
        is "$(ctl exec web cat /etc/app /usr/lib/library | tr '\n' ' ')" "mine library "
        ctl stop web
        is "$(jq -c .root.overlay "$DIR/containers/web/config.json")" null
        is "$(ls -A "$DIR/layers")" ""
        ctl create new --image "oci:$T/app" --net none
        is "$(ctl info --json new | jq -r .storage.kind)" directory
        ctl create other --image "oci:$T/app" --net none --isolation process
        is "$(ctl info --json other | jq -r .storage.kind)" layers
}
