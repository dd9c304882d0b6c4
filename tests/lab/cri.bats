load engines

# containerd's CRI plugin with berth, as a kubelet would use it, through a small client of our own (cri-client). The pod
# "fair" with its containers "server" and "sidecar" lives from its first test to its last; other pods are of one test.

GUIDE=docs/engines/containerd.md
IMAGE=docker.io/library/busybox:latest

setup_file() {
        export CRI=$BATS_FILE_TMPDIR/cri IDS=$BATS_FILE_TMPDIR/ids LOGS=$BATS_FILE_TMPDIR/logs
        local pause

        # What a pod's first container is made of without a word: each release has its own.
        pause=$(containerd config default | sed -n 's/^ *sandbox_image = "\(.*\)"$/\1/p')
        mkdir -p "$IDS" "$LOGS" "$BATS_FILE_TMPDIR/pause/bin"
        busybox_root "$BATS_FILE_TMPDIR/root"
        cp /usr/bin/catatonit "$BATS_FILE_TMPDIR/pause/bin/pause"
        image_archive "$BATS_FILE_TMPDIR/busybox.tar" "$IMAGE" "$BATS_FILE_TMPDIR/root" sh
        image_archive "$BATS_FILE_TMPDIR/pause.tar" "$pause" "$BATS_FILE_TMPDIR/pause" /bin/pause -P
        follow "$GUIDE" "A network for pods"
        follow "$GUIDE" "Kubernetes, and whatever else uses the CRI"
        ctr --namespace k8s.io images import "$BATS_FILE_TMPDIR/pause.tar"
        ctr --namespace k8s.io images import "$BATS_FILE_TMPDIR/busybox.tar"
        "$TOP/tests/lab/cri-client" /run/containerd/containerd.sock "$CRI" >"$BATS_FILE_TMPDIR/client.log" 2>&1 3>&- 4>&- &
        echo $! >"$BATS_FILE_TMPDIR/client"
        until_true 30 test -S "$CRI"
        remember_what_is_left
}

teardown_file() {
        cat "$BATS_FILE_TMPDIR/client.log"
        kill "$(cat "$BATS_FILE_TMPDIR/client")"
        swapon /dev/vdc 2>/dev/null || true # the test of OOM turned it off
        systemctl stop containerd
        follow "$GUIDE" "Going back"
        systemctl stop containerd kubepods.slice
        ip link delete berth0 2>/dev/null || true
}

teardown() {
        local id

        for id in $(cri ListPodSandbox | jq -r '.items[] | select(.metadata.name != "fair") | .id'); do
                cri RemovePodSandbox "{\"pod_sandbox_id\": \"$id\"}"
        done
}

# cri METHOD [JSON]: the engine's answer as JSON; fails when it is an error.
cri() {
        local request=${2:-{\}} answer

        answer=$(socat -t 150 - "UNIX-CONNECT:$CRI" <<<"$1 ${request//$'\n'/ }") || return
        echo "$answer"
        [[ $answer != '{"error":'* ]]
}

# pod NAME [FILTER [HANDLER]]: runs a pod; its configuration, through a jq filter, is kept beside its id.
pod() {
        jq -n '{metadata: {name: $name, uid: "uid-\($name)", namespace: "lab"}, hostname: $name, log_directory: $logs, labels: {app: $name},
                annotations: {"stranger.example/unknown": "anything"}, dns_config: {servers: ["10.96.0.10"], searches: ["lab.example"]},
                linux: {cgroup_parent: "/kubepods.slice/kubepods-\($name).slice", security_context: {namespace_options: {pid: 1}}}} | '"${2:-.}" \
                --arg name "$1" --arg logs "$LOGS" >"$IDS/$1.config"
        cri RunPodSandbox "{\"config\": $(cat "$IDS/$1.config"), \"runtime_handler\": \"${3:-}\"}" >"$IDS/$1.answer" || { cat "$IDS/$1.answer"; return 1; }
        jq -r .pod_sandbox_id "$IDS/$1.answer" >"$IDS/$1"
}

