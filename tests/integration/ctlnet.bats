load ../lib/common
load ../lib/ctlnet

setup() {
        ctlnet_setup
}

teardown() {
        ctlnet_teardown
}

# ---- reaching ----

@test "networks: two containers reach each other by address, IPv4 and IPv6, and by name" {
        container a
        container b
        reaches a "$(of b ipv4)"
        reaches b "$(of a ipv4)"
        reaches a "$(of b ipv6)"
        run -0 at b busybox nslookup a "$(of b dns)"
        [[ $output == *"Address: $(of a ipv4)"* ]]
        [[ $output == *"Address: $(of a ipv6)"* ]]
}

@test "networks: a name is gone with its container" {
        container a
        container b
        at b busybox nslookup a "$(of b dns)"
        net detach a
        eventually eval "! at b busybox nslookup a $(of b dns)"
}

@test "networks: IPv6 that the host has switched off for its links is there for those of containers" {
        at "$H" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
        net create r mode=routed
        container a
        container b
        container c net=r
        eventually reaches a "$(of b ipv6)"
        eventually reaches a "$(of a gateway6)"
        eventually reaches c "$(net network r | awk '{ sub("/64", "1", $3); print $3 }')"
        # Once more, with addresses and neighbours lost.
        at "$H" sysctl -qw net.ipv6.conf.berth0.disable_ipv6=1
        net detach b
        net attach b /run/netns/b >"$T/b"
        eventually reaches b "$(of b gateway6)"
}

@test "networks: repair brings back the server of names" {
        container a
        container b
        at b busybox nslookup a "$(of b dns)"
        kill -KILL "$(cat "$NET/networks/berth0/dnsmasq.pid")"
        rm "$NET/networks/berth0/hosts/a.0"
        run ! at b timeout 3 busybox nslookup a "$(of b dns)"
        net repair
        at b busybox nslookup a "$(of b dns)"
}

@test "networks: the host and its containers reach each other" {
        container a
        reaches "$H" "$(of a ipv4)"
        reaches a "$(of a gateway4)"
        reaches a "$HOST"
}

@test "networks: a container's veth has one queue, and the port of the bridge no IPv6 of its own" {
        local link

        container a
        link=$(ip -n "$H" -o link show master berth0 | sed 's/^[0-9]*: //; s/@.*//')
        ip -n "$H" -d link show "$link" | grep -q 'numtxqueues 1 numrxqueues 1 '
        ip -n a -d link show eth0 | grep -q 'numtxqueues 1 numrxqueues 1 '
        reaches a "$(of a gateway6)"
        eventually eval '[ -n "$(link_local_of a)" ]'
        ip -n "$H" link show "$link" | grep -q 'state UP'
        [ -z "$(ip -n "$H" -6 addr show "$link")" ]
        [ -z "$(ip -n "$H" -6 route show table all dev "$link")" ]
}

# What of IPv6 a container hears of others than the host, counted where nothing has dropped it.
overhear() {
        at "$1" nft "table inet heard { counter routers {}; counter groups {}; counter addresses {};
                chain c { type filter hook prerouting priority -300
                        ether saddr $(mac_of "$H" berth0) accept
                        icmpv6 type nd-router-solicit counter name routers
                        icmpv6 type mld2-listener-report counter name groups
                        ip6 saddr :: icmpv6 type nd-neighbor-solicit counter name addresses; }; }"
}

overheard() { # overheard NAMESPACE routers|groups|addresses: how often
        at "$1" nft -j list counter inet heard "$2" | jq '.nftables[] | .counter.packets // empty'
}

@test "networks: an interface that comes up disturbs no other container, but what one asks is heard" {
        container a
        eventually eval '[ -n "$(link_local_of a)" ]'
        overhear a
        container b
        eventually eval '[ -n "$(link_local_of b)" ]'
        # Linux looks for routers within a second of that.
        sleep 2
        [ "$(overheard a routers)$(overheard a groups)$(overheard a addresses)" = 000 ]
        # An address of its own choice, and a group of a program.
        ip -n b addr add fe80::5/64 dev eth0
        ip -n b addr add ff05::99/128 dev eth0 autojoin
        eventually eval '[ "$(overheard a addresses)" -ge 1 ]'
        eventually eval '[ "$(overheard a groups)" -ge 1 ]'
        [ "$(overheard a routers)" -eq 0 ]
        container free spoof
        eventually eval '[ "$(overheard a routers)" -ge 1 ]'
        reaches a "$(of b ipv6)"
}

@test "networks: sysctls of IPv6 that cannot be written do not stop a container" {
        container first
        new_namespace second
        # As in a host that is a container itself. What the network needs is set already.
        at "$H" unshare -m sh -c 'mount --bind -o ro /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys && exec "$@"' - \
                "$TOOLS/ctlnet_tool" "$NET" attach second /run/netns/second >"$T/second"
        reaches second "$(of second gateway6)"
        reaches second "$(of first ipv6)"
}

