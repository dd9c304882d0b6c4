load engines

# Docker, set up by the lines of docs/engines/docker.md, doing what people do with it. The container "web" lives from the
# test that makes it to the one that removes it; everything else is of one test. Tests tagged "full" need minutes each.

GUIDE=docs/engines/docker.md

setup_file() {
        busybox_root "$BATS_FILE_TMPDIR/root"
        image_archive "$BATS_FILE_TMPDIR/busybox.tar" busybox:latest "$BATS_FILE_TMPDIR/root" sh
        # Nobody restarts it as often as these tests do.
        mkdir -p /run/systemd/system/docker.service.d
        printf '[Unit]\nStartLimitIntervalSec=0\n' >/run/systemd/system/docker.service.d/often.conf
        systemctl daemon-reload
        use "Set up"
        remember_what_is_left
}

teardown_file() {
        systemctl stop docker.socket docker.service
        rm -rf /etc/docker/daemon.json /run/systemd/system/docker.service.d
        systemctl daemon-reload
}

teardown() {
        local id

        for id in $(engine /containers/json?all=1 | jq -r '.[] | select(.Names != ["/web"]) | .Id'); do
                engine "/containers/$id?force=1&v=1" -X DELETE
        done
}

# use HEADING: the daemon set up by these lines of the guide, with the image in its store.
use() {
        follow "$GUIDE" "$1"
        docker load --quiet --input "$BATS_FILE_TMPDIR/busybox.tar"
}

# engine PATH [OPTION...]: the daemon's API, which costs a fraction of a command of docker's on this slow machine.
engine() {
        curl -s --max-time 60 --unix-socket /run/docker.sock "http://docker$1" "${@:2}"
}

look() { # look CONTAINER FILTER: of `docker inspect`
        engine "/containers/$1/json" | jq -r "$2"
}

looks() { # looks CONTAINER FILTER VALUE
        [ "$(look "$1" "$2")" = "$3" ]
}

once() { # once [OPTION...] COMMAND...: a container without network that is removed at its end
        docker run --rm --network none "$@"
}

detached() { # detached NAME [OPTION...] COMMAND...
        docker run --detach --network none --name "$@" >/dev/null
}

group() { # group CONTAINER: the directory of its cgroup
        local path

        read -r path <"/proc/$(look "$1" .State.Pid)/cgroup"
        echo "/sys/fs/cgroup${path#0::}"
}

@test "docker: the guide's lines make berth the default runtime, with cgroups by systemd" {
        engine /info >"$BATS_TEST_TMPDIR/info"
        is "$(jq -r '"\(.DefaultRuntime) \(.CgroupDriver) \(.CgroupVersion)"' "$BATS_TEST_TMPDIR/info")" "berth systemd 2"
        # What berth says of itself is what Docker shows.
        run -0 docker version --format '{{range .Server.Components}}{{.Name}} {{.Version}}{{"\n"}}{{end}}'
        has "berth $("$BERTH" --version | sed -n 's/^berth version //p')"
}

@test "docker run: standard input, both outputs and the exit status are the program's" {
        run --separate-stderr -42 once --interactive busybox sh -c 'cat; echo problem >&2; exit 42' <<<hello
        is "$output" hello
        is "$stderr" problem
}

@test "docker run: a program that is missing is 127, one that may not run 126, and the message is berth's" {
        run -127 once busybox nowhere
        has 'OCI runtime create failed: exec: "nowhere": executable file not found in $PATH'
        run -126 once busybox /etc
        has 'OCI runtime create failed: exec: "/etc": permission denied'
        expect_nothing_left
}

@test "docker run -it: the terminal has the size of the person's, and follows it" {
        run -7 "$TOOLS/terminal" -w 100 -s 30x100 -r 40x120 docker run --rm --network none -it busybox sh -c '
                until [ "$(stty size 2>/dev/null)" = "30 100" ]; do sleep 0.1; done
                sleep 2 # newer clients look at the terminal only after the start
                echo ready
                until [ "$(stty size)" = "40 120" ]; do sleep 0.1; done
                tty; exit 7'
        has ready /dev/pts/0
}

