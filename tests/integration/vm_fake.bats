# VM isolation end to end with stand-ins for the machine and the file server (tests/lib/fake_vm.bash): what is said and
# done around a machine, and what goes wrong with one. The wall itself is tested in the lab.
# bats file_tags=berth

load ../lib/common
load ../lib/fake_vm

setup() {
        common_setup
        fake_machines
}

# kernel_word WORD: the stand-in's behaviour, tests/helpers/fake_vmm.c.
kernel_word() {
        edit '.vm = {kernel: {path: $kernel, parameters: [$word]}}' --arg word "$1" --arg kernel "$TOOLS/fake_kernel"
}

# The pids of the box's children of that name.
child() {
        pgrep -x -P "$(pid_of)" "$1"
}

machine() {
        pgrep -P "$(pid_of)" -f '^berth-vmm '
}

file_server() {
        pgrep -P "$(pid_of)" -f '^virtiofsd '
}

ended() {
        state '.annotations["berth.ended"]'
}

program_is_gone() {
        ! berth kill "$ID" USR1
}

# ---- what a user sees ----

@test "vm: run passes input, output, errors and the exit status" {
        bundle
        args /bin/sh -c 'cat; echo error >&2; exit 7'
        run -7 --separate-stderr berth run --bundle "$B" "$ID" <<<"through a machine"
        is "$output" "through a machine"
        is "$stderr" error
}

@test "vm: sixteen mebibytes come whole out of a program that ends, at a slow reader too" {
        bundle
        args /bin/sh -c 'dd if=/dev/zero bs=1048576 count=16 2>/dev/null; exit 3'
        berth run --bundle "$B" "$ID" </dev/null | { sleep 0.5; cat; } >"$T/out" || true
        is "$(stat -c %s "$T/out")" 16777216
}

@test "vm: create, start, exec, kill and delete go through the states as ever" {
        launch_waiting
        is_state running
        run -5 berth exec "$ID" /bin/sh -c 'exit 5' </dev/null
        run -0 berth exec "$ID" /bin/cat <<<"into exec"
        is "$output" "into exec"
        berth kill "$ID" TERM
        eventually is_state stopped
        berth delete "$ID"
        run -1 berth state "$ID"
        says_not_exist
}

@test "vm: many execs at once each have their own streams and status" {
        local i pids=()

        launch_waiting
        for i in 1 2 3 4 5 6; do
                berth exec "$ID" /bin/sh -c "cat; exit $i" <<<"exec $i" >"$T/exec$i" &
                pids[i]=$!
        done
        for i in 1 2 3 4 5 6; do
                ends_with "$i" wait "${pids[i]}"
                is "$(cat "$T/exec$i")" "exec $i"
        done
}

@test "vm: kernel parameters that are too long are an error that names them" {
        bundle
        kernel_word "$(printf 'x%.0s' {1..3000})"
        run ! berth create --bundle "$B" "$ID"
        [[ $output == *"vm.kernel.parameters: a kernel's command line has at most "* ]]
        run ! berth state "$ID"
}

@test "vm: a missing program is the error of create, and of exec" {
        bundle
        args /bin/missing
        refused '/bin/missing.*no such file' create
        args /bin/probe wait
        launch
        refused_exec '/bin/none.*no such file' "$ID" /bin/none
}

@test "vm: an end by a signal is 128 and its number" {
        bundle
        args /bin/sh -c 'kill -SEGV $$'
        launch_waiting
        run -139 berth exec "$ID" /bin/sh -c 'kill -SEGV $$' </dev/null
}

@test "vm: kill KILL ends a container whose program has ended and whose output nobody reads" {
        bundle
        # More than the pipe to us holds, and no more than there is room for on the way.
        args /bin/sh -c 'dd if=/dev/zero bs=1024 count=100 2>/dev/null'
        mkfifo "$T/out"
        exec 8<>"$T/out"
        berth create --bundle "$B" "$ID" </dev/null >"$T/out" 2>/dev/null 8<&-
        berth start "$ID"
        eventually program_is_gone
        is_state running
        berth kill "$ID" KILL
        eventually is_state stopped
        exec 8<&-
}

@test "vm: the pid that engines see takes signals for the program" {
        bundle
        args /bin/sh -c 'trap "echo usr1" USR1; trap "echo term; exit 9" TERM; echo ready; while :; do sleep 0.05; done'
        launch
        kill -USR1 "$(pid_of)"
        eventually grep -q usr1 "$T/out"
        kill -TERM "$(pid_of)"
        eventually is_state stopped
        grep -q term "$T/out"
}

