# Limits that bite: each is met by work that would go beyond it, and where that makes the proof by the same work
# without the limit. Once for each cgroup driver.
load driver

SWAPLESS='.linux.resources.memory = {limit: 8388608, swap: 8388608}'

# ---- memory ----

@test "memory.limit: work that fits runs, work that does not is killed and the exit status says so" {
        loads '.linux.resources.memory = {limit: 33554432, swap: 33554432}' memory 16
        is "$status" 0
        has_line touched=16
        loads "$SWAPLESS" memory 16
        is "$status" 137
        lacks touched
}

# watched: an event stream of $ID into $T/events; it has begun when this returns. Its pid is $WATCHER.
watched() {
        berth events --interval 300ms "$ID" >"$T/events" 2>&1 </dev/null &
        WATCHER=$!
        within 20 grep -q '"stats"' "$T/events"
}

@test "memory.limit: events tells of the kill, the container counts as stopped" {
        start_ready "$SWAPLESS" memory 16
        watched
        go
        ends_with 0 wait "$WATCHER"
        is "$(jq -rs '[.[] | select(.type == "oom") | .id] | join(" ")' "$T/events")" "$ID"
        is "$(state)" stopped
}

# Who looks late finds no group any more: systemd takes the scope away in a moment, and delete does.
@test "memory.limit: events tells of the kill that ended a container whose group has gone meanwhile" {
        local stream child

        parent memory.max 1073741824
        start_ready "$SWAPLESS | $(place late)" memory 16
        watched
        stream=$WATCHER
        while child=$(pgrep -P "$stream"); do stream=$child; done
        kill -STOP "$stream"
        go
        within 20 is_state stopped
        berth delete "$ID"
        [ ! -e "${GROUPS_OF[$ID]}" ]
        kill -CONT "$stream"
        ends_with 0 wait "$WATCHER"
        is "$(jq -rs '[.[] | select(.type == "oom") | .id] | join(" ")' "$T/events")" "$ID"
}

@test "memory.limit: the kill of an exec'ed process leaves the container running, and events tells" {
        start_as "$ID" "$SWAPLESS" memory 1 stay
        says touched=1
        watched
        run -137 berth exec "$ID" /bin/load memory 16
        within 20 grep -q '"oom"' "$T/events"
        # Each is told once: the second is not counted together with the first.
        run -137 berth exec "$ID" /bin/load memory 16
        within 20 sh -c '[ "$(grep -c "\"oom\"" "$1")" -ge 2 ]' - "$T/events"
        is "$(grep -c '"oom"' "$T/events")" 2
        is "$(state)" running
}

@test "memory.limit of 512 KiB: the container starts and its program runs" {
        loads '.linux.resources.memory = {limit: 524288, swap: 524288}' pin 0
        is "$status" 0
        has_line errno=0
}

@test "memory.swap: what is over the limit goes to swap, as far as that goes" {
        start_as "$ID" '.linux.resources.memory = {limit: 8388608, swap: 25165824}' memory 16 stay
        says touched=16
        between 8000000 "$(value memory.swap.current)" 16777216
        between 0 "$(value memory.current)" 8388608
        run -137 berth exec "$ID" /bin/load memory 16
}

@test "unified memory.high: presses into swap and kills nobody" {
        start_as "$ID" '.linux.resources.unified = {"memory.high": "8388608", "memory.swap.max": "max"}' memory 16 stay
        says touched=16
        between 1 "$(counter memory.events high)" 1000000
        between 0 "$(value memory.current)" 9437184
        is "$(counter memory.events oom_kill)" 0
}

