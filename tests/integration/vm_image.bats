# berth-kernel on Debian's own kernel: what it makes, and what it refuses.
load ../lib/common

# bats file_tags=berth

setup() {
        common_setup
        KERNEL=$(echo "$TOOLS"/kernel/boot/vmlinuz-*)
        RELEASE=${KERNEL##*/vmlinuz-}
        MODULES=$TOOLS/kernel/lib/modules/$RELEASE
        CACHE=$T/cache
        AGENT=$T/agent
        cp "$TOOLS/probe" "$AGENT"
}

maker() {
        timeout -k 2 60 "${BERTH%/*}/berth-kernel" "$@" 3>&- 4>&-
}

# prepare [OPTION...]: with the real kernel where nothing else is said.
prepare() {
        maker prepare --cache "$CACHE" --agent "$AGENT" --kernel "$KERNEL" --modules "$MODULES" "$@"
}

# A copy of the modules that a test may change.
own_modules() {
        cp -a "$MODULES" "$T/modules"
        MODULES=$T/modules
}

# Writes modules.dep anew, as a package's installation does.
depmod_own() {
        mkdir -p "$T/tree/lib/modules"
        mv "$MODULES" "$T/tree/lib/modules/$RELEASE"
        depmod -b "$T/tree" "$RELEASE"
        mv "$T/tree/lib/modules/$RELEASE" "$MODULES"
}

entry() {
        set -- "$CACHE"/*/
        [ $# -eq 1 ] && [ -d "$1" ] && echo "${1%/}"
}

entries() {
        find "$CACHE" -mindepth 1 -maxdepth 1 2>/dev/null | wc -l
}

initrd_names() {
        cpio -it --quiet <"$(entry)/initrd"
}

# What is in its initrd: checksums and names, without the numbers of modules, whose order depmod may change.
contents() {
        mkdir "$T/contents"
        (cd "$T/contents" && cpio -id --quiet && find . -type f -exec sha256sum {} +) <"$(entry)/initrd" | sed 's|/[0-9]*-|/|' | sort
        rm -rf "$T/contents"
}

# number OFFSET BYTES: of a little-endian field in the kernel's file.
number() {
        od -An -v -tu"$2" -j "$1" -N "$2" "$KERNEL" | tr -d ' '
}

@test "the kernel is what its own tools decompress" {
        prepare
        local offset size
        offset=$((($(number 0x1f1 1) + 1) * 512 + $(number 0x248 4)))
        size=$(number 0x24c 4)
        tail -c +$((offset + 1)) "$KERNEL" | head -c "$size" >"$T/payload"
        case $(head -c 4 "$T/payload" | od -An -tx1 | tr -d ' \n') in
        02214c18) head -c -4 "$T/payload" | lz4 -dcq ;;
        28b52ffd) zstd -dcq "$T/payload" ;;
        1f8b*) gzip -dcq "$T/payload" ;;
        *) xz -dcq --single-stream "$T/payload" ;;
        esac >"$T/vmlinux" 2>/dev/null || true
        # The cache keeps what is loaded and the table of sections.
        [ "$(stat -c %s "$(entry)/vmlinux")" -gt 20000000 ]
        cmp -n "$(stat -c %s "$(entry)/vmlinux")" "$T/vmlinux" "$(entry)/vmlinux"
}

@test "the kernel in the cache has its sections, and holes where there are zeroes" {
        prepare
        readelf -SW "$(entry)/vmlinux" >"$T/sections"
        grep -q ' \.rodata ' "$T/sections"
        # Debian's has 20 MiB of .bss in the file.
        [ "$(($(stat -c '%b * %B' "$(entry)/vmlinux")))" -lt "$(($(stat -c %s "$(entry)/vmlinux") - 15000000))" ]
}

@test "it says where both files are, and the release" {
        run -0 prepare
        has_line "kernel $(entry)/vmlinux" "initrd $(entry)/initrd" "release $RELEASE"
        is "$(wc -l <<<"$output")" 3
}

@test "the initrd holds the agent, and the modules of the kernel" {
        prepare
        mkdir "$T/root"
        (cd "$T/root" && cpio -id --quiet) <"$(entry)/initrd"
        cmp "$AGENT" "$T/root/init"
        [ -x "$T/root/init" ]
        is "$(cd "$T/root" && echo *)" "dev init modules proc run sys"
        local file found
        for file in "$T"/root/modules/*.ko "$T"/root/modules/late/*.ko; do
                found=$(find "$MODULES/kernel" -name "$(sed 's/^[0-9]*-//; s/_/[-_]/g' <<<"${file##*/}")")
                cmp "$file" "$found"
        done
        is "$(find "$T/root" | wc -l)" "$(initrd_names | wc -l | awk '{ print $1 + 1 }')"
}

