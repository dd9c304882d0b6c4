# What a hostile image, a hostile container, a full disk, a hand in the settings and two commands at once do to
# berthctl.
load ../lib/common
load ../lib/ctl

# What sleeps until it is stopped, its files its own.
make_web() {
        ctl create web --image busybox --net none --stop-timeout 0 "$@" -- /bin/sleep 1000
        own_root web
}

setting() {
        sed -n "s/^$2 = //p" "$DIR/containers/$1/settings"
}

# ---- settings that a hand has changed ----

@test "settings: without ids, or with less than they need, a container does not start as the host's root" {
        local settings=$DIR/containers/web/settings

        make_web
        cp "$settings" "$T/good"
        sed -i '/^ids/d' "$settings"
        refused_ctl "lack its ids" start web
        sed '/^unprivileged/d; /^ids/d' "$T/good" >"$settings"
        refused_ctl "lack its ids" start web
        sed 's/^ids.*/ids = 5/' "$T/good" >"$settings"
        refused_ctl "line 5: ids: 5 is out of range" start web
        sed 's/^unprivileged.*/unprivileged = no/' "$T/good" >"$settings"
        refused_ctl "have ids, but unprivileged is no" start web
        sed '$aswap = 1g' "$T/good" >"$settings"
        refused_ctl "limit swap, but not memory" start web
        cp "$T/good" "$settings"
        ctl start web
        ctl stop web
}

@test "settings: what runs can be stopped and removed, whatever has become of them" {
        make_web
        ctl start web
        echo nonsense >"$DIR/containers/web/settings"
        run -0 ctl list
        matches '^web +running '
        refused_ctl "line 1" destroy web
        ctl stop -f web
        [ -z "$(ls "$RUN/state")" ]
        make_other
        ctl destroy --force web
        ctl destroy --force other
        [ -z "$(ls "$DIR/containers")" ]
}

make_other() {
        ctl create other --image busybox --net none --stop-timeout 0 -- /bin/sleep 1000
        ctl start other
        : >"$DIR/containers/other/settings"
}

@test "destroy: a directory without settings is partial; of a name that is none, --force says so" {
        mkdir -p -m 711 "$DIR/containers/web"
        run -0 ctl list
        matches '^web +partial '
        refused_ctl "only partly made" stop web
        ctl destroy web
        [ ! -e "$DIR/containers/web" ]
        for i in 1 2 3; do
                refused_ctl "there is no container web" destroy --force web
        done
}

@test "create: where not even a file can be made, nothing is left" {
        mkdir -p "$DIR"
        mount -t tmpfs -o nr_inodes=4 none "$DIR"
        defer "umount $DIR"
        refused_ctl "No space left" create web --image busybox --net none
        [ -z "$(ls "$DIR/containers")" ]
}

@test "a full disk: what runs goes on and can be stopped and removed, and its log goes on when there is room" {
        mkdir -p -m 711 "$DIR"
        mount -t tmpfs -o size=8m,mode=711 none "$DIR"
        defer "umount $DIR"
        ctl create web --image busybox --net none --unprivileged=false --stop-timeout 0 -- \
                /bin/sh -c 'while :; do printf "%500s\n" line; usleep 10000; done'
        ctl start web
        head -c 100m /dev/zero >"$DIR/fill" 2>/dev/null || true
        eventually log_stands_still
        ctl exec web true
        ctl_is web running
        rm "$DIR/fill"
        eventually log_grows
        head -c 100m /dev/zero >"$DIR/fill" 2>/dev/null || true
        ctl stop web
        [ -z "$(ls "$RUN/state")" ]
        # What its end has given back.
        head -c 100m /dev/zero >"$DIR/more" 2>/dev/null || true
        refused_ctl "No space left" set web --hostname other
        is "$(setting web hostname)" ""
        ctl destroy web
}

log_size() {
        cat "$DIR"/containers/web/log* | wc -c
}

log_stands_still() {
        local before

        before=$(log_size)
        sleep 0.3
        [ "$(log_size)" -eq "$before" ]
}

log_grows() {
        ! log_stands_still
}

# ---- the keeper ----

