# berthctl on a real host: limits that bite, containers that come back with the host, and the same in virtual machines.
# bats file_tags=berth

load lab

LAB=1
export BERTH_SUITE=${BERTH_SUITE:-lab}
DEADLINE=180
BERTHCTL=${BERTHCTL:-/usr/local/bin/berthctl}
load ../lib/common
load ../lib/ctl
load ../lib/ctlnet

setup_file() {
        systemctl stop systemd-tmpfiles-clean.timer
        # The mount at /run/netns stays when there was one namespace.
        ip netns add first && ip netns delete first
        # Nor does a slice go with the first scope in it.
        until_true 60 as lab systemctl --user is-system-running --quiet
        as lab systemd-run --user --scope --quiet --slice user.slice true
}

# An emulated machine, and machines in it: a while.
eventually() {
        until_true 60 "$@"
}

# worker NAME [OPTION...] -- WORD...: a container whose program is load (tests/helpers/load.c) with these words; not started.
worker() {
        local name=$1 options=()

        shift
        while [ "$1" != -- ]; do options+=("$1"); shift; done
        shift
        ctl create "$name" --image busybox --net none --stop-timeout 0 "${options[@]}" -- /bin/load "$@"
        ctl cp "$TOOLS/load" "$name:/bin/load"
}

load_in() {
        ctl exec "$1" /bin/load "${@:2}"
}

told() { # told KEY TEXT
        [[ " $2" =~ [[:space:]]"$1"=([^[:space:]]*) ]] && echo "${BASH_REMATCH[1]}"
}

between() { # between LOW VALUE HIGH
        [ "$2" -ge "$1" ] && [ "$2" -le "$3" ] || { echo "$2 is not between $1 and $3"; return 1; }
}

usage() { # usage NAME FIELD
        ctl stats --json "$1" | jq -r ".[0].$2"
}

milliseconds() { # milliseconds COMMAND...
        local start=${EPOCHREALTIME/./}

        "$@" || return 1
        echo $(((${EPOCHREALTIME/./} - start) / 1000))
}

# ---- limits ----

@test "memory: what does not fit is killed, and fits when the limit is raised while it runs; stats says used and limit" {
        worker web --memory 24m --swap 0 -- memory 1 stay
        ctl start web
        eventually said web touched=1
        run -137 load_in web memory 40
        ctl set web --memory 96m
        is "$(told touched "$(load_in web memory 40)")" 40
        is "$(usage web memoryLimit)" $((96 << 20))
        between $((1 << 20)) "$(usage web memory)" $((96 << 20))
        ctl stop web
}

@test "cpus: half of one and all of one, changed while it runs; beside each other the weights decide" {
        local first second

        worker web --cpus 0.5 --cpu-set 0 -- pin 0
        ctl set web -- /bin/sleep 1000
        ctl start web
        between 30 "$(told share "$(load_in web spin 2000)")" 62
        ctl set web --cpus 0.2
        between 10 "$(told share "$(load_in web spin 2000)")" 32
        ctl set web --unset cpus --cpu-weight 300
        worker other --cpu-set 0 --cpu-weight 100 -- pin 0
        ctl set other -- /bin/sleep 1000
        ctl start other
        load_in other spin 6000 >"$T/other" &
        first=$(told cpu "$(load_in web spin 4000)")
        wait $!
        second=$(told cpu "$(cat "$T/other")")
        # Alone for a third of its time the other one has at most a half of all; by equal weights it would have two thirds.
        [ $((first * 100 / 4000000)) -ge 55 ] || { echo "$first and $second of 4 and 6 seconds"; return 1; }
        ctl stop web other
}

@test "pids: no more processes than it may have, and more when the limit is raised while it runs" {
        worker web --pids 20 -- pin 0
        ctl set web -- /bin/sleep 1000
        ctl start web
        run load_in web fork 50
        has "errno=EAGAIN"
        between 10 "$(told forked "$output")" 20
        ctl set web --pids 100
        run -0 load_in web fork 50
        is "$(told forked "$output")" 50
        is "$(usage web pidsLimit)" 100
        ctl stop web
}