# create POD NAME FILTER COMMAND...: a container of it, created; its configuration through a jq filter.
create() {
        local pod=$1 name=$2 filter=$3 config

        shift 3
        config=$(jq -n '{metadata: {name: $name}, image: {image: $image}, command: $ARGS.positional, log_path: "\($name).log",
                annotations: {"stranger.example/unknown": "anything"}, linux: {security_context: {namespace_options: {pid: 1}}}} | '"$filter" \
                --arg name "$name" --arg image "$IMAGE" --args -- "$@")
        cri CreateContainer "{\"pod_sandbox_id\": \"$(cat "$IDS/$pod")\", \"config\": $config, \"sandbox_config\": $(cat "$IDS/$pod.config")}" \
                >"$IDS/$name.answer" || { cat "$IDS/$name.answer"; return 1; }
        jq -r .container_id "$IDS/$name.answer" >"$IDS/$name"
}

container() { # container POD NAME FILTER COMMAND...: created and started
        create "$@"
        cri StartContainer "{\"container_id\": \"$(cat "$IDS/$2")\"}"
}

of() { # of NAME METHOD [MEMBERS]: a call about a container
        cri "$2" "{\"container_id\": \"$(cat "$IDS/$1")\"${3:+, $3}}"
}

pod_is() { # pod_is NAME METHOD [MEMBERS]: a call about a pod
        cri "$2" "{\"pod_sandbox_id\": \"$(cat "$IDS/$1")\"${3:+, $3}}"
}

# inside NAME COMMAND...: ExecSync; its answer in $output with stdout, stderr and exit_code.
inside() {
        run -0 of "$1" ExecSync "\"timeout\": 60, \"cmd\": $(jq -cn '$ARGS.positional' --args -- "${@:2}")"
}

stdout() {
        jq -j .stdout <<<"$output"
}

status_of() { # status_of NAME FILTER
        of "$1" ContainerStatus | jq -r ".status | $2"
}

has_status() { # has_status NAME FILTER VALUE
        [ "$(status_of "$1" "$2")" = "$3" ]
}

group() {
        echo "/sys/fs/cgroup/kubepods.slice/kubepods-$1.slice/cri-containerd-$(cat "$IDS/$2").scope"
}

pid_of_container() {
        of "$1" ContainerStatus '"verbose": true' | jq -r '.info.info | fromjson | .pid'
}

@test "CRI: the guide's lines make the runtime and the pods' network ready" {
        run -0 cri Version
        has '"runtime_name": "containerd"'
        until_true 30 network_ready
        run -0 cri Status '{"verbose": true}'
        is "$(jq -r '.status.conditions[] | select(.type == "RuntimeReady") | .status' <<<"$output")" true
        is "$(jq -r '.info.config | fromjson | .containerd | "\(.defaultRuntimeName) \(.runtimes.berth.options.BinaryName)"' <<<"$output")" \
                "berth /usr/local/bin/berth"
}

network_ready() {
        [ "$(cri Status | jq -r '.status.conditions[] | select(.type == "NetworkReady") | .status')" = true ]
}

@test "CRI: two containers of a pod share its network, its name and, when asked to, its processes" {
        pod fair '.linux.security_context.namespace_options.pid = 0'
        container fair server '.linux.security_context.namespace_options.pid = 0' sh -c \
                'mkdir /www; echo stall >/www/index.html; echo serving; echo trouble >&2; httpd -f -p 8000 -h /www'
        container fair sidecar '.linux.security_context.namespace_options.pid = 0 | .envs = [{key: "COLOUR", value: "blue"}] |
                .linux.resources = {memory_limit_in_bytes: 67108864, cpu_period: 100000, cpu_quota: 50000, cpu_shares: 512, oom_score_adj: 300,
                unified: {"memory.high": "60000000"}}' sh -c 'trap "exit 9" TERM; while :; do sleep 0.2; done'
        inside sidecar sh -c 'wget -q -O - http://127.0.0.1:8000/; hostname; cat /etc/resolv.conf; cat /proc/1/comm; pidof httpd >/dev/null && echo seen; echo $COLOUR'
        is "$(stdout)" $'stall\nfair\nsearch lab.example\nnameserver 10.96.0.10\npause\nseen\nblue'
        # The host reaches the pod at its address.
        run -0 pod_is fair PodSandboxStatus
        is "$(jq -r .status.state <<<"$output")" 0
        is "$(curl -s --max-time 20 "http://$(jq -r .status.network.ip <<<"$output"):8000/")" stall
}

@test "CRI: limits are in the container's group below the pod's slice, and update changes them at once" {
        cd "$(group fair sidecar)"
        is "$(cat memory.max memory.high cpu.max)" $'67108864\n59998208\n50000 100000'
        [ "$(cat cpu.weight)" -lt 100 ]
        inside sidecar cat /proc/1/oom_score_adj /proc/self/oom_score_adj
        is "$(stdout | tail -n 1)" 300
        of sidecar UpdateContainerResources '"linux": {"memory_limit_in_bytes": 134217728, "cpu_period": 100000, "cpu_quota": 150000, "cpu_shares": 2048}'
        is "$(cat memory.max cpu.max)" $'134217728\n150000 100000'
        [ "$(cat cpu.weight)" -gt 100 ]
}