@test "docker run -d: ports, volumes, tmpfs, read-only root, init, limits and privileges are what was asked for" {
        mkdir -p "$BATS_FILE_TMPDIR/site"
        echo welcome >"$BATS_FILE_TMPDIR/site/index.html"
        echo '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["sethostname"], "action": "SCMP_ACT_ERRNO"}]}' >"$BATS_TEST_TMPDIR/seccomp"
        docker run --detach --name web --publish 8080:80 --volume "$BATS_FILE_TMPDIR/site:/site:ro" --volume named:/data \
                --tmpfs /scratch:size=64k --read-only --init --hostname harbour --add-host quay:10.9.8.7 --shm-size 1m \
                --memory 64m --memory-swap 96m --cpus 0.5 --pids-limit 40 --cpuset-cpus 1 --ulimit nofile=123:456 \
                --sysctl net.core.somaxconn=99 --device /dev/vdb:/dev/disk0:r --oom-score-adj 100 --user 1000:1000 --group-add 1001 \
                --cap-drop all --cap-add net_bind_service --cap-add sys_admin --security-opt "seccomp=$BATS_TEST_TMPDIR/seccomp" \
                --security-opt no-new-privileges --health-cmd 'test -e /data/well' --health-interval 1s \
                --stop-signal USR1 --env COLOUR=blue --label kind=demo \
                busybox sh -c 'trap "echo caught; exit 9" USR1; httpd -f -h /site & echo listening; while :; do sleep 0.2; done'
        # One exec that looks at everything; asking one by one would be another minute.
        run -0 docker exec --user 0 --privileged web sh -c '
                cd /sys/fs/cgroup
                for file in memory.max memory.swap.max cpu.max pids.max cpuset.cpus; do echo "$file $(cat $file)"; done
                echo "init $(cat /proc/1/comm)"; echo "hostname $(hostname)"; echo "hosts $(grep -c "10.9.8.7.*quay" /etc/hosts)"
                echo "somaxconn $(cat /proc/sys/net/core/somaxconn)"; echo "adjust $(cat /proc/1/oom_score_adj)"
                echo "scratch $(df /scratch | awk "NR == 2 { print \$2 }")"; echo "shm $(df /dev/shm | awk "NR == 2 { print \$2 }")"
                touch /file 2>&1; touch /site/file 2>&1; chmod 777 /data && echo volume; head -c 1 /dev/disk0 | wc -c; echo >/dev/disk0; true'
        is "$(told memory.max) $(told memory.swap.max) $(told cpu.max) $(told pids.max) $(told cpuset.cpus)" \
                "67108864 33554432 50000 100000 40 1"
        is "$(told init) $(told hostname) $(told hosts) $(told somaxconn) $(told adjust) $(told scratch) $(told shm)" \
                "docker-init harbour 1 99 100 64 1024"
        has '/file: Read-only file system' '/site/file: Read-only file system' volume "can't create /dev/disk0: Operation not permitted"
        # Of the program itself, not of the exec's.
        run -0 docker exec web sh -c 'cat /proc/1/status; id; ulimit -n; ulimit -Hn; echo COLOUR=$COLOUR; hostname other 2>&1; true'
        # Docker lists the first group among the others since 20.10.18.
        is "$(told NoNewPrivs) $(told Seccomp) $(told CapBnd)" "1 2 0000000000200400"
        [[ " $(told Groups) " == *" 1001 "* ]]
        has "uid=1000(mariner) gid=1000(mariner) groups=" 123 456 COLOUR=blue "sethostname: Operation not permitted"
        is "$(curl -s --max-time 20 http://127.0.0.1:8080/)" welcome
}

