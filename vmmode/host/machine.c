#include "vmmode/host/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/helper.h"
#include "base/log.h"
#include "vmmode/host/size.h"

#define KVM_DEVICE   "/dev/kvm"
#define VHOST_DEVICE "/dev/vhost-net"

int vm_kvm_open(void)
{
        _cleanup_close_ int fd = open(KVM_DEVICE, O_RDWR | O_CLOEXEC);
        int version;

        if (fd < 0 && errno == ENOENT)
                return refuse(ENOENT, "VM isolation needs " KVM_DEVICE ", which this host has not got: is the module "
                                      "kvm_intel or kvm_amd loaded, and virtualisation switched on in the firmware?");
        if (fd < 0 && (errno == EACCES || errno == EPERM))
                return refuse(EACCES, "VM isolation needs " KVM_DEVICE ", which you may not open: are you in the group "
                                      "kvm?");
        if (fd < 0)
                return fail(errno, "open " KVM_DEVICE);
        version = ioctl(fd, KVM_GET_API_VERSION, 0);
        if (version != KVM_API_VERSION)
                return refuse(ENOTSUP, KVM_DEVICE ": version %d of its interface, %d is needed", version,
                              KVM_API_VERSION);
        return take_fd(&fd);
}

static int open_program(const char *path)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC);

        return fd < 0 ? fail(errno, "open %s", path) : fd;
}

static int open_helper(const struct vm_config *config, const char *name)
{
        char path[PATH_MAX];
        int r = vm_config_program(config, name, path, sizeof(path));

        return r < 0 ? fail_in(r, "VM isolation") : open_program(path);
}

int vm_proxy_open(void)
{
        struct vm_config config;
        int r = vm_config_load_here(&config);

        if (r == 0)
                r = open_helper(&config, "berth-proxy");
        vm_config_free(&config);
        return r;
}

int vm_file_server_open(const struct vm_config *config)
{
        static const char *const places[] = {"/usr/libexec/virtiofsd", "/usr/lib/qemu/virtiofsd", "/usr/lib/virtiofsd",
                                             "/usr/bin/virtiofsd"};

        if (config->file_server)
                return open_program(config->file_server);
        for (size_t i = 0; i < ELEMENTS(places); i++)
                if (access(places[i], X_OK) == 0)
                        return open_program(places[i]);
        return refuse(ENOENT, "VM isolation needs the file server virtiofsd (on Debian the package virtiofsd, on 12 "
                              "qemu-system-common), which is neither in /usr/libexec nor in /usr/lib/qemu; file-server "
                              "in berth.conf names another");
}

/* Where it is not there, or not ours to open, berth-vmm moves the packets itself. */
static void open_vhosts(struct vm_machine *machine)
{
        if (strcmp(machine->config->vhost_net, "off") == 0)
                return;
        while (machine->n_vhosts < VM_NICS) {
                int fd = open(VHOST_DEVICE, O_RDWR | O_CLOEXEC);

                if (fd < 0) {
                        log_debug("no " VHOST_DEVICE ": %s", strerror(errno));
                        return;
                }
                machine->vhosts[machine->n_vhosts++] = fd;
        }
}

static int open_programs(struct vm_machine *machine)
{
        machine->kvm = vm_kvm_open();
        if (machine->kvm < 0)
                return machine->kvm;
        machine->vmm = open_helper(machine->config, "berth-vmm");
        if (machine->vmm < 0)
                return machine->vmm;
        machine->proxy = open_helper(machine->config, "berth-proxy");
        if (machine->proxy < 0)
                return machine->proxy;
        machine->file_server = vm_file_server_open(machine->config);
        if (machine->file_server < 0)
                return machine->file_server;
        open_vhosts(machine);
        return 0;
}

static int find(const struct isolation_request *request, struct vm_machine *machine)
{
        const struct oci_spec *spec = request->spec;
        struct vm_size_defaults defaults;
        int r = vm_check(request);

        if (r < 0)
                return r;
        r = vm_size_ask(machine->config, spec, &defaults);
        if (r < 0)
                return r;
        r = vm_size_find(spec, &defaults, &machine->size);
        if (r == 0)
                r = open_programs(machine);
        if (r == 0)
                r = vm_image_find(machine->config, spec->vm.set ? spec->vm.kernel_path : NULL, &machine->image);
        return r == 0 ? vm_divide(request, &machine->size, &machine->division) : r;
}

int vm_machine_find(const struct isolation_request *request, struct vm_machine **machine)
{
        struct vm_machine *found = calloc(1, sizeof(*found));
        int r;

        if (!found)
                return fail(ENOMEM, "find the virtual machine");
        found->kvm = found->vmm = found->proxy = found->file_server = -EBADF;
        found->image = (struct vm_image)VM_IMAGE_NONE;
        found->config = request->config;
        found->console = request->console;
        r = find(request, found);
        if (r < 0) {
                vm_machine_free(found);
                return r;
        }
        *machine = found;
        return 0;
}

void vm_machine_let_go(struct vm_machine *machine)
{
        cleanup_close(&machine->kvm);
        cleanup_close(&machine->vmm);
        cleanup_close(&machine->proxy);
        cleanup_close(&machine->file_server);
        while (machine->n_vhosts > 0)
                close(machine->vhosts[--machine->n_vhosts]);
        vm_image_close(&machine->image);
}

void vm_machine_free(struct vm_machine *machine)
{
        if (!machine)
                return;
        vm_machine_let_go(machine);
        arena_free(&machine->division.arena);
        free(machine);
}
