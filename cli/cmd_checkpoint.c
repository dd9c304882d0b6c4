#include <errno.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "cli/command.h"

struct checkpoint_options {
        const char *image_path, *work_path, *parent_path, *page_server, *manage_cgroups_mode, *empty_ns, *network_lock;
        bool leave_running, tcp_established, tcp_skip_in_flight, link_remap, ext_unix_sk, shell_job, lazy_pages,
                file_locks, pre_dump, auto_dedup;
        struct option_number status_fd;
};

static const struct option_spec specs[] = {
        OPTION(struct checkpoint_options, image_path, "image-path", 0, "DIR", "where the image goes"),
        OPTION(struct checkpoint_options, work_path, "work-path", 0, "DIR", "where criu's logs go"),
        OPTION(struct checkpoint_options, parent_path, "parent-path", 0, "DIR",
               "earlier image of a pre-dump, relative to the image"),
        OPTION(struct checkpoint_options, leave_running, "leave-running", 0, NULL, "let the container go on"),
        OPTION(struct checkpoint_options, tcp_established, "tcp-established", 0, NULL, "keep open TCP connections"),
        OPTION(struct checkpoint_options, tcp_skip_in_flight, "tcp-skip-in-flight", 0, NULL,
               "drop TCP connections that are being opened"),
        OPTION(struct checkpoint_options, link_remap, "link-remap", 0, NULL, "keep files that were deleted while open"),
        OPTION(struct checkpoint_options, ext_unix_sk, "ext-unix-sk", 0, NULL, "keep unix sockets to the outside"),
        OPTION(struct checkpoint_options, shell_job, "shell-job", 0, NULL, "keep the caller's terminal and session"),
        OPTION(struct checkpoint_options, lazy_pages, "lazy-pages", 0, NULL, "serve memory pages on demand"),
        OPTION_BETWEEN(struct checkpoint_options, status_fd, "status-fd", 0, "FD", -1, INT32_MAX,
                       "gets a NUL byte when lazy-pages is ready"),
        OPTION(struct checkpoint_options, page_server, "page-server", 0, "ADDRESS:PORT", "send memory pages there"),
        OPTION(struct checkpoint_options, file_locks, "file-locks", 0, NULL, "keep file locks"),
        OPTION(struct checkpoint_options, pre_dump, "pre-dump", 0, NULL, "save the memory only and let it run"),
        OPTION(struct checkpoint_options, manage_cgroups_mode, "manage-cgroups-mode", 0, "MODE",
               "soft, full, strict or ignore (default: soft)"),
        OPTION(struct checkpoint_options, empty_ns, "empty-ns", 0, "network", "make the namespace, leave it empty"),
        OPTION(struct checkpoint_options, network_lock, "network-lock", 0, "METHOD",
               "how the network is held: iptables, nftables or skip"),
        OPTION(struct checkpoint_options, auto_dedup, "auto-dedup", 0, NULL, "drop pages that a parent image holds"),
};

static int run(struct invocation *invocation)
{
        return refuse(EOPNOTSUPP, "cannot checkpoint %s: checkpoint is not available in this version of berth",
                      invocation->arguments[0]);
}

const struct command command_checkpoint = {
        .name = "checkpoint",
        .arguments = "ID",
        .summary = "save a running container to disk (not available yet)",
        .description = "Saves the processes of a running container with CRIU, so that 'berth restore' lets them go on "
                       "later or elsewhere. Not available in this version.",
        .options = OPTION_TABLE(specs),
        .options_size = sizeof(struct checkpoint_options),
        .least = 1,
        .most = 1,
        .root = ROOT_UNUSED,
        .help_status = 1,
        .run = run,
};
