# The host goes down and comes up again between the two tests (tests/lab/check): what has autostart is back.
# bats file_tags=berth

load lab

BERTHCTL=${BERTHCTL:-/usr/local/bin/berthctl}
bats_require_minimum_version 1.5.0

page() { # page ADDRESS[:PORT]
        [ "$(curl -s --max-time 3 "http://$1/")" = "page of $2" ]
}

serve() { # serve NAME OPTION...
        "$BERTHCTL" create "$@" --image busybox -- /bin/sh -c "mkdir -p /www; echo 'page of $1' >/www/index.html; exec httpd -f -h /www" 3>&- 4>&-
}

address_of() {
        "$BERTHCTL" info --json "$1" | jq -r .network.ipv4 | cut -d / -f 1
}

# bats test_tags=before
@test "before: containers with autostart and without, one of them in a virtual machine" {
        "$BERTHCTL" network create fixed --subnet 10.79.0.0/24 --no-ipv6
        serve web --autostart --start-order 2 -p 8080:80 --net fixed --ip 10.79.0.9 --memory 64m
        serve first --autostart --start-order 1
        serve other
        serve stopped --autostart --restart unless-stopped --stop-timeout 0
        serve walled --autostart --isolation vm --memory 96m -p 8081:80
        # This emulated machine does not load it by itself.
        lsmod | awk '$1 ~ /^kvm_(amd|intel)$/ { print $1 }' >/etc/modules-load.d/kvm.conf
        systemctl enable --now berthctl.service
        "$BERTHCTL" stop stopped
        until_true 60 page 127.0.0.1:8080 web
        until_true 60 page 127.0.0.1:8081 walled
        for name in web first walled; do address_of "$name"; done >/var/lib/berth/addresses
        sync
}

# bats test_tags=after
@test "after: those that had it run again, in their order, with their addresses, ports and limits; the others do not" {
        until_true 300 systemctl is-active --quiet berthctl.service
        [ "$("$BERTHCTL" list -q -r | xargs)" = "first walled web" ]
        for name in web first walled; do address_of "$name"; done | diff /var/lib/berth/addresses -
        until_true 60 page 10.79.0.9 web
        until_true 60 page 127.0.0.1:8080 web
        until_true 60 page 127.0.0.1:8081 walled
        [ "$(cat /sys/fs/cgroup/berth/web/memory.max)" = $((64 << 20)) ]
        [[ $("$BERTHCTL" info --json first | jq -r .started) < $("$BERTHCTL" info --json web | jq -r .started) ]]
        # They were asked to end when the host went down, and did.
        [ "$("$BERTHCTL" info --json web | jq .last)" != null ]
        systemctl disable --now berthctl.service
        "$BERTHCTL" destroy web first other stopped walled
        "$BERTHCTL" network delete fixed
        [ -z "$(ls /run/berthctl/state)" ]
}
