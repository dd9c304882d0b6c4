load ../lib/common

# Attacks through paths of the image and of shared volumes. Each rule of docs/security has its test; the CVE of the
# runtime that learned it the hard way is named.

outside() { # a place on the host that must stay untouched
        mkdir "$T/outside"
        echo secret >"$T/outside/secret"
}

is_untouched() {
        is "$(ls -A "$T/outside")" secret
        is "$(cat "$T/outside/secret")" secret
        run grep " $T/outside" /proc/self/mountinfo
        is "$output" ""
}

@test "/proc, /sys or /dev in the root as a symlink is refused (CVE-2019-19921, CVE-2023-27561, CVE-2025-54867, CVE-2026-41579)" {
        outside
        local name
        for name in proc sys dev; do
                rm -rf "$B"
                bundle
                rmdir "$B/rootfs/$name"
                mkdir "$B/rootfs/elsewhere"
                for target in /elsewhere elsewhere "$T/outside" ../../outside; do
                        ln -sfn "$target" "$B/rootfs/$name"
                        if is_runtime berth; then
                                refused "/$name" create
                        else
                                run create
                                berth delete --force "$ID" || true
                        fi
                        is_untouched
                done
        done
}

@test "a mount target behind a symlink stays inside the root (CVE-2018-15664, CVE-2019-18837)" {
        outside
        bundle
        ln -s "$T/outside" "$B/rootfs/absolute"
        ln -s ../../../../../../../../../.."$T/outside" "$B/rootfs/relative"
        edit '.mounts += [{destination: "/absolute/dir", type: "tmpfs", source: "x"}, {destination: "/relative/dir", type: "tmpfs", source: "x"},
                {destination: "/absolute/file", type: "bind", source: "/etc/hostname", options: ["bind"]},
                {destination: "/absolute", type: "tmpfs", source: "y"}]'
        args /bin/true
        run once
        is_untouched
}

@test "a device behind a symlink stays inside the root" {
        outside
        bundle '.linux.devices = [{type: "c", path: "/evil/null", major: 1, minor: 3}, {type: "p", path: "/evil/pipe"}]'
        ln -s "$T/outside" "$B/rootfs/evil"
        args /bin/true
        run once
        is_untouched
}

@test "a missing working directory behind a symlink is made inside the root" {
        outside
        bundle '.process.cwd = "/evil/made"'
        ln -s "$T/outside" "$B/rootfs/evil"
        args /bin/true
        run once
        is_untouched
}

@test "masked and read-only paths behind symlinks touch nothing outside" {
        outside
        bundle '.linux.maskedPaths = ["/evil/secret"] | .linux.readonlyPaths = ["/evil"]'
        ln -s "$T/outside" "$B/rootfs/evil"
        args /bin/true
        run once
        is_untouched
}

@test "tmpcopyup copies links as links, never what they point to on the host" {
        outside
        bundle '.mounts += [{destination: "/data", type: "tmpfs", source: "x", options: ["tmpcopyup"]}]'
        mkdir "$B/rootfs/data"
        ln -s "$T/outside/secret" "$B/rootfs/data/link"
        ln -s "$T/outside" "$B/rootfs/data/dir"
        args /bin/sh -c 'cat /data/link /data/dir/secret'
        run once
        lacks secret$'\n'
        [[ $output != secret* ]]
        is_untouched
}

@test "tmpcopyup copies no device that takes a file's place under its hands" {
        mkdir "$T/volume"
        mount -t tmpfs -o mode=755 volume "$T/volume"
        defer "umount $T/volume"
        mkdir "$T/volume/data"
        echo plain >"$T/volume/data/file"
        mknod "$T/volume/node" c 1 5
        bundle
        edit '.mounts += [{destination: "/volume", type: "bind", source: ($t + "/volume"), options: ["rbind"]},
                {destination: "/volume/data", type: "tmpfs", source: "x", options: ["tmpcopyup", "size=64k"]}]' --arg t "$T"
        args /bin/true
        "$TOOLS/attack" swap 3 "$T/volume/data/file" "$T/volume/node" >/dev/null 2>&1 3>&- 4>&- &
        swapper=$!
        local runs=0
        while kill -0 $swapper 2>/dev/null && [ $runs -lt 300 ]; do
                run once
                lacks "No space left"
                runs=$((runs + 1))
        done
        echo "$runs runs"
        kill $swapper 2>/dev/null || true
}