@test "docker exec: exit status, user, directory, environment, a terminal; what cannot be run is told in berth's words" {
        run -5 docker exec --user 1000 --workdir /tmp --env A=b web sh -c 'id -u; pwd; echo $A; exit 5'
        is "$output" $'1000\n/tmp\nb'
        run -137 docker exec web sh -c 'kill -9 $$'
        run -126 docker exec web nowhere
        has 'exec: "nowhere": executable file not found in $PATH'
        run -3 "$TOOLS/terminal" -w 100 -s 30x100 -r 40x120 docker exec -it web sh -c '
                until [ "$(stty size 2>/dev/null)" = "30 100" ]; do sleep 0.1; done
                sleep 2 # as above
                echo ready
                until [ "$(stty size)" = "40 120" ]; do sleep 0.1; done
                exit 3'
        docker exec --detach web touch /data/left-by-detached
        until_true 20 docker exec web test -e /data/left-by-detached
}

@test "docker logs, top, stats, cp: see the container" {
        run -0 docker logs web
        has listening
        run -0 docker top web
        has docker-init "httpd -f"
        engine "/containers/web/stats?stream=0&one-shot=1" >"$BATS_TEST_TMPDIR/stats"
        jq -e '.memory_stats.usage > 0 and .memory_stats.limit == 67108864 and .cpu_stats.cpu_usage.total_usage > 0 and
                .pids_stats.limit == 40 and .pids_stats.current >= 3 and .networks.eth0.rx_bytes > 0' "$BATS_TEST_TMPDIR/stats" ||
                { cat "$BATS_TEST_TMPDIR/stats"; return 1; }
        docker cp web:/etc/passwd "$BATS_TEST_TMPDIR/passwd"
        has_line mariner "$BATS_TEST_TMPDIR/passwd"
        echo copied >"$BATS_TEST_TMPDIR/copy"
        docker cp "$BATS_TEST_TMPDIR/copy" web:/data/copy
        is "$(docker exec web cat /data/copy)" copied
}

has_line() {
        grep -q "$1" "$2"
}

@test "docker healthcheck: follows what the command says" {
        until_true 30 looks web .State.Health.Status unhealthy
        docker exec web touch /data/well
        until_true 30 looks web .State.Health.Status healthy
}

@test "docker pause and unpause: nothing runs meanwhile, and nothing is lost" {
        docker pause web
        is "$(look web '"\(.State.Status) \(.State.Paused)"')" "paused true"
        grep -q 'frozen 1' "$(group web)/cgroup.events"
        docker unpause web
        is "$(look web .State.Status)" running
        is "$(curl -s --max-time 20 http://127.0.0.1:8080/)" welcome
}

@test "docker update: new limits hold at once, in the files and for systemd" {
        docker update --memory 128m --memory-swap 256m --cpus 1.5 --pids-limit 50 --cpuset-cpus 0-1 --cpu-shares 2048 web
        cd "$(group web)"
        is "$(cat memory.max memory.swap.max cpu.max pids.max cpuset.cpus)" $'134217728\n134217728\n150000 100000\n50\n0-1'
        [ "$(cat cpu.weight)" -gt 100 ]
        run -0 systemctl show "docker-$(look web .Id).scope" --property MemoryMax --property TasksMax --property CPUQuotaPerSecUSec
        has MemoryMax=134217728 TasksMax=50 CPUQuotaPerSecUSec=1.5
        # What the kernel would have to refuse is an error in its words, and changes nothing.
        run -1 docker update --cpuset-cpus 0-99 web
        is "$(cat cpuset.cpus)" 0-1
}

@test "docker stop: the container's signal, then its exit status; docker start runs it again" {
        docker stop --time 30 web
        is "$(look web '"\(.State.Status) \(.State.ExitCode) \(.State.OOMKilled)"')" "exited 9 false"
        run -0 docker logs web
        has caught
        docker start web
        is "$(look web .State.Status)" running
}

# bats test_tags=full
@test "docker stop: what does not listen is killed after the time given" {
        detached deaf busybox sh -c 'trap "" TERM; echo deaf; while :; do sleep 0.2; done'
        until_true 20 sh -c 'docker logs deaf | grep -q deaf'
        docker stop --time 1 deaf
        is "$(look deaf '"\(.State.Status) \(.State.ExitCode)"')" "exited 137"
}