@test "each module comes after what modprobe would load before it" {
        prepare
        initrd_names | sed -n 's|^modules/\(late/\)\?[0-9]*-\(.*\)\.ko$|\2|p' >"$T/order"
        local module needed
        for module in virtio_pci vmw_vsock_virtio_transport virtiofs virtio_rng virtio_balloon virtio_blk overlay virtio_net tun; do
                modprobe -d "$TOOLS/kernel" -S "$RELEASE" --show-depends "$module" | sed -n 's|^insmod .*/\(.*\)\.ko.*|\1|p' | tr - _ >"$T/needed"
                while read -r needed; do
                        grep -qx "$needed" "$T/order" || { echo "$needed is missing for $module"; return 1; }
                        [ "$(grep -nx "$needed" "$T/order" | cut -d : -f 1)" -le "$(grep -nx "$module" "$T/order" | cut -d : -f 1)" ] ||
                                { echo "$needed comes after $module"; return 1; }
                done <"$T/needed"
        done
        is "$(sort "$T/order" | uniq -d)" ""
}

@test "compressed modules come out as they were" {
        prepare
        contents >"$T/expected"
        grep -q virtio_blk.ko "$T/expected"
        rm -rf "$CACHE"
        own_modules
        find "$MODULES/kernel" -name '*virtio*.ko' -exec xz --check=crc32 {} +
        find "$MODULES/kernel" -path '*/vmw_vsock/*.ko' -exec zstd -q --rm {} +
        depmod_own
        # Debian's depmod knows no gzip; others do.
        gzip "$MODULES/kernel/fs/overlayfs/overlay.ko"
        sed -i 's|fs/overlayfs/overlay\.ko|&.gz|g' "$MODULES/modules.dep"
        prepare
        contents | diff "$T/expected" -
}

@test "an image that is there is not made again, and is found in a moment" {
        prepare
        local before
        before=$(stat -c '%i %z' "$(entry)/vmlinux")
        prepare
        is "$(stat -c '%i %z' "$(entry)/vmlinux")" "$before"
        is "$(entries)" 1
}

@test "a vmlinux is taken as it is; its release is in it" {
        prepare
        cp "$(entry)/vmlinux" "$T/vmlinux"
        rm -rf "$CACHE"
        KERNEL=$T/vmlinux
        run -0 prepare
        has_line "release $RELEASE"
        cmp "$T/vmlinux" "$(entry)/vmlinux"
}

@test "without a word the newest cloud kernel that has its modules is taken, from /boot or beside them" {
        # The machine's own directories, where it has them, are covered in this view.
        local directory
        for directory in /boot /lib/modules; do
                [ -d $directory ] || { mkdir $directory; defer "rmdir $directory"; }
        done
        mkdir -p "$T/boot" "$T/modules"
        mount --bind "$T/boot" /boot
        defer "umount /boot"
        mount --bind "$T/modules" /lib/modules
        defer "umount /lib/modules"
        find_one() { maker prepare --cache "$CACHE" --agent "$AGENT"; }

        run -1 find_one
        has "no kernel for the virtual machine" linux-image-cloud-amd64
        cp "$KERNEL" "$T/boot/vmlinuz-$RELEASE"
        cp "$KERNEL" "$T/boot/vmlinuz-9.9.9-cloud-amd64"
        cp "$KERNEL" "$T/boot/vmlinuz-99-amd64"
        run -1 find_one
        has "no kernel"
        cp -a "$MODULES" "$T/modules/$RELEASE"
        run -0 find_one
        has_line "release $RELEASE"
        grep -q "^kernel .* /boot/vmlinuz-$RELEASE$" "$(entry)/about"
        # As Fedora, Arch and systems that boot images have it.
        mv "$T/boot/vmlinuz-$RELEASE" "$T/modules/$RELEASE/vmlinuz"
        run -0 find_one
        has_line "release $RELEASE"
        grep -q "^kernel .* /lib/modules/$RELEASE/vmlinuz$" "$(entry)/about"
}

@test "modules: none is for a kernel that has all built in" {
        prepare --modules none
        is "$(initrd_names | grep -c ko)" 0
        grep -q '^modules .* none$' "$(entry)/about"
}

@test "what is built in is left out of the initrd" {
        own_modules
        find "$MODULES" -name 'overlay.ko' -delete
        echo kernel/fs/overlayfs/overlay.ko >>"$MODULES/modules.builtin"
        depmod_own
        prepare
        fails grep -q overlay <<<"$(initrd_names)"
        initrd_names | grep -q virtio_blk.ko
}

# refuses WORDS [OPTION...]: one line that says it, and nothing of it in the cache.
refuses() {
        run prepare "${@:2}"
        is "$status" 1
        is "$(wc -l <<<"$output")" 1
        has "$1"
        is "$(entries)" 0
}

@test "a module that the guest needs and the kernel does not have is named, with the release" {
        own_modules
        find "$MODULES" -name 'vmw_vsock_virtio_transport.ko' -delete
        depmod_own
        refuses "kernel $RELEASE has no vmw_vsock_virtio_transport"
}

@test "a module that only some guests use may be missing" {
        own_modules
        find "$MODULES" -name 'virtio_balloon.ko' -delete
        depmod_own
        prepare
        ! initrd_names | grep -q balloon
}

@test "modules of another release are refused" {
        own_modules
        # The same length: the file stays a module.
        find "$MODULES" -name virtio_blk.ko -exec sed -i "s/vermagic=6/vermagic=5/" {} +
        refuses "virtio_blk.ko: it is for Linux 5"
}