@test "keeper: with every place taken, the ninth console is told so and stop is heard" {
        local i

        make_web --restart always
        ctl start web
        for i in 1 2 3 4 5 6 7; do
                ctl console web </dev/null >"$T/console$i" 2>&1 &
        done
        eventually clients_are 7
        refused_ctl "as many as can be" console web
        ctl stop web
        wait
        ctl_is web stopped
}

# Connections of the keeper's socket, the listening one left out.
clients_are() {
        [ "$(grep -c "keepers/web/keeper.sock\|keeper.sock" /proc/net/unix)" -eq $(($1 + 1)) ]
}

@test "keeper: silent connections and garbage on its socket keep nobody from stopping the container" {
        make_web --restart always
        ctl start web
        # What looks like numbers of the protocol, too long, empty, and eight that say nothing.
        python3 - "$RUN/keepers/web/keeper.sock" <<'END'
import os, socket, sys
def connect():
        s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        s.connect(sys.argv[1])
        return s
for data in (b'', b'x', b'w', b'w\1', b'd' * 4097, b'a' * 60000, os.urandom(4000), b'\0'):
        s = connect()
        try:
                s.send(data)
        except OSError:
                pass
held = [connect() for _ in range(20)]
os.fork() and os._exit(0)
os.close(1), os.close(2), os.setsid()
import time
time.sleep(4)
END
        ctl_is web running
        ctl stop web
        ctl_is web stopped
        eventually none_lives python3
}

@test "keeper: a terminal that takes nothing more does not keep it from hearing stop" {
        make_terminal() {
                ctl create web --image busybox --net none --stop-timeout 0 -t -- \
                        /bin/sh -c 'stty raw -echo; echo ready; exec sleep 1000'
        }
        make_terminal
        ctl start web
        eventually said web ready
        { head -c 200000 /dev/zero; sleep 3; } | ctl console web >/dev/null 2>&1 &
        sleep 0.5
        ctl stop web
        ctl_is web stopped
        wait
}

@test "keeper: a container that reads its own output does not keep it from hearing stop" {
        local root=$DIR/containers/web/rootfs

        ctl create web --image busybox --net none --stop-timeout 0 -- /bin/attack drink 3 /done
        own_root web
        install -m 755 "$TOOLS/attack" "$root/bin/attack"
        ctl start web
        eventually [ -e "$root/done" ]
        # Or the keeper waits, when somebody else was faster, until there is something to read again.
        never_waits
        ctl stop web
        ctl_is web stopped
}

# The keeper reads its pipe with O_NONBLOCK, whatever the container has done to its own end.
never_waits() {
        local keeper fd flags seen=0

        keeper=$(pgrep -x berth-keeper)
        for fd in /proc/"$keeper"/fd/*; do
                [ "$(readlink "$fd")" = "$RUN/keepers/web/output" ] || continue
                flags=$(sed -n 's/^flags:[[:space:]]*//p' "${fd/\/fd\//\/fdinfo\/}")
                [ $((0$flags & 04000)) -ne 0 ]
                seen=1
        done
        [ $seen -eq 1 ]
}

@test "keeper: an ordinary user's container that closes the pipe of its output is started again" {
        user_at_home
        as_user create web --image busybox --net none --stop-timeout 0 --restart on-failure:1 -- \
                /bin/sh -c 'chmod 0 /proc/self/fd/1 && echo closed; exit 1'
        as_user start web
        eventually closed_twice
        eventually tidied_up
        as_user start web
        eventually closed_four_times
        as_user destroy --force web
}

closed_twice() {
        [ "$(as_user logs web | grep -c closed)" -eq 2 ]
}

tidied_up() {
        [ -z "$(ls "$T/home/run/berthctl/state")" ]
}

closed_four_times() {
        [ "$(as_user logs web | grep -c closed)" -eq 4 ]
}

@test "logs: who says more at once than the keeper has read waits for it, and is not told to try again" {
        ctl create web --image busybox --net none --stop-timeout 0 --log-size 64m -- \
                /bin/sh -c 'for i in 1 2 3 4 5 6 7 8; do head -c 3000000 /dev/zero | tr "\\0" x || echo failed; done; echo; echo done'
        ctl start web
        eventually said web '^done$'
        run -1 grep -a failed "$DIR/containers/web/log"
        [ "$(stat -c %s "$DIR/containers/web/log")" -ge 24000000 ]
}

