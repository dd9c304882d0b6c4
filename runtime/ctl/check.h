/* What this host gives containers, tried and not asked for by version. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "runtime/ctl/ctl.h"

/* Where a probe runs: always in a process of its own, with a deadline. */
enum check_place {
        CHECK_HERE,    /* nothing more */
        CHECK_MOUNTS,  /* a mount namespace of its own */
        CHECK_NETWORK, /* a network namespace of its own */
};

enum check_level {
        CHECK_EXTRA,
        CHECK_BASIC,          /* no container runs without it */
        CHECK_BASIC_FOR_ROOT, /* an ordinary user's do, without limits */
};

struct check {
        const char *name;
        enum check_level level;
        bool root;          /* only what root's containers use */
        const char *use;    /* what it is for */
        const char *remedy; /* one line */
        enum check_place place;
        int argument;
        const char *program; /* run by probe_program */
        int (*probe)(const struct ctl *ctl,
                     const struct check *check); /* 0: it is there; else an error with a message */
};

extern const struct check check_table[];
extern const size_t n_checks;

/* Whether the check is for this user. */
bool check_applies(const struct check *check);

bool check_is_basic(const struct check *check);

/* 0: it is there. Else what it lacks is the message. */
int check_run(const struct ctl *ctl, const struct check *check);

/* probes of check_host.c */
int probe_namespaces(const struct ctl *ctl, const struct check *check);
int probe_user_namespace(const struct ctl *ctl, const struct check *check);
int probe_cgroup(const struct ctl *ctl, const struct check *check);
int probe_controller(const struct ctl *ctl, const struct check *check);
int probe_seccomp(const struct ctl *ctl, const struct check *check);
int probe_idmap(const struct ctl *ctl, const struct check *check);
int probe_overlay(const struct ctl *ctl, const struct check *check);
int probe_quota(const struct ctl *ctl, const struct check *check);
int probe_loop(const struct ctl *ctl, const struct check *check);
int probe_tun(const struct ctl *ctl, const struct check *check);
int probe_network(const struct ctl *ctl, const struct check *check);
int probe_forward(const struct ctl *ctl, const struct check *check);
int probe_kvm(const struct ctl *ctl, const struct check *check);
int probe_guest_kernel(const struct ctl *ctl, const struct check *check);
int probe_helper(const struct ctl *ctl, const struct check *check);
int probe_file_server(const struct ctl *ctl, const struct check *check);
int probe_program(const struct ctl *ctl, const struct check *check);
int probe_busybox(const struct ctl *ctl, const struct check *check);
int probe_systemd(const struct ctl *ctl, const struct check *check);