@test "io-write and io-read: bytes a second of the disk that its files lie on" {
        worker web --io-write 1m --io-read 2m -- pin 0
        ctl set web -- /bin/sleep 1000
        ctl start web
        between 500 "$(told rate "$(load_in web write /root/file 3072 direct)")" 1300
        between 1000 "$(told rate "$(load_in web read /root/file 3072)")" 2600
        ctl set web --unset io-write
        [ "$(told rate "$(load_in web write /root/file 3072 direct)")" -ge 1500 ]
        ctl stop web
}

# It serves three megabytes by the network.
server() {
        ctl create "$@" --image busybox --stop-timeout 0 -- /bin/sh -c 'mkdir -p /www; head -c 3000000 /dev/zero >/www/file; echo page >/www/index.html; exec httpd -f -h /www'
        ctl start "$1"
        eventually page_of "$(ctl info --json "$1" | jq -r .network.ipv4 | cut -d / -f 1)"
}

page_of() { # page_of ADDRESS[:PORT]
        [ "$(curl -s --max-time 3 "http://$1/")" = page ]
}

fetch() {
        curl -s --max-time 60 -o "$T/fetched" "http://$1/file"
}

@test "net-rate: bits a second both ways, changed while it runs" {
        local address gateway quick

        server web --net-rate 8mbit
        gateway=$(ctl network show --json berth0 | jq -r .gateway4)
        address=$(ctl info --json web | jq -r .network.ipv4 | cut -d / -f 1)
        between 2300 "$(milliseconds fetch "$address")" 8000
        is "$(stat -c %s "$T/fetched")" 3000000
        busybox httpd -f -p "$gateway:8099" -h "$T" 3>&- 4>&- &
        between 2300 "$(milliseconds ctl exec web wget -q -O /root/got "http://$gateway:8099/fetched")" 20000
        is "$(ctl exec web wc -c /root/got)" "3000000 /root/got"
        ctl set web --net-rate none
        quick=$(milliseconds fetch "$address")
        [ "$quick" -le 2000 ] || { echo "without a limit it takes $quick ms"; return 1; }
        ctl stop web
}

# ---- with the host ----

@test "autostart: the service starts them when the host does, in their order, with their addresses and ports; and stops them" {
        local address

        DIR=/var/lib/berth RUN=/run/berthctl
        server web --autostart --start-order 2 -p 8080:80
        ctl create first --image busybox --autostart --start-order 1 --stop-timeout 0 -- /bin/sleep 1000
        ctl create other --image busybox --stop-timeout 0 -- /bin/sleep 1000
        address=$(ctl info --json web | jq -r .network.ipv4)
        ctl stop web
        systemctl start berthctl.service
        is "$(ctl list -q -r | xargs)" "first web"
        is "$(ctl info --json web | jq -r .network.ipv4)" "$address"
        eventually page_of "127.0.0.1:8080"
        [[ $(ctl info --json first | jq -r .started) < $(ctl info --json web | jq -r .started) ]]
        systemctl stop berthctl.service
        is "$(ctl list -q -r)" ""
        run page_of "127.0.0.1:8080"
        [ "$status" -ne 0 ]
        # What a host loses when it goes down without a word.
        systemctl start berthctl.service
        kill -KILL $(pgrep -x berth-keeper) $(pgrep -x berth-holder)
        kill -KILL "$(ctl_pid web)" "$(ctl_pid first)"
        eventually ctl_is web stopped
        ip link delete berth0
        nft list tables | sed -n 's/^table //p' | grep berth | while read -r table; do nft delete table $table; done
        find /sys/fs/cgroup/berth -depth -type d -exec rmdir {} +
        rm -rf /run/berthctl
        systemctl restart berthctl.service
        is "$(ctl list -q -r | xargs)" "first web"
        is "$(ctl info --json web | jq -r .network.ipv4)" "$address"
        eventually page_of "${address%/*}"
        eventually page_of "127.0.0.1:8080"
        systemctl stop berthctl.service
        ctl destroy web first other
        ctl network delete berth0
}

# ---- whole systems ----

# Like those of tests/integration/ctl_system.bats, by an archive of Debian's.
system_comes_up() { # system_comes_up NAME [OPTION...]
        ctl create "$1" --image tar:/usr/local/share/lab/systemd.tar "${@:2}"
        ctl start "$1"
        until_true 170 ctl exec "$1" sh -c 'case $(systemctl is-system-running) in running | degraded) ;; *) exit 1 ;; esac'
        is "$(ctl exec "$1" systemctl list-units --failed --plain --no-legend)" ""
        is "$(ctl exec "$1" systemctl is-system-running)" running
}

@test "system: Debian with systemd comes up without a failed unit, with a network, reboots, and stops in good order" {
        local pid

        system_comes_up debian --memory 256m --pids 200
        ctl exec debian systemctl is-active systemd-journald
        pid=$(ctl_pid debian)
        ctl exec debian systemctl reboot || true
        until_true 60 runs_anew debian "$pid"
        until_true 100 ctl exec debian systemctl is-system-running
        ctl stop --timeout 60s debian
        [ "$(ctl info --json debian | jq -r .last.status)" -ne 137 ]
}

# ---- in virtual machines ----

machines() {
        modprobe -a kvm_amd kvm_intel 2>/dev/null || true
        [ -c /dev/kvm ]
}

# An ordinary user in a session of his own, whose systemd was started by his login.
his() {
        as lab timeout "$DEADLINE" "$BERTHCTL" "$@"
}

he_is_up() {
        case $(his exec "$1" systemctl is-system-running 2>/dev/null) in
        running | degraded) ;;
        *) return 1 ;;
        esac
}