@test "networks: containers reach the world with the host's address, and nobody outside them" {
        container a
        reaches a $WORLD
        # Its neighbours look for each other while their own addresses are new.
        eventually reaches a 2001:db8::1
        ip -n world route add "$(of a gateway4)/32" via $HOST
        ip -n world route add "$(of a ipv4)/32" via $HOST
        unreachable world "$(of a ipv4)"
        answer world 7 world
        [ "$(call a $WORLD 7)" = world ]
}

# ---- published ports ----

@test "publish: a port is reached from the world, the host, 127.0.0.1, other containers and its own" {
        container a publish=8080:80
        container b
        answer a 80 hello
        [ "$(call world $HOST 8080)" = hello ]
        [ "$(call world 2001:db8::2 8080)" = hello ]
        [ "$(call "$H" 127.0.0.1 8080)" = hello ]
        [ "$(call "$H" $HOST 8080)" = hello ]
        [ "$(call b $HOST 8080)" = hello ]
        [ "$(call b "$(of b gateway4)" 8080)" = hello ]
        [ "$(call a $HOST 8080)" = hello ]
        run ! call world $HOST 80
}

@test "publish: on one address of the host only there" {
        container a publish=127.0.0.1:8080:80 "publish=[2001:db8::2]:8081:80"
        answer a 80 hello
        [ "$(call "$H" 127.0.0.1 8080)" = hello ]
        run ! call world $HOST 8080
        eventually eval '[ "$(call world 2001:db8::2 8081)" = hello ]'
        run ! call world $HOST 8081
        run ! call world "$(of a gateway6)" 8081
}

@test "publish: what is published on 127.0.0.1 is not reached from outside by that address" {
        container a publish=127.0.0.1:8080:80
        answer a 80 hello
        [ "$(call "$H" 127.0.0.1 8080)" = hello ]
        # A neighbour that takes 127.0.0.1 for an address like others, and the host for the way there.
        ip -n world addr del 127.0.0.1/8 dev lo
        at world sysctl -qw net.ipv4.conf.all.route_localnet=1
        ip -n world route add 127.0.0.1/32 via $HOST
        run ! call world 127.0.0.1 8080
}

@test "publish: IPv6 ports are reached from the world, the host, other containers and its own" {
        container a publish=8080:80
        container b
        answer a 80 hello
        eventually eval '[ "$(call world 2001:db8::2 8080)" = hello ]'
        [ "$(call "$H" 2001:db8::2 8080)" = hello ]
        [ "$(call b 2001:db8::2 8080)" = hello ]
        [ "$(call b "$(of b gateway6)" 8080)" = hello ]
        [ "$(call a 2001:db8::2 8080)" = hello ]
        run ! call world 2001:db8::2 80
        new_namespace c
        run -1 net attach c /run/netns/c "publish=[2001:db8::2]:8080:80" publish=8080:80
        [[ $output == *"published port 8080:80/tcp is taken by container a"* ]]
        nothing_of c
}

@test "IPv6: behind NAT the world sees the host, without NAT the container, and only what was asked for comes in" {
        net create routable subnet6=2001:db8:5::/64 no-nat
        container a
        container b net=routable
        ip -n world route add 2001:db8:5::/64 via 2001:db8::2
        ip -n world route add "$(of a gateway6)/64" via 2001:db8::2
        tells_caller world 7
        eventually eval '[[ "$(call a 2001:db8::1 7)" == 2001:db8::2 ]]'
        [ "$(call b 2001:db8::1 7)" = "$(of b ipv6)" ]
        unreachable world "$(of a ipv6)"
        reaches world "$(of b ipv6)"
}

@test "IPv6: a fixed address is given, kept over restarts, and refused to others" {
        net create n subnet=10.77.0.0/24 subnet6=fd77::/64
        container a net=n ip6=fd77::50
        [ "$(of a ipv6)" = fd77::50 ]
        net detach a
        end_namespace a
        container a net=n
        [ "$(of a ipv6)" = fd77::50 ]
        run -1 net allocate b net=n ip6=fd77::50
        [[ $output == *"network n: address fd77::50 belongs to container a"* ]]
        run -1 net allocate b net=n ip6=fd78::1
        [[ $output == *"fd78::1 is no address of the network's subnet fd77::/64"* ]]
        net create four no-ipv6
        run -1 net allocate b net=four ip6=fd77::51
        [[ $output == *"network four: it has no IPv6"* ]]
}

@test "publish: a range of ports goes to a range" {
        container a publish=8000-8009:80-89
        answer a 83 third
        [ "$(call world $HOST 8003)" = third ]
}

@test "publish: UDP is told from TCP" {
        container a publish=5353:53/udp
        at "$H" nft list map inet berth dnat4_any | grep -q "udp . 5353 comment \"a.0\" : $(of a ipv4) . 53"
        run ! call world $HOST 5353
}

