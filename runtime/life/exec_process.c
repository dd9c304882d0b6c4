#include "runtime/life/exec_process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "oci/json.h"

static int from_file(const char *path, struct arena *arena, struct oci_process *process)
{
        _cleanup_free_ char *text = NULL;
        size_t size;
        bool is_stdin = strcmp(path, "-") == 0;
        const char *name = is_stdin ? "standard input" : path;
        int r = is_stdin ? read_all(STDIN_FILENO, JSON_SIZE_MAX, &text, &size)
                         : read_file_at(AT_FDCWD, path, JSON_SIZE_MAX, &text, &size);

        if (r < 0)
                return fail(-r, "read the process from %s", name);
        r = oci_process_parse(text, size, arena, process);
        return r < 0 ? fail_in(r, "%s", name) : 0;
}

static bool same_variable(const char *a, const char *b)
{
        size_t length = strcspn(a, "=");

        return strncmp(a, b, length) == 0 && b[length] == '=';
}

/* The container's variables, then ours; of two with one name the later wins. */
static int overlay_environment(const struct exec_request *request, struct arena *arena, struct oci_process *process)
{
        const struct oci_strings old = process->env;
        const char **v = arena_array(arena, old.n + request->n_env + 1, sizeof(*v));
        size_t n = 0;

        if (!v)
                return fail(ENOMEM, "environment");
        for (size_t i = 0; i < old.n; i++)
                v[n++] = old.v[i];
        for (size_t i = 0; i < request->n_env; i++) {
                size_t at = 0;

                if (!strchr(request->env[i], '=') || request->env[i][0] == '=')
                        return refuse(EINVAL, "--env %s: expected NAME=VALUE", request->env[i]);
                while (at < n && !same_variable(request->env[i], v[at]))
                        at++;
                v[at] = request->env[i];
                n += at == n;
        }
        process->env = (struct oci_strings){n, v};
        return 0;
}

static int overlay_groups(const struct exec_request *request, struct arena *arena, struct oci_user *user)
{
        uint32_t *groups;

        if (request->groups_set)
                user->n_additional_gids = 0;
        if (!request->n_additional_gids)
                return 0;
        groups = arena_array(arena, user->n_additional_gids + request->n_additional_gids, sizeof(*groups));
        if (!groups)
                return fail(ENOMEM, "groups");
        if (user->n_additional_gids)
                memcpy(groups, user->additional_gids, user->n_additional_gids * sizeof(*groups));
        memcpy(groups + user->n_additional_gids, request->additional_gids,
               request->n_additional_gids * sizeof(*groups));
        user->additional_gids = groups;
        user->n_additional_gids += request->n_additional_gids;
        return 0;
}

/* Into the sets that a program with these ids can use; never into the inheritable one (CVE-2022-29162). What the
 * configuration has there already becomes ambient, so that a user that is not root keeps it: as with runc today. */
static void overlay_capabilities(uint64_t added, struct oci_capabilities *capabilities)
{
        capabilities->set = true;
        capabilities->bounding |= added;
        capabilities->permitted |= added;
        capabilities->effective |= added;
        capabilities->ambient |= added & capabilities->inheritable;
}

static int overlay(const struct exec_request *request, struct arena *arena, struct oci_process *process)
{
        const char **args;
        int r;

        if (!request->n_args)
                return refuse(EINVAL, "no command to execute");
        args = arena_array(arena, request->n_args + 1, sizeof(*args));
        if (!args)
                return fail(ENOMEM, "arguments");
        memcpy(args, request->args, request->n_args * sizeof(*args));
        process->args = (struct oci_strings){request->n_args, args};
        process->terminal = request->tty_set && request->tty;
        process->console_size.set = false;
        if (request->cwd)
                process->cwd = request->cwd;
        if (process->cwd[0] != '/')
                return refuse(EINVAL, "--cwd %s: is not absolute", process->cwd);
        if (request->user_set) {
                process->user.uid = request->uid;
                if (request->gid_set)
                        process->user.gid = request->gid;
        }
        if (request->process_label)
                process->selinux_label = request->process_label;
        if (request->apparmor)
                process->apparmor_profile = request->apparmor;
        if (request->no_new_privs_set)
                process->no_new_privileges = request->no_new_privs;
        if (request->capabilities)
                overlay_capabilities(request->capabilities, &process->capabilities);
        r = overlay_environment(request, arena, process);
        return r < 0 ? r : overlay_groups(request, arena, &process->user);
}

/* What confines the container's own process confines one from a file, too, unless the file says otherwise: as with
 * runc and crun. A label or profile that is absent would leave the process in the runtime's. */
static void confine_as(const struct oci_process *container, struct oci_process *process)
{
        if (!process->capabilities.set)
                process->capabilities = container->capabilities;
        if (!process->apparmor_profile)
                process->apparmor_profile = container->apparmor_profile;
        if (!process->selinux_label)
                process->selinux_label = container->selinux_label;
}

int exec_process(const struct exec_request *request, const struct oci_process *container, struct arena *arena,
                 struct oci_process *process)
{
        if (request->process_file) {
                int r = from_file(request->process_file, arena, process);

                if (r == 0)
                        confine_as(container, process);
                return r;
        }
        *process = *container;
        return overlay(request, arena, process);
}
