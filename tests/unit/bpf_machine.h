/* A seccomp BPF interpreter for tests: what the kernel would answer. */
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define BPF_MACHINE_BROKEN 0xdeadbeefU /* a program that the kernel would not load or that runs off its end */

static inline uint32_t bpf_machine_alu(uint16_t operation, uint32_t a, uint32_t k, int *broken)
{
        switch (operation) {
        case BPF_AND:
                return a & k;
        case BPF_OR:
                return a | k;
        case BPF_RSH:
                return a >> k;
        case BPF_LSH:
                return a << k;
        default:
                *broken = 1;
                return a;
        }
}

static inline int bpf_machine_condition(uint16_t operation, uint32_t a, uint32_t k, int *broken)
{
        switch (operation) {
        case BPF_JEQ:
                return a == k;
        case BPF_JGT:
                return a > k;
        case BPF_JGE:
                return a >= k;
        case BPF_JSET:
                return (a & k) != 0;
        default:
                *broken = 1;
                return 0;
        }
}

/* The value that the filter returns for one system call. */
static inline uint32_t bpf_machine_run(const struct sock_filter *code, size_t n, const struct seccomp_data *data)
{
        uint32_t a = 0, memory[BPF_MEMWORDS] = {0};
        int broken = 0;

        for (size_t pc = 0; pc < n && !broken; pc++) {
                const struct sock_filter *i = &code[pc];

                if (i->code == (BPF_LD | BPF_W | BPF_ABS) && i->k + 4 <= sizeof(*data) && i->k % 4 == 0)
                        memcpy(&a, (const char *)data + i->k, 4);
                else if (i->code == (BPF_LD | BPF_MEM) && i->k < BPF_MEMWORDS)
                        a = memory[i->k];
                else if (i->code == BPF_ST && i->k < BPF_MEMWORDS)
                        memory[i->k] = a;
                else if (i->code == (BPF_RET | BPF_K))
                        return i->k;
                else if (i->code == (BPF_JMP | BPF_JA))
                        pc += i->k;
                else if (BPF_CLASS(i->code) == BPF_JMP && BPF_SRC(i->code) == BPF_K)
                        pc += bpf_machine_condition(BPF_OP(i->code), a, i->k, &broken) ? i->jt : i->jf;
                else if (BPF_CLASS(i->code) == BPF_ALU && BPF_SRC(i->code) == BPF_K)
                        a = bpf_machine_alu(BPF_OP(i->code), a, i->k, &broken);
                else
                        broken = 1;
        }
        return BPF_MACHINE_BROKEN;
}
