/* Reading, writing, and passing descriptors. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/path.h"
#include "runtime/core/channel.h"

#include <cmocka.h>

static char directory[] = "/tmp/berth-io-XXXXXX";
static int dir;

static int make_directory(void **state)
{
        (void)state;
        if (!mkdtemp(directory))
                return -1;
        dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return dir < 0;
}

static int remove_directory(void **state)
{
        (void)state;
        close(dir);
        return remove_tree_at(AT_FDCWD, directory);
}

static void put(const char *name, const char *text)
{
        _cleanup_close_ int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

        assert_true(fd >= 0);
        assert_int_equal(write_all(fd, text, strlen(text)), 0);
}

static void expect(const char *name, const char *text)
{
        _cleanup_free_ char *data = NULL;
        size_t size;

        assert_int_equal(read_file_at(dir, name, 1 << 20, &data, &size), 0);
        assert_string_equal(data, text);
        assert_int_equal(size, strlen(text));
}

static int open_descriptors(void)
{
        int n = 0;

        for (int fd = 0; fd < 1024; fd++)
                n += fcntl(fd, F_GETFD) >= 0;
        return n;
}

/* ---- files ---- */

static void a_file_of_exactly_the_limit_is_read_and_one_byte_more_is_not(void **state)
{
        _cleanup_free_ char *data = NULL;
        size_t size;

        (void)state;
        put("limit", "12345");
        assert_int_equal(read_file_at(dir, "limit", 5, &data, &size), 0);
        assert_string_equal(data, "12345");
        free(take_ptr(&data));
        assert_int_equal(read_file_at(dir, "limit", 4, &data, &size), -EFBIG);
        assert_int_equal(read_file_at(dir, "limit", 0, &data, &size), -EFBIG);
        assert_null(data);
        put("limit", "");
        assert_int_equal(read_file_at(dir, "limit", 0, &data, &size), 0);
        assert_int_equal(size, 0);
        assert_string_equal(data, "");
}

static void a_stream_that_does_not_end_is_cut_off_at_the_limit(void **state)
{
        _cleanup_free_ char *data = NULL;
        size_t size;

        (void)state;
        assert_int_equal(read_file_at(AT_FDCWD, "/dev/zero", 100000, &data, &size), -EFBIG);
        assert_null(data);
}

static void what_comes_in_pieces_is_read_whole(void **state)
{
        _cleanup_free_ char *data = NULL;
        char *sent = malloc(100000);
        int ends[2];
        size_t size;
        pid_t pid;

        (void)state;
        for (size_t i = 0; i < 100000; i++)
                sent[i] = (char)(i % 251);
        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        pid = fork();
        if (pid == 0) {
                for (size_t at = 0; at < 100000; at += 1000)
                        if (write_all(ends[1], sent + at, 1000) < 0)
                                _exit(1);
                _exit(0);
        }
        close(ends[1]);
        assert_int_equal(read_all(ends[0], 100000, &data, &size), 0);
        assert_int_equal(size, 100000);
        assert_memory_equal(data, sent, size);
        assert_int_equal(data[size], '\0');
        close(ends[0]);
        waitpid(pid, NULL, 0);
        free(sent);
}

static void a_file_of_our_own_is_read_whole_whatever_its_size(void **state)
{
        static const size_t sizes[] = {0, 1, 2047, 2048, 2049, 5000};
        char text[5000];

        (void)state;
        memset(text, 'x', sizeof(text));
        for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
                _cleanup_free_ char *data = NULL;
                char *none = NULL;
                size_t size;

                assert_int_equal(replace_file_at(dir, "own", text, sizes[i], 0600), 0);
                assert_int_equal(read_own_file_at(dir, "own", sizes[i], &data, &size), 0);
                assert_int_equal(size, sizes[i]);
                assert_memory_equal(data, text, size);
                assert_int_equal(data[size], '\0');
                if (sizes[i])
                        assert_int_equal(read_own_file_at(dir, "own", sizes[i] - 1, &none, &size), -EFBIG);
        }
        assert_int_equal(read_own_file_at(dir, "missing", 10, &(char *){NULL}, &(size_t){0}), -ENOENT);
}