# The pages of a file that was read once are the first to go.
@test "memory.reservation: what is reserved stays when the parent runs short, and would not without" {
        local reservation generations=/sys/kernel/mm/lru_gen/enabled

        # With generations of pages, which Debian 13's kernel has switched on, the one that reads loses its own first.
        if [ -e "$generations" ]; then
                defer "echo $(cat "$generations") >$generations"
                echo 0 >"$generations"
        fi
        parent memory.max 50331648
        configure . pin 0
        dd if=/dev/urandom of="$B/rootfs/tmp/small" bs=1M count=12 conv=fsync status=none
        dd if=/dev/urandom of="$B/rootfs/tmp/large" bs=1M count=100 conv=fsync status=none
        for reservation in 16777216 0; do
                echo 1 >/proc/sys/vm/drop_caches
                start_ready "$(place kept) | .linux.resources.memory = {reservation: $reservation}" memory 1 stay
                berth exec "$ID" /bin/cat /tmp/small >/dev/null
                between 9500000 "$(counter memory.stat file)" 16777216
                start_as other "$(place other)" memory 1 stay
                berth exec other /bin/cat /tmp/large >/dev/null
                if [ "$reservation" -gt 0 ]; then
                        between 9500000 "$(counter memory.stat file)" 16777216
                else
                        between 0 "$(counter memory.stat file)" 8000000
                fi
                berth delete --force "$ID"
                berth delete --force other
        done
}

@test "update --memory: raised, the work fits; lowered below the use, it is pressed into swap, or refused on request" {
        start_ready "$SWAPLESS" memory 16 stay
        berth update --memory 33554432 --memory-swap 67108864 "$ID"
        go
        says touched=16
        refused_update 'linux\.resources\.memory\.limit.*checkBeforeUpdate' '{"memory": {"limit": 8388608, "swap": 67108864, "checkBeforeUpdate": true}}'
        is "$(value memory.max)" 33554432
        berth update --memory 8388608 --memory-swap 67108864 "$ID"
        between 0 "$(value memory.current)" 8388608
        is "$(state)" running
}

# refused_update WORDS JSON
refused_update() {
        REFUSAL_KEEPS=1 refused "$1" berth update --resources - "$ID" <<<"$2"
}

# systemd takes the scope away with the container, and the update cannot be finished; in cgroupfs it can.
@test "update --memory: a limit below the use without swap kills, and the update does or says what it can" {
        start_as "$ID" '.linux.resources.memory = {limit: 33554432, swap: 33554432}' memory 16 stay
        says touched=16
        watched
        run berth update --memory 8388608 --memory-swap 8388608 "$ID"
        [ "$status" -eq 0 ] || is "$DRIVER $output" 'systemd container not running: no such process: it ended while its limits were changed'
        ends_with 0 wait "$WATCHER"
        grep -q '"oom"' "$T/events"
        is "$(state)" stopped
}

# ---- CPU ----

@test "cpu.quota: a fifth of a CPU is what the work gets, and the kernel counts the throttling" {
        loads . spin 1000
        between 50 "$(told share)" 100
        start_as "$ID" '.linux.resources.cpu = {quota: 20000, period: 100000}' memory 1 stay
        run -0 berth exec "$ID" /bin/load spin 1500
        between 3 "$(told share)" 30
        between 5 "$(counter cpu.stat nr_throttled)" 1000
}

@test "update --cpu-quota: slows a running program, and lets it go again" {
        start_as "$ID" '.linux.resources.cpu.cpus = "0"' spin 600000
        berth update --cpu-quota 20000 --cpu-period 100000 "$ID"
        cpu_share "$ID"
        between 3 "${SHARES[0]}" 30
        berth update --cpu-quota -1 "$ID"
        is "$(value cpu.max)" "max 100000"
        cpu_share "$ID"
        between 50 "${SHARES[0]}" 105
}

@test "cpu.shares: two containers on one CPU divide it by their weights, and update changes that" {
        start_as one "$(place one) | .linux.resources.cpu = {shares: 1024, cpus: \"1\"}" spin 600000
        start_as two "$(place two) | .linux.resources.cpu = {shares: 8192, cpus: \"1\"}" spin 600000
        within 20 proportional one two
        berth update --cpu-share 100000 one
        within 20 proportional one two
}

