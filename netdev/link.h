/* linux.netDevices (runtime-spec 1.3): network interfaces of the host moved into a container's network namespace. */
#pragma once

#include "oci/spec.h"

/* Moves each device from the caller's network namespace into the one of `target` (a descriptor of /proc/PID/ns/net): it
 * goes down, moves and takes its new name in one request (a new name may hold one "%d", which the kernel numbers), gets
 * its permanent addresses of global scope back, and comes up.
 *
 * A missing device, and a name that exists in the target, are errors that name the device. After a failure the devices
 * that had been moved are back in the caller's namespace under their old names with their addresses, and up if they
 * were. The specification does not bring them back when the container ends: the kernel returns physical ones itself. */
int netdev_move(int target, const struct oci_net_devices *devices);
