# berthctl where a real host is needed: project quotas, which want a file system that counts for them.
# bats file_tags=berth

load lab
LAB=1
export BERTH_SUITE=${BERTH_SUITE:-lab}
load ../lib/common
BERTHCTL=/usr/local/bin/berthctl
load ../lib/ctl
DEADLINE=120

# Berthctl's directory on an ext4 that counts for projects.
with_quotas() {
        truncate -s 400M "$T/fs"
        mkfs.ext4 -q -F -O quota,project -E quotatype=prjquota "$T/fs"
        mkdir "$DIR"
        mount -o loop,prjquota "$T/fs" "$DIR"
        chmod 711 "$DIR"
        defer "umount $DIR"
}

@test "disk: a project quota stops a container that fills it, live changes hold, and others on the file system go on" {
        with_quotas
        ctl create web --image busybox --net none --disk 20m --inodes 800 --stop-timeout 0 -- /bin/sleep 1000
        ctl create other --image busybox --net none --stop-timeout 0 -- /bin/sleep 1000
        is "$(ctl info --json web | jq -c '[.storage.kind, .storage.limit, .storage.inodesLimit]')" '["project quota",20971520,800]'
        is "$(ctl info --json other | jq -r .storage.kind)" directory
        [ ! -e "$DIR/containers/web/disk" ]
        ctl start web other
        run ctl exec web dd if=/dev/zero of=/big bs=1M count=100
        [ "$status" -ne 0 ]
        matches "quota exceeded|No space left"
        ctl exec other dd if=/dev/zero of=/big bs=1M count=60
        [ "$(ctl stats --json web | jq '.[0].disk')" -gt 20000000 ]
        ctl set web --disk 40m
        ctl exec web dd if=/dev/zero of=/more bs=1M count=15
        refused_ctl "uses [0-9]+ bytes of disk space: 20971520 are less" set web --disk 20m
        is "$(ctl info --json web | jq .storage.limit)" 41943040
        ctl exec web rm /big /more
        ctl set web --disk 20m
        run ctl exec web sh -c 'i=0; while touch /root/$i; do i=$((i + 1)); done; [ $i -gt 100 ]'
        [ "$status" -eq 0 ]
        is "$(ctl info --json web | jq .storage.inodes)" 800
        # Root of its user namespace cannot leave the project.
        is "$(stat -c %u "$DIR/containers/web/rootfs/root/0")" 0
        ctl stop web other
        ctl set web --unset disk --unset inodes
        ctl start web
        ctl exec web dd if=/dev/zero of=/big bs=1M count=60
        ctl stop web
}

@test "disk: a snapshot is restored where twice its size would not fit into the quota, which holds afterwards" {
        with_quotas
        ctl create web --image busybox --net none --disk 20m --stop-timeout 0 -- /bin/sleep 1000
        head -c 14000000 /dev/urandom >"$(root_of web)/root/data"
        ctl snapshot create web one
        rm "$(root_of web)/root/data"
        ctl snapshot restore web one
        ctl snapshot restore web one
        is "$(stat -c %s "$(root_of web)/root/data")" 14000000
        ctl start web
        run ctl exec web dd if=/dev/zero of=/big bs=1M count=30
        [ "$status" -ne 0 ]
        ctl stop web
        [ "$(ctl info --json web | jq .storage.used)" -le 20971520 ]
        ctl clone web copy
        [ "$(ctl info --json copy | jq .storage.used)" -gt 14000000 ]
        ctl destroy web copy
}

@test "disk: a disk image grows while the container runs" {
        ctl create web --image busybox --net none --unprivileged=false --disk 16m --stop-timeout 0 -- /bin/sleep 1000
        is "$(ctl info --json web | jq -r .storage.kind)" "disk image"
        ctl start web
        ctl set web --disk 64m
        ctl exec web dd if=/dev/zero of=/big bs=1M count=30
        is "$(ctl info --json web | jq .storage.limit)" 67108864
        ctl stop web
}
