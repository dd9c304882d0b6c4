/* Handing over the listener. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/unix_address.h"
#include "runtime/life/seccomp_notify.h"

/* Last: its fail() is a macro, base/error.h has a function of that name. */
#include <cmocka.h>

static struct sockaddr_un address = {.sun_family = AF_UNIX};

static struct seccomp_notification notification = {
        .listener_path = address.sun_path,
        .metadata = "MKNOD=\"/dev/null\"",
        .oci_version = "1.2.1",
        .pid = 4422,
        .state = "{\"id\":\"web\",\"annotations\":{\"}\":\"}\"}}",
};

static int make_path(void **state)
{
        (void)state;
        snprintf(address.sun_path, sizeof(address.sun_path), "/tmp/berth-agent-%d", (int)getpid());
        unlink(address.sun_path);
        return 0;
}

static int remove_path(void **state)
{
        (void)state;
        return unlink(address.sun_path) == 0 || errno == ENOENT ? 0 : -1;
}

static void the_text_is_a_container_process_state(void **state)
{
        char *json;

        (void)state;
        assert_int_equal(seccomp_notification_json(&notification, &json), 0);
        assert_string_equal(json, "{\"ociVersion\":\"1.2.1\",\"fds\":[\"seccompFd\"],\"pid\":4422,"
                                  "\"metadata\":\"MKNOD=\\\"/dev/null\\\"\","
                                  "\"state\":{\"id\":\"web\",\"annotations\":{\"}\":\"}\"}}}");
        free(json);
}

static void without_metadata_the_member_is_absent(void **state)
{
        struct seccomp_notification bare = notification;
        char *json;

        (void)state;
        bare.metadata = NULL;
        assert_int_equal(seccomp_notification_json(&bare, &json), 0);
        assert_null(strstr(json, "metadata"));
        free(json);
}

static void the_agent_gets_the_text_and_the_descriptor(void **state)
{
        int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        int listener = open("/dev/zero", O_RDONLY | O_CLOEXEC);
        struct stat sent, got;
        int client, fd;
        char text[1024], *json;
        ssize_t n;

        (void)state;
        assert_int_equal(bind(server, (struct sockaddr *)&address, sizeof(address)), 0);
        assert_int_equal(listen(server, 1), 0);
        if (seccomp_notify(&notification, listener) < 0)
                fail_msg("%s", error_message());
        client = accept4(server, NULL, NULL, SOCK_CLOEXEC);
        n = receive_message(client, text, sizeof(text) - 1, &fd, 1, 1000);
        assert_true(n > 0);
        text[n] = '\0';
        assert_int_equal(seccomp_notification_json(&notification, &json), 0);
        assert_string_equal(text, json);
        assert_true(fd >= 0);
        assert_int_equal(fstat(fd, &got), 0);
        assert_int_equal(fstat(listener, &sent), 0);
        assert_int_equal(sent.st_rdev, got.st_rdev);
        assert_int_equal(receive_message(client, text, sizeof(text), NULL, 0, 1000), 0); /* the end */
        free(json);
        close(fd);
        close(client);
        close(server);
        close(listener);
}

static void an_agent_that_is_not_there_is_an_error_that_names_the_socket(void **state)
{
        (void)state;
        assert_int_equal(seccomp_notify(&notification, STDIN_FILENO), -ENOENT);
        assert_non_null(strstr(error_message(), address.sun_path));
}

static void an_agent_at_a_path_longer_than_a_sockets_address_is_reached(void **state)
{
        struct seccomp_notification far = notification;
        int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), dir;
        char directory[160], path[200];
        struct sockaddr_un there;

        (void)state;
        snprintf(directory, sizeof(directory), "/tmp/berth-agent-%d-%0110d", (int)getpid(), 0);
        snprintf(path, sizeof(path), "%s/agent", directory);
        assert_int_equal(mkdir(directory, 0700), 0);
        dir = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
        there = unix_address_at(dir, "agent");
        assert_int_equal(bind(server, (struct sockaddr *)&there, sizeof(there)), 0);
        assert_int_equal(listen(server, 1), 0);
        far.listener_path = path;
        if (seccomp_notify(&far, STDIN_FILENO) < 0)
                fail_msg("%s", error_message());
        close(server);
        close(dir);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(rmdir(directory), 0);
}

#define WITH_A_PATH(test) cmocka_unit_test_setup_teardown(test, make_path, remove_path)

int main(void)
{
        const struct CMUnitTest tests[] = {
                WITH_A_PATH(the_text_is_a_container_process_state),
                WITH_A_PATH(without_metadata_the_member_is_absent),
                WITH_A_PATH(the_agent_gets_the_text_and_the_descriptor),
                WITH_A_PATH(an_agent_that_is_not_there_is_an_error_that_names_the_socket),
                WITH_A_PATH(an_agent_at_a_path_longer_than_a_sockets_address_is_reached),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