counts() { # counts NAMESPACE: what comes in there for UDP's port 53; heard NAMESPACE TIMES
        at "$1" nft 'table inet counts { chain c { type filter hook input priority 0; udp dport 53 counter; }; }'
}

heard() {
        [ "$(at "$1" nft -j list table inet counts | jq '[.nftables[].rule.expr // [] | .[].counter.packets // 0] | add')" -eq "$2" ]
}

@test "publish: who goes on sending to a port of UDP reaches whose it is now" {
        container warm
        asks
        container a publish=9:53/udp
        counts a
        asks
        eventually heard a 1
        net publish a
        container b publish=9:53/udp
        counts b
        asks
        eventually heard b 1
        net detach b
        net publish a 9:53/udp
        asks
        eventually heard a 2
        heard b 1
}

# From the world to the host, always from the same port.
asks() {
        sends world down0 "$(mac_of "$H" up0)" $WORLD $HOST
}

@test "publish: a port that another container has is refused by its name, and nothing is left" {
        container a publish=8080:80
        new_namespace b
        run -1 net attach b /run/netns/b publish=8080:80
        [[ $output == *"network of b: published port 8080:80/tcp is taken by container a"* ]]
        nothing_of b
        run ! ip -n b link show eth0
        answer a 80 hello
        [ "$(call world $HOST 8080)" = hello ]
}

@test "publish: a port on which a process of the host listens is refused" {
        answer "$H" 8080
        new_namespace a
        run -1 net attach a /run/netns/a publish=8080:80
        [[ $output == *"published port 8080:80/tcp: a process of the host has port 8080 at one of its addresses (ADDRESS:PORT:PORT takes another)"* ]]
        run -1 net attach a /run/netns/a publish=$HOST:8080:80
        [[ $output == *"a process of the host has port 8080" ]]
        nothing_of a
}

@test "publish: ports change while the container runs" {
        container a publish=8080:80
        answer a 80 hello
        net publish a 9090:80
        [ "$(call world $HOST 9090)" = hello ]
        run ! call world $HOST 8080
        net detach a
        nothing_of a
}

# ---- walls ----

@test "spoofing: packets, ARP and frames with addresses of others are dropped" {
        container a
        container b
        ip -n a addr add "$(of b ipv4)0/32" dev eth0 2>/dev/null || ip -n a addr add 10.9.9.9/32 dev eth0
        reaches a "$(of a gateway4)"
        unreachable a "$(of a gateway4)" -I 10.9.9.9
        ip -n a link set eth0 address 02:00:00:00:00:99
        unreachable a "$(of a gateway4)"
        ip -n a link set eth0 address "$(of a mac)"
        reaches a "$(of a gateway4)"
        # It says that it is b.
        ip -n a addr flush dev eth0
        ip -n a addr add "$(of b ipv4)/20" dev eth0
        ip -n "$H" neigh flush dev berth0 nud all
        at a busybox arping -U -c 2 -I eth0 "$(of b ipv4)" >/dev/null || true
        reaches "$H" "$(of b ipv4)"
        at "$H" ip neigh show "$(of b ipv4)" | grep -q "$(of b mac)"
}

link_local_of() { # link_local_of NAMESPACE [LINK]
        ip -n "$1" -6 -o addr show dev "${2:-eth0}" scope link -tentative | sed 's/.*inet6 \([0-9a-f:]*\).*/\1/'
}

says() { # says CONTAINER advert|router ADDRESS
        at "$1" "$TOOLS/ctlnet_tool" "$NET" say "$2" "$3" eth0
}

# The route to a router that the host HOST knows by what it says of itself.
knows_router() {
        ip -n "$1" -6 route show proto ra | grep -q "via $2 "
}

@test "spoofing: IPv6 packets, neighbour and router advertisements of others are dropped" {
        container a
        container b
        container free spoof
        eventually reaches "$H" "$(of b ipv6)"
        # With an address of somebody else.
        ip -n a addr add fd99::9/128 dev eth0 nodad
        ip -n "$H" route add fd99::9/128 dev berth0
        reaches a "$(of a gateway6)"
        unreachable a "$(of a gateway6)" -I fd99::9
        # It says that it is b; who may say that is heard, where the host was not told who b is.
        ip -n "$H" -6 neigh flush dev berth0 nud all
        reaches "$H" "$(of b ipv6)"
        says a advert "$(of b ipv6)"
        reaches "$H" "$(of b ipv6)"
        at "$H" ip neigh show "$(of b ipv6)" | grep -q "$(of b mac)"
        says free advert "$(of b ipv6)"
        eventually eval 'at "$H" ip neigh show "$(of b ipv6)" | grep -q "$(of free mac)"'
        # It says that it is a router.
        eventually eval '[ -n "$(link_local_of a)" ] && [ -n "$(link_local_of free)" ]'
        says a router "$(link_local_of a)"
        says free router "$(link_local_of free)"
        eventually knows_router b "$(link_local_of free)"
        run ! knows_router b "$(link_local_of a)"
}