@test "CRI ExecSync: outputs, exit status, a deadline; what cannot be run is told in berth's words" {
        inside sidecar sh -c 'echo out; echo err >&2; exit 7'
        is "$(jq -r '"\(.stdout)\(.stderr)\(.exit_code)"' <<<"$output")" $'out\nerr\n7'
        run ! of sidecar ExecSync '"cmd": ["nowhere"], "timeout": 60'
        has 'nowhere' 'executable file not found in $PATH'
        run ! of sidecar ExecSync '"cmd": ["sleep", "1000"], "timeout": 2'
        has DEADLINE_EXCEEDED
        inside sidecar sh -c 'pidof sleep | wc -w' # the trap loop's own at most
        [ "$(stdout)" -le 1 ]
}

# bats test_tags=full
@test "CRI: a liveness probe every moment leaves no process, descriptor or file behind" {
        local n shim before

        shim=$(ps -o ppid= "$(pid_of_container sidecar)" | tr -d ' ')
        inside sidecar true
        before=$(ls "/proc/$shim/fd" | wc -l)
        for n in {1..12}; do
                inside sidecar sh -c 'test -d /tmp'
                has '"exit_code": 0'
        done
        until_true 10 no_more_than "$before" "/proc/$shim/fd"
        is "$(find "/run/containerd/io.containerd.runtime.v2.task/k8s.io/$(cat "$IDS/sidecar")" -name '*.pid' | wc -l)" 1
}

no_more_than() {
        [ "$(ls "$2" | wc -l)" -le "$1" ]
}

@test "CRI: the log file has each line with its time and stream" {
        until_true 10 grep -q serving "$LOGS/server.log"
        grep -qE '^20[0-9-]+T[0-9:.]+(Z|[+-][0-9:]+) stdout F serving$' "$LOGS/server.log"
        grep -qE ' stderr F trouble$' "$LOGS/server.log"
        mv "$LOGS/server.log" "$LOGS/server.log.1"
        of server ReopenContainerLog
        [ -e "$LOGS/server.log" ]
}

@test "CRI: statistics of a container and of its pod are real" {
        run -0 of server ContainerStats
        jq -e '.stats.cpu.usage_core_nano_seconds.value > 0 and .stats.memory.working_set_bytes.value > 0' <<<"$output"
        run -0 pod_is fair PodSandboxStats
        jq -e '.stats.linux.containers | length == 2' <<<"$output"
}

@test "CRI: a container beyond its memory ends as OOMKilled" {
        # The kubelet asks for no limit of swap: with it, this would be a matter of how fast the disk is. And the first
        # process stays for a moment, so that nobody's watch comes too late for the group.
        swapoff -a
        container fair greedy '.linux.resources.memory_limit_in_bytes = 20971520' sh -c 'tail /dev/zero; sleep 3; exit 137'
        until_true 60 has_status greedy '"\(.state) \(.exit_code) \(.reason)"' "2 137 OOMKilled"
        of greedy RemoveContainer
}

@test "CRI: a container that cannot be made or started is told in berth's words and can be removed" {
        create fair missing . nowhere
        run ! of missing StartContainer
        has 'exec: \"nowhere\": executable file not found in $PATH'
        is "$(status_of missing '"\(.state) \(.exit_code) \(.reason)"')" "2 128 StartError"
        of missing RemoveContainer
        create fair badmount '.mounts = [{container_path: "/etc", host_path: "/etc/passwd"}]' true
        run ! of badmount StartContainer
        has "/etc" "Not a directory"
        of badmount RemoveContainer
        create fair badlimit '.linux.resources.unified = {"memory.nothing": "1"}' true
        run ! of badlimit StartContainer
        has memory.nothing
        of badlimit RemoveContainer
}

