load ../lib/common

@test "user: uid and gid are real, effective and saved ids" {
        see '.process.user = {uid: 1000, gid: 1001}' ids
        fact_is uid "1000 1000 1000"
        fact_is gid "1001 1001 1001"
}

@test "user: additional groups are exactly those listed" {
        see '.process.user = {uid: 1000, gid: 1001, additionalGids: [5, 77]}' ids
        is "$(fact groups | tr ' ' '\n' | grep -vx 1001 | sort -n | tr '\n' ' ')" "5 77 "
        see_again '.process.user = {uid: 0, gid: 0}' ids
        is "$(fact groups | tr ' ' '\n' | grep -vx 0 | tr -d '\n')" ""
}

see_again() {
        edit "$1"
        shift
        args /bin/probe "$@"
        run -0 once
}

@test "user, ioPriority: what is not said is 0" {
        is_runtime crun && skip "crun 1.8 knows no ioPriority"
        is_runtime runc && skip "runc 1.1 knows no ioPriority"
        see '.process.user = {uid: 5} | .process.ioPriority = {class: "IOPRIO_CLASS_BE"}' ids sched
        fact_is uid "5 5 5"
        fact_is gid "0 0 0"
        fact_is ioprio 2:0
}

@test "user: umask is 0022 unless it is set" {
        see . process
        fact_is umask 0022
        see_again '.process.user.umask = 63' process
        fact_is umask 0077
        see_again '.process.user.umask = 0' process
        fact_is umask 0000
        # Bits that no file has are masked, as umask(2) does.
        see_again '.process.user.umask = 530' process
        fact_is umask 0022
}

@test "user: the image's passwd never decides who a numeric user is" {
        see '.process.user = {uid: 1000, gid: 1000}' ids
        fact_is uid "1000 1000 1000"
        fact_is gid "1000 1000 1000"
}

@test "cwd: is where the program starts" {
        see '.process.cwd = "/tmp"' process
        fact_is cwd /tmp
}

@test "cwd: a directory that is not there is made, with mode 0755" {
        see '.process.cwd = "/made/for/it"' process
        fact_is cwd /made/for/it
        is "$(stat -c %a "$B/rootfs/made/for/it")" 755
}

@test "cwd: may be a directory that only the user may enter" {
        bundle '.process.user = {uid: 1000, gid: 1000} | .process.cwd = "/home/private"'
        mkdir -m 700 "$B/rootfs/home/private"
        chown 1000:1000 "$B/rootfs/home/private"
        args /bin/probe process
        run -0 once
        fact_is cwd /home/private
}

@test "env: is what the configuration says, HOME is added from passwd" {
        see '.process.env = ["PATH=/bin", "A=1", "B=two words", "EMPTY="] | .process.user.uid = 1000' env
        has_line env=A=1 "env=B=two words" env=EMPTY= env=HOME=/home
        lacks BERTH
}

@test "env: an empty HOME is as good as none" {
        is_runtime crun && skip "crun leaves it empty"
        see '.process.env = ["HOME=", "LAST=1"] | .process.user.uid = 1000' env
        has_line env=HOME=/home env=LAST=1
        lacks env=HOME=$'\n'
}

# bats test_tags=berth
@test "env: of duplicates the last wins" {
        see '.process.env += ["A=1", "A=2"]' env
        has_line env=A=2
        lacks env=A=1
}

@test "args: arrive unchanged, empty ones and spaces too" {
        bundle
        args /bin/probe args "" "two words" $'new\nline' '$HOME' 'é'
        run -0 once
        has_line "arg=two words" 'arg=$HOME' arg=é arg=
}

@test "args: the program is found through the PATH of the configuration" {
        bundle '.process.env = ["PATH=/nowhere:/bin"]'
        args probe process
        run -0 once
        fact_is comm probe
        edit '.process.env = ["PATH=/nowhere"]'
        run ! once
        has 'executable file'
}

@test "args: a program with an interpreter line runs" {
        bundle
        printf '#!/bin/sh\necho "script $1"\n' >"$B/rootfs/bin/script"
        chmod +x "$B/rootfs/bin/script"
        args /bin/script word
        run -0 once
        is "$output" "script word"
}

