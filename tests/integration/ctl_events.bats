# berthctl: the record of what happened.
load ../lib/common
load ../lib/ctl

# happened NAME: its events, one word each.
happened() {
        ctl events --json "$1" | jq -r .event | tr '\n' ' '
}

@test "events: a container's life, and it outlives the container" {
        ctl create web --image busybox --net none -- /bin/sleep 1000
        ctl start web
        ctl pause web
        ctl resume web
        ctl set web --autostart
        ctl stop -f web
        ctl rename web site
        ctl destroy site
        is "$(happened web)" "created started paused resumed changed stopped renamed "
        is "$(happened site)" "renamed destroyed "
        is "$(ctl events --json web | jq -c 'select(.event == "stopped") | .status')" 137
        is "$(ctl events --json web | jq -c 'select(.event == "renamed") | .to')" '"site"'
        run -0 ctl events web
        matches '^[0-9-]{10} [0-9:.]{12}  web +stopped status=137( signal=KILL)?$'
        is "$(ctl events nobody)" ""
}

@test "events: a signal that ended it is told beside the status" {
        ctl create web --image busybox --net none -- /bin/sleep 1000
        ctl start web
        ctl stop -f web
        is "$(ctl events --json web | jq -c 'select(.event == "stopped") | [.status, .signal]')" '[137,"KILL"]'
        run -0 ctl events web
        matches '^[0-9-]{10} [0-9:.]{12}  web +stopped status=137 signal=KILL$'
}

@test "events: how it ended: a status, a signal; and a start that failed with its reason" {
        ctl create web --image busybox --net none -- /bin/sh -c 'exit 3'
        ctl start web
        eventually ctl_is web stopped
        is "$(ctl events --json web | jq -c 'select(.event == "stopped") | [.status, .signal]')" '[3,null]'
        # A status above 128 is no signal.
        ctl create other --image busybox --net none -- /bin/sh -c 'exit 137'
        ctl start other
        eventually ctl_is other stopped
        is "$(ctl events --json other | jq -c 'select(.event == "stopped") | [.status, .signal]')" '[137,null]'
        ctl create bad --image busybox --net none -- /bin/missing
        run ! ctl start bad
        ctl events --json bad | jq -r 'select(.event == "failed") | .reason' | grep -q '/bin/missing'
        ctl destroy web other bad
}

@test "events: started again by its policy, with the count" {
        ctl create web --image busybox --net none --restart on-failure:2 -- /bin/sh -c 'exit 3'
        ctl start web
        eventually ctl_is web stopped
        is "$(ctl events --json web | jq -c 'select(.event == "started") | .restart' | tr '\n' ' ')" "null 1 2 "
        ctl destroy web
}

@test "events --follow: tells what happens from then on, of the named ones only, and ends with its reader" {
        local follower

        ctl create old --image busybox --net none -- /bin/sleep 1000
        "$BERTHCTL" --directory "$DIR" --run "$RUN" events -f web >"$T/out" 3>&- 4>&- &
        follower=$!
        eventually watches "$follower"
        ctl create web --image busybox --net none -- /bin/sleep 1000
        ctl start old web
        ctl stop -f old web
        eventually grep -q stopped "$T/out"
        is "$(awk '{ print $3, $4 }' "$T/out" | tr '\n' ' ')" "web created web started web stopped "
        kill "$follower"
        # Before there is any container, too.
        mkdir "$T/none"
        timeout 10 "$BERTHCTL" --directory "$T/none/lib" --run "$RUN" events -f 3>&- 4>&- | true
}

watches() {
        grep -q inotify "/proc/$1/fdinfo/"* 2>/dev/null
}

@test "events --follow --since: what was, then what comes" {
        ctl create web --image busybox --net none -- /bin/sleep 1000
        "$BERTHCTL" --directory "$DIR" --run "$RUN" events -f --since 1h --json >"$T/out" 3>&- 4>&- &
        eventually grep -q created "$T/out"
        ctl destroy web
        eventually grep -q destroyed "$T/out"
        is "$(jq -r .event "$T/out" | tr '\n' ' ')" "created destroyed "
}

@test "events --since: a duration or a time; what is neither is refused" {
        ctl create web --image busybox --net none -- /bin/sleep 1000
        is "$(ctl events --since 1h --json | jq -r .event)" created
        is "$(ctl events --since "$(date -u +%F)" --json | jq -r .event)" created
        is "$(ctl events --since 2999-01-01T00:00:00Z)" ""
        for since in '' x -1s 2026-13-01 2026-01-32 2026-01-01T24:00 2026-01-01T 2026-1-1 '2026-01-01 10:00' 2026-01-01T10:00:00.; do
                refused_ctl "invalid value '$since' for flag --since" events --since="$since"
        done
        refused_ctl "no name of a container" events ../web
        ctl destroy web
}

@test "events: a full disk stops nothing" {
        mkdir "$T/small"
        mount -t tmpfs -o size=4m,mode=711 tmpfs "$T/small"
        defer "umount $T/small"
        DIR=$T/small/lib
        ctl create web --image busybox --net none --unprivileged=false -- /bin/sleep 1000
        ctl start web
        dd if=/dev/zero of="$T/small/fill" bs=64k 2>/dev/null || true
        run -0 ctl pause web
        rm "$T/small/fill"
        ctl resume web
        [ "$(ctl events --json web | jq -r .event | tail -n 1)" = resumed ]
        ctl destroy -f web
}

# bats test_tags=lab
@test "events: processes that were killed for want of memory are told while the container goes on" {
        grep -qw memory /sys/fs/cgroup/cgroup.controllers || skip "no memory controller on cgroup v2"
        ctl create web --image busybox --net none --unprivileged=false --memory 16m --swap 0 -- /bin/sleep 1000
        ctl start web
        run ctl exec web sh -c 'tail /dev/zero'
        eventually told_of_oom
        is "$(ctl info --json web | jq -r .state)" running
        ctl destroy -f web
}

told_of_oom() {
        [ "$(ctl events --json web | jq -r 'select(.event == "oom") | .killed >= 1')" = true ]
}
