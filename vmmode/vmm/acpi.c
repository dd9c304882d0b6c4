#include "vmmode/vmm/acpi.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "vmmode/vmm/layout.h"

/* A table under construction, in guest memory. */
struct table {
        uint8_t *base; /* of the whole area */
        size_t room, used;
        size_t start; /* of the table that is being written */
        bool full;
};

static void put(struct table *table, const void *data, size_t size)
{
        if (size > table->room - table->used) {
                table->full = true;
                return;
        }
        memcpy(table->base + table->used, data, size);
        table->used += size;
}

static void put_number(struct table *table, uint64_t value, size_t bytes)
{
        put(table, &value, bytes); /* little-endian, as ACPI is */
}

static void put_zeros(struct table *table, size_t n)
{
        static const uint8_t zeros[64];

        for (; n > 0; n -= n < sizeof(zeros) ? n : sizeof(zeros))
                put(table, zeros, n < sizeof(zeros) ? n : sizeof(zeros));
}

static void poke(struct table *table, size_t at, uint64_t value, size_t bytes)
{
        if (!table->full)
                memcpy(table->base + table->start + at, &value, bytes);
}

static uint8_t checksum(const uint8_t *data, size_t size)
{
        uint8_t sum = 0;

        while (size-- > 0)
                sum = (uint8_t)(sum + *data++);
        return (uint8_t)-sum;
}

/* 5.2.6: the header that all tables share. */
static void begin(struct table *table, const char signature[4], uint8_t revision)
{
        table->used = (table->used + 15) & ~(size_t)15;
        if (table->used > table->room) {
                table->full = true;
                return;
        }
        table->start = table->used;
        put(table, signature, 4);
        put_number(table, 0, 4); /* length */
        put_number(table, revision, 1);
        put_number(table, 0, 1); /* checksum */
        put(table, "BERTH ", 6);
        put(table, "BERTHVM ", 8);
        put_number(table, 1, 4);
        put(table, "BRTH", 4);
        put_number(table, 1, 4);
}

/* Returns the table's guest-physical address. */
static uint64_t end(struct table *table)
{
        size_t size = table->used - table->start;

        if (table->full)
                return 0;
        poke(table, 4, size, 4);
        poke(table, 9, checksum(table->base + table->start, size), 1);
        return LAYOUT_ACPI + table->start;
}

/* ---- DSDT: the host bridge, in ACPI machine language (chapter 20) ---- */

struct bytes {
        size_t n;
        uint8_t v[512];
};

static void add(struct bytes *bytes, const void *data, size_t size)
{
        memcpy(bytes->v + bytes->n, data, size);
        bytes->n += size;
}

static void add_number(struct bytes *bytes, uint64_t value, size_t size)
{
        add(bytes, &value, size);
}

#define ADD(bytes, ...) add(bytes, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

#define AML_ZERO       0x00
#define AML_BYTE       0x0a
#define AML_DWORD      0x0c
#define AML_NAME       0x08
#define AML_ARGUMENT_0 0x68
#define AML_ARGUMENT_2 0x6a
#define AML_EQUAL      0x93
#define AML_RETURN     0xa4
/* Those with a package after them. */
#define AML_SCOPE   "\x10"
#define AML_BUFFER  "\x11"
#define AML_PACKAGE "\x12"
#define AML_METHOD  "\x14"
#define AML_DEVICE  "\x5b\x82"
#define AML_IF      "\xa0"

/* 20.2.4: opcode, length of the package (which counts its own bytes, always two here), body. */
static void add_package(struct bytes *to, const char *opcode, const struct bytes *body)
{
        size_t size = body->n + 2;

        add(to, opcode, strlen(opcode));
        ADD(to, (uint8_t)(0x40 | (size & 0x0f)), (uint8_t)(size >> 4));
        add(to, body->v, body->n);
}

static void add_buffer(struct bytes *to, const void *data, size_t size)
{
        struct bytes body = {0};

        ADD(&body, AML_BYTE, (uint8_t)size);
        add(&body, data, size);
        add_package(to, AML_BUFFER, &body);
}

