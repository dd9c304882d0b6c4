#!/usr/bin/env bats
# A network namespace carried into a virtual machine (netdev/network.h, netdev/tap.h). Here "guest" is a network
# namespace too, and tests/helpers/network.c copies the packets in the machine's place: what is tested is what the host
# does, and what the agent does in the guest. "box" is the container's namespace, "wire" what its interfaces lead to.
# bats test_tags=berth

load ../lib/common

# The module comes with the first tap, and with it what udev writes down.
setup_file() {
        ip tuntap add mode tap name first0
        ip link delete first0
        [ ! -S /run/udev/control ] || udevadm settle
}

network() { # network NAMESPACE VERB...
        timeout -k 2 "$DEADLINE" nsenter --net=/run/netns/"$1" "$TOOLS/network" "${@:2}" 3>&- 4>&-
}

at() { # at NAMESPACE COMMAND...
        timeout -k 2 "$DEADLINE" nsenter --net=/run/netns/"$1" "${@:2}" 3>&- 4>&-
}

namespaces() {
        local name

        defer 'umount /run/netns && rmdir /run/netns'
        for name in box guest wire; do
                ip netns add $name
                defer "ip netns delete $name"
        done
        ip -n box link set lo up
        ip -n wire link set lo up
}

# One interface, as an engine would make it.
simple() {
        namespaces
        ip link add eth0 netns box address 02:00:00:00:00:01 type veth peer name w0 netns wire
        ip -n wire address add 10.1.0.1/24 dev w0
        ip -n wire address add fd01::1/64 dev w0 nodad
        ip -n wire link set w0 up
        ip -n box address add 10.1.0.2/24 broadcast + dev eth0
        ip -n box address add fd01::2/64 dev eth0 nodad
        ip -n box link set eth0 up
        ip -n box route add default via 10.1.0.1
        ip -n box route add default via fd01::1
}

# A second one, and whatever else a namespace may have.
rich() {
        simple
        ip link add net1 netns box mtu 9000 address 02:00:00:00:00:02 type veth peer name w1 netns wire
        ip -n wire link set w1 mtu 9000 up
        ip -n wire address add 10.2.0.1/24 dev w1
        ip -n box address add 10.1.0.3/24 dev eth0 label eth0:more
        ip -n box address add 10.3.0.1/24 dev eth0 metric 77 noprefixroute
        ip -n box address add 10.99.0.1/32 dev lo
        ip -n box address add 10.2.0.2 peer 10.2.0.1/32 dev net1 metric 7
        ip -n box address add fe80::77/64 dev net1 nodad
        ip -n box link set net1 up
        ip -n box route add 10.9.0.0/16 via 10.2.0.1 mtu 1400 advmss 1300 metric 50 src 10.1.0.3
        ip -n box route add 169.254.1.1 dev eth0 scope link
        ip -n box route add 172.16.0.0/12 via 169.254.1.1
        ip -n box route add 10.77.0.0/16 nexthop via 10.1.0.1 weight 3 nexthop via 10.2.0.1 dev net1
        ip -n box route add 10.78.0.0/16 via 8.8.8.8 dev eth0 onlink
        ip -n box route add 10.79.0.0/16 via inet6 fd01::1 dev eth0
        ip -n box route add 10.1.0.128/25 dev eth0 proto kernel scope link metric 9
        ip -n box route add blackhole 10.66.0.0/16
        ip -n box route add prohibit 10.67.0.0/16
        ip -n box route add throw 10.68.0.0/16
        ip -n box route add fd77::/64 nexthop via fd01::1 nexthop via fe80::1 dev net1
        ip -n box route add fd78::/64 via fd01::1 pref high mtu 1300
        ip -n box route add unreachable fd66::/64
        ip -n box neighbour add 10.1.0.77 lladdr 02:11:22:33:44:55 dev eth0 nud permanent
        ip -n box neighbour add fd01::77 lladdr 02:11:22:33:44:55 dev eth0 nud permanent
}

# The machine's stand-in between "box" and "guest". $MACHINE is its pid; it ends with the descriptor 8.
machine() {
        local verb=${1:-machine} guest=(/run/netns/guest) line=

        [ "$verb" = machine ] || guest=()
        rm -f "$T/stdin" "$T/stdout"
        mkfifo "$T/stdin" "$T/stdout"
        nsenter --net=/run/netns/box "$TOOLS/network" "$verb" "${guest[@]}" <"$T/stdin" >"$T/stdout" 2>"$T/machine" 3>&- 4>&- &
        MACHINE=$!
        exec 8>"$T/stdin"
        read -r -t 60 line <"$T/stdout" || true
        [ "$line" = ready ] || { cat "$T/machine"; return 1; }
}

end_machine() {
        exec 8>&-
        wait "$MACHINE"
}

