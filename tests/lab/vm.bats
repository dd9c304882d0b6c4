# Containers in virtual machines: real ones, with Debian's kernel and its virtiofsd. A boot costs some ten seconds here, so
# what does not disturb each other shares the machine of setup_file ("shared"); a test that needs one of its own makes it.
# bats file_tags=berth

load lab

LAB=1
export BERTH_SUITE=${BERTH_SUITE:-lab}
WALL=vm
WALL_DEADLINE=120
load ../lib/common

ROOTFS=$BATS_FILE_TMPDIR/rootfs
SHARED=$BATS_FILE_TMPDIR/shared

setup_file() {
        modprobe -a kvm_amd kvm_intel 2>/dev/null || true
        [ -c /dev/kvm ] || { echo "no /dev/kvm in the lab" >&2; return 1; }
        systemctl stop systemd-tmpfiles-clean.timer
        # From the shared folder once.
        cp -a "$TOOLS/rootfs" "$ROOTFS"
        # The mount at /run/netns stays when there was one namespace.
        ip netns add first && ip netns delete first
        # A guest that is no larger than it has to be is up sooner.
        mkdir -p /etc/berth
        printf 'memory = 192M\nvcpus = 1\n' >/etc/berth/berth.conf
        start_shared
}

teardown_file() {
        rm -f /etc/berth/berth.conf
        shared delete --force everybody
        ls "$SHARED/state"
        [ -z "$(ls "$SHARED/state")" ]
        none_serves
}

# Nothing of a machine is left: its processes' names are nobody else's here.
none_serves() {
        ! pgrep -l -f '^berth-vmm |berth-proxy|virtiofsd --'
}

# ---- the shared machine ----

start_shared() {
        B=$SHARED/bundle
        mkdir -p "$SHARED/volume" "$SHARED/closed"
        echo "from the host" | tee "$SHARED/volume/file" "$SHARED/closed/file" >"$SHARED/single"
        bundle '.process.args = ["/bin/probe", "wait"] | .hostname = "walled" | .linux.sysctl = {"kernel.msgmax": "4096"} |
                .process.oomScoreAdj = 100 |
                .linux.resources = {memory: {limit: 134217728, swap: 134217728}, pids: {limit: 50}} |
                .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW",
                        syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 38}]}'
        edit '.mounts += [{destination: "/volume", source: ($shared + "/volume"), options: ["bind"]},
                          {destination: "/closed", source: ($shared + "/closed"), options: ["bind", "ro"]},
                          {destination: "/etc/single", source: ($shared + "/single"), options: ["bind"]},
                          {destination: "/scratch", type: "tmpfs", source: "tmpfs", options: ["size=1m"]}]' --arg shared "$SHARED"
        # bats keeps the descriptors of setup_file open for its own output.
        shared create --bundle "$B" everybody </dev/null >"$SHARED/out" 2>&1 || { cat "$SHARED/out" >&2; return 1; }
        shared start everybody
}

shared() {
        timeout -k 2 "$DEADLINE" "$BERTH" --root "$SHARED/state" --isolation vm "$@" 3>&- 4>&-
}

# within TEXT: a shell's lines in the shared container.
within() {
        shared exec everybody /bin/sh -c "$1" </dev/null
}

shared_pid() {
        shared state everybody | jq -r .pid
}

shared_group() {
        echo "/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$(shared_pid)/cgroup")"
}

# ---- a machine of one's own ----

# The pids of the box's children with that name.
child() {
        pgrep -P "$(pid_of)" -f "$1"
}

ended() {
        state '.annotations["berth.ended"]'
}

has_ended() { # has_ended WORDS: the container is stopped and says why
        eventually is_state stopped
        grep -qE -- "$1" <<<"$(ended)" || { echo "ended: $(ended)"; return 1; }
}

# ---- run ----