# A volume in which a directory and a symlink to the host change places while containers are made whose mount goes
# through that name. The mount must be inside the root each time: the program counts it.
@test "a mount target that changes under the runtime's hands stays inside the root (CVE-2021-30465, CVE-2024-45310)" {
        outside
        mkdir -p "$T/volume/a"
        ln -s "$T/outside" "$T/volume/b"
        bundle
        edit '.mounts += [{destination: "/volume", type: "bind", source: ($t + "/volume"), options: ["rbind"]},
                {destination: "/volume/a/x", type: "tmpfs", source: "raced"}]' --arg t "$T"
        args /bin/sh -c 'grep -c "tmpfs raced" /proc/self/mountinfo'
        "$TOOLS/attack" swap 3 "$T/volume/a" "$T/volume/b" >/dev/null 2>&1 3>&- 4>&- &
        swapper=$!
        local runs=0
        while kill -0 $swapper 2>/dev/null && [ $runs -lt 300 ]; do
                run once
                [ "$status" -ne 0 ] || [ "$(tail -n 1 <<<"$output")" = 1 ] || { echo "run $runs: the mount went outside: $output"; false; }
                berth delete --force "$ID" >/dev/null 2>&1 || true
                runs=$((runs + 1))
        done
        echo "$runs runs"
        kill $swapper 2>/dev/null || true
        is_untouched
        [ ! -e "$T/outside/x" ]
}

# The mounts on the procfs of the created container: "PLACE of the procfs, number of them".
masks() {
        awk '{ place[$1] = $5; parent[$1] = $2; for (i = 7; $i != "-"; i++); type[$1] = $4 == "/" ? $(i + 1) : "a part" }
             END { for (m in place) if (type[m] == "proc" && type[parent[m]] != "proc") { for (c in parent) n += parent[c] == m; print place[m], n } }' \
                "/proc/$(pid_of)/mountinfo"
}

# bats test_tags=berth
@test "/proc that changes under the runtime's hands takes its masks along, and becomes no link (CVE-2023-27561)" {
        bundle
        args /bin/true
        create
        local expected runs=0 made=0
        expected=$(masks)
        berth delete --force "$ID"
        mkdir "$B/rootfs/other"
        for kind in link directory; do
                if [ $kind = link ]; then
                        ln -s /other "$B/rootfs/evil"
                else
                        rm "$B/rootfs/evil"
                        mkdir "$B/rootfs/evil"
                        touch "$B/rootfs/evil/keys"
                fi
                runs=0
                "$TOOLS/attack" swap 4 "$B/rootfs/proc" "$B/rootfs/evil" >/dev/null 2>&1 3>&- 4>&- &
                swapper=$!
                while kill -0 $swapper 2>/dev/null && [ $runs -lt 200 ]; do
                        runs=$((runs + 1))
                        if berth create --bundle "$B" "$ID" </dev/null >/dev/null 2>&1; then
                                made=$((made + 1))
                                # The place may have got the other name since.
                                is "$(masks | sed 's,^/evil,/proc,')" "$expected"
                                berth delete --force "$ID"
                        fi
                done
                kill $swapper 2>/dev/null || true
                wait $swapper || true
                [ ! -L "$B/rootfs/proc" ] || { rm "$B/rootfs/proc"; mv "$B/rootfs/evil" "$B/rootfs/proc"; ln -s /other "$B/rootfs/evil"; }
        done
        echo "$made of $runs"
        [ $made -gt 0 ]
}

@test "/dev/null of the image is not what masks (CVE-2025-31133)" {
        bundle '.mounts |= map(select(.destination | startswith("/dev") | not)) | .linux.maskedPaths = ["/etc/passwd"]'
        echo "not the host's null" >"$B/rootfs/etc/evil"
        ln -s /etc/evil "$B/rootfs/dev/null"
        args /bin/cat /etc/passwd
        run once
        lacks "root:" "not the host"
        rm -rf "$B"
        bundle '.mounts |= map(select(.destination | startswith("/dev") | not)) | .linux.maskedPaths = ["/etc/passwd"] | .linux.devices = []'
        mknod "$B/rootfs/dev/null" c 1 5
        args /bin/sh -c 'stat -c %t:%T /etc/passwd; head -c 10 /etc/passwd | wc -c'
        run once
        lacks "1:5" "root:"
}

@test "/dev/null that changes under the runtime's hands is not what masks (CVE-2025-31133)" {
        mkdir -p "$T/dev/pts" "$T/dev/shm" "$T/dev/mqueue"
        mknod -m 666 "$T/dev/null" c 1 3
        ln -s /proc/sys/kernel/core_pattern "$T/dev/other"
        bundle
        edit '.mounts |= map(select(.destination | startswith("/dev") | not)) + [{destination: "/dev", type: "bind", source: ($t + "/dev"), options: ["rbind"]}] |
                .linux.maskedPaths = ["/etc/passwd", "/etc/group"]' --arg t "$T"
        args /bin/sh -c 'head -c 100 /etc/passwd; head -c 100 /etc/group'
        "$TOOLS/attack" swap 2 "$T/dev/null" "$T/dev/other" >/dev/null 2>&1 3>&- 4>&- &
        swapper=$!
        local runs=0
        while kill -0 $swapper 2>/dev/null && [ $runs -lt 150 ]; do
                run once
                [ "$status" -ne 0 ] || [ -z "$output" ] || { echo "run $runs: masked path shows: $output"; false; }
                berth delete --force "$ID" >/dev/null 2>&1 || true
                runs=$((runs + 1))
        done
        kill $swapper 2>/dev/null || true
}