@test "args: a file that may not be executed is refused as permission denied" {
        bundle
        echo text >"$B/rootfs/bin/text"
        args /bin/text
        run ! once
        matches '[Pp]ermission denied'
        edit '.process.args = ["/etc"]'
        run ! once
        matches '[Pp]ermission denied|is a directory|not permitted'
}

# bats test_tags=wall
@test "capabilities: each of the five sets is as listed" {
        see '.process.capabilities = {bounding: ["CAP_CHOWN", "CAP_KILL", "CAP_SYS_CHROOT"], permitted: ["CAP_CHOWN", "CAP_KILL"],
                effective: ["CAP_KILL"], inheritable: ["CAP_KILL", "CAP_CHOWN"], ambient: ["CAP_KILL"]} | .process.user.uid = 1000' caps
        fact_is bounding 0000000000040021
        fact_is inheritable 0000000000000021
        fact_is ambient 0000000000000020
        fact_is permitted 0000000000000020
        fact_is effective 0000000000000020
}

@test "capabilities: none listed is none kept" {
        see '.process.capabilities = {}' caps
        for set in bounding effective permitted inheritable ambient; do
                fact_is $set 0000000000000000
        done
}

@test "capabilities: absent is none kept" {
        see 'del(.process.capabilities)' caps
        fact_is bounding 0000000000000000
        fact_is effective 0000000000000000
}

@test "capabilities: another user without ambient has none" {
        see '.process.user.uid = 1000' caps
        fact_is effective 0000000000000000
        fact_is permitted 0000000000000000
        fact_is bounding 0000000020000420
}

@test "capabilities: names that no kernel knows, and ones that cannot be granted, are no error" {
        is_runtime berth || skip "since runtime-spec 1.1, these are older"
        see '.process.capabilities = ([.process.capabilities | to_entries[] | .value += ["CAP_OF_TOMORROW", "CAP_SYS_RESOURCE"]] | from_entries)' caps
        (((0x$(fact effective) & 0x20000420) == 0x20000420))
}

@test "capabilities: inheritable stays empty unless it is listed" {
        see '.process.capabilities.inheritable = []' caps
        fact_is inheritable 0000000000000000
}

@test "noNewPrivileges: set and not set" {
        see . locks
        fact_is no_new_privs 1
        see_again '.process.noNewPrivileges = false' locks
        fact_is no_new_privs 0
}

# bats test_tags=wall
@test "rlimits: every one that is listed is set" {
        bundle '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 100, hard: 200}, {type: "RLIMIT_CORE", soft: 0, hard: 0},
                {type: "RLIMIT_NPROC", soft: 1000, hard: 2000}, {type: "RLIMIT_STACK", soft: 1048576, hard: 2097152},
                {type: "RLIMIT_MEMLOCK", soft: 4096, hard: 8192}, {type: "RLIMIT_FSIZE", soft: 424242, hard: 424242}]'
        args /bin/probe limits
        sed -i 's/424242/18446744073709551615/' "$B/config.json" # jq would round it
        run -0 once
        fact_is RLIMIT_NOFILE "100 200"
        fact_is RLIMIT_CORE "0 0"
        fact_is RLIMIT_NPROC "1000 2000"
        fact_is RLIMIT_STACK "1048576 2097152"
        fact_is RLIMIT_MEMLOCK "4096 8192"
        fact_is RLIMIT_FSIZE "-1 -1"
}

@test "rlimits: those not listed stay as they are" {
        ulimit -Sc 123
        see . limits
        fact_is RLIMIT_CORE "$((123 * 1024)) $(awk '/core/ { print $6 == "unlimited" ? -1 : $6 }' /proc/self/limits)"
}

@test "oomScoreAdj: set, and unchanged when absent" {
        see '.process.oomScoreAdj = 321' process
        fact_is oom_score_adj 321
        see_again 'del(.process.oomScoreAdj)' process
        fact_is oom_score_adj "$(cat /proc/self/oom_score_adj)"
}

