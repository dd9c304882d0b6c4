load ../lib/common

# crun asks for an unlimited memlock first, which this machine's root may not have.
needs_rules() {
        is_runtime crun && ! capsh --has-p=cap_sys_resource 2>/dev/null && skip "this machine's root lacks CAP_SYS_RESOURCE"
        return 0
}

# bats test_tags=wall
@test "devices: the default ones are there with their numbers, mode 0666" {
        bundle
        args /bin/stat -c '%n %t:%T %a' /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty
        run -0 once
        is "$output" "/dev/null 1:3 666
/dev/zero 1:5 666
/dev/full 1:7 666
/dev/random 1:8 666
/dev/urandom 1:9 666
/dev/tty 5:0 666"
}

@test "devices: what is mounted at the place of a default one stays" {
        bundle '.mounts += [{destination: "/dev/random", type: "bind", source: "dice", options: ["bind", "ro"]}]'
        echo 4 >"$B/dice"
        args /bin/cat /dev/random
        run -0 once
        is "$output" 4
        # Below another /dev it is out of sight, and the default one is made.
        edit '.mounts = .mounts[-1:] + .mounts[:-1]'
        args /bin/stat -c '%t:%T' /dev/random
        run -0 once
        is "$output" 1:8
}

@test "devices: a device of the host is bound over a default one" {
        bundle '.mounts += [{destination: "/dev/random", type: "bind", source: "/dev/urandom", options: ["rbind"]}]'
        args /bin/stat -c '%t:%T' /dev/random
        run -0 once
        is "$output" 1:9
}

@test "devices: the links fd, stdin, stdout, stderr and ptmx" {
        bundle
        args /bin/sh -c 'for link in fd stdin stdout stderr ptmx; do readlink /dev/$link; done'
        run -0 once
        is "${lines[0]} ${lines[1]} ${lines[2]} ${lines[3]}" "/proc/self/fd /proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2"
        [ "${lines[4]#/dev/}" = pts/ptmx ]
}

@test "devices: those of the configuration, with mode and owner" {
        bundle '.linux.devices = [{type: "c", path: "/dev/fuse", major: 10, minor: 229, fileMode: 384, uid: 5, gid: 6},
                {type: "b", path: "/dev/block", major: 7, minor: 0, fileMode: 432}, {type: "p", path: "/dev/pipe", fileMode: 438},
                {type: "u", path: "/elsewhere/below/char", major: 1, minor: 3}]'
        args /bin/stat -c '%n %F %t:%T %a %u:%g' /dev/fuse /dev/block /dev/pipe /elsewhere/below/char
        run -0 once
        is "${lines[0]}" "/dev/fuse character special file a:e5 600 5:6"
        is "${lines[1]}" "/dev/block block special file 7:0 660 0:0"
        is "${lines[2]}" "/dev/pipe fifo 0:0 666 0:0"
        is "${lines[3]% *}" "/elsewhere/below/char character special file 1:3 666"
}

@test "devices: an existing file of another kind is refused, of the same kind is taken" {
        is_runtime berth || skip "the others take it silently"
        bundle '.linux.devices = [{type: "c", path: "/etc/passwd", major: 1, minor: 3}]'
        refused '/etc/passwd' create
        edit '.linux.devices = [{type: "c", path: "/tmp/null", major: 1, minor: 3}]'
        mknod "$B/rootfs/tmp/null" c 1 3
        args /bin/stat -c '%t:%T' /tmp/null
        run -0 once
        is "$output" 1:3
}

@test "devices: what may be opened is what the rules allow" {
        needs_rules
        bundle '.linux.devices = [{type: "c", path: "/dev/mem", major: 1, minor: 1}, {type: "c", path: "/dev/kmsg", major: 1, minor: 11}] |
                .linux.resources.devices = [{allow: false, access: "rwm"}, {allow: true, type: "c", major: 1, minor: 11, access: "r"}] |
                .process.capabilities |= with_entries(.value += ["CAP_SYS_RAWIO", "CAP_SYSLOG"])'
        args /bin/sh -c 'head -c 1 /dev/mem; true </dev/kmsg && echo kmsg read; true >/dev/kmsg; echo x >/dev/null && head -c 1 /dev/zero | wc -c'
        run once
        matches '/dev/mem: Operation not permitted'
        has "kmsg read"
        matches 'create /dev/kmsg: (Operation not permitted|Permission denied)|/dev/kmsg: Operation not permitted|can.t create /dev/kmsg'
        has_line 1
        lacks "/dev/null:"
}

@test "devices: the last rule that matches decides" {
        needs_rules
        is_runtime runc && skip "runc removes rules instead of ordering them"
        bundle '.linux.resources.devices = [{allow: false, access: "rwm"}, {allow: true, type: "c", major: 1, access: "rwm"}, {allow: false, type: "c", major: 1, minor: 11, access: "r"}] |
                .linux.devices = [{type: "c", path: "/dev/kmsg", major: 1, minor: 11}] | .process.capabilities |= with_entries(.value += ["CAP_SYSLOG"])'
        args /bin/probe try /dev/kmsg
        run -0 once
        has "/dev/kmsg: ok"
        args /bin/head -c 1 /dev/kmsg
        run ! once
        has "not permitted"
}

