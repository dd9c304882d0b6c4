# berthctl: top.
load ../lib/common
load ../lib/ctl

# at_terminal SECONDS KEYS [OPTION...]: top at a terminal of 10 lines; KEYS are typed when it shows the name "ready".
at_terminal() {
        timeout "$1" "$TOOLS/terminal" -s 10x100 -i "$2" "$BERTHCTL" --directory "$DIR" --run "$RUN" top -i 300ms "${@:3}" 3>&- 4>&-
}

@test "top: rows without a terminal: what works hard comes first, and what does not run only with --all" {
        ctl create busy --image busybox --net none -- /bin/sh -c 'while :; do :; done'
        ctl create idle --image busybox --net none -- /bin/sleep 1000
        ctl create off --image busybox --net none -- /bin/sleep 1000
        ctl start busy idle
        run -0 ctl top --interval 500ms
        matches '^NAME +STATE +CPU% '
        is "$(awk 'NR > 1 { print $1, $2 }' <<<"$output" | tr '\n' ' ')" "busy running idle running "
        is "$(awk '$1 == "busy" { print ($3 > 2) }' <<<"$output")" 1
        is "$(awk '$1 == "idle" { print ($3 < 2) }' <<<"$output")" 1
        ctl pause idle
        run -0 ctl top --batch --all --sort name -i 100ms
        is "$(awk 'NR > 1 { print $1, $2 }' <<<"$output" | tr '\n' ' ')" "busy running idle paused off stopped "
        run -0 ctl top --sort name --reverse -i 100ms -n 2
        is "$(awk 'NF && $1 != "NAME" { print $1 }' <<<"$output" | tr '\n' ' ')" "idle busy idle busy "
        run -0 ctl top -i 100ms idle
        is "$(awk 'NR > 1 { print $1 }' <<<"$output")" idle
        ctl destroy -f busy idle off
}

@test "top: rates of the network" {
        ctl create web --image busybox -- /bin/sh -c 'while :; do ping -c 1 -W 1 -s 1000 "$(ip route | sed -n "s/^default via \([^ ]*\).*/\1/p")"; done'
        ctl start web
        eventually sends_much
        ctl destroy -f web
}

sends_much() {
        ctl top -i 200ms web | awk '$1 == "web" && $NF ~ /K$/ { found = 1 } END { exit !found }'
}

@test "top: a screen at a terminal, which keys sort and q leaves, and which is as it was then" {
        ctl create ready --image busybox --net none -- /bin/sleep 1000
        ctl create other --image busybox --net none -- /bin/sleep 1000
        ctl start ready other
        run -0 at_terminal 20 mrq
        has "2 containers, 2 running" "sorted by cpu" "sorted by memory " "sorted by memory, reversed" $'\e[?1049h'
        [[ $output == *$'\e[?25h\e[?1049l' ]] || { echo "the terminal was not given back"; return 1; }
        # Lines end where the terminal ends.
        [ "$(tr '\r' '\n' <<<"$output" | sed 's/\x1b\[[0-9;?]*[A-Za-z]//g' | awk '{ if (length > n) n = length } END { print n }')" -le 100 ]
        ctl destroy -f ready other
}

@test "top: SIGTERM gives the terminal back, too, and --count ends a screen" {
        ctl create ready --image busybox --net none -- /bin/sleep 1000
        ctl start ready
        run -0 timeout 20 "$TOOLS/terminal" -s 10x100 -k 15 "$BERTHCTL" --directory "$DIR" --run "$RUN" top 3>&- 4>&-
        [[ $output == *$'\e[?25h\e[?1049l' ]]
        run -0 at_terminal 20 "" -n 2
        [[ $output == *$'\e[?25h\e[?1049l' ]]
        ctl destroy -f ready
}

@test "top: more rows than lines: arrows and pages move" {
        local i

        ctl create ready --image busybox --net none -- /bin/sleep 1000
        ctl start ready
        for i in 1 2 3 4 5 6 7 8; do
                mkdir "$DIR/containers/z$i"
                cp "$DIR/containers/ready/settings" "$DIR/containers/z$i/settings"
        done
        run -0 at_terminal 20 q --all --sort name
        lacks z8
        run -0 at_terminal 20 $'\e[6~' --all --sort name -n 8
        has z8
        rm -r "$DIR"/containers/z*
        ctl destroy -f ready
}

@test "top: what is wrong is refused" {
        ctl create web --image busybox --net none -- /bin/sleep 1000
        refused_ctl "there is no container nobody" top nobody
        refused_ctl "invalid value 'x' for flag --sort" top --sort x
        refused_ctl "interval: expected at least 100ms" top -i 1ms
        refused_ctl "count" top -n 0
        ctl destroy web
}
