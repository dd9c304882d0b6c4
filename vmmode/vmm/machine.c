#include "vmmode/vmm/machine.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/error.h"
#include "vmmode/vmm/acpi.h"
#include "vmmode/vmm/boot.h"
#include "vmmode/vmm/filter.h"
#include "vmmode/vmm/jail.h"

/* Of the files only what is to be known now: they are read while the rest is made. */
static int load(struct machine *machine, const struct vmm_options *options)
{
        struct boot boot = {.image = &machine->image, .cmdline = options->cmdline};
        int r = image_load(options->kernel, "image", &machine->loader, &machine->image);

        if (r == 0 && options->initrd >= 0)
                r = image_load_initrd(options->initrd, "image", &machine->loader, &machine->image, &boot.initrd,
                                      &boot.initrd_size);
        if (r == 0)
                r = loader_begin(&machine->loader);
        if (r == 0)
                r = acpi_build(&machine->memory, options->cpus, options->console >= 0, &boot.rsdp);
        return r == 0 ? boot_prepare(&machine->memory, &boot) : r;
}

/* ---- devices, in the order in which the guest finds them ---- */

static int plug(struct machine *machine, struct virtio *virtio)
{
        return pci_add(&machine->pci, &machine->vm, &machine->functions[machine->n_functions++], virtio);
}

static int add_shared_devices(struct machine *machine, const struct vmm_options *options)
{
        struct guest_memory *memory = &machine->memory;
        int r = 0;

        if (options->vsock >= 0) {
                r = vsock_init(&machine->vsock, memory, &machine->shared, options->vsock);
                if (r == 0)
                        r = plug(machine, &machine->vsock.virtio);
        }
        if (r == 0 && options->rng) {
                r = rng_init(&machine->rng, memory, &machine->shared);
                if (r == 0)
                        r = plug(machine, &machine->rng.virtio);
        }
        if (r == 0 && options->balloon) {
                r = balloon_init(&machine->balloon, memory, &machine->shared);
                if (r == 0)
                        r = plug(machine, &machine->balloon.virtio);
        }
        for (size_t i = 0; i < options->n_filesystems && r == 0; i++) {
                struct fs *fs = &machine->filesystems[i];

                r = fs_init(fs, memory, &machine->shared, options->filesystems[i].fd, options->filesystems[i].tag);
                if (r == 0)
                        r = plug(machine, &fs->virtio);
        }
        return r;
}

static int add_disk(struct machine *machine, const struct vmm_options *options, size_t i)
{
        struct blk *disk = &machine->disks[i];
        int r = loop_make(&machine->disk_loops[i], "disk");

        if (r == 0)
                r = blk_init(disk, &machine->memory, &machine->disk_loops[i], options->disks[i].fd,
                             options->disks[i].read_only, options->disks[i].serial);
        return r == 0 ? plug(machine, &disk->virtio) : r;
}

static int add_net(struct machine *machine, const struct vmm_options *options, size_t i)
{
        bool has_tap = i < options->n_nets;
        struct net_ends ends = {-EBADF, -EBADF};
        struct net_options net = {0};
        int r = loop_make(&machine->net_loops[i], "net");

        if (has_tap) {
                ends = (struct net_ends){options->nets[i].fd, options->nets[i].vhost};
                net.mtu = options->nets[i].mtu;
                memcpy(net.mac, options->nets[i].mac, sizeof(net.mac));
        }
        machine->n_nets++;
        if (r == 0)
                r = net_init(&machine->nets[i], &machine->memory, &machine->net_loops[i], &ends, &net, options->vhost);
        return r == 0 ? plug(machine, &machine->nets[i].virtio) : r;
}

static int add_devices(struct machine *machine, const struct vmm_options *options)
{
        int r = pci_init(&machine->pci, &machine->vm);

        if (r == 0)
                r = add_shared_devices(machine, options);
        for (size_t i = 0; i < options->n_disks && r == 0; i++)
                r = add_disk(machine, options, i);
        for (size_t i = 0; i < options->n_nets + options->n_spare_nets && r == 0; i++)
                r = add_net(machine, options, i);
        if (r == 0 && options->console >= 0) {
                r = serial_init(&machine->serial, &machine->vm.ports, options->console);
                machine->has_serial = r == 0;
        }
        return r;
}

