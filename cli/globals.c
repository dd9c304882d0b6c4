#include "cli/globals.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "cli/values.h"

static const struct option_spec specs[] = {
        OPTION(struct global_options, root, "root", 0, "DIR",
               "where the state of containers lies (default: /run/berth; without privileges $XDG_RUNTIME_DIR/berth)"),
        OPTION(struct global_options, isolation, "isolation", 0, "process|vm",
               "which wall new containers get (default: process; vm, also by the name berth-vm: a virtual machine)"),
        OPTION(struct global_options, log, "log", 0, "DEST",
               "write messages to a file (PATH or file:PATH), to journald:NAME or to syslog:NAME"),
        OPTION(struct global_options, log_format, "log-format", 0, "text|json",
               "how messages are written (default: text)"),
        OPTION(struct global_options, log_level, "log-level", 0, "LEVEL",
               "error, warning or debug (default: error; warning when there is no --log)"),
        OPTION(struct global_options, debug, "debug", 0, NULL, "the same as --log-level debug"),
        OPTION(struct global_options, systemd_cgroup, "systemd-cgroup", 0, NULL,
               "let systemd make the cgroups; cgroupsPath is then SLICE:PREFIX:NAME"),
        OPTION(struct global_options, cgroup_manager, "cgroup-manager", 0, "NAME",
               "cgroupfs, systemd or disabled (default: cgroupfs)"),
        OPTION(struct global_options, rootless, "rootless", 0, "BOOL",
               "true, false or auto: do without cgroups where privileges are missing (default: auto)"),
        OPTION(struct global_options, criu, "criu", 0, "PATH", NULL),
        OPTION(struct global_options, version, "version", 'v', NULL, "show the version"),
        OPTION(struct global_options, version, "version", 'V', NULL, NULL),
};

const struct option_table global_table = OPTION_TABLE(specs);

/* The value of "--name value" or "--name=value" when argv[0] is that option. */
static const char *value_of(const char *name, int argc, char **argv)
{
        size_t length = strlen(name);

        if (strncmp(argv[0], name, length) != 0)
                return NULL;
        if (argv[0][length] == '=')
                return argv[0] + length + 1;
        return argv[0][length] == '\0' && argc > 1 ? argv[1] : NULL;
}

void globals_find_report(int argc, char **argv, struct global_options *options)
{
        for (int i = 0; i < argc; i++) {
                if (!options->log)
                        options->log = value_of("--log", argc - i, argv + i);
                if (!options->log_format)
                        options->log_format = value_of("--log-format", argc - i, argv + i);
        }
}

struct choice {
        const char *word;
        int value;
};

static int choose(const char *option, const char *text, const struct choice *choices, size_t n, const char *expected,
                  int *value)
{
        for (size_t i = 0; i < n; i++)
                if (strcmp(choices[i].word, text) == 0) {
                        *value = choices[i].value;
                        return 0;
                }
        return refuse(EINVAL, "invalid value '%s' for flag --%s: expected %s", text, option, expected);
}

static const struct choice managers[] = {
        {"cgroupfs", CGROUP_MANAGER_CGROUPFS},
        {"systemd", CGROUP_MANAGER_SYSTEMD},
        {"disabled", CGROUP_MANAGER_DISABLED},
};

static const struct choice isolations[] = {{"process", ISOLATION_PROCESS}, {"vm", ISOLATION_VM}};

int globals_isolation(const char *text, enum isolation *isolation)
{
        int value = 0;
        int r = choose("isolation", text, isolations, ELEMENTS(isolations), "process or vm", &value);

        if (r == 0)
                *isolation = (enum isolation)value;
        return r;
}

bool uid_map_is_full(const char *text)
{
        uint64_t inside, outside, length;

        return sscanf(text, "%" SCNu64 " %" SCNu64 " %" SCNu64, &inside, &outside, &length) == 3 && inside == 0 &&
               outside == 0 && length >= UINT32_MAX;
}

static bool in_partial_user_namespace(void)
{
        char map[4096];

        /* Kernels without user namespaces have no such file. */
        return read_small_file_at(AT_FDCWD, "/proc/self/uid_map", map, sizeof(map)) > 0 && !uid_map_is_full(map);
}

/* Whose systemd: root's is the system's, anybody else's their own. Root of a user namespace is either a user in
 * disguise (Podman without privileges), or root of a system container, where systemd's socket is root's, too. */
static bool has_manager_of_its_own(void)
{
        struct stat st;

        if (geteuid() != 0)
                return true;
        return in_partial_user_namespace() && (stat("/run/systemd/private", &st) < 0 || st.st_uid != 0);
}

int globals_resolve(const struct global_options *options, const char *program, struct runtime *runtime)
{
        const char *slash = strrchr(program, '/');
        int manager = options->systemd_cgroup ? CGROUP_MANAGER_SYSTEMD : CGROUP_MANAGER_CGROUPFS;
        int r;

        runtime->isolation = strcmp(slash ? slash + 1 : program, "berth-vm") == 0 ? ISOLATION_VM : ISOLATION_UNSET;
        if (options->cgroup_manager) {
                r = choose("cgroup-manager", options->cgroup_manager, managers, ELEMENTS(managers),
                           "cgroupfs, systemd or disabled", &manager);
                if (r < 0)
                        return r;
                if (options->systemd_cgroup && manager != CGROUP_MANAGER_SYSTEMD)
                        return refuse(EINVAL, "--systemd-cgroup contradicts --cgroup-manager %s",
                                      options->cgroup_manager);
        }
        if (options->isolation) {
                r = globals_isolation(options->isolation, &runtime->isolation);
                if (r < 0)
                        return r;
        }
        runtime->cgroup_manager = (enum cgroup_manager)manager;
        runtime->systemd_user = manager == CGROUP_MANAGER_SYSTEMD && has_manager_of_its_own();
        runtime->debug = options->debug;
        return 0;
}

int globals_rootless(const struct global_options *options, bool wanted, bool *rootless)
{
        if (!options->rootless || strcmp(options->rootless, "auto") == 0) {
                *rootless = wanted && (geteuid() != 0 || in_partial_user_namespace());
                return 0;
        }
        if (parse_bool(options->rootless, rootless) < 0)
                return refuse(EINVAL, "invalid value '%s' for flag --rootless: expected true, false or auto",
                              options->rootless);
        return 0;
}

static int make_absolute(const char *path, char **absolute)
{
        _cleanup_free_ char *here = NULL;

        if (path[0] == '/') {
                *absolute = strdup(path);
                return *absolute ? 0 : fail(ENOMEM, "keep the state directory's path");
        }
        here = getcwd(NULL, 0);
        if (!here)
                return fail(errno, "find the current directory for --root %s", path);
        if (asprintf(absolute, "%s/%s", here, path) < 0) {
                *absolute = NULL;
                return fail(ENOMEM, "keep the state directory's path");
        }
        return 0;
}

int globals_state_directory(const struct global_options *options, struct runtime *runtime, char **path)
{
        const char *session;

        if (options->root && !*options->root)
                return refuse(EINVAL, "invalid value '' for flag --root: expected a directory");
        if (options->root)
                return make_absolute(options->root, path);
        session = getenv("XDG_RUNTIME_DIR");
        if (!session || session[0] != '/' || (geteuid() == 0 && !in_partial_user_namespace()))
                return make_absolute("/run/berth", path);
        runtime->root_sticky = true;
        if (asprintf(path, "%s/berth", session) < 0) {
                *path = NULL;
                return fail(ENOMEM, "keep the state directory's path");
        }
        return 0;
}
