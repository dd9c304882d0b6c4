# berth-vmm by itself: an unmodified Debian kernel in it, with every device. The guest's script tells on its console what
# it saw; the tests look for it there.

load lab

# bats file_tags=full

setup_file() {
        modprobe -a kvm_amd kvm_intel 2>/dev/null || true
        [ -c /dev/kvm ] || { echo "no /dev/kvm in the lab" >&2; return 1; }
        KERNEL=/boot/vmlinuz-$(uname -r)
        export KERNEL
}

setup() {
        T=$BATS_TEST_TMPDIR
}

teardown() {
        cat "$T/console" 2>/dev/null || true
        for pid in $(jobs -p); do kill "$pid" 2>/dev/null || true; done
        wait
        ip netns del vmm 2>/dev/null || true
}

# vmm SECONDS OPTION...: the machine, with its console in $T/console. A kernel on reduced hardware would reset itself by
# EFI (reboot=a: by ACPI).
vmm() {
        local seconds=$1

        shift
        ${in_netns:+ip netns exec "$in_netns"} env BERTH_VMM="${BERTH_VMM:-$TOP/build/berth-vmm}" timeout "$seconds" "$TOOLS/machine" kernel="$KERNEL" initrd="$T/initrd" console="$T/console" memory=268435456 \
                cmdline="console=ttyS0,115200 quiet loglevel=1 panic=-1 reboot=a tsc=reliable no_timer_check cryptomgr.notests rdinit=/init ${CMDLINE:-}" "$@" 3>&- 4>&-
}

guest() {
        "$TOP/tests/lab/guest/make-initrd" "$T/initrd" "$1"
}

said() {
        grep -q "$1" "$T/console" || { echo "the guest did not say: $1" >&2; return 1; }
}

@test "berth-vmm: Debian's kernel finds disks, random numbers and two processors, and powers off" {
        printf 'what is on the disk\n' >"$T/disk"
        truncate -s 1M "$T/disk"
        guest 'head -n 1 /dev/vda
                printf "what the guest wrote" | dd of=/dev/vda bs=512 seek=1 conv=fsync 2>/dev/null
                cat /sys/block/vda/serial
                echo; dd if=/dev/hwrng bs=64 count=1 2>/dev/null | wc -c
                echo "processors: $(grep -c ^processor /proc/cpuinfo)"
                echo "read-only: $(cat /sys/block/vdb/ro)"'
        truncate -s 1M "$T/second"
        vmm 120 cpus=2 rng=on balloon=on disk="$T/disk,serial=lab-disk" disk="$T/second,ro"
        said '^what is on the disk'
        said '^lab-disk'
        said '^64'
        said '^processors: 2'
        said '^read-only: 1'
        [ "$(dd if="$T/disk" bs=512 skip=1 count=1 status=none | tr -d '\0')" = "what the guest wrote" ]
}

@test "berth-vmm: the guest's network reaches the host, and a stream of bytes crosses vsock both ways unharmed" {
        ip netns add vmm
        ip -n vmm tuntap add dev tap0 mode tap vnet_hdr
        ip -n vmm addr add 192.0.2.1/24 dev tap0
        ip -n vmm link set tap0 up
        guest 'ip link set eth0 up
                ip addr add 192.0.2.2/24 dev eth0
                ping -c 3 -W 10 192.0.2.1 >/tmp/ping && echo "ping: answered"
                echo "mac: $(cat /sys/class/net/eth0/address) mtu: $(cat /sys/class/net/eth0/mtu)"
                echo "listening"
                timeout 60 socat VSOCK-LISTEN:1024 EXEC:cat'
        CMDLINE=net.ifnames=0 in_netns=vmm vmm 180 net=tap0,52:54:00:aa:bb:cc,mtu=1400 vsock="$T/socket" &
        until_true 120 grep -q '^listening' "$T/console"
        until_true 20 "$TOP/tests/lab/guest/vsock-echo" "$T/socket" 1024 300000
        wait
        said '^ping: answered'
        said '^mac: 52:54:00:aa:bb:cc mtu: 1400'
        said '^guest: done'
}

@test "berth-vmm: a kernel that panics is told by the exit status, and so is one without an init" {
        guest 'echo c >/proc/sysrq-trigger'
        run vmm 120
        [ "$status" -eq 3 ]
        [[ "$output" == *"asked for a reset"* ]]
}

@test "berth-vmm: what is no kernel, too little memory and unknown words are clear errors" {
        guest true
        KERNEL=/bin/bash run vmm 20
        [ "$status" -eq 1 ]
        [[ "$output" == *"a program, not a kernel"* ]]
        KERNEL=/etc/passwd run vmm 20
        [[ "$output" == *"neither a bzImage nor an ELF file"* || "$output" == *"not a kernel"* ]]
        run vmm 20 memory=1048576
        [[ "$output" == *"memory"* ]]
        run vmm 20 floppy=on
        [[ "$output" == *"floppy=on"* ]]
}