@test "spoofing: the link-local address of somebody else is not believed, one of its own choice is" {
        local address host

        container a
        container b
        container free spoof
        eventually eval '[ -n "$(link_local_of b)" ] && [ -n "$(link_local_of "$H" berth0)" ]'
        host=$(link_local_of "$H" berth0)%eth0
        address=$(link_local_of b)
        eventually reaches "$H" "$address%berth0"
        says a advert "$address"
        reaches "$H" "$address%berth0"
        at "$H" ip neigh show "$address" | grep -q "$(of b mac)"
        ip -n a addr add "$address/64" dev eth0 nodad
        ip -n a addr add fe80::5/64 dev eth0 nodad
        eventually reaches a "$host" -I fe80::5%eth0
        unreachable a "$host" -I "$address%eth0"
        says free advert "$address"
        eventually eval 'at "$H" ip neigh show "$address" | grep -q "$(of free mac)"'
}

# watch NAMESPACE: counts UDP's port 9 there, before anything but what drops it first; seen NAMESPACE FROM: how often.
watch() {
        at "$1" nft 'table inet seen { set from { type ipv4_addr; flags dynamic; counter; };
                chain c { type filter hook prerouting priority -250; udp dport 9 add @from { ip saddr }; }; }'
}

seen() {
        at "$1" nft -j list set inet seen from |
                jq --arg from "$2" '[.nftables[].set.elem // [] | .[].elem | select(.val == $from).counter.packets] | add // 0'
}

sends() { # sends NAMESPACE LINK MAC FROM TO
        at "$1" "$TOOLS/ctlnet_tool" "$NET" frame "${@:2}"
}

mac_of() {
        ip -n "$1" -br link show "$2" | awk '{ print $3 }'
}

@test "spoofing: frames to the addresses that bridges keep for themselves are checked like all others" {
        local i

        container a
        watch "$H"
        for i in 00 02 03 0e; do
                sends a eth0 "01:80:c2:00:00:$i" 198.51.100.9 "$(of a gateway4)"
        done
        sends a eth0 "$(mac_of "$H" berth0)" 198.51.100.9 "$(of a gateway4)"
        sends a eth0 "$(mac_of "$H" berth0)" "$(of a ipv4)" "$(of a gateway4)"
        eventually eval '[ "$(seen "$H" "$(of a ipv4)")" = 1 ]'
        [ "$(seen "$H" 198.51.100.9)" = 0 ]
}

@test "spoofing: what holds the namespace of a container that has ended can send nothing more" {
        net create r mode=routed
        container a
        container c net=r
        watch "$H"
        net detach a reaped
        net detach c reaped
        sends a eth0 "$(mac_of "$H" berth0)" 198.51.100.9 "$(of a gateway4)"
        sends c eth0 "$(mac_of "$H" "$(of c link)")" 127.0.0.9 127.0.0.1
        container b
        sends b eth0 "$(mac_of "$H" berth0)" "$(of b ipv4)" "$(of b gateway4)"
        eventually eval '[ "$(seen "$H" "$(of b ipv4)")" = 1 ]'
        [ "$(seen "$H" 198.51.100.9)" = 0 ]
        [ "$(seen "$H" 127.0.0.9)" = 0 ]
}

@test "spoofing: a container that may is still none of the host's loopback" {
        container a spoof
        watch "$H"
        sends a eth0 "$(mac_of "$H" berth0)" 127.0.0.9 "$(of a gateway4)"
        sends a eth0 "$(mac_of "$H" berth0)" 198.51.100.9 "$(of a gateway4)"
        eventually eval '[ "$(seen "$H" 198.51.100.9)" = 1 ]'
        [ "$(seen "$H" 127.0.0.9)" = 0 ]
}

@test "spoofing: nobody outside comes in with the address of a container" {
        net create r mode=routed subnet=10.66.0.0/24
        container a publish=8080:80
        container b
        container c net=r
        container d net=r
        watch a
        watch c
        answer a 80 hello
        sends world down0 "$(mac_of "$H" up0)" "$(of b ipv4)" "$(of a ipv4)"
        sends world down0 "$(mac_of "$H" up0)" "$(of d ipv4)" "$(of c ipv4)"
        # What a network's own members send arrives, and so does what is published.
        sends b eth0 "$(mac_of a eth0)" "$(of b ipv4)" "$(of a ipv4)"
        [ "$(call world $HOST 8080)" = hello ]
        eventually eval '[ "$(seen a "$(of b ipv4)")" = 1 ]'
        [ "$(seen c "$(of d ipv4)")" = 0 ]
}

