# What a hostile image, a hostile container, a full disk, a hand in the settings and two commands at once do to
# berthctl.
load ../lib/common
load ../lib/ctl

# What sleeps until it is stopped.
make_web() {
        ctl create web --image busybox --net none --stop-timeout 0 "$@" -- /bin/sleep 1000
}

setting() {
        sed -n "s/^$2 = //p" "$DIR/containers/$1/settings"
}

# ---- settings that a hand has changed ----

@test "settings: of a container whose settings are damaged, the ids stay its own" {
        make_web
        sed -i 's/^unprivileged.*/unprivileged = perhaps/' "$DIR/containers/web/settings"
        ctl create other --image busybox --net none 2>/dev/null
        [ "$(setting web ids)" != "$(setting other ids)" ]
        printf '\0' >"$DIR/containers/web/settings"
        ctl create third --image busybox --net none 2>/dev/null
        [ "$(setting third ids)" != 1000000 ]
        ctl destroy -f web
}

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