static void add_name(struct bytes *to, const char *name)
{
        ADD(to, AML_NAME);
        add(to, name, 4);
}

/* Name (_HID, EisaId (...)): the id compressed as 19.3.4 says. */
static void add_eisa_id(struct bytes *to, const char *name, uint32_t id)
{
        add_name(to, name);
        ADD(to, AML_DWORD);
        add_number(to, id, 4);
}

#define EISA_PNP0A03 0x030ad041 /* PCI bus */
#define EISA_PNP0A08 0x080ad041 /* PCI Express bus */
#define EISA_PNP0C02 0x020cd041 /* resources of the board */
#define EISA_PNP0501 0x0105d041 /* 16550A serial port */

/* Name (_CRS, Buffer { ... }): resource descriptors with their end tag (6.4.2.9). */
static void add_resources(struct bytes *to, struct bytes *resources)
{
        ADD(resources, 0x79, 0x00);
        add_name(to, "_CRS");
        add_buffer(to, resources->v, resources->n);
}

static void bridge_resources(struct bytes *to)
{
        struct bytes list = {0};

        /* 6.4.3.5.3 word address space: bus numbers; granularity, first, last, translation, how many */
        ADD(&list, 0x88, 0x0d, 0x00, 0x02, 0x0c, 0x00);
        add_number(&list, 0, 8);
        add_number(&list, 1, 2);
        /* the same for I/O ports, all of the range */
        ADD(&list, 0x88, 0x0d, 0x00, 0x01, 0x0c, 0x03);
        add_number(&list, 0, 2);
        add_number(&list, LAYOUT_PORTS_START, 2);
        add_number(&list, LAYOUT_PORTS_START + LAYOUT_PORTS_SIZE - 1, 2);
        add_number(&list, 0, 2);
        add_number(&list, LAYOUT_PORTS_SIZE, 2);
        /* 6.4.3.5.2 dword address space: memory, read-write, not cacheable */
        ADD(&list, 0x87, 0x17, 0x00, 0x00, 0x0c, 0x01);
        add_number(&list, 0, 4);
        add_number(&list, LAYOUT_BAR_START, 4);
        add_number(&list, LAYOUT_BAR_END - 1, 4);
        add_number(&list, 0, 4);
        add_number(&list, LAYOUT_BAR_END - LAYOUT_BAR_START, 4);
        add_resources(to, &list);
}

/* If (Arg2 == function) { Return ... } */
static void add_branch(struct bytes *to, const struct bytes *condition, const struct bytes *result)
{
        struct bytes body = {0};

        add(&body, condition->v, condition->n);
        add(&body, result->v, result->n);
        add_package(to, AML_IF, &body);
}

/* Method (_DSM, 4): PCI firmware specification, 4.6.5: function 5 of this UUID returns 0, "keep what the firmware has
 * configured", so that the kernel does not move the BARs. Function 0 says which functions there are. */
static void bridge_dsm(struct bytes *to)
{
        static const uint8_t uuid[] = {0xd0, 0x37, 0xc9, 0xe5, 0x53, 0x35, 0x7a, 0x4d,
                                       0x91, 0x17, 0xea, 0x4d, 0x19, 0xc3, 0x43, 0x4d};
        static const uint8_t functions = 0x21, none = 0;
        struct bytes method = {0}, is_ours = {0}, ours = {0}, is_query = {0}, query = {0}, is_keep = {0}, keep = {0};

        ADD(&is_query, AML_EQUAL, AML_ARGUMENT_2, AML_ZERO);
        ADD(&query, AML_RETURN);
        add_buffer(&query, &functions, 1);
        add_branch(&ours, &is_query, &query);
        ADD(&is_keep, AML_EQUAL, AML_ARGUMENT_2, AML_BYTE, 5);
        ADD(&keep, AML_RETURN, AML_ZERO);
        add_branch(&ours, &is_keep, &keep);
        ADD(&is_ours, AML_EQUAL, AML_ARGUMENT_0);
        add_buffer(&is_ours, uuid, sizeof(uuid));
        ADD(&method, '_', 'D', 'S', 'M', 4);
        add_branch(&method, &is_ours, &ours);
        ADD(&method, AML_RETURN);
        add_buffer(&method, &none, 1);
        add_package(to, AML_METHOD, &method);
}