# bats test_tags=full
@test "docker rm -f: a paused container with processes goes, volumes too, and nothing of it stays" {
        docker pause web
        docker rm --force --volumes web
        is "$(engine /containers/web/json -o /dev/null -w '%{http_code}')" 404
        expect_nothing_left
        docker volume rm named
}

@test "docker: a container beyond its memory is killed and reported as OOM" {
        # The first process stays for a moment, so that nobody's watch comes too late for the group.
        run -137 docker run --name greedy --network none --memory 20m --memory-swap 20m busybox sh -c 'tail /dev/zero; sleep 3; exit 137'
        is "$(look greedy '"\(.State.OOMKilled) \(.State.ExitCode)"')" "true 137"
}

# bats test_tags=full
@test "docker: a mount that cannot be made is told in berth's words, with Docker's advice, and leaves nothing" {
        run -125 docker run --name bad --network none --volume /etc/passwd:/etc busybox true
        has 'OCI runtime create failed: mounts[' '/etc: mount a file on a directory: Not a directory' \
                'Are you trying to mount a directory onto a file'
        docker rm bad
        expect_nothing_left
}

# ---- full: minutes each ----

# bats test_tags=full
@test "docker run --restart: starts again as often as asked, and after a kill from outside" {
        detached stubborn --restart on-failure:2 busybox sh -c 'exit 3'
        until_true 60 looks stubborn '"\(.State.Status) \(.State.ExitCode) \(.RestartCount)"' "exited 3 2"
        detached phoenix --restart always busybox sleep 1000
        kill -KILL "$(look phoenix .State.Pid)"
        until_true 60 looks phoenix '"\(.State.Status) \(.RestartCount)"' "running 1"
        docker exec phoenix true
}

# bats test_tags=full
@test "docker attach: standard input reaches a container that runs already" {
        docker run --detach --interactive --name listener --network none busybox sh -c 'read word; echo "got $word"; exit 5' >/dev/null
        run -5 docker attach listener <<<word
        run -0 docker logs listener
        has "got word"
}

# bats test_tags=full
@test "docker create, start -a, kill, wait, rename, diff, export: the small commands" {
        docker create --name small --network none busybox sh -c 'trap "exit 6" HUP; echo up; touch /made; while :; do sleep 0.2; done' >/dev/null
        is "$(look small .State.Status)" created
        docker start small
        until_true 20 sh -c 'docker logs small | grep -q up'
        docker rename small smaller
        until_true 20 docker exec smaller test -e /made
        run -0 docker diff smaller
        has "A /made"
        docker export smaller | tar -t | grep -qx made
        docker kill --signal HUP smaller
        is "$(docker wait smaller)" 6
}

# bats test_tags=full
@test "docker commit and build: steps run in berth and their layers make images" {
        docker run --name donor --network none busybox sh -c 'echo kept >/kept'
        docker commit --change 'CMD ["cat", "/kept"]' donor committed
        is "$(once committed)" kept
        mkdir "$BATS_TEST_TMPDIR/context"
        printf '%s\n' 'FROM busybox' 'ARG WORD=none' 'RUN echo "$WORD" >/word && cat /proc/self/status >/status' 'USER 1000' \
                'RUN id -u >/tmp/id' 'CMD cat /word /tmp/id' >"$BATS_TEST_TMPDIR/context/Dockerfile"
        # Newer clients take BuildKit, which has its own test below.
        export DOCKER_BUILDKIT=0
        docker build --network none --build-arg WORD=built --tag built "$BATS_TEST_TMPDIR/context"
        is "$(once built)" $'built\n1000'
        printf '%s\n' 'FROM busybox' 'RUN exit 4' >"$BATS_TEST_TMPDIR/context/Dockerfile"
        run docker build --network none "$BATS_TEST_TMPDIR/context"
        [ "$status" -ne 0 ]
        has "returned a non-zero code: 4"
        docker rmi committed built
}