static void a_missing_file_is_enoent(void **state)
{
        char *data, small[8];
        size_t size;

        (void)state;
        assert_int_equal(read_file_at(dir, "missing", 10, &data, &size), -ENOENT);
        assert_int_equal(read_small_file_at(dir, "missing", small, sizeof(small)), -ENOENT);
        assert_int_equal(write_file_at(dir, "missing", "x"), -ENOENT);
        assert_int_equal(faccessat(dir, "missing", F_OK, 0), -1);
}

static void a_fifo_in_place_of_a_regular_file_is_refused_and_not_waited_for(void **state)
{
        char *data;
        size_t size;

        (void)state;
        assert_int_equal(mkfifoat(dir, "fifo", 0600), 0);
        assert_int_equal(read_regular_file_at(dir, "fifo", 10, &data, &size), -EMEDIUMTYPE);
        assert_int_equal(read_regular_file_at(AT_FDCWD, "/dev/null", 10, &data, &size), -EMEDIUMTYPE);
        assert_int_equal(read_regular_file_at(AT_FDCWD, "/", 10, &data, &size), -EMEDIUMTYPE);
        assert_int_equal(read_own_file_at(dir, "fifo", 10, &data, &size), -EMEDIUMTYPE);
        assert_int_equal(read_own_file_at(AT_FDCWD, "/dev/null", 10, &data, &size), -EMEDIUMTYPE);
        assert_int_equal(read_own_file_at(AT_FDCWD, "/dev/zero", 10, &data, &size), -EMEDIUMTYPE);
        assert_int_equal(read_own_file_at(AT_FDCWD, "/", 10, &data, &size), -EMEDIUMTYPE);
}

static void a_small_file_loses_one_newline_and_must_fit(void **state)
{
        char text[8];

        (void)state;
        put("small", "max\n");
        assert_int_equal(read_small_file_at(dir, "small", text, sizeof(text)), 3);
        assert_string_equal(text, "max");
        put("small", "a\n\n");
        assert_int_equal(read_small_file_at(dir, "small", text, sizeof(text)), 2);
        put("small", "1234567");
        assert_int_equal(read_small_file_at(dir, "small", text, sizeof(text)), 7);
        put("small", "12345678");
        assert_int_equal(read_small_file_at(dir, "small", text, sizeof(text)), -EFBIG);
        put("small", "");
        assert_int_equal(read_small_file_at(dir, "small", text, sizeof(text)), 0);
        assert_string_equal(text, "");
}

static void a_file_is_replaced_whole(void **state)
{
        struct stat st;

        (void)state;
        put("replaced", "old");
        assert_int_equal(replace_file_at(dir, "replaced", "newer", 5, 0600), 0);
        expect("replaced", "newer");
        assert_int_equal(fstatat(dir, "replaced", &st, 0), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
}

static void a_file_that_holds_it_already_stays(void **state)
{
        struct stat before, after;

        (void)state;
        put("updated", "same");
        assert_int_equal(fstatat(dir, "updated", &before, 0), 0);
        assert_int_equal(update_file_at(dir, "updated", "same", 4, 0600), 0);
        assert_int_equal(fstatat(dir, "updated", &after, 0), 0);
        assert_int_equal(after.st_ino, before.st_ino);
        assert_int_equal(update_file_at(dir, "updated", "diff", 4, 0600), 0);
        expect("updated", "diff");
        assert_int_equal(update_file_at(dir, "updated", "longer", 6, 0600), 0);
        expect("updated", "longer");
        assert_int_equal(update_file_at(dir, "new", "", 0, 0600), 0);
        expect("new", "");
        /* What a link leads to counts for nothing. */
        put("elsewhere", "mine");
        assert_int_equal(symlinkat("elsewhere", dir, "updated-link"), 0);
        assert_int_equal(update_file_at(dir, "updated-link", "mine", 4, 0600), 0);
        assert_int_equal(fstatat(dir, "updated-link", &after, AT_SYMLINK_NOFOLLOW), 0);
        assert_true(S_ISREG(after.st_mode));
}

static void a_link_in_place_of_a_file_is_replaced_and_not_written_through(void **state)
{
        (void)state;
        put("victim", "untouched");
        assert_int_equal(symlinkat("victim", dir, "link"), 0);
        assert_int_equal(replace_file_at(dir, "link", "mine", 4, 0600), 0);
        expect("victim", "untouched");
        expect("link", "mine");
}

static void a_failed_replacement_leaves_the_old_file_and_nothing_else(void **state)
{
        struct rlimit before, tiny;
        char temporary[64];

        (void)state;
        put("kept", "old");
        getrlimit(RLIMIT_FSIZE, &before);
        tiny = before;
        tiny.rlim_cur = 4096; /* as a full disk: a part can be written */
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &tiny);
        {
                _cleanup_free_ char *large = calloc(1, 100000);
                int r = replace_file_at(dir, "kept", large, 100000, 0600);

                setrlimit(RLIMIT_FSIZE, &before);
                assert_int_equal(r, -EFBIG);
        }
        expect("kept", "old");
        snprintf(temporary, sizeof(temporary), ".kept.%d", (int)getpid());
        assert_int_equal(faccessat(dir, temporary, F_OK, AT_SYMLINK_NOFOLLOW), -1);
        assert_int_equal(mkdirat(dir, "full", 0700), 0);
        put("full/x", "");
        assert_true(replace_file_at(dir, "full", "x", 1, 0600) < 0); /* a directory cannot be renamed over */
        snprintf(temporary, sizeof(temporary), ".full.%d", (int)getpid());
        assert_int_equal(faccessat(dir, temporary, F_OK, AT_SYMLINK_NOFOLLOW), -1);
}

