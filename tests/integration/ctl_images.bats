# berthctl create: where files come from, and what hostile or damaged sources may not do.
load ../lib/common
load ../lib/ctl

# A root file system with what unpacking can get wrong.
make_root() {
        mkdir -p "$T/root/bin" "$T/root/etc" "$T/root/dev" "$T/root/tmp"
        cp /bin/busybox "$T/root/bin/sh"
        ln "$T/root/bin/sh" "$T/root/bin/twin"
        ln -s sh "$T/root/bin/ash"
        echo secret >"$T/root/etc/shadow"
        chmod 640 "$T/root/etc/shadow"
        chown 0:42 "$T/root/etc/shadow"
        chmod 1777 "$T/root/tmp"
        chmod u+s "$T/root/bin/sh"
}

root_is_whole() {
        local root=$DIR/containers/$1/rootfs

        is "$(stat -c %a:%g "$root/etc/shadow")" 640:42
        is "$(stat -c %a "$root/tmp")" 1777
        is "$(stat -c %a "$root/bin/sh")" 4755
        is "$(stat -c %i "$root/bin/sh")" "$(stat -c %i "$root/bin/twin")"
        is "$(readlink "$root/bin/ash")" sh
}

@test "dir: a copy with owners, modes, hard and symbolic links" {
        make_root
        ctl create web --image "dir:$T/root" --net none -- /bin/sh -c 'exec sleep 1000'
        root_is_whole web
        [ -e "$T/root/bin/sh" ]
}

@test "dir: a copy of what the containers lie in, such as the whole host, is without them" {
        make_root
        DIR=$T/root/var/lib/berth
        mkdir -p "$DIR/beside"
        mount -t tmpfs -o size=64m none "$T/root/var"
        defer "umount $T/root/var"
        mkdir -p "$DIR/beside" "$T/root/var/log"
        ctl create web --image "dir:$T/root/var/.." --net none -- /bin/sh
        root_is_whole web
        is "$(ls "$(root_of web)/var")" ""
        ctl create other --image "dir:$T/root/var" --net none -- /bin/sh
        is "$(cd "$(root_of other)" && find . | sort | tr '\n' ' ')" ". ./lib ./lib/berth ./log "
        ctl destroy web other
}

@test "tar: packed or not, with device files left out" {
        make_root
        mknod "$T/root/dev/null" c 1 3
        tar -C "$T/root" -cf "$T/plain.tar" .
        tar -C "$T/root" -cJf "$T/packed.tar.xz" .
        ctl create plain --image "tar:$T/plain.tar" --net none -- /bin/sh
        ctl create packed --image "tar:$T/packed.tar.xz" --net none -- /bin/sh
        root_is_whole plain
        root_is_whole packed
        [ ! -e "$DIR/containers/plain/rootfs/dev/null" ]
}

@test "tar: paths, links and devices that lead out of the root, and damaged files, are refused and nothing is left" {
        local bad

        mkdir "$T/in"
        echo evil >"$T/in/evil"
        tar -C "$T/in" -cPf "$T/dotdot.tar" --transform 's|^|../../|' evil
        mkdir "$T/link"
        ln -s "$T/outside" "$T/link/way"
        tar -C "$T/link" -cf "$T/symlink.tar" way
        mkdir -p "$T/second/way"
        echo evil >"$T/second/way/evil"
        tar -C "$T/second" -rf "$T/symlink.tar" way/evil
        mkdir "$T/outside"
        mkdir "$T/devices"
        mknod "$T/devices/disk" b 8 0
        tar -C "$T/devices" -cf "$T/device.tar" disk
        make_root
        tar -C "$T/root" -czf "$T/whole.tar.gz" .
        head -c 100000 "$T/whole.tar.gz" >"$T/short.tar.gz"
        head -c 5000 /dev/urandom >"$T/noise.tar"
        refused_ctl "leads out" create web --image "tar:$T/dotdot.tar" --net none -- /bin/sh
        refused_ctl "device file" create web --image "tar:$T/device.tar" --net none -- /bin/sh
        refused_ctl "short.tar.gz: " create web --image "tar:$T/short.tar.gz" --net none -- /bin/sh
        refused_ctl "noise.tar: " create web --image "tar:$T/noise.tar" --net none -- /bin/sh
        run ctl create web --image "tar:$T/symlink.tar" --net none -- /bin/sh
        [ -z "$(ls "$T/outside")" ]
        ctl destroy web 2>/dev/null || true
        for bad in "$T/evil" "$DIR/evil" "$DIR/containers/evil"; do
                [ ! -e "$bad" ]
        done
        [ -z "$(ls "$DIR/containers")" ]
}

