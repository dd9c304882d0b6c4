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
        grep -q "^nameserver " "$(changes_of web)/etc/resolv.conf"
        ctl destroy -f web
}

links_are() {
        [ "$(ip -o link show type veth | wc -l)" -eq "$1" ]
}

@test "a start that fails while it is being connected says why, and leaves no link and no port" {
        ctl create first --image busybox -- /bin/sleep 1000
        ctl create web --image busybox -p 8080:80 -- /bin/none
        ctl create next --image busybox -p 8080:80 -- /bin/sleep 1000
        ctl start first
        refused_ctl "/bin/none" start web
        eventually links_are 1
        is "$(ip neigh show nud permanent dev berth0 | wc -l)" 2
        ctl start next
        ctl create late --image busybox -p 8080:80 -- /bin/sleep 1000
        refused_ctl "next" start late
        ctl destroy -f first web next late
}

@test "the server of a network's names lives where the host's processes do" {
        ctl create web --image busybox -- /bin/sleep 1000
        ctl start web
        is "$(readlink "/proc/$(cat "$DIR/networks/berth0/dnsmasq.pid")/ns/mnt")" "$(readlink /proc/self/ns/mnt)"
        ctl stop -f web
        kill "$(cat "$DIR/networks/berth0/dnsmasq.pid")"
        eventually none_lives dnsmasq
        ctl start web
        is "$(readlink "/proc/$(cat "$DIR/networks/berth0/dnsmasq.pid")/ns/mnt")" "$(readlink /proc/self/ns/mnt)"
        ctl destroy -f web
}

# knows MAC STATE: who is asked for $address on berth0 of this machine.
knows() {
        is "$(ip neigh show "$address" dev berth0 | awk '{ print $3, $NF }')" "$1 $2"
}

@test "host and container know each other without asking, which no full neighbour table can hinder" {
        local address mac bridge

        ctl create web --image busybox -- /bin/sleep 1000
        ctl start web
        address=$(address_of web)
        mac=$(ctl info --json web | jq -r .network.mac)
        bridge=$(cat /sys/class/net/berth0/address)
        knows "$mac" PERMANENT
        is "$(ip -6 neigh show nud permanent dev berth0 | awk '{ print $3 }')" "$mac"
        is "$(bridge fdb show br berth0 | awk -v mac="$mac" '$1 == mac { print $NF }' | sort -u)" static
        is "$(ctl exec web ip neigh | awk '/PERMANENT/ { print $5 }' | sort -u)" "$bridge"
        ctl network repair
        knows "$mac" PERMANENT
        ctl stop -f web
        is "$(ip neigh show nud permanent dev berth0)" ""
        ctl start web
        knows "$mac" PERMANENT
        ctl destroy -f web
        is "$(ip neigh show nud permanent dev berth0)" ""
}

@test "a container that may use other addresses is asked for them" {
        local address

        ctl create web --image busybox --net berth0,allow-spoofing -- /bin/sleep 1000
        ctl start web
        address=$(address_of web)
        is "$(ip neigh show nud permanent dev berth0)" ""
        eventually ping_once "$address"
        ctl destroy -f web
}

