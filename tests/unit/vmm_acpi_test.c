/* The ACPI tables, read back: by hand, and the machine language by ACPICA's own disassembler. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmmode/vmm/acpi.h"
#include "vmmode/vmm/layout.h"

#include <cmocka.h>

static struct guest_memory memory;

static int begin(void **state)
{
        (void)state;
        return guest_memory_make(&memory, 2 << 20);
}

static int end(void **state)
{
        (void)state;
        guest_memory_free(&memory);
        return 0;
}

static uint64_t number(const uint8_t *at, size_t bytes)
{
        uint64_t value = 0;

        memcpy(&value, at, bytes);
        return value;
}

static uint8_t sum(const uint8_t *data, size_t size)
{
        uint8_t total = 0;

        while (size-- > 0)
                total = (uint8_t)(total + *data++);
        return total;
}

static const uint8_t *at(uint64_t address, size_t size)
{
        const uint8_t *table = guest_span(&memory, address, size);

        assert_non_null(table);
        assert_true(address >= LAYOUT_ACPI && address + size <= LAYOUT_ACPI_END);
        return table;
}

/* The whole table, checked. */
static const uint8_t *table_at(uint64_t address, const char *signature, size_t *size)
{
        const uint8_t *table = at(address, 36);

        *size = number(table + 4, 4);
        assert_true(*size >= 36);
        table = at(address, *size);
        assert_memory_equal(table, signature, 4);
        assert_int_equal(sum(table, *size), 0);
        return table;
}

static const uint8_t *find(const char *signature, size_t *size)
{
        const uint8_t *rsdp = at(LAYOUT_ACPI, 36), *xsdt;
        size_t room;

        assert_memory_equal(rsdp, "RSD PTR ", 8);
        assert_int_equal(sum(rsdp, 20), 0);
        assert_int_equal(sum(rsdp, 36), 0);
        xsdt = table_at(number(rsdp + 24, 8), "XSDT", &room);
        for (size_t i = 36; i + 8 <= room; i += 8) {
                uint64_t address = number(xsdt + i, 8);

                if (memcmp(at(address, 4), signature, 4) == 0)
                        return table_at(address, signature, size);
        }
        return NULL;
}

static void build(unsigned cpus, bool serial)
{
        uint64_t rsdp;

        assert_int_equal(acpi_build(&memory, cpus, serial, &rsdp), 0);
        assert_int_equal(rsdp, LAYOUT_ACPI);
}

static void the_fadt_says_what_there_is_not(void **state)
{
        const uint8_t *fadt;
        size_t size;

        (void)state;
        build(1, false);
        fadt = find("FACP", &size);
        assert_int_equal(size, 276);
        assert_int_equal(number(fadt + 109, 2), 1 << 2 | 1 << 5); /* no VGA, no CMOS clock; no 8042 either */
        assert_true(number(fadt + 112, 4) & (1 << 20));           /* hardware-reduced */
        assert_true(number(fadt + 112, 4) & (1 << 10));
        assert_int_equal(number(fadt + 120, 8), LAYOUT_RESET_PORT);
        assert_int_equal(fadt[128], LAYOUT_RESET_VALUE);
        assert_int_equal(number(fadt + 248, 8), LAYOUT_SLEEP_CONTROL_PORT);
        assert_int_equal(number(fadt + 260, 8), LAYOUT_SLEEP_STATUS_PORT);
        table_at(number(fadt + 140, 8), "DSDT", &size);
}

static void each_processor_is_in_the_madt(void **state)
{
        (void)state;
        for (unsigned cpus = 1; cpus <= 300; cpus += 13) {
                unsigned n = 0;
                const uint8_t *madt;
                size_t size;

                build(cpus, false);
                madt = find("APIC", &size);
                assert_int_equal(number(madt + 36, 4), LAYOUT_LOCAL_APIC);
                for (size_t i = 44; i < size; i += madt[i + 1], n++) {
                        assert_true(madt[i] == 0 ? madt[i + 1] == 8 : madt[i] == 9 && madt[i + 1] == 16);
                        assert_int_equal(madt[i] == 0 ? madt[i + 3] : number(madt + i + 4, 4), n);
                        assert_int_equal(madt[i] == 0 ? number(madt + i + 4, 4) : number(madt + i + 8, 4), 1);
                }
                assert_int_equal(n, cpus);
        }
}

static void the_configuration_space_is_in_the_mcfg(void **state)
{
        const uint8_t *mcfg;
        size_t size;

        (void)state;
        build(4, false);
        mcfg = find("MCFG", &size);
        assert_int_equal(size, 60);
        assert_int_equal(number(mcfg + 44, 8), LAYOUT_ECAM);
        assert_int_equal(mcfg[54], 0);
        assert_int_equal(mcfg[55], 0);
}

static void too_many_processors_are_an_error(void **state)
{
        uint64_t rsdp;

        (void)state;
        assert_int_equal(acpi_build(&memory, 20000, false, &rsdp), -ENOSPC);
}

/* What iasl makes of the DSDT; it fails for what is no correct AML. */
static void disassemble(char *text, size_t room)
{
        char directory[] = "/tmp/berth-acpi.XXXXXX", path[64], command[256];
        const uint8_t *dsdt;
        size_t size, n;
        FILE *file;

        dsdt = table_at(number(find("FACP", &size) + 140, 8), "DSDT", &size);
        assert_non_null(mkdtemp(directory));
        snprintf(path, sizeof(path), "%s/dsdt.dat", directory);
        file = fopen(path, "w");
        assert_non_null(file);
        assert_int_equal(fwrite(dsdt, 1, size, file), size);
        fclose(file);
        snprintf(command, sizeof(command),
                 "cd %s && iasl -d dsdt.dat >log 2>&1 && iasl -we dsdt.dsl >>log 2>&1 || cat log >&2; cat dsdt.dsl; rm "
                 "-r %s",
                 directory, directory);
        file = popen(command, "r");
        assert_non_null(file);
        n = fread(text, 1, room - 1, file);
        text[n] = '\0';
        assert_int_equal(pclose(file), 0);
}

static void assert_says(const char *text, const char *what, bool says)
{
        if (!!strstr(text, what) != says)
                fail_msg("%s in: %s", what, text);
}

static void the_dsdt_is_correct_machine_language(void **state)
{
        static char text[65536];

        (void)state;
        build(2, false);
        disassemble(text, sizeof(text));
        assert_says(text, "EisaId (\"PNP0A08\")", true);
        assert_says(text, "Memory32Fixed (ReadWrite,", true);
        assert_says(text, "0xE0000000", true);
        assert_says(text, "Method (_DSM, 4", true);
        assert_says(text, "ToUUID (\"e5c937d0-3553-4d7a-9117-ea4d19c3434d\")", true);
        assert_says(text, "Name (_S5, Package", true);
        assert_says(text, "PNP0501", false);
        build(2, true);
        disassemble(text, sizeof(text));
        assert_says(text, "EisaId (\"PNP0501\")", true);
        assert_says(text, "0x03F8", true);
        assert_says(text, "IRQ", false);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(the_fadt_says_what_there_is_not),        TEST(each_processor_is_in_the_madt),
                TEST(the_configuration_space_is_in_the_mcfg), TEST(too_many_processors_are_an_error),
                TEST(the_dsdt_is_correct_machine_language),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