@test "vm run: a user's program on four processors: a MiB goes in and comes out, errors and the exit status are its own" {
        bundle '.process.user = {uid: 1000, gid: 1001, additionalGids: [5, 7], umask: 18}'
        edit '.vm = {kernel: {path: $kernel}, hwConfig: {vcpus: 4}}' --arg kernel "/boot/vmlinuz-$(uname -r)"
        args /bin/sh -c 'cat; echo "$(id -u) $(id -g) $(id -G) $(grep -c ^processor /proc/cpuinfo)" >&2; exit 42'
        head -c 1048576 /dev/urandom >"$T/in"
        berth run --bundle "$B" "$ID" <"$T/in" >"$T/out" 2>"$T/err" || status=$?
        is "$status $(cat "$T/err")" "42 1000 1001 1001 5 7 4"
        cmp "$T/in" "$T/out"
        run -1 berth state "$ID"
}

@test "vm run: signals are passed on, the kernel's lines go to the console's file" {
        bundle
        args /bin/sh -c 'trap "exit 9" TERM; echo ready; while :; do sleep 1; done'
        berth run --bundle "$B" --vm-console "$T/console" "$ID" </dev/null >"$T/out" 2>"$T/err" &
        eventually grep -qs ready "$T/out"
        grep -q 'Linux version' "$T/console"
        kill -TERM "$(pgrep -P $!)"
        ends_with 9 wait $!
}

# bats test_tags=full
@test "vm run: a program that a signal kills gives 128 and its number" {
        bundle
        args /bin/probe wait
        berth run --bundle "$B" "$ID" </dev/null >"$T/out" 2>"$T/err" &
        eventually grep -qs ready "$T/out"
        berth kill "$ID" KILL
        ends_with 137 wait $!
}

# ---- create, start ----

@test "vm create, start: the program does not run before; the states are created, running, stopped" {
        bundle
        args /bin/sh -c 'echo ready; exit 3'
        create --pid-file "$T/pid"
        is_state created
        is "$(cat "$T/pid")" "$(pid_of)"
        is "$(cat "$T/out")" ""
        berth start "$ID"
        eventually is_state stopped
        is "$(cat "$T/out")" ready
        berth delete "$ID"
        run -1 berth state "$ID"
}

@test "vm create: a missing program is an error that names it, and nothing is left" {
        bundle
        args /bin/missing
        refused '/bin/missing.*no such file' create
}

# ---- exec ----

@test "vm exec: a MiB goes in and comes out, errors and the exit status are the program's" {
        head -c 1048576 /dev/urandom >"$T/in"
        shared exec everybody /bin/sh -c 'cat; echo problem >&2; exit 5' <"$T/in" >"$T/out" 2>"$T/err" || status=$?
        is "$status $(cat "$T/err")" "5 problem"
        cmp "$T/in" "$T/out"
}

@test "vm exec: user, directory and environment are the command's; 128 and the number of the signal" {
        run -0 shared exec --user 1000:1001 --cwd /tmp --env NAME=value everybody /bin/sh -c 'id -u; pwd; echo "$NAME"' </dev/null
        is "$output" $'1000\n/tmp\nvalue'
        run -139 within 'kill -SEGV $$'
}

@test "vm exec: several at once each have their streams and status" {
        local i pids=()

        for i in 1 2 3 4 5; do
                shared exec everybody /bin/sh -c "cat; exit $i" <<<"exec $i" >"$T/exec$i" &
                pids[i]=$!
        done
        for i in 1 2 3 4 5; do
                ends_with "$i" wait "${pids[i]}"
                is "$(cat "$T/exec$i")" "exec $i"
        done
}

@test "vm exec: a missing program is an error that names it, and the container lives on" {
        run -255 shared exec everybody /bin/none </dev/null
        matches '/bin/none.*no such file'
        is "$(shared state everybody | jq -r .status)" running
}

