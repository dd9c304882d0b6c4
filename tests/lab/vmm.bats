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
        [ -z "${words:-}" ] || exec {words}>&-
        pkill -KILL -x berth-vmm || true
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
                cmdline="console=ttyS0,115200 quiet loglevel=1 panic=-1 reboot=a tsc=reliable no_timer_check cryptomgr.notests pci=noearly rdinit=/init ${CMDLINE:-}" "$@" 3>&- 4>&-
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

# tap: a tap device in a network namespace of its own, and a guest that talks with its other end. What it gets on port
# 5000 it sends back to 5001; then it does so once more with another instance of its driver.
tap() {
        modprobe -a tun vhost_net
        ip netns add vmm
        ip -n vmm tuntap add dev tap0 mode tap vnet_hdr
        ip -n vmm addr add 192.0.2.1/24 dev tap0
        ip -n vmm link set tap0 up
        head -c 3000000 /dev/urandom >"$T/sent"
        guest 'up() {
                        ip link set eth0 up
                        ip addr add 192.0.2.2/24 dev eth0
                        ping -c 3 -W 10 192.0.2.1 >/tmp/ping && echo "ping: answered $1"
                        echo "listening: $1"
                        socat -u TCP-LISTEN:5000 OPEN:/tmp/got,creat,trunc
                        socat -u OPEN:/tmp/got TCP:192.0.2.1:5001
                        echo "sent back: $1"
                }
                # Each move of an interrupt masks its vector while packets come.
                (while sleep 0.2; do for irq in /proc/irq/[0-9]*/virtio*-*; do
                        echo $((RANDOM % 2 + 1)) >"${irq%/*}/smp_affinity" && echo moved >>/tmp/moved; done; done) 2>/dev/null &
                up 1
                echo "moved: $(wc -l </tmp/moved)"
                device=$(basename $(readlink -f /sys/class/net/eth0/device))
                echo "$device" >/sys/bus/virtio/drivers/virtio_net/unbind
                echo "$device" >/sys/bus/virtio/drivers/virtio_net/bind
                up 2'
}

# echoes NUMBER: what is sent comes back the same.
echoes() {
        until_true 120 grep -q "^listening: $1" "$T/console"
        ip netns exec vmm timeout 120 socat -u TCP-LISTEN:5001,reuseaddr OPEN:"$T/back",creat,trunc 3>&- 4>&- &
        ip netns exec vmm timeout 120 socat -u OPEN:"$T/sent" TCP:192.0.2.2:5000,retry=20,interval=0.5
        until_true 120 grep -q "^sent back: $1" "$T/console"
        until_true 20 cmp -s "$T/sent" "$T/back"
}

# switches TASK: how often that thread has worked.
switches() {
        awk '/^voluntary/ { print $2 }' "/proc/$1/status"
}

@test "berth-vmm: where there is vhost-net the host's kernel moves the packets, whole, also for the driver's next instance" {
        tap
        CMDLINE=net.ifnames=0 in_netns=vmm vmm 300 cpus=2 net=tap0,52:54:00:aa:bb:cc,mtu=1500,vhost &
        echoes 1
        vmm=$(pgrep -x berth-vmm)
        [ "$(readlink /proc/"$vmm"/fd/* | grep -c '^/dev/vhost-net$')" -eq 1 ]
        # A process of the kernel's own, and from Linux 6.4 on a thread of the machine's.
        worker=$(grep -lx "vhost-$vmm" /proc/[0-9]*/comm /proc/"$vmm"/task/*/comm)
        worker=$(basename "${worker%/comm}")
        # It works for the machine's own group.
        [ "$(cat "/proc/$worker/cgroup")" = "$(cat "/proc/$vmm/cgroup")" ]
        net=$(grep -lx net /proc/"$vmm"/task/*/comm | cut -d / -f 5)
        [ "$(switches "$worker")" -gt 100 ]
        [ "$(switches "$net")" -lt 20 ]
        echoes 2
        wait
        said '^ping: answered 2'
        said '^moved: [1-9]'
        said '^guest: done'
        [ ! -e "/proc/$worker" ]
}