@test "missing modules and a missing list are named with what helps" {
        refuses "is Linux $RELEASE, whose modules are missing: $T/nowhere/modules.dep" --modules "$T/nowhere"
        own_modules
        rm "$MODULES/modules.dep"
        refuses "modules = none"
}

@test "what is no kernel, a damaged one and a cut-off one are refused" {
        refuses "/etc/passwd: no kernel" --kernel /etc/passwd
        refuses "/bin/busybox: nothing in it says which release" --kernel /bin/busybox
        refuses "not a regular file" --kernel /dev/zero
        refuses "No such file" --kernel "$T/nothing"
        cp "$KERNEL" "$T/vmlinuz"
        truncate -s 5M "$T/vmlinuz"
        refuses "does not lie in the file" --kernel "$T/vmlinuz"
        cp "$KERNEL" "$T/vmlinuz"
        head -c 4096 /dev/zero | dd of="$T/vmlinuz" bs=1 seek=5000000 conv=notrunc status=none
        refuses "damaged" --kernel "$T/vmlinuz"
}

@test "a full disk leaves nothing" {
        mkdir "$CACHE"
        mount -t tmpfs -o size=20m,mode=755 none "$CACHE"
        defer "umount $CACHE"
        refuses "No space left on device"
        mount -o remount,size=100m "$CACHE"
        prepare
        is "$(entries)" 1
}

@test "several at once make one image" {
        local pids=() pid i
        for i in 1 2 3 4; do
                prepare >"$T/out.$i" &
                pids+=($!)
        done
        for pid in "${pids[@]}"; do wait "$pid"; done
        is "$(entries)" 1
        is "$(sort -u "$T"/out.* | wc -l)" 3
        prepare
}

# The kernel that is already decompressed, so that one run is short.
@test "killed at any system call it leaves no half image, and nothing after the next run" {
        prepare
        cp "$(entry)/vmlinux" "$T/vmlinux"
        KERNEL=$T/vmlinux
        local point status whole=0
        for ((point = 1; ; point += 19)); do
                rm -rf "$CACHE"
                status=0
                "$TOOLS/inject" -n $point -x none "${BERTH%/*}/berth-kernel" prepare --cache "$CACHE" --agent "$AGENT" \
                        --kernel "$KERNEL" --modules "$MODULES" >"$T/inject" 2>&1 3>&- 4>&- || status=$?
                [ $status -eq 0 ] || break
                if [ -n "$(entry)" ]; then
                        whole=$((whole + 1))
                        cmp "$(entry)/vmlinux" "$T/vmlinux"
                        cpio -it --quiet <"$(entry)/initrd" >/dev/null
                fi
                prepare >/dev/null
                is "$(entries)" 1
        done
        is $status 10
        [ $point -gt 50 ]
        echo "$point points, whole in $whole"
}

@test "entries go when their kernel or their agent is gone, and only they" {
        cp "$KERNEL" "$T/vmlinuz"
        prepare --kernel "$T/vmlinuz"
        prepare
        is "$(entries)" 2
        mkdir "$CACHE/notes"
        rm "$T/vmlinuz"
        prepare
        is "$(entries)" 2
        [ -d "$CACHE/notes" ]
        cp "$TOOLS/probe" "$AGENT.new"
        mv "$AGENT.new" "$AGENT"
        rmdir "$CACHE/notes"
        prepare
        is "$(entries)" 1
}

@test "a cache that others may write to is refused" {
        mkdir "$CACHE"
        chmod 777 "$CACHE"
        refuses "others may write to it (mode 0777)"
        chmod 755 "$CACHE"
        chown 1000 "$CACHE"
        refuses "it belongs to user 1000"
}

@test "nobody else can write to what it makes, whatever the umask" {
        (umask 000 && prepare)
        is "$(find "$CACHE" -perm /022)" ""
        (umask 077 && rm -rf "$CACHE" && prepare)
        is "$(find "$CACHE" ! -perm -444)" ""
}

@test "an ordinary user has an image of his own" {
        mkdir "$T/home"
        chown 1000:1000 "$T/home"
        CACHE=$T/home/.cache/berth
        timeout 60 setpriv --reuid 1000 --regid 1000 --clear-groups "${BERTH%/*}/berth-kernel" prepare --cache "$CACHE" --agent "$AGENT" \
                --kernel "$KERNEL" --modules "$MODULES" 3>&- 4>&-
        is "$(stat -c %u "$(entry)/vmlinux")" 1000
        is "$(stat -c %a "$T/home/.cache")" 700
}

@test "wrong words are answered with what is right" {
        local words
        for words in "" make "prepare" "prepare --cache $CACHE" "prepare --agent x" "prepare --cache a --agent b more" "prepare --colour"; do
                # shellcheck disable=SC2086
                run -1 maker $words
                has "usage: berth-kernel prepare"
        done
        run -0 maker --version
        has "berth-kernel version"
        refuses "the path is not absolute" --kernel vmlinuz
}