# bats test_tags=full
@test "docker network: containers find each other by name, and a network can be joined while running" {
        docker network create quayside
        docker run --detach --name server --network quayside busybox sh -c 'mkdir /www; echo cargo >/www/index.html; httpd -f -h /www' >/dev/null
        is "$(docker run --rm --network quayside busybox wget -q -O - http://server/)" cargo
        docker run --detach --name late busybox sleep 1000 >/dev/null
        docker network connect quayside late
        is "$(docker exec late wget -q -O - http://server/)" cargo
        docker network disconnect quayside late
        run docker exec late wget -q -T 2 -O - http://server/
        [ "$status" -ne 0 ]
        docker rm --force server late
        docker network rm quayside
}

# bats test_tags=full
@test "docker events: tell each step of a container, the exit status and an OOM" {
        local since

        since=$(date +%s)
        # The engine looks at the container's group when it hears of an OOM: where the whole container dies of it, too late.
        docker run --name told --network none --memory 20m --memory-swap 20m busybox sh -c 'tail /dev/zero; sleep 2; exit 7' || true
        docker rm told
        run -0 docker events --since "$since" --until "$(($(date +%s) + 1))" --filter type=container --filter container=told \
                --format '{{.Action}} {{.Actor.Attributes.exitCode}}'
        matches '^create'
        matches '^start'
        matches '^oom'
        matches '^die 7'
        matches '^destroy'
}

# bats test_tags=full
@test "docker run: namespaces shared with another container and with the host" {
        detached owner --hostname shared --ipc shareable busybox sleep 1000
        run -0 docker run --rm --network container:owner --pid container:owner --ipc container:owner busybox sh -c \
                'cat /proc/1/cmdline | tr "\0" " "; hostname; readlink /proc/self/ns/ipc'
        has "sleep 1000" shared "$(readlink "/proc/$(look owner .State.Pid)/ns/ipc")"
        run -0 docker run --rm --network host --pid host --uts host --ipc host --cgroupns host busybox sh -c \
                'for n in net pid uts ipc cgroup; do readlink /proc/self/ns/$n; done; cat /proc/self/cgroup'
        for name in net pid uts ipc cgroup; do
                has "$(readlink /proc/self/ns/$name)"
        done
        has /system.slice/docker-
}

# bats test_tags=full
@test "docker run --privileged and the security options: walls go down one by one" {
        run -0 once --privileged busybox sh -c 'cat /proc/self/status; ls -l /dev/vdb; mount | grep " /sys "; mkdir /m; mount -t tmpfs t /m && echo mounted
                cat /proc/self/attr/current'
        # All that Docker 20.10 knows, or all.
        [[ "$(told Seccomp) $(told CapEff)" =~ ^0\ 0000(003|01f)fffffffff$ ]]
        has /dev/vdb mounted "(rw," unconfined
        run -0 once busybox sh -c 'cat /proc/self/status /proc/self/attr/current; mount -t tmpfs t /tmp 2>&1; unshare -U true 2>&1; cat /proc/kcore | wc -c'
        is "$(told Seccomp) $(told CapEff)" "2 00000000a80425fb"
        has "docker-default (enforce)" "permission denied" $'\n0'
        run -0 once --security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined --cap-add SYS_ADMIN \
                busybox sh -c 'cat /proc/self/status /proc/self/attr/current; mount -t tmpfs t /tmp && echo mounted; echo 65 >/proc/sys/net/ipv4/ip_default_ttl && echo open'
        is "$(told Seccomp)" 0
        has unconfined mounted open
}

# bats test_tags=full
@test "docker run: block I/O limits, a parent slice, real ids in stats" {
        detached busy --cgroup-parent engine.slice --device-write-bps /dev/vdb:1mb --device-read-iops /dev/vdb:100 --blkio-weight 500 \
                --memory-reservation 10m busybox sleep 1000
        cd "$(group busy)"
        [[ $PWD == /sys/fs/cgroup/engine.slice/docker-*.scope ]]
        # The client of Docker 26 sends none.
        [ "$(look busy '.HostConfig.BlkioDeviceWriteBps | length')" -eq 0 ] || is "$(cat io.max)" "$(cat /sys/block/vdb/dev) rbps=max wbps=1048576 riops=100 wiops=max"
        is "$(cat memory.low)" 10485760
        docker rm --force busy
        cd /
        systemctl stop engine.slice
}