his_group() {
        echo "/sys/fs/cgroup$(sed 's/^0:://; s,/init.scope$,,' "/proc/$(his info --json "$1" | jq .pid)/cgroup")"
}

has_no_scope() {
        ! as lab systemctl --user is-active --quiet "berthctl-$1.scope"
}

@test "an ordinary user: limits by his systemd, changed while it runs, a network by pasta, and nothing is left" {
        local group

        defer "his destroy -f web 2>/dev/null || true"
        his create web --image busybox --memory 64M --pids 50 --stop-timeout 0 -p 8087:80 -- /bin/sh -c \
                'mkdir /www; echo served >/www/index.html; exec httpd -f -h /www'
        # pasta wants a way to the world.
        new_namespace world
        ip link add up0 type veth peer name down0 netns world
        defer 'ip link del up0'
        ip addr add 198.51.100.2/24 dev up0
        ip link set up0 up
        ip -n world addr add 198.51.100.1/24 dev down0
        ip -n world link set down0 up
        ip route add default via 198.51.100.1
        his start web
        group=$(his_group web)
        is "$group" /sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/user.slice/berthctl-web.scope
        is "$(cat "$group/memory.max") $(cat "$group/pids.max")" "67108864 50"
        his set web --memory 96M
        is "$(cat "$group/memory.max")" 100663296
        his pause web
        his resume web
        is "$(his exec web id -u)" 0
        eventually eval '[ "$(ip netns exec world wget -q -T 5 -t 1 -O - http://198.51.100.2:8087/)" = served ]'
        his stop web
        his set web --autostart
        as lab systemctl --user start berthctl.service
        is "$(his list -q -r)" web
        eventually eval '[ "$(ip netns exec world wget -q -T 5 -t 1 -O - http://198.51.100.2:8087/)" = served ]'
        as lab systemctl --user stop berthctl.service
        is "$(his list -q -r)" ""
        his destroy web
        eventually has_no_scope web
}