static void names_that_leave_no_room_for_a_temporary_one_are_refused(void **state)
{
        char name[256];

        (void)state;
        memset(name, 'n', 255);
        name[255] = '\0';
        assert_int_equal(replace_file_at(dir, name, "x", 1, 0600), -ENAMETOOLONG);
}

/* ---- memfd ---- */

static void a_sealed_copy_cannot_be_changed_by_anybody(void **state)
{
        char path[64], text[8] = "";
        _cleanup_close_ int fd = memfd_sealed("test", "sealed", 6, false), again = -EBADF;

        (void)state;
        assert_true(fd >= 0);
        assert_int_equal(pread(fd, text, sizeof(text), 0), 6);
        assert_string_equal(text, "sealed");
        assert_int_equal(pwrite(fd, "x", 1, 0), -1);
        assert_int_equal(errno, EPERM);
        assert_int_equal(ftruncate(fd, 0), -1);
        assert_int_equal(ftruncate(fd, 100), -1);
        assert_ptr_equal(mmap(NULL, 6, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
        assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE), -1);
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        again = open(path, O_RDWR | O_CLOEXEC);
        if (again >= 0)
                assert_int_equal(write(again, "x", 1), -1);
        assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
}

/* ---- messages ---- */

static void pair(int ends[2])
{
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
}

static void descriptors_arrive_with_their_message_and_close_on_exec(void **state)
{
        int ends[2], sent[2] = {dir, STDERR_FILENO}, got[3] = {7, 7, 7};
        struct stat ours, theirs;
        char text[16];

        (void)state;
        pair(ends);
        assert_int_equal(send_message(ends[0], "hello", 5, sent, 2), 0);
        assert_int_equal(receive_message(ends[1], text, sizeof(text), got, 3, 1000), 5);
        assert_memory_equal(text, "hello", 5);
        assert_int_equal(fstat(dir, &ours), 0);
        assert_int_equal(fstat(got[0], &theirs), 0);
        assert_true(ours.st_ino == theirs.st_ino);
        assert_int_equal(fcntl(got[0], F_GETFD), FD_CLOEXEC);
        assert_int_equal(fcntl(got[1], F_GETFD), FD_CLOEXEC);
        assert_int_equal(got[2], -EBADF);
        close(got[0]);
        close(got[1]);
        close(ends[0]);
        close(ends[1]);
}

static void descriptors_that_find_no_place_are_closed(void **state)
{
        int ends[2], sent[5] = {dir, dir, dir, dir, dir}, got[2], before;
        char text[16];

        (void)state;
        pair(ends);
        before = open_descriptors();
        assert_int_equal(send_message(ends[0], "x", 1, sent, 5), 0);
        assert_int_equal(receive_message(ends[1], text, sizeof(text), got, 2, 1000), 1);
        assert_int_equal(open_descriptors(), before + 2);
        close(got[0]);
        close(got[1]);
        assert_int_equal(send_message(ends[0], "x", 1, sent, 5), 0);
        assert_int_equal(receive_message(ends[1], text, sizeof(text), NULL, 0, 1000), 1);
        assert_int_equal(open_descriptors(), before);
        close(ends[0]);
        close(ends[1]);
}

