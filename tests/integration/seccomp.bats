load ../lib/common

# profile RULES: everything is allowed but what the rules (a jq array) say.
profile() {
        bundle ".linux.seccomp = {defaultAction: \"SCMP_ACT_ALLOW\", syscalls: $1}"
}

@test "seccomp: a filter is loaded, and none when none is asked for" {
        profile '[{names: ["swapon"], action: "SCMP_ACT_ERRNO"}]'
        args /bin/probe locks
        run -0 once
        fact_is seccomp 2
        edit 'del(.linux.seccomp)'
        run -0 once
        fact_is seccomp 0
}

# bats test_tags=wall
@test "seccomp: SCMP_ACT_ERRNO gives EPERM, or the errno that is named" {
        profile '[{names: ["getppid"], action: "SCMP_ACT_ERRNO"}, {names: ["getpgid"], action: "SCMP_ACT_ERRNO", errnoRet: 38}]'
        args /bin/probe call getppid
        run -0 once
        fact_is errno EPERM
        args /bin/probe call getpgid 0
        run -0 once
        fact_is errno ENOSYS
}

@test "seccomp: two profiles that differ only in errnoRet stay apart" {
        profile '[{names: ["getppid"], action: "SCMP_ACT_ERRNO", errnoRet: 1}]'
        args /bin/probe call getppid
        run -0 once
        fact_is errno EPERM
        edit '.linux.seccomp.syscalls[0].errnoRet = 38'
        run -0 once
        fact_is errno ENOSYS
        edit '.linux.seccomp.syscalls[0].errnoRet = 1'
        run -0 once
        fact_is errno EPERM
}

@test "seccomp: defaultErrnoRet is what calls outside of the list give" {
        profile '[{names: ["getppid"], action: "SCMP_ACT_ERRNO"}]'
        edit '.linux.seccomp = {defaultAction: "SCMP_ACT_ERRNO", defaultErrnoRet: 95, syscalls: [{action: "SCMP_ACT_ALLOW", names: ($names | split(" "))}]}' \
                --arg names "read write writev close fstat newfstatat mmap mprotect munmap brk rt_sigaction rt_sigprocmask ioctl access execve exit exit_group uname arch_prctl set_tid_address set_robust_list rseq prlimit64 readlink readlinkat getrandom openat prctl futex getuid getgid capget capset setgroups setresuid setresgid setuid setgid chdir getcwd fchdir close_range dup3 execveat sendmsg recvmsg sendto recvfrom poll ppoll epoll_wait epoll_ctl epoll_pwait epoll_create1 sched_yield nanosleep clone getpid gettid tgkill sigaltstack rt_sigreturn madvise fcntl stat lstat mount umount2 open_tree move_mount statx getdents64 lseek pread64 pipe2 eventfd2 sched_getaffinity waitid wait4 pselect6 clock_gettime accept4 socket connect fchown faccessat2 openat2 statfs fstatfs setsid unshare setns umask keyctl seccomp bpf"
        args /bin/probe call getpgid 0
        run -0 once
        fact_is errno EOPNOTSUPP
}

@test "seccomp: SCMP_ACT_KILL_PROCESS and SCMP_ACT_KILL end the program by SIGSYS" {
        profile '[{names: ["getppid"], action: "SCMP_ACT_KILL_PROCESS"}]'
        args /bin/probe call getppid
        run -159 once
        edit '.linux.seccomp.syscalls[0].action = "SCMP_ACT_KILL"'
        run -159 once
        edit '.linux.seccomp.syscalls[0].action = "SCMP_ACT_TRAP"'
        run -159 once
}

@test "seccomp: SCMP_ACT_LOG lets the call through" {
        profile '[{names: ["getppid"], action: "SCMP_ACT_LOG"}]'
        args /bin/probe call getppid
        run -0 once
        fact_is result 0
}

@test "seccomp: SCMP_ACT_TRACE without a tracer gives ENOSYS" {
        profile '[{names: ["getppid"], action: "SCMP_ACT_TRACE"}]'
        args /bin/probe call getppid
        run -0 once
        fact_is errno ENOSYS
}