@test "CRI StopContainer: the signal and its exit status, or the end after the timeout; the pod goes with all it had" {
        of sidecar StopContainer '"timeout": 30'
        is "$(status_of sidecar '"\(.state) \(.exit_code) \(.reason)"')" "2 9 Error"
        container fair deaf . sh -c 'trap "" TERM; echo deaf; while :; do sleep 0.2; done'
        until_true 20 grep -q deaf "$LOGS/deaf.log"
        of deaf StopContainer '"timeout": 1'
        is "$(status_of deaf '"\(.state) \(.exit_code)"')" "2 137"
        of sidecar RemoveContainer
        # The others are still there: stopping and removing the pod takes them along. Both may be asked for twice.
        pod_is fair StopPodSandbox
        pod_is fair StopPodSandbox
        pod_is fair RemovePodSandbox
        pod_is fair RemovePodSandbox
        is "$(cri ListContainers | jq '.containers | length')" 0
        expect_nothing_left
}

# ---- full ----

# bats test_tags=full
@test "CRI: security of a container: users, groups, capabilities, seccomp, AppArmor, read-only, masked paths, devices" {
        pod secure
        container secure walled '.devices = [{container_path: "/dev/disk0", host_path: "/dev/vdb", permissions: "r"}] | .working_dir = "/tmp" |
                .linux.security_context += {run_as_user: {value: 1000}, run_as_group: {value: 1000}, supplemental_groups: [1001, 2000],
                readonly_rootfs: true, no_new_privs: true, capabilities: {add_capabilities: ["NET_ADMIN"], drop_capabilities: ["CHOWN"]},
                seccomp: {profile_type: 0}, apparmor: {profile_type: 0}, masked_paths: ["/proc/kcore"], readonly_paths: ["/proc/sys"]}' \
                sh -c 'cat /proc/self/status /proc/self/attr/current; id; pwd; touch /x 2>&1; grep " /proc/kcore " /proc/self/mounts; ls -l /dev/disk0; echo end; sleep 1000'
        until_true 30 grep -q 'F end' "$LOGS/walled.log"
        output=$(sed 's/^[^ ]* [a-z]* F //' "$LOGS/walled.log")
        is "$(told NoNewPrivs) $(told Seccomp) $(told Groups | xargs)" "1 2 1000 1001 2000"
        has "uid=1000(mariner) gid=1000(mariner)" /tmp "Read-only file system" "(enforce)" "/dev/disk0" "/proc/kcore"
        is "$((0x$(told CapBnd) & 1))" 0
        is "$((0x$(told CapBnd) >> 12 & 1))" 1
        container secure wide '.linux.security_context.privileged = true' true || true # the pod is not privileged: refused by the engine
        pod trusted '.linux.security_context.privileged = true'
        container trusted open '.linux.security_context.privileged = true' sh -c 'cat /proc/self/status; mkdir /m; mount -t tmpfs t /m && echo mounted; ls /dev/vdb; echo end; sleep 1000'
        until_true 30 grep -q 'F end' "$LOGS/open.log"
        output=$(sed 's/^[^ ]* [a-z]* F //' "$LOGS/open.log")
        is "$(told Seccomp) $(told CapEff)" "0 $(sed -n 's/^CapEff:\t//p' /proc/1/status)"
        has mounted /dev/vdb
}

# bats test_tags=full
@test "CRI: namespaces per container, of another container, of the node; sysctls; ports" {
        pod kinds '.linux.sysctls = {"net.core.somaxconn": "77", "kernel.shm_rmid_forced": "1"} | .port_mappings = [{container_port: 8000, host_port: 8088}]'
        container kinds alone . sh -c 'mkdir /www; echo mapped >/www/index.html; httpd -p 8000 -h /www; sleep 1000'
        inside alone sh -c 'cat /proc/1/comm /proc/sys/net/core/somaxconn /proc/sys/kernel/shm_rmid_forced'
        is "$(stdout)" $'sleep\n77\n1'
        is "$(curl -s --max-time 20 http://127.0.0.1:8088/)" mapped
        container kinds debugger ".linux.security_context.namespace_options = {pid: 3, target_id: \"$(cat "$IDS/alone")\"}" sleep 1000
        inside debugger pidof httpd
        is "$(jq .exit_code <<<"$output")" 0
        pod node '.linux.security_context.namespace_options = {network: 2, pid: 2, ipc: 2} | .hostname = ""'
        container node wide '.linux.security_context.namespace_options = {network: 2, pid: 2, ipc: 2}' sleep 1000
        inside wide sh -c 'for n in net pid ipc; do readlink /proc/self/ns/$n; done'
        is "$(stdout)" "$(for n in net pid ipc; do readlink /proc/self/ns/$n; done)"
}

