# berthctl: system containers, whose init is systemd. The root file system is made of this machine's own packages.
load ../lib/common
load ../lib/ctl

# bats file_tags=berth

# Seconds for a machine in an emulated one to come up with all of systemd.
PATIENCE=300

setup_file() {
        "$BATS_TEST_DIRNAME/../lib/make-system" "$BATS_FILE_TMPDIR/system"
}

# system NAME [OPTION...]: a container of it, which has come up.
system() {
        ctl create "$1" --image "dir:$BATS_FILE_TMPDIR/system" --net none "${@:2}"
        ctl start "$1"
        eventually is_up "$1"
}

# With failed units it is "degraded".
is_up() {
        case $(ctl exec "$1" systemctl is-system-running 2>/dev/null) in
        running | degraded) ;;
        *) return 1 ;;
        esac
}

failed_units() {
        ctl exec "$1" systemctl list-units --failed --plain --no-legend
}

journal_has() { # journal_has NAME REGEX
        ctl exec "$1" journalctl --quiet --no-pager --output cat 2>/dev/null | grep -qE -- "$2"
}

@test "system: it comes up without a failed unit, unprivileged, with a journal, a name and a machine-id of its own" {
        local id

        system one
        system two
        is "$(failed_units one)" ""
        is "$(ctl exec one systemctl is-system-running)" running
        [ "$(stat -c %u "/proc/$(ctl_pid one)")" -ge 1000000 ]
        journal_has one '^Startup finished in'
        ctl exec one sh -c 'echo written | systemd-cat --identifier test'
        eventually journal_has one '^written$'
        is "$(ctl exec one hostname)" one
        id=$(ctl exec one cat /etc/machine-id)
        [[ $id =~ ^[0-9a-f]{32}$ ]]
        [ "$id" != 0123456789abcdef0123456789abcdef ]
        [ "$id" != "$(ctl exec two cat /etc/machine-id)" ]
        is "$(cat "$DIR/containers/one/rootfs/etc/machine-id")" "$id"
        is "$(ctl exec one systemd-detect-virt --container)" container-other
        ctl stop one two
}

@test "system: services are groups of its own tree, with limits, timers and a bus; it logs people in at the console" {
        local pid

        system web
        ctl exec web systemd-run --quiet --unit job --property LimitNOFILE=99 sleep 1000
        pid=$(ctl exec web systemctl show --property MainPID --value job)
        is "$(ctl exec web grep 0:: "/proc/$pid/cgroup")" 0::/system.slice/job.service
        ctl exec web cat "/proc/$pid/limits" | grep -qE '^Max open files +99 '
        is "$(ctl exec web busctl --quiet call org.freedesktop.DBus / org.freedesktop.DBus GetId && echo answered)" answered
        eventually said web 'login:'
        run -7 ctl exec web systemd-run --quiet --wait --collect sh -c 'exit 7'
        ctl exec web systemctl kill --signal KILL job
        eventually is_failed web job
        ctl stop web
}

is_failed() {
        [ "$(ctl exec "$1" systemctl is-failed "$2" 2>/dev/null)" = failed ]
}

@test "system: reboot inside starts it again as what it was, poweroff inside ends it, whatever the policy" {
        local id first

        system web --restart always
        id=$(ctl exec web cat /etc/machine-id)
        first=$(ctl_pid web)
        ctl exec web systemctl reboot || true
        eventually runs_anew web "$first"
        eventually is_up web
        is "$(failed_units web)" ""
        is "$(ctl exec web cat /etc/machine-id)" "$id"
        ctl exec web systemctl poweroff || true
        eventually ctl_is web stopped
        eventually none_lives berth-keeper
}

@test "system: stop shuts it down, services in their turn; one that does not come to its end is killed after its time" {
        local before

        system web --stop-timeout 60
        ctl exec web systemd-run --quiet --unit last sh -c 'trap "echo last words >/root/words; exit" TERM; while :; do sleep 0.1; done'
        eventually ctl exec web systemctl is-active --quiet last
        ctl stop web
        is "$(cat "$DIR/containers/web/rootfs/root/words")" "last words"
        [ "$(ctl info --json web | jq -r .last.status)" -ne 137 ]
        ctl start web
        eventually is_up web
        ctl exec web systemd-run --quiet --unit stubborn --property TimeoutStopSec=infinity sh -c 'trap "" TERM; while :; do sleep 0.1; done'
        eventually ctl exec web systemctl is-active --quiet stubborn
        before=$SECONDS
        ctl stop --timeout 2s web
        [ $((SECONDS - before)) -le ${WALL:+1}9 ]
        is "$(ctl info --json web | jq -r '[.state, .last.status] | @csv')" '"stopped",137'
        ctl start web
        eventually is_up web
        ctl stop web
}