static void host_bridge(struct bytes *to)
{
        struct bytes device = {0};

        ADD(&device, 'P', 'C', 'I', '0');
        add_eisa_id(&device, "_HID", EISA_PNP0A08);
        add_eisa_id(&device, "_CID", EISA_PNP0A03);
        add_name(&device, "_SEG");
        ADD(&device, AML_ZERO);
        add_name(&device, "_UID");
        ADD(&device, AML_ZERO);
        add_name(&device, "_BBN");
        ADD(&device, AML_ZERO);
        bridge_resources(&device);
        bridge_dsm(&device);
        add_package(to, AML_DEVICE, &device);
}

/* Keeps everybody else away from the configuration space: the kernel uses it only when it is reserved here. */
static void board(struct bytes *to)
{
        struct bytes device = {0}, list = {0};

        ADD(&device, 'E', 'C', 'A', 'M');
        add_eisa_id(&device, "_HID", EISA_PNP0C02);
        /* 6.4.3.4 fixed 32-bit memory range, read-write */
        ADD(&list, 0x86, 0x09, 0x00, 0x01);
        add_number(&list, LAYOUT_ECAM, 4);
        add_number(&list, LAYOUT_ECAM_SIZE, 4);
        add_resources(&device, &list);
        add_package(to, AML_DEVICE, &device);
}

/* The serial port. It has no interrupt, as there is no controller for one: drivers look at it by a timer then. Without
 * the description the kernel would wait for the interrupt that a PC's has. */
static void serial_port(struct bytes *to)
{
        struct bytes device = {0}, list = {0};

        ADD(&device, 'C', 'O', 'M', '1');
        add_eisa_id(&device, "_HID", EISA_PNP0501);
        add_name(&device, "_UID");
        ADD(&device, AML_ZERO);
        /* 6.4.2.5 I/O ports: 16-bit decoding, first, last, alignment, how many */
        ADD(&list, 0x47, 0x01);
        add_number(&list, LAYOUT_SERIAL_PORT, 2);
        add_number(&list, LAYOUT_SERIAL_PORT, 2);
        ADD(&list, 0x01, 0x08);
        add_resources(&device, &list);
        add_package(to, AML_DEVICE, &device);
}

static uint64_t dsdt(struct table *table, bool serial)
{
        struct bytes scope = {0}, code = {0}, sleep_type = {0};

        ADD(&scope, '\\', '_', 'S', 'B', '_');
        host_bridge(&scope);
        board(&scope);
        if (serial)
                serial_port(&scope);
        add_package(&code, AML_SCOPE, &scope);
        /* Name (_S5, Package (1) { 5 }): what sleep control wants for power-off */
        add_name(&code, "_S5_");
        ADD(&sleep_type, 1, AML_BYTE, LAYOUT_SLEEP_TYPE_S5);
        add_package(&code, AML_PACKAGE, &sleep_type);
        begin(table, "DSDT", 2);
        put(table, code.v, code.n);
        return end(table);
}

/* ---- the fixed tables ---- */

/* 5.2.3.2 generic address structure: one byte of I/O space. */
static void put_port(struct table *table, uint16_t port)
{
        put_number(table, 1, 1); /* system I/O */
        put_number(table, 8, 1);
        put_number(table, 0, 1);
        put_number(table, 1, 1); /* byte access */
        put_number(table, port, 8);
}

