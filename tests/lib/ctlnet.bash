# What the tests of berthctl's networks share: a host $H and the world outside of it, as network namespaces joined by a
# cable (192.0.2.0/24 and 2001:db8::/64), and containers, which are namespaces too.

H=host
WORLD=192.0.2.1
HOST=192.0.2.2

ctlnet_setup() {
        # The first one mounts /run/netns, which stays.
        ip netns add "$H"
        ip netns del "$H"
        common_setup
        NET=$T/net
        mkdir -p "$NET"
        new_namespace "$H"
        new_namespace world
        ip -n "$H" link add up0 type veth peer name down0 netns world
        ip -n "$H" addr add $HOST/24 dev up0
        ip -n "$H" addr add 2001:db8::2/64 dev up0 nodad
        ip -n "$H" link set up0 up
        ip -n world addr add $WORLD/24 dev down0
        ip -n world addr add 2001:db8::1/64 dev down0 nodad
        ip -n world link set down0 up
        ip -n "$H" route add default via $WORLD
}

ctlnet_teardown() {
        local pid file

        for file in "$NET"/networks/*/dnsmasq.pid; do
                pid=$(cat "$file" 2>/dev/null) && kill "$pid" 2>/dev/null || true
        done
        common_teardown
}

# new_namespace NAME: gone at the end of the test.
new_namespace() {
        ip netns add "$1"
        ip -n "$1" link set lo up
        defer "end_namespace $1"
}

# Its processes first: they would keep it.
end_namespace() {
        local pids

        [ -e "/run/netns/$1" ] || return 0
        pids=$(ip netns pids "$1")
        [ -z "$pids" ] || kill -KILL $pids
        ip netns del "$1"
}

at() { # at NAMESPACE COMMAND...
        ip netns exec "$@" 3>&- 4>&-
}

# The tool, on the host.
net() {
        at "$H" timeout -k 2 "$DEADLINE" "$TOOLS/ctlnet_tool" "$NET" "$@"
}

# container NAME [KEY=VALUE...]: a container's namespace, attached; what it got is in $T/NAME.
container() {
        [ -e "/run/netns/$1" ] || new_namespace "$1"
        net attach "$1" "/run/netns/$1" "${@:2}" >"$T/$1"
}

# of NAME FACT: "ipv4", "gateway4", "mac"... of a container, without a prefix.
of() {
        awk -v key="$2" '$1 == key { sub("/.*", "", $2); print $2; exit }' "$T/$1"
}

# answer NAMESPACE PORT [WORD]: something there that answers each call with a word.
answer() {
        at "$1" busybox nc -ll -p "$2" -e echo "${3:-$1}" </dev/null >/dev/null 2>&1 &
        eventually listens "$1" "$2"
}

# tells_caller NAMESPACE PORT: something there that answers each call with the caller's address.
tells_caller() {
        at "$1" busybox nc -ll -p "$2" -e sh -c 'set -- $(ss -tnH state established "sport = :$0" | tail -n 1); \
                p=$4; p=${p%:*}; p=${p#[}; echo "${p%]}"' "$2" </dev/null >/dev/null 2>&1 &
        eventually listens "$1" "$2"
}

listens() {
        at "$1" ss -tln "sport = :$2" | grep -q LISTEN
}

# call NAMESPACE ADDRESS PORT: the answer.
call() {
        at "$1" timeout 3 bash -c 'exec 5<>"/dev/tcp/$1/$2" && cat <&5' call "$2" "$3" 2>/dev/null
}

reaches() { # reaches NAMESPACE ADDRESS [OPTION...]
        at "$1" busybox ping -c 1 -W 1 "${@:3}" "$2" >/dev/null 2>&1
}

unreachable() {
        ! reaches "$@"
}

# Nothing of a container is left on the host.
nothing_of() {
        ! at "$H" nft list ruleset | grep "\"$1\.[0-9]\"" && ! grep -s '^link' "$NET/interfaces/$1."*
}
