load ../lib/common

# bats file_tags=berth

@test "--version: name, commit, spec" {
        for option in --version -v; do
                run -0 "$BERTH" $option
                matches '^berth version [0-9]+\.[0-9]+\.[0-9]+'
                matches '^commit: .+'
                matches '^spec: 1\.3\.0$'
        done
}

@test "--help: every command is listed; each command has its own" {
        run -0 "$BERTH" --help
        local command
        for command in create start state kill delete run exec list ps pause resume update events spec features; do
                has $command
                run -0 "$BERTH" $command --help
                has $command
                [ -n "$output" ]
                run -0 "$BERTH" h $command
                has $command
                run -0 "$BERTH" --help
        done
        run -0 "$BERTH" -h
}

# podman: "configured runtime does not support checkpoint/restore" instead of a failure half-way.
@test "checkpoint --help and restore --help fail while they are not available: engines ask this way" {
        for command in checkpoint restore; do
                run -1 "$BERTH" $command --help
                matches "[Nn]ot available in this version"
        done
}

@test "an unknown command, and none, are errors that say what there is" {
        run -1 "$BERTH" frobnicate
        has frobnicate
        run ! "$BERTH"
}

@test "an unknown option is an error that names it" {
        for command in create run start state kill delete exec list ps pause resume update events spec features; do
                run -1 "$BERTH" --root "$T/state" $command --no-such-option x
                has no-such-option
        done
        run -1 "$BERTH" --no-such-option list
        has no-such-option
}

@test "an option without its value is an error: 'flag needs an argument'" {
        run -1 "$BERTH" --root "$T/state" create --bundle
        has "flag needs an argument" bundle
        run -1 "$BERTH" --root
        has "flag needs an argument"
}

@test "too few and too many words are errors" {
        for command in create run start state kill delete ps pause resume update events; do
                run -1 "$BERTH" --root "$T/state" $command
        done
        for command in start state delete pause resume; do
                run -1 "$BERTH" --root "$T/state" $command one two
        done
        run -1 "$BERTH" --root "$T/state" kill one TERM three
        run ! "$BERTH" --root "$T/state" exec one
}

@test "options are written --name value, --name=value, -n value" {
        bundle
        args /bin/true
        run -0 "$BERTH" --root="$ROOT" run --bundle="$B" "$ID" </dev/null
        run -0 "$BERTH" --root "$ROOT" run -b "$B" "$ID" </dev/null
        run -0 "$BERTH" -root "$ROOT" run -bundle "$B" "$ID" </dev/null || true
}

@test "ids: only letters, digits, _ + - . and not at the start a dot" {
        bundle
        local id
        for id in .. . ../x x/y /x .x "x y" '' $'x\n' 'x*' "$(printf 'x%.0s' {1..256})"; do
                run -1 "$BERTH" --root "$ROOT" create --bundle "$B" -- "$id" </dev/null
                [ -z "$id" ] || matches 'invalid container ID format|invalid'
                run -1 "$BERTH" --root "$ROOT" state -- "$id"
                run -1 "$BERTH" --root "$ROOT" delete --force -- "$id"
        done
        [ -d "$T" ]
        args /bin/true
        for id in A_b+c-d.e 0 _ +x "$(printf 'x%.0s' {1..255})"; do
                run -0 "$BERTH" --root "$ROOT" run --bundle "$B" "$id" </dev/null
        done
}

@test "--root: / and a file are refused; a missing one is made with mode 0700" {
        bundle
        run -1 "$BERTH" --root / create --bundle "$B" "$ID" </dev/null
        has root
        echo >"$T/file"
        run -1 "$BERTH" --root "$T/file" create --bundle "$B" "$ID" </dev/null
        has "$T/file"
        create
        is "$(stat -c %a "$ROOT")" 700
}

@test "--root: relative to the working directory" {
        bundle
        cd "$T"
        "$BERTH" --root state create --bundle "$B" "$ID" </dev/null >"$T/out" 2>&1 3>&- 4>&-
        is_state created
}

