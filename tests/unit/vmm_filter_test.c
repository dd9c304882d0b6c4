/* The filters: what each kind of thread may and may not do. Every attempt is made in a process of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <linux/vhost.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "vmmode/vmm/filter.h"

#include <cmocka.h>

struct attempt {
        long call, arguments[6];
};

static bool with_vhost; /* the machine may use it */

/* How a process behind the filter ends that makes the call, and what it writes on standard error. */
static int status_of(enum filter_kind kind, const struct attempt *attempt, char *text, size_t room)
{
        int pipes[2], status;
        ssize_t n;
        pid_t child;

        assert_int_equal(pipe(pipes), 0);
        child = fork();
        if (child == 0) {
                const long *a = attempt->arguments;

                dup2(pipes[1], STDERR_FILENO);
                /* Neither the sanitizers' handlers nor their threads are to be seen. */
                if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || filter_prepare(with_vhost) < 0 ||
                    filter_install(kind) < 0)
                        _exit(99);
                (void)syscall(attempt->call, a[0], a[1], a[2], a[3], a[4], a[5]);
                syscall(SYS_exit, 7);
        }
        close(pipes[1]);
        n = read(pipes[0], text, room - 1);
        text[n < 0 ? 0 : n] = '\0';
        close(pipes[0]);
        assert_int_equal(waitpid(child, &status, 0), child);
        return status;
}

static void assert_forbidden(enum filter_kind kind, struct attempt attempt, const char *who)
{
        char text[256], expected[256];
        int status = status_of(kind, &attempt, text, sizeof(text));

        snprintf(expected, sizeof(expected), "berth-vmm: %s made the forbidden system call %ld\n", who, attempt.call);
        assert_string_equal(text, expected);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGSYS);
}

static void assert_allowed(enum filter_kind kind, struct attempt attempt)
{
        char text[256];
        int status = status_of(kind, &attempt, text, sizeof(text));

        assert_string_equal(text, "");
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 7);
}

static const struct {
        enum filter_kind kind;
        const char *who;
} kinds[] = {
        {FILTER_CPU, "a processor's thread"},
        {FILTER_DISK, "a disk's thread"},
        {FILTER_NET, "a network device's thread"},
        {FILTER_MAIN, "the main thread"},
};

static void no_thread_opens_makes_or_signals_anything(void **state)
{
        static const struct attempt attempts[] = {
                {SYS_openat, {AT_FDCWD, 0, O_RDONLY}},
                {SYS_socket, {AF_UNIX, SOCK_STREAM}},
                {SYS_connect, {-1}},
                {SYS_execve, {0}},
                {SYS_clone, {SIGCHLD}},
                {SYS_fork, {0}},
                {SYS_ptrace, {0}},
                {SYS_kill, {-1, 0}},
                {SYS_tkill, {1, 0}},
                {SYS_tgkill, {1, 1, 0}},
                {SYS_fcntl, {-1, F_SETOWN, 1}},
                {SYS_fcntl, {-1, F_SETSIG, SIGKILL}},
                {SYS_mount, {0}},
                {SYS_unshare, {0}},
                {SYS_setns, {-1, 0}},
                {SYS_bpf, {0}},
                {SYS_memfd_create, {0}},
                {SYS_io_uring_setup, {0}},
                {SYS_process_vm_writev, {0}},
                {SYS_mmap, {0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0}},
                {SYS_mprotect, {0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC}},
                {SYS_ioctl, {-1, KVM_CREATE_VCPU, 0}},
                {SYS_ioctl, {-1, KVM_SET_USER_MEMORY_REGION, 0}},
                {SYS_ioctl, {-1, KVM_IRQFD, 0}},
                {SYS_ioctl, {-1, (long)VHOST_SET_MEM_TABLE, 0}},
                {SYS_ioctl, {-1, (long)VHOST_NET_SET_BACKEND, 0}},
                {SYS_prctl, {PR_SET_DUMPABLE, 1}},
                {SYS_rt_sigaction, {SIGSYS, 0, 0, 8}},
                {SYS_seccomp, {0}},
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(kinds); i++)
                for (size_t j = 0; j < ELEMENTS(attempts); j++)
                        assert_forbidden(kinds[i].kind, attempts[j], kinds[i].who);
}

static void each_thread_does_its_own_work(void **state)
{
        const struct attempt run = {SYS_ioctl, {-1, KVM_RUN, 0}}, allocate = {SYS_fallocate, {-1}},
                             packet = {SYS_readv, {-1}}, accept = {SYS_accept4, {-1}};

        (void)state;
        assert_allowed(FILTER_CPU, run);
        assert_forbidden(FILTER_DISK, run, "a disk's thread");
        assert_forbidden(FILTER_MAIN, run, "the main thread");
        assert_allowed(FILTER_DISK, allocate);
        assert_forbidden(FILTER_NET, allocate, "a network device's thread");
        assert_allowed(FILTER_NET, packet);
        assert_forbidden(FILTER_CPU, packet, "a processor's thread");
        assert_allowed(FILTER_MAIN, accept);
        assert_forbidden(FILTER_CPU, accept, "a processor's thread");
}

