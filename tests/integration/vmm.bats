load ../lib/common

# berth-vmm by itself with a guest of some hundred instructions (tests/guest/tiny.c): KVM's path natively, where there is
# a KVM at all. Real kernels boot in the lab (tests/lab/vmm.bats).

# bats file_tags=berth

setup() {
        common_setup
        usable_kvm || skip "no /dev/kvm that can be used here"
        defer end_machine
}

usable_kvm() {
        [ -r /dev/kvm ] && [ -w /dev/kvm ] && (: <>/dev/kvm) 2>/dev/null
}

# machine LETTER OPTION...: the tiny guest with that letter, its console in $T/console. In the foreground.
machine() {
        BERTH_VMM=$TOP/build/berth-vmm timeout -k 2 "$DEADLINE" "$TOOLS/machine" kernel="$TOOLS/tiny" memory=134217728 \
                console="$T/console" cmdline="$1" "${@:2}" 3>&- 4>&-
}

# running LETTER OPTION...: the same in the background; $vmm is the process of berth-vmm. What is said to `say` goes to its
# control socket, the answers to $T/answers.
running() {
        mkfifo "$T/words"
        machine "$@" control=on <"$T/words" >"$T/answers" 2>"$T/err" &
        exec {words}>"$T/words"
        eventually grep -q tiny "$T/console"
        vmm=$(pgrep -f "^$TOP/build/berth-vmm " | head -n 1)
}

say() {
        printf '%s\n' "$1" >&"$words"
}

has_lines() {
        [ "$(wc -l <"$1")" -ge "$2" ]
}

# Answers are lines: the Nth is that.
answered() {
        eventually has_lines "$T/answers" "$1"
        is "$(sed -n "$1p" "$T/answers")" "$2"
}

end_machine() {
        [ -z "${words:-}" ] || exec {words}>&-
        [ -z "${vmm:-}" ] || kill -KILL "$vmm" 2>/dev/null || true
        wait
}

said() {
        grep -qx "$1" "$T/console" || { echo "the guest did not say '$1' but: $(cat "$T/console")"; return 1; }
}

@test "berth-vmm: power-off, reset and a triple fault each have their exit status, and the last two a message" {
        run -0 machine p
        is "$output" ""
        run -3 machine r
        is "$output" "berth-vmm: the guest asked for a reset"
        run -4 machine t
        is "$output" "berth-vmm: the guest's kernel ended in a triple fault"
        said "tiny: p"
}

@test "berth-vmm: what the guest says on the serial port is in the console's file" {
        run -0 machine "p and more words"
        said "tiny: p and more words"
}

@test "berth-vmm: the first processor starts the second" {
        running m cpus=2
        eventually grep -qx 2 "$T/console"
}

@test "berth-vmm: garbage in every register of every device harms nobody else" {
        truncate -s 1M "$T/disk"
        run -0 machine g cpus=1 rng=on balloon=on disk="$T/disk" vsock="$T/socket" nics=2
        is "$output" ""
        said "devices: 6"
        [ "$(stat -c %s "$T/disk")" -eq 1048576 ]
}

@test "berth-vmm: a processor that never leaves the guest ends with the process" {
        local status=0

        running s
        kill -TERM "$vmm"
        exec {words}>&-
        wait $! || status=$?
        is "$status" 143
}

@test "berth-vmm: no thread is without a filter, privileges or a file system before the guest's first instruction" {
        truncate -s 1M "$T/disk"
        running s cpus=2 rng=on disk="$T/disk" nics=1
        for task in /proc/"$vmm"/task/*; do
                is "$(awk '$1 == "Seccomp:" || $1 == "NoNewPrivs:" || $1 == "CapEff:" || $1 == "CapPrm:" || $1 == "CapBnd:" { printf "%s ", $2 }' "$task/status")" \
                        "0000000000000000 0000000000000000 0000000000000000 1 2 "
        done
        is "$(ls -A "/proc/$vmm/root")" ""
        is "$(readlink "/proc/$vmm/cwd")" /
        [ "$(readlink "/proc/$vmm/ns/mnt")" != "$(readlink /proc/self/ns/mnt)" ]
        is "$(awk '/Max core file size/ { print $5, $6 }' "/proc/$vmm/limits")" "0 0"
        is "$(cat "/proc/$vmm"/task/*/comm | grep -v ^kvm- | sort | tr '\n' ' ')" "berth-vmm cpu 0 cpu 1 disk net "
}