static void a_message_that_does_not_fit_is_an_error_and_its_descriptors_are_closed(void **state)
{
        int ends[2], got[2], before;
        char text[4];

        (void)state;
        pair(ends);
        before = open_descriptors();
        assert_int_equal(send_message(ends[0], "too long", 8, &dir, 1), 0);
        assert_int_equal(receive_message(ends[1], text, sizeof(text), got, 2, 1000), -EMSGSIZE);
        assert_int_equal(got[0], -EBADF);
        assert_int_equal(open_descriptors(), before);
        close(ends[0]);
        close(ends[1]);
}

static void more_descriptors_than_the_kernel_takes_are_refused(void **state)
{
        int many[MESSAGE_FDS_MAX + 1], ends[2];

        (void)state;
        for (size_t i = 0; i < ELEMENTS(many); i++)
                many[i] = dir;
        pair(ends);
        assert_int_equal(send_message(ends[0], "x", 1, many, ELEMENTS(many)), -E2BIG);
        close(ends[0]);
        close(ends[1]);
}

static void the_end_of_the_stream_is_a_message_of_no_bytes(void **state)
{
        int ends[2], got = 7;
        char text[4];

        (void)state;
        pair(ends);
        close(ends[0]);
        assert_int_equal(receive_message(ends[1], text, sizeof(text), &got, 1, 1000), 0);
        assert_int_equal(got, -EBADF);
        assert_int_equal(send_message(ends[1], "x", 1, NULL, 0), -EPIPE); /* and no SIGPIPE */
        close(ends[1]);
}

static void on_alarm(int signal)
{
        (void)signal;
}

static void waiting_ends_at_the_deadline_whatever_interrupts_it(void **state)
{
        const struct sigaction action = {.sa_handler = on_alarm};
        const struct itimerval often = {{0, 5000}, {0, 5000}}, never = {0};
        int64_t begin = now_ms();
        int ends[2];
        char text[4];

        (void)state;
        pair(ends);
        sigaction(SIGALRM, &action, NULL);
        setitimer(ITIMER_REAL, &often, NULL);
        assert_int_equal(receive_message(ends[0], text, sizeof(text), NULL, 0, 60), -ETIMEDOUT);
        assert_int_equal(wait_fd(ends[0], POLLIN, 0), -ETIMEDOUT);
        setitimer(ITIMER_REAL, &never, NULL);
        assert_in_range(now_ms() - begin, 55, 10000);
        assert_int_equal(until_ms(now_ms() - 5), 0);
        assert_int_equal(until_ms(INT64_MAX), INT32_MAX);
        close(ends[0]);
        close(ends[1]);
}

/* ---- the channel of berth-init ---- */

static void the_channel_hands_over_kind_number_text_and_descriptor(void **state)
{
        struct channel_message message;
        int ends[2], fd = -EBADF;

        (void)state;
        pair(ends);
        assert_int_equal(channel_send(ends[0], CHANNEL_CONSOLE, -7, "/dev/pts/0", dir), 0);
        assert_int_equal(channel_receive(ends[1], &message, &fd, 1, 1000), 0);
        assert_int_equal(message.kind, CHANNEL_CONSOLE);
        assert_int_equal(message.number, -7);
        assert_string_equal(message.text, "/dev/pts/0");
        assert_true(fd >= 0);
        close(fd);
        close(ends[0]);
        assert_int_equal(channel_receive(ends[1], &message, &fd, 1, 1000), 0);
        assert_int_equal(message.kind, CHANNEL_END);
        close(ends[1]);
}