@test "networks: behind NAT nothing leaves with a container's own address, nor what belongs to no connection" {
        container a
        ip -n world route add 10.64.0.0/10 via $HOST
        watch world
        # A wrong checksum: NAT does not know it.
        sends a eth0 "$(mac_of "$H" berth0)" "$(of a ipv4)" $WORLD 1
        sends a eth0 "$(mac_of "$H" berth0)" "$(of a ipv4)" $WORLD
        eventually eval '[ "$(seen world $HOST)" = 1 ]'
        [ "$(seen world "$(of a ipv4)")" = 0 ]
}

@test "spoofing: a host takes no container for its router" {
        local link

        at "$H" sysctl -qw net.ipv6.conf.default.accept_ra=1
        net create r mode=routed
        net create four no-ipv6
        container a net=r
        container b net=four spoof
        eventually eval '[ -n "$(link_local_of a)" ] && [ -n "$(link_local_of b)" ]'
        says a router "$(link_local_of a)"
        says b router "$(link_local_of b)"
        reaches a "$(of a gateway4)"
        reaches b "$(of b gateway4)"
        [ -z "$(ip -n "$H" -6 route show proto ra)" ]
        for link in "$(sed -n 's/^link = //p' "$NET/interfaces/a.0")" r four; do
                [ "$(at "$H" sysctl -n "net.ipv6.conf.$link.accept_ra")" = 0 ]
        done
}

@test "spoofing: a container that may is not checked" {
        container a spoof
        ip -n a addr add 10.9.9.9/32 dev eth0
        ip -n "$H" route add 10.9.9.9/32 dev berth0
        reaches a "$(of a gateway4)" -I 10.9.9.9
}

@test "isolation: two networks do not reach each other, but by published ports" {
        net create one
        net create two
        container a net=one publish=8080:80
        container b net=two
        container c net=one
        reaches c "$(of a ipv4)"
        unreachable b "$(of a ipv4)"
        unreachable b "$(of a ipv6)"
        unreachable a "$(of b ipv4)"
        answer a 80 hello
        [ "$(call b $HOST 8080)" = hello ]
        # The host's own address in it, and so its names, are the network's.
        unreachable b "$(of a gateway4)"
        unreachable b "$(of a gateway6)"
        reaches b "$(of b gateway6)"
        at c busybox nslookup a "$(of c dns)"
        run ! at b busybox nslookup a "$(of b dns)"
        run ! at b timeout 3 busybox nslookup a "$(of a dns)"
        reaches b $WORLD
}

@test "isolation: by link-local addresses no more is reached than by others" {
        local mode

        net create one
        container a net=one
        for mode in bridge routed; do
                net create $mode mode=$mode
                container $mode net=$mode
                # Its link-local address is the only one that it has left.
                eventually eval "[ -n \"\$(link_local_of $mode)\" ]"
                ip -n $mode -6 addr flush dev eth0 scope global
                reaches $mode "$(of $mode gateway6)" || reaches $mode fe80::1%eth0
                unreachable $mode "$(of a gateway6)"
                run ! at $mode timeout 3 busybox nslookup a "$(of a gateway6)"
        done
        at a busybox nslookup a "$(of a gateway6)"
}

@test "isolation: a network's names are told to its containers and its host, not to the world" {
        net create n subnet=10.77.0.0/24 subnet6=2001:db8:77::/64 no-nat
        container a net=n
        ip -n world route add 10.77.0.0/24 via $HOST
        ip -n world route add 2001:db8:77::/64 via 2001:db8::2
        eventually reaches world "$(of a ipv6)"
        at a busybox nslookup a 10.77.0.1
        at "$H" busybox nslookup a 10.77.0.1
        at "$H" busybox nslookup a 2001:db8:77::1
        run ! at world timeout 3 busybox nslookup a 10.77.0.1
        run ! at world timeout 3 busybox nslookup a 2001:db8:77::1
        run ! at world timeout 1 bash -c 'exec 5<>/dev/tcp/10.77.0.1/53'
        reaches world "$(of a ipv4)"
        reaches world 10.77.0.1
}

@test "isolation: an internal network leads nowhere" {
        net create in internal
        container a net=in
        container b net=in
        reaches a "$(of b ipv4)"
        ip -n a route add default via "$(net network in | awk '{ sub("0/20", "1", $2); print $2 }')"
        unreachable a $WORLD
}

@test "isolation: what listens on the host's loopback stays there" {
        container a
        answer "$H" 7777 secret
        at a sysctl -qw net.ipv4.conf.eth0.route_localnet=1
        ip -n a route add 127.0.0.2/32 via "$(of a gateway4)"
        [ "$(call "$H" 127.0.0.2 7777)" = secret ]
        run ! call a 127.0.0.2 7777
}

# ---- addresses ----