@test "/dev/console of the image as a symlink does not redirect the terminal (CVE-2025-52565)" {
        outside
        bundle '.process.terminal = true | .mounts |= map(select(.destination != "/dev"))'
        ln -s "$T/outside/secret" "$B/rootfs/dev/console"
        mkdir -p "$B/rootfs/$T/outside"
        echo inside >"$B/rootfs/$T/outside/secret"
        args /bin/stat -c %F "$T/outside/secret"
        run "$TOOLS/terminal" "$BERTH" --root "$ROOT" run --bundle "$B" "$ID" 3>&- 4>&-
        is_untouched
        [ "$status" -ne 0 ] || has "regular file"
}

@test "a volume on /proc, or on what steers the kernel below it, is refused (CVE-2019-16884)" {
        outside
        mkdir -p "$T/fake/self/attr"
        bundle
        for at in /proc /proc/self /proc/sys /proc/1 /proc/self/attr; do
                jq '.mounts += [{destination: $d, type: "bind", source: $s, options: ["rbind"]}]' --arg d "$at" --arg s "$T/fake" \
                        "$TOP/tests/lib/config.json" >"$B/config.json"
                refused /proc create
        done
        jq '.mounts |= map(if .destination == "/proc" then {destination: "/proc", type: "tmpfs", source: "tmpfs"} else . end)' \
                "$TOP/tests/lib/config.json" >"$B/config.json"
        refused /proc create
}

@test "single files of proc that lxcfs provides may be mounted over" {
        echo "fake 1.0" >"$T/uptime"
        bundle
        edit '.mounts += [{destination: "/proc/uptime", type: "bind", source: ($t + "/uptime"), options: ["bind"]}]' --arg t "$T"
        args /bin/cat /proc/uptime
        run -0 once
        is "$output" "fake 1.0"
}

@test "sysctl is written to the kernel, not to what the image has at /proc/sys (CVE-2025-52881)" {
        is_runtime berth || skip "the fix is younger than these"
        mkdir -p "$T/fake/net/ipv4"
        echo untouched >"$T/fake/net/ipv4/ip_forward"
        bundle '.linux.sysctl = {"net.ipv4.ip_forward": "1"}'
        edit '.mounts += [{destination: "/proc/sys/net", type: "bind", source: ($t + "/fake/net"), options: ["rbind"]}]' --arg t "$T"
        args /bin/probe wait
        run create
        if [ "$status" -eq 0 ]; then
                is "$(nsenter -t "$(pid_of)" -n cat /proc/sys/net/ipv4/ip_forward)" 1
        fi
        is "$(cat "$T/fake/net/ipv4/ip_forward")" untouched
}

@test "a working directory through a leaked descriptor does not lead out (CVE-2024-21626)" {
        echo host >"$T/marker"
        bundle
        args /bin/sh -c "cat ./$T/marker ../../../../../../$T/marker"
        local n
        for n in 3 4 5 6 7 8 9 10 11 12 15 20; do
                edit '.process.cwd = "/proc/self/fd/" + $n' --arg n $n
                run bash -c 'exec 3</ 4</ 5</ 6</ 7</ 8</; timeout 20 "$1" --root "$2" run --bundle "$3" "$4" </dev/null' - "$BERTH" "$ROOT" "$B" "$ID"
                ! grep -qx host <<<"$output" || { echo "descriptor $n: $output"; false; }
        done
}

@test "a working directory that is a symlink to a descriptor does not lead out" {
        echo host >"$T/marker"
        bundle '.process.cwd = "/evil"'
        args /bin/sh -c "cat ./$T/marker ../../../../../../$T/marker"
        for n in 3 7 8 9; do
                ln -sfn /proc/self/fd/$n "$B/rootfs/evil"
                run bash -c 'exec 3</ 7</; timeout 20 "$1" --root "$2" run --bundle "$3" "$4" </dev/null' - "$BERTH" "$ROOT" "$B" "$ID"
                fails grep -qx host <<<"$output"
        done
}

