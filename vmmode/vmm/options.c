#include "vmmode/vmm/options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/number.h"
#include "vmmode/vmm/memory.h"
#include "vmmode/vmm/net.h"

#define WORD_MAX 128

/* The next part of a list with commas, into `part`; NULL when there is none. */
static const char *next_part(const char *list, char *part)
{
        size_t length = strcspn(list, ",");

        if (length >= WORD_MAX)
                return NULL;
        memcpy(part, list, length);
        part[length] = '\0';
        return list[length] ? list + length + 1 : list + length;
}

static int parse_fd(const char *text, int *fd)
{
        uint64_t number;
        int r = parse_u64(text, INT32_MAX, &number);

        if (r == 0)
                *fd = (int)number;
        return r;
}

/* Six pairs of hexadecimal digits. */
static int parse_mac(const char *text, uint8_t mac[6])
{
        for (size_t i = 0; i < 6; i++) {
                unsigned value = 0;

                for (int digit = 0; digit < 2; digit++, text++) {
                        if (*text >= '0' && *text <= '9')
                                value = value << 4 | (unsigned)(*text - '0');
                        else if (*text >= 'a' && *text <= 'f')
                                value = value << 4 | (unsigned)(*text - 'a' + 10);
                        else
                                return -EINVAL;
                }
                mac[i] = (uint8_t)value;
                if (*text != (i < 5 ? ':' : '\0'))
                        return -EINVAL;
                text += i < 5;
        }
        return 0;
}

static int parse_disk(struct vmm_options *options, const char *value)
{
        char part[WORD_MAX];

        if (options->n_disks == OPTIONS_DISKS_MAX || !(value = next_part(value, part)) ||
            parse_fd(part, &options->disks[options->n_disks].fd) < 0)
                return -EINVAL;
        while (*value) {
                value = next_part(value, part);
                if (!value)
                        return -EINVAL;
                if (strcmp(part, "ro") == 0)
                        options->disks[options->n_disks].read_only = true;
                else if (strncmp(part, "serial=", 7) == 0 && strlen(part + 7) <= 20)
                        strcpy(options->disks[options->n_disks].serial, part + 7);
                else
                        return -EINVAL;
        }
        options->n_disks++;
        return 0;
}

static int parse_net_detail(const char *part, uint16_t *mtu, int *vhost)
{
        uint64_t number;

        if (strncmp(part, "vhost=", 6) == 0 && *vhost < 0)
                return parse_fd(part + 6, vhost);
        if (strncmp(part, "mtu=", 4) != 0 || *mtu || parse_u64(part + 4, UINT16_MAX, &number) < 0 ||
            number < NET_MTU_MIN)
                return -EINVAL;
        *mtu = (uint16_t)number;
        return 0;
}

static int parse_net(struct vmm_options *options, const char *value)
{
        char part[WORD_MAX];
        uint16_t mtu = 0;
        int vhost = -EBADF;

        if (options->n_nets == OPTIONS_NETS_MAX || !(value = next_part(value, part)) ||
            parse_fd(part, &options->nets[options->n_nets].fd) < 0 || !(value = next_part(value, part)) ||
            parse_mac(part, options->nets[options->n_nets].mac) < 0)
                return -EINVAL;
        while (*value)
                if (!(value = next_part(value, part)) || parse_net_detail(part, &mtu, &vhost) < 0)
                        return -EINVAL;
        options->vhost |= vhost >= 0;
        options->nets[options->n_nets].vhost = vhost;
        options->nets[options->n_nets++].mtu = mtu;
        return 0;
}

static int parse_filesystem(struct vmm_options *options, const char *value)
{
        char part[WORD_MAX];

        if (options->n_filesystems == OPTIONS_FILESYSTEMS_MAX || !(value = next_part(value, part)) ||
            parse_fd(part, &options->filesystems[options->n_filesystems].fd) < 0 || !*value || strlen(value) > 36 ||
            strchr(value, ','))
                return -EINVAL;
        strcpy(options->filesystems[options->n_filesystems++].tag, value);
        return 0;
}

