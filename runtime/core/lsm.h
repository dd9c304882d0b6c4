/* Labels of the Linux Security Modules for the program that is executed next. Child side: each function writes through
 * a verified procfs (procfs_self.h). Whether a module is enabled on the host is a fact that the parent reads
 * (lsm_facts.h) and refuses before anything is made; these messages name the module again for the case that facts were
 * wrong.
 *
 * A label is inherited by fork and taken by the first execve: hooks must have run before. */
#pragma once

/* process.apparmorProfile: "exec <profile>" to attr/apparmor/exec (Linux 5.8), else attr/exec. The change happens at
 * the next execve. */
int lsm_set_apparmor_exec(int proc, const char *profile);

/* process.selinuxLabel: attr/exec. */
int lsm_set_selinux_exec(int proc, const char *label);

/* The label of keys made from now on (attr/keycreate): to be set before keyring_join, or the session keyring of the
 * container carries the runtime's label. Kernels without it (before 2.6.18) and policies that do not label keys are no
 * error. */
int lsm_set_selinux_keycreate(int proc, const char *label);