@test "vm: the reader's end reaches the program as a broken pipe" {
        bundle
        args /bin/sh -c 'while echo line; do :; done'
        berth run --bundle "$B" "$ID" </dev/null | head -n 1 >"$T/out" || true
        is "$(cat "$T/out")" line
        run -1 berth state "$ID"
}

@test "vm: a created container ends by a signal, before its program was ever started" {
        bundle
        args /bin/probe wait
        create
        kill -TERM "$(pid_of)"
        eventually is_state stopped
        is "$(cat "$T/out")" ""
}

@test "vm: the proxy has no capabilities, a seccomp filter, nothing of the host's mounts, and at most 160 KiB" {
        local pid

        launch_waiting
        pid=$(pid_of)
        is "$(sed -n 's/^CapPrm:\t0*//p' "/proc/$pid/status")" ""
        grep -q '^Seccomp:.*2' "/proc/$pid/status"
        grep -q '^NoNewPrivs:.*1' "/proc/$pid/status"
        # Its root is the share, with the trees of the container on it and no other mount.
        run -1 grep -vE ' / / .* tmpfs berth | /0 ' "/proc/$pid/mountinfo"
        [ "$(awk '/^Pss:/ { print $2 }' "/proc/$pid/smaps_rollup")" -le 160 ]
}

# The host's privileges of a process, as its capabilities and its no_new_privs say.
has_no_privileges() {
        [ "$(sed -n 's/^CapPrm:\t0*//p' "/proc/$1/status")" = "" ] && grep -q '^NoNewPrivs:.*1' "/proc/$1/status"
}

@test "vm: the proxy has given up its privileges and the host's files before it hears the first word of the guest" {
        local box

        bundle
        args /bin/true
        kernel_word fake.silent
        "$BERTH" --root "$ROOT" create --bundle "$B" "$ID" </dev/null >"$T/out" 2>&1 3>&- 4>&- &
        eventually pgrep -o -f '^berth-vmm ' >"$T/machine"
        box=$(ps -o ppid= -p "$(cat "$T/machine")" | tr -d ' ')
        eventually has_no_privileges "$box"
        run -1 grep -vE ' / / .* tmpfs berth | /0 ' "/proc/$box/mountinfo"
        kill -KILL $!
        wait $! || true
        berth delete --force "$ID"
}

@test "vm: between create and start only the helper that makes the network has privileges, and then nobody" {
        local helper

        bundle
        args /bin/probe wait
        create
        has_no_privileges "$(pid_of)"
        helper=$(child berth-network)
        fails has_no_privileges "$helper"
        berth start "$ID"
        eventually grep -q ready "$T/out"
        has_no_privileges "$(pid_of)"
        is_dead "$helper"
        ! child berth-network
}

@test "vm: the pid that engines see is alone in the container's group, all else of the machine is in a group below" {
        local group

        launch_waiting
        berth exec --detach --pid-file "$T/exec.pid" "$ID" /bin/probe wait </dev/null >"$T/exec" 2>&1
        group=$(cgroup_of)
        is "$(cat "$group/cgroup.procs")" "$(pid_of)"
        for pid in $(machine | head -n 1) $(file_server) $(cat "$T/exec.pid"); do
                grep -qx "$pid" "$group/machine/cgroup.procs"
        done
        berth pause "$ID"
        # A process that is looked at leaves that state for a moment.
        eventually grep -q 'frozen 1' "$group/machine/cgroup.events"
        berth resume "$ID"
        berth delete --force "$ID"
        [ ! -e "$group" ]
}

@test "vm: a box starts its machine before the file server, which the machine waits for" {
        number() { # as its own pid namespace counts
                awk '$1 == "NSpid:" { print $NF }' "/proc/$1/status"
        }

        launch_waiting
        [ "$(number "$(machine)")" -lt "$(number "$(file_server)")" ]
}

@test "vm: a signal that ends the program is no error, however fast its machine goes" {
        local i

        bundle
        args /bin/probe wait
        for i in 1 2 3 4 5 6 7 8; do
                rm -f "$T/out"
                launch
                berth kill "$ID" TERM
                eventually is_state stopped
                berth delete "$ID"
        done
}