@test "oci: layers lie over each other with their whiteouts, and the image says what runs" {
        local root

        make_root
        tar -C "$T/root" -cf "$T/1.tar" .
        mkdir -p "$T/two/etc"
        echo new >"$T/two/etc/new"
        touch "$T/two/etc/.wh.shadow"
        tar -C "$T/two" -cf "$T/2.tar" etc
        layout image "$T/1.tar" "$T/2.tar"
        ctl create web --image "oci:$T/image:latest" --net none -e A=2
        root=$(plain web)
        [ ! -e "$root/etc/shadow" ]
        [ ! -e "$root/etc/.wh.shadow" ]
        grep -q new "$root/etc/new"
        ctl start web
        eventually said web '^/etc$'
        said web '^hello$'
        said web '^A=2$'
        ctl stop -f web
}

@test "oci: damaged layouts are refused by what is wrong with them" {
        make_root
        tar -C "$T/root" -cf "$T/1.tar" .
        layout image "$T/1.tar"
        refused_ctl "no image with the tag 'other'" create web --image "oci:$T/image:other" --net none
        refused_ctl "No such file" create web --image "oci:$T/none:latest" --net none
        echo '{"manifests":[{"digest":"sha256:../../../../etc/passwd"}]}' >"$T/image/index.json"
        refused_ctl "is no digest" create web --image "oci:$T/image" --net none
        echo '{' >"$T/image/index.json"
        refused_ctl "index.json: line" create web --image "oci:$T/image" --net none
        rm "$T/image/index.json"
        ln -s /etc/passwd "$T/image/index.json"
        refused_ctl "index.json" create web --image "oci:$T/image" --net none
        [ -z "$(ls "$DIR/containers")" ]
}

# index_of LAYOUT JQ...: its index.json, changed.
index_of() {
        jq -c "${@:2}" "$T/$1/index.json" >"$T/index"
        cp "$T/index" "$T/$1/index.json"
}