# The shares of the CPU are as the weights, within a factor of two (the machine's own CPUs are not always there).
proportional() {
        local a b

        a=$(value cpu.weight "$1") b=$(value cpu.weight "$2")
        cpu_share "$1" "$2"
        echo "weights: $a $b"
        between $((a * 500 / b)) $((SHARES[0] * 1000 / (SHARES[1] + 1))) $((a * 2000 / b))
}

@test "cpu.cpus: pins the work, no affinity of its own leads out, update moves it" {
        loads . pin 0
        has_line errno=0
        loads '.linux.resources.cpu = {cpus: "1", mems: "0"}' pin 0
        has_line errno=EINVAL
        start_ready '.linux.resources.cpu = {cpus: "1", mems: "0"}' spin 700
        go
        says share=
        is "$(told cpus "$(<"$T/$ID")")" 1
        berth delete --force "$ID"
        start_as "$ID" '.linux.resources.cpu = {cpus: "1"}' spin 600000
        berth update --cpuset-cpus 0 "$ID"
        is "$(sed -n 's/^Cpus_allowed_list:\t//p' "/proc/$(pid_of)/status")" 0
        cpu_share "$ID"
        is "$(ran_on "$(pid_of)")" 0
}

# The CPU that a process was last seen on: field 39 of its stat.
ran_on() {
        sed 's/.*) //' "/proc/$1/stat" | cut -d ' ' -f 37
}

# ---- processes ----

@test "pids.limit: the fork beyond it fails" {
        loads . fork 20
        has_line "forked=20 errno=0"
        loads '.linux.resources.pids = {limit: 8}' fork 20
        has_line "forked=7 errno=EAGAIN"
}

@test "update --pids-limit: the fork beyond the new limit fails" {
        start_as "$ID" '.linux.resources.pids = {limit: 30}' memory 1 stay
        says touched=1
        run -0 berth exec "$ID" /bin/load fork 20
        has_line "forked=20 errno=0"
        berth update --pids-limit 5 "$ID"
        run -0 berth exec "$ID" /bin/load fork 20
        has_line "forked=3 errno=EAGAIN"
        between 1 "$(counter pids.events max)" 9
}

# ---- block I/O: /dev/vdb is the lab's empty disk ----

