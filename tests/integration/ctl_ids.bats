# Ranges of host ids: what one container has nobody else gets, whatever crashes, hands and other commands do.
load ../lib/common
load ../lib/ctl

make() {
        ctl create "$1" --image busybox --net none --stop-timeout 0 -- /bin/sleep 1000
}

ids_of() {
        sed -n 's/^[ \t]*ids *= *//p' "$DIR/containers/$1/settings"
}

# led_to NAME: the range that the name leads to while nobody has it.
led_to() {
        make "$1" && ids_of "$1" && ctl destroy "$1"
}

killed_at() {
        "$TOOLS/inject" -n "$1" -x sleep "$BERTHCTL" --directory "$DIR" --run "$RUN" "${@:2}" 3>/dev/null 4>&- </dev/null >/dev/null
}

all_differ() {
        local ids

        ids=$(cat "$DIR"/containers/*/settings | sed -n 's/^ids = //p')
        is "$(sort <<<"$ids" | uniq -d)" ""
}

claims() {
        find "$DIR/id-ranges" -mindepth 1 -printf '%f %l\n' | sort -n
}

@test "ids: a range is given back with its container, and the same name leads there again" {
        local ids

        make web
        ids=$(ids_of web)
        is "$(claims)" "$ids web"
        [ $(((ids - 1000000) % 65536)) -eq 0 ]
        ctl destroy web
        is "$(claims)" ""
        make web
        is "$(ids_of web)" "$ids"
        echo damaged >"$T/bad.tar"
        refused_ctl "create container other" create other --image "tar:$T/bad.tar" --net none -- /bin/sh
        is "$(claims)" "$ids web"
}

@test "ids: what the host grants to a user is no container's" {
        local file web other

        web=$(led_to web)
        other=$(led_to other)
        printf 'one:%s:1\ntwo:%s:70000\nbroken\n' "$web" $((other - 1)) >"$T/subuid"
        printf 'three:%s:1\nfour:4000000000:65536\n' $((web + 65536 + 65535)) >"$T/subgid"
        for file in subuid subgid; do
                mount --bind "$T/$file" "/etc/$file"
                defer "umount /etc/$file"
        done
        make web
        is "$(ids_of web)" $((web + 2 * 65536))
        make other
        is "$(ids_of other)" $((other + 2 * 65536))
}

@test "ids: a range that another has is left to it, one of nobody's is taken over, a damaged claim is left alone" {
        local web

        web=$(led_to web)
        make other
        ln -s other "$DIR/id-ranges/$web"
        ln -s nobody "$DIR/id-ranges/$((web + 65536))"
        make web
        is "$(ids_of web)" $((web + 65536))
        is "$(readlink "$DIR/id-ranges/$((web + 65536))")" web
        ctl destroy web
        : >"$DIR/id-ranges/$((web + 65536))"
        make web
        is "$(ids_of web)" $((web + 2 * 65536))
}

@test "ids: a container keeps them under another name, and the next of the old name gets others" {
        local ids

        make web
        ids=$(ids_of web)
        ctl rename web front
        is "$(claims)" "$ids front"
        make web
        [ "$(ids_of web)" != "$ids" ]
        ctl start web
        ctl start front
        [ "$(cat "/proc/$(ctl_pid web)/uid_map")" != "$(cat "/proc/$(ctl_pid front)/uid_map")" ]
        ctl stop -f web
        refused_ctl "there is a container front already" rename web front
        is "$(claims | wc -l)" 2
        make other
        refused_ctl "there is a container other already" rename web other
        ctl start web
        ctl destroy -f web front other
        is "$(claims)" ""
}

@test "ids: a start refuses those of another, and those that a hand wrote are taken from then on" {
        local third web

        third=$(led_to third)
        make web
        make other
        web=$(ids_of web)
        sed -i "s/^ids.*/ids = $web/" "$DIR/containers/other/settings"
        refused_ctl "the ids of container other are those of web" start other
        sed -i "s/^ids.*/ids = $((web + 5))/" "$DIR/containers/other/settings"
        refused_ctl "the ids of container other are those of web" start other
        sed -i "s/^ids.*/ids = $((third - 5))/" "$DIR/containers/other/settings"
        chgrp $((third - 5)) "$DIR/containers/other"
        ctl start other
        is "$(tr -s ' ' <"/proc/$(ctl_pid other)/uid_map")" " 0 $((third - 5)) 65536"
        make third
        is "$(ids_of third)" $((third + 65536))
        ctl start web
        ctl start third
        ctl stop -f web third other
}

@test "ids: without claims they are known by settings, and of damaged ones by the directory's group" {
        local third web

        third=$(led_to third)
        make web
        web=$(ids_of web)
        ctl rename web front
        sed -i "s/^ids.*/ \tids =$third/" "$DIR/containers/front/settings"
        echo nonsense >>"$DIR/containers/front/settings"
        rm -r "$DIR/id-ranges"
        make third 2>/dev/null
        is "$(ids_of third)" $((third + 65536))
        make web 2>/dev/null
        is "$(ids_of web)" $((web + 65536))
        ctl destroy web
        printf '\0' >"$DIR/containers/front/settings"
        rm -r "$DIR/id-ranges"
        mkdir -p "$DIR/id-ranges.new/left"
        make web 2>/dev/null
        is "$(ids_of web)" $((web + 65536))
        [ ! -e "$DIR/id-ranges.new" ]
        # A start makes them, too.
        rm -r "$DIR/id-ranges"
        ctl start web
        is "$(readlink "$DIR/id-ranges/$((web + 65536))")" web
        ctl stop -f web
        ctl destroy -f front
}

@test "ids: of a container whose settings are damaged they stay its own" {
        local web

        make web
        web=$(ids_of web)
        ctl rename web front
        printf '\0' >"$DIR/containers/front/settings"
        make web 2>/dev/null
        is "$(ids_of web)" $((web + 65536))
        ctl destroy -f front
        # Nobody could say which they were: they are taken over.
        ctl destroy web
        make web
        is "$(ids_of web)" "$web"
}

@test "crashes: create, rename and destroy killed at any point leave no ids to two, and none that nobody can have" {
        local point web

        web=$(led_to web)
        for ((point = 20; point < 240; point += 9)); do
                killed_at $point create web --image busybox --net none || true
                # The name leads to the same range, for which a crash may have left a claim.
                [ ! -d "$DIR/containers/web" ] || { ctl rename web other 2>/dev/null || ctl destroy -f web; }
                make web
                all_differ
                [ -d "$DIR/containers/other" ] || is "$(ids_of web)" "$web"
                [ ! -d "$DIR/containers/other" ] || ctl destroy -f other
                ctl destroy -f web
        done
        for ((point = 20; point < 400; point += 11)); do
                [ -d "$DIR/containers/web" ] || make web
                killed_at $point rename web front || break
                [ -d "$DIR/containers/front" ] || make front
                [ -d "$DIR/containers/web" ] || make web
                all_differ
                ctl start web
                ctl start front
                ctl destroy -f front web
        done
        [ $point -gt 100 ]
        ctl destroy -f web front 2>/dev/null || true
        is "$(claims)" ""
        for ((point = 20; point < 800; point += 37)); do
                [ -d "$DIR/containers/web" ] || make web
                is "$(ids_of web)" "$web"
                killed_at $point destroy web || break
                make other
                all_differ
                ctl destroy other
                [ ! -d "$DIR/containers/web" ] || ctl destroy web
        done
        [ $point -gt 100 ]
}

@test "two at once: while one command takes ids the others wait" {
        local lock

        make other
        exec {lock}>"$DIR/ids"
        flock "$lock"
        killed_after 1 create web --image busybox --net none
        is "$(claims | cut -d ' ' -f 2)" other
        killed_after 1 rename other front
        is "$(ctl list -q | tr '\n' ' ')" "other web "
        exec {lock}>&-
        ctl destroy web
        make web
        ctl rename other front
        all_differ
}

@test "two at once: commands that create, rename, clone and destroy give every container ids of its own" {
        local i

        make web
        # The first of them makes the claims.
        rm -r "$DIR/id-ranges"
        for i in 1 2 3 4 5 6; do
                { ctl create "a$i" --image busybox --net none && ctl rename "a$i" "b$i" && ctl create "a$i" --image busybox --net none; } &
                { ctl create "c$i" --image busybox --net none && ctl destroy "c$i" && ctl create "c$i" --image busybox --net none; } &
                { ctl create "d$i" --image busybox --net none; } &
        done
        wait
        ctl clone web copy
        is "$(ctl list -q | wc -l)" 26
        is "$(ctl list --json | jq -r '.[].settings.ids' | sort -u | wc -l)" 26
        is "$(claims | cut -d ' ' -f 2 | sort | tr '\n' ' ')" "$(ctl list -q | sort | tr '\n' ' ')"
}
