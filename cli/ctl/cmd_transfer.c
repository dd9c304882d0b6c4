/* export and import: whole containers as files. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "cli/ctl/ctl_globals.h"
#include "cli/ctl/settings_options.h"
#include "cli/output.h"
#include "runtime/ctl/transfer.h"

struct export_options {
        const char *output, *compress;
};

static const struct option_spec export_specs[] = {
        OPTION(struct export_options, output, "output", 'o', "FILE|-", "where it goes (default: standard output)"),
        OPTION(struct export_options, compress, "compress", 'z', "zstd|gzip|xz|none",
               "how it is packed (default: by the file's name: .zst, .gz, .tgz, .xz)"),
};

static int read_compression(const char *text, enum compression *compression)
{
        static const char *const words[] = {[COMPRESSION_NONE] = "none",
                                            [COMPRESSION_GZIP] = "gzip",
                                            [COMPRESSION_XZ] = "xz",
                                            [COMPRESSION_ZSTD] = "zstd"};

        *compression = COMPRESSION_BY_NAME;
        if (!text)
                return 0;
        for (size_t i = COMPRESSION_NONE; i < ELEMENTS(words); i++)
                if (strcmp(words[i], text) == 0) {
                        *compression = (enum compression)i;
                        return 0;
                }
        return refuse(EINVAL, "invalid value '%s' for flag --compress: expected zstd, gzip, xz or none", text);
}

static bool is_standard(const char *path)
{
        return !path || strcmp(path, "-") == 0;
}

static int run_export(struct invocation *invocation)
{
        const struct export_options *options = invocation->options;
        const char *path = is_standard(options->output) ? NULL : options->output;
        enum compression compression;
        int r = read_compression(options->compress, &compression);

        if (r < 0)
                return r;
        if (!path && isatty(STDOUT_FILENO))
                return refuse(EINVAL, "export: a terminal is no place for an archive: say --output FILE");
        r = path ? 0 : output_check();
        return r < 0 ? r : ctl_export(invocation->ctl, invocation->arguments[0], path, STDOUT_FILENO, compression);
}

const struct command ctl_command_export = {
        .name = "export",
        .arguments = "NAME",
        .summary = "write a container into a file",
        .description =
                "Writes the settings and all files of a container as a tar archive, with owners as they are seen "
                "inside, extended attributes, ACLs, hard links and holes. A running one is frozen meanwhile. A file "
                "gets its name when it is whole. Snapshots and volumes are not in it.",
        .examples = "berthctl export web -o web.tar.zst\n"
                    "berthctl export web | ssh other berthctl import web -",
        .options = OPTION_TABLE(export_specs),
        .options_size = sizeof(struct export_options),
        .least = 1,
        .most = 1,
        .root = ROOT_CHANGE,
        .interruptible = true,
        .run = run_export,
};

struct import_options {
        struct settings_options settings;
        struct option_list unset;
        bool trust;
};

static const struct option_spec import_specs[] = {
        OPTION(struct import_options, trust, "trust", 0, NULL,
               "take settings that reach into this host: volumes, its network, privileges, autostart"),
        OPTION(struct import_options, unset, "unset", 0, "KEY", "leave a setting out, such as memory (repeatable)"),
        SETTINGS_OPTIONS(struct import_options, settings),
};

static int run_import(struct invocation *invocation)
{
        const struct import_options *options = invocation->options;
        const char *path = is_standard(invocation->arguments[1]) ? NULL : invocation->arguments[1];
        _cleanup_import_ struct import import = IMPORT_NONE;
        uint64_t said = 0;
        int r;

        if (!path && isatty(STDIN_FILENO))
                return refuse(EINVAL, "import: standard input is a terminal");
        r = import_open(path, &import);
        if (r == 0)
                r = settings_options_unset(&options->unset, &import.settings, &said);
        if (r == 0)
                r = settings_options_apply(&options->settings, &import.settings, &said);
        if (r == 0 && !options->trust)
                r = import_check_reach(&import, said);
        return r < 0 ? r : ctl_import(invocation->ctl, invocation->arguments[0], &import);
}

const struct command ctl_command_import = {
        .name = "import",
        .arguments = "NAME FILE|-",
        .summary = "make a container from a file of export",
        .description = "Makes the container NAME from an archive of berthctl export. Ids are its own, fixed addresses "
                       "come along; options say other settings. An archive may be a stranger's: nothing in it leads "
                       "out of the container's root, a privileged container alone gets its device files, and "
                       "settings that reach into this host are refused without --trust.",
        .examples = "berthctl import web web.tar.zst\n"
                    "berthctl import copy web.tar.zst --ip none --memory 128m",
        .options = OPTION_TABLE(import_specs),
        .options_size = sizeof(struct import_options),
        .least = 2,
        .most = 2,
        .root = ROOT_MAKE,
        .interruptible = true,
        .run = run_import,
};
