#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "cgroups/devices.h"

/* By its name a later berth knows its own program among those of others (systemd attaches some, too). */
#define PROGRAM_NAME  "berth_devices"
#define PROGRAMS_MOST 64 /* the kernel's BPF_CGROUP_MAX_PROGS */

static int sys_bpf(enum bpf_cmd command, union bpf_attr *attr)
{
        int r = (int)syscall(SYS_bpf, command, attr, sizeof(*attr));

        return r < 0 ? -errno : r;
}

static int load_program(const struct bpf_insn *program, size_t n)
{
        union bpf_attr attr;

        memset(&attr, 0, sizeof(attr));
        attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
        attr.expected_attach_type = BPF_CGROUP_DEVICE;
        attr.insns = (uint64_t)(uintptr_t)program;
        attr.insn_cnt = (uint32_t)n;
        attr.license = (uint64_t)(uintptr_t) "Apache-2.0"; /* no helper is called that would want the GPL */
        memcpy(attr.prog_name, PROGRAM_NAME, sizeof(PROGRAM_NAME));
        return sys_bpf(BPF_PROG_LOAD, &attr);
}

/* The program of this id when it is ours, else -ENOENT. */
static int open_own(uint32_t id)
{
        _cleanup_close_ int fd = -EBADF;
        struct bpf_prog_info info;
        union bpf_attr attr;
        int r;

        memset(&attr, 0, sizeof(attr));
        attr.prog_id = id;
        fd = sys_bpf(BPF_PROG_GET_FD_BY_ID, &attr);
        if (fd < 0)
                return fd;
        memset(&info, 0, sizeof(info));
        memset(&attr, 0, sizeof(attr));
        attr.info.bpf_fd = (uint32_t)fd;
        attr.info.info_len = sizeof(info);
        attr.info.info = (uint64_t)(uintptr_t)&info;
        r = sys_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr);
        if (r < 0)
                return r;
        return strcmp(info.name, PROGRAM_NAME) == 0 ? take_fd(&fd) : -ENOENT;
}

/* The program that berth attached to this group before; -ENOENT when there is none. */
static int find_own(int cgroup_fd)
{
        uint32_t ids[PROGRAMS_MOST];
        union bpf_attr attr;
        int r;

        memset(&attr, 0, sizeof(attr));
        attr.query.target_fd = (uint32_t)cgroup_fd;
        attr.query.attach_type = BPF_CGROUP_DEVICE;
        attr.query.prog_ids = (uint64_t)(uintptr_t)ids;
        attr.query.prog_cnt = PROGRAMS_MOST;
        r = sys_bpf(BPF_PROG_QUERY, &attr);
        if (r < 0)
                return r;
        for (uint32_t i = 0; i < attr.query.prog_cnt && i < PROGRAMS_MOST; i++) {
                int fd = open_own(ids[i]);

                if (fd != -ENOENT)
                        return fd;
        }
        return -ENOENT;
}

static int refuse_bpf(int r, const char *what)
{
        if (r == -EPERM || r == -EACCES)
                return refuse(EPERM,
                              "device rules: bpf(2) may not %s here (it needs CAP_BPF and CAP_NET_ADMIN, or "
                              "CAP_SYS_ADMIN, of the host): operation not permitted",
                              what);
        return fail(-r, "device rules: %s", what);
}

/* Replacing is one step for the kernel: there is no moment without rules, and none with both. */
int device_program_attach(int cgroup_fd, const struct bpf_insn *program, size_t n)
{
        _cleanup_close_ int fd = load_program(program, n);
        _cleanup_close_ int own = -EBADF;
        union bpf_attr attr;
        int r;

        if (fd < 0)
                return refuse_bpf(fd, "load a program");
        own = find_own(cgroup_fd);
        if (own < 0 && own != -ENOENT)
                return refuse_bpf(own, "list the programs of a cgroup");
        memset(&attr, 0, sizeof(attr));
        attr.target_fd = (uint32_t)cgroup_fd;
        attr.attach_bpf_fd = (uint32_t)fd;
        attr.attach_type = BPF_CGROUP_DEVICE;
        attr.attach_flags = BPF_F_ALLOW_MULTI;
        if (own >= 0) {
                attr.attach_flags |= BPF_F_REPLACE;
                attr.replace_bpf_fd = (uint32_t)own;
        }
        r = sys_bpf(BPF_PROG_ATTACH, &attr);
        return r < 0 ? refuse_bpf(r, "attach a program to the cgroup") : 0;
}