# What ip(8) says of addresses, without what two namespaces cannot have in common and without our own flag.
addresses() {
        ip -n "$1" -j address show | jq -S 'map(select(.ifname | startswith("berthtap") | not) |
                {ifname, mtu, address, link_type, up: (.flags | any(. == "UP")),
                 addresses: (.addr_info | map(del(.tentative, .nodad)) | sort_by(if .family == "inet6" then .local else "" end))}) |
                sort_by(.ifname)'
}

# Those of one metric stand in the order in which links came up, which is nobody's choice.
routes() {
        ip -n "$1" -j route show table main | jq -S 'sort_by(.dst, .metric, .dev)'
        ip -n "$1" -j -6 route show table main | jq -S 'sort_by(.dst, .metric, .dev)'
}

neighbours() {
        ip -n "$1" -j neighbour show nud permanent | jq -S 'sort_by(.dst)'
}

sysctls() {
        at "$1" sh -c 'cd /proc/sys/net && grep . ipv4/conf/{all,default,eth0,net1}/{forwarding,rp_filter,arp_ignore,accept_redirects} \
                ipv6/conf/{all,default,eth0,net1}/{disable_ipv6,accept_ra,forwarding}' 2>/dev/null
}

# Link-local addresses are there once the kernel has brought the interface up.
same() { # same WHAT
        local what=$1

        diff <("$what" box) <("$what" guest)
}

@test "network: the guest gets the interfaces, addresses, routes, neighbours and sysctls of the namespace" {
        rich
        at box sh -c 'cd /proc/sys/net && echo 1 >ipv4/conf/eth0/forwarding && echo 2 >ipv4/conf/all/rp_filter &&
                echo 1 >ipv4/conf/net1/arp_ignore && echo 0 >ipv6/conf/net1/accept_ra && echo 1 >ipv6/conf/default/disable_ipv6'
        addresses box >"$T/addresses.before"
        routes box >"$T/routes.before"
        machine
        eventually same addresses
        same routes
        same neighbours
        same sysctls
        # And those of the host are as engines left them.
        diff "$T/addresses.before" <(addresses box)
        diff "$T/routes.before" <(routes box)
        run -0 addresses guest
        has eth0:more 10.99.0.1 fe80::77 '"mtu": 9000'
        run -0 ip -n guest route
        has '10.1.0.128/25' '10.79.0.0/16 via inet6 fd01::1' 'weight 3' 'mtu 1400' 'advmss 1300' throw
        end_machine
}

@test "network: no IPv6 in the namespace is no IPv6 in the guest" {
        simple
        at box sh -c 'echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6'
        machine
        same addresses
        same routes
        run -0 ip -n guest -6 address
        is "$output" ''
        run -0 at wire busybox ping -c 1 -W 5 10.1.0.2
        end_machine
}

@test "network: what a router advertises comes to the guest from the router, not from the host" {
        simple
        ip -n box route delete default via fd01::1
        eventually eval '[ -z "$(ip -n wire address show dev w0 tentative)$(ip -n box address show dev eth0 tentative)" ]'
        network wire advertise w0 fd02::
        eventually eval 'ip -n box address show dev eth0 | grep -q fd02::'
        ip -n box -6 route | grep -q 'default via fe80:.* proto ra'
        machine
        run -0 ip -n guest -6 address
        lacks fd02:
        run -0 ip -n guest -6 route
        lacks default
        eventually eval '[ -z "$(ip -n guest address show dev eth0 tentative)" ]'
        network wire advertise w0 fd02::
        eventually eval 'ip -n guest address show dev eth0 | grep -q fd02::'
        ip -n guest -6 route | grep -q 'default via fe80:.* proto ra'
        end_machine
}

@test "network: an address with a lifetime stays for as long as the guest runs" {
        simple
        ip -n box address add 10.1.0.5/24 dev eth0 valid_lft 1000 preferred_lft 500
        ip -n box address add fd01::5/64 dev eth0 nodad valid_lft 1000 preferred_lft 500
        ip -n box address add fd01::6/64 dev eth0 nodad preferred_lft 0
        machine
        run -0 ip -n guest -o address
        matches '10.1.0.5/24 .*valid_lft forever preferred_lft forever'
        matches 'fd01::5/64 .*valid_lft forever preferred_lft forever'
        matches 'fd01::6/64 .* deprecated .*valid_lft forever preferred_lft 0'
        end_machine
}

@test "network: an empty namespace, or only a loopback, is no error" {
        namespaces
        network box read "$T/network"
        network guest apply "$T/network"
        same addresses
        machine
        run -0 network box held
        end_machine
}