@test "scheduler: a nice value" {
        is_runtime berth || skip "newer than this runtime"
        see '.process.scheduler = {policy: "SCHED_BATCH", nice: 5}' sched
        has "policy:3 nice:5"
        see_again '.process.scheduler = {policy: "SCHED_OTHER", nice: 7}' sched
        has "policy:0 nice:7"
        see_again '.process.scheduler = {policy: "SCHED_IDLE"}' sched
        has "policy:5"
}

# bats test_tags=berth
@test "scheduler: real-time policies with priority and flags" {
        chrt --fifo 10 true 2>/dev/null || skip "this machine lets nobody be real-time"
        see '.process.scheduler = {policy: "SCHED_FIFO", priority: 12, flags: ["SCHED_FLAG_RESET_ON_FORK"]}' sched
        has "policy:1 nice:0 priority:12 flags:1"
        see_again '.process.scheduler = {policy: "SCHED_RR", priority: 3}' sched
        has "policy:2 nice:0 priority:3"
}

# bats test_tags=berth
@test "scheduler: a deadline with runtime and period" {
        chrt --deadline --sched-runtime 1000000 --sched-deadline 2000000 --sched-period 3000000 0 true 2>/dev/null ||
                skip "this machine gives no deadlines"
        see '.process.scheduler = {policy: "SCHED_DEADLINE", runtime: 1000000, deadline: 2000000, period: 3000000}' sched
        has "policy:6" "runtime:1000000 deadline:2000000 period:3000000"
}

@test "ioPriority: class and level" {
        is_runtime berth || skip "newer than this runtime"
        see '.process.ioPriority = {class: "IOPRIO_CLASS_BE", priority: 6}' sched
        fact_is ioprio 2:6
        see_again '.process.ioPriority = {class: "IOPRIO_CLASS_IDLE", priority: 0}' sched
        fact_is ioprio 3:0
        see_again '.process.ioPriority = {class: "IOPRIO_CLASS_RT", priority: 4}' sched
        fact_is ioprio 1:4
}

@test "personality: LINUX32 is what the program sees" {
        is_runtime runc && skip "newer than this runtime"
        see '.linux.personality = {domain: "LINUX32"}' sched
        fact_is personality 8
        see_again '.linux.personality = {domain: "LINUX"}' sched
        fact_is personality 0
}

# bats test_tags=berth
@test "memoryPolicy: mode, nodes and flags" {
        see '.linux.memoryPolicy = {mode: "MPOL_BIND", nodes: "0"}' sched
        fact_is mempolicy "2 nodes:1"
        see_again '.linux.memoryPolicy = {mode: "MPOL_INTERLEAVE", nodes: "0", flags: ["MPOL_F_STATIC_NODES"]}' sched
        fact_is mempolicy "32771 nodes:1"
        see_again '.linux.memoryPolicy = {mode: "MPOL_LOCAL"}' sched
        fact_is mempolicy "4 nodes:0"
        see_again '.linux.memoryPolicy = {mode: "MPOL_DEFAULT", nodes: ""}' sched
        fact_is mempolicy "0 nodes:0"
        see_again '.linux.memoryPolicy = {mode: "MPOL_PREFERRED", nodes: "0"}' sched
        fact_is mempolicy "1 nodes:1"
}

@test "signals: nothing that the caller ignores or blocks is inherited" {
        is_runtime crun && skip "crun 1.8 keeps ignored signals"
        trap '' USR1 HUP
        see . signals
        fact_is signals_blocked 0000000000000000
        (((0x$(fact signals_ignored) & 0x201) == 0))
}

@test "session keyring: the container has its own, named after it" {
        grep -q . /proc/keys 2>/dev/null || skip "no keyrings in this kernel"
        see . keyring
        matches "^keyring=[0-9]+ keyring;.*;(_ses\.)?$ID\$"
}

@test "session keyring: --no-new-keyring keeps the caller's" {
        grep -q . /proc/keys 2>/dev/null || skip "no keyrings in this kernel"
        bundle
        args /bin/probe keyring
        run -0 once --no-new-keyring
        lacks "_ses.$ID"
}

@test "the program is the first process of its pid namespace and leads its session" {
        see . process
        fact_is pid 1
        fact_is sid 1
        fact_is ppid 0
}

@test "the program has no parent-death signal and can be dumped" {
        see . locks
        fact_is pdeathsig 0
        fact_is dumpable 1
}
