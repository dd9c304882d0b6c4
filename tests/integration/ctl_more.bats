# berthctl: autostart, clone, stats and metrics.
load ../lib/common
load ../lib/ctl

@test "autostart: starts what is marked, by order, and --stop stops all that runs" {
        ctl create first --image busybox --net none --autostart --start-order 5 -- /bin/sleep 1000
        ctl create second --image busybox --net none --autostart --start-order 10 -- /bin/sleep 1000
        ctl create third --image busybox --net none --autostart --start-order -1 -- /bin/sleep 1000
        ctl create other --image busybox --net none -- /bin/sleep 1000
        ctl set third --stop-timeout 0
        ctl set first --stop-timeout 0
        ctl set second --stop-timeout 0
        ctl autostart
        is "$(ctl list -q -r | tr '\n' ' ')" "first second third "
        is "$(ctl list --json | jq -r '[.[] | select(.started)] | sort_by(.started) | .[].name' | tr '\n' ' ')" "third first second "
        ctl autostart
        ctl autostart --stop
        is "$(ctl list -q -r)" ""
}

@test "autostart: one that fails does not keep the others from it, and is an error" {
        ctl create bad --image busybox --net none --autostart -- /bin/missing
        ctl create good --image busybox --net none --autostart --stop-timeout 0 -- /bin/sleep 1000
        run -1 ctl autostart
        has "/bin/missing"
        is "$(ctl list -q -r)" good
        ctl stop good
}

@test "autostart: unless-stopped remembers that a person has stopped it, the host's own stop does not count" {
        ctl create web --image busybox --net none --autostart --restart unless-stopped --stop-timeout 0 -- /bin/sleep 1000
        ctl autostart
        ctl autostart --stop
        ctl autostart
        is "$(ctl list -q -r)" web
        ctl stop web
        ctl autostart
        is "$(ctl list -q -r)" ""
        ctl start web
        ctl autostart --stop
        ctl autostart
        is "$(ctl list -q -r)" web
        ctl stop web
}

@test "clone: files and settings are copied, ids and addresses are not" {
        ctl network create lab --subnet 10.78.0.0/24 --no-ipv6
        ctl create web --image busybox --net lab --ip 10.78.0.9 -e A=1 -- /bin/sleep 1000
        echo mine >"$DIR/containers/web/rootfs/root/file"
        ctl clone web copy
        grep -q mine "$DIR/containers/copy/rootfs/root/file"
        is "$(ctl info --json copy | jq -c '[.settings.image, .settings.env, .settings.arg]')" '["busybox",["A=1"],["/bin/sleep","1000"]]'
        [ "$(ctl info --json copy | jq .settings.ids)" != "$(ctl info --json web | jq .settings.ids)" ]
        [ "$(ctl info --json copy | jq -r .network.ipv4)" != "$(ctl info --json web | jq -r .network.ipv4)" ]
        ctl start web copy
        refused_ctl "only a stopped one" clone web another
        refused_ctl "there is no container nobody" clone nobody another
        ctl stop -f web
        refused_ctl "there is a container copy already" clone web copy
        ctl destroy -f web copy
}

@test "stats and metrics: what runs, with its limits; a name that is none or does not run is an error" {
        ctl create web --image busybox --net none -- /bin/sleep 1000
        ctl create off --image busybox --net none
        refused_ctl "container web is stopped" stats web
        refused_ctl "there is no container nobody" stats nobody
        is "$(ctl stats --json)" "[]"
        ctl start web
        run -0 ctl stats
        matches '^NAME +CPU +MEMORY +PIDS '
        matches '^web +[0-9.]+ s '
        lacks off
        is "$(ctl stats --json web | jq -r '.[].name')" web
        is "$(ctl stats --json web | jq -r '.[].cpuNanoseconds | type')" number
        run -0 ctl metrics
        matches '^berth_cpu_seconds_total\{container="web"\} [0-9.]+$'
        ctl stop -f web
}

@test "crash: a create that is killed at any moment leaves what destroy removes, or nothing" {
        local i

        for i in 0.002 0.004 0.006 0.008 0.01 0.013 0.016 0.02 0.025 0.03 0.04; do
                killed_after $i create web --image busybox
                if [ -e "$DIR/containers/web" ]; then
                        ctl list --json | jq -e '.[0].state == "partial" or .[0].state == "stopped"' >/dev/null
                        ctl destroy web
                fi
                [ ! -e "$DIR/containers/web" ]
                ctl create web --image busybox
                ctl destroy web
        done
        [ -z "$(ls "$DIR"/networks/berth0/addresses 2>/dev/null)" ]
}

@test "crash: a start that is killed at any moment leaves a container that runs or can be started" {
        local i

        ctl create web --image busybox --stop-timeout 0 -- /bin/sleep 1000
        for i in 0.002 0.005 0.01 0.02 0.03 0.05 0.08; do
                killed_after $i start web
                # The keeper may be about it still.
                eventually settled web
                ctl_is web running || ctl start web
                ctl exec web true
                ctl stop web
                [ -z "$(ls "$RUN/state")" ]
        done
}

