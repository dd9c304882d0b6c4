# VM isolation where no kernel can be booted: berth's configuration in this view names stand-ins for the machine and
# the file server (tests/helpers/fake_vmm.c), which have namespaces in place of a guest. For what is said and done around
# a machine; the wall itself is tested in the lab.

# fake_machines: from here to the end of the test every container has one. FAKE_VM=1 tests/run-bats FILE: in all tests.
fake_machines() {
        mkdir -p "$T/etc/upper" "$T/etc/work" "$T/programs" "$T/cache"
        mount -t overlay -o "lowerdir=/etc,upperdir=$T/etc/upper,workdir=$T/etc/work" overlay /etc
        defer "umount /etc"
        mkdir /etc/berth
        ln -s "$TOOLS/fake_vmm" "$T/programs/berth-vmm"
        ln -s "$TOP"/build/berth-{proxy,agent,kernel} "$T/programs/"
        # As udev would make it.
        mount -t tmpfs -o mode=755 none /dev/net
        defer "umount /dev/net"
        mknod -m 666 /dev/net/tun c 10 200
        defer "kill $("$TOOLS/fake_host" /run/fake_host.sock 3>&- 4>&-); rm /run/fake_host.sock"
        printf '%s\n' "isolation = vm" "kernel = $TOOLS/fake_kernel" "modules = none" "cache = $T/cache" "programs = $T/programs" \
                "file-server = $TOOLS/fake_file_server" >/etc/berth/berth.conf
}

# What the stand-in cannot do, because its guest is a group of processes on this host: FILE|TEST, "all" for the whole file.
# A whole system would set this host's sysctls: its root is the host's.
FAKE_CANNOT='
userns.bats|all
ctl_system.bats|all
cgroups.bats|resources.hugepageLimits: each page size
cgroups.bats|resources.hugepageLimits: a page size that the machine has not is refused
cgroups.bats|resources.unified: files are written as they are
cgroups.bats|resources: a controller that the host has not is an error that names field and controller
cgroups.bats|cgroup: --cgroup-manager disabled makes none
update_events.bats|update --resources FILE: changes a limit of a running container
update_events.bats|update --resources -: reads standard input
update_events.bats|update: a limit that fails leaves all as it was
update_events.bats|events --stats: one JSON line with the container'"'"'s numbers
ctl_more.bats|an ordinary user has containers of his own, in his own directories
devices.bats|devices: /dev/ptmx is the container'"'"'s own, whatever linux.devices lists
'

fake_cannot() {
        local file

        file=$(basename "$BATS_TEST_FILENAME")
        grep -qxF -e "$file|all" -e "$file|$BATS_TEST_DESCRIPTION" <<<"$FAKE_CANNOT"
}
