/* The field tables of the parts of config.json, and the checks that several parts share: inside oci/ only. */
#pragma once

#include "oci/decode.h"

extern const struct decode_table process_table;   /* struct oci_process */
extern const struct decode_table mount_table;     /* struct oci_mount */
extern const struct decode_table hooks_table;     /* struct oci_spec: its hooks */
extern const struct decode_table linux_table;     /* struct oci_linux */
extern const struct decode_table id_map_table;    /* struct oci_id_map */
extern const struct decode_table resources_table; /* struct oci_resources */

/* An id: 0 to 2^32-2, the last value means "no change" to the kernel. */
#define ID_MOST (UINT32_MAX - 1)

/* linux.seccomp into a struct oci_seccomp. */
int seccomp_decode(struct decoder *decoder, const struct json_node *node, void *value);

/* vm into a struct oci_vm. */
int vm_decode(struct decoder *decoder, const struct json_node *node, void *value);

/* linux.netDevices, linux.sysctl. */
int net_devices_decode(struct decoder *decoder, const struct json_node *node, void *value);
int sysctl_decode(struct decoder *decoder, const struct json_node *node, void *value);

/* mounts[].options into a struct oci_mount_options. */
int mount_options_decode(struct decoder *decoder, const struct json_node *node, void *value);

/* The namespace that a sysctl (in the form of a path) belongs to, -1 for one that belongs to none. */
int sysctl_namespace(const char *path);

/* Overlapping ranges and too many lines, with `field` as the last step of the path. */
int id_maps_check(const struct decoder *decoder, const char *field, const struct oci_id_maps *maps);

/* Refuses entries without '=' or with an empty name; of entries with the same name only the last stays. */
int environment_check(const struct decoder *decoder, const char *field, struct oci_strings *env);

/* Of entries with the same name only the last stays, the others in their order; what has no '=' stays as it is. */
int environment_keep_last(const struct decoder *decoder, struct oci_strings *env);

/* Refuses what is no list like "0-3,7". NULL is fine. */
int number_list_check(const struct decoder *decoder, const char *field, const char *list);

/* The index of an element that equals an earlier one, n when all differ. SIZE_MAX when memory is short. */
size_t duplicate_index(const char *const *strings, size_t n);

/* The checks across fields, after everything is decoded. Takes a struct oci_spec. */
int spec_validate(struct decoder *decoder, void *structure);