# matches_args ARGS A B: whether getpgid(A, B) is caught by a rule with these arguments
caught() {
        edit ".linux.seccomp.syscalls = [{names: [\"getpgid\"], action: \"SCMP_ACT_ERRNO\", errnoRet: 61, args: $1}]"
        args /bin/probe call getpgid "$2" "$3"
        run -0 once
        [ "$(fact errno)" = ENODATA ]
}

@test "seccomp: arguments are compared by NE LT LE EQ GE GT" {
        profile '[]'
        caught '[{index: 1, value: 5, op: "SCMP_CMP_EQ"}]' 0 5
        fails caught '[{index: 1, value: 5, op: "SCMP_CMP_EQ"}]' 0 6
        caught '[{index: 1, value: 5, op: "SCMP_CMP_NE"}]' 0 6
        fails caught '[{index: 1, value: 5, op: "SCMP_CMP_NE"}]' 0 5
        caught '[{index: 1, value: 5, op: "SCMP_CMP_LT"}]' 0 4
        fails caught '[{index: 1, value: 5, op: "SCMP_CMP_LT"}]' 0 5
        caught '[{index: 1, value: 5, op: "SCMP_CMP_LE"}]' 0 5
        fails caught '[{index: 1, value: 5, op: "SCMP_CMP_LE"}]' 0 6
        caught '[{index: 1, value: 5, op: "SCMP_CMP_GE"}]' 0 5
        fails caught '[{index: 1, value: 5, op: "SCMP_CMP_GE"}]' 0 4
        caught '[{index: 1, value: 5, op: "SCMP_CMP_GT"}]' 0 6
        fails caught '[{index: 1, value: 5, op: "SCMP_CMP_GT"}]' 0 5
}

@test "seccomp: MASKED_EQ compares the masked value with valueTwo" {
        profile '[]'
        caught '[{index: 1, value: 240, valueTwo: 16, op: "SCMP_CMP_MASKED_EQ"}]' 0 0x1f
        fails caught '[{index: 1, value: 240, valueTwo: 16, op: "SCMP_CMP_MASKED_EQ"}]' 0 0x2f
}

@test "seccomp: 64 bits of an argument count" {
        profile '[]'
        caught '[{index: 1, value: 4294967296, op: "SCMP_CMP_GE"}]' 0 0x100000001
        fails caught '[{index: 1, value: 4294967296, op: "SCMP_CMP_GE"}]' 0 1
}

@test "seccomp: several arguments of one entry must all match" {
        profile '[]'
        both='[{index: 0, value: 0, op: "SCMP_CMP_EQ"}, {index: 1, value: 7, op: "SCMP_CMP_EQ"}]'
        caught "$both" 0 7
        fails caught "$both" 0 8
        fails caught "$both" 1 7
        fails caught "$both" 1 8
}

@test "seccomp: of several entries for one call each counts" {
        profile '[{names: ["getpgid"], action: "SCMP_ACT_ERRNO", errnoRet: 61, args: [{index: 1, value: 7, op: "SCMP_CMP_EQ"}]},
                {names: ["getpgid"], action: "SCMP_ACT_ERRNO", errnoRet: 61, args: [{index: 1, value: 8, op: "SCMP_CMP_EQ"}]}]'
        for i in 7 8; do
                args /bin/probe call getpgid 0 $i
                run -0 once
                fact_is errno ENODATA
        done
}

@test "seccomp: the same argument twice in one entry" {
        is_runtime crun && skip "crun gives up there"
        profile '[{names: ["getpgid"], action: "SCMP_ACT_ERRNO", errnoRet: 61, args: [{index: 1, value: 7, op: "SCMP_CMP_EQ"}, {index: 1, value: 9, op: "SCMP_CMP_EQ"}]}]'
        args /bin/probe call getpgid 0 9
        run -0 once
        fact_is errno ENODATA
}

@test "seccomp: names that no kernel knows are left out" {
        profile '[{names: ["no_such_call", "getppid"], action: "SCMP_ACT_ERRNO"}]'
        args /bin/probe call getppid
        run -0 once
        fact_is errno EPERM
}

@test "seccomp: architectures may name others too" {
        profile '[{names: ["getppid"], action: "SCMP_ACT_ERRNO"}]'
        edit '.linux.seccomp.architectures = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]'
        args /bin/probe call getppid
        run -0 once
        fact_is errno EPERM
}