@test "vm: volumes are seen both ways, single files too, and read-only ones are" {
        bundle
        mkdir "$T/volume"
        echo host >"$T/volume/file"
        echo single >"$T/single"
        edit '.mounts += [{destination: "/volume", source: $volume, options: ["bind"]},
                          {destination: "/etc/single", source: $single, options: ["bind", "ro"]}]' \
                --arg volume "$T/volume" --arg single "$T/single"
        args /bin/sh -c 'cat /volume/file /etc/single; echo guest >/volume/guest; echo x >/etc/single'
        run once
        has_line host single
        matches 'Read-only file system'
        is "$(cat "$T/volume/guest")" guest
}

# ---- the network ----

# A namespace "pod" with a veth pair whose other end is in this one.
veth() {
        ip netns add pod
        defer "ip netns delete pod; umount /run/netns; rmdir /run/netns"
        ip link add outside type veth peer name eth0 netns pod
        ip addr add 192.0.2.1/24 dev outside
        defer "ip link delete outside"
        ip link set outside up
        ip -n pod addr add 192.0.2.2/24 dev eth0
        ip -n pod link set eth0 mtu 1400 up
        ip -n pod route add default via 192.0.2.1
}

@test "vm: the network of the namespace appears in the guest, and packets go both ways" {
        veth
        bundle '.linux.namespaces |= map(if .type == "network" then .path = "/run/netns/pod" else . end)'
        edit '.process.capabilities[] += ["CAP_NET_RAW"]'
        args /bin/sh -c 'busybox ip addr show eth0; busybox ip route; busybox ping -c 1 -W 10 192.0.2.1 && echo answered; echo ready; busybox sleep 100'
        launch
        run -0 cat "$T/out"
        has "192.0.2.2/24" "mtu 1400" "default via 192.0.2.1" answered
        busybox ping -c 1 -W 10 192.0.2.2
        ip -n pod -o link | grep -q berthtap
}

@test "vm: a network namespace that outlives its container is given back as it was, and can be had again" {
        veth
        bundle '.linux.namespaces |= map(if .type == "network" then .path = "/run/netns/pod" else . end)'
        args /bin/probe wait
        ip netns exec pod tc qdisc show >"$T/before"
        launch
        ip netns exec pod tc qdisc show | grep -q ingress
        berth kill "$ID" KILL
        eventually is_state stopped
        berth delete "$ID"
        diff "$T/before" <(ip netns exec pod tc qdisc show)
        lacks_allmulti
        busybox ping -c 1 -W 10 192.0.2.2
        launch
}

lacks_allmulti() {
        ! ip -n pod -d link show eth0 | grep -q 'allmulticast\|allmulti 1'
}

@test "vm: an interface that is made between create and start is the guest's" {
        veth
        ip -n pod addr flush dev eth0
        bundle '.linux.namespaces |= map(if .type == "network" then .path = "/run/netns/pod" else . end)'
        args /bin/sh -c 'busybox ip -o addr show eth0'
        create
        ip -n pod addr add 192.0.2.77/24 dev eth0
        berth start "$ID"
        eventually grep -q '192.0.2.77/24' "$T/out"
}

# A resolver in the namespace "pod" where Docker's is, that knows "answer.example", and by TCP too.
resolver() {
        ip -n pod link set lo up
        ip netns exec pod dnsmasq --keep-in-foreground --no-resolv --no-hosts --conf-file=/dev/null --pid-file --user=root \
                --listen-address=127.0.0.11 --bind-interfaces --host-record=answer.example,192.0.2.99 \
                "$@" --txt-record=long.example,"$(printf 'x%.0s' {1..250})","$(printf 'y%.0s' {1..250})","$(printf 'z%.0s' {1..250})" 3>&- 4>&- &
        eventually ip netns exec pod sh -c 'grep -q ": 0B00007F:0035" /proc/net/udp'
}

@test "vm: a resolver at 127.0.0.11 of the namespace answers in the guest, by UDP and TCP" {
        which dnsmasq >/dev/null || skip "no dnsmasq"
        veth
        resolver
        bundle '.linux.namespaces |= map(if .type == "network" then .path = "/run/netns/pod" else . end)'
        # What a question for long.example is: its length, a header, the name, TXT.
        printf '\0\36\22\64\1\0\0\1\0\0\0\0\0\0\4long\7example\0\0\20\0\1' >"$B/rootfs/question"
        args /bin/sh -c 'for i in 1 2 3; do busybox nslookup answer.example 127.0.0.11; done; busybox nslookup none.example 127.0.0.11
                busybox nc -w 10 127.0.0.11 53 </question | busybox wc -c; echo ready; exec /bin/probe wait'
        launch
        is "$(grep -c 192.0.2.99 "$T/out")" 3
        grep -q "can't find none.example\|NXDOMAIN\|REFUSED" "$T/out"
        [ "$(grep -x '[0-9]*' "$T/out")" -gt 750 ]
        pgrep -x berth-resolver >"$T/helper"
        has_no_privileges "$(cat "$T/helper")"
        grep -q '^Seccomp:.*2' "/proc/$(cat "$T/helper")/status"
        run berth exec "$ID" /bin/sh -c 'busybox nslookup answer.example 127.0.0.11' </dev/null
        has 192.0.2.99
}

