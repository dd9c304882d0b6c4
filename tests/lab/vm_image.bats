# What berth-kernel makes starts: the kernel as it lies in the cache, the initrd with berth's own agent in it.

load lab

setup_file() {
        modprobe -a kvm_amd kvm_intel 2>/dev/null || true
        [ -c /dev/kvm ] || { echo "no /dev/kvm in the lab" >&2; return 1; }
}

setup() {
        T=$BATS_TEST_TMPDIR
}

teardown() {
        cat "$T/console" "$T/vmm" 2>/dev/null || true
        for pid in $(jobs -p); do kill "$pid" 2>/dev/null || true; done
        wait
}

# boots OPTION...: an image of that kernel; its agent says its release within two minutes.
boots() {
        local release image

        "$TOP/build/berth-kernel" prepare --cache "$T/cache" --agent "$TOP/build/berth-agent" "$@" >"$T/made"
        cat "$T/made"
        image=$(sed -n 's|^kernel \(.*\)/vmlinux$|\1|p' "$T/made")
        release=$(sed -n 's/^release //p' "$T/made")
        BERTH_VMM=$TOP/build/berth-vmm timeout 180 "$TOOLS/machine" kernel="$image/vmlinux" initrd="$image/initrd" vsock="$T/socket" rng=on \
                console="$T/console" memory=268435456 \
                cmdline="console=ttyS0,115200 panic=-1 reboot=a tsc=reliable no_timer_check cryptomgr.notests init=/init" \
                >"$T/vmm" 2>&1 3>&- 4>&- &
        run "$TOP/tests/lab/guest/agent-hello" "$T/socket" 120
        echo "$output"
        [ "$status" -eq 0 ]
        grep -qxF "$release" <<<"$output"
}

@test "Debian's cloud kernel, unpacked, starts and runs the agent" {
        local kernel release

        kernel=$(echo "$TOOLS"/kernel/boot/vmlinuz-*)
        release=${kernel##*/vmlinuz-}
        boots --kernel "$kernel" --modules "$TOOLS/kernel/lib/modules/$release"
}

@test "so does the kernel that is found without a word" {
        boots
}
