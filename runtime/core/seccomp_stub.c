#include "runtime/core/seccomp_stub.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdlib.h>

#include "base/cleanup.h"

/* The bit that marks x32 numbers (asm/unistd.h, only on x86). */
#define X32_BIT 0x40000000U

/* An architecture takes at most this many instructions below. */
#define SECTION_MAX 10

#define STATEMENT(code, k)  ((struct sock_filter)BPF_STMT((code), (k)))
#define JUMP(code, k, t, f) ((struct sock_filter)BPF_JUMP((code), (k), (t), (f)))
#define LOAD(field)         STATEMENT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define ANSWER_ENOSYS       STATEMENT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS)
#define LEAVE               STATEMENT(BPF_JMP | BPF_JA, 0) /* the distance to the end is filled in last */
#define SKIP_UNLESS_EQUAL(k)                                                                                           \
        JUMP(BPF_JMP | BPF_JEQ | BPF_K, (k), 0, 0) /* and so is the distance to the next section                       \
                                                    */

struct stub {
        struct sock_filter *code;
        size_t n;
};

static void put(struct stub *stub, struct sock_filter instruction)
{
        stub->code[stub->n++] = instruction;
}

/* With the number in the accumulator: larger than the newest is ENOSYS, the rest leaves the stub. */
static void put_limit(struct stub *stub, const struct seccomp_stub_arch *arch)
{
        if (arch) {
                put(stub, JUMP(BPF_JMP | BPF_JGT | BPF_K, arch->newest, 0, 1));
                put(stub, ANSWER_ENOSYS);
        }
        put(stub, LEAVE);
}

/* x86_64 and x32 share the audit architecture. Where only one is listed the numbers of the other go to the filter,
 * whose answer for a foreign architecture they get. */
static void put_x86_64(struct stub *stub, const struct seccomp_stub_arch *native, const struct seccomp_stub_arch *x32)
{
        put(stub, JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, native ? 3 : 1, 0));
        put_limit(stub, native);
        put_limit(stub, x32);
}

static void put_section(struct stub *stub, uint32_t audit_arch, const struct seccomp_stub_arch *normal,
                        const struct seccomp_stub_arch *x32)
{
        size_t start = stub->n;

        put(stub, SKIP_UNLESS_EQUAL(audit_arch));
        put(stub, LOAD(nr));
        if (audit_arch == AUDIT_ARCH_X86_64)
                put_x86_64(stub, normal, x32);
        else
                put_limit(stub, normal);
        stub->code[start].jf = (uint8_t)(stub->n - start - 1);
}

static const struct seccomp_stub_arch *find(const struct seccomp_stub_arch *archs, size_t n, uint32_t audit_arch,
                                            int x32)
{
        for (size_t i = 0; i < n; i++)
                if (archs[i].audit_arch == audit_arch && !archs[i].x32 == !x32)
                        return &archs[i];
        return NULL;
}

/* True for the first entry of its audit architecture: one section serves all of them. */
static int opens_section(const struct seccomp_stub_arch *archs, size_t i)
{
        for (size_t k = 0; k < i; k++)
                if (archs[k].audit_arch == archs[i].audit_arch)
                        return 0;
        return 1;
}

int seccomp_stub_build(const struct seccomp_stub_arch *archs, size_t n_archs, struct sock_filter **stub, size_t *n)
{
        _cleanup_free_ struct sock_filter *code = calloc(1 + n_archs * SECTION_MAX, sizeof(*code));
        struct stub built = {.code = code};

        if (!code)
                return -ENOMEM;
        if (n_archs)
                put(&built, LOAD(arch));
        for (size_t i = 0; i < n_archs; i++) {
                uint32_t audit_arch = archs[i].audit_arch;

                if (opens_section(archs, i))
                        put_section(&built, audit_arch, find(archs, n_archs, audit_arch, 0),
                                    find(archs, n_archs, audit_arch, 1));
        }
        for (size_t i = 0; i < built.n; i++)
                if (code[i].code == (BPF_JMP | BPF_JA))
                        code[i].k = (uint32_t)(built.n - i - 1);
        *stub = take_ptr(&code);
        *n = built.n;
        return 0;
}
