/* The five capability sets of a process (capabilities(7)), by raw capget/capset/prctl.
 *
 * The order that must hold:
 *   1. capabilities_limit    while the caller still has what it came with: drops what cannot be granted, with warnings
 *   2. capabilities_prepare  drops the bounding set and asks the kernel to keep the permitted set over setuid
 *   3. credentials_apply     the user switch; the kernel empties the effective set when the uid leaves 0
 *   4. capabilities_apply    the final sets and the ambient set
 *
 * Nothing enters the inheritable or ambient set that the configuration does not list there (CVE-2022-29162). */
#pragma once

#include <stdint.h>

#include "oci/spec.h"

/* "CAP_CHOWN" for 0; "CAP_63" and the like for what has no name here. `buffer` holds at least 16 bytes and is only used
 * for those. */
const char *capability_name(unsigned capability, char buffer[static 16]);

/* What a process that holds `held` (effective unused) can give of `wanted`; pure. Returns the capabilities that were
 * left out of some set:
 *   bounding     only what is in held's bounding set
 *   permitted    only what is in held's permitted set
 *   effective    only what stays permitted
 *   inheritable  only what held can pass on: inheritable already, or permitted and bounding
 *   ambient      only what stays permitted and inheritable */
uint64_t capabilities_reduce(struct oci_capabilities *wanted, const struct oci_capabilities *held);

/* Reads the calling process's sets; the bounding and the ambient one only as far as `of` (each bit is a system call).
 */
int capabilities_read(struct oci_capabilities *sets, uint64_t of);

/* capabilities_reduce against the calling process; what is left out is named in one warning (runtime-spec 1.1: a
 * capability that cannot be granted is no error). */
int capabilities_limit(struct oci_capabilities *wanted);

/* Drops from the bounding set what `sets` does not list (only capabilities that are still in it, so an unprivileged
 * caller who has nothing to drop needs no CAP_SETPCAP) and sets PR_SET_KEEPCAPS. */
int capabilities_prepare(const struct oci_capabilities *sets);

/* Sets permitted, effective and inheritable, then the ambient set exactly (one that was inherited is cleared), and
 * takes PR_SET_KEEPCAPS back. */
int capabilities_apply(const struct oci_capabilities *sets);