@test "stop: one that comes while the container is being started stops it" {
        local i

        make_web
        for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
                ctl start web >/dev/null 2>&1 &
                sleep "0.0$((i % 6))"
                ctl stop web
                wait
                # Either it came first, and the start later, or it stopped what was started.
                ctl stop web
                ctl_is web stopped
                none_lives berth-keeper
        done
}

# ---- images ----

# create_from LAYER...: a container of an image layout.
create_from() {
        layout image "$@"
        ctl create web --image "oci:$T/image" --net none -- /bin/sh
}

# base DIRECTORY: the lowest layer of a test, $T/1.tar.
base() {
        mkdir -p "$T/1/bin"
        cp /bin/busybox "$T/1/bin/sh"
        tar -C "$T/1" -cf "$T/1.tar" .
}

@test "oci: a blob that is not what its digest says is refused" {
        local blob

        base
        layout image "$T/1.tar"
        for blob in "$T"/image/blobs/sha256/*; do
                cp "$blob" "$T/before"
                printf ' ' >>"$blob"
                refused_ctl "${blob##*/} holds something else" create web --image "oci:$T/image" --net none -- /bin/sh
                cp "$T/before" "$blob"
        done
        sed -i 's/sha256:/sha1:/' "$T/image/index.json"
        refused_ctl "expected a digest by sha256 or sha512|No such file" create web --image "oci:$T/image" --net none -- /bin/sh
        sed -i 's/sha1:/sha256:/' "$T/image/index.json"
        ctl create web --image "oci:$T/image" --net none -- /bin/sh
}

@test "oci: a whiteout takes away what lies below, never what lies beside or above" {
        local bad

        mkdir -p "$T/1/sub" "$T/2/sub"
        echo keep >"$T/1/keep"
        base
        for bad in .wh. .wh.. .wh... sub/.wh. sub/.wh.. sub/.wh...; do
                touch "$T/2/$bad"
                tar -C "$T/2" -cf "$T/2.tar" "$bad"
                layout image "$T/1.tar" "$T/2.tar"
                refused_ctl "it hides no name" create web --image "oci:$T/image" --net none -- /bin/sh
                rm -r "$T/image"
        done
        [ -z "$(ls "$DIR/containers")" ]
        ln -s "$T/outside" "$T/2/way"
        mkdir "$T/outside"
        echo mine >"$T/outside/file"
        tar -C "$T/2" -cf "$T/2.tar" way
        mkdir "$T/3" "$T/3/way"
        touch "$T/3/way/.wh.file" "$T/3/way/.wh..wh..opq"
        tar -C "$T/3" -cf "$T/3.tar" way/.wh.file way/.wh..wh..opq
        create_from "$T/1.tar" "$T/2.tar" "$T/3.tar"
        grep -qx mine "$T/outside/file"
}

@test "oci: whiteouts hide nothing of their own layer, wherever in it they stand" {
        local root

        mkdir -p "$T/1/sub" "$T/2/sub"
        echo old | tee "$T/1/sub/old" "$T/1/file" >/dev/null
        base
        echo new | tee "$T/2/sub/new" "$T/2/file" >/dev/null
        touch "$T/2/sub/.wh..wh..opq" "$T/2/.wh.file"
        tar -C "$T/2" -cf "$T/2.tar" file sub/new sub/.wh..wh..opq .wh.file
        create_from "$T/1.tar" "$T/2.tar"
        root=$(plain web)
        is "$(cat "$root/file")" new
        is "$(cat "$root/sub/new")" new
        [ ! -e "$root/sub/old" ]
        [ -z "$(find "$root" -name '.wh.*')" ]
}