@test "vm: what the namespace's resolver asks name servers outside comes back to it, and not to the guest" {
        which dnsmasq >/dev/null || skip "no dnsmasq"
        veth
        dnsmasq --keep-in-foreground --no-resolv --no-hosts --conf-file=/dev/null --pid-file --user=root --listen-address=192.0.2.1 \
                --bind-interfaces --host-record=outside.example,192.0.2.55 --host-record=direct.example,192.0.2.66 3>&- 4>&- &
        eventually grep -q ": 010200C0:0035" /proc/net/udp
        # Docker's takes the ports that the kernel gives.
        resolver --server=192.0.2.1 --query-port=61999
        bundle '.linux.namespaces |= map(if .type == "network" then .path = "/run/netns/pod" else . end)'
        args /bin/sh -c 'busybox nslookup outside.example 127.0.0.11; busybox nslookup direct.example 192.0.2.1; echo ready; exec /bin/probe wait'
        launch
        run -0 cat "$T/out"
        has 192.0.2.55 192.0.2.66
        is "$(ip netns exec pod cat /proc/sys/net/ipv4/ip_local_port_range)" $'61440\t65535'
        ip netns exec pod tc filter show dev eth0 ingress >"$T/filters"
        is "$(grep -c 'match 0035f000/fffff000 at 20' "$T/filters")" 2
        berth delete --force "$ID"
        is "$(ip netns exec pod tc filter show dev eth0 ingress)" ""
}

@test "vm: where no resolver listens at 127.0.0.11 nobody does in the guest, and no helper waits" {
        veth
        bundle '.linux.namespaces |= map(if .type == "network" then .path = "/run/netns/pod" else . end)'
        args /bin/probe wait
        launch
        fails pgrep -x berth-resolver
        run ! berth exec "$ID" /bin/sh -c 'busybox nc -w 2 127.0.0.11 53 </dev/null' </dev/null
}

@test "vm: more interfaces than the machine has devices is an error that counts them" {
        local i

        veth
        for i in 1 2; do
                ip -n pod link add "more$i" type veth peer name "other$i"
                ip -n pod link set "more$i" up
                ip -n pod link set "other$i" up
        done
        bundle '.linux.namespaces |= map(if .type == "network" then .path = "/run/netns/pod" else . end)'
        args /bin/true
        run -1 once
        has "5 interfaces" "4 network devices"
}

# ---- what goes wrong with a machine ----

@test "vm: a machine that ends while it boots is the error of create, with its own words" {
        bundle
        args /bin/true
        kernel_word fake.status=4
        refused 'berth-vmm ended with status 4: .*has to say about its end' create
}

@test "vm: nonsense and endless bytes in place of the agent are the error of create" {
        bundle
        args /bin/true
        kernel_word fake.garbage
        refused "listen to the guest's agent" create
        kernel_word fake.flood
        refused "listen to the guest's agent" create
}

@test "vm: berth's death while the machine boots ends the box, the machine and the file server" {
        bundle
        args /bin/true
        kernel_word fake.mute
        "$BERTH" --root "$ROOT" create --bundle "$B" "$ID" </dev/null >"$T/out" 2>&1 3>&- 4>&- &
        eventually pgrep -f '^berth-vmm '
        kill -KILL $!
        wait $! || true
        eventually bash -c '! pgrep -f "^(berth-vmm|virtiofsd|berth-proxy) "'
        berth delete --force "$ID"
}

@test "vm: a killed machine ends the container with 255, and the state says why" {
        bundle
        args /bin/probe wait
        launch
        kill -KILL "$(machine | head -n 1)"
        eventually is_state stopped
        is "$(ended)" "berth-vmm was killed by signal 9"
        berth delete "$ID"
        args /bin/sh -c 'echo ready; sleep 100'
        rm "$T/out"
        berth run --keep --bundle "$B" "$ID" </dev/null >"$T/out" 2>"$T/err" &
        eventually grep -qs ready "$T/out"
        kill -KILL "$(machine | head -n 1)"
        ends_with 255 wait $!
}

