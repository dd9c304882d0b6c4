#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "runtime/life/messages.h"

#include <cmocka.h>

static void engines_find_the_words_that_they_look_for(void **state)
{
        static const struct {
                const char *who, *message, *words;
        } promises[] = {
                {"containerd kill: not found", MESSAGE_NOT_EXIST, "does not exist"},
                {"containerd kill: not found", MESSAGE_NOT_RUNNING, "container not running"},
                {"containerd kill: not found", MESSAGE_NOT_RUNNING, "no such process"},
                {"containerd delete: ignored", MESSAGE_NOT_EXIST, "does not exist"},
                {"CRI-O: not found", MESSAGE_NOT_RUNNING, "no such process"},
                {"CRI-O: not found", MESSAGE_NOT_RUNNING, "container not running"},
                {"Podman state: gone", MESSAGE_NOT_EXIST, "does not exist"},
                {"Podman and Docker: 127", MESSAGE_NOT_FOUND_IN_PATH, "executable file not found in"},
                {"Podman and Docker: 127", MESSAGE_NOT_FOUND_IN_PATH, "no such file or directory"},
                {"Podman and Docker: 127", MESSAGE_NO_SUCH_EXECUTABLE, "no such file or directory"},
                {"Podman and Docker: 126", MESSAGE_NOT_EXECUTABLE, "permission denied"},
                {"runc's words", MESSAGE_INVALID_ID, "invalid container ID format"},
                {"runc's words", MESSAGE_EXISTS, "container with given ID already exists"},
                {"runc's words", MESSAGE_START_STOPPED, "cannot start a container that has stopped"},
                {"runc's words", MESSAGE_START_RUNNING, "cannot start an already running container"},
                {"runc's words", MESSAGE_START_PAUSED, "cannot start a container in the paused state"},
                {"runc's words", MESSAGE_EXEC_STOPPED, "cannot exec in a stopped container"},
                {"runc's words", MESSAGE_EXEC_PAUSED,
                 "cannot exec in a paused container (use --ignore-paused to override)"},
                {"runc's words", MESSAGE_NOT_PAUSED, "container not paused"},
                {"runc's words", MESSAGE_TTY_WITHOUT_SOCKET,
                 "cannot allocate tty if runc will detach without setting console socket"},
                {"runc's words", MESSAGE_SOCKET_WITHOUT_TTY,
                 "cannot use console socket if runc will not detach or allocate tty"},
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(promises); i++)
                if (!strstr(promises[i].message, promises[i].words))
                        fail_msg("%s: '%s' is not in '%s'", promises[i].who, promises[i].words, promises[i].message);
}

/* Podman's classes of exit codes are told apart by words: no message may belong to two. */
static void no_message_belongs_to_a_wrong_class(void **state)
{
        static const char *const harmless[] = {MESSAGE_NOT_RUNNING,   MESSAGE_EXISTS,        MESSAGE_INVALID_ID,
                                               MESSAGE_START_STOPPED, MESSAGE_START_RUNNING, MESSAGE_EXEC_STOPPED,
                                               MESSAGE_EXEC_PAUSED,   MESSAGE_NOT_PAUSED};
        static const char *const classes[] = {"permission denied", "operation not permitted", "does not exist",
                                              "no such file or directory", "executable file not found in"};

        (void)state;
        for (size_t i = 0; i < ELEMENTS(harmless); i++)
                for (size_t k = 0; k < ELEMENTS(classes); k++)
                        assert_null(strcasestr(harmless[i], classes[k]));
        assert_null(strcasestr(MESSAGE_NOT_EXECUTABLE, "not found"));
}

static void the_program_is_named(void **state)
{
        char text[256];

        (void)state;
        snprintf(text, sizeof(text), MESSAGE_NOT_FOUND_IN_PATH, "foo");
        assert_string_equal(text, "exec: \"foo\": executable file not found in $PATH: no such file or directory");
        snprintf(text, sizeof(text), MESSAGE_NOT_EXECUTABLE, "/foo");
        assert_string_equal(text, "exec: \"/foo\": permission denied");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(engines_find_the_words_that_they_look_for),
                cmocka_unit_test(no_message_belongs_to_a_wrong_class),
                cmocka_unit_test(the_program_is_named),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