# bats test_tags=full
@test "docker: ten containers at once start, run and go" {
        local n

        for n in {1..10}; do
                docker run --detach --network none --name "many$n" busybox sleep 1000 >/dev/null &
        done
        wait
        is "$(engine '/containers/json' | jq '[.[] | select(.State == "running")] | length')" 10
        docker rm --force many{1..10} >/dev/null
        expect_nothing_left 60
}

# bats test_tags=full
@test "docker: a shim that dies takes its container along, is told as an exit, and leaves nothing" {
        detached orphan busybox sleep 1000
        kill -KILL "$(ps -o ppid= "$(look orphan .State.Pid)")"
        until_true 60 looks orphan '"\(.State.Status) \(.State.ExitCode)"' "exited 137"
        docker rm orphan
        expect_nothing_left 60
}

# bats test_tags=full
@test "docker: options for berth reach it; one that it does not know is an error that names it" {
        follow "$GUIDE" "Options for berth"
        is "$(once --runtime berth-debug busybox echo well)" well
        jq '.runtimes.mistaken = {path: "/usr/local/bin/berth", runtimeArgs: ["--frobnicate"]} |
                .runtimes.absent = {path: "/usr/local/bin/nowhere"}' /etc/docker/daemon.json >"$BATS_TEST_TMPDIR/daemon.json"
        cp "$BATS_TEST_TMPDIR/daemon.json" /etc/docker/daemon.json
        systemctl reload docker
        run -125 once --runtime mistaken busybox true
        has "frobnicate"
        run -127 once --runtime absent busybox true
        has nowhere
        expect_nothing_left
}

# bats test_tags=full
@test "docker with live restore: containers outlive the daemon's restart and its death, and stay under control" {
        local pid

        follow "$GUIDE" "Containers that outlive the daemon"
        detached lasting busybox sh -c 'while :; do echo tick; sleep 1; done'
        detached brief busybox sh -c 'sleep 3; exit 8'
        pid=$(look lasting .State.Pid)
        systemctl kill --kill-whom main --signal KILL docker
        systemctl restart docker
        is "$(look lasting '"\(.State.Status) \(.State.Pid)"')" "running $pid"
        # What ended while nobody looked has its status all the same.
        until_true 30 looks brief '"\(.State.Status) \(.State.ExitCode)"' "exited 8"
        docker exec lasting true
        docker update --memory 32m --memory-swap 32m lasting
        is "$(cat "$(group lasting)/memory.max")" 33554432
        systemctl restart docker
        docker pause lasting
        systemctl restart docker
        is "$(look lasting .State.Status)" paused
        docker unpause lasting
        run -0 docker logs --tail 1 lasting
        has tick
        docker stop --time 1 lasting
        is "$(look lasting .State.ExitCode)" 137
        docker rm lasting brief
        expect_nothing_left
}

# bats test_tags=full
@test "docker with userns-remap: root inside is somebody else outside, and everything works" {
        local base

        use "User namespaces"
        base=$(sed -n 's/^dockremap:\([0-9]*\):.*/\1/p' /etc/subuid)
        docker run --detach --name mapped --publish 8081:80 --volume kept:/data --memory 64m --tmpfs /scratch --init busybox sh -c \
                'echo mapped >/data/index.html; httpd -f -h /data' >/dev/null
        is "$(awk '/^Uid/ { print $2 }' "/proc/$(look mapped .State.Pid)/status")" "$base"
        is "$(curl -s --max-time 20 http://127.0.0.1:8081/)" mapped
        run -0 docker exec mapped sh -c 'id -u; cat /proc/self/uid_map /sys/fs/cgroup/memory.max; touch /root/file && echo written; cat /proc/sys/kernel/hostname'
        has $'0\n' "$base" 67108864 written
        docker exec --user 1000 mapped id
        docker pause mapped
        docker unpause mapped
        docker update --memory 80m --memory-swap 80m mapped
        docker stop --time 1 mapped
        run -42 docker run --rm --interactive busybox sh -c 'cat; exit 42' <<<words
        has words
        run -0 once --userns host busybox cat /proc/self/uid_map
        has 4294967295
        docker rm --volumes mapped
        docker volume rm kept
        expect_nothing_left
}