@test "network: devices with each other's name, and a spare one with a wanted name, are renamed" {
        simple
        ip link add eth1 netns box address 02:00:00:00:00:02 type veth peer name w1 netns wire
        ip link add eth2 netns box address 02:00:00:00:00:03 type veth peer name w2 netns wire
        network box read "$T/network"
        ip link add eth1 netns guest address 02:00:00:00:00:01 type veth peer name p0 netns wire
        ip link add eth0 netns guest address 02:00:00:00:00:02 type veth peer name p1 netns wire
        ip -n wire link set p0 up
        ip link add nic2 netns guest address 02:00:00:00:00:03 type veth peer name p2 netns wire
        ip link add eth2 netns guest address 02:00:00:00:00:09 type veth peer name p3 netns wire
        network guest apply "$T/network"
        eventually same addresses_without_spare
        run -0 ip -n guest -o link
        matches 'spare[0-9]+@.*02:00:00:00:00:09'
}

addresses_without_spare() {
        addresses "$1" | jq 'map(select(.ifname | startswith("spare") | not))'
}

@test "network: TCP and UDP cross both ways over IPv4 and IPv6 with their offloads" {
        simple
        machine
        mkdir "$T/www"
        head -c 20000000 /dev/urandom >"$T/www/data"
        servers=()
        for name in guest wire; do
                nsenter --net=/run/netns/$name busybox httpd -f -p '[::]:8080' -h "$T/www" 3>&- 4>&- &
                servers+=($!)
        done
        for way in 'wire:10.1.0.2' 'wire:[fd01::2]' 'guest:10.1.0.1' 'guest:[fd01::1]'; do
                eventually at "${way%%:*}" busybox wget -q -O "$T/got" "http://${way#*:}:8080/data"
                cmp "$T/got" "$T/www/data"
        done
        # A datagram in three fragments.
        for way in wire:10.1.0.2 guest:10.1.0.1; do
                run -0 at "${way%%:*}" busybox ping -c 2 -W 5 -s 4000 "${way#*:}"
                has '2 packets received'
        done
        # The answer to a datagram for a port where nobody listens comes only for one with a good checksum.
        for way in wire:10.1.0.2 wire:fd01::2 guest:10.1.0.1 guest:fd01::1; do
                run at "${way%%:*}" bash -c "exec 9<>/dev/udp/${way#*:}/9; for i in 1 2 3 4 5; do echo datagram >&9 || exit; sleep 0.1; done"
                has 'Connection refused'
        done
        kill "${servers[@]}"
        end_machine
}

@test "network: large frames cross" {
        rich
        machine
        run -0 at wire busybox ping -c 1 -W 5 -s 8900 10.2.0.2
        end_machine
}

# bats test_tags=lab
@test "network: tagged frames cross" {
        simple
        ip -n wire link add link w0 name tagged type vlan id 5 || skip "the kernel has no VLANs"
        ip -n wire link delete tagged
        machine
        for side in guest:eth0:10.5.0.2 wire:w0:10.5.0.1; do
                IFS=: read -r name link address <<<"$side"
                ip -n $name link add link $link name tagged type vlan id 5
                ip -n $name address add $address/24 dev tagged
                ip -n $name link set tagged up
        done
        run -0 at wire busybox ping -c 1 -W 5 10.5.0.2
        end_machine
}

@test "network: the host's own stack answers nothing for the guest" {
        simple
        machine mute
        # Nobody takes the packets: no answer to ARP, echo, a connection to a closed port, or neighbour solicitation.
        run at wire busybox arping -c 2 -w 2 -I w0 10.1.0.2
        has 'Received 0 response'
        ip -n wire neighbour replace 10.1.0.2 lladdr 02:00:00:00:00:01 dev w0 nud permanent
        ip -n wire neighbour replace fd01::2 lladdr 02:00:00:00:00:01 dev w0 nud permanent
        run at wire busybox ping -c 1 -W 1 10.1.0.2
        has '100% packet loss'
        run at wire busybox ping -c 1 -W 1 fd01::2
        has '100% packet loss'
        ip -n wire neighbour del fd01::2 dev w0
        run at wire busybox ping -c 1 -W 1 fd01::2
        run -0 ip -n wire neighbour show fd01::2
        matches 'FAILED|INCOMPLETE'
        run at wire timeout 1 busybox nc 10.1.0.2 9 </dev/null
        lacks refused
        [ "$status" -ne 0 ]
        end_machine
}

@test "network: the way stays shut after the machine's end, opens for the next, and opens to the host on request" {
        simple
        machine
        run -0 at wire busybox ping -c 1 -W 5 10.1.0.2
        end_machine
        run at wire busybox ping -c 1 -W 1 10.1.0.2
        has '100% packet loss'
        run -0 network box held
        machine
        run -0 at wire busybox ping -c 1 -W 5 10.1.0.2
        end_machine
        network box release
        run -0 at wire busybox ping -c 1 -W 5 10.1.0.2
        run -0 ip -n box link show eth0
        lacks ALLMULTI
        run -0 at box tc qdisc show dev eth0
        lacks ingress
        # Twice is no error.
        network box release
}