@test "berth-vmm: the guest's memory is of huge pages" {
        [ -e /sys/kernel/mm/transparent_hugepage ] || skip "this kernel has no huge pages"
        running s
        [ "$(awk '$1 == "ShmemPmdMapped:" { print $2 }' "/proc/$vmm/smaps_rollup")" -ge 2048 ]
}

@test "berth-vmm: an ordinary user's is jailed too" {
        mkdir -m 777 "$T/open"
        chmod 666 /dev/kvm && defer "chmod $(stat -c %a /dev/kvm) /dev/kvm"
        mkfifo "$T/words"
        BERTH_VMM=$TOP/build/berth-vmm setpriv --reuid 65534 --regid 65534 --clear-groups "$TOOLS/machine" kernel="$TOOLS/tiny" \
                memory=134217728 console="$T/open/console" cmdline=s control=on <"$T/words" >"$T/answers" 2>"$T/err" 3>&- 4>&- &
        exec {words}>"$T/words"
        eventually grep -q tiny "$T/open/console"
        vmm=$(pgrep -f "^$TOP/build/berth-vmm " | head -n 1)
        is "$(ls -A "/proc/$vmm/root")" ""
        is "$(awk '$1 == "Seccomp:" || $1 == "CapEff:" { printf "%s ", $2 }' "/proc/$vmm/status")" "0000000000000000 2 "
}

@test "berth-vmm: paused processors stand still until they are resumed" {
        local before after

        running c
        eventually grep -qx 3 "$T/console"
        say pause
        answered 1 0
        before=$(wc -l <"$T/console")
        say pause
        answered 2 0
        after=$(wc -l <"$T/console")
        is "$after" "$before"
        say resume
        answered 3 0
        eventually has_lines "$T/console" $((after + 1))
}

@test "berth-vmm: a network device without a tap gets one, with address and MTU, while the guest runs" {
        ip tuntap add dev tap7 mode tap vnet_hdr
        defer "ip link del tap7"
        running n nics=2
        eventually grep -qx waiting "$T/console"
        say "net 2 tap7 52:54:00:01:02:03 1400"
        answered 1 -19
        say "net 0 tap7 52:54:00:01:02:03 67"
        answered 2 -22
        say "net 0 tap7 52:54:00:01:02:03 1400"
        answered 3 0
        eventually grep -qx "mac 82.84.0.1.2.3 mtu 1400" "$T/console"
        exec {words}>&-
        wait
        is "$(cat "$T/err")" ""
}

@test "berth-vmm: what is no request on the control socket is answered so" {
        running s nics=1
        say "raw 01"
        answered 1 -74
        say "raw 63000000"
        answered 2 -74
        say "raw 0100000000000000525400010203dc05"
        answered 3 -74
        say "raw 010000000000000052540001020300000000"
        answered 4 -74
        say pause
        answered 5 0
}

@test "berth-vmm: options that are wrong name the word" {
        for word in floppy=on disk= net=3 cpus= nics=9 memory=4096 rng=maybe "$(printf 'x%.0s' {1..40})=1" word; do
                run -1 "$TOP/build/berth-vmm" kvm=3 kernel=3 memory=134217728 "$word"
                [[ "$output" == *"${word%%=*}"* ]] || { echo "$word: $output"; return 1; }
        done
        run -1 "$TOP/build/berth-vmm" memory=134217728
        is "$output" "berth-vmm: kvm=FD and kernel=FD are needed"
}

@test "berth-vmm: a file that is no kernel, one that is cut off, and a descriptor that is not KVM's are errors that say so" {
        run -1 machine p kernel=/etc/passwd
        [[ "$output" == *"neither a bzImage nor an ELF file"* || "$output" == *"not a kernel"* ]]
        run -1 machine p kernel=/bin/bash
        [[ "$output" == *"a program, not a kernel"* || "$output" == *"below 1 MiB"* ]]
        head -c 5000 "$TOOLS/tiny" >"$T/cut"
        run -1 machine p kernel="$T/cut"
        [[ "$output" == *"outside of the file"* ]]
        run -1 machine p kvm=/dev/null
        [[ "$output" == *"not a KVM device"* ]]
}

@test "berth-vmm: the guest begins while its file server is on its way, and one that goes away instead is an error" {
        local server

        "$TOOLS/receive" hold "$T/share" >"$T/server" 3>&- 4>&- &
        server=$!
        eventually grep -q listening "$T/server"
        running s fs="$T/share",tree
        machine=$!
        kill -KILL "$server"
        eventually grep -qx "berth-vmm: file system: the process that serves it ended" "$T/err"
        exec {words}>&-
        ends_with 1 wait "$machine"
}