@test "addresses: MAC and addresses stay over restarts, until they are forgotten" {
        container a
        cp "$T/a" "$T/before"
        net detach a
        end_namespace a
        container a
        diff "$T/before" "$T/a"
        [ "$(ip -n a -o -4 addr show eth0 | awk '{ sub("/.*", "", $4); print $4 }')" = "$(of a ipv4)" ]
        net forget a
        [ -z "$(ls "$NET/interfaces" "$NET/networks/berth0/addresses" | grep -v :$)" ]
}

@test "addresses: a fixed one is given, and kept from others, whose error names the owner" {
        net create n subnet=10.77.0.0/24 no-ipv6
        container a net=n ip=10.77.0.50 mac=02:11:22:33:44:55
        [ "$(of a ipv4)" = 10.77.0.50 ]
        ip -n a link show eth0 | grep -q 02:11:22:33:44:55
        new_namespace b
        run -1 net attach b /run/netns/b net=n ip=10.77.0.50
        [[ $output == *"network n: address 10.77.0.50 belongs to container a"* ]]
        run -1 net attach b /run/netns/b net=n mac=02:11:22:33:44:55
        [[ $output == *"MAC 02:11:22:33:44:55 belongs to container a"* ]]
        run -1 net allocate b net=n ip=10.78.0.1
        [[ $output == *"10.78.0.1 is no address of the network's subnet 10.77.0.0/24"* ]]
        run -1 net allocate b net=n ip=10.77.0.1
        [[ $output == *"10.77.0.1 is the network's gateway"* ]]
        [ "$(ls "$NET/networks/n/addresses" | wc -l)" -eq 2 ]
}

@test "addresses: a full network says so" {
        net create n subnet=10.77.0.0/29 no-ipv6
        for name in a b c d e; do net allocate $name net=n >/dev/null; done
        run -1 net allocate f net=n
        [[ $output == *"no address of 10.77.0.0/29 is free"* ]]
        net forget c
        net allocate f net=n
}

@test "addresses: they go with a container's new name" {
        net allocate a >"$T/before"
        net rename a b
        net show b >"$T/after"
        diff "$T/before" "$T/after"
        run -1 net show a
}

@test "addresses: a container whose network was removed by hand gets those of another" {
        net create n subnet=10.77.0.0/24
        net allocate a net=n
        rm -r "$NET/networks/n"
        run -1 net allocate a net=n
        [[ $output == *"there is no network n"* ]]
        net allocate a >"$T/a"
        [ -L "$NET/networks/berth0/addresses/$(of a ipv4)" ]
}

@test "addresses: two that ask at once get different ones" {
        for i in {1..20}; do net allocate "c$i" net=berth0 >"$T/c$i" & done
        wait
        [ "$(cat "$T"/c* | grep -c '^ipv4')" -eq 20 ]
        [ "$(cat "$T"/c* | grep '^ipv4' | sort -u | wc -l)" -eq 20 ]
}

# ---- networks ----

@test "networks: a subnet that overlaps another network or a route of the host is refused" {
        net create n subnet=10.77.0.0/24
        run -1 net create m subnet=10.77.0.128/25
        [[ $output == *"network m: 10.77.0.128/25 overlaps network n"* ]]
        run -1 net create m subnet=192.0.0.0/16
        [[ $output == *"192.0.0.0/16 overlaps the host's route to 192.0.2.0/24"* ]]
        run -1 net create m subnet=10.5.0.1/24
        [[ $output == *"10.5.0.1/24 has bits behind its prefix"* ]]
        run -1 net create m subnet=224.0.0.0/24
        [[ $output == *"network m: the addresses of 224.0.0.0/24 are not those of hosts"* ]]
        run -1 net create m subnet6=fe80:1::/64
        [[ $output == *"network m: the addresses of fe80:1::/64 are not those of hosts"* ]]
        run -1 net create m subnet6=::ffff:0.0.0.0/96
        [[ $output == *"network m: the addresses of ::ffff:0.0.0.0/96 are not those of hosts"* ]]
        run -1 net create n
        [[ $output == *"network n exists"* ]]
        run -1 net create ../n
        [[ $output == *'network "../n": a name has'* ]]
        # What follows the line would be the network's mode.
        run -1 net create m mode=macvlan parent=$'a\nmode = bridge' subnet=10.79.0.0/24
        [[ $output == *'mode = bridge" is no name of a link'* ]]
        [ "$(net networks | wc -l)" -eq 1 ]
}

@test "networks: one with members stays, one without goes with its bridge and rules" {
        net create n
        container a net=n
        run -1 net delete n
        [[ $output == *"network n: container a has an address in it"* ]]
        container c net=n
        container b net=n
        run -1 net delete n
        [[ $output == *"network n: container a and 2 more have addresses in it"* ]]
        net forget a
        net forget b
        net forget c
        net delete n
        run ! ip -n "$H" link show n
        run ! at "$H" bash -c 'nft list ruleset | grep elements'
        run -1 net delete n
        [[ $output == *"there is no network n"* ]]
}