@test "devices: exec is bound by the rules too" {
        needs_rules
        launch_waiting '.linux.devices = [{type: "c", path: "/dev/mem", major: 1, minor: 1}] |
                .linux.resources.devices = [{allow: false, access: "rwm"}] | .process.capabilities |= with_entries(.value += ["CAP_SYS_RAWIO"])'
        run ! berth exec "$ID" /bin/head -c 1 /dev/mem
        has "not permitted"
}

@test "devices: nothing is made in a /dev that is bound from the host" {
        mkdir "$T/dev"
        mount -t tmpfs dev "$T/dev"
        defer "umount $T/dev"
        mkdir "$T/dev/pts" "$T/dev/shm"
        mknod "$T/dev/null" c 1 3
        bundle
        edit '.mounts |= map(select(.destination | startswith("/dev") | not)) +
                [{destination: "/dev", type: "bind", source: ($t + "/dev"), options: ["rbind"]}]' --arg t "$T"
        args /bin/true
        run -0 once
        is "$(ls "$T/dev" | tr '\n' ' ')" "null pts shm "
}

# bats test_tags=wall
@test "masked paths: a file reads as empty, a directory is empty and read-only, a missing one is no error" {
        bundle '.linux.maskedPaths = ["/etc/passwd", "/home", "/absent/path"]'
        touch "$B/rootfs/home/secret"
        args /bin/sh -c 'wc -c </etc/passwd; ls -A /home | wc -l; touch /home/x || echo refused; test ! -e /absent && echo absent'
        run -0 once
        has_line 0 refused absent
        is "$(grep -c '^0$' <<<"$output")" 2
}

# A superblock costs memory, and the kernel's own empty directory lies in every whole procfs.
# bats test_tags=berth
@test "masked paths: of proc and sys, by an empty directory of that procfs, or a tmpfs where it has none" {
        local mounts

        for mounts in proc=. 'tmpfs=map(select(.destination != "/proc"))'; do
                bundle '.linux.maskedPaths = ["/home", "/proc/irq", "/sys/firmware", "/sys/kernel"] | .linux.readonlyPaths = [] |
                        .mounts |= ('"${mounts#*=}"')'
                args /bin/sh -c 'stat -f -c %T /home /sys/firmware /sys/kernel; ls -A /home /sys/firmware /sys/kernel; touch /home/x'
                run once
                is "$(tr -s '\n' ' ' <<<"$output")" \
                        "tmpfs ${mounts%%=*} ${mounts%%=*} /home: /sys/firmware: /sys/kernel: touch: /home/x: Read-only file system "
                rm -rf "$B"
        done
}

@test "read-only paths: cannot be written, a missing one is no error" {
        bundle '.linux.readonlyPaths = ["/etc", "/bin/busybox", "/absent"]'
        args /bin/probe try /etc/passwd /bin/busybox /tmp
        run -0 once
        has "/etc/passwd: EROFS"
        matches '/bin/busybox: (EROFS|ETXTBSY)'
}

# bats test_tags=berth
@test "read-only paths: the root itself, for the program and for exec; the mounts below it stay as they are" {
        bundle '.linux.readonlyPaths = ["/"]'
        args /bin/sh -c 'probe try /etc/passwd /dev/null; echo ready; exec probe wait'
        launch
        grep -q '/etc/passwd: EROFS' "$T/out"
        grep -q '/dev/null: ok' "$T/out"
        run -0 berth exec "$ID" /bin/probe try /etc/passwd /dev/null
        has "/etc/passwd: EROFS"
        has "/dev/null: ok"
}

# bats test_tags=berth
@test "masked and read-only paths: named twice they are mounted once" {
        see '.linux.maskedPaths = ["/home", "/etc/passwd", "/home"] | .linux.readonlyPaths = ["/etc", "/etc"]' mounts
        is "$(grep -c ' /home ' <<<"$output")" 1
        is "$(grep -c ' /etc ' <<<"$output")" 1
}

@test "masked and read-only paths: of proc, as in every default configuration" {
        see . mounts
        has " /proc/kcore " || has " /proc/keys "
        args /bin/sh -c 'echo 1 >/proc/sys/kernel/panic; echo b >/proc/sysrq-trigger; echo still here'
        run once
        has "still here"
        lacks "oom"
}

@test "masked paths: cannot be unmounted from inside without privilege" {
        bundle '.linux.maskedPaths = ["/etc/passwd"]'
        args /bin/umount /etc/passwd
        run ! once
}

# The host's would make terminals in the host's devpts.
@test "devices: /dev/ptmx is the container's own, whatever linux.devices lists" {
        bundle '.linux.devices += [{path: "/dev/ptmx", type: "c", major: 5, minor: 2}]'
        args /bin/sh -c 'readlink /dev/ptmx'
        run -0 once
        is "$output" pts/ptmx
        edit '.linux.namespaces += [{type: "user"}]
                | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings'
        chown -R 100000:100000 "$B/rootfs"
        run -0 once
        is "$output" pts/ptmx
}