@test "vm exec --tty: a terminal of the caller's size, which follows it" {
        run -6 timeout 120 "$TOOLS/terminal" -w 100 -s 20x60 -r 33x99 "$BERTH" --root "$SHARED/state" exec --tty everybody /bin/sh -c '
                probe winsize; trap "probe winsize; exit 6" WINCH; echo ready; while :; do sleep 0.2; done' 3>&- 4>&-
        has 20x60 33x99
}

# ---- what the program has ----

@test "vm: capabilities, seccomp, limits, host name and sysctls are the container's; the kernel is the guest's" {
        run -0 shared exec everybody /bin/probe caps limits locks </dev/null
        fact_is effective 0000000020000420
        fact_is bounding 0000000020000420
        fact_is RLIMIT_NOFILE "1024 1024"
        fact_is no_new_privs 1
        fact_is seccomp 2
        run -0 within 'hostname; cat /proc/sys/kernel/msgmax; cat /proc/sys/kernel/random/boot_id; mkdir /tmp/new; true'
        has_line walled 4096
        has "Function not implemented"
        ! grep -qxF "$(cat /proc/sys/kernel/random/boot_id)" <<<"$output"
}

@test "vm: the limits hold inside: memory, processes; the machine has its own beside" {
        run -0 within 'cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max'
        is "$output" $'134217728\n50'
        # 128 MiB, 64 for the guest's kernel, 64 for the machine beside.
        is "$(cat "$(shared_group)/memory.max")" 268435456
}

@test "vm: a namespace without interfaces is a guest with lo only" {
        run -0 within 'ls /sys/class/net'
        is "$output" lo
}

# ---- files ----

@test "vm volumes: directories and single files are the host's, both ways; read-only ones are" {
        run -0 within 'cat /volume/file /closed/file /etc/single; echo guest >/volume/new; echo more >>/etc/single
                ln -s file /volume/link; chmod 640 /volume/new; echo x >/closed/file; true'
        is "$(grep -cxF "from the host" <<<"$output")" 3
        has "Read-only file system"
        is "$(cat "$SHARED/volume/new")" guest
        is "$(tail -n 1 "$SHARED/single")" more
        is "$(readlink "$SHARED/volume/link")" file
        is "$(stat -c %a "$SHARED/volume/new")" 640
        is "$(cat "$SHARED/closed/file")" "from the host"
        echo "later" >"$SHARED/volume/later"
        run -0 within 'cat /volume/later; grep " /scratch " /proc/mounts'
        has_line later
        has size=1024k
}

# bats test_tags=full
@test "vm volumes: extended attributes are the host's; access control lists are refused; locks hold in the guest" {
        mkdir "$T/shared"
        echo 2 >"$T/shared/locked"
        setfattr -n user.host -v given "$T/shared/locked"
        cat >"$T/shared/try" <<'END'
import fcntl, os, struct
def say(what, act):
        try: print(what, act())
        except OSError as e: print(what, e.strerror)
def by_another(act):
        child = os.fork()
        if child == 0:
                try: act()
                except OSError as e: os._exit(e.errno)
                os._exit(0)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
def lock(how, flags):
        def act():
                file = open("/shared/locked", "r+")
                how(file, flags | fcntl.LOCK_NB)
        return act
say("host:", lambda: os.getxattr("/shared/locked", "user.host").decode())
say("user:", lambda: os.setxattr("/shared/try", "user.guest", b"taken"))
say("trusted:", lambda: os.setxattr("/shared/try", "trusted.guest", b"taken"))
# user::rw-, user:1234:r--, group::---, mask::r--, other::---
say("list:", lambda: os.setxattr("/shared/try", "system.posix_acl_access", struct.pack("<I" + "HHI" * 5, 2,
        1, 6, 0xffffffff, 2, 4, 1234, 4, 0, 0xffffffff, 16, 4, 0xffffffff, 32, 0, 0xffffffff)))
for name, how in (("posix", fcntl.lockf), ("flock", fcntl.flock)):
        mine = open("/shared/locked", "r+")
        say(name + " beside the host's:", lambda: how(mine, fcntl.LOCK_EX | fcntl.LOCK_NB))
        print(name + " beside ours:", by_another(lock(how, fcntl.LOCK_EX)))
        mine.close()
END
        bundle
        edit '.mounts += [{destination: "/shared", source: ($t + "/shared"), options: ["bind"]}] +
                [("/usr", "/lib", "/lib64") | {destination: ., source: ., options: ["rbind", "ro"]}]' --arg t "$T"
        args /usr/bin/python3 /shared/try
        exec {held}<>"$T/shared/locked"
        flock -n "$held"
        run -0 once
        exec {held}<&-
        has_line "host: given" "user: None" "list: Operation not supported"
        has_line "posix beside the host's: None" "posix beside ours: 11" "flock beside the host's: None" "flock beside ours: 11"
        has_line "trusted: Operation not permitted"
        is "$(getfattr --only-values -n user.guest "$T/shared/try")" taken
}

