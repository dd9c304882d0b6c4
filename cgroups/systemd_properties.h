/* What systemd is told about a container: the properties that its limits and its annotations come to. Pure. */
#pragma once

#include "cgroups/cgroup.h"
#include "cgroups/systemd_property.h"
#include "oci/spec.h"

/* Adds the properties that say the same as writes to a group's files (cgroup_plan_writes): systemd writes these files
 * again when it reloads, from what it was told. A value that it cannot express (files that it does not know, a list of
 * CPUs that berth cannot read, two values of one file in a form of the kernel's) is left to the direct write. A CPU
 * quota is rounded up to a hundredth of a CPU, which is how systemd keeps it. */
int systemd_properties_from_writes(const struct cgroup_writes *writes, struct arena *arena,
                                   struct systemd_properties *properties);

#define ANNOTATION_SYSTEMD_PROPERTY "org.systemd.property."
#define ANNOTATION_SYSTEMD_SUBGROUP "run.oci.systemd.subgroup"

/* Adds the annotations "org.systemd.property.NAME", values in GVariant's text format (systemd_variant.h). "NAMESec"
 * with a number of seconds becomes "NAMEUSec". Refused, naming the annotation: a NAME that is not made of letters, a
 * value that is none, what berth sets itself, what is in *properties already (a limit of linux.resources). */
int systemd_properties_from_annotations(const struct oci_pairs *annotations, struct arena *arena,
                                        struct systemd_properties *properties);

/* Adds what every scope of berth's has, where no annotation says something else: a description, its slice, delegation,
 * no dependencies, nothing left of it when it has failed; and its first process. */
int systemd_properties_of_scope(const char *description, const char *slice, pid_t pid, struct arena *arena,
                                struct systemd_properties *properties);
