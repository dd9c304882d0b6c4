/* The host's configuration of VM isolation: /etc/berth/berth.conf, and over it an ordinary user's own. Lines
 * "key = value"; a line that starts with '#' is a comment. docs/berth.conf.md describes each key. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "runtime/core/isolation.h"

#define VM_CONFIG_SYSTEM "/etc/berth/berth.conf"

/* What a bundle may ask for where the configuration allows it. */
#define VM_ANNOTATION_PREFIX "berth.vm."
#define VM_ANNOTATION_MEMORY VM_ANNOTATION_PREFIX "memory"
#define VM_ANNOTATION_VCPUS  VM_ANNOTATION_PREFIX "vcpus"

struct vm_config {
        struct arena arena;             /* holds the strings */
        enum isolation isolation;       /* for containers for which nothing else is said; ISOLATION_UNSET: process */
        enum isolation required;        /* the only one that containers may have; ISOLATION_UNSET: either */
        const char *kernel;             /* a file; NULL: found by itself */
        const char *modules;            /* its modules' directory or "none"; NULL: found by its release */
        const char *cache;              /* directory for images */
        const char *file_server;        /* virtiofsd; NULL: where distributions have it */
        const char *programs;           /* directory in which berth's programs for VMs are looked for first, or NULL */
        uint64_t memory;                /* bytes of guest memory for a container without a limit */
        uint64_t memory_maximum;        /* bytes that a guest may get at most; 0: no bound */
        uint64_t memory_update_maximum; /* bytes to which `update` can raise a container's limit; 0: not at all */
        uint64_t memory_overhead;       /* bytes on the host besides guest memory, on top of the container's limit */
        uint32_t vcpus;                 /* for a container without a limit; 0: as many as the host has */
        const char *jail;               /* "strict" or "filters": berth-vmm's jail= (vmmode/vmm/options.h) */
        const char *vhost_net;          /* "auto" or "off": whether the kernel may move packets (vmmode/vmm/vhost.h) */
        size_t n_annotations;           /* of the two annotations above, those that count */
        const char **annotations;
};

/* What the caller is and has in its environment; the strings may be NULL. */
struct vm_config_place {
        const char *system;                          /* NULL: VM_CONFIG_SYSTEM */
        bool is_user;                                /* not root of the host: has a file and a cache of its own */
        const char *home, *config_home, *cache_home; /* HOME, XDG_CONFIG_HOME, XDG_CACHE_HOME */
};

/* The built-in values. vm_config_free after it, whatever follows. */
void vm_config_default(struct vm_config *config);

/* Reads one file's text over what is in *config. -EINVAL with "FILE:LINE: ..." for an unknown key, a key given twice, a
 * bad value, or one that contradicts what came before; -ENOMEM. Pure. */
int vm_config_parse(const char *file, const char *text, size_t size, struct vm_config *config);

/* Defaults, the system's file, the user's file. Absent files are fine; -EPERM for one that others may write to, or a
 * user's file that is somebody else's. */
int vm_config_load(const struct vm_config_place *place, struct vm_config *config);

/* The same for this process: its user, its environment. */
int vm_config_load_here(struct vm_config *config);

void vm_config_free(struct vm_config *config);

/* Whether a bundle may use this annotation. */
bool vm_config_allows(const struct vm_config *config, const char *annotation);

/* Finds one of berth's programs for VMs, in config->programs or where helper_find looks. */
int vm_config_program(const struct vm_config *config, const char *name, char *path, size_t size);
