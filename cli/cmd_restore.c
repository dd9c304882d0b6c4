#include <errno.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "cli/command.h"

struct restore_options {
        const char *bundle, *image_path, *work_path, *console_socket, *pid_file, *manage_cgroups_mode, *empty_ns,
                *network_lock, *lsm_profile, *lsm_mount_context;
        bool tcp_established, tcp_close, ext_unix_sk, shell_job, file_locks, detach, no_subreaper, no_pivot, auto_dedup,
                lazy_pages;
};

static const struct option_spec specs[] = {
        OPTION(struct restore_options, bundle, "bundle", 'b', "DIR",
               "the directory with config.json (default: the current one)"),
        OPTION(struct restore_options, image_path, "image-path", 0, "DIR", "where the image is"),
        OPTION(struct restore_options, work_path, "work-path", 0, "DIR", "where criu's logs go"),
        OPTION(struct restore_options, detach, "detach", 'd', NULL, "return as soon as the container runs"),
        OPTION(struct restore_options, pid_file, "pid-file", 0, "FILE",
               "write the pid of the container's first process there"),
        OPTION(struct restore_options, console_socket, "console-socket", 0, "PATH",
               "unix socket that receives the master of the container's terminal"),
        OPTION(struct restore_options, tcp_established, "tcp-established", 0, NULL, "keep open TCP connections"),
        OPTION(struct restore_options, tcp_close, "tcp-close", 0, NULL, "close TCP connections"),
        OPTION(struct restore_options, ext_unix_sk, "ext-unix-sk", 0, NULL, "keep unix sockets to the outside"),
        OPTION(struct restore_options, shell_job, "shell-job", 0, NULL, "take the caller's terminal and session"),
        OPTION(struct restore_options, file_locks, "file-locks", 0, NULL, "keep file locks"),
        OPTION(struct restore_options, manage_cgroups_mode, "manage-cgroups-mode", 0, "MODE",
               "soft, full, strict or ignore (default: soft)"),
        OPTION(struct restore_options, empty_ns, "empty-ns", 0, "network", "make the namespace, leave it empty"),
        OPTION(struct restore_options, network_lock, "network-lock", 0, "METHOD",
               "how the network was held: iptables, nftables or skip"),
        OPTION(struct restore_options, no_subreaper, "no-subreaper", 0, NULL,
               "do not become the parent of the container's orphans"),
        OPTION(struct restore_options, no_pivot, "no-pivot", 0, NULL,
               "move the root file system into place instead of pivot_root; for a ramdisk"),
        OPTION(struct restore_options, auto_dedup, "auto-dedup", 0, NULL, "drop pages that a parent image holds"),
        OPTION(struct restore_options, lazy_pages, "lazy-pages", 0, NULL, "fetch memory pages on demand"),
        OPTION(struct restore_options, lsm_profile, "lsm-profile", 0, "TYPE:NAME", "run under this LSM profile"),
        OPTION(struct restore_options, lsm_mount_context, "lsm-mount-context", 0, "CONTEXT",
               "mount with this SELinux context"),
};

static int run(struct invocation *invocation)
{
        return refuse(EOPNOTSUPP, "cannot restore %s: restore is not available in this version of berth",
                      invocation->arguments[0]);
}

const struct command command_restore = {
        .name = "restore",
        .arguments = "ID",
        .summary = "let a saved container go on (not available yet)",
        .description = "Makes the container ID from a bundle and lets the processes that 'berth checkpoint' saved go "
                       "on. Not available in this version.",
        .options = OPTION_TABLE(specs),
        .options_size = sizeof(struct restore_options),
        .least = 1,
        .most = 1,
        .root = ROOT_UNUSED,
        .help_status = 1,
        .run = run,
};