@test "--log FILE: errors go to the file and to stderr; append, not truncate" {
        echo first >"$T/log"
        run -1 "$BERTH" --root "$ROOT" --log "$T/log" state nobody
        says_not_exist
        is "$(head -n 1 "$T/log")" first
        grep -q "does not exist" "$T/log"
}

@test "--log-format json: one record for one failing command, with level, msg and an RFC 3339 time" {
        run -1 "$BERTH" --root "$ROOT" --log "$T/log" --log-format json state nobody
        is "$(wc -l <"$T/log")" 1
        is "$(jq -r .level "$T/log")" error
        jq -e '.msg | contains("does not exist")' "$T/log"
        jq -e '.time | test("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}")' "$T/log"
        run -1 "$BERTH" --root "$ROOT" --log "$T/log2" --log-format json create --bundle $'/no/such "bundle"\n\x01' x
        jq -e '.msg' "$T/log2"
        is "$(jq -s length "$T/log2")" 1
}

# Docker's runtimeArgs stand before what Docker itself passes.
@test "--log: an unknown flag before it is reported there, too" {
        for options in "--log $T/log --log-format json" "--log=$T/log --log-format=json"; do
                run -1 "$BERTH" --frobnicate --root "$ROOT" $options create --bundle "$T" x
                is "$(jq -r '"\(.level) \(.msg)"' "$T/log")" "error unknown flag: --frobnicate"
                rm "$T/log"
        done
}

@test "--log-format json: warnings of a working command do not look like an error" {
        bundle '.process.capabilities.effective += ["CAP_OF_TOMORROW"]'
        args /bin/true
        run -0 "$BERTH" --root "$ROOT" --log "$T/log" --log-format json run --bundle "$B" "$ID" </dev/null
        run jq -r 'select(.level == "error")' "$T/log"
        is "$output" ""
}

@test "--log: a pipe that nobody reads is an error, not a wait" {
        mkfifo "$T/pipe"
        run -1 timeout 5 "$BERTH" --root "$ROOT" --log "$T/pipe" list
        has "open log file $T/pipe"
        cat "$T/pipe" >"$T/log" 3>&- 4>&- &
        run -1 timeout 5 "$BERTH" --root "$ROOT" --log "$T/pipe" state nobody
        wait $!
        grep -q "does not exist" "$T/log"
}

@test "what a name holds does not steer the terminal" {
        run -1 "$BERTH" --root "$ROOT" state $'a\e[2J\xc2\x9b2J\x7f'
        is "$(tr -d ' -~\n' <<<"$output" | wc -c)" 0
}

@test "--log-format xml, --rootless maybe, --cgroup-manager none: unknown values are errors that name them" {
        run -1 "$BERTH" --log-format xml list
        has xml
        run -1 "$BERTH" --rootless maybe list
        has maybe
        run -1 "$BERTH" --cgroup-manager none list
        has none
        run -1 "$BERTH" --log-level chatty list
        has chatty
}

@test "--log: a file that cannot be opened is an error" {
        run -1 "$BERTH" --log /absent/log list
        has /absent/log
}

@test "--debug: says more, and the result is the same" {
        bundle
        args /bin/probe exit 5
        run -5 "$BERTH" --debug --root "$ROOT" run --bundle "$B" "$ID" </dev/null
}

@test "spec: writes a configuration that runs, and does not overwrite one" {
        mkdir -p "$B"
        cp -a "$TOOLS/rootfs" "$B/rootfs"
        cd "$B"
        run -0 "$BERTH" spec
        edit '.process.terminal = false | .process.args = ["/bin/true"]'
        run -0 once
        run -1 "$BERTH" spec
        has config.json
        run -1 "$BERTH" spec --bundle "$B"
        jq -e '.process.terminal == false' config.json
}

@test "spec --bundle: writes there; --rootless: has a user namespace with maps" {
        mkdir -p "$B"
        run -0 "$BERTH" spec --bundle "$B" --rootless
        jq -e '[.linux.namespaces[].type] | index("user") != null' "$B/config.json"
        jq -e '.linux.uidMappings | length >= 1' "$B/config.json"
        jq -e '[.linux.namespaces[].type] | index("network") == null' "$B/config.json"
}