/* 5.2.9. */
static uint64_t fadt(struct table *table, uint64_t dsdt_address)
{
        enum {
                BOOT_FLAGS_NO_VGA = 1 << 2,
                BOOT_FLAGS_NO_CMOS_CLOCK = 1 << 5,
                FLAGS_WBINVD = 1 << 0,
                FLAGS_POWER_BUTTON = 1 << 4, /* as control method devices, of which there are none */
                FLAGS_SLEEP_BUTTON = 1 << 5,
                FLAGS_RESET_REGISTER = 1 << 10,
                FLAGS_HARDWARE_REDUCED = 1 << 20,
        };

        begin(table, "FACP", 6);
        put_zeros(table, 109 - 36);
        put_number(table, BOOT_FLAGS_NO_VGA | BOOT_FLAGS_NO_CMOS_CLOCK, 2);
        put_zeros(table, 1);
        put_number(table,
                   FLAGS_WBINVD | FLAGS_POWER_BUTTON | FLAGS_SLEEP_BUTTON | FLAGS_RESET_REGISTER |
                           FLAGS_HARDWARE_REDUCED,
                   4);
        put_port(table, LAYOUT_RESET_PORT);
        put_number(table, LAYOUT_RESET_VALUE, 1);
        put_zeros(table, 2);
        put_number(table, 4, 1); /* minor version: 6.4 */
        put_zeros(table, 8);     /* X_FIRMWARE_CTRL: hardware-reduced machines need no FACS */
        put_number(table, dsdt_address, 8);
        put_zeros(table, 244 - 148); /* the fixed register blocks that there are not */
        put_port(table, LAYOUT_SLEEP_CONTROL_PORT);
        put_port(table, LAYOUT_SLEEP_STATUS_PORT);
        put_number(table, 0, 8); /* hypervisor vendor */
        return end(table);
}

/* 5.2.12. */
static uint64_t madt(struct table *table, unsigned cpus)
{
        begin(table, "APIC", 5);
        put_number(table, LAYOUT_LOCAL_APIC, 4);
        put_number(table, 0, 4); /* no 8259s */
        for (unsigned i = 0; i < cpus; i++) {
                if (i < 255) {
                        put_number(table, 0, 1); /* local APIC */
                        put_number(table, 8, 1);
                        put_number(table, i, 1);
                        put_number(table, i, 1);
                        put_number(table, 1, 4); /* enabled */
                } else {
                        put_number(table, 9, 1); /* local x2APIC */
                        put_number(table, 16, 1);
                        put_number(table, 0, 2);
                        put_number(table, i, 4);
                        put_number(table, 1, 4);
                        put_number(table, i, 4);
                }
        }
        return end(table);
}

/* PCI firmware specification, 4.1.2. */
static uint64_t mcfg(struct table *table)
{
        begin(table, "MCFG", 1);
        put_zeros(table, 8);
        put_number(table, LAYOUT_ECAM, 8);
        put_number(table, 0, 2); /* segment */
        put_number(table, 0, 1); /* first bus */
        put_number(table, 0, 1); /* last bus */
        put_zeros(table, 4);
        return end(table);
}

/* 5.2.5.3, at the front of the area, where a kernel that is told nothing looks for it. */
static void rsdp_at(uint8_t *to, uint64_t xsdt)
{
        memset(to, 0, 36);
        memcpy(to, "RSD PTR ", 8);
        memcpy(to + 9, "BERTH ", 6);
        to[15] = 2;
        to[20] = 36;
        memcpy(to + 24, &xsdt, 8);
        to[8] = checksum(to, 20);
        to[32] = checksum(to, 36);
}

int acpi_build(const struct guest_memory *memory, unsigned cpus, bool serial, uint64_t *rsdp)
{
        struct table table = {.room = LAYOUT_ACPI_END - LAYOUT_ACPI, .used = 36};
        uint64_t tables[3], code, xsdt;

        table.base = guest_span(memory, LAYOUT_ACPI, table.room);
        if (!table.base)
                return refuse(ENOSPC, "ACPI tables: no memory at 0x%llx", LAYOUT_ACPI);
        code = dsdt(&table, serial);
        tables[0] = fadt(&table, code);
        tables[1] = madt(&table, cpus);
        tables[2] = mcfg(&table);
        begin(&table, "XSDT", 1);
        for (size_t i = 0; i < ELEMENTS(tables); i++)
                put_number(&table, tables[i], 8);
        xsdt = end(&table);
        if (table.full)
                return refuse(ENOSPC, "ACPI tables: %u CPUs are too many", cpus);
        rsdp_at(table.base, xsdt);
        *rsdp = LAYOUT_ACPI;
        return 0;
}
