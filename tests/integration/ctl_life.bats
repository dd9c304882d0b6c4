# berthctl: containers that persist, from create to destroy.
load ../lib/common
load ../lib/ctl

@test "create: a busybox container needs nothing but its name, and is an OCI bundle with a readable settings file" {
        ctl create web --image busybox --net none --memory 64m
        run -0 ctl list
        matches '^web +stopped +- +- +- +64m +no +busybox$'
        grep -qx 'memory = 64m' "$DIR/containers/web/settings"
        grep -qx 'arg = /sbin/init' "$DIR/containers/web/settings"
        [ -x "$(image_of web)/bin/busybox" ]
        [ "$(image_of web)/bin/ls" -ef "$(image_of web)/bin/busybox" ]
}

@test "create, set, rename: the directory is a bundle at once that berth runs, as the settings say" {
        ctl create web --image busybox --net none -- /bin/sh -c 'hostname && stat -c %u:%g / /bin/busybox && touch /made'
        run -0 --separate-stderr berth run --bundle "$DIR/containers/web" web
        is "$output" $'web\n0:0\n0:0'
        is "$(stat -c %u:%g "$(changes_of web)/made")" 0:0
        ctl set web --hostname other
        run -0 --separate-stderr berth run --bundle "$DIR/containers/web" web
        is "${lines[0]}" other
        ctl set web --unset hostname
        ctl rename web front
        run -0 --separate-stderr berth run --bundle "$DIR/containers/front" front
        is "${lines[0]}" front
}

@test "create: the bundle of what is to run in a virtual machine says so" {
        local isolation='.annotations["berth.isolation"] // "none"'

        ctl create web --image busybox --net none --isolation vm
        is "$(jq -r "$isolation" "$DIR/containers/web/config.json")" vm
        ctl create other --image busybox --net none --isolation process
        is "$(jq -r "$isolation" "$DIR/containers/other/config.json")" none
}

@test "create: what only a start can know is no error before, and there is no config.json that would be wrong" {
        ctl create web --image busybox --net none --user www -- /bin/id -un
        [ ! -e "$DIR/containers/web/config.json" ]
        refused_ctl "no user 'www'" start web
        own_root web
        echo 'www:x:33:33::/:/bin/sh' >>"$DIR/containers/web/rootfs/etc/passwd"
        ctl set web --pids 500
        is "$(jq .process.user.uid "$DIR/containers/web/config.json")" 33
        ctl set web --user nobody2
        [ ! -e "$DIR/containers/web/config.json" ]
        ctl create joined --image busybox --net container:web
        [ ! -e "$DIR/containers/joined/config.json" ]
}