static int parse_switch(const char *value, bool *on)
{
        if (strcmp(value, "on") != 0 && strcmp(value, "off") != 0)
                return -EINVAL;
        *on = value[1] == 'n';
        return 0;
}

static int parse_jail(const char *value, bool *filters_suffice)
{
        *filters_suffice = strcmp(value, "filters") == 0;
        return *filters_suffice || strcmp(value, "strict") == 0 ? 0 : -EINVAL;
}

static int parse_number(const char *value, uint64_t most, uint64_t *number)
{
        return parse_u64(value, most, number);
}

static int parse_one(struct vmm_options *options, const char *name, const char *value)
{
        const struct {
                const char *name;
                int *fd;
        } descriptors[] = {{"kvm", &options->kvm},       {"kernel", &options->kernel},
                           {"initrd", &options->initrd}, {"console", &options->console},
                           {"vsock", &options->vsock},   {"control", &options->control}};
        static const struct {
                const char *name;
                int (*parse)(struct vmm_options *options, const char *value);
        } devices[] = {{"disk", parse_disk}, {"net", parse_net}, {"fs", parse_filesystem}};
        uint64_t number;
        int r;

        for (size_t i = 0; i < ELEMENTS(descriptors); i++)
                if (strcmp(name, descriptors[i].name) == 0)
                        return parse_fd(value, descriptors[i].fd);
        for (size_t i = 0; i < ELEMENTS(devices); i++)
                if (strcmp(name, devices[i].name) == 0)
                        return devices[i].parse(options, value);
        if (strcmp(name, "rng") == 0)
                return parse_switch(value, &options->rng);
        if (strcmp(name, "balloon") == 0)
                return parse_switch(value, &options->balloon);
        if (strcmp(name, "vhost") == 0)
                return parse_switch(value, &options->vhost);
        if (strcmp(name, "jail") == 0)
                return parse_jail(value, &options->filters_suffice);
        if (strcmp(name, "memory") == 0)
                return parse_number(value, INT64_MAX, &options->memory);
        if (strcmp(name, "cpus") == 0) {
                r = parse_number(value, INT32_MAX, &number);
                if (r == 0)
                        options->cpus = (unsigned)number;
                return r;
        }
        if (strcmp(name, "nics") == 0) {
                r = parse_number(value, OPTIONS_NETS_MAX, &number);
                if (r == 0)
                        options->n_spare_nets = (size_t)number;
                return r;
        }
        if (strcmp(name, "cmdline") != 0)
                return -EINVAL;
        options->cmdline = value;
        return 0;
}

int vmm_options_parse(int argc, char *const *argv, struct vmm_options *options)
{
        *options = (struct vmm_options){.kvm = -EBADF,
                                        .kernel = -EBADF,
                                        .initrd = -EBADF,
                                        .console = -EBADF,
                                        .vsock = -EBADF,
                                        .control = -EBADF,
                                        .cpus = 1,
                                        .cmdline = ""};
        for (int i = 1; i < argc; i++) {
                const char *equals = strchr(argv[i], '=');
                char name[16];

                if (!equals || (size_t)(equals - argv[i]) >= sizeof(name))
                        return refuse(EINVAL, "not NAME=VALUE: %s", argv[i]);
                memcpy(name, argv[i], (size_t)(equals - argv[i]));
                name[equals - argv[i]] = '\0';
                if (parse_one(options, name, equals + 1) < 0)
                        return refuse(EINVAL, "not understood: %s", argv[i]);
        }
        if (options->kvm < 0 || options->kernel < 0)
                return refuse(EINVAL, "kvm=FD and kernel=FD are needed");
        if (options->n_nets + options->n_spare_nets > OPTIONS_NETS_MAX)
                return refuse(EINVAL, "nics: %zu network devices, at most %d are possible",
                              options->n_nets + options->n_spare_nets, OPTIONS_NETS_MAX);
        if (options->memory < GUEST_MEMORY_MIN)
                return refuse(EINVAL, "memory: %llu bytes, at least %llu are needed",
                              (unsigned long long)options->memory, GUEST_MEMORY_MIN);
        return 0;
}