static void machine_ended(void *owner, uint32_t events)
{
        struct machine *machine = owner;

        (void)events;
        loop_stop(&machine->shared);
}

int machine_make(struct machine *machine, const struct vmm_options *options)
{
        int r;

        *machine = (struct machine){.memory = GUEST_MEMORY_NONE, .vm = {.fd = -EBADF, .ended_fd = -EBADF}};
        machine->loader.memory = &machine->memory;
        r = guest_memory_make(&machine->memory, options->memory & ~(GUEST_PAGE - 1));
        if (r == 0)
                r = vmm_jail_leave_namespaces(&machine->left_namespaces);
        if (r == 0)
                r = load(machine, options);
        if (r == 0)
                r = vm_make(&machine->vm, options->kvm, &machine->memory);
        if (r == 0)
                r = loop_make(&machine->shared, "devices");
        if (r < 0)
                return r;
        machine->ended =
                (struct watch){.fd = machine->vm.ended_fd, .events = EPOLLIN, .ready = machine_ended, .owner = machine};
        r = loop_add(&machine->shared, &machine->ended);
        if (r == 0)
                r = add_devices(machine, options);
        if (r == 0 && options->control >= 0)
                r = control_init(&machine->control, machine, options->control);
        return r == 0 ? vm_make_cpus(&machine->vm, options->cpus, &machine->image) : r;
}

/* A file server takes longer to come than the guest's first instructions, which are far from asking for files: the
 * guest begins meanwhile, and waits where it looks at the device. */
static int start_guest(struct machine *machine, size_t n_filesystems)
{
        int r;

        for (size_t i = 0; i < n_filesystems; i++)
                pthread_mutex_lock(&machine->filesystems[i].virtio.lock);
        r = vm_start(&machine->vm, filter_cpu);
        if (r == 0)
                r = filter_install(FILTER_MAIN);
        for (size_t i = 0; i < n_filesystems; i++) {
                if (r == 0)
                        r = fs_meet(&machine->filesystems[i]);
                pthread_mutex_unlock(&machine->filesystems[i].virtio.lock);
        }
        return r;
}

int machine_run(struct machine *machine, const struct vmm_options *options)
{
        int r = vmm_jail_enter(machine->left_namespaces, options->filters_suffice);

        if (r == 0)
                r = filter_prepare(options->vhost);
        for (size_t i = 0; i < OPTIONS_DISKS_MAX && r == 0; i++)
                if (machine->disk_loops[i].name)
                        r = loop_start(&machine->disk_loops[i], filter_disk);
        for (size_t i = 0; i < OPTIONS_NETS_MAX && r == 0; i++)
                if (machine->net_loops[i].name)
                        r = loop_start(&machine->net_loops[i], filter_net);
        /* The kernel is being read all the while. Whoever does that has kept its privileges, and ends here. */
        if (r == 0)
                r = loader_end(&machine->loader);
        if (r == 0)
                r = start_guest(machine, options->n_filesystems);
        return r == 0 ? loop_run(&machine->shared) : r;
}

/* The processors first: nobody kicks a device any more. */
void machine_free(struct machine *machine)
{
        vm_free(&machine->vm);
        for (size_t i = 0; i < OPTIONS_DISKS_MAX; i++)
                if (machine->disk_loops[i].name) {
                        loop_free(&machine->disk_loops[i]);
                        blk_free(&machine->disks[i]);
                }
        for (size_t i = 0; i < OPTIONS_NETS_MAX; i++)
                if (machine->net_loops[i].name) {
                        loop_free(&machine->net_loops[i]);
                        net_free(&machine->nets[i]);
                }
        for (size_t i = 0; i < OPTIONS_FILESYSTEMS_MAX; i++)
                if (machine->filesystems[i].server.name)
                        fs_free(&machine->filesystems[i]);
        if (machine->vsock.virtio.ops)
                vsock_free(&machine->vsock);
        if (machine->rng.virtio.ops)
                virtio_free(&machine->rng.virtio);
        if (machine->balloon.virtio.ops)
                virtio_free(&machine->balloon.virtio);
        if (machine->control.machine)
                control_free(&machine->control);
        if (machine->has_serial)
                serial_flush(&machine->serial);
        if (machine->shared.name)
                loop_free(&machine->shared);
        loader_wait(&machine->loader);
        guest_memory_free(&machine->memory);
}