static void a_text_too_long_for_the_channel_is_cut(void **state)
{
        char *text = malloc(2 * CHANNEL_TEXT_MAX);
        struct channel_message message;
        int ends[2];

        (void)state;
        memset(text, 't', 2 * CHANNEL_TEXT_MAX - 1);
        text[2 * CHANNEL_TEXT_MAX - 1] = '\0';
        pair(ends);
        assert_int_equal(channel_send(ends[0], CHANNEL_ERROR, 1, text, -EBADF), 0);
        assert_int_equal(channel_receive(ends[1], &message, NULL, 0, 1000), 0);
        assert_int_equal(strlen(message.text), CHANNEL_TEXT_MAX - 1);
        free(text);
        close(ends[0]);
        close(ends[1]);
}

static void damaged_packets_on_the_channel_are_refused(void **state)
{
        struct channel_message message;
        int ends[2];

        (void)state;
        pair(ends);
        assert_int_equal(send_message(ends[0], "abc", 3, NULL, 0), 0);
        assert_int_equal(channel_receive(ends[1], &message, NULL, 0, 1000), -EBADMSG);
        assert_int_equal(send_message(ends[0], "\1\0\0\0\1\0\0\0", 8, NULL, 0), 0);
        assert_int_equal(channel_receive(ends[1], &message, NULL, 0, 1000), -EBADMSG);
        /* A text without its end gets one. */
        assert_int_equal(send_message(ends[0], "\1\0\0\0\1\0\0\0abcd", 12, NULL, 0), 0);
        assert_int_equal(channel_receive(ends[1], &message, NULL, 0, 1000), 0);
        assert_string_equal(message.text, "abc");
        close(ends[0]);
        close(ends[1]);
}

static void the_last_words_of_an_init_that_left_ours_unread_are_heard(void **state)
{
        struct channel_message message;
        int ends[2];

        (void)state;
        pair(ends);
        assert_int_equal(channel_send(ends[0], CHANNEL_PLAN, 0, NULL, -EBADF), 0);
        assert_int_equal(channel_send(ends[1], CHANNEL_ERROR, ENOEXEC, "the reason", -EBADF), 0);
        close(ends[1]);
        assert_int_equal(channel_receive(ends[0], &message, NULL, 0, 1000), 0);
        assert_int_equal(message.kind, CHANNEL_ERROR);
        assert_string_equal(message.text, "the reason");
        assert_int_equal(channel_receive(ends[0], &message, NULL, 0, 1000), 0);
        assert_int_equal(message.kind, CHANNEL_END);
        close(ends[0]);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_file_of_exactly_the_limit_is_read_and_one_byte_more_is_not),
                cmocka_unit_test(a_stream_that_does_not_end_is_cut_off_at_the_limit),
                cmocka_unit_test(what_comes_in_pieces_is_read_whole),
                cmocka_unit_test(a_missing_file_is_enoent),
                cmocka_unit_test(a_file_of_our_own_is_read_whole_whatever_its_size),
                cmocka_unit_test(a_fifo_in_place_of_a_regular_file_is_refused_and_not_waited_for),
                cmocka_unit_test(a_small_file_loses_one_newline_and_must_fit),
                cmocka_unit_test(a_file_is_replaced_whole),
                cmocka_unit_test(a_file_that_holds_it_already_stays),
                cmocka_unit_test(a_link_in_place_of_a_file_is_replaced_and_not_written_through),
                cmocka_unit_test(a_failed_replacement_leaves_the_old_file_and_nothing_else),
                cmocka_unit_test(names_that_leave_no_room_for_a_temporary_one_are_refused),
                cmocka_unit_test(a_sealed_copy_cannot_be_changed_by_anybody),
                cmocka_unit_test(descriptors_arrive_with_their_message_and_close_on_exec),
                cmocka_unit_test(descriptors_that_find_no_place_are_closed),
                cmocka_unit_test(a_message_that_does_not_fit_is_an_error_and_its_descriptors_are_closed),
                cmocka_unit_test(more_descriptors_than_the_kernel_takes_are_refused),
                cmocka_unit_test(the_end_of_the_stream_is_a_message_of_no_bytes),
                cmocka_unit_test(waiting_ends_at_the_deadline_whatever_interrupts_it),
                cmocka_unit_test(the_channel_hands_over_kind_number_text_and_descriptor),
                cmocka_unit_test(a_text_too_long_for_the_channel_is_cut),
                cmocka_unit_test(damaged_packets_on_the_channel_are_refused),
                cmocka_unit_test(the_last_words_of_an_init_that_left_ours_unread_are_heard),
        };

        return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