@test "features: JSON of what the runtime can, without root, state or arguments" {
        run -0 setpriv --reuid 12345 --regid 12345 --clear-groups --inh-caps=-all env -i "$BERTH" features
        is "$(jq -r .ociVersionMin <<<"$output")" 1.0.0
        is "$(jq -r .ociVersionMax <<<"$output")" 1.3.0
        jq -e '.hooks | sort == ["createContainer", "createRuntime", "poststart", "poststop", "prestart", "startContainer"]' <<<"$output"
        jq -e '.linux.namespaces | sort == ["cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"]' <<<"$output"
        jq -e '.linux.capabilities | index("CAP_SYS_ADMIN") != null and length >= 41' <<<"$output"
        jq -e '.linux.cgroup.v2 == true and .linux.cgroup.v1 == false' <<<"$output"
        jq -e '.linux.seccomp | .enabled and (.actions | index("SCMP_ACT_NOTIFY") != null) and (.operators | length == 7) and
                (.archs | index("SCMP_ARCH_X86_64") != null) and (.knownFlags | length >= 3) and has("supportedFlags")' <<<"$output"
        jq -e '.linux.mountExtensions.idmap.enabled and .linux.netDevices.enabled and (.linux.memoryPolicy.modes | index("MPOL_BIND") != null)' <<<"$output"
        jq -e '.mountOptions | index("rro") != null and index("tmpcopyup") != null and index("ridmap") != null and index("rnosymfollow") != null' <<<"$output"
        jq -e '.potentiallyUnsafeConfigAnnotations | length >= 1' <<<"$output"
}

@test "argv[0] berth-vm: asks for the other isolation" {
        bundle 'del(.linux.namespaces[] | select(.type == "pid"))'
        ln -s "$(realpath "$BERTH")" "$T/berth-vm"
        run -1 "$T/berth-vm" --root "$ROOT" create --bundle "$B" "$ID" </dev/null
        has "a virtual machine cannot share the host's pid namespace"
        [ ! -e "$ROOT/$ID" ]
}

@test "--isolation: an unknown one is refused" {
        bundle
        run -1 "$BERTH" --root "$ROOT" create --isolation magic --bundle "$B" "$ID" </dev/null
        has magic
}

@test "--config FILE: another configuration than the bundle's" {
        bundle
        args /bin/echo elsewhere
        mv "$B/config.json" "$T/other.json"
        run -0 once --config "$T/other.json"
        is "$output" elsewhere
        mv "$T/other.json" "$B/config.json"
}

# bats test_tags=berth
@test "standard output that is closed or full is an error, and a pipe that nobody reads ends berth as it ends a filter" {
        local program

        mkfifo "$T/pipe"
        exec 8<>"$T/pipe" 9>"$T/pipe" 8<&-
        for program in "$BERTH" "${BERTH%/*}/berthctl"; do
                run -1 --separate-stderr bash -c '"$@" >&-' bash "$program" --help
                is "$stderr" "write to standard output: Bad file descriptor"
                run -1 --separate-stderr bash -c '"$@" >/dev/full' bash "$program" --help
                is "$stderr" "write to standard output: No space left on device"
                run -141 --separate-stderr bash -c '"$@" >&9' bash "$program" --help
                is "$stderr" ""
        done
        exec 9>&-
}

# bats test_tags=berth
@test "the manuals name every command and option that --help names" {
        local program command option manual

        for program in berth berthctl; do
                manual=$TOP/docs/$program.1
                for command in $("${BERTH%/*}/$program" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p'); do
                        grep -qE "^\.(It|Ss) (Ic )?$command( |$)" "$manual" || { echo "$program $command"; return 1; }
                        [[ $command != checkpoint && $command != restore ]] || continue
                        for option in $("${BERTH%/*}/$program" "$command" --help | sed -n 's/^  \(-., \|    \)--\([a-z0-9-]*\).*/\2/p'); do
                                [ "$option" != help ] || continue
                                grep -qE -- "(Fl|,) -$option( |$)|^\.It ([a-z0-9-]+ , )*$option( |$)" "$manual" ||
                                        { echo "$program $command --$option"; return 1; }
                        done
                done
        done
}
