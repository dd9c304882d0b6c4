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
