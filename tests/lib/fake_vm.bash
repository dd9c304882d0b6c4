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
        printf '%s\n' "isolation = vm" "kernel = $TOOLS/fake_kernel" "modules = none" "cache = $T/cache" "programs = $T/programs" \
                "file-server = $TOOLS/fake_file_server" >/etc/berth/berth.conf
}
