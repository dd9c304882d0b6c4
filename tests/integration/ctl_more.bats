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
        own_root web
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
        # What the host does not count has no sample.
        for name in memory:memory_bytes pids:processes; do
                is "$(grep -c "^berth_${name#*:}{" <<<"$output")" \
                        "$(ctl stats --json | jq --arg key "${name%:*}" '[.[] | select(has($key))] | length')"
        done
        run -0 ctl info web
        matches '^cpu used +[0-9.]+ s / -$'
        matches '^written +[0-9.]+ [KMG]?i?B / -$'
        is "$(ctl info --json web | jq -r '.usage.cpuNanoseconds | type')" number
        ctl stop -f web
        is "$(ctl info --json web | jq -r .usage)" null
}

@test "crash: a create that is killed at any moment leaves what destroy removes, or nothing" {
        local i

        for i in 0.002 0.004 0.006 0.008 0.01 0.013 0.016 0.02 0.025 0.03 0.04; do
                killed_after $i create web --image busybox
                if [ -e "$DIR/containers/web" ]; then
                        eventually is_left web
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
        own_root web
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
        mkdir "$T/into"
        ctl cp web:/www/. "$T/into"
        ctl cp web:/www/. "$T/as"
        ctl cp web:/www/. web:/srv
        ctl cp "$T/site/." web:/srv/.
        grep -qx page "$T/into/sub/page" "$T/into/other" "$T/as/other" "$(root_of web)/srv/sub/page" "$(root_of web)/srv/other"
        ctl cp web:/ "$T/whole"
        grep -qx page "$T/whole/www/sub/page"
        refused_ctl "into itself" cp web:/ web:/srv
        refused_ctl "into itself" cp web:/srv/. web:/srv/sub
        refused_ctl "Not a directory" cp web:/www/other/. "$T/into"
        refused_ctl "does not name a file" cp web:/www/.. "$T/into"
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

@test "cp: nothing is lost for another kind of file, and a directory is never copied into itself" {
        ctl create web --image busybox --net none -- /bin/sleep 1000
        mkdir -p "$T/tree/sub" "$T/full/tree/sub/file"
        echo page >"$T/tree/sub/file"
        echo kept >"$T/kept"
        own_root web
        ctl cp "$T/tree" web:/root
        for target in /root /root/other /root/tree /root/tree/sub; do
                refused_ctl "into itself|it is the file" cp web:/root "web:$target"
        done
        refused_ctl "into itself" cp "$DIR" web:/root
        refused_ctl "does not name a file" cp / web:/root
        ctl cp web:/root/tree/sub web:/root
        refused_ctl "it is the file" cp web:/root/sub/file web:/root/sub
        is "$(cat "$(root_of web)/root/sub/file")" page

        refused_ctl "no directory" cp web:/root/tree "$T/kept"
        refused_ctl "is there and a directory" cp web:/root/tree "$T/full"
        [ -d "$T/full/tree/sub/file" ]
        ctl cp "$T/kept" web:/root/kept
        refused_ctl "kept is there and no directory" cp "$T/tree" web:/root/kept
        refused_ctl "Not a directory" cp "$T/tree/sub/file" web:/root/kept/
        refused_ctl "No such file or directory" cp "$T/tree/sub/file" web:/root/none/
        is "$(cat "$T/kept" "$(root_of web)/root/kept")" $'kept\nkept'
        ctl cp "$T/tree" web:/root/new/
        is "$(cat "$(root_of web)/root/new/sub/file")" page

        mkfifo "$T/fifo"
        refused_ctl "neither a regular file nor a directory" cp web:/root/kept "$T/fifo"
        refused_ctl "neither a regular file nor a directory" cp web:/root/kept /dev/null
        [ -p "$T/fifo" ]
        [ -c /dev/null ]
        ln -s kept "$T/link"
        ctl cp web:/root/sub/file "$T/link"
        is "$(readlink "$T/link") $(cat "$T/kept")" "kept page"
        ln -s nowhere "$T/dangling"
        refused_ctl "is a link" cp web:/root/kept "$T/dangling"
        [ ! -e "$T/nowhere" ]
        refused_ctl "File name too long" cp web:/root/kept "$T/$(printf 'a%.0s' {1..256})"
}

# calls ARGUMENT...: the system calls of a berthctl.
calls() {
        strace -f -c -o "$T/calls" "$BERTHCTL" --directory "$DIR" --run "$RUN" "$@" 3>&- 4>&- >/dev/null
        awk '$NF == "total" { print $4 }' "$T/calls"
}

# Of a thousand containers each call is a thousandth of what a person waits for.
@test "list: one running container more costs at most sixteen system calls, and an object of --json twenty-six" {
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
        [ "$table" -gt 5 ] && [ "$table" -le 16 ] || { echo "list: $table"; return 1; }
        [ "$json" -gt 5 ] && [ "$json" -le 26 ] || { echo "list --json: $json"; return 1; }
}

@test "set: the settings are on the disk before they take the place of those before" {
        command -v strace >/dev/null || skip "needs strace"
        ctl create web --image busybox --net none
        strace -o "$T/calls" -e trace=fsync,renameat "$BERTHCTL" --directory "$DIR" --run "$RUN" set web --pids 600 \
                >/dev/null 3>&- 4>&-
        is "$(sed -nE 's/^(fsync)\(.*= 0$/\1/p; s/^renameat\(.*"(settings)"\) = 0$/\1/p' "$T/calls" | tr '\n' ' ')" \
                "fsync settings fsync "
}

@test "list: of many containers two processes tell what one would have told" {
        local i options alone=(taskset -c "$(sed -n 's/^Cpus_allowed_list:\t\([0-9]*\).*/\1/p' /proc/self/status)")

        ctl create web --image busybox --net none -- /bin/sleep 1000
        ctl start web
        for i in {100..250}; do
                mkdir "$DIR/containers/a$i"
                cp "$DIR/containers/web/settings" "$DIR/containers/a$i/settings"
        done
        rm "$DIR/containers/a110/settings"
        echo nonsense >"$DIR/containers/a240/settings"
        for options in "" --quiet --running --json "--stopped --json" "--running --json"; do
                run -0 --separate-stderr ctl list $options
                has_warned
                cp <(echo "$output") "$T/both"
                run -0 --separate-stderr "${alone[@]}" "$BERTHCTL" --directory "$DIR" --run "$RUN" list $options
                has_warned
                diff "$T/both" - <<<"$output"
                [[ $options != *--json ]] || jq -e . "$T/both" >/dev/null
        done
        is "$(ctl list --quiet 2>/dev/null | wc -l)" 152
        if [ "$(nproc)" -gt 1 ]; then
                strace -f -o "$T/calls" "$BERTHCTL" --directory "$DIR" --run "$RUN" list >/dev/null 2>&1 3>&- 4>&-
                is "$(cut -d ' ' -f 1 "$T/calls" | sort -u | wc -l)" 2
        fi
        rm -r "$DIR"/containers/a*
        ctl destroy --force web
}

has_warned() {
        [[ $stderr == *"settings of container a240: line 1"* ]] || { echo "$stderr"; return 1; }
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

# completed WORD...: what bash offers for the last word.
completed() {
        COMP_WORDS=("$BERTHCTL" --directory "$DIR" --run "$RUN" "$@")
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        COMPREPLY=()
        _berthctl 3>&- 4>&-
        echo "${COMPREPLY[*]}"
}

@test "completion: commands, options, containers, snapshots and words where they belong" {
        source "$TOP/share/bash-completion/berthctl"
        ctl create web --image busybox --net none
        ctl create other --image busybox --net none
        ctl snapshot create web before
        is "$(completed st)" "start stop stats"
        is "$(completed help sna)" snapshot
        is "$(completed start w)" web
        is "$(completed create --net-r)" "--net-rate --net-rate-in --net-rate-out"
        is "$(completed snapshot re)" restore
        is "$(completed snapshot restore web "")" before
        is "$(completed network connect berth0 "")" "other web"
        is "$(completed top --sort m)" memory
        is "$(completed top -s m)" memory
        is "$(completed create -s w)" ""
        is "$(completed start -s w)" web
        is "$(completed export web -z "")" "zstd gzip xz none"
        is "$(completed top -i b)" ""
        is "$(completed check "")" ""
        is "$(completed set web --unset io-read)" "io-read io-read-ops"
        is "$(completed set web --unset help)" ""
        is "$(completed create new --restart on)" on-failure
}

@test "an ordinary user without XDG_RUNTIME_DIR is told what to say instead" {
        user_at_home
        run -1 setpriv --reuid 1000 --regid 1000 --clear-groups env -i HOME="$T/home" "$BERTHCTL" list
        is "$output" 'an ordinary user needs $XDG_RUNTIME_DIR, or the option --run'
        run -1 setpriv --reuid 1000 --regid 1000 --clear-groups env -i "$BERTHCTL" list
        is "$output" 'an ordinary user needs $XDG_DATA_HOME or $HOME, or the option --directory'
        mkdir "$T/home/elsewhere"
        chown 1000 "$T/home/elsewhere"
        run -0 setpriv --reuid 1000 --regid 1000 --clear-groups env -i HOME="$T/home" "$BERTHCTL" --run "$T/home/elsewhere" list -q
        is "$output" ""
}

# last_lines OLD NEW: each number of last lines of a log in two parts is what tail says of both.
last_lines() {
        local n

        printf "$1" >"$DIR/containers/web/log.1"
        printf "$2" >"$DIR/containers/web/log"
        for n in 0 1 2 3 4 5 6 9; do
                printf "$1$2" | tail -n "$n" | cmp - <(ctl logs -n "$n" web)
        done
}

@test "logs --tail: as many lines as there are, wherever the log was rotated among them" {
        ctl create web --image busybox --net none
        last_lines 'a\nb\n' 'c\nd\n'
        last_lines 'a\nb' 'c\nd\n'
        last_lines 'a\nb' '\nc\nd\n'
        last_lines '' 'c\nd\n'
        last_lines 'a\nb\n' ''
        last_lines 'a\nb' ''
        last_lines 'a\nb\n' 'c\nd'
        last_lines 'a\n\n' '\nb\n'
        rm "$DIR/containers/web/log.1"
        is "$(ctl logs -n 9 web)" "$(cat "$DIR/containers/web/log")"
}

@test "set --unset: what is not set is no error, and the others are taken away" {
        ctl create web --image busybox --net none --hostname other -- /bin/sleep 1000
        ctl start web
        ctl set web --unset memory --unset cpus --unset io-read
        run -0 ctl set web --unset memory --unset hostname
        is "$output" "web runs: some of this counts from its next start"
        is "$(ctl info --json web | jq -r .settings.hostname)" null
        refused_ctl "there is no setting 'ids'" set web --unset ids
        refused_ctl "nothing to change" set web
        ctl stop -f web
}