@test "vm: a read-only root, and a host's file system that is full: the program is told, nothing else happens" {
        mkdir "$T/small"
        mount -t tmpfs -o size=1m small "$T/small"
        defer 'umount "$T/small"'
        bundle '.root.readonly = true'
        edit '.mounts += [{destination: "/tmp", source: $small, options: ["bind"]}]' --arg small "$T/small"
        args /bin/sh -c 'touch /new; dd if=/dev/zero of=/tmp/file bs=65536 count=64; echo "dd: $?"; rm /tmp/file; echo room >/tmp/again && cat /tmp/again'
        run -0 once
        has "Read-only file system" "No space left on device"
        has_line "dd: 1" room
        is "$(cat "$T/small/again")" room
}

# bats test_tags=full
@test "vm: in a user namespace, files of the container belong to the mapped user of the host" {
        bundle '.linux.namespaces += [{type: "user"}] |
                .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] |
                .linux.gidMappings = [{containerID: 0, hostID: 300000, size: 65536}]'
        chown -Rh 100000:300000 "$B/rootfs"
        chmod 755 "$T" "$B"
        args /bin/sh -c 'touch /made; id -u; stat -c %u:%g /made /bin; echo ready; exec /bin/probe wait'
        launch
        run -0 cat "$T/out"
        has_line 0 0:0
        is "$(stat -c %u:%g "$B/rootfs/made")" 100000:300000
        is "$(awk '/^Uid:/ { print $2 }' "/proc/$(pid_of)/status")" 100000
}

# ---- while it runs ----

@test "vm ps: JSON has host pids, the table the guest's processes" {
        run -0 shared ps --format json everybody
        is "$(jq --argjson pid "$(shared_pid)" 'type == "array" and index($pid) != null and length >= 3' <<<"$output")" true
        run -0 shared ps everybody
        has PID "probe wait"
        lacks berth-vmm virtiofsd
}

@test "vm kill: a signal reaches the program, --all all of them" {
        shared exec everybody /bin/sh -c 'trap "echo got; exit 4" USR1; echo ready; while :; do sleep 0.2; done' </dev/null >"$T/exec" &
        eventually grep -qs ready "$T/exec"
        shared kill everybody USR1
        eventually grep -q 'signal 10' "$SHARED/out"
        shared kill --all everybody USR1
        ends_with 4 wait $!
        grep -q got "$T/exec"
}

@test "vm pause: the machine stands still and exec is refused; resume: it goes on where it was" {
        shared pause everybody
        is "$(shared state everybody | jq -r .status)" paused
        grep -q 'frozen 1' "$(shared_group)/cgroup.events"
        run -255 shared exec everybody /bin/true </dev/null
        has paused
        shared resume everybody
        is "$(shared state everybody | jq -r .status)" running
        run -0 within 'echo awake'
        is "$output" awake
}