@test "exec --cwd through a leaked descriptor does not lead out (CVE-2024-21626)" {
        echo host >"$T/marker"
        launch_waiting
        for n in 3 4 5 6 7 8 9 10 11 12 15 20; do
                run bash -c 'exec 3</ 4</ 7</; timeout 20 "$1" --root "$2" exec --cwd /proc/self/fd/$5 "$3" /bin/cat "./$4/marker" "../../../../../$4/marker" </dev/null' \
                        - "$BERTH" "$ROOT" "$ID" "$T" $n
                fails grep -qx host <<<"$output"
        done
}

@test "a program path through a leaked descriptor is not run" {
        printf '#!/bin/sh\necho from the host\n' >"$T/program"
        chmod +x "$T/program"
        bundle
        for n in 3 4 5 6 7 8 9; do
                args "/proc/self/fd/$n$T/program"
                run bash -c 'exec 3</ 4</ 7</; timeout 20 "$1" --root "$2" run --bundle "$3" "$4" </dev/null' - "$BERTH" "$ROOT" "$B" "$ID"
                lacks "from the host"
        done
}

@test "the state directory is closed to others" {
        bundle
        create
        is "$(stat -c %a "$ROOT")" 700
        run setpriv --reuid 1234 --regid 1234 --clear-groups ls "$ROOT/$ID"
        [ "$status" -ne 0 ]
}

@test "delete does not follow a symlink in the state directory (CVE-2022-21658)" {
        outside
        mkdir -p -m 700 "$ROOT"
        ln -s "$T/outside" "$ROOT/$ID"
        run berth delete --force "$ID"
        is_untouched
        rm -f "$ROOT/$ID"
        bundle
        create
        ln -s "$T/outside" "$ROOT/$ID/link"
        mkdir "$ROOT/$ID/directory"
        ln -s "$T/outside" "$ROOT/$ID/directory/link"
        run berth delete --force "$ID"
        is_untouched
        rm -rf "${ROOT:?}/$ID"
}

# bats test_tags=berth
@test "a state directory that somebody else can write to commands nothing" {
        launch_waiting
        mkdir -m 777 "$T/shared"
        cp -a "$ROOT/$ID" "$T/shared/forged"
        sed -i 's/"id":"[^"]*"/"id":"forged"/' "$T/shared/forged/record.json"
        jq '.hooks = {poststop: [{path: "/bin/touch", args: ["touch", $t + "/owned"]}]}' --arg t "$T" "$ROOT/$ID/config.json" >"$T/shared/forged/config.json"
        local how
        for how in "chown -R 1234:1234" "chmod 777"; do
                $how "$T/shared/forged"
                for command in "delete --force forged" "delete forged" "kill forged KILL" "exec forged /bin/true" "pause forged" "update --pids-limit 9 forged" "start forged" "ps forged"; do
                        # shellcheck disable=SC2086
                        REFUSAL_KEEPS=1 REFUSAL_STATUS=$([[ $command != exec* ]] || echo 255) \
                                refused "container forged: its state is another user's, or open to others" timeout 10 "$BERTH" --root "$T/shared" $command
                done
                chown -R 0:0 "$T/shared/forged"
        done
        [ ! -e "$T/owned" ]
        is_state running
}

# bats test_tags=berth
@test "a pid file is replaced, not written through a symlink" {
        outside
        ln -s "$T/outside/secret" "$T/pid"
        bundle
        create --pid-file "$T/pid"
        is "$(cat "$T/outside/secret")" secret
        [ ! -L "$T/pid" ]
        is "$(cat "$T/pid")" "$(pid_of)"
}

@test "the bundle's root as a file or a missing directory is refused" {
        bundle
        rm -rf "$B/rootfs"
        refused 'rootfs' create
        echo >"$B/rootfs"
        refused 'rootfs' create
}

@test "flags of the host's mount are kept in a user namespace (locked flags)" {
        mkdir "$T/locked"
        mount -t tmpfs -o nosuid,nodev,noexec,ro locked "$T/locked"
        defer "umount $T/locked"
        bundle '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 1000}] | .linux.gidMappings = .linux.uidMappings'
        chown -Rh 100000:100000 "$B/rootfs"
        edit '.mounts += [{destination: "/locked", type: "bind", source: ($t + "/locked"), options: ["bind"]}]' --arg t "$T"
        args /bin/probe mounts
        run -0 once
        matches ' /locked ro,nosuid,nodev,noexec'
        # Podman says "rw" of each volume.
        edit '.mounts[-1].options = ["bind", "rw"]'
        run -0 once
        matches ' /locked ro,nosuid,nodev,noexec'
        edit '.mounts[-1].options = ["bind", "exec"]'
        refused 'the source is mounted noexec, which a user namespace cannot lift' create
}
