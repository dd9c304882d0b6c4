# berthctl of an ordinary user, known in this file's view only: containers of his own, with pasta for the network.
load ../lib/common
load ../lib/ctl
load ../lib/ctlnet

USER_ID=54321
HOME_OF=/run/sailor
PASTA="pas(st|ta).*" # as pgrep knows it

setup_file() {
        mkdir -p $HOME_OF
        mount -t tmpfs -o mode=755,nosuid,nodev sailor $HOME_OF
        for name in passwd group subuid subgid; do
                cat "/etc/$name" >"$HOME_OF/$name" 2>/dev/null || touch "$HOME_OF/$name"
        done
        echo "sailor:x:$USER_ID:$USER_ID::$HOME_OF/home:/bin/sh" >>$HOME_OF/passwd
        echo "sailor:x:$USER_ID:" >>$HOME_OF/group
        echo "sailor:600000:65536" >>$HOME_OF/subuid
        echo "sailor:700000:65536" >>$HOME_OF/subgid
        for name in passwd group subuid subgid; do
                [ -e "/etc/$name" ] || touch "/etc/$name"
                mount --bind "$HOME_OF/$name" "/etc/$name"
        done
        # What stays between tests: directories, and /run/netns.
        mkdir -p $HOME_OF/home/.local/share/berth $HOME_OF/xdg/berthctl/{state,keepers}
        ip netns add first
        ip netns del first
        chown -R $USER_ID:$USER_ID $HOME_OF/home $HOME_OF/xdg
        # Everybody's, as on most hosts.
        mount -t tmpfs -o mode=755 tun /dev/net
        mknod -m 666 /dev/net/tun c 10 200
}

setup() {
        common_setup
        chmod 711 "$T"
        new_namespace world
        ip link add up0 type veth peer name down0 netns world
        defer "ip link del up0 2>/dev/null || true"
        ip addr add $HOST/24 dev up0
        ip addr add 2001:db8::2/64 dev up0 nodad
        ip link set up0 up
        ip link set lo up
        ip -n world addr add $WORLD/24 dev down0
        ip -n world addr add 2001:db8::1/64 dev down0 nodad
        ip -n world link set down0 up
        ip route add default via $WORLD
        ip -6 route add default via 2001:db8::1
}

teardown() {
        local name failed=0

        for name in $HOME_OF/home/.local/share/berth/containers/*; do
                [ -d "$name" ] || continue
                mine destroy --force "${name##*/}" </dev/null || failed=1
        done
        eventually none_lives berth-keeper || failed=1
        eventually none_lives "$PASTA" || failed=1
        common_teardown || failed=1
        return $failed
}

needs_pasta() {
        [ -x /usr/bin/pasta ] || skip "this machine has no pasta (package passt)"
}

# berthctl as that user, with nothing but its ids.
mine() {
        timeout -k 2 "$DEADLINE" setpriv --reuid $USER_ID --regid $USER_ID --clear-groups --inh-caps=-all \
                env -i PATH="$PATH" HOME=$HOME_OF/home XDG_RUNTIME_DIR=$HOME_OF/xdg "$BERTHCTL" "$@" 3>&- 4>&-
}

mine_is() {
        [ "$(mine info --json "$1" | jq -r .state)" = "$2" ]
}

SERVE='mkdir -p /www; echo served >/www/index.html; exec httpd -f -h /www'