@test "vm update: new limits are seen inside; more memory than the machine has is refused" {
        shared update --pids-limit 40 --memory 100663296 everybody
        run -0 within 'cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max'
        is "$output" $'100663296\n40'
        run -1 shared update --memory 4294967296 everybody
        has memory
        run -0 within 'cat /sys/fs/cgroup/memory.max'
        is "$output" 100663296
}

kills() {
        sed -n 's/^oom_kill //p' "$1/memory.events"
}

has_kills() {
        [ "$(kills "$1")" -eq "$2" ]
}

@test "vm: what is killed for want of memory inside is counted in the container's group on this host, where engines look" {
        local group before

        group=$(shared_group)
        before=$(kills "$group")
        shared update --memory 100663296 everybody
        run -137 shared exec everybody /bin/load memory 120 </dev/null
        eventually has_kills "$group" $((before + 1))
        # Nothing of the counting stays.
        eventually is_alone "$group" "$(shared_pid)"
        is "$(cat "$group/cgroup.subtree_control")" ""
        [ ! -e "$group/oom" ]
        is "$(shared state everybody | jq -r .status)" running
}

is_alone() {
        [ "$(cat "$1/cgroup.procs")" = "$2" ]
}

# bats test_tags=full
@test "vm: a program that is killed for want of memory is counted before its end is seen" {
        local group

        bundle '.linux.resources.memory = {limit: 50331648, swap: 50331648}'
        args /bin/load memory 64
        create
        group=$(cgroup_of)
        is "$(kills "$group")" 0
        berth start "$ID"
        eventually is_state stopped
        is "$(kills "$group")" 1
}

# bats test_tags=full
@test "vm update: with memory-update-maximum a limit can be raised, and what is beyond that is refused with both numbers" {
        echo 'memory-update-maximum = 160M' >>/etc/berth/berth.conf
        defer "sed -i '/^memory-update-maximum/d' /etc/berth/berth.conf"
        launch_waiting '.linux.resources.memory = {limit: 67108864, swap: 67108864}'
        run -137 berth exec "$ID" /bin/load memory 90 </dev/null
        berth update --memory 167772160 --memory-swap 167772160 "$ID"
        run -0 berth exec "$ID" /bin/load memory 90 </dev/null
        run -1 berth update --memory 167776256 --memory-swap 167776256 "$ID"
        has "167776256 bytes" "at most 167772160 for the container"
        run -0 berth exec "$ID" /bin/cat /sys/fs/cgroup/memory.max </dev/null
        is "$output" 167772160
}

@test "vm events: numbers of the guest's group, and what goes over the limit is reported as OOM" {
        "$BERTH" --root "$SHARED/state" events --interval 1s everybody >"$T/events" 2>&1 </dev/null 3>&- 4>&- &
        eventually grep -q '"stats"' "$T/events"
        run -137 shared exec everybody /bin/load memory 120 </dev/null
        eventually grep -q '"oom"' "$T/events"
        kill $!
        wait $! || true
        [ "$(jq -s 'map(select(.type == "stats"))[-1].data.memory.usage.limit' "$T/events")" -le 134217728 ]
        [ "$(jq -s 'map(select(.type == "stats"))[-1].data.cpu.usage.total' "$T/events")" -gt 0 ]
        is "$(shared state everybody | jq -r .status)" running
}

# ---- network ----

# The namespace "pod", whose eth0 leads to "outside" here.
veth() {
        ip netns add pod
        defer 'ip netns delete pod'
        ip link add outside type veth peer name eth0 netns pod address 02:00:00:00:00:77
        defer 'ip link delete outside 2>/dev/null || true'
        ip addr add 192.0.2.1/24 dev outside
        ip link set outside up
        ip -n pod addr add 192.0.2.2/24 dev eth0
        ip -n pod link set eth0 mtu 1400 up
        ip -n pod route add default via 192.0.2.1
}