@test "an ordinary user: Debian with systemd comes up without a failed unit, and commands run in it" {
        defer "his destroy -f sys 2>/dev/null || true"
        his create sys --image tar:/usr/local/share/lab/systemd.tar --memory 512M --pids 300 --net none
        his start sys
        eventually he_is_up sys
        is "$(his exec sys systemctl list-units --failed --plain --no-legend)" ""
        is "$(his exec sys cat /proc/1/comm)" systemd
        is "$(his exec sys systemd-run --quiet --wait --pipe -p MemoryMax=32M cat /proc/self/cgroup | grep -c system.slice)" 1
        his stop sys
        eventually has_no_scope sys
        his destroy sys
}

@test "vm: reachable on its network and by a published port; exec, cp, logs, stats, limits, pause; and stops" {
        local address

        machines
        server web --isolation vm --memory 96m --cpus 1 -p 8081:80
        address=$(ctl info --json web | jq -r .network.ipv4)
        pgrep -f '^berth-vmm '
        page_of 127.0.0.1:8081
        is "$(ctl exec web ip -4 -o addr show eth0 | awk '{ print $4 }')" "$address"
        ctl exec web ping -c 1 -W 3 "$(ctl network show --json berth0 | jq -r .gateway4)"
        [ "$(ctl exec web uname -r)" ]
        is "$(ctl exec web id -u)" 0
        echo from the host >"$T/file"
        ctl cp "$T/file" web:/root/file
        is "$(ctl exec web cat /root/file)" "from the host"
        ctl exec web sh -c 'echo inside >/root/made'
        is "$(stat -c %u "$DIR/containers/web/rootfs/root/made")" 0
        between 100000 "$(usage web memory)" $((96 << 20))
        is "$(usage web memoryLimit)" $((96 << 20))
        ctl set web --pids 30 --memory 64m
        is "$(usage web pidsLimit)" 30
        is "$(usage web memoryLimit)" $((64 << 20))
        ctl pause web
        run page_of 127.0.0.1:8081
        [ "$status" -ne 0 ]
        ctl resume web
        eventually page_of 127.0.0.1:8081
        ctl restart -f web
        is "$(ctl info --json web | jq -r .network.ipv4)" "$address"
        eventually page_of 127.0.0.1:8081
        ctl stop web
        run -1 pgrep -f '^berth-vmm |virtiofsd --'
        ctl destroy web
        ctl network delete berth0
}

# bats test_tags=full
@test "vm: Debian with systemd comes up without a failed unit in a machine, reboots inside, and stops in good order" {
        local pid

        machines
        system_comes_up debian --isolation vm --memory 256m --net none
        pid=$(ctl_pid debian)
        ctl exec debian systemctl reboot || true
        until_true 170 runs_anew debian "$pid"
        until_true 170 ctl exec debian systemctl is-system-running
        ctl stop --timeout 120s debian
        [ "$(ctl info --json debian | jq -r .last.status)" -ne 137 ]
        run -1 pgrep -f '^berth-vmm |virtiofsd --'
}

# ---- disks ----

# Berthctl's directory on an ext4 that counts for projects.
with_quotas() {
        truncate -s 400M "$T/fs"
        mkfs.ext4 -q -F -O quota,project -E quotatype=prjquota "$T/fs"
        mkdir "$DIR"
        mount -o loop,prjquota "$T/fs" "$DIR"
        chmod 711 "$DIR"
        defer "umount $DIR"
}

