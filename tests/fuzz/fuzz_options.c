/* The small parsers of the command line. The first byte chooses one; what a parser accepts must hold what it promises,
 * and the same words must mean the same when they are printed strictly. */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "cli/globals.h"
#include "cli/ps_table.h"
#include "cli/values.h"
#include "oci/vocabulary.h"
#include "runtime/life/owner.h"
#include "runtime/life/proc_stat.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds)
{
        if (!holds)
                abort();
}

static void try_numbers(const char *text)
{
        uint64_t number;
        int64_t bytes;
        uint32_t id;
        char again[32];

        if (parse_u64(text, UINT64_MAX, &number) == 0) {
                snprintf(again, sizeof(again), "%" PRIu64, number);
                check(strcmp(again, text) == 0);
        }
        if (parse_id(text, &id) == 0)
                check(id != UINT32_MAX);
        if (parse_bytes(text, &bytes) == 0)
                check(bytes >= -1);
}

static void try_user(const char *text)
{
        uint32_t uid, gid = 0;
        bool gid_set;
        char again[32];

        if (parse_user(text, &uid, &gid_set, &gid) < 0)
                return;
        if (gid_set)
                snprintf(again, sizeof(again), "%" PRIu32 ":%" PRIu32, uid, gid);
        else
                snprintf(again, sizeof(again), "%" PRIu32, uid);
        check(strcmp(again, text) == 0);
}

static void try_signal(const char *text)
{
        int signal;

        if (signal_parse(text, &signal) == 0)
                check(signal >= 1 && signal <= 64);
}

static void try_duration(const char *text)
{
        int64_t milliseconds;

        if (parse_duration(text, &milliseconds) == 0)
                check(milliseconds >= 0 && milliseconds <= INT32_MAX);
}

static void try_id(const char *text)
{
        if (container_id_check(text) == 0)
                check(!strchr(text, '/') && text[0] != '.' && strlen(text) <= 1024);
}

static void try_words(const char *text)
{
        unsigned bit;
        bool value;

        if (parse_capability(text, &bit) == 0)
                check(bit < 64);
        parse_bool(text, &value);
        uid_map_is_full(text);
}

static void try_host_texts(const char *text)
{
        const pid_t pids[] = {1, 42};
        struct proc_stat stat;
        char name[16];
        FILE *out = fopen("/dev/null", "w");

        if (proc_stat_parse(text, &stat) == 0)
                check(memchr(stat.comm, '\0', sizeof(stat.comm)) != NULL);
        if (owner_find(text, 1000, name, sizeof(name)) == 0)
                check(strlen(name) > 0 && strlen(name) < sizeof(name));
        check(out != NULL);
        ps_filter(text, pids, 2, out);
        fclose(out);
}

/* Lines of the input are the words of a command line. */
static void try_command_line(char *text)
{
        const struct command *command = program_command(&berth_program, "exec");
        const char *arguments[64];
        struct option_positionals positionals = {arguments, 0, text[0] & 1};
        void *values = calloc(1, command->options_size);
        char *words[64], *save = NULL;
        int n = 0;

        for (char *word = strtok_r(text, "\n", &save); word && n < 64; word = strtok_r(NULL, "\n", &save))
                words[n++] = word;
        options_parse(&command->options, n, words, values, &positionals);
        check(positionals.n <= (size_t)n);
        options_release(&command->options, values);
        free(values);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *text;

        if (size < 1)
                return 0;
        text = strndup((const char *)data + 1, size - 1);
        check(text != NULL);
        switch (data[0] % 8) {
        case 0:
                try_numbers(text);
                break;
        case 1:
                try_user(text);
                break;
        case 2:
                try_signal(text);
                break;
        case 3:
                try_duration(text);
                break;
        case 4:
                try_id(text);
                break;
        case 5:
                try_words(text);
                break;
        case 6:
                try_host_texts(text);
                break;
        default:
                try_command_line(text);
        }
        free(text);
        return 0;
}