IN_POD='.linux.namespaces |= map(if .type == "network" then .path = "/run/netns/pod" else . end)'

@test "vm network: the namespace's interface is the guest's, with all that it has; ping and TCP go both ways" {
        veth
        bundle "$IN_POD | .process.capabilities[] += [\"CAP_NET_RAW\", \"CAP_NET_ADMIN\"]"
        args /bin/sh -c 'busybox ip addr show eth0; busybox ip route; busybox ping -c 1 -W 20 192.0.2.1 && echo answered
                busybox wget -q -O - http://192.0.2.1:8000/page; echo ready; busybox nc -l -p 9000 -e /bin/cat; exec probe wait'
        mkdir "$T/www"
        echo "a page of the host" >"$T/www/page"
        busybox httpd -f -p 192.0.2.1:8000 -h "$T/www" 3>&- 4>&- &
        launch
        run -0 cat "$T/out"
        has "192.0.2.2/24" "mtu 1400" "02:00:00:00:00:77" "default via 192.0.2.1" answered "a page of the host"
        ping -c 1 -W 20 192.0.2.2
        head -c 300000 /dev/urandom | base64 >"$T/sent"
        timeout 60 socat -t 20 - TCP:192.0.2.2:9000,retry=20,interval=0.5 <"$T/sent" >"$T/echoed"
        cmp "$T/sent" "$T/echoed"
        run -0 berth events --stats "$ID"
        is "$(jq -c '.data.network_interfaces | map([.Name, .RxBytes > 400000, .TxBytes > 400000])' <<<"$output")" '[["eth0",true,true]]'
        kill %1 2>/dev/null || true
}