@test "vm: whenever the machine dies, berth says so and leaves nothing" {
        local delay

        bundle
        args /bin/true
        for delay in 0 0.02 0.04 0.06 0.08 0.1 0.12 0.14 0.16 0.2; do
                berth run --bundle "$B" "$ID" </dev/null >"$T/out" 2>"$T/err" &
                eventually pgrep -f '^berth-vmm ' >"$T/pids" || break
                sleep "$delay"
                kill -KILL $(head -n 1 "$T/pids") 2>/dev/null || true
                wait $! || [ $? -eq 255 ] || grep -q 'berth-vmm was killed by signal 9' "$T/err" ||
                        { echo "after $delay s: $(cat "$T/err")"; return 1; }
                [ ! -e "$ROOT/$ID" ]
        done
}

@test "vm: a machine that dies while the container waits for start leaves it stopped, with the reason" {
        bundle
        args /bin/probe wait
        create
        kill -KILL "$(machine | head -n 1)"
        eventually is_state stopped
        is "$(ended)" "berth-vmm was killed by signal 9"
}

@test "vm: a killed agent is a machine that ended" {
        launch_waiting
        kill -KILL "$(pgrep -P "$(machine | head -n 1)" -f '^berth-agent ')"
        eventually is_state stopped
        matches_ended 'berth-vmm ended with status 3: .*asked for a reset'
}

matches_ended() {
        grep -qE -- "$1" <<<"$(ended)" || { echo "ended: $(ended)"; return 1; }
}

@test "vm: a killed file server ends the container, and is named" {
        launch_waiting
        kill -KILL "$(file_server)"
        eventually is_state stopped
        matches_ended '^the file server was killed by signal 9'
}

@test "vm: a file server that cannot start is the error of create" {
        bundle
        args /bin/true
        sed -i "s|^file-server = .*|file-server = $TOOLS/probe|" /etc/berth/berth.conf
        refused 'the file server ended|berth-vmm ended' create
        # It has been over for long when berth answers.
        edit '.hooks.createRuntime = [{path: "/bin/sleep", args: ["sleep", "0.3"]}]'
        refused 'the file server ended|berth-vmm ended' create
}

@test "vm: a killed proxy is a stopped container, of which nothing is left" {
        launch_waiting
        kill -KILL "$(pid_of)"
        eventually is_state stopped
        eventually bash -c '! pgrep -f "^(berth-vmm|virtiofsd|berth-agent) "'
}

@test "vm: the death of an exec's proxy ends its process in the guest" {
        launch_waiting
        berth exec --detach --pid-file "$T/pid" "$ID" /bin/sleep 4711 </dev/null >/dev/null 2>&1
        eventually pgrep -f '^/bin/sleep 4711'
        kill -KILL "$(cat "$T/pid")"
        eventually bash -c '! pgrep -f "^/bin/sleep 4711"'
        is_state running
}

@test "vm: execs end with their container, killed" {
        launch_waiting
        berth exec "$ID" /bin/sh -c 'echo in; sleep 100' </dev/null >"$T/exec" 2>&1 &
        eventually grep -q in "$T/exec"
        berth kill "$ID" KILL
        ends_with 137 wait $!
}

@test "vm: a console's pipe without a reader is refused at once, by its name" {
        bundle
        args /bin/true
        mkfifo "$T/console"
        run ! once --vm-console "$T/console"
        has "--vm-console $T/console (is it a pipe without a reader?): No such device or address"
        cat "$T/console" >"$T/said" 3>&- 4>&- &
        eventually pgrep -f "^cat $T/console"
        run -0 once --vm-console "$T/console"
}

@test "vm: who waits for a machine's end holds nothing of it open" {
        bundle
        args /bin/probe wait
        "$BERTH" --root "$ROOT" "${GLOBALS[@]}" run --bundle "$B" "$ID" </dev/null >"$T/out" 2>&1 3>&- 4>&- &
        eventually grep -qs ready "$T/out"
        run -0 readlink "/proc/$!/fd/"*
        lacks kvm vhost berth-vmm berth-proxy virtiofsd vmlinux initrd
        berth kill "$ID" KILL
        ends_with 137 wait $!
}
