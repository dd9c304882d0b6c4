/* The features document (features.md of the specification): what berth can do, whatever the host can. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "oci/spec.h"

/* What the tables of oci/vocabulary.h do not know. */
struct features_facts {
        const char *version, *commit;                 /* of berth */
        const char *libseccomp_version;               /* "2.5.4"; NULL: built without, no seccomp */
        uint32_t seccomp_flags;                       /* SECCOMP_FILTER_FLAG_*: the known ones that work */
        bool systemd, systemd_user;                   /* the systemd cgroup driver, and a user's own systemd */
        bool apparmor, selinux, intel_rdt;            /* support is built in */
        bool checkpoint;                              /* `berth checkpoint` works */
        const struct oci_strings *unsafe_annotations; /* names that berth acts on; one that ends in '.' is a prefix */
};

/* Indented JSON with a newline at the end, malloc'ed, the caller's. NULL when memory is short. */
char *oci_features_json(const struct features_facts *facts);
