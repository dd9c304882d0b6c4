/* Which of the virtual machine's network devices the guest has. A machine is plugged more than a container may need,
 * before anybody knows how many: devices without a driver are no network interfaces, so the spare ones get none. */
#pragma once

/* sys: a descriptor of the root of sysfs (/sys), in both.
 *
 * Before the driver (virtio_net) is loaded: a driver that comes takes no devices by itself any more. Negative errno
 * with a message. */
int nics_hold_back(int sys);

/* Once the driver is there: gives it the first n network devices of the virtio bus, in the order in which they are
 * plugged, and takes from it what is behind them (a driver built into the kernel has all of them by then). From then on
 * drivers take devices by themselves again. -ENODEV when the machine has fewer than n; -ENOENT without the driver;
 * messages. */
int nics_bind(int sys, unsigned n);