ping_once() {
        busybox ping -c 1 -W 1 "$1" >"$T/ping"
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
        ctl set web --publish 0.0.0.0:8125:80
        eventually serves 127.0.0.1:8125 served
        ctl set other --publish 8125:80
        refused_ctl "8125.*web" start other
        refused_ctl "^publish: 8126:80 and 0.0.0.0:8126:81 publish the same port" set web -p 8126:80 -p 0.0.0.0:8126:81
        refused_ctl "8126-8128 and 8128:1 publish the same port" create third --image busybox -p 8126-8128 -p 8128:1
        is "$(ctl info --json web | jq -c .settings.publish)" '["0.0.0.0:8125:80"]'
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

@test "network show: all that a network was made with, and how many are in it" {
        ctl network create lab --subnet 10.77.0.0/24 --gateway 10.77.0.254 --no-ipv6 --no-dns --mtu 1400
        ctl create one --image busybox --net lab
        run -0 ctl network show lab
        is "$output" "name       lab
mode       bridge
subnet     10.77.0.0/24
gateway    10.77.0.254
nat        yes
dns        no
internal   no
mtu        1400
members    1"
        ip link add up0 type bridge
        ctl network create side --mode macvlan --parent up0 --subnet 10.78.0.0/24
        run -0 ctl network show side
        matches "^parent +up0$"
        matches "^mtu +the parent's$"
        ip link del up0
        ctl destroy one
}

@test "network list: one whose file is damaged is named, and the others are there" {
        ctl network create first
        ctl network create second
        cp "$DIR/networks/first/network" "$T/definition"
        echo garbage >"$DIR/networks/first/network"
        run --separate-stderr -1 ctl network list
        matches '^second +bridge '
        lacks first
        output=$stderr has "network first: line 1: " "1 of the networks cannot be read"
        run --separate-stderr -1 ctl network list --json
        is "$(jq -r '.[].name' <<<"$output")" second
        cp "$T/definition" "$DIR/networks/first/network"
        run -0 ctl network list
        has first second
        ctl network delete first
        ctl network delete second
}

@test "network delete: one whose file is damaged goes when nobody is in it, with what the firewall had of it" {
        ctl network create other --subnet 203.0.113.0/24
        ctl create web --image busybox --net other -- /bin/sleep 1000
        ctl start web
        nft list set inet berth subnets4 | grep -q 203.0.113
        echo garbage >"$DIR/networks/other/network"
        refused_ctl "container web has an address in it" network delete other
        refused_ctl "network other: line 1" network create third --subnet 198.51.100.0/24
        ctl destroy --force web
        ctl network delete other
        [ ! -e "$DIR/networks/other" ]
        [ ! -e /sys/class/net/other ]
        fails grep -q 203.0.113 <<<"$(nft list set inet berth subnets4)"
        ctl network create third --subnet 203.0.113.0/24
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

@test "net container:NAME goes with the other: asked when it is stopped, killed when it ends by itself" {
        ctl create one --image busybox -p 8123:80 -- /bin/sleep 1000
        ctl create two --image busybox --net container:one --restart always -- /bin/sh -c \
                'trap "echo asked; exit 0" TERM; mkdir -p /www; echo served >/www/index.html; httpd -h /www; echo up
                while :; do sleep 0.1; done'
        ctl create three --image busybox --net container:two -- /bin/sleep 1000
        ctl start one two three
        ip link set lo up
        eventually serves 127.0.0.1:8123 served
        is "$(readlink "/proc/$(ctl_pid one)/ns/net")" "$(readlink "/proc/$(ctl_pid three)/ns/net")"
        ctl stop one -t 5s
        ctl_is two stopped
        ctl_is three stopped
        eventually said two asked
        ctl start one two
        kill -KILL "$(ctl_pid one)"
        eventually ctl_is one stopped
        ctl_is two stopped
        is "$(ip -o link | grep -c ': bt')" 0
        refused_ctl "does not run" start three
        ctl destroy one two three
}

# ---- several interfaces ----

names_inside() {
        ctl exec "$1" ls /sys/class/net | tr '\n' ' '
}

routes_out_of() {
        ctl exec "$1" ip route | sed -n 's/^default \(.* eth[0-9]\).*/\1/p'
}

# address_on NAME INTERFACE: as the kernel has it.
address_on() {
        ctl exec "$1" ip -4 -o addr show "$2" | sed 's/.*inet \([0-9.]*\).*/\1/'
}

three_networks() {
        ctl network create lab --subnet 10.77.0.0/24
        ctl network create side --subnet 10.79.0.0/24
        ctl network create back --subnet 10.78.0.0/24 --mode routed
}

@test "several interfaces: their order, names and addresses stay, and the first leads to the world" {
        three_networks
        ctl create web --image busybox --net lab,ip=10.77.0.9 --net back,mac=02:00:00:00:00:77 --net side -- /bin/sleep 1000
        run -0 grep '^net = ' "$DIR/containers/web/settings"
        is "$output" "net = lab,ip=10.77.0.9
net = back,mac=02:00:00:00:00:77
net = side"
        for i in 1 2; do
                ctl start web
                is "$(names_inside web)" "eth0 eth1 eth2 lo "
                is "$(address_on web eth0)" 10.77.0.9
                is "$(address_on web eth1)" "$(ctl info --json web | jq -r '.interfaces[1].ipv4' | cut -d / -f 1)"
                is "$(ctl exec web cat /sys/class/net/eth1/address)" 02:00:00:00:00:77
                is "$(routes_out_of web)" "via 10.77.0.1 dev eth0"
                eventually ctl exec web ping -c 1 -W 1 10.77.0.1
                eventually ctl exec web ping -c 1 -W 1 10.78.0.1
                eventually ctl exec web ping -c 1 -W 1 10.79.0.1
                ctl stop -f web
        done
        is "$(ctl info --json web | jq -r '.interfaces | map(.net + "=" + .interface) | join(" ")')" \
                "lab=eth0 back=eth1 side=eth2"
        run -0 ctl info web
        matches "^address +10.77.0.9/24, eth0$"
        matches "^address +10.78.0.[0-9]+/32, eth1$"
        ctl clone web copy
        is "$(ctl info --json copy | jq -r '.settings.net | join(" ")')" "lab back side"
        ctl destroy web copy
        is "$(ctl network list | awk 'NR > 1 { print $1, $NF }' | tr '\n' ' ')" "back 0 lab 0 side 0 "
}

@test "several interfaces: two containers reach each other by the network that they share" {
        three_networks
        ctl create web --image busybox --net lab --net back -- /bin/sleep 1000
        ctl create db --image busybox --net back -- /bin/sleep 1000
        ctl create other --image busybox --net lab -- /bin/sleep 1000
        ctl start web db other
        eventually ctl exec web ping -c 1 -W 1 "$(address_of db)"
        eventually ctl exec other ping -c 1 -W 1 "$(address_of web)"
        run ctl exec other ping -c 1 -W 1 "$(address_of db)"
        [ "$status" -ne 0 ]
        ctl destroy -f web db other
}

@test "connect and disconnect: of a stopped container, and at once of one that runs" {
        local second

        three_networks
        ctl create web --image busybox --net lab --ip 10.77.0.9 -- /bin/sleep 1000
        ctl network connect back web
        second=$(ctl info --json web | jq -r '.interfaces[1].ipv4')
        ctl start web
        is "$(address_on web eth1)" "${second%/*}"
        ctl network connect side,ip=10.79.0.20 web
        is "$(names_inside web)" "eth0 eth1 eth2 lo "
        is "$(address_on web eth2)" 10.79.0.20
        eventually busybox ping -c 1 -W 1 10.79.0.20
        # The one in the middle goes, and the others stay what they are.
        ctl network disconnect back web
        is "$(names_inside web)" "eth0 eth2 lo "
        refused_ctl "first interface goes only while it is stopped" network disconnect eth0 web
        ctl stop -f web
        ctl start web
        is "$(names_inside web)" "eth0 eth2 lo "
        is "$(address_on web eth0)" 10.77.0.9
        is "$(address_on web eth2)" 10.79.0.20
        ctl stop -f web
        ctl network disconnect eth0 web
        ctl network delete back
        ctl start web
        is "$(names_inside web)" "eth2 lo "
        is "$(routes_out_of web)" "via 10.79.0.1 dev eth2"
        ctl destroy -f web
}

@test "connect: what cannot be is refused, and nothing is left of it" {
        three_networks
        ctl create one --image busybox --net lab,ip=10.77.0.9 -- /bin/sleep 1000
        ctl create two --image busybox --net none -- /bin/sleep 1000
        ctl create three --image busybox --net host -- /bin/sleep 1000
        ctl start two
        refused_ctl "10.77.0.9 belongs to container one" network connect lab,ip=10.77.0.9 two
        is "$(names_inside two)" "lo "
        refused_ctl "there is no network moon" network connect moon two
        refused_ctl "no interface is connected to back" network disconnect back two
        refused_ctl "host stands alone" network connect lab three
        refused_ctl "there is no container four" network connect lab four
        refused_ctl "invalid value 'lab,ip=x'" network connect lab,ip=x two
        refused_ctl "two interfaces eth3" create four --image busybox --net lab,name=eth3 --net back,name=eth3
        refused_ctl "stands alone" create four --image busybox --net lab --net none
        refused_ctl "two interfaces are connected to lab" create four --image busybox --net lab --net lab
        refused_ctl "gateway of its own" create four --image busybox --net lab,gateway=10.77.0.1
        refused_ctl "more than 8" create four --image busybox $(printf -- '--net n%d ' {1..9})
        ctl network connect lab two
        eventually ctl exec two ping -c 1 -W 1 10.77.0.1
        is "$(ctl network show --json lab | jq .members)" 2
        ctl destroy -f one two three
}

# ---- other modes ----

# A cable whose far end stays with the host: up0 is a link to lend, 192.0.2.1 is in the world.
lay_cable() {
        ip link add up0 type veth peer name down0
        defer "ip link del down0 2>/dev/null || true"
        ip addr add 192.0.2.1/24 dev down0
        ip link set down0 up
        ip link set up0 up
}

@test "host and none: the host's own network, and loopback alone" {
        ctl create one --image busybox --net host -- /bin/sleep 1000
        ctl create two --image busybox --net none -- /bin/sleep 1000
        ctl start one two
        is "$(readlink "/proc/$(ctl_pid one)/ns/net")" "$(readlink /proc/self/ns/net)"
        is "$(names_inside two)" "lo "
        is "$(ctl info --json one | jq .network)" null
        refused_ctl "no interface" set two --publish 80:80
        ctl destroy -f one two
}

@test "macvlan and phys: links of the host beside a network, and what they cannot" {
        lay_cable
        ctl create web --image busybox --net berth0 --net macvlan:up0,ip=192.0.2.7/24,mac=02:00:00:00:00:07 -- /bin/sleep 1000
        ctl start web
        eventually busybox ping -c 1 -W 1 192.0.2.7
        is "$(routes_out_of web | sed 's/.* //')" eth0
        ctl network disconnect macvlan:up0 web
        is "$(names_inside web)" "eth0 lo "
        ctl network connect macvlan:up0,ip=192.0.2.8/24 web
        eventually busybox ping -c 1 -W 1 192.0.2.8
        ctl stop -f web
        ctl set web --net phys:up0,ip=192.0.2.9/24,gateway=192.0.2.1 --net berth0
        ctl set web --publish 80:80
        refused_ctl "published in the modes bridge and routed only, not phys" start web
        ctl set web --unset publish
        ctl start web
        eventually busybox ping -c 1 -W 1 192.0.2.9
        is "$(routes_out_of web)" ""
        run -0 ctl exec web ip route
        has "default via 192.0.2.1 dev up0"
        refused_ctl "no link up9" network connect macvlan:up9 web
        ctl stop -f web
        ctl set web --net berth0
        # It ends with the namespace in which its other end is, and that is taken apart some time after the stop.
        eventually eval '! ip link show down0 2>/dev/null'
        lay_cable
        ctl start web
        ctl network connect phys:up0,ip=192.0.2.10/24 web
        eventually busybox ping -c 1 -W 1 192.0.2.10
        refused_ctl "comes back when the container is stopped" network disconnect phys:up0 web
        ctl destroy -f web
}

# bats test_tags=lab
@test "vlan: a VLAN of a link of the host belongs to a container" {
        lay_cable
        ip link add link down0 name v5 type vlan id 5 2>/dev/null || skip "this kernel has no VLANs"
        ip addr add 198.51.100.1/24 dev v5
        ip link set v5 up
        ctl create web --image busybox --unprivileged=false --net vlan:up0.5,ip=198.51.100.2/24,gateway=198.51.100.1 -- /bin/sleep 1000
        ctl create two --image busybox --unprivileged=false --net vlan:up0.5 -- /bin/sleep 1000
        ctl start web
        eventually busybox ping -c 1 -W 1 198.51.100.2
        is "$(routes_out_of web)" "via 198.51.100.1 dev eth0"
        refused_ctl "VLAN 5 of up0 is taken" start two
        ctl destroy -f web two
}

# ---- names ----

finds() { # finds CONTAINER NAME [SERVER]
        ctl exec "$1" nslookup "$2" ${3:+"$3"} 2>/dev/null | grep -A 1 "^Name:.*$2" | grep -q "^Address:"
}

@test "names: containers of a network find each other, those of another do not" {
        local second

        ctl network create one
        ctl network create two
        ctl create web --image busybox --net one -- /bin/sleep 1000
        ctl create db --image busybox --net one --hostname database -- /bin/sleep 1000
        ctl create far --image busybox --net two -- /bin/sleep 1000
        ctl start web db far
        second=$(ctl network show --json one | jq -r .gateway4)
        eventually finds web db
        finds web database
        finds db web
        run ! finds far db
        run ! finds far db "$second"
        ctl network connect one far
        eventually finds far db "$second"
        ctl stop -f db
        eventually eval '! finds web db'
        ctl destroy -f web db far
}

# ---- crashes ----

# killed_at POINT COMMAND...: berthctl, killed at its POINTth system call; fails when it has fewer.
killed_at() {
        "$TOOLS/inject" -n "$1" -x sleep "$BERTHCTL" --directory "$DIR" --run "$RUN" "${@:2}" 3>/dev/null 4>&- </dev/null
}

links_of_containers() {
        ip -o link | grep -c ': b[it]' || true
}

@test "crashes: a start killed at any point is no obstacle for the next, and address and port stay the container's" {
        local address point=100 killed=0

        ctl create other --image busybox -p 8123:80 -- /bin/sleep 1000
        ctl create web --image busybox -p 8123:80 --net-rate 100mbit -- /bin/sleep 1000
        address=$(address_of web)
        while killed_at $point keeper-launch web; do
                killed=$((killed + 1))
                # Somebody else gets the port, or hears who has it: not from one that is not there.
                ctl_is web running || ctl start web
                is "$(address_on web eth0)" "$address"
                is "$(links_of_containers)" 2
                refused_ctl "8123.*web" start other
                ctl stop -f web
                eventually eval '[ "$(links_of_containers)" = 0 ]'
                point=$((point + 79))
        done
        [ $killed -ge 8 ]
        ctl destroy -f web
        ctl start other
        ctl destroy -f other
        run -0 nft list ruleset
        lacks web.0 other.0
}

@test "crashes: connect, disconnect, rename and destroy killed at any point are done or not, and can be done again" {
        local point

        ctl network create lab --subnet 10.77.0.0/24
        ctl create web --image busybox -- /bin/sleep 1000
        ctl start web
        for ((point = 100; point < 2000; point += 61)); do
                killed_at $point network connect lab,ip=10.77.0.9 web || break
                run ctl network connect lab,ip=10.77.0.9 web
                [ "$status" -eq 0 ] || has "two interfaces are connected to lab"
                is "$(address_on web eth1)" 10.77.0.9
                killed_at $point network disconnect lab web || true
                run ctl network disconnect lab web
                [ "$status" -eq 0 ] || has "no interface is connected to lab"
                is "$(names_inside web)" "eth0 lo "
                is "$(ctl network show --json lab | jq .members)" 0
        done
        [ $point -gt 300 ]
        ctl stop -f web
        address=$(address_of web)
        for ((point = 60; point < 2000; point += 23)); do
                killed_at $point rename web db || break
                [ ! -d "$DIR/containers/db" ] || { ctl start db; ctl stop -f db; ctl rename db web; }
                is "$(address_of web)" "$address"
        done
        [ $point -gt 150 ]
        [ ! -d "$DIR/containers/db" ] || ctl rename db web
        for ((point = 60; point < 2000; point += 41)); do
                [ -d "$DIR/containers/web" ] || ctl create web --image busybox -- /bin/sleep 1000
                killed_at $point destroy web || break
                ctl network repair
                [ ! -d "$DIR/containers/web" ] || ctl destroy web
                is "$(ctl network show --json berth0 | jq .members)" 0
        done
        [ $point -gt 150 ]
}

@test "two at once: commands that create, connect and destroy give every container an address of its own" {
        local i

        ctl network create lab --subnet 10.77.0.0/26
        for i in {1..12}; do
                { ctl create "c$i" --image busybox --net lab -- /bin/sleep 1000 && ctl network connect berth0 "c$i" &&
                        { [ $((i % 3)) -ne 0 ] || ctl destroy "c$i"; }; } &
        done
        wait
        is "$(ctl list -q | wc -l)" 8
        is "$(ctl list --json | jq -r '.[].interfaces[].ipv4' | sort -u | wc -l)" 16
        is "$(ctl network list --json | jq 'map(.members) | add')" 16
        for i in $(ctl list -q); do ctl destroy "$i" & done
        wait
        is "$(ctl network list --json | jq 'map(.members) | add')" 0
}

@test "set: a fixed address that the container cannot have is refused at once, and what was set stays" {
        ctl network create lab --subnet 10.77.0.0/24 --no-ipv6
        ctl create one --image busybox --net lab --ip 10.77.0.9 --mac 02:00:00:00:00:09
        ctl create two --image busybox --net lab --ip 10.77.0.8 -- /bin/sleep 1000
        for state in stopped running; do
                refused_ctl "address 10.77.0.9 belongs to container one" set two --ip 10.77.0.9
                refused_ctl "10.78.0.9 is no address of the network's subnet 10.77.0.0/24" set two --ip 10.78.0.9
                refused_ctl "10.77.0.1 is the network's gateway" set two --ip 10.77.0.1
                refused_ctl "MAC 02:00:00:00:00:09 belongs to container one" set two --mac 02:00:00:00:00:09
                refused_ctl "it has no IPv6" set two --ip6 fd77::9
                refused_ctl "belongs to container one" set two --net lab,ip=10.77.0.9 --unset ip
                is "$(ctl info --json two | jq -r .settings.ip)" 10.77.0.8
                [ $state = running ] || ctl start two
        done
        ctl set two --ip 10.77.0.8
        is "$(ctl exec two ip -o -4 address show eth0 | awk '{ print $4 }')" 10.77.0.8/24
        ctl stop -f two
}