# bats test_tags=full
@test "docker with the cgroupfs driver: groups below /docker with the limits asked for, live updates, OOM" {
        follow "$GUIDE" "With the cgroupfs driver"
        is "$(engine /info | jq -r .CgroupDriver)" cgroupfs
        detached direct --memory 64m --cpus 0.5 --pids-limit 20 busybox sleep 1000
        cd "$(group direct)"
        is "$PWD" "/sys/fs/cgroup/docker/$(look direct .Id)"
        is "$(cat memory.max cpu.max pids.max)" $'67108864\n50000 100000\n20'
        docker update --memory 32m --memory-swap 64m --cpus 2 direct
        is "$(cat memory.max memory.swap.max cpu.max)" $'33554432\n33554432\n200000 100000'
        docker exec direct true
        docker pause direct
        grep -q 'frozen 1' cgroup.events
        cd /
        docker rm --force direct
        detached below --cgroup-parent /engines/berth busybox sleep 1000
        [[ $(group below) == /sys/fs/cgroup/engines/berth/* ]]
        docker rm --force below
        # The first process stays for a moment, so that nobody's watch comes too late for the group.
        run -137 docker run --name greedy --network none --memory 20m --memory-swap 20m busybox sh -c 'tail /dev/zero; sleep 3; exit 137'
        is "$(look greedy .State.OOMKilled)" true
        docker rm greedy
        expect_nothing_left
}

# bats test_tags=full
@test "docker swarm: a service goes to twenty tasks and back to none, and nothing is left" {
        use "Set up"
        docker swarm init --advertise-addr 127.0.0.1
        docker service create --detach --name fleet --replicas 1 --limit-memory 32m --limit-pids 20 --stop-grace-period 1s --no-resolve-image \
                busybox sleep 1000
        until_true 60 running_tasks 1
        docker service scale --detach fleet=20
        until_true 480 running_tasks 20
        is "$(cat /sys/fs/cgroup/system.slice/docker-*.scope/memory.max | uniq -c | awk '{ print $1, $2 }')" "20 33554432"
        docker service scale --detach fleet=0
        until_true 120 running_tasks 0
        docker service rm fleet
        docker swarm leave --force
        until_true 60 no_containers
        expect_nothing_left 60
}

running_tasks() {
        [ "$(engine '/containers/json' | jq length)" -eq "$1" ]
}

no_containers() {
        [ "$(engine '/containers/json?all=1' | jq length)" -eq 0 ]
}

# bats test_tags=full
@test "docker build with BuildKit: its steps run in berth when runc is berth for the daemon" {
        follow "$GUIDE" "Images built by BuildKit"
        chmod -x /usr/sbin/runc # so that no step can have used it
        printf '%s\n' 'FROM busybox' 'RUN echo built >/word' 'CMD cat /word' >"$BATS_TEST_TMPDIR/Dockerfile"
        DOCKER_BUILDKIT=1 run docker build --network none --tag modern "$BATS_TEST_TMPDIR"
        chmod +x /usr/sbin/runc
        [ "$status" -eq 0 ]
        is "$(once modern)" built
        docker rmi modern
}

# bats test_tags=full
@test "docker: the way back leaves runc as the default again, and no trace of berth" {
        follow "$GUIDE" "Going back"
        is "$(engine /info | jq -r .DefaultRuntime)" runc
        is "$(once busybox echo well)" well
        expect_nothing_left
}