@test "networks: a link of somebody else with the network's name is left alone" {
        ip -n "$H" link add name other type bridge
        net create other
        new_namespace a
        run -1 net attach a /run/netns/a net=other
        [[ $output == *"network other: the host has another link of this name"* ]]
        net forget a
        net delete other
        ip -n "$H" link show other
}

@test "firewalls: tables of others stay, and what they drop is dropped" {
        at "$H" nft 'add table ip filter; add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }'
        container a
        at "$H" nft list table ip filter | grep -q 'policy drop'
        unreachable a $WORLD
}

@test "firewalls: after nft flush ruleset the next attachment brings everything back, and so does repair" {
        container a publish=8080:80
        answer a 80 hello
        at "$H" nft flush ruleset
        run ! call world $HOST 8080
        container b
        [ "$(call world $HOST 8080)" = hello ]
        at "$H" nft flush ruleset
        net repair
        [ "$(call world $HOST 8080)" = hello ]
        reaches b "$(of a ipv4)"
}

# ---- other modes ----

@test "routed: containers reach each other, the host and the world without a bridge, and cannot spoof" {
        net create r mode=routed subnet=10.66.0.0/24
        container a net=r publish=8080:80
        container b net=r
        [ "$(grep '^ipv4' "$T/a" | grep -c /32)" -eq 1 ]
        reaches a "$(of b ipv4)"
        reaches a "$(of b ipv6)"
        reaches a $WORLD
        reaches "$H" "$(of a ipv4)"
        answer a 80 hello
        [ "$(call world $HOST 8080)" = hello ]
        [ "$(call "$H" 127.0.0.1 8080)" = hello ]
        [ "$(call b $HOST 8080)" = hello ]
        ip -n a addr add 10.66.0.99/32 dev eth0
        unreachable a "$(of b ipv4)" -I 10.66.0.99
        ip -n a addr add fd99::9/128 dev eth0 nodad
        reaches a "$(of b ipv6)"
        unreachable a "$(of b ipv6)" -I fd99::9
        net detach a
        nothing_of a
}

@test "routed: a network on a link of the host answers there for its containers" {
        net create r mode=routed parent=up0 subnet=192.0.2.128/25 subnet6=2001:db8::1:0:0/96 no-nat
        container a net=r
        # Who answers for another lets it answer first (proxy_delay).
        reaches world "$(of a ipv4)" -W 4
        reaches world "$(of a ipv6)" -W 4
        reaches a $WORLD
        net detach a
        run ! at "$H" bash -c 'ip neigh show proxy | grep .'
}

@test "macvlan: a container stands beside the host on its link" {
        container a net=macvlan:up0 ip=192.0.2.7/24 gateway=$WORLD
        reaches a $WORLD
        net create m mode=macvlan parent=up0 subnet=192.0.2.0/24 gateway=$WORLD
        container b net=m
        reaches b $WORLD
        reaches a "$(of b ipv4)"
        net detach a
}

@test "phys: a link of the host is lent to a container" {
        container a net=phys:up0 ip=192.0.2.9/24
        run ! ip -n "$H" link show up0
        reaches a $WORLD
}

# bats test_tags=lab
@test "vlan: a VLAN of a link belongs to one container" {
        ip -n world link add link down0 name v5 type vlan id 5 2>/dev/null || skip "this kernel has no VLANs"
        ip -n world addr add 198.51.100.1/24 dev v5
        ip -n world link set v5 up
        container a net=vlan:up0.5 ip=198.51.100.2/24
        reaches a 198.51.100.1
        new_namespace b
        run -1 net attach b /run/netns/b net=vlan:up0.5
        [[ $output == *"VLAN 5 of up0 is taken"* ]]
}

@test "modes: host, none and another container's make nothing" {
        for mode in host none container:x; do
                run -0 net allocate a net=$mode
                [[ $output != *ipv4* ]]
        done
        run -1 net allocate a net=bogus:1
        [[ $output == *"--net bogus:1: no network and none of host, none"* ]]
        [ -z "$(ls "$NET/interfaces")" ]
}

@test "modes: several interfaces" {
        net create two
        container a
        net attach a /run/netns/a index=1 net=two >"$T/second"
        ip -n a link show eth1
        [ "$(ip -n a route show default | wc -l)" -eq 1 ]
        net detach a
        run ! ip -n a link show eth1
        nothing_of a
}

# ---- rates ----

# took FROM TO ADDRESS: milliseconds until 2 MiB have arrived.
took() {
        local start receiver

        at "$2" busybox nc -l -p 9 </dev/null >/dev/null 2>&1 &
        receiver=$!
        eventually listens "$2" 9
        start=${EPOCHREALTIME/./}
        at "$1" timeout 15 bash -c 'head -c 2M /dev/zero >"/dev/tcp/$1/9"' send "$3"
        wait $receiver
        echo $(((${EPOCHREALTIME/./} - start) / 1000))
}