@test "network: a namespace that another machine holds is refused" {
        simple
        machine
        for verb in held "read $T/network" mute; do
                run -1 network box $verb
                has 'belongs to another virtual machine' berthtap
        done
        run -0 at wire busybox ping -c 1 -W 5 10.1.0.2
        end_machine
        run -0 network box held
}

@test "network: filters of somebody else are refused and left alone" {
        simple
        at box tc qdisc add dev eth0 clsact
        machine
        run -0 at wire busybox ping -c 1 -W 5 10.1.0.2
        end_machine
        network box release
        at box tc filter add dev eth0 ingress protocol ip pref 5 u32 match u32 0 0 flowid :1
        run -1 network box mute
        has 'eth0 has traffic control filters of somebody else'
        run -0 ip -n box link
        lacks berthtap ALLMULTI
        run -0 at box tc filter show dev eth0 ingress
        has 'pref 5'
        run -0 at wire busybox ping -c 1 -W 5 10.1.0.2
}

@test "network: what a machine cannot have is refused and named" {
        simple
        ip -n box tuntap add mode tun name tun7
        network box read "$T/network"
        ip -n box link set tun7 up
        run -1 network box read "$T/network"
        has 'tun7 (tun) is no Ethernet interface'
        ip -n box link delete tun7
        ip -n box link add link eth0 name upper type macvlan
        run -1 network box read "$T/network"
        has 'upper (macvlan) stands on another interface'
        ip -n box link delete upper
        ip link add twin netns box address 02:00:00:00:00:01 type veth peer name w1 netns wire
        run -1 network box read "$T/network"
        has 'eth0 and twin have the same MAC'
        ip -n box link delete twin
        for i in {1..8}; do ip link add more$i netns box type veth peer name p$i netns wire; done
        run -1 network box read "$T/network"
        has 'more8: a virtual machine has at most 8 network interfaces'
}

@test "network: more addresses or routes than the limit are refused" {
        simple
        seq -f 'address add 10.50.%g.1/24 dev eth0' 1 63 | ip -n box -batch -
        run -1 network box read "$T/network"
        has 'more than 64 addresses'
        ip -n box address flush dev eth0
        { seq -f 'route add 10.60.%g.0/24 dev eth0' 0 255 && echo 'route add 10.61.0.0/24 dev eth0'; } | ip -n box -batch -
        run -1 network box read "$T/network"
        has 'more than 256 routes'
}

@test "network: what is left behind is warned about" {
        simple
        ip -n box rule add from 10.1.0.2 table 100
        ip -n box route add 10.80.0.0/16 encap ip id 5 dst 10.1.0.9 via 10.1.0.1 || skip "the kernel has no lightweight tunnels"
        run -0 network box read "$T/network"
        has 'policy routing' '10.80.0.0/16' encapsulation
}

@test "network: a bridge is carried whole, without its ports" {
        namespaces
        ip link add p0 netns box type veth peer name w0 netns wire
        ip -n box link add br0 address 02:00:00:00:00:05 type bridge
        ip -n box link set p0 master br0 up
        ip -n box link set br0 up
        ip -n box address add 10.1.0.2/24 dev br0
        ip -n wire address add 10.1.0.1/24 dev w0
        ip -n wire link set w0 up
        machine
        run -0 ip -n guest -o link
        has br0
        lacks p0
        run -0 cat "$T/machine"
        lacks warning
        run -0 at wire busybox ping -c 1 -W 10 10.1.0.2
        end_machine
}

@test "network: a device that the guest lacks, and a damaged message, are errors" {
        simple
        network box read "$T/network"
        run -1 network guest apply "$T/network"
        has 'eth0: the virtual machine has no network device with the MAC 02:00:00:00:00:01'
        head -c 100 "$T/network" >"$T/short"
        run -1 network guest apply "$T/short"
        has 'the message is'
}

@test "network: a route whose gateway the namespace cannot reach any more is carried" {
        simple
        ip -n box route add 10.5.0.0/24 dev eth0
        ip -n box route add 10.9.0.0/16 via 10.5.0.1
        ip -n box route delete 10.5.0.0/24 dev eth0
        machine
        run -0 ip -n guest route
        has '10.9.0.0/16 via 10.5.0.1 dev eth0'
        end_machine
}

@test "network: a user namespace's root can do it" {
        at_root="unshare --user --map-root-user --net"
        run -0 $at_root sh -c "
                ip link set lo up && ip link add eth0 type veth peer name w0 && ip link set eth0 up && ip link set w0 name eth1 up &&
                ip address add 10.1.0.2/24 dev eth0 && $TOOLS/network mute </dev/null && $TOOLS/network release"
        has ready
}