@test "seccomp: with and without noNewPrivileges" {
        profile '[{names: ["getpgid"], action: "SCMP_ACT_ERRNO"}]'
        args /bin/probe call getpgid 0
        edit '.process.noNewPrivileges = false'
        run -0 once
        fact_is errno EPERM
        edit '.process.user.uid = 1000'
        run -0 once
        fact_is errno EPERM
        edit '.process.noNewPrivileges = true'
        run -0 once
        fact_is errno EPERM
}

# Profiles that are older than the calls, and without noNewPrivileges: what is loaded early must not stop us.
# bats test_tags=berth
@test "seccomp: a profile that knows none of the newer system calls" {
        profile '[{names: ["close_range", "openat2", "open_tree", "move_mount", "mount_setattr", "fsopen", "fsconfig"],
                action: "SCMP_ACT_ERRNO", errnoRet: 38}]'
        edit '.process.noNewPrivileges = false'
        args /bin/probe fds
        run -0 "$BERTH" --root "$ROOT" run --bundle "$B" --preserve-fds 1 "$ID" 3</dev/zero 4</dev/full
        has "fd=3 /dev/zero"
        lacks /dev/full
        edit '.process.user.uid = 1000'
        run -0 once
}

@test "seccomp: exec is filtered too" {
        profile '[{names: ["getppid"], action: "SCMP_ACT_ERRNO"}]'
        args /bin/probe wait
        launch
        run -0 berth exec "$ID" /bin/probe call getppid
        fact_is errno EPERM
        run -0 berth exec "$ID" /bin/probe locks
        fact_is seccomp 2
}

@test "seccomp: a profile as long as Docker's, twice" {
        bundle
        jq -n '[{names: [range(400) | "call_of_tomorrow_\(.)"], action: "SCMP_ACT_ALLOW"},
                {names: ["swapon", "swapoff", "reboot", "kexec_load", "init_module", "delete_module", "mount_setattr", "acct", "iopl", "ioperm"], action: "SCMP_ACT_ERRNO"}] +
                [range(100) | {names: ["getpgid"], action: "SCMP_ACT_ERRNO", args: [{index: 1, value: (. + 10), op: "SCMP_CMP_EQ"}]}]' >"$T/rules"
        edit '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"], syscalls: $rules[0]}' --slurpfile rules "$T/rules"
        args /bin/probe call getpgid 0 109
        run -0 once
        fact_is errno EPERM
        run -0 once
        fact_is errno EPERM
}

# bats test_tags=berth
@test "seccomp: a filter that is too long for the kernel is refused, not cut" {
        bundle
        edit '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [range(5000) | {names: ["getpgid"], action: "SCMP_ACT_ERRNO", args: [{index: 1, value: (. * 1000003 + 10), op: "SCMP_CMP_EQ"}]}]}'
        refused 'linux\.seccomp' create
}

@test "seccomp: SCMP_ACT_NOTIFY hands the listener to the agent at listenerPath" {
        profile '[{names: ["getppid"], action: "SCMP_ACT_NOTIFY"}]'
        edit '.linux.seccomp += {listenerPath: $s, listenerMetadata: "for the agent"} | .annotations = {key: "value"}' --arg s "$T/agent.sock"
        args /bin/probe call getppid
        listener agent seccomp 61
        run -0 once
        fact_is errno ENODATA
        wait $LISTENER
        run -0 sed -n 's/^state //p' "$T/agent"
        state=$output
        is "$(jq -r .metadata <<<"$state")" "for the agent"
        is "$(jq -r '.fds[0]' <<<"$state")" seccompFd
        is "$(jq -r .state.id <<<"$state")" "$ID"
        is "$(jq -r .state.bundle <<<"$state")" "$B"
        is "$(jq -r .state.annotations.key <<<"$state")" value
        # Its program is not executed yet: "created"; "creating" of crun and runc.
        [[ $(jq -r .state.status <<<"$state") == creat* ]]
        [ "$(jq .pid <<<"$state")" -gt 0 ]
        grep -q "^notified $("$TOOLS/probe" number getppid)\$" "$T/agent"
}