@test "oci: layers reach through links of lower ones, inside the root, and files take the place of directories" {
        local root

        mkdir -p "$T/1/usr/lib" "$T/1/dir/deep" "$T/2/lib" "$T/2/out" "$T/2/empty/deep"
        ln -s usr/lib "$T/1/lib"
        ln -s "$T/outside" "$T/1/out"
        ln -s ../../../../run/late "$T/1/empty"
        echo old | tee "$T/1/usr/lib/old" "$T/1/file" >/dev/null
        base
        echo new | tee "$T/2/lib/new" "$T/2/dir" "$T/2/out/new" "$T/2/empty/deep/new" >/dev/null
        mkdir "$T/2/file" "$T/outside"
        touch "$T/2/file/below"
        ln "$T/2/lib/new" "$T/2/lib/twin"
        tar -C "$T/2" -cf "$T/2.tar" lib/new lib/twin dir out/new empty/deep/new file
        create_from "$T/1.tar" "$T/2.tar"
        root=$(plain web)
        [ -L "$root/lib" ]
        is "$(cat "$root/usr/lib/new" "$root/usr/lib/old" "$root/dir")" "$(printf 'new\nold\nnew')"
        is "$(stat -c %i "$root/usr/lib/new")" "$(stat -c %i "$root/usr/lib/twin")"
        [ -f "$root/file/below" ]
        is "$(cat "$root/run/late/deep/new")" new
        is "$(cat "$root$T/outside/new")" new
        [ -z "$(ls "$T/outside")" ]
}

@test "tar: attributes that steer the host are left out, others are kept" {
        python3 - "$T/image.tar" <<'END'
import sys, tarfile, io
with tarfile.open(sys.argv[1], 'w', format=tarfile.PAX_FORMAT) as tar:
        info = tarfile.TarInfo('dir')
        info.type = tarfile.DIRTYPE
        info.mode = 0o755
        info.pax_headers = {'SCHILY.xattr.' + name: 'y' for name in (
                'user.mine', 'user.overlay.opaque', 'trusted.overlay.opaque', 'trusted.overlay.redirect', 'security.evm')}
        tar.addfile(info)
END
        ctl create web --image "tar:$T/image.tar" --net none -- /bin/sh
        is "$(python3 -c 'import os, sys; print(os.listxattr(sys.argv[1]))' "$DIR/containers/web/rootfs/dir")" "['user.mine']"
}

@test "tar: what a file is packed with starts no program" {
        mkdir "$T/bin"
        printf '#!/bin/sh\ntouch %s\n' "$T/started" >"$T/bin/lrzip"
        chmod 755 "$T/bin/lrzip"
        ln -s lrzip "$T/bin/grzip"
        ln -s lrzip "$T/bin/lzop"
        { printf 'LRZI\0\6'; head -c 10000 /dev/zero; } >"$T/1.tar"
        { printf 'GRZipII\0\2\4:)'; head -c 10000 /dev/zero; } >"$T/2.tar"
        { printf '\x89LZO\0\r\n\x1a\n'; head -c 10000 /dev/zero; } >"$T/3.tar"
        for i in 1 2 3; do
                PATH=$T/bin:$PATH refused_ctl "$i.tar: " create web --image "tar:$T/$i.tar" --net none -- /bin/sh
        done
        [ ! -e "$T/started" ]
}

