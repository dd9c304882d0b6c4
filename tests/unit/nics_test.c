/* Giving the guest's driver its network devices, on a directory that looks like sysfs. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/io.h"
#include "netdev/nics.h"

/* Last: its fail() is a macro, base/error.h has a function of that name. */
#include <cmocka.h>

struct tree {
        char path[64];
        int fd;
};

static void run(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void run(const char *format, ...)
{
        char command[1024];
        va_list args;

        va_start(args, format);
        vsnprintf(command, sizeof(command), format, args);
        va_end(args);
        if (system(command) != 0)
                fail_msg("%s", command);
}

static void add_device(const struct tree *tree, unsigned number, const char *id)
{
        run("cd %s/bus/virtio/devices && mkdir virtio%u && echo %s >virtio%u/device", tree->path, number, id, number);
}

static int make_tree(void **state)
{
        static struct tree tree;

        snprintf(tree.path, sizeof(tree.path), "/tmp/nics.XXXXXX");
        if (!mkdtemp(tree.path))
                return -1;
        run("cd %s && mkdir -p bus/virtio/devices bus/virtio/drivers/virtio_net && cd bus/virtio && echo 1 "
            ">drivers_autoprobe && "
            "touch drivers/virtio_net/bind drivers/virtio_net/unbind",
            tree.path);
        tree.fd = open(tree.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        *state = &tree;
        return tree.fd < 0;
}

static int end_tree(void **state)
{
        struct tree *tree = *state;

        close(tree->fd);
        run("rm -r %s", tree->path);
        return 0;
}

static void holds(const struct tree *tree, const char *file, const char *text)
{
        char content[64];

        assert_true(read_small_file_at(tree->fd, file, content, sizeof(content)) >= 0);
        assert_string_equal(content, text);
}

#define BIND      "bus/virtio/drivers/virtio_net/bind"
#define UNBIND    "bus/virtio/drivers/virtio_net/unbind"
#define AUTOPROBE "bus/virtio/drivers_autoprobe"

static void drivers_are_held_back(void **state)
{
        const struct tree *tree = *state;

        assert_int_equal(nics_hold_back(tree->fd), 0);
        holds(tree, AUTOPROBE, "0");
}

/* The file keeps the last that was written: of three devices bound in order, the third. */
static void the_first_devices_by_number_are_bound(void **state)
{
        const struct tree *tree = *state;

        add_device(tree, 10, "0x0001");
        add_device(tree, 9, "0x0001");
        add_device(tree, 2, "0x0001");
        add_device(tree, 11, "0x0001");
        add_device(tree, 1, "0x0013");
        assert_int_equal(nics_hold_back(tree->fd), 0);
        assert_int_equal(nics_bind(tree->fd, 1), 0);
        holds(tree, BIND, "virtio2");
        assert_int_equal(nics_bind(tree->fd, 3), 0);
        holds(tree, BIND, "virtio10");
        holds(tree, UNBIND, "");
        holds(tree, AUTOPROBE, "1");
}

static void none_is_bound_where_none_is_needed(void **state)
{
        const struct tree *tree = *state;

        add_device(tree, 2, "0x0001");
        assert_int_equal(nics_bind(tree->fd, 0), 0);
        holds(tree, BIND, "");
}

static void a_built_in_driver_gives_the_spare_ones_back(void **state)
{
        const struct tree *tree = *state;

        add_device(tree, 3, "0x0001");
        add_device(tree, 4, "0x0001");
        run("mkdir %s/bus/virtio/devices/virtio3/driver %s/bus/virtio/devices/virtio4/driver", tree->path, tree->path);
        assert_int_equal(nics_bind(tree->fd, 1), 0);
        holds(tree, BIND, "");
        holds(tree, UNBIND, "virtio4");
}

static void too_few_devices_are_an_error(void **state)
{
        const struct tree *tree = *state;

        add_device(tree, 3, "0x0001");
        assert_int_equal(nics_bind(tree->fd, 2), -ENODEV);
        assert_non_null(strstr(error_message(), "has 1 network devices, 2 are needed"));
        holds(tree, BIND, "");
}

static void a_missing_driver_is_an_error_that_names_it(void **state)
{
        const struct tree *tree = *state;

        add_device(tree, 3, "0x0001");
        run("rm -r %s/bus/virtio/drivers/virtio_net", tree->path);
        assert_int_equal(nics_bind(tree->fd, 1), -ENOENT);
        assert_non_null(strstr(error_message(), "virtio_net"));
}

static void a_machine_without_the_bus_is_an_error(void **state)
{
        const struct tree *tree = *state;

        run("rm -r %s/bus", tree->path);
        assert_int_equal(nics_hold_back(tree->fd), -ENOENT);
        assert_int_equal(nics_bind(tree->fd, 0), -ENOENT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(drivers_are_held_back, make_tree, end_tree),
                cmocka_unit_test_setup_teardown(the_first_devices_by_number_are_bound, make_tree, end_tree),
                cmocka_unit_test_setup_teardown(none_is_bound_where_none_is_needed, make_tree, end_tree),
                cmocka_unit_test_setup_teardown(a_built_in_driver_gives_the_spare_ones_back, make_tree, end_tree),
                cmocka_unit_test_setup_teardown(too_few_devices_are_an_error, make_tree, end_tree),
                cmocka_unit_test_setup_teardown(a_missing_driver_is_an_error_that_names_it, make_tree, end_tree),
                cmocka_unit_test_setup_teardown(a_machine_without_the_bus_is_an_error, make_tree, end_tree),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