@test "seccomp: an agent that lets calls continue" {
        profile '[{names: ["getppid"], action: "SCMP_ACT_NOTIFY"}]'
        edit '.linux.seccomp += {listenerPath: $s}' --arg s "$T/agent.sock"
        args /bin/probe call getppid
        listener agent seccomp 0
        run -0 once
        fact_is result 0
        wait $LISTENER
}

@test "seccomp: exec has a listener of its own" {
        is_runtime crun && skip "crun 1.8 fails there"
        profile '[{names: ["getppid"], action: "SCMP_ACT_NOTIFY"}]'
        edit '.linux.seccomp += {listenerPath: $s}' --arg s "$T/agent.sock"
        args /bin/probe wait
        listener agent seccomp 0
        launch
        listener second seccomp 61
        mv "$T/second.sock" "$T/agent.sock"
        run -0 berth exec "$ID" /bin/probe call getppid
        fact_is errno ENODATA
        berth kill "$ID" KILL
        wait $LISTENER
        is "$(sed -n 's/^state //p' "$T/second" | jq -r .state.status)" running
}

@test "seccomp: an agent that is not there is refused and nothing is left" {
        profile '[{names: ["getppid"], action: "SCMP_ACT_NOTIFY"}]'
        edit '.linux.seccomp += {listenerPath: $s}' --arg s "$T/absent.sock"
        run ! once
        [ ! -e "$ROOT/$ID" ]
}

@test "seccomp: flags" {
        profile '[{names: ["getppid"], action: "SCMP_ACT_ERRNO"}]'
        args /bin/probe locks
        edit '.linux.seccomp.flags = ["SECCOMP_FILTER_FLAG_LOG"]'
        run -0 once
        fact_is seccomp 2
        edit '.linux.seccomp.flags = ["SECCOMP_FILTER_FLAG_TSYNC"]'
        run -0 once
        fact_is seccomp 2
        edit '.linux.seccomp.flags = ["SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_LOG"]'
        run -0 once
        fact_is seccomp 2
}

# bats test_tags=berth
@test "seccomp: what cannot be right is refused by its path" {
        bundle
        refuse_all <<'TABLE'
.linux.seccomp = {} -> linux\.seccomp\.defaultAction
.linux.seccomp = {defaultAction: "SCMP_ACT_NOTHING"} -> linux\.seccomp\.defaultAction
.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", defaultErrnoRet: 1} -> linux\.seccomp\.defaultErrnoRet
.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_VAX"]} -> linux\.seccomp\.architectures\[0\]
.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", flags: ["SECCOMP_FILTER_FLAG_NONE"]} -> linux\.seccomp\.flags\[0\]
.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: [], action: "SCMP_ACT_ERRNO"}]} -> linux\.seccomp\.syscalls\[0\]\.names
.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{action: "SCMP_ACT_ERRNO"}]} -> linux\.seccomp\.syscalls\[0\]\.names
.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["read"]}]} -> linux\.seccomp\.syscalls\[0\]\.action
.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["read"], action: "SCMP_ACT_ALLOW", errnoRet: 1}]} -> linux\.seccomp\.syscalls\[0\]\.errnoRet
.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["read"], action: "SCMP_ACT_ERRNO", args: [{index: 6, value: 0, op: "SCMP_CMP_EQ"}]}]} -> linux\.seccomp\.syscalls\[0\]\.args\[0\]\.index
.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["read"], action: "SCMP_ACT_ERRNO", args: [{index: 0, value: 0, op: "SCMP_CMP_LIKE"}]}]} -> linux\.seccomp\.syscalls\[0\]\.args\[0\]\.op
.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["read"], action: "SCMP_ACT_ERRNO", args: [{index: 0, op: "SCMP_CMP_EQ"}]}]} -> linux\.seccomp\.syscalls\[0\]\.args\[0\]\.value
.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["read"], action: "SCMP_ACT_NOTIFY"}]} -> linux\.seccomp\.listenerPath
.linux.seccomp = {defaultAction: "SCMP_ACT_NOTIFY", listenerPath: "/x"} -> linux\.seccomp\.defaultAction
.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", listenerPath: "relative"} -> linux\.seccomp\.listenerPath
TABLE
}