@test "oci: of several images the one with the tag, and of several machines' this one's" {
        make_root
        tar -C "$T/root" -cf "$T/1.tar" .
        echo other >"$T/root/etc/other"
        tar -C "$T/root" -cf "$T/2.tar" .
        layout one "$T/1.tar"
        layout two "$T/2.tar"
        cp "$T"/two/blobs/sha256/* "$T/one/blobs/sha256"
        mv "$T/one" "$T/a:b"
        index_of a:b '.manifests[0].annotations[] = "localhost/web:1" |
                .manifests += [$two[0].manifests[0] | .annotations[] = "localhost/web:2"]' --slurpfile two "$T/two/index.json"
        ctl create first --image "oci:$T/a:b:localhost/web:1" --net none
        ctl create second --image "oci:$T/a:b:localhost/web:2" --net none
        [ ! -e "$(plain first)/etc/other" ]
        ctl destroy plain
        [ -e "$(plain second)/etc/other" ]
        refused_ctl "several images, such as 'localhost/web:1' and 'localhost/web:2'" create web --image "oci:$T/a:b" --net none
        refused_ctl "no image with the tag 'localhost/web:3'" create web --image "oci:$T/a:b:localhost/web:3" --net none
        index_of a:b '.manifests[1].digest = .manifests[0].digest'
        ctl create web --image "oci:$T/a:b" --net none
        ctl destroy web
        # One for another system stands in front.
        index_of two '.manifests |= [(.[0] | .platform = {os: "windows", architecture: "amd64"} | .digest = "sha256:\("0" * 64)"),
                (.[0] | .platform = {os: "linux", architecture: "s390x"} | .digest = "sha256:\("0" * 64)"),
                (.[0] | .platform = {os: "linux", architecture: $machine})]' --arg machine "$(dpkg --print-architecture)"
        ctl create web --image "oci:$T/two" --net none
        index_of two '.manifests |= .[:2]'
        refused_ctl "no image for this machine" create web2 --image "oci:$T/two" --net none
}

@test "docker-archive: what docker save writes" {
        make_root
        mkdir "$T/save"
        tar -C "$T/root" -cf "$T/save/layer.tar" .
        echo '{"config":{"Cmd":["/bin/sh","-c","echo from docker; exec sleep 1000"]}}' >"$T/save/config.json"
        echo '[{"Config":"config.json","RepoTags":["x:1"],"Layers":["layer.tar"]}]' >"$T/save/manifest.json"
        tar -C "$T/save" -cf "$T/save.tar" manifest.json config.json layer.tar
        ctl create web --image "docker-archive:$T/save.tar" --net none
        plain web
        root_is_whole plain
        ctl start web
        eventually said web 'from docker'
        ctl stop -f web
        [ -z "$(ls -d "$DIR"/image-* 2>/dev/null)" ]
        tar -C "$T/save" -cf "$T/less.tar" config.json
        refused_ctl "manifest.json" create other --image "docker-archive:$T/less.tar" --net none
}

@test "docker-archive: an image's volumes are directories of its containers" {
        local root

        make_root
        mkdir "$T/save"
        tar -C "$T/root" -cf "$T/save/layer.tar" .
        echo '{"config":{"Cmd":["/bin/sh"],"Volumes":{"/data/deep":{},"/tmp":{}}}}' >"$T/save/config.json"
        echo '[{"Config":"config.json","Layers":["layer.tar"]}]' >"$T/save/manifest.json"
        tar -C "$T/save" -cf "$T/save.tar" manifest.json config.json layer.tar
        (umask 077; ctl create web --image "docker-archive:$T/save.tar" --net none)
        root=$(plain web)
        is "$(stat -c %a:%u "$root/data" "$root/data/deep" "$root/tmp" | tr '\n' ' ')" "755:0 755:0 1777:0 "
}

@test "an image without a program needs one to be said" {
        make_root
        refused_ctl "has no /sbin/init" create web --image "dir:$T/root" --net none
        [ -z "$(ls "$DIR/containers")" ]
}

@test "a full disk in mid-create is an error, and nothing is left" {
        mkdir -p "$DIR"
        mount -t tmpfs -o size=1m none "$DIR"
        defer "umount $DIR"
        refused_ctl "No space left" create web --image busybox --net none
        [ -z "$(ls "$DIR/containers")" ]
}

@test "a full disk in the middle of a file is an error, and no file is left short" {
        make_root
        head -c 600000 /dev/urandom >"$T/root/etc/large"
        mkdir -p "$DIR"
        mount -t tmpfs -o "size=$(($(du -sk "$T/root" | cut -f 1) - 300))k" none "$DIR"
        defer "umount $DIR"
        refused_ctl "No space left" create web --image "dir:$T/root" --net none -- /bin/sh
        [ -z "$(ls "$DIR/containers")" ]
}

@test "a root that its init runs gets a name and a machine-id of its own; links are left alone" {
        make_root
        mkdir "$T/root/sbin"
        ln -s ../bin/sh "$T/root/sbin/init"
        echo builder >"$T/root/etc/hostname"
        echo 0123456789abcdef0123456789abcdef >"$T/root/etc/machine-id"
        ctl create web --image "dir:$T/root" --net none
        is "$(cat "$DIR/containers/web/rootfs/etc/hostname")" web
        [ -f "$DIR/containers/web/rootfs/etc/machine-id" ] && [ ! -s "$DIR/containers/web/rootfs/etc/machine-id" ]
        ctl create job --image "dir:$T/root" --net none -- /bin/sh
        is "$(cat "$DIR/containers/job/rootfs/etc/hostname")" builder
        echo outside >"$T/outside"
        ln -sf "$T/outside" "$T/root/etc/hostname"
        ctl create other --image "dir:$T/root" --net none
        is "$(cat "$T/outside")" outside
}

@test "debian: the name servers of the host that made it are not the container's" {
        make_root
        echo nameserver 192.0.2.53 >"$T/root/etc/resolv.conf"
        mkdir "$T/stubs"
        printf '%s\n' '#!/bin/sh' 'for archive; do :; done' "tar -C $T/root -cf \"\$archive\" ." \
                >"$T/stubs/mmdebstrap"
        chmod 755 "$T/stubs/mmdebstrap"
        PATH="$T/stubs:$PATH" ctl create web --image debian:bookworm -- /bin/sh -c 'cat /etc/resolv.conf; exec sleep 1000'
        ! grep -q 192.0.2.53 "$DIR/containers/web/rootfs/etc/resolv.conf" || return 1
        ctl start web
        eventually said web "^nameserver $(ctl network show --json berth0 | jq -r .gateway4)\$"
        ctl create other --image "dir:$T/root" -- /bin/sh
        grep -q 192.0.2.53 "$DIR/containers/other/rootfs/etc/resolv.conf"
        ctl destroy -f web other
}

@test "dns: servers that a person says take the place of the image's, on any network" {
        local net

        make_root
        echo outside >"$T/outside"
        ln -s "$T/outside" "$T/root/etc/resolv.conf"
        for net in berth0 none; do
                ctl create web --image "dir:$T/root" --net $net --dns 192.0.2.1 --dns 2001:db8::1 -- /bin/sh -c \
                        'cat /etc/resolv.conf; exec sleep 1000'
                ctl start web
                eventually said web '^nameserver 2001:db8::1$'
                said web '^nameserver 192.0.2.1$'
                ctl destroy -f web
        done
        is "$(cat "$T/outside")" outside
        ctl create web --image "dir:$T/root" --net none -- /bin/sh
        is "$(readlink "$(root_of web)/etc/resolv.conf")" "$T/outside"
}

@test "debian: what is no suite is refused by name" {
        refused_ctl "'NOPE' is no suite of Debian" create web --image debian:NOPE --net none
        refused_ctl "'../x' is no suite of Debian" create web --image debian:../x --net none
        [ -z "$(ls "$DIR/containers")" ]
}

@test "what a crash leaves while an image is unpacked is removed by the next create or destroy, what is in use is not" {
        local i

        make_root
        head -c 3000000 /dev/urandom >"$T/root/etc/large"
        mkdir "$T/save"
        tar -C "$T/root" -cf "$T/save/layer.tar" .
        echo '{"config":{"Cmd":["/bin/sh"]}}' >"$T/save/config.json"
        echo '[{"Config":"config.json","Layers":["layer.tar"]}]' >"$T/save/manifest.json"
        tar -C "$T/save" -cf "$T/save.tar" manifest.json config.json layer.tar
        for i in 0.004 0.008 0.012 0.016 0.02; do
                killed_after $i create web --image "docker-archive:$T/save.tar" --net none
                [ ! -e "$DIR/containers/web" ] || ctl destroy web
                [ -z "$(ls -d "$DIR"/image-* 2>/dev/null)" ]
        done
        mkdir -p "$DIR/image-aaaaaa" "$DIR/image-bbbbbb" "$DIR/image-of-mine"
        exec 9<"$DIR/image-bbbbbb"
        flock -n 9
        ctl create web --image "docker-archive:$T/save.tar" --net none 9<&-
        exec 9<&-
        is "$(cd "$DIR" && echo image-*)" "image-bbbbbb image-of-mine"
        ctl destroy web
        is "$(cd "$DIR" && echo image-*)" "image-of-mine"
}

@test "images: what touches no archive does not load libarchive and all that comes with it" {
        ctl create web --image busybox --net none -- /bin/sleep 1000
        run -0 env LD_DEBUG=files timeout 20 "$BERTHCTL" --directory "$DIR" --run "$RUN" list 3>&- 4>&-
        lacks libarchive
        run -0 env LD_DEBUG=files timeout 20 "$BERTHCTL" --directory "$DIR" --run "$RUN" export web -o "$T/web.tar" 3>&- 4>&-
        has libarchive
        ctl destroy web
}
