# berthctl: the networks of containers. What single pieces do is in the tests of netdev/ctl.
load ../lib/common
load ../lib/ctl

address_of() {
        ctl info --json "$1" | jq -r '.network.ipv4' | cut -d / -f 1
}

serves() {
        [ "$(wget -q -T 2 -O - "http://$1/" 2>/dev/null)" = "$2" ]
}

@test "a container has an address on berth0, answers there, and keeps it over restarts" {
        local address

        ctl create web --image busybox -- /bin/sh -c 'mkdir /www; echo served >/www/index.html; exec httpd -f -h /www'
        address=$(address_of web)
        ctl start web
        is "$(ctl exec web ip -4 -o addr show eth0 | sed 's/.*inet \([0-9.]*\).*/\1/')" "$address"
        eventually ctl exec web ping -c 1 -W 1 "$(ctl network show --json berth0 | jq -r .gateway4)"
        run -0 ctl list
        matches "^web +running +[0-9]+ +$address "
        ctl stop -f web
        ctl start web
        is "$(address_of web)" "$address"
        is "$(ctl exec web ip -4 -o addr show eth0 | sed 's/.*inet \([0-9.]*\).*/\1/')" "$address"
        grep -q "^nameserver " "$DIR/containers/web/rootfs/etc/resolv.conf"
        ctl destroy -f web
}

@test "two containers of a network reach each other" {
        ctl create one --image busybox -- /bin/sleep 1000
        ctl create two --image busybox -- /bin/sleep 1000
        ctl start one two
        eventually ctl exec one ping -c 1 -W 1 "$(address_of two)"
        ctl destroy -f one two
}

@test "addresses: a fixed one is given, a second time refused with the owner's name, and free again after destroy" {
        ctl network create lab --subnet 10.77.0.0/24 --no-ipv6
        ctl create one --image busybox --net lab --ip 10.77.0.9
        is "$(address_of one)" 10.77.0.9
        refused_ctl "one" create two --image busybox --net lab --ip 10.77.0.9
        [ ! -e "$DIR/containers/two" ]
        ctl destroy one
        ctl create two --image busybox --net lab --ip 10.77.0.9
        ctl rename two three
        is "$(address_of three)" 10.77.0.9
        refused_ctl "lab" network delete lab
        ctl destroy three
}

@test "ports: a published port reaches the container, and one that is taken is refused with the owner's name" {
        ctl create web --image busybox -p 8123:80 -- /bin/sh -c 'mkdir -p /www; echo served >/www/index.html; exec httpd -f -h /www'
        ctl create other --image busybox -p 8123:80 -- /bin/sleep 1000
        ctl start web
        refused_ctl "8123.*web" start other
        is "$(ctl info --json other | jq -r .state)" stopped
        ip link set lo up
        eventually serves 127.0.0.1:8123 served
        ctl set web --unset publish
        run serves 127.0.0.1:8123 served
        [ "$status" -ne 0 ]
        ctl set web --publish 8124:80
        eventually serves 127.0.0.1:8124 served
        ctl destroy -f web other
}

@test "bad networks, addresses, ports and rates are refused before anything is made" {
        refused_ctl "moon" create web --image busybox --net moon
        refused_ctl "ip: invalid value '1.2.3'" create web --image busybox --ip 1.2.3
        refused_ctl "ip: invalid value 'fd00::1'" create web --image busybox --ip fd00::1
        refused_ctl "mac: invalid value" create web --image busybox --mac 01:00:00:00:00:00
        refused_ctl "publish: invalid value '0:80'" create web --image busybox -p 0:80
        refused_ctl "net-rate-in: invalid value 'fast'" create web --image busybox --net-rate fast
        refused_ctl "no interface" create web --image busybox --net none -p 80:80
        refused_ctl "unknown word 'frob'" network frob
        refused_ctl "expected the name" network create
        refused_ctl "invalid value 'x' for flag --subnet" network create lab --subnet x
        refused_ctl "invalid value 'x' for flag --mode" network create lab --mode x
        [ -z "$(ls "$DIR/containers" 2>/dev/null)" ]
}

@test "net container:NAME shares the other's interfaces, and needs it to run" {
        ctl create one --image busybox -- /bin/sleep 1000
        ctl create two --image busybox --net container:one -- /bin/sleep 1000
        refused_ctl "does not run" start two
        ctl start one
        ctl start two
        is "$(readlink "/proc/$(ctl_pid one)/ns/net")" "$(readlink "/proc/$(ctl_pid two)/ns/net")"
        ctl destroy -f two one
}