# share DIRECTORY: a file server for it, at $T/share: QEMU's, or the one that later Debians have.
share() {
        if [ -x /usr/lib/qemu/virtiofsd ]; then
                set -- /usr/lib/qemu/virtiofsd -o source="$1",sandbox=chroot,xattr,no_posix_lock,cache=auto
        else
                set -- /usr/libexec/virtiofsd --shared-dir="$1" --sandbox=chroot --xattr --cache=auto
        fi
        "$@" --socket-path="$T/share" >"$T/virtiofsd.log" 2>&1 3>&- 4>&- &
        until_true 20 test -S "$T/share"
}

@test "berth-vmm: the guest sees a directory of the host, and the host what the guest does in it" {
        mkdir "$T/tree" "$T/tree/sub"
        echo "from the host" >"$T/tree/file"
        ln -s file "$T/tree/link"
        chown 1234:5678 "$T/tree/file"
        chmod 4711 "$T/tree/file"
        head -c 20000000 /dev/urandom >"$T/tree/large"
        sum=$(sha256sum <"$T/tree/large" | cut -d ' ' -f 1)
        share "$T/tree"
        guest "mount -t virtiofs tree /mnt
                cat /mnt/link
                stat -c 'owner %u %g mode %a' /mnt/file
                [ \$(sha256sum </mnt/large | cut -d ' ' -f 1) = $sum ] && echo 'large: whole'
                cp /mnt/large /mnt/sub/copy
                echo 'from the guest' >/mnt/new
                mv /mnt/new /mnt/sub/renamed
                ln /mnt/sub/renamed /mnt/hard
                ln -s sub/renamed /mnt/soft
                echo more >>/mnt/file
                mkdir /mnt/made; rmdir /mnt/made || echo 'rmdir failed'
                mknod /mnt/pipe p
                rm /mnt/link
                umount /mnt"
        vmm 180 fs="$T/share",tree
        said '^from the host'
        said '^owner 1234 5678 mode 4711'
        said '^large: whole'
        [ "$(sha256sum <"$T/tree/sub/copy" | cut -d ' ' -f 1)" = "$sum" ]
        [ "$(cat "$T/tree/hard" "$T/tree/soft")" = "from the guest
from the guest" ]
        [ "$(stat -c %h "$T/tree/sub/renamed")" -eq 2 ]
        [ "$(tail -n 1 "$T/tree/file")" = more ]
        [ -p "$T/tree/pipe" ] && [ ! -e "$T/tree/link" ] && [ ! -e "$T/tree/made" ]
        ! grep -q 'rmdir failed' "$T/console"
}

none_serves() {
        ! pgrep -x virtiofsd
}

@test "berth-vmm: a file server that ends takes its file system along and nothing else" {
        mkdir "$T/tree"
        share "$T/tree"
        guest 'mount -t virtiofs tree /mnt && echo "mounted"
                sleep 1000'
        vmm 120 fs="$T/share",tree &
        until_true 120 grep -q '^mounted' "$T/console"
        pkill -x virtiofsd
        until_true 10 none_serves
        pgrep -x berth-vmm
}

# resident: KiB of the guest's memory that berth-vmm has.
resident() {
        awk '$1 == "RssShmem:" { print $2 }' "/proc/$(pgrep -x berth-vmm | head -n 1)/status"
}

less_than() {
        [ "$(resident)" -lt "$1" ]
}

@test "berth-vmm: memory that the guest has freed comes back to the host" {
        guest 'mount -t tmpfs -o size=120m none /tmp
                dd if=/dev/zero of=/tmp/file bs=1M count=100 2>/dev/null
                echo "full"
                await_go
                rm /tmp/file
                echo "freed"
                sleep 60'
        printf xx >"$T/disk"
        truncate -s 4096 "$T/disk"
        vmm 180 balloon=on disk="$T/disk" &
        until_true 120 grep -q '^full' "$T/console"
        full=$(resident)
        printf go | dd of="$T/disk" conv=notrunc status=none
        until_true 120 grep -q '^freed' "$T/console"
        # Reports come every two seconds, for free areas of 2 MiB.
        until_true 40 less_than $((full - 80000))
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

# control: a machine that listens to what is said; $words is where.
control() {
        mkfifo "$T/words"
        vmm "$@" control=on <"$T/words" >"$T/answers" &
        exec {words}>"$T/words"
}

answers() {
        [ "$(tr '\n' ' ' <"$T/answers")" = "$1" ]
}

@test "berth-vmm: a network device that gets its tap before the driver is loaded has its address and MTU, the others no link" {
        ip netns add vmm
        ip -n vmm tuntap add dev tap0 mode tap vnet_hdr
        ip -n vmm addr add 192.0.2.1/24 dev tap0
        ip -n vmm link set tap0 up
        LATE=virtio_net guest 'echo "waiting"
                await_go
                for module in /modules/late/*; do insmod $module; done
                ls /sys/class/net | tr "\n" " "; echo
                eth=$(grep -l 52:54:00:aa:bb:cc /sys/class/net/*/address | cut -d / -f 5)
                ip link set $eth up; ip addr add 192.0.2.2/24 dev $eth
                ping -c 3 -W 10 192.0.2.1 >/tmp/ping && echo "ping: answered"
                echo "mtu: $(cat /sys/class/net/$eth/mtu)"
                for other in /sys/class/net/eth*; do
                        [ $other = /sys/class/net/$eth ] || { ip link set ${other##*/} up; echo "carrier: $(cat $other/carrier)"; }
                done'
        printf xx >"$T/disk"
        truncate -s 4096 "$T/disk"
        CMDLINE=net.ifnames=0 in_netns=vmm control 120 nics=2 disk="$T/disk"
        until_true 120 grep -q '^waiting' "$T/console"
        echo 'net 1 tap0 52:54:00:aa:bb:cc 1300' >&"$words"
        until_true 10 answers '0 '
        printf go | dd of="$T/disk" conv=notrunc status=none
        until_true 120 grep -q '^guest: done' "$T/console"
        echo 'net 0 tap0 52:54:00:aa:bb:cd 1300' >&"$words" || true
        exec {words}>&-
        wait
        said '^ping: answered'
        said '^mtu: 1300'
        said '^carrier: 0'
}

@test "berth-vmm: a guest that was frozen for longer than its watchdog waits takes it for no lock-up of its own" {
        mkdir /sys/fs/cgroup/vmm-frozen
        guest 'echo 3 >/proc/sys/kernel/watchdog_thresh
                echo "waiting"
                await_go busily
                sleep 4
                echo "lock-ups: $(dmesg | grep -c -i -E "lockup|stall|hung task|blocked for more")"'
        printf xx >"$T/disk"
        truncate -s 4096 "$T/disk"
        vmm 180 cpus=2 disk="$T/disk" &
        until_true 120 grep -q '^waiting' "$T/console"
        pgrep -x berth-vmm | head -n 1 >/sys/fs/cgroup/vmm-frozen/cgroup.procs
        echo 1 >/sys/fs/cgroup/vmm-frozen/cgroup.freeze
        until_true 10 grep -q 'frozen 1' /sys/fs/cgroup/vmm-frozen/cgroup.events
        sleep 30
        echo 0 >/sys/fs/cgroup/vmm-frozen/cgroup.freeze
        printf go | dd of="$T/disk" conv=notrunc status=none
        wait
        rmdir /sys/fs/cgroup/vmm-frozen
        said '^lock-ups: 0'
}
