#include "netdev/nics.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/number.h"

#define AUTOPROBE "bus/virtio/drivers_autoprobe"
#define DEVICES   "bus/virtio/devices"
#define DRIVER    "bus/virtio/drivers/virtio_net"

/* More than any machine of ours is plugged. */
#define NICS_MAX 64

#define VIRTIO_ID_NET "0x0001"

static int set_autoprobe(int sys, const char *on)
{
        int r = write_file_at(sys, AUTOPROBE, on);

        return r < 0 ? fail(-r, "write %s to /sys/" AUTOPROBE, on) : 0;
}

int nics_hold_back(int sys)
{
        return set_autoprobe(sys, "0");
}

/* "virtio7" gives 7: the bus numbers its devices as they are plugged. */
static int device_number(const char *name, uint32_t *number)
{
        return strncmp(name, "virtio", 6) == 0 && parse_u32(name + 6, number) == 0;
}

static int is_nic(int sys, const char *name)
{
        char path[PATH_MAX], id[32];

        snprintf(path, sizeof(path), DEVICES "/%s/device", name);
        return read_small_file_at(sys, path, id, sizeof(id)) > 0 && strcmp(id, VIRTIO_ID_NET) == 0;
}

static void insert_sorted(uint32_t *numbers, unsigned n, uint32_t number)
{
        for (; n > 0 && numbers[n - 1] > number; n--)
                numbers[n] = numbers[n - 1];
        numbers[n] = number;
}

static int list_nics(int sys, uint32_t numbers[NICS_MAX], unsigned *n)
{
        int fd = openat(sys, DEVICES, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_closedir_ DIR *list = fd >= 0 ? fdopendir(fd) : NULL;
        const struct dirent *entry;
        uint32_t number;

        *n = 0;
        if (!list) {
                int err = errno;

                cleanup_close(&fd);
                return fail(err, "list /sys/" DEVICES);
        }
        while ((entry = readdir(list)))
                if (device_number(entry->d_name, &number) && is_nic(sys, entry->d_name) && *n < NICS_MAX)
                        insert_sorted(numbers, (*n)++, number);
        return 0;
}

static int has_driver(int sys, uint32_t number)
{
        char path[PATH_MAX];
        struct stat unused;

        snprintf(path, sizeof(path), DEVICES "/virtio%u/driver", number);
        return fstatat(sys, path, &unused, 0) == 0;
}

static int tell_driver(int sys, const char *what, uint32_t number)
{
        char path[PATH_MAX], name[32];
        int r;

        snprintf(path, sizeof(path), DRIVER "/%s", what);
        snprintf(name, sizeof(name), "virtio%u", number);
        r = write_file_at(sys, path, name);
        return r < 0 ? fail(-r, "write %s to /sys/%s", name, path) : 0;
}

int nics_bind(int sys, unsigned n)
{
        uint32_t numbers[NICS_MAX] = {0};
        unsigned plugged;
        int r = list_nics(sys, numbers, &plugged);

        if (r == 0 && plugged < n)
                r = refuse(ENODEV, "the virtual machine has %u network devices, %u are needed", plugged, n);
        for (unsigned i = 0; r == 0 && i < plugged; i++)
                if (has_driver(sys, numbers[i]) != (i < n))
                        r = tell_driver(sys, i < n ? "bind" : "unbind", numbers[i]);
        return r < 0 ? r : set_autoprobe(sys, "1");
}