@test "rates: both ways are limited, change while it runs, and end" {
        container a in=8mbit out=8mbit
        # 2.1 s each, without what the bucket holds.
        [ "$(took "$H" a "$(of a ipv4)")" -ge 1500 ]
        [ "$(took a "$H" $HOST)" -ge 1500 ]
        net rates a 800mbit 800mbit
        [ "$(took "$H" a "$(of a ipv4)")" -lt 1500 ]
        [ "$(took a "$H" $HOST)" -lt 1500 ]
        net rates a 0 0
        run ! at "$H" bash -c 'tc qdisc show | grep tbf'
        run ! at "$H" bash -c 'ip -o link | grep ": bi"'
        net rates a 32mbit 32mbit
        net detach a
        run ! at "$H" bash -c 'ip -o link | grep ": b[it]"'
}

# ---- crashes ----

@test "crashes: an attachment killed at any system call leaves nothing that detach does not remove" {
        local point=120 output

        new_namespace a
        net allocate warm >/dev/null
        container warm
        while :; do
                output=$(at "$H" "$TOOLS/inject" -n $point -x none "$TOOLS/ctlnet_tool" "$NET" attach a /run/netns/a \
                        publish=8080:80 out=8mbit) || break
                net detach a
                nothing_of a
                run ! at "$H" bash -c 'ip -o link | grep ": bi"'
                run ! ip -n a link show eth0
                point=$((point + 7))
        done
        [[ $output == *points* ]]
        [ $point -gt 200 ]
        net detach a
        container a publish=8080:80
        reaches a "$(of warm ipv4)"
}

@test "crashes: an attachment after one that was killed replaces it" {
        new_namespace a
        container warm
        at "$H" "$TOOLS/inject" -n 330 -x none "$TOOLS/ctlnet_tool" "$NET" attach a /run/netns/a publish=8080:80 || true
        container a publish=8080:80
        answer a 80 hello
        [ "$(call world $HOST 8080)" = hello ]
        [ "$(at "$H" bash -c 'ip -o link | grep -c ": bt"')" -eq 2 ]
}

@test "crashes: links that the kernel has not reaped yet are in nobody's way" {
        container a
        net detach a reaped
        [ "$(at "$H" bash -c 'ip -o link | grep -c ": bt"')" -eq 1 ]
        new_namespace again
        net attach a /run/netns/again >"$T/a"
        reaches again "$(of a gateway4)"
        end_namespace a
        eventually eval '[ "$(at "$H" bash -c "ip -o link | grep -c \": bt\"")" -eq 1 ]'
}

@test "crashes: links of ended starts that something holds do not stop the next one, nor outlive their network" {
        net create n
        new_namespace a
        for i in {1..9}; do
                new_namespace "held$i"
                net attach a "/run/netns/held$i" net=n >"$T/a"
                net detach a reaped
        done
        [ "$(at "$H" bash -c 'ip -o link | grep -c ": bt"')" -eq 8 ]
        net attach a /run/netns/a net=n >"$T/a"
        reaches a "$(of a gateway4)"
        net forget a
        net delete n
        run ! at "$H" bash -c 'ip -o link | grep ": bt"'
}

@test "crashes: a port of a container that ended with nobody to tidy up is free, and so is what repair finds" {
        container a publish=8080:80
        end_namespace a
        eventually eval '[ -z "$(at "$H" bash -c "ip -o link | grep \": bt\"")" ]'
        grep -q '^link = bt' "$NET/interfaces/a.0"
        container b publish=8080:80
        answer b 80 hello
        [ "$(call world $HOST 8080)" = hello ]
        nothing_of a
        [ "$(net show a | awk '$1 == "ipv4"')" = "$(grep '^ipv4' "$T/a")" ]
        net publish b
        container c publish=9090:80
        end_namespace c
        eventually eval '[ "$(at "$H" bash -c "ip -o link | grep -c \": bt\"")" = 1 ]'
        net publish b 9090:80
        [ "$(call world $HOST 9090)" = hello ]
        container d publish=7070:80
        end_namespace d
        eventually eval '[ "$(at "$H" bash -c "ip -o link | grep -c \": bt\"")" = 1 ]'
        ln -s nobody.0 "$NET/networks/berth0/addresses/10.64.0.77"
        net repair
        nothing_of d
        [ ! -L "$NET/networks/berth0/addresses/10.64.0.77" ]
        [ "$(call world $HOST 9090)" = hello ]
}

# ---- many ----

@test "many: the last of 200 attachments costs what the first did" {
        run -0 at "$H" timeout 120 "$TOOLS/ctlnet_tool" "$NET" many 200
        echo "# $output" >&3
        # "first 0.50 ms, last 0.65 ms" of the processor. The kernel's bridge goes through its ports for each new one; a
        # start as a whole takes some 5 ms, of which half a millisecond more is far from 1.3 times.
        awk '{ exit !($5 <= 1.3 * $2 + 0.5) }' <<<"$output"
}