page() { # page NAMESPACE-COMMAND... URL
        [ "$("${@:1:$#-1}" wget -q -T 2 -O - "${@: -1}")" = served ]
}

# bats test_tags=lab
@test "pasta: an ordinary user's container reaches the world, and is reached by published ports, IPv4 and IPv6" {
        needs_pasta
        mine create web --image busybox --stop-timeout 0 -p 8080:80 -p 127.0.0.1:8081:80 -p 9000-9003:80-83 -p 5353:53/udp -- /bin/sh -c "$SERVE"
        mine start web
        is "$(mine info --json web | jq -r '.settings.net[0]')" pasta
        eventually page at world http://$HOST:8080/
        eventually page at world http://[2001:db8::2]:8080/
        page env http://127.0.0.1:8081/
        page env http://127.0.0.1:9000/
        run ! page at world http://$HOST:8081/
        ss -uln "sport = :5353" | grep -q 5353
        answer world 7 world
        # Debian 12's pasta now and then says the last words again and again when the other side has closed.
        eventually eval '[ "$(mine exec web timeout 3 nc $WORLD 7 </dev/null | head -n 1)" = world ]'
        # Nothing of the host's loopback is inside.
        busybox nc -ll -p 7777 -e echo secret </dev/null >/dev/null 2>&1 &
        eventually eval 'ss -tln "sport = :7777" | grep -q LISTEN'
        run mine exec web nc -w 2 $WORLD 7777 </dev/null
        lacks secret
        run mine exec web nc -w 2 127.0.0.1 7777 </dev/null
        lacks secret
        mine stop web
        eventually none_lives "$PASTA"
        mine start web
        eventually page at world http://$HOST:8080/
        mine destroy -f web
}

@test "pasta: a port that is taken is refused, and a changed one counts from the next start" {
        needs_pasta
        mine create web --image busybox --stop-timeout 0 -p 8080:80 -- /bin/sh -c "$SERVE"
        mine create other --image busybox --stop-timeout 0 -p 8080:80 -- /bin/sleep 1000
        mine start web
        refused_by mine "8080" start other
        mine_is other stopped
        run -0 mine set web --publish 8090:80
        has "counts from its next start"
        mine stop web
        mine start web
        eventually page at world http://$HOST:8090/
        mine start other
        mine destroy -f web other
}

@test "pasta: it goes with the container, with its keeper killed, too" {
        needs_pasta
        mine create web --image busybox -- /bin/sleep 1000
        mine start web
        pgrep -x "$PASTA"
        kill -KILL "$(mine info --json web | jq .pid)"
        eventually none_lives "$PASTA"
        mine start web
        kill -KILL "$(pgrep -x berth-keeper)"
        kill -KILL "$(mine info --json web | jq .pid)"
        eventually mine_is web stopped
        mine start web
        is "$(pgrep -c -x "$PASTA")" 1
        mine destroy -f web
        eventually none_lives "$PASTA"
}

@test "pasta: what it cannot give is refused, and its absence with the remedy" {
        needs_pasta
        refused_by mine "addresses, and none of its own" create web --image busybox --ip 10.0.0.5
        refused_by mine "limits no rates" create web --image busybox --net-rate 1mbit
        refused_by mine "pasta stands alone" create web --image busybox --net pasta --net berth0
        refused_by mine "an ordinary user has --net pasta" create web --image busybox --net berth0
        run -1 "$BERTHCTL" --directory "$T/lib" --run "$T/run" create web --image busybox --net pasta
        has "for ordinary users"
        mount --bind /dev/null /usr/bin/pasta
        refused_by mine "apt install passt" create web --image busybox
        mine create web --image busybox --net none -- /bin/sleep 1000
        umount /usr/bin/pasta
        mine start web
        is "$(mine exec web ls /sys/class/net)" lo
        mine set web --net pasta
        mine stop -f web
        rm /dev/net/tun
        refused_by mine "/dev/net/tun" start web
        mknod -m 666 /dev/net/tun c 10 200
        mine start web
        is "$(mine exec web ls /sys/class/net | tr '\n' ' ')" "eth0 lo "
        mine destroy -f web
}

@test "net container:NAME: an ordinary user's container shares the other's network, and goes with it" {
        needs_pasta
        mine create one --image busybox -p 8080:80 --stop-timeout 0 -- /bin/sleep 1000
        mine create two --image busybox --net container:one --stop-timeout 0 -- /bin/sh -c "$SERVE"
        refused_by mine "does not run" start two
        mine start one two
        is "$(readlink "/proc/$(mine info --json one | jq .pid)/ns/net")" \
                "$(readlink "/proc/$(mine info --json two | jq .pid)/ns/net")"
        eventually page env http://127.0.0.1:8080/
        refused_by mine "networks are root's" network create lab
        refused_by mine "networks are root's" network connect berth0 one
        mine stop one
        mine_is two stopped
        mine destroy one two
}

# ---- subordinate ids ----

archive_with_owners() {
        mkdir -p "$T/image/bin" "$T/image/etc" "$T/image/var/www"
        cp "$(command -v busybox)" "$T/image/bin/busybox"
        for name in sh id ls stat cat chown sleep; do ln -s busybox "$T/image/bin/$name"; done
        echo page >"$T/image/var/www/page"
        chown -R 33:34 "$T/image/var/www"
        chmod 700 "$T/image/var/www"
        tar -C "$T/image" -cf "$T/image.tar" .
        chmod 644 "$T/image.tar"
}

@test "subordinate ids: files have their owners, programs their users, and all of it goes again" {
        archive_with_owners
        mine create web --image "tar:$T/image.tar" --net none --stop-timeout 0 -- /bin/sleep 1000
        is "$(mine info --json web | jq -r '.settings.subuids + " " + .settings.subgids')" "600000:65535 700000:65535"
        is "$(stat -c %u:%g $HOME_OF/home/.local/share/berth/containers/web/rootfs/var/www)" 600032:700033
        mine start web
        is "$(mine exec web stat -c %u:%g /var/www/page)" 33:34
        is "$(mine exec --user 33:34 web cat /var/www/page)" page
        mine exec web chown 1000:1000 /var/www/page
        run mine exec --user 1000:1000 web cat /var/www/page
        [ "$status" -ne 0 ]
        echo copied >$HOME_OF/home/file
        chown $USER_ID:$USER_ID $HOME_OF/home/file
        mine cp $HOME_OF/home/file web:/var/www/file
        is "$(mine exec web stat -c %u:%g /var/www/file)" 0:0
        mine cp web:/var/www $HOME_OF/home/back
        [ "$(cat $HOME_OF/home/back/file)" = copied ]
        rm -r $HOME_OF/home/file $HOME_OF/home/back
        mine stop web
        mine clone web copy
        is "$(stat -c %u:%g $HOME_OF/home/.local/share/berth/containers/copy/rootfs/var/www)" 600032:700033
        mine start copy
        is "$(mine exec copy stat -c %u:%g /var/www/page)" 1000:1000
        mine snapshot create web before
        [ "$(mine snapshot list --json web | jq '.[0].bytes')" -gt 0 ]
        mine export web --output $HOME_OF/home/web.tar
        mine start web
        mine exec web chown 5:6 /var/www/page
        mine stop web
        mine snapshot restore web before
        mine start web
        is "$(mine exec web stat -c %u:%g /var/www/page)" 1000:1000
        mine snapshot delete web before
        # What a restore that was killed leaves.
        mine stop web
        mkdir -p $HOME_OF/home/.local/share/berth/containers/web/rootfs.new/var
        chown -R 600032:700033 $HOME_OF/home/.local/share/berth/containers/web/rootfs.new/var
        chown $USER_ID:$USER_ID $HOME_OF/home/.local/share/berth/containers/web/rootfs.new
        touch $HOME_OF/home/.local/share/berth/containers/web/rootfs.new/var/file
        mine start web
        [ ! -e $HOME_OF/home/.local/share/berth/containers/web/rootfs.new ]
        mine import again $HOME_OF/home/web.tar
        rm $HOME_OF/home/web.tar
        mine start again
        is "$(mine exec again stat -c %u:%g /var/www/page)" 1000:1000
        mine destroy -f copy web again
        [ -z "$(ls $HOME_OF/home/.local/share/berth/containers)" ]
}

# Root of a user namespace who makes none of his own may not mount.
@test "debian: mmdebstrap makes namespaces of its own for an ordinary user" {
        archive_with_owners
        mkdir "$T/stubs"
        printf '%s\n' '#!/bin/sh' 'for archive; do :; done' \
                '[ "$1" = --mode=unshare ] || { echo "mount: permission denied" >&2; exit 32; }' \
                "cat $T/image.tar >\"\$archive\"" >"$T/stubs/mmdebstrap"
        chmod 755 "$T/stubs" "$T/stubs/mmdebstrap"
        PATH="$T/stubs:$PATH" mine create web --image debian:bookworm --net none --stop-timeout 0 -- /bin/sleep 1000
        mine start web
        mine destroy -f web
}

@test "subordinate ids: without any there is one id, and a grant that fails is named" {
        sed /sailor/d $HOME_OF/subgid >"$T/subgid"
        mount --bind "$T/subgid" /etc/subgid
        mine create web --image busybox --net none --stop-timeout 0 -- /bin/sleep 1000
        umount /etc/subgid
        is "$(mine info --json web | jq -r .settings.subuids)" null
        mine start web
        is "$(mine exec web id -u)" 0
        mine destroy -f web
        mine create web --image busybox --net none -- /bin/sleep 1000
        sed -i 's/^subgids = .*/subgids = 900000:10/' $HOME_OF/home/.local/share/berth/containers/web/settings
        refused_by mine "newgidmap refused the id map" start web
        refused_by mine "newgidmap refused the id map" destroy web
        sed -i 's/^subgids = .*/subgids = 700000:65535/' $HOME_OF/home/.local/share/berth/containers/web/settings
        mine destroy web
}