# bats test_tags=full
@test "CRI: mounts of a host's directory, read-only and with propagation both ways" {
        mkdir -p "$BATS_TEST_TMPDIR"/{data,tree}
        mount --bind "$BATS_TEST_TMPDIR/tree" "$BATS_TEST_TMPDIR/tree"
        mount --make-shared "$BATS_TEST_TMPDIR/tree"
        mkdir "$BATS_TEST_TMPDIR"/tree/{host,container}
        pod mounts '.linux.security_context.privileged = true'
        container mounts user ".linux.security_context.privileged = true | .mounts = [
                {container_path: \"/data\", host_path: \"$BATS_TEST_TMPDIR/data\", readonly: true},
                {container_path: \"/slave\", host_path: \"$BATS_TEST_TMPDIR/tree\", propagation: 1},
                {container_path: \"/shared\", host_path: \"$BATS_TEST_TMPDIR/tree\", propagation: 2}]" sleep 1000
        mount -t tmpfs fromhost "$BATS_TEST_TMPDIR/tree/host"
        inside user sh -c 'touch /data/x 2>&1; grep -c " /slave/host " /proc/self/mounts; mount -t tmpfs fromcontainer /shared/container && echo mounted'
        has "Read-only file system" mounted
        is "$(stdout | sed -n 2p)" 1
        grep -q "fromcontainer $BATS_TEST_TMPDIR/tree/container" /proc/self/mounts
        pod_is mounts StopPodSandbox
        umount -R "$BATS_TEST_TMPDIR/tree"
}

# bats test_tags=full
@test "CRI: containers with a terminal write what a terminal would" {
        pod screen
        container screen typed '.tty = true | .stdin = true' sh -c 'tty; test -t 1 && echo terminal; sleep 1000'
        until_true 30 grep -q terminal "$LOGS/typed.log"
        grep -q '/dev/pts/0' "$LOGS/typed.log"
}

# bats test_tags=full
@test "CRI: a runtime of its own for a pod, with the cgroupfs driver; an unknown one is refused" {
        run ! pod lost . nowhere
        has nowhere
        cp /etc/containerd/config.toml "$BATS_TEST_TMPDIR/config.toml"
        sed -n '/runtimes.berth\]/,$p' "$BATS_TEST_TMPDIR/config.toml" | sed 's/runtimes\.berth/runtimes.direct/; s/SystemdCgroup = true/SystemdCgroup = false/' \
                >>/etc/containerd/config.toml
        systemctl restart containerd
        until_true 30 network_ready
        pod direct '.linux.cgroup_parent = "/engines/direct"' direct
        container direct inner '.linux.resources.memory_limit_in_bytes = 67108864' sleep 1000
        is "$(cat "/sys/fs/cgroup/engines/direct/$(cat "$IDS/inner")/memory.max")" 67108864
        inside inner true
        pod_is direct StopPodSandbox
        pod_is direct RemovePodSandbox
        cp "$BATS_TEST_TMPDIR/config.toml" /etc/containerd/config.toml
        systemctl restart containerd
        until_true 30 network_ready
        expect_nothing_left
}

# bats test_tags=full
@test "CRI: pods outlive containerd's death, and their containers stay under control" {
        local pid

        pod lasting
        container lasting worker . sh -c 'trap "exit 9" TERM; while :; do sleep 0.2; done'
        pid=$(pid_of_container worker)
        systemctl kill --kill-whom main --signal KILL containerd
        systemctl restart containerd
        until_true 30 network_ready
        is "$(pid_of_container worker)" "$pid"
        inside worker true
        of worker StopContainer '"timeout": 30'
        is "$(status_of worker .exit_code)" 9
}

# bats test_tags=full
@test "CRI: a pod whose shim dies is told as ended, and can be removed without a rest" {
        pod orphaned
        container orphaned child . sleep 1000
        kill -KILL "$(ps -o ppid= "$(pid_of_container child)")"
        until_true 60 has_status child .state 2
        pod_is orphaned StopPodSandbox
        pod_is orphaned RemovePodSandbox
        expect_nothing_left 60
}

# bats test_tags=full
@test "CRI: ten pods at once come and go" {
        local n

        for n in {1..10}; do
                (pod "many$n" && container "many$n" "main$n" . sleep 1000) >/dev/null &
        done
        wait
        is "$(cri ListContainers | jq '[.containers[] | select(.state == 1)] | length')" 10
        for n in {1..10}; do
                (pod_is "many$n" StopPodSandbox && pod_is "many$n" RemovePodSandbox) >/dev/null &
        done
        wait
        expect_nothing_left 60
}