@test "create: on ext4 the files of each container lie together, and apart from the others'" {
        on_disk
        [ "$(stat -f -c %T "${DIR%/*}")" = ext2/ext3 ] || skip "/var/tmp is no ext4 here"
        ctl create web --image busybox --net none
        run -0 lsattr -d "$DIR/containers" "$DIR/containers/web"
        matches '^[^ ]*T[^ ]* .*/containers$'
        ! matches '^[^ ]*T[^ ]* .*/web$'
}

@test "create: a bad name, image or value is refused, and nothing is left" {
        refused_ctl "'../x' is no name" create ../x --image busybox --net none
        refused_ctl "is no name" create "" --image busybox --net none
        refused_ctl "is no name" create "$(printf 'a%.0s' {1..64})" --image busybox
        refused_ctl "image is missing" create web
        refused_ctl "unknown image 'frob'" create web --image frob
        refused_ctl "dir:/nowhere: No such file" create web --image dir:/nowhere
        refused_ctl "memory: invalid value 'much'" create web --image busybox --net none --memory much
        refused_ctl "memory: 1 is out of range" create web --image busybox --net none --memory 1
        refused_ctl "cpus: invalid value '-1'" create web --image busybox --net none --cpus -1
        refused_ctl "cpus: invalid value '0'" create web --image busybox --net none --cpus 0
        refused_ctl "a swap limit needs a memory limit" create web --image busybox --net none --swap 1g
        refused_ctl "restart: invalid value 'maybe'" create web --image busybox --net none --restart maybe
        refused_ctl "volume: invalid value 'a:b'" create web --image busybox --net none -v a:b
        refused_ctl "hostname: invalid value 'a b'" create web --image busybox --net none --hostname "a b"
        refused_ctl "net: invalid value 'a/b'" create web --image busybox --net a/b
        [ -z "$(ls "$DIR/containers" 2>/dev/null)" ]
}

@test "create: a value of several lines is one value, whatever it looks like" {
        ctl create web --image busybox --net none -e $'A=1\nids = 5' -- /bin/sh -c $'echo "$A"\necho two; exec sleep 1000'
        is "$(ctl info --json web | jq -c '[.settings.ids > 5, .settings.env]')" '[true,["A=1\nids = 5"]]'
        is "$(ctl info web | grep '^env ')" "env            A=1?ids = 5"
        ctl start web
        eventually said web '^ids = 5$'
        said web '^two$'
        ctl stop -f web
}

@test "create: a name that is taken is refused and what exists stays as it is" {
        ctl create web --image busybox --net none
        own_root web
        echo mine >"$DIR/containers/web/rootfs/root/file"
        refused_ctl "there is a container web already" create web --image busybox --net none
        grep -q mine "$DIR/containers/web/rootfs/root/file"
}

@test "create: two at once of one name make one, and ids are never shared" {
        local i ids

        for i in 1 2 3 4; do
                ctl create same --image busybox --net none >/dev/null 2>&1 &
        done
        for i in 1 2 3 4; do
                ctl create "other$i" --image busybox --net none &
        done
        wait
        is "$(ctl list -q | tr '\n' ' ')" "other1 other2 other3 other4 same "
        ids=$(sed -n 's/^ids = //p' "$DIR"/containers/*/settings)
        is "$(sort -u <<<"$ids" | wc -l)" 5
}

@test "start: the program runs as root of ids that are nobody's, files keep their owners, and stop ends it" {
        local ids

        ctl create web --image busybox --net none -- /bin/sh -c 'touch /root/made; id -u; trap "echo bye; exit 5" TERM; while :; do sleep 0.1; done'
        ctl start web
        run -0 ctl list
        matches '^web +running +[0-9]+ '
        eventually said web '^0$'
        ids=$(ctl info --json web | jq .settings.ids)
        is "$(tr -s ' ' <"/proc/$(ctl_pid web)/uid_map")" " 0 $ids 65536"
        is "$(stat -c %u "/proc/$(ctl_pid web)")" "$ids"
        is "$(stat -c %u:%g "$(changes_of web)/root/made")" 0:0
        is "$(stat -c %a:%g "$DIR/containers/web")" "710:$ids"
        ctl stop web
        run -0 ctl logs web
        has_line 0 bye
        is "$(ctl info --json web | jq -r '.state, .last.status' | tr '\n' ' ')" "stopped 5 "
}

@test "start and stop: a second start is refused, a second stop is none" {
        ctl create web --image busybox --net none -- /bin/sleep 1000
        ctl start web
        refused_ctl "container web is running already" start web
        ctl stop --force web
        ctl stop web
        refused_ctl "there is no container nobody" stop nobody
}

@test "start: what cannot run is an error that says why, and leaves nothing running" {
        ctl create web --image busybox --net none -- /bin/missing
        refused_ctl "/bin/missing" start web
        is "$(ctl info --json web | jq -r .state)" stopped
        [ -z "$(ls "$RUN/state")" ]
        ctl destroy web
}

@test "stop: a program that does not listen is killed after its time" {
        ctl create web --image busybox --net none --stop-timeout 0 -- /bin/sleep 1000
        ctl start web
        ctl stop web
        is "$(ctl info --json web | jq -r '.last.status')" 137
        ctl start web
        ctl stop --timeout 200ms web
        is "$(ctl info --json web | jq -r '.state')" stopped
        ctl set web --stop-timeout 3600
        ctl start web
        ctl restart -t 0 web
        ctl stop -t 0 web
        is "$(ctl info --json web | jq -r '.state')" stopped
        refused_ctl "invalid value '-1' for flag --timeout" stop -t -1 web
}

@test "the init of busybox: runs by itself, and shuts down when it is stopped" {
        ctl create web --image busybox --net none
        ctl start web
        eventually runs_in web init
        ctl stop --timeout 10s web
        is "$(ctl info --json web | jq -r .state)" stopped
        [ "$(ctl info --json web | jq -r .last.status)" -ne 137 ]
}

@test "reboot inside starts it again, poweroff ends it, whatever the policy" {
        local first

        ctl create web --image busybox --net none
        ctl start web
        eventually runs_in web init
        first=$(ctl_pid web)
        ctl exec web reboot -f || true
        eventually runs_anew web "$first"
        ctl exec web poweroff -f || true
        eventually ctl_is web stopped
        none_lives berth-keeper
}

@test "restart policies: on-failure starts a failing program again and lets a good one be" {
        local PATIENCE=150 # three machines' starts

        ctl create bad --image busybox --net none --restart on-failure:2 -- /bin/sh -c 'echo ran; exit 3'
        ctl start bad
        eventually ctl_is bad stopped
        is "$(ctl logs bad | grep -cx ran)" 3
        ctl create good --image busybox --net none --restart on-failure -- /bin/sh -c 'echo ran'
        ctl start good
        eventually ctl_is good stopped
        is "$(ctl logs good | grep -cx ran)" 1
}

@test "stop ends a container that its policy starts again and again" {
        ctl create web --image busybox --net none --restart always -- /bin/sh -c 'echo ran; exit 0'
        ctl start web
        eventually said_often web ran 3
        ctl stop web
        is "$(ctl info --json web | jq -r .state)" stopped
        none_lives berth-keeper
}

@test "destroy: a running container is refused, --force takes it, with everything" {
        ctl create web --image busybox --net none -- /bin/sleep 1000
        ctl start web
        refused_ctl "container web is running" destroy web
        ctl destroy --force web
        [ ! -e "$DIR/containers/web" ]
        [ ! -e "$RUN/keepers/web" ]
        refused_ctl "there is no container web" destroy web
}

@test "destroy: what a crash left of a create is shown as partial, and removed" {
        ctl create web --image busybox --net none
        mv "$DIR/containers/web/settings" "$DIR/containers/web/partial"
        run -0 ctl list
        matches '^web +partial '
        refused_ctl "only partly made" start web
        refused_ctl "there is a container web already" create web --image busybox --net none
        ctl destroy web
        [ ! -e "$DIR/containers/web" ]
}

@test "list, start, info: what another command is making is busy, and nobody is told to destroy it" {
        ctl create web --image busybox --net none
        mv "$DIR/containers/web/settings" "$DIR/containers/web/partial"
        exec 7<"$DIR/containers/web"
        flock 7
        run -0 ctl list 7<&-
        matches '^web +busy '
        is "$(ctl list --json 7<&- | jq -r '.[0].state')" busy
        refused_ctl "^container web is being made or removed by another command" start web 7<&-
        refused_ctl "^container web is being made or removed by another command" info web 7<&-
        mv "$DIR/containers/web/partial" "$DIR/containers/web/settings"
        run -0 ctl list 7<&-
        matches '^web +stopped '
        exec 7<&-
        ctl destroy web
}

@test "destroy: a container whose settings are damaged is removed by force only" {
        ctl create web --image busybox --net none
        echo nonsense >"$DIR/containers/web/settings"
        refused_ctl "settings of container web: line 1" info web
        refused_ctl "settings of container web: line 1" destroy web
        ctl destroy --force web
        [ ! -e "$DIR/containers/web" ]
}

@test "rename: the files go with the new name; not while it runs, and not onto another" {
        ctl create web --image busybox --net none -- /bin/sleep 1000
        ctl create other --image busybox --net none
        refused_ctl "there is a container other already" rename web other
        refused_ctl "is no name" rename web a/b
        ctl start web
        refused_ctl "only a stopped one" rename web front
        ctl stop --force web
        ctl rename web front
        is "$(ctl list -q | tr '\n' ' ')" "front other "
        ctl start front
        is "$(ctl exec front hostname)" front
        ctl destroy --force front
}

@test "pause and resume: frozen processes stand still, stop thaws them" {
        ctl create web --image busybox --net none -- /bin/sh -c 'trap "exit 7" TERM; while :; do sleep 0.1; done'
        refused_ctl "container web is stopped" pause web
        ctl start web
        ctl pause web
        refused_ctl "container web is paused already" pause web
        refused_ctl "container web is paused .berthctl resume web" start web
        is "$(ctl info --json web | jq -r .state)" paused
        refused_ctl "container web is paused" exec web true
        ctl resume web
        is "$(ctl info --json web | jq -r .state)" running
        ctl pause web
        ctl stop web
        is "$(ctl info --json web | jq -r .last.status)" 7
}

@test "kill: the signal reaches the program; a wrong one is refused" {
        ctl create web --image busybox --net none -- /bin/sh -c 'trap "echo got it" USR1; echo ready; while :; do sleep 0.1; done'
        ctl start web
        eventually said web ready
        ctl kill web USR1
        eventually said web 'got it'
        refused_ctl "unknown signal 'FROB'" kill web FROB
        ctl stop -f web
        refused_ctl "container web is stopped" kill web
}

@test "privileged: without ids of its own, on demand only" {
        ctl create web --image busybox --net none --unprivileged=false -- /bin/sleep 1000
        ctl start web
        is "$(stat -c %u "/proc/$(ctl_pid web)")" 0
        ctl stop -f web
}

@test "cgroup-parent: the group lies where it was said, from the next start on" {
        refused_ctl "cgroup-parent: invalid value 'tenants'" create web --image busybox --net none --cgroup-parent tenants
        refused_ctl "cgroup-parent: invalid value '/a/../b'" create web --image busybox --net none --cgroup-parent /a/../b
        mkdir -p /sys/fs/cgroup/tenants/a
        defer 'rmdir /sys/fs/cgroup/tenants/a /sys/fs/cgroup/tenants'
        ctl create web --image busybox --net none --cgroup-parent /tenants/a -- /bin/sleep 1000
        ctl start web
        grep -qx "$(ctl_pid web)" /sys/fs/cgroup/tenants/a/web/cgroup.procs
        [ ! -e /sys/fs/cgroup/berth/web ]
        run -0 ctl set web --unset cgroup-parent
        has "counts from its next start"
        ctl pause web
        ctl restart -f web
        [ ! -e /sys/fs/cgroup/tenants/a/web ]
        grep -qx "$(ctl_pid web)" /sys/fs/cgroup/berth/web/cgroup.procs
        ctl stop -f web
}

@test "start: a group that is left of a container whose record was lost is no obstacle" {
        ctl create web --image busybox --net none -- /bin/sleep 1000
        mkdir -p /sys/fs/cgroup/berth/web/below
        defer 'rmdir /sys/fs/cgroup/berth'
        # What is cloned into a group that was killed once is killed by the kernel.
        echo 1 >/sys/fs/cgroup/berth/web/cgroup.kill
        ctl start web
        ctl stop -f web
        [ ! -e /sys/fs/cgroup/berth/web ]
        mkdir /sys/fs/cgroup/berth/web
        sleep 1000 3>&- 4>&- &
        echo $! >/sys/fs/cgroup/berth/web/cgroup.procs
        refused_ctl "holds processes" start web
        kill $!
        wait $! || true
        rmdir /sys/fs/cgroup/berth/web
}

@test "volumes: files of the host are seen inside, read-only where that was said" {
        local share=${DIR%/*}/share
        mkdir "$share"
        echo outside >"$share/file"
        ctl create web --image busybox --net none -v "$share:/mnt/share" -v "$share:/mnt/ro:ro" -- /bin/sleep 1000
        ctl start web
        is "$(ctl exec web cat /mnt/share/file)" outside
        ctl exec web sh -c 'echo inside >/mnt/share/new'
        is "$(stat -c %u "$share/new")" 0
        run ctl exec web touch /mnt/ro/x
        [ "$status" -ne 0 ]
        has "Read-only"
        ctl stop -f web
}

@test "help: every command explains itself" {
        local command

        run -0 ctl --help
        for command in $(sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' <<<"$output"); do
                run -0 ctl "$command" --help
                has "Usage: berthctl $command"
        done
        refused_ctl "unknown command 'frob'" frob
        refused_ctl "no command given"
        refused_ctl "too few arguments" start
}

@test "a full disk is an error that says what could not be done, and what was there stays" {
        local DIR=$T/small/lib

        mkdir "$T/small"
        mount -t tmpfs -o size=3m none "$T/small"
        ctl create web --image busybox --net none
        cp "$DIR/containers/web/settings" "$T/before"
        run -1 sh -c "head -c 4m /dev/zero >$T/small/fill"
        refused_ctl "create container other: .*No space left on device" create other --image busybox --net none
        refused_ctl "write the settings of container web: No space left on device" set web --hostname other
        # Nothing has changed that a start would have to write.
        ctl start web
        ctl stop --force web
        rm "$DIR/containers/web/config.json"
        run -1 sh -c "head -c 4m /dev/zero >>$T/small/fill"
        refused_ctl "start container web: .*No space left on device" start web
        refused_ctl "rename container web to other: No space left on device" rename web other
        is "$(ctl list -q)" web
        cmp "$T/before" "$DIR/containers/web/settings"
        ctl destroy web
        umount "$T/small"
}

@test "user: is in the groups whose member it is, in its own program and by exec; with a group said, in that alone" {
        groups_of() {
                ctl exec "$@" awk '/^Groups/ { print $2, $3 }' /proc/self/status
        }
        ctl create web --image busybox --net none --user web --stop-timeout 0 -- /bin/sh -c \
                'grep ^Groups /proc/self/status; exec sleep 1000'
        own_root web
        echo 'web:x:33:44::/:/bin/sh' >>"$(root_of web)/etc/passwd"
        printf 'web:x:44:\nadm:x:4:root\nmail:x:8:other,web\nfar:x:70000:web\n' >>"$(root_of web)/etc/group"
        ctl start web
        eventually said web '^Groups:[[:space:]]8 44 *$'
        is "$(groups_of web)" "0 4"
        is "$(groups_of -u web web)" "8 44"
        is "$(groups_of -u 33 web)" "8 44"
        is "$(groups_of -u web:web web)" "44 "
        is "$(groups_of -u web:7 web)" "7 "
        is "$(groups_of -u 1000 web)" "0 "
        ctl stop web
}
