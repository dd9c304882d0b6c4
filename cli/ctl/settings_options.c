#include "cli/ctl/settings_options.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"

static void mark(const struct setting *setting, uint64_t *changed)
{
        *changed |= UINT64_C(1) << (setting - setting_table);
}

static int apply_text(struct settings *settings, const char *key, const char *value, uint64_t *changed)
{
        const struct setting *setting = setting_find(key);
        int r;

        if (!value)
                return 0;
        r = settings_set(settings, setting, value);
        mark(setting, changed);
        return r < 0 ? fail_in(r, "--%s", key) : 0;
}

/* A list that is given takes the place of the one before. */
static int apply_list(struct settings *settings, const char *key, const struct option_list *list, uint64_t *changed)
{
        const struct setting *setting = setting_find(key);

        if (list->n)
                settings_unset(settings, setting);
        for (size_t i = 0; i < list->n; i++) {
                int r = apply_text(settings, key, list->v[i], changed);

                if (r < 0)
                        return r;
        }
        return 0;
}

int settings_options_apply(const struct settings_options *options, struct settings *settings, uint64_t *changed)
{
        const struct {
                const char *key, *value;
        } texts[] = {
                {"cpus", options->cpus},
                {"cpu-weight", options->cpu_weight},
                {"cpu-set", options->cpu_set},
                {"memory", options->memory},
                {"swap", options->swap},
                {"pids", options->pids},
                {"io-read", options->io_read},
                {"io-write", options->io_write},
                {"io-read-ops", options->io_read_ops},
                {"io-write-ops", options->io_write_ops},
                {"cgroup-parent", options->cgroup_parent},
                {"disk", options->disk},
                {"inodes", options->inodes},
                {"ip", options->ip},
                {"ip6", options->ip6},
                {"mac", options->mac},
                {"net-rate-in", options->rate_in ? options->rate_in : options->rate},
                {"net-rate-out", options->rate_out ? options->rate_out : options->rate},
                {"user", options->user},
                {"workdir", options->workdir},
                {"hostname", options->hostname},
                {"stop-signal", options->stop_signal},
                {"stop-timeout", options->stop_timeout},
                {"restart", options->restart},
                {"log-size", options->log_size},
                {"start-order", options->start_order},
                {"autostart", options->autostart.set ? (options->autostart.value ? "yes" : "no") : NULL},
                {"terminal", options->terminal.set ? (options->terminal.value ? "yes" : "no") : NULL},
        };
        int r = 0;

        for (size_t i = 0; i < ELEMENTS(texts) && r == 0; i++)
                r = apply_text(settings, texts[i].key, texts[i].value, changed);
        if (r == 0)
                r = apply_list(settings, "net", &options->net, changed);
        if (r == 0)
                r = apply_list(settings, "env", &options->env, changed);
        if (r == 0)
                r = apply_list(settings, "volume", &options->volume, changed);
        if (r == 0)
                r = apply_list(settings, "publish", &options->publish, changed);
        if (r == 0)
                r = apply_list(settings, "dns", &options->dns, changed);
        if (options->terminal.set)
                settings->terminal_said = true;
        if (r == 0 && settings->swap.set && !settings->memory.set)
                return refuse(EINVAL, "--swap: a swap limit needs a memory limit");
        return r;
}

int settings_options_unset(const struct option_list *keys, struct settings *settings, uint64_t *changed)
{
        for (size_t i = 0; i < keys->n; i++) {
                const struct setting *setting = setting_find(keys->v[i]);
                _cleanup_free_ char *before = NULL;

                if (!setting || setting->fixed || strcmp(setting->key, "arg") == 0)
                        return refuse(EINVAL, "--unset: there is no setting '%s' that could be taken away", keys->v[i]);
                before = setting_text(settings, setting);
                if (!before)
                        return fail(ENOMEM, "take a setting away");
                /* The running container has no such limit, and perhaps the host no means to set one. */
                if (!*before)
                        continue;
                settings_unset(settings, setting);
                mark(setting, changed);
        }
        return 0;
}