# The container may use the disk.
WITH_DISK=".linux.devices = [{type: \"b\", path: \"/dev/vdb\", $HERE, fileMode: 438}] |
        .linux.resources.devices = [{allow: false, access: \"rwm\"}, {allow: true, type: \"b\", $HERE, access: \"rw\"}]"

throttle() { # throttle WHICH RATE
        echo "$WITH_DISK | .linux.resources.blockIO.throttle$1Device = [{$HERE, rate: $2}]"
}

@test "blockIO.throttleWriteBpsDevice: direct writes are as slow as the limit says" {
        loads "$WITH_DISK" write /dev/vdb 8192 direct
        between 6000 "$(told rate)" 100000000
        loads "$(throttle WriteBps 2097152)" write /dev/vdb 4096 direct
        between 1000 "$(told rate)" 2500
}

@test "blockIO.throttleReadIOPSDevice: reads come as seldom as the limit says" {
        loads "$WITH_DISK" read /dev/vdb 4096
        between 4000 "$(told rate)" 100000000
        loads "$(throttle ReadIOPS 20)" read /dev/vdb 2560
        between 600 "$(told rate)" 1500
}

@test "blockIO.throttleWriteBpsDevice: buffered writes too, by the writeback of the file system" {
        mkfs.ext4 -qF -E lazy_itable_init=1,lazy_journal_init=1 /dev/vdb 512M
        mkdir "$T/disk"
        mount /dev/vdb "$T/disk"
        defer 'umount "$T/disk"'
        local mount=".mounts += [{destination: \"/data\", type: \"bind\", source: \"$T/disk\", options: [\"rbind\", \"rw\"]}]"
        loads "$(throttle WriteBps 2097152) | .linux.resources.memory.limit = 100000000 | $mount" \
                write /data/slow 6144 buffered
        between 1000 "$(told rate)" 2800
        loads "$WITH_DISK | $mount" write /data/quick 6144 buffered
        between 4000 "$(told rate)" 100000000
}

@test "update blockIO: slows the disk for a running container, and a rate of 0 lifts the limit" {
        start_as "$ID" "$WITH_DISK" memory 1 stay
        berth update --resources - "$ID" <<<"$(jq -n "{blockIO: {throttleWriteBpsDevice: [{$HERE, rate: 2097152}]}}")"
        has_limit wbps=2097152
        run -0 berth exec "$ID" /bin/load write /dev/vdb 4096 direct
        between 1000 "$(told rate)" 2500
        berth update --resources - "$ID" <<<"$(jq -n "{blockIO: {throttleWriteBpsDevice: [{$HERE, rate: 0}]}}")"
        run ! has_limit wbps=2097152
        run -0 berth exec "$ID" /bin/load write /dev/vdb 4096 direct
        between 4000 "$(told rate)" 100000000
}

has_limit() {
        grep -q "^$DISK .*$1" <<<"$(value io.max)"
}

weighs() { # weighs FILE DEFAULT OF-THE-DISK
        is "$(value "$1")" "default $2"$'\n'"$DISK $3"
}

@test "blockIO.weight: reaches io.bfq.weight or io.weight, whichever weighs; of a device that nothing weighs it is refused" {
        local weights=".linux.resources.blockIO = {weight: 500, weightDevice: [{$HERE, weight: 700}]}"

        start_ready '.linux.resources.blockIO.weight = 500' pin 0
        is "$(value io.weight)" "default 4950"
        berth delete --force "$ID"
        edit ".linux.resources.blockIO = {weightDevice: [{major: ${ROOT_DISK%:*}, minor: ${ROOT_DISK#*:}, weight: 700}]}"
        refused 'weightDevice\[0\]\.weight.*io\.weight.*bfq' create
        echo "$DISK enable=1" >/sys/fs/cgroup/io.cost.qos
        defer 'echo "$DISK enable=0" >/sys/fs/cgroup/io.cost.qos'
        start_ready "$weights" pin 0
        weighs io.weight 4950 6970
        berth delete --force "$ID"
        echo "$DISK enable=0" >/sys/fs/cgroup/io.cost.qos
        modprobe bfq
        echo bfq >/sys/block/vdb/queue/scheduler
        defer 'echo none >/sys/block/vdb/queue/scheduler; modprobe -r bfq'
        start_ready "$weights" pin 0
        weighs io.bfq.weight 500 700
        berth update --blkio-weight 100 "$ID"
        grep -qx 'default 100' <<<"$(value io.bfq.weight)"
}

# What each container has written to the disk by now.
written() {
        [[ $(value io.stat "$1") =~ $DISK\ [^$'\n']*wbytes=([0-9]+) ]] && echo "${BASH_REMATCH[1]}"
}

has_written() {
        [ "$(written "$1")" -gt 0 ]
}

@test "blockIO.weight: two containers that write to one disk share it by their weights" {
        local heavy light

        # As if the disk could write 8 MiB a second and no more: what two emulated processors can write is less than it can.
        echo "$DISK ctrl=user model=linear rbps=8388608 rseqiops=1000 rrandiops=1000 wbps=8388608 wseqiops=1000 wrandiops=1000" \
                >/sys/fs/cgroup/io.cost.model
        echo "$DISK enable=1 ctrl=user rpct=0 wpct=0 min=100 max=100" >/sys/fs/cgroup/io.cost.qos
        defer 'echo "$DISK enable=0 ctrl=auto" >/sys/fs/cgroup/io.cost.qos; echo "$DISK ctrl=auto" >/sys/fs/cgroup/io.cost.model'
        start_as heavy "$WITH_DISK | .linux.resources.blockIO.weight = 1000" write /dev/vdb 4000000 direct
        start_as light "$WITH_DISK | .linux.resources.blockIO.weight = 100" write /dev/vdb 4000000 direct
        within 20 has_written heavy
        within 20 has_written light
        heavy=$(written heavy) light=$(written light)
        sleep 5
        heavy=$(($(written heavy) - heavy)) light=$(($(written light) - light))
        echo "heavy: $heavy bytes, light: $light"
        [ "$heavy" -gt $((3 * light)) ]
        # By weight, and not to the end of the heavy one.
        [ "$light" -gt 0 ]
}

# ---- huge pages ----

@test "hugepageLimits: a mapping beyond the limit fails, one that reserves nothing dies at the page beyond" {
        echo 16 >/proc/sys/vm/nr_hugepages
        defer 'echo 0 >/proc/sys/vm/nr_hugepages'
        is "$(cat /proc/sys/vm/nr_hugepages)" 16
        loads . huge 6
        has_line "mapped=6 errno=0" touched=6
        loads '.linux.resources.hugepageLimits = [{pageSize: "2MB", limit: 4194304}]' huge 6
        has_line "mapped=2 errno=ENOMEM" touched=2
        loads '.linux.resources.hugepageLimits = [{pageSize: "2MB", limit: 4194304}]' huge 6 noreserve
        has_line "mapped=6 errno=0" bus=2
        start_ready . huge 6
        berth update --resources - "$ID" <<<'{"hugepageLimits": [{"pageSize": "2MB", "limit": 6291456}]}'
        go
        says 'mapped=3 errno=ENOMEM'
}

# ---- RDMA: a software device over the machine's own network card ----

@test "rdma: a handle beyond the limit is refused" {
        modprobe -a rdma_rxe ib_uverbs
        # Not taken away again: a group with a limit that systemd has removed meanwhile is on the device's list for good,
        # and Linux 6.1 falls over it.
        [ -e /sys/class/infiniband/lab0 ] ||
                rdma link add lab0 type rxe netdev "$(basename "$(grep -l virtio /sys/class/net/*/device/modalias | xargs dirname | xargs dirname)")"
        local node=/dev/infiniband/uverbs0 numbers

        within 10 test -c "$node"
        numbers=$(stat -c '{"major": %Hr, "minor": %Lr}' "$node")
        local device=".linux.devices = [$numbers + {type: \"c\", path: \"$node\", fileMode: 438}] |
                .linux.resources.devices = [{allow: false, access: \"rwm\"}, $numbers + {allow: true, type: \"c\", access: \"rw\"}]"
        loads "$device" rdma "$node" 4
        has_line "opened=4 errno=0"
        loads "$device | .linux.resources.rdma = {lab0: {hcaHandles: 2}}" rdma "$node" 4
        has_line "opened=2 errno=EAGAIN"
        edit '.linux.resources.rdma = {nosuch: {hcaHandles: 2}}'
        refused 'linux\.resources\.rdma.*nosuch' create
}

# ---- unified ----

@test "unified: a controller and a file that are not there, and a bad value, are refused by name" {
        bundle
        refuse_all <<'TABLE'
.linux.resources.unified = {"nosuch.max": "1"} -> unified\["nosuch\.max"\]
.linux.resources.unified = {"memory.nosuch": "1"} -> unified\["memory\.nosuch"\].*memory controller
.linux.resources.unified = {"memory.max": "plenty"} -> unified\["memory\.max"\].*plenty
.linux.resources.unified = {"cpu.max": "5 5 5"} -> unified\["cpu\.max"\]
.linux.resources.unified = {"io.max": "999:9 rbps=1000000"} -> unified\["io\.max"\].*999:9
.linux.resources.unified = {"cpuset.cpus": "77"} -> unified\["cpuset\.cpus"\].*77
.linux.resources.cpu.cpus = "77" -> linux\.resources\.cpu\.cpus.*77
.linux.resources.blockIO.throttleReadBpsDevice = [{major: 999, minor: 9, rate: 1000000}] -> throttleReadBpsDevice\[0\].*999:9
TABLE
}

@test "unified: wins over the translated field, and several lines reach the file one by one" {
        start_as "$ID" ".linux.resources = {memory: {limit: 33554432}, unified: {\"memory.max\": \"50331648\", \"io.max\": \"$DISK wbps=2097152\n$ROOT_DISK rbps=4194304\"}}" spin 600000
        is "$(value memory.max)" 50331648
        has_limit wbps=2097152
        grep -q "^$ROOT_DISK .*rbps=4194304" <<<"$(value io.max)"
}

# ---- the freezer ----

counted() {
        od -An -tu8 -N8 "$B/rootfs/tmp/counter" | tr -d ' '
}

@test "pause: the work stands still and exec is refused; resume goes on" {
        start_as "$ID" . count /tmp/counter
        says ready
        berth pause "$ID"
        is "$(state)" paused
        local before
        before=$(counted)
        sleep 0.5
        is "$(counted)" "$before"
        refused_exec paused "$ID" /bin/true
        berth resume "$ID"
        within 10 eval '[ "$(counted)" -gt "$before" ]'
        is "$(state)" running
        berth exec "$ID" /bin/true
}

# The clone waits two seconds, in which the container is paused: so the first process of the exec is born frozen.
@test "exec that a pause overtakes: a signal ends it, and the container is as it was" {
        start_as "$ID" . count /tmp/counter
        says ready
        strace -f -o "$T/trace" -e trace=clone3 -e inject=clone3:delay_enter=2000000 \
                "$BERTH" --root "$ROOT" "${GLOBALS[@]}" exec "$ID" /bin/true </dev/null >"$T/exec" 2>&1 3>&- 4>&- &
        local tracer=$! process
        within 20 grep -q clone3 "$T/trace"
        berth pause "$ID"
        process=$(pgrep -P "$tracer" -x berth)
        within 20 grep -qF '(DELAYED)' "$T/trace"
        kill -TERM "$process"
        ends_with 255 wait "$tracer"
        grep -q interrupted "$T/exec"
        is "$(state)" paused
        berth resume "$ID"
        is "$(value pids.current)" 1
}

@test "kill KILL and delete --force end a paused container" {
        start_as "$ID" . count /tmp/counter
        says ready
        berth pause "$ID"
        berth kill "$ID" KILL
        within 10 is_state stopped
        berth delete "$ID"
        start_as "$ID" . count /tmp/counter
        says ready
        berth pause "$ID"
        berth delete --force "$ID"
        [ ! -e "$ROOT/$ID" ]
}

@test "update: limits of a paused container change, and hold when it goes on" {
        start_as "$ID" . count /tmp/counter
        says ready
        berth pause "$ID"
        berth update --memory 67108864 --cpu-quota 50000 --pids-limit 9 --cpuset-cpus 1 "$ID"
        is "$(state)" paused
        berth resume "$ID"
        is "$(value memory.max) $(value cpu.max) $(value pids.max) $(value cpuset.cpus)" "67108864 50000 100000 9 1"
        cpu_share "$ID"
        between 30 "${SHARES[0]}" 60
}

# ---- devices ----

@test "devices: what no rule allows cannot be opened, whatever nodes there are, nor made" {
        local node='.linux.devices = [{type: "b", path: "/dev/vdb", major: '$(stat -c '%Hr, minor: %Lr' /dev/vdb)', fileMode: 438}]'
        local able='.process.capabilities |= with_entries(.value += ["CAP_MKNOD", "CAP_SYS_RAWIO"])'
        loads "$node | $able" open /dev/vdb
        has_line errno=0
        loads "$node | $able | .linux.resources.devices = [{allow: false, access: \"rwm\"}]" open /dev/vdb
        has_line errno=EPERM
        args /bin/load open /dev/null
        run once
        has_line errno=0
        edit '.linux.resources.devices += [{allow: false, type: "b", access: "m"}, {allow: false, type: "c", access: "m"}]'
        args /bin/mknod /tmp/node b 254 16
        run once
        has "Operation not permitted"
}

# ---- the tree ----

@test "nested: the limit of a parent holds for the container, and for what it nests in its own group" {
        parent pids.max 6
        loads "$(place one)" fork 20
        has "errno=EAGAIN"
        configure "$(place one)"' | .mounts |= map(if .type == "cgroup" then .options -= ["ro"] else . end)'
        args /bin/sh -c 'cd /sys/fs/cgroup && mkdir init work && echo 0 >init/cgroup.procs && echo +pids >cgroup.subtree_control &&
                echo 3 >work/pids.max && echo ready && exec sleep 600'
        launch
        run -0 berth exec --cgroup /work "$ID" /bin/load fork 5
        has_line "forked=2 errno=EAGAIN"
        # The container's own group is a parent now: exec goes to where its init is.
        run -0 berth exec "$ID" /bin/probe cgroup
        has /init
        berth delete --force "$ID"
}

@test "a read-only /sys/fs/cgroup: a clear error and nothing left" {
        bundle '.linux.resources.memory.limit = 67108864'
        refused 'cgroup.*Read-only file system' unshare -m --propagation private bash -c \
                'mount -o remount,bind,ro /sys/fs/cgroup && exec timeout 60 "$@" 3>&- 4>&-' - "$BERTH" --root "$ROOT" "${GLOBALS[@]}" create --bundle "$B" "$ID"
}

# ---- numbers ----

@test "events --stats: its numbers are those of the files" {
        start_as "$ID" "$WITH_DISK | .linux.resources.memory = {limit: 67108864, swap: 134217728} | .linux.resources.pids.limit = 30 |
                .linux.resources.cpu = {quota: 50000, period: 100000}" memory 24 stay
        says touched=24
        berth exec "$ID" /bin/load write /dev/vdb 1024 direct
        berth exec "$ID" /bin/load spin 300
        # The work stands still: the two readings see the same.
        berth pause "$ID"
        run -0 berth events --stats "$ID"
        number() { jq ".data.$1" <<<"$output"; }
        is "$(number memory.usage.usage)" "$(value memory.current)"
        is "$(number memory.usage.limit)" 67108864
        is "$(number memory.swap.limit)" "$(($(value memory.max) + $(value memory.swap.max)))"
        is "$(number memory.raw.anon)" "$(counter memory.stat anon)"
        is "$(number pids.current)" "$(value pids.current)"
        is "$(number pids.limit)" 30
        is "$(number cpu.usage.total)" "$(counter cpu.stat usage_usec)000"
        is "$(number cpu.throttling.throttledPeriods)" "$(counter cpu.stat nr_throttled)"
        between 1 "$(number cpu.throttling.throttledPeriods)" 10000
        is "$(number 'blkio.ioServiceBytesRecursive | map(select(.op == "Write" and .major == '"${DISK%:*}"' and .minor == '"${DISK#*:}"') | .value) | add')" 1048576
}

@test "update: of several limits one that fails takes all back" {
        start_as "$ID" '.linux.resources = {memory: {limit: 67108864}, cpu: {quota: 50000, period: 100000}, pids: {limit: 9}}' spin 600000
        refused_update 'cpuset\.cpus|cpu\.cpus' '{"memory": {"limit": 33554432}, "cpu": {"quota": 20000, "cpus": "77"}, "pids": {"limit": 5}}'
        refused_update 'memory\.nosuch' '{"memory": {"limit": 33554432}, "cpu": {"quota": 20000}, "pids": {"limit": 5}, "unified": {"memory.nosuch": "1"}}'
        is "$(value memory.max) $(value cpu.max) $(value pids.max)" "67108864 50000 100000 9"
        # No group with processes can be without CPUs of its own again.
        refused_update 'memory\.nosuch' '{"cpu": {"cpus": "0", "mems": "0"}, "unified": {"memory.nosuch": "1"}}'
        lacks "put"
        is "$(value cpuset.cpus.effective)" "$(value ../cpuset.cpus.effective)"
}