@test "disk: a project quota stops a container that fills it, live changes hold, and others on the file system go on" {
        with_quotas
        ctl create web --image busybox --net none --disk 20m --inodes 800 --stop-timeout 0 -- /bin/sleep 1000
        ctl create other --image busybox --net none --stop-timeout 0 -- /bin/sleep 1000
        is "$(ctl info --json web | jq -c '[.storage.kind, .storage.limit, .storage.inodesLimit]')" '["project quota",20971520,800]'
        is "$(ctl info --json other | jq -r .storage.kind)" layers
        [ ! -e "$DIR/containers/web/disk" ]
        ctl start web other
        run ctl exec web dd if=/dev/zero of=/big bs=1M count=100
        [ "$status" -ne 0 ]
        matches "quota exceeded|No space left"
        ctl exec other dd if=/dev/zero of=/big bs=1M count=60
        [ "$(ctl stats --json web | jq '.[0].disk')" -gt 20000000 ]
        ctl set web --disk 40m
        ctl exec web dd if=/dev/zero of=/more bs=1M count=15
        refused_ctl "uses [0-9]+ bytes of disk space: 20971520 are less" set web --disk 20m
        is "$(ctl info --json web | jq .storage.limit)" 41943040
        ctl exec web rm /big /more
        ctl set web --disk 20m
        run ctl exec web sh -c 'i=0; while touch /root/$i; do i=$((i + 1)); done; [ $i -gt 100 ]'
        [ "$status" -eq 0 ]
        is "$(ctl info --json web | jq .storage.inodes)" 800
        # Root of its user namespace cannot leave the project.
        is "$(stat -c %u "$DIR/containers/web/rootfs/root/0")" 0
        ctl stop web other
        ctl set web --unset disk --unset inodes
        ctl start web
        ctl exec web dd if=/dev/zero of=/big bs=1M count=60
        ctl stop web
}

@test "disk: a snapshot is restored where twice its size would not fit into the quota, which holds afterwards" {
        with_quotas
        ctl create web --image busybox --net none --disk 20m --stop-timeout 0 -- /bin/sleep 1000
        head -c 14000000 /dev/urandom >"$(root_of web)/root/data"
        ctl snapshot create web one
        rm "$(root_of web)/root/data"
        ctl snapshot restore web one
        ctl snapshot restore web one
        is "$(stat -c %s "$(root_of web)/root/data")" 14000000
        ctl start web
        run ctl exec web dd if=/dev/zero of=/big bs=1M count=30
        [ "$status" -ne 0 ]
        ctl stop web
        [ "$(ctl info --json web | jq .storage.used)" -le 20971520 ]
        ctl clone web copy
        [ "$(ctl info --json copy | jq .storage.used)" -gt 14000000 ]
        ctl destroy web copy
}

@test "disk: a disk image grows while the container runs" {
        ctl create web --image busybox --net none --unprivileged=false --disk 16m --stop-timeout 0 -- /bin/sleep 1000
        is "$(ctl info --json web | jq -r .storage.kind)" "disk image"
        ctl start web
        ctl set web --disk 64m
        ctl exec web dd if=/dev/zero of=/big bs=1M count=30
        is "$(ctl info --json web | jq .storage.limit)" 67108864
        ctl stop web
}

@test "docker://: an image of a registry is fetched with its layers, and what it says is run" {
        mkdir -p "$T/image/bin"
        cp /bin/busybox "$T/image/bin/sh"
        tar -C "$T/image" -cf - . | podman import -q -c 'CMD ["/bin/sh", "-c", "echo hello from the registry; exec sleep 1000"]' - box
        printf '%s\n' "version: 0.1" "log: {level: error, accesslog: {disabled: true}}" "storage: {filesystem: {rootdirectory: $T/registry}}" \
                "http: {addr: 127.0.0.1:5000}" >"$T/registry.yml"
        docker-registry serve "$T/registry.yml" >"$T/registry.log" 2>&1 3>&- 4>&- &
        defer "kill $!; podman rmi -f box; rm -f /etc/containers/registries.conf.d/test.conf"
        printf '%s\n' '[[registry]]' 'location = "127.0.0.1:5000"' 'insecure = true' >/etc/containers/registries.conf.d/test.conf
        until_true 60 curl -sf -o /dev/null http://127.0.0.1:5000/v2/
        podman push -q box 127.0.0.1:5000/people/box:v1
        ctl create web --image docker://127.0.0.1:5000/people/box:v1 --net none --stop-timeout 0
        is "$(ctl info --json web | jq -r .storage.kind)" layers
        ctl start web
        eventually said web "^hello from the registry$"
        ctl stop web
        ctl destroy web
        refused_ctl "docker://127.0.0.1:5000/people/none: .*unknown" create web --image docker://127.0.0.1:5000/people/none --net none
        [ ! -e "$DIR/containers/web" ]
}