@test "stop: a start that is under way is waited for, and then ended" {
        ctl create web --image busybox --stop-timeout 0 -- /bin/sleep 1000
        for _ in 1 2 3; do
                ctl start web &
                eventually pgrep -f "^berth-keeper .* web " >/dev/null
                ctl stop web
                ends_with 0 wait $!
                ctl_is web stopped
                none_lives berth-keeper
        done
}

settled() {
        ctl_is "$1" running || ctl_is "$1" stopped
}

@test "crash: a keeper that is killed while it starts the container leaves one that can be started" {
        local i

        ctl create web --image busybox --stop-timeout 0 -- /bin/sleep 1000
        for i in 1 2 3 4 5; do
                killed_after 5 start web &
                eventually pgrep -f "^berth-keeper .* web "
                pkill -KILL -f "^berth-keeper .* web " || true
                wait
                eventually settled web
                ctl stop web
                eventually ctl start web
                ctl exec web true
                ctl stop web
                [ -z "$(ls "$RUN/state")" ]
        done
}

@test "an ordinary user has containers of his own, in his own directories" {
        local home=$T/home

        user_at_home
        as_user create web --image busybox --net none --stop-timeout 0 -- /bin/sh -c 'id -u; exec sleep 1000'
        as_user start web
        [ -f "$home/.local/share/berth/containers/web/settings" ]
        is "$(as_user exec web id -u)" 0
        is "$(stat -c %u "/proc/$(as_user info --json web | jq .pid)")" 1000
        run as_user create other --image busybox --unprivileged=false
        has "no privileges to give"
        run as_user create other --image busybox --net berth0
        has "ordinary user"
        as_user stop web
        as_user destroy web
}

@test "cp: files and directories, both ways, and no link of the container leads out" {
        ctl create web --image busybox --net none -- /bin/sleep 1000
        mkdir -p "$T/site/sub"
        echo page >"$T/site/sub/page"
        ctl cp "$T/site" web:/www
        grep -qx page "$DIR/containers/web/rootfs/www/sub/page"
        ctl cp "$T/site/sub/page" web:/www
        grep -qx page "$DIR/containers/web/rootfs/www/page"
        ctl cp "$T/site/sub/page" web:/www/other
        ctl cp web:/www/other "$T/back"
        grep -qx page "$T/back"
        ctl cp web:/www "$T/all"
        grep -qx page "$T/all/sub/page"
        mkdir "$T/outside"
        ln -s "$T/outside" "$DIR/containers/web/rootfs/way"
        run ctl cp "$T/site/sub/page" web:/way/page
        [ -z "$(ls "$T/outside")" ]
        echo host >"$T/outside/secret"
        run ctl cp web:/way/secret "$T/stolen"
        [ "$status" -ne 0 ]
        [ ! -e "$T/stolen" ]
        refused_ctl "neither" cp "$T/a" "$T/b"
        refused_ctl "No such file" cp web:/none "$T/b"
        refused_ctl "there is no container nobody" cp nobody:/etc "$T/b"
        refused_ctl "is no NAME:PATH" cp web: "$T/b"
}

# calls ARGUMENT...: the system calls of a berthctl.
calls() {
        strace -f -c -o "$T/calls" "$BERTHCTL" --directory "$DIR" --run "$RUN" "$@" 3>&- 4>&- >/dev/null
        awk '$NF == "total" { print $4 }' "$T/calls"
}

# Of a thousand containers each call is a thousandth of what a person waits for.
@test "list: one running container more costs at most seventeen system calls, and an object of --json twenty-seven" {
        local name table json

        for name in a b; do
                ctl create $name --image busybox --net berth0 -- /bin/sleep 1000
                ctl start $name
        done
        table=$(calls list)
        json=$(calls list --json)
        ctl create c --image busybox --net berth0 -- /bin/sleep 1000
        ctl start c
        run -0 ctl list
        matches '^c +running +[0-9]+ +10\.'
        table=$(($(calls list) - table))
        json=$(($(calls list --json) - json))
        [ "$table" -gt 5 ] && [ "$table" -le 17 ] || { echo "list: $table"; return 1; }
        [ "$json" -gt 5 ] && [ "$json" -le 27 ] || { echo "list --json: $json"; return 1; }
}

listed() {
        [ "$(ctl list | awk -v name="$1" '$1 == name { print $2 }')" = "$2" ] || { ctl list; return 1; }
}

@test "list: a process that came into the group of one that has ended does not make it run" {
        local group pid init

        ctl create web --image busybox --net none -- /bin/sleep 1000
        ctl start web
        init=$(ctl_pid web)
        group=$(readlink "$RUN/keepers/web/group")
        sleep 1000 3>&- 4>&- &
        pid=$!
        echo $pid >"$group/cgroup.procs"
        kill -KILL "$(pgrep -x berth-keeper)"
        eventually none_lives berth-keeper
        ctl_is web running
        listed web running
        kill -KILL "$init"
        eventually is_dead "$init"
        listed web stopped
        is "$(cat "$group/cgroup.procs")" $pid
}
