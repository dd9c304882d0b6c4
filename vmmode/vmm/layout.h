/* Where things lie in the guest's physical memory. Below 1 MiB is what a PC has there; kernels expect the tables of a
 * boot loader in it (Documentation/arch/x86/boot.rst). */
#pragma once

#define LAYOUT_GDT         0x500ULL
#define LAYOUT_START_INFO  0x6000ULL /* PVH's hvm_start_info, its modules and memory map behind it */
#define LAYOUT_ZERO_PAGE   0x7000ULL
#define LAYOUT_STACK       0x8ff0ULL
#define LAYOUT_PAGE_TABLES 0x9000ULL /* PML4, PDPT, PD: three pages */
#define LAYOUT_CMDLINE     0x20000ULL
#define LAYOUT_CMDLINE_MAX 0x10000ULL /* with its NUL */
#define LAYOUT_LOW_END     0x9fc00ULL /* a PC's conventional memory ends here */
#define LAYOUT_ACPI        0xe0000ULL /* RSDP and tables, where a BIOS keeps them */
#define LAYOUT_ACPI_END    0x100000ULL
#define LAYOUT_HIGH        0x100000ULL

/* The 1 GiB that is for devices (memory.h). */
#define LAYOUT_BAR_START  0xc0000000ULL
#define LAYOUT_BAR_END    0xd0000000ULL
#define LAYOUT_ECAM       0xe0000000ULL /* configuration space of bus 0 */
#define LAYOUT_ECAM_SIZE  0x100000ULL
#define LAYOUT_LOCAL_APIC 0xfee00000ULL

/* Ports for devices on the PCI bus: where drivers notify of new requests. */
#define LAYOUT_PORTS_START 0x1000
#define LAYOUT_PORTS_SIZE  0x400

/* One byte wide each, named in the FADT. */
#define LAYOUT_SLEEP_CONTROL_PORT 0x600
#define LAYOUT_SLEEP_STATUS_PORT  0x601
#define LAYOUT_RESET_PORT         0x602
#define LAYOUT_RESET_VALUE        0x01
#define LAYOUT_SLEEP_TYPE_S5      5 /* in bits 2 to 4 of sleep control, with bit 5 (go) set */

/* The serial port that --vm-console asks for. */
#define LAYOUT_SERIAL_PORT 0x3f8