@test "tar: one name twice, endless names and names of any byte" {
        local root=$DIR/containers/web/rootfs

        python3 - "$T/image.tar" <<'END'
import io, sys, tarfile
with tarfile.open(sys.argv[1], 'w', format=tarfile.PAX_FORMAT) as tar:
        def add(name, data=None, type=tarfile.REGTYPE, link=''):
                info = tarfile.TarInfo(name)
                info.type, info.linkname = type, link
                info.size = len(data or b'')
                tar.addfile(info, io.BytesIO(data or b''))
        add('twice', b'first')
        add('twice', b'second')
        add('twice/', type=tarfile.DIRTYPE)
        add('twice', type=tarfile.SYMTYPE, link='/etc/passwd')
        add('twice', b'last')
        add('F\u0151\n\x1b[31m', b'x')
        add('hard', type=tarfile.LNKTYPE, link='/twice')
        add('/./a//b/./c', b'x')
END
        ctl create web --image "tar:$T/image.tar" --net none -- /bin/sh
        is "$(cat "$root/twice" "$root/hard")" lastlast
        [ -f "$root/$(printf 'F\u0151\n\x1b[31m')" ] || [ -f "$root/"$'F\xc5\x91\n\e[31m' ]
        [ -f "$root/a/b/c" ]
        python3 - "$T/long.tar" <<'END'
import io, sys, tarfile
with tarfile.open(sys.argv[1], 'w', format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(tarfile.TarInfo('/'.join(['d' * 200] * 100)), io.BytesIO(b''))
END
        refused_ctl "too long" create long --image "tar:$T/long.tar" --net none -- /bin/sh
        python3 - "$T/name.tar" <<'END'
import io, sys, tarfile
with tarfile.open(sys.argv[1], 'w', format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(tarfile.TarInfo('n' * 300 + '/x'), io.BytesIO(b''))
END
        refused_ctl "too long" create long --image "tar:$T/name.tar" --net none -- /bin/sh
        refused_ctl "hard|No such" create long --image "tar:$(bad_link)" --net none -- /bin/sh
}

# A hard link to what lies nowhere in the root.
bad_link() {
        python3 - "$T/link.tar" <<'END'
import sys, tarfile
with tarfile.open(sys.argv[1], 'w') as tar:
        info = tarfile.TarInfo('hard')
        info.type, info.linkname = tarfile.LNKTYPE, '/etc/shadow'
        tar.addfile(info)
END
        echo "$T/link.tar"
}

@test "create: a person's umask is his own files' affair" {
        local root

        (umask 077; ctl create web --image busybox --net none)
        root=$(image_of web)
        is "$(stat -c %a "$root/etc" "$root/usr" "$root/var" "$root/etc/passwd")" "$(printf '755\n755\n755\n644')"
        mkdir "$T/in"
        echo file >"$T/in/file"
        tar -C "$T/in" -cf "$T/1.tar" --transform 's|^|a/b/|' file
        (umask 077; ctl create other --image "tar:$T/1.tar" --net none -- /bin/sh)
        is "$(stat -c %a "$DIR/containers/other/rootfs/a/b")" 755
}

@test "names and values that would steer a terminal, or begin a line, do neither" {
        ctl create web --image busybox --net none -e A=$'x\e[31m\a' -- /bin/sleep $'1\e]0;x\a'
        run -0 ctl info web
        lacks $'\e' $'\a'
        has 'A=x?[31m?'
        refused_ctl "is no name of a container" info $'a\nb\e[31m'
        lacks $'\e'
}

@test "import: ids that another host's user had are not taken from an archive" {
        make_web
        ctl export web -o "$T/web.tar"
        mkdir "$T/in"
        tar -C "$T/in" -xf "$T/web.tar"
        printf 'subuids = 1000:65536\nsubgids = 1000:65536\n' >>"$T/in/settings"
        tar -C "$T/in" -cf "$T/other.tar" settings rootfs complete
        ctl import other "$T/other.tar"
        ctl start other
        ctl stop other
        is "$(setting other subuids)" ""
        # Nor does a line in its settings keep root from removing it.
        printf 'subuids = 1000:65536\nsubgids = 1000:65536\n' >>"$DIR/containers/other/settings"
        ctl destroy other
        [ ! -e "$DIR/containers/other" ]
}

@test "another user of the host comes near neither files nor sockets, in no state of a container" {
        local path

        stranger() {
                setpriv --reuid 1000 --regid 1000 --clear-groups "$@" 3>&- 4>&-
        }
        make_web
        ctl start web
        chmod 4755 "$DIR/containers/web/rootfs/bin/busybox"
        for path in "$DIR/containers/web/settings" "$DIR/containers/web/log" "$DIR/containers/web/config.json" \
                "$DIR/containers/web/rootfs/etc/passwd" "$RUN/state/web/record.json" "$RUN/keepers/web/output"; do
                [ -e "$path" ]
                run -1 stranger test -e "$path"
        done
        run -126 stranger sh -c "$DIR/containers/web/rootfs/bin/busybox id"
        run -2 stranger ls "$DIR/containers"
        for path in list "info web" "exec web id" "stop web" "logs web"; do
                # shellcheck disable=SC2086
                run stranger timeout "$DEADLINE" "$BERTHCTL" --directory "$DIR" --run "$RUN" $path
                [ "$status" -ne 0 ]
                has "Permission denied"
        done
        ctl_is web running
        ctl stop web
}

# ---- what containers leave ----

@test "destroy: a tree of any depth goes, with few descriptors and little stack" {
        make_web
        python3 - "$DIR/containers/web/rootfs" <<'END'
import os, sys
os.chdir(sys.argv[1])
for i in range(20000):
        os.mkdir('deep')
        open('file', 'w').close()
        os.chdir('deep')
END
        (ulimit -S -n 64; ulimit -S -s 256; ctl destroy web)
        [ ! -e "$DIR/containers/web" ]
}

@test "destroy: an ordinary user's container that has closed its directories goes" {
        local home=$T/home

        user_at_home
        as_user create web --image busybox --net none -- /bin/sleep 1000
        mkdir -p "$home/.local/share/berth/containers/web/rootfs/a/b/c"
        chown -R 1000:1000 "$home/.local/share/berth/containers/web/rootfs/a"
        chmod 0 "$home/.local/share/berth/containers/web/rootfs/a/b"
        chmod 500 "$home/.local/share/berth/containers/web/rootfs/a"
        as_user destroy web
        [ -z "$(ls "$home/.local/share/berth/containers")" ]
}

# ---- cp ----

# A tree in the container whose "dir" and a link to $T/outside can change places.
make_tree() {
        rm -rf "$1"
        mkdir -p "$1/dir"
        ln -s "$T/outside" "$1/link"
}

# swapping SECONDS TREE: they do, as fast as can be.
swapping() {
        "$TOOLS/attack" swap "$1" "$2/dir" "$2/link" >"$T/swap" 2>&1 3>&- 4>&- &
        eventually grep -q ready "$T/swap"
}

@test "cp: out of a directory that becomes a link while it is copied comes nothing of the host (CVE-2018-15664)" {
        local i tree=$DIR/containers/web/rootfs/tree good=0

        make_web
        mkdir "$T/outside"
        make_tree "$tree"
        for i in $(seq 1 60); do
                echo secret >"$T/outside/$i"
                echo public >"$tree/dir/$i"
        done
        swapping 5 "$tree"
        while kill -0 $! 2>/dev/null; do
                mkdir "$T/copy"
                ! ctl cp web:/tree "$T/copy" >"$T/err" 2>&1 || good=$((good + 1))
                run -1 grep -rl secret "$T/copy"
                rm -rf "$T/copy"
        done
        [ $good -gt 0 ]
}

@test "cp: into a directory that becomes a link while it is copied, nothing gets out (CVE-2018-15664)" {
        local i tree=$DIR/containers/web/rootfs/tree

        make_web
        mkdir -p "$T/outside" "$T/site/dir"
        for i in $(seq 1 60); do
                echo evil >"$T/site/dir/new$i"
        done
        for i in 1 2 3 4 5 6 7 8 9 10; do
                make_tree "$tree"
                swapping 20 "$tree"
                # The link goes with the first that finds it in its way.
                while [ -L "$tree/dir" ] || [ -L "$tree/link" ]; do
                        ctl cp "$T/site/dir" web:/tree >/dev/null 2>&1 || true
                done
                kill $! && wait $! || true
                [ -z "$(ls "$T/outside")" ]
                is "$(stat -c %a:%u "$T/outside")" 755:0
        done
}

@test "cp: a fifo that takes a file's place while it is copied does not hold it up" {
        local tree=$DIR/containers/web/rootfs/tree good=0

        make_web
        mkdir "$tree"
        echo public >"$tree/dir"
        mkfifo "$tree/link"
        swapping 5 "$tree"
        while kill -0 $! 2>/dev/null; do
                run ctl cp web:/tree "$T/copy"
                [ "$status" -ne 124 ]
                [ "$status" -ne 0 ] || good=$((good + 1))
                rm -rf "$T/copy"
        done
        [ $good -gt 0 ]
}

@test "cp: a fifo that takes the new file's place does not hold it up either" {
        local tree=$DIR/containers/web/rootfs/tree good=0

        make_web
        mkdir "$tree"
        echo public >"$T/file"
        mkfifo "$tree/fifo"
        "$TOOLS/attack" put 8 "$tree/fifo" "$tree/file" >"$T/put" 2>&1 3>&- 4>&- &
        eventually grep -q ready "$T/put"
        while kill -0 $! 2>/dev/null; do
                run ctl cp "$T/file" web:/tree
                [ "$status" -ne 124 ]
                [ "$status" -ne 0 ] || good=$((good + 1))
        done
        [ $good -gt 0 ]
}

@test "cp: holes stay holes, and a name longer than the kernel's longest path is copied" {
        local root=$DIR/containers/web/rootfs

        make_web
        truncate -s 8g "$root/sparse"
        echo middle | dd of="$root/sparse" bs=1M seek=4096 conv=notrunc status=none
        ctl cp web:/sparse "$T/sparse"
        is "$(stat -c %s "$T/sparse")" $((8 << 30))
        [ "$(stat -c %b "$T/sparse")" -lt 1000 ]
        is "$(dd if="$T/sparse" bs=1M skip=4096 count=1 status=none | head -c 6)" middle
        python3 - "$root" <<'END'
import os, sys
os.chdir(sys.argv[1])
for i in range(30):
        os.mkdir('d' * 200)
        os.chdir('d' * 200)
open('file', 'w').write('deep')
END
        ctl cp "web:/$(printf 'd%.0s' $(seq 200))" "$T/deep"
        is "$(find "$T/deep" -name file -execdir cat {} +)" deep
}

@test "cp, clone, snapshot: what lies deeper than any path is long keeps owner and mode, and none of the host's gets them" {
        local name

        make_web
        mkdir -p "$T/outside/deep" "$T/target"
        echo secret >"$T/outside/file"
        chmod 600 "$T/outside/file"
        # What is left of the path behind the kernel's longest is a path by itself, of a link out of the root.
        python3 - "$(root_of web)" "$T/outside" <<'END'
import os, sys
os.chdir(sys.argv[1])
os.mkdir('x')
os.symlink(sys.argv[2], 'x/l')
names = ['x'] + 20 * ['d' * 200]
names.append('e' * (4087 - len('/'.join(names)) - 1))
for name in names + ['x', 'l']:
        os.makedirs(name, exist_ok=True)
        os.chdir(name)
os.mkdir('deep')
os.mkfifo('file')
for name in 'deep', 'file':
        os.chown(name, 1234, 1234)
        os.chmod(name, 0o777)
        os.utime(name, (1000000000, 1000000000))
END
        untouched() {
                [ "$(stat -c %a:%u "$T/outside/deep" "$T/outside/file" | tr '\n' ' ')" = "755:0 600:0 " ]
        }
        ctl cp web:/x "$T/target"
        untouched
        ctl clone web copy
        untouched
        ctl snapshot create web one
        untouched
        for name in deep file; do
                is "$(find "$T/target" "$(root_of copy)" "$DIR/containers/web/snapshots/one" -name $name -user 1234 -group 1234 \
                        -perm 777 -printf '%Y %TY\n' | sort -u)" "$([ $name = deep ] && echo d || echo p) 2001"
        done
        ctl destroy copy
}

@test "cp: what comes out of a container has no power on the host" {
        local root=$DIR/containers/web/rootfs

        make_web
        cp /bin/busybox "$root/bin/power"
        chmod 6755 "$root/bin/power"
        setcap cap_sys_admin+ep "$root/bin/power" || true
        mkdir "$root/shared"
        chmod 3777 "$root/shared"
        ctl cp web:/bin/power "$T/power"
        ctl cp web:/shared "$T/shared"
        is "$(stat -c %a "$T/power" "$T/shared")" "$(printf '755\n1777')"
        is "$(getcap "$T/power")" ""
        chmod 4755 "$T/power"
        ctl cp "$T/power" web:/bin/other
        is "$(stat -c %a "$root/bin/other")" 4755
}

@test "cp: an ordinary user's files, both ways, with no link followed either" {
        local home=$T/home

        user_at_home
        echo page >"$home/page"
        mkdir "$home/tree"
        ln -s "$home/page" "$home/tree/link"
        chown -R 1000:1000 "$home"
        as_user create web --image busybox --net none -- /bin/sleep 1000
        as_user cp "$home/page" web:/root
        as_user cp "$home/tree" web:/tree
        as_user cp web:/root/page "$home/back"
        as_user cp web:/tree "$home/other"
        is "$(cat "$home/back"):$(stat -c %u "$home/back")" page:1000
        is "$(readlink "$home/other/link")" "$home/page"
        as_user destroy web
}

@test "cp: what is not there is not made by looking for it" {
        make_web
        refused_ctl "No such file" cp web:/none/deep/file "$T/file"
        [ ! -e "$DIR/containers/web/rootfs/none" ]
}
