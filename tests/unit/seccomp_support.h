/* A profile in C, and questions to the filter that is made of it. */
#pragma once

#include <errno.h>
#include <linux/audit.h>
#include <seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "runtime/core/seccomp.h"
#include "tests/unit/bpf_machine.h"

/* Last: its fail() is a macro, base/error.h has a function of that name. */
#include <cmocka.h>

#define ALLOWED SECCOMP_RET_ALLOW
#define REFUSED (SECCOMP_RET_ERRNO | EPERM)
#define UNKNOWN (SECCOMP_RET_ERRNO | ENOSYS)

#define NAMES(...)                                                                                                     \
        {                                                                                                              \
                ELEMENTS(((const char *[]){__VA_ARGS__})), (const char *[])                                            \
                {                                                                                                      \
                        __VA_ARGS__                                                                                    \
                }                                                                                                      \
        }
#define ARGS(...)                                                                                                      \
        .n_args = ELEMENTS(((struct oci_seccomp_arg[]){__VA_ARGS__})), .args = (struct oci_seccomp_arg[])              \
        {                                                                                                              \
                __VA_ARGS__                                                                                            \
        }
#define RULES(...)                                                                                                     \
        .n_rules = ELEMENTS(((struct oci_seccomp_rule[]){__VA_ARGS__})), .rules = (struct oci_seccomp_rule[])          \
        {                                                                                                              \
                __VA_ARGS__                                                                                            \
        }
#define ARCHITECTURES(...)                                                                                             \
        .n_architectures = ELEMENTS(((uint32_t[]){__VA_ARGS__})), .architectures = (uint32_t[])                        \
        {                                                                                                              \
                __VA_ARGS__                                                                                            \
        }

static inline struct seccomp_program compile(const struct oci_seccomp *profile)
{
        struct seccomp_program program;
        int r = seccomp_compile(profile, &program);

        if (r < 0)
                fail_msg("%s", error_message());
        return program;
}

static inline uint32_t ask(const struct seccomp_program *program, uint32_t arch, int nr, uint64_t a0, uint64_t a1)
{
        struct seccomp_data data = {.arch = arch, .nr = nr, .args = {a0, a1}};

        return bpf_machine_run(program->filter, program->n, &data);
}

static inline uint32_t ask_native(const struct seccomp_program *program, int nr, uint64_t a0, uint64_t a1)
{
        return ask(program, seccomp_arch_native(), nr, a0, a1);
}