static void what_every_thread_needs_is_allowed(void **state)
{
        const struct attempt attempts[] = {
                {SYS_write, {-1}},
                {SYS_munmap, {0, 0}},
                {SYS_mmap, {0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0}},
                {SYS_ioctl, {-1, KVM_SIGNAL_MSI, 0}},
                {SYS_clock_gettime, {-100, 0}},
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(kinds); i++)
                for (size_t j = 0; j < ELEMENTS(attempts); j++)
                        assert_allowed(kinds[i].kind, attempts[j]);
}

static void only_a_balloon_s_advice_is_taken(void **state)
{
        (void)state;
        assert_allowed(FILTER_MAIN, (struct attempt){SYS_madvise, {0, 0, MADV_REMOVE}});
        assert_forbidden(FILTER_MAIN, (struct attempt){SYS_madvise, {0, 0, MADV_DONTNEED}}, "the main thread");
        assert_forbidden(FILTER_CPU, (struct attempt){SYS_madvise, {0, 0, MADV_REMOVE}}, "a processor's thread");
}

static void a_tap_that_comes_is_kept_from_waiting(void **state)
{
        (void)state;
        assert_allowed(FILTER_MAIN, (struct attempt){SYS_fcntl, {-1, F_SETFL, O_NONBLOCK}});
        assert_forbidden(FILTER_NET, (struct attempt){SYS_fcntl, {-1, F_SETFL, O_NONBLOCK}},
                         "a network device's thread");
}

static const struct {
        unsigned long request;
        enum filter_kind kind; /* the only one that may ask for it */
} vhost_requests[] = {
        {VHOST_SET_OWNER, FILTER_MAIN},
        {VHOST_GET_FEATURES, FILTER_MAIN},
        {VHOST_SET_MEM_TABLE, FILTER_MAIN},
        {VHOST_SET_VRING_CALL, FILTER_MAIN},
        {VHOST_SET_VRING_KICK, FILTER_MAIN},
        {VHOST_SET_VRING_ERR, FILTER_MAIN},
        {VHOST_SET_FEATURES, FILTER_CPU},
        {VHOST_SET_VRING_NUM, FILTER_CPU},
        {VHOST_SET_VRING_BASE, FILTER_CPU},
        {VHOST_SET_VRING_ADDR, FILTER_CPU},
        {VHOST_GET_VRING_BASE, FILTER_CPU},
        {VHOST_NET_SET_BACKEND, FILTER_CPU},
        {KVM_IRQFD, FILTER_CPU},
        {KVM_SET_GSI_ROUTING, FILTER_CPU},
};

static void vhost_is_set_up_by_the_main_thread_and_used_by_processors(void **state)
{
        static const unsigned long nobodys[] = {VHOST_RESET_OWNER, VHOST_SET_LOG_BASE, VHOST_SET_LOG_FD,
                                                VHOST_SET_BACKEND_FEATURES, VHOST_SET_VRING_BUSYLOOP_TIMEOUT};

        (void)state;
        with_vhost = true;
        for (size_t i = 0; i < ELEMENTS(kinds); i++) {
                for (size_t j = 0; j < ELEMENTS(vhost_requests); j++) {
                        const struct attempt attempt = {SYS_ioctl, {-1, (long)vhost_requests[j].request, 0}};

                        if (vhost_requests[j].kind == kinds[i].kind)
                                assert_allowed(kinds[i].kind, attempt);
                        else
                                assert_forbidden(kinds[i].kind, attempt, kinds[i].who);
                }
                for (size_t j = 0; j < ELEMENTS(nobodys); j++)
                        assert_forbidden(kinds[i].kind, (struct attempt){SYS_ioctl, {-1, (long)nobodys[j], 0}},
                                         kinds[i].who);
        }
        with_vhost = false;
}

static void without_vhost_nobody_asks_for_it(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTS(kinds); i++)
                for (size_t j = 0; j < ELEMENTS(vhost_requests); j++)
                        assert_forbidden(kinds[i].kind,
                                         (struct attempt){SYS_ioctl, {-1, (long)vhost_requests[j].request, 0}},
                                         kinds[i].who);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(no_thread_opens_makes_or_signals_anything),
                cmocka_unit_test(each_thread_does_its_own_work),
                cmocka_unit_test(what_every_thread_needs_is_allowed),
                cmocka_unit_test(only_a_balloon_s_advice_is_taken),
                cmocka_unit_test(a_tap_that_comes_is_kept_from_waiting),
                cmocka_unit_test(vhost_is_set_up_by_the_main_thread_and_used_by_processors),
                cmocka_unit_test(without_vhost_nobody_asks_for_it),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