# The kernel's threads that move packets for machines, and their groups: its own ones, from Linux 6.4 on berth-vmm's.
workers() {
        local comm

        for comm in $(grep -lxE 'vhost-[0-9]+' /proc/[0-9]*/task/*/comm 2>/dev/null); do
                echo "$(cat "$comm") $(sed -n 's/^0:://p' "${comm%comm}cgroup")"
        done
}

# The machine of $ID, and its descriptors of vhost-net.
vmm_of() {
        child '^berth-vmm '
}

vhosts_of() {
        readlink "/proc/$1"/fd/* | grep -c '^/dev/vhost-net$'
}

echoes() {
        timeout 60 socat -t 20 - TCP:192.0.2.2:9000,retry=20,interval=0.5 <"$T/sent" >"$T/echoed" && cmp "$T/sent" "$T/echoed"
}

# bats test_tags=full
@test "vm network: the host's kernel moves the packets on the container's account, also after a pause; vhost-net = off is without" {
        modprobe vhost_net
        veth
        bundle "$IN_POD"
        args /bin/sh -c 'echo ready; while :; do busybox nc -l -p 9000 -e /bin/cat; done'
        launch
        vmm=$(vmm_of)
        # One interface: the descriptors for others are nobody's any more.
        is "$(vhosts_of "$vmm")" 1
        run -1 vhosts_of "$(pid_of)"
        group=$(sed -n 's/^0:://p' "/proc/$vmm/cgroup")
        is "$(workers)" "vhost-$vmm $group"
        head -c 300000 /dev/urandom | base64 >"$T/sent"
        eventually echoes
        berth pause "$ID"
        is_state paused
        berth resume "$ID"
        is "$(workers)" "vhost-$vmm $group"
        eventually echoes
        berth delete --force "$ID"
        is "$(workers)" ""

        echo 'vhost-net = off' >>/etc/berth/berth.conf
        defer "sed -i '/^vhost-net/d' /etc/berth/berth.conf"
        launch
        run -1 vhosts_of "$(vmm_of)"
        is "$(workers)" ""
        eventually echoes
}

# bats test_tags=full
@test "vm network: what a createRuntime hook puts into the container's own namespace is the guest's" {
        cat >"$T/hook" <<'END'
#!/bin/sh -e
pid=$(jq -r .pid)
ip link add hooked type veth peer name eth0 netns "$pid"
ip addr add 198.51.100.1/24 dev hooked
ip link set hooked up
nsenter --net="/proc/$pid/ns/net" sh -c 'ip addr add 198.51.100.2/24 dev eth0; ip link set eth0 up'
END
        chmod 755 "$T/hook"
        defer 'ip link delete hooked 2>/dev/null || true'
        bundle
        edit '.process.capabilities[] += ["CAP_NET_RAW"] | .hooks.createRuntime = [{path: $hook, env: [("PATH=" + $path)]}]' --arg hook "$T/hook" --arg path "$PATH"
        args /bin/sh -c 'busybox ip -o addr show eth0; busybox ping -c 1 -W 20 198.51.100.1'
        run -0 once
        has "198.51.100.2/24" "1 packets received"
}

# ---- what goes wrong with a machine ----

@test "vm: a panic of the guest's kernel is a stopped container that says so, of which nothing is left" {
        launch_waiting '.linux.readonlyPaths = [] | .linux.maskedPaths = []'
        berth exec "$ID" /bin/sh -c 'echo c >/proc/sysrq-trigger' </dev/null || true
        has_ended 'reset|panic'
}

@test "vm: a killed machine is a stopped container that says so; run ends with 255" {
        bundle
        args /bin/probe wait
        berth run --keep --bundle "$B" "$ID" </dev/null >"$T/out" 2>"$T/err" &
        eventually grep -qs ready "$T/out"
        kill -KILL "$(child '^berth-vmm ')"
        ends_with 255 wait $!
        has_ended '^berth-vmm was killed by signal 9'
        berth delete "$ID"
}

@test "vm: a killed file server, and then a killed proxy: stopped, and nothing is left" {
        launch_waiting
        kill -KILL "$(child virtiofsd | head -n 1)"
        has_ended '^the file server was killed by signal 9'
        berth delete "$ID"
        rm -r "$B" "$T/out"
        launch_waiting
        kill -KILL "$(pid_of)"
        eventually is_state stopped
}

@test "vm delete --force: a machine that hangs is removed; other signals to it are an error within their deadline" {
        launch_waiting
        kill -STOP "$(child '^berth-vmm ')"
        run -1 berth kill "$ID" TERM
        has "the virtual machine does not answer"
        berth delete --force "$ID"
        run -1 berth state "$ID"
}

# ---- an ordinary user ----

# bats test_tags=full
@test "vm: an ordinary user in group kvm has one, with a user namespace" {
        local home=$T/home first

        first=$(awk -F: '$1 == "lab" { print $2 }' /etc/subuid)

        adduser --quiet lab kvm
        defer 'deluser --quiet lab kvm'
        chmod 755 "$T" && mkdir -p "$home/bundle" "$home/state"
        chgrp kvm /dev/kvm && chmod 660 /dev/kvm
        cp -a "$ROOTFS" "$home/bundle/rootfs"
        chown -R lab:lab "$home"
        as lab sh -c "cd $home/bundle && $BERTH spec --rootless"
        jq '.process.terminal = false | .process.args = ["/bin/sh", "-c", "id -u; touch /made; exit 4"] | .root.readonly = false |
                .linux.namespaces += [{type: "network"}] | del(.mounts[] | select(.type == "none")) |
                (.linux.uidMappings, .linux.gidMappings) += [{containerID: 1, hostID: '"$first"', size: 65536}]' "$home/bundle/config.json" >"$home/config.new"
        cp "$home/config.new" "$home/bundle/config.json"
        run -4 as lab timeout 240 "$BERTH" --isolation vm run --bundle "$home/bundle" "$ID" </dev/null
        is "$output" 0
        is "$(stat -c %U "$home/bundle/rootfs/made")" lab
}
