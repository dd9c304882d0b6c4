/* The command line of berth-vmm: every word is understood whole or refused by its name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "vmmode/vmm/options.h"

#include <cmocka.h>

static struct vmm_options options;

#define PARSE(...) parse((char *[]){(char *)"berth-vmm", __VA_ARGS__, NULL})
#define NEEDED     (char *)"kvm=3", (char *)"kernel=4", (char *)"memory=134217728"

static int parse(char **words)
{
        int n = 0;

        while (words[n])
                n++;
        error_clear();
        return vmm_options_parse(n, words, &options);
}

static void what_is_needed_is_enough(void **state)
{
        (void)state;
        assert_int_equal(PARSE(NEEDED), 0);
        assert_int_equal(options.kvm, 3);
        assert_int_equal(options.kernel, 4);
        assert_int_equal(options.memory, 134217728);
        assert_int_equal(options.cpus, 1);
        assert_string_equal(options.cmdline, "");
        assert_true(options.initrd < 0 && options.console < 0 && options.vsock < 0 && options.control < 0);
        assert_false(options.rng || options.balloon || options.vhost);
        assert_int_equal(options.n_disks + options.n_nets + options.n_filesystems + options.n_spare_nets, 0);
}

static void devices_are_read_with_their_details(void **state)
{
        static const uint8_t mac[] = {0x52, 0x54, 0, 0xab, 0xcd, 0xef};

        (void)state;
        assert_int_equal(PARSE(NEEDED, "disk=5", "disk=6,ro,serial=12345678901234567890",
                               "net=7,52:54:00:ab:cd:ef,mtu=9000", "net=8,00:00:00:00:00:01", "fs=9,tag with spaces",
                               "nics=6", "control=10", "vsock=11", "console=12", "initrd=13", "rng=on", "balloon=on",
                               "rng=off", "cpus=4", "cmdline=a=b c=d,e"),
                         0);
        assert_false(options.vhost);
        assert_int_equal(options.nets[0].vhost, -EBADF);
        assert_int_equal(options.n_disks, 2);
        assert_false(options.disks[0].read_only);
        assert_true(options.disks[1].read_only);
        assert_int_equal(options.disks[1].fd, 6);
        assert_string_equal(options.disks[1].serial, "12345678901234567890");
        assert_int_equal(options.n_nets, 2);
        assert_memory_equal(options.nets[0].mac, mac, sizeof(mac));
        assert_int_equal(options.nets[0].mtu, 9000);
        assert_int_equal(options.nets[1].mtu, 0);
        assert_string_equal(options.filesystems[0].tag, "tag with spaces");
        assert_int_equal(options.n_spare_nets, 6);
        assert_int_equal(options.control, 10);
        assert_true(options.balloon && !options.rng);
        assert_int_equal(options.cpus, 4);
        assert_string_equal(options.cmdline, "a=b c=d,e");
}

static void vhost_is_possible_where_it_is_said_or_given(void **state)
{
        (void)state;
        assert_int_equal(PARSE(NEEDED, "vhost=on", "nics=2"), 0);
        assert_true(options.vhost);
        assert_int_equal(PARSE(NEEDED, "net=7,52:54:00:ab:cd:ef,mtu=9000,vhost=8", "net=9,52:54:00:ab:cd:f0,vhost=10",
                               "net=11,52:54:00:ab:cd:f1"),
                         0);
        assert_true(options.vhost);
        assert_int_equal(options.nets[0].vhost, 8);
        assert_int_equal(options.nets[0].mtu, 9000);
        assert_int_equal(options.nets[1].vhost, 10);
        assert_int_equal(options.nets[1].mtu, 0);
        assert_int_equal(options.nets[2].vhost, -EBADF);
}

static void what_is_wrong_is_refused_by_its_word(void **state)
{
        static char *const words[] = {
                "",
                "=",
                "memory",
                "floppy=on",
                "a_name_that_is_much_too_long=1",
                "rng=yes",
                "rng=",
                "cpus=",
                "cpus=-1",
                "cpus=1x",
                "cpus=99999999999",
                "disk=",
                "disk=x",
                "disk=1,rw",
                "disk=1,serial=123456789012345678901",
                "disk=99999999999",
                "net=1",
                "net=1,",
                "net=1,52:54:00:ab:cd",
                "net=1,52:54:00:AB:cd:ef",
                "net=1,52:54:00:ab:cd:ef:00",
                "net=1,52-54-00-ab-cd-ef",
                "net=1,52:54:00:ab:cd:ef,mtu=67",
                "net=1,52:54:00:ab:cd:ef,mtu=65536",
                "net=1,52:54:00:ab:cd:ef,mtu=1500,mtu=1500",
                "net=1,52:54:00:ab:cd:ef,vhost=",
                "net=1,52:54:00:ab:cd:ef,vhost=on",
                "net=1,52:54:00:ab:cd:ef,vhost=2,vhost=3",
                "net=1,52:54:00:ab:cd:ef,ro",
                "vhost=3",
                "fs=1",
                "fs=1,",
                "fs=1,a,b",
                "fs=1,1234567890123456789012345678901234567",
                "nics=9",
                "control=",
                "jail=",
                "jail=none",
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(words); i++) {
                if (PARSE(NEEDED, words[i]) != -EINVAL || !strstr(error_message(), words[i]))
                        fail_msg("%s: %s", words[i], error_message());
        }
}

static void more_than_there_is_room_for_is_refused(void **state)
{
        char *words[16] = {(char *)"berth-vmm", NEEDED};

        (void)state;
        for (size_t i = 4; i < 13; i++)
                words[i] = (char *)"disk=5";
        assert_int_equal(parse(words), -EINVAL);
        words[12] = NULL;
        assert_int_equal(parse(words), 0);
        assert_int_equal(options.n_disks, OPTIONS_DISKS_MAX);
        assert_int_equal(PARSE(NEEDED, "net=7,52:54:00:ab:cd:ef", "nics=8"), -EINVAL);
        assert_string_equal(error_message(), "nics: 9 network devices, at most 8 are possible");
}

static void without_kernel_kvm_or_memory_there_is_no_machine(void **state)
{
        (void)state;
        assert_int_equal(PARSE((char *)"kvm=3", (char *)"memory=134217728"), -EINVAL);
        assert_int_equal(PARSE((char *)"kernel=3", (char *)"memory=134217728"), -EINVAL);
        assert_int_equal(PARSE((char *)"kvm=3", (char *)"kernel=3"), -EINVAL);
        assert_int_equal(PARSE((char *)"kvm=3", (char *)"kernel=3", (char *)"memory=134217727"), -EINVAL);
        assert_string_equal(error_message(), "memory: 134217727 bytes, at least 134217728 are needed");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_needed_is_enough),
                cmocka_unit_test(devices_are_read_with_their_details),
                cmocka_unit_test(vhost_is_possible_where_it_is_said_or_given),
                cmocka_unit_test(what_is_wrong_is_refused_by_its_word),
                cmocka_unit_test(more_than_there_is_room_for_is_refused),
                cmocka_unit_test(without_kernel_kvm_or_memory_there_is_no_machine),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
