# What the host's berth.conf, and a user's own, decide for containers.
load ../lib/common

# bats file_tags=berth

setup() {
        common_setup
        # The machine's own directory, where it has one, is covered in this view.
        [ -d /etc/berth ] || { mkdir /etc/berth; defer "rmdir /etc/berth"; }
        mkdir "$T/etc"
        mount --bind "$T/etc" /etc/berth
        defer "umount /etc/berth"
}

# conf LINE...: the host's file.
conf() {
        printf '%s\n' "$@" >/etc/berth/berth.conf
}

@test "berth.conf: without one, and with an empty one, containers are processes" {
        bundle
        args true
        once
        conf "# nothing"
        once
}

@test "berth.conf: what is wrong in it is an error with file and line, before anything is made" {
        bundle
        conf "# the host's" "colour = red"
        refused '/etc/berth/berth\.conf:2: colour: no such key' create
        conf "memory = 64M"
        refused 'berth\.conf:1: memory: less than a guest needs' create
        conf "isolation = process" "require-isolation = vm"
        refused 'berth\.conf: isolation contradicts require-isolation' create
        conf "vcpus = 2"
        chmod 666 /etc/berth/berth.conf
        refused 'berth\.conf: others may write to it \(mode 0666\)' create
        rm /etc/berth/berth.conf
        mkfifo /etc/berth/berth.conf
        refused 'berth\.conf: not a regular file' create
}

@test "berth.conf: a host that demands processes refuses machines, whoever asks" {
        bundle
        args true
        conf "require-isolation = process"
        once
        once --isolation process
        refused 'berth.conf allows only process isolation' create --isolation vm
        edit '.annotations = {"berth.isolation": "vm"}'
        refused 'berth.conf allows only process isolation' create
}

@test "berth.conf: a host that demands machines refuses processes" {
        bundle
        conf "require-isolation = vm"
        refused 'berth.conf allows only vm isolation' create --isolation process
}

@test "berth.conf: root's home has no say" {
        bundle
        args true
        mkdir -p "$T/home/.config/berth"
        echo "colour = red" >"$T/home/.config/berth/berth.conf"
        HOME=$T/home XDG_CONFIG_HOME=$T/home/.config once
}

@test "berth.conf: an ordinary user's own is over the host's, but not over what it demands" {
        mkdir -p "$T/home/.config/berth" "$T/run"
        bundle 'del(.linux.resources) | .linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 1000, size: 1}] |
                .linux.gidMappings = .linux.uidMappings'
        echo "colour = red" >"$T/home/.config/berth/berth.conf"
        chown -R 1000:1000 "$T/home" "$T/run" "$B"
        as_user() {
                HOME=$T/home XDG_RUNTIME_DIR=$T/run timeout 20 setpriv --reuid 1000 --regid 1000 --clear-groups "$BERTH" create -b "$B" "$@" "$ID" \
                        </dev/null 3>&- 4>&-
        }
        run -1 as_user
        has "$T/home/.config/berth/berth.conf:1: colour: no such key"
        conf "require-isolation = process"
        echo "require-isolation = vm" >"$T/home/.config/berth/berth.conf"
        run -1 as_user
        has "berth.conf:1: require-isolation: the host demands the other one"
        chown 0 "$T/home/.config/berth/berth.conf"
        run -1 as_user
        has "berth.conf: it belongs to user 0"
        echo "isolation = process" >"$T/own"
        chown 1000 "$T/own"
        mkdir "$T/xdg" "$T/xdg/berth"
        cp -p "$T/own" "$T/xdg/berth/berth.conf"
        chmod 666 "$T/xdg/berth/berth.conf"
        XDG_CONFIG_HOME=$T/xdg run -1 as_user
        has "$T/xdg/berth/berth.conf: others may write to it"
}
