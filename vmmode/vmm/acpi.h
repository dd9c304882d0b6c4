/* The ACPI tables of the machine, small and hardware-reduced: nothing of a PC's legacy devices is to be looked for
 * (no 8042, no VGA, no CMOS clock, no PIT, no I/O APIC), power-off and reset are one port each.
 * ACPI 6.4; the register blocks' places are in layout.h. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmmode/vmm/memory.h"

/* Writes RSDP, XSDT, FADT, MADT (a local x2APIC for each of `cpus`), MCFG and DSDT to LAYOUT_ACPI; with `serial` the
 * DSDT describes the serial port. 0, or -ENOSPC when there are more CPUs than fit (about 8,000). *rsdp is the RSDP's
 * address. */
int acpi_build(const struct guest_memory *memory, unsigned cpus, bool serial, uint64_t *rsdp);
