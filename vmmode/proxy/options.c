#include "vmmode/proxy/options.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/number.h"

#define DEADLINE_DEFAULT 60
#define NICS_DEFAULT     4

enum value_kind { VALUE_FD, VALUE_NUMBER, VALUE_TEXT, VALUE_SWITCH, VALUE_TREE, VALUE_PLACE, VALUE_VHOST };

struct option {
        const char *name;
        size_t at; /* of the member */
        enum value_kind kind;
        unsigned flags;
        uint64_t least, most;
};

#define OF_BOX   1U
#define REQUIRED 2U
#define REPEATED 4U

#define MEMBER(name) offsetof(struct proxy_options, name)

static const struct option table[] = {
        {"agent", MEMBER(agent), VALUE_FD, REQUIRED, 0, 0},
        {"launch", MEMBER(launch), VALUE_FD, REQUIRED, 0, 0},
        {"terminal", MEMBER(terminal), VALUE_SWITCH, 0, 0, 0},
        {"deadline", MEMBER(deadline), VALUE_NUMBER, 0, 1, 86400},
        {"ended", MEMBER(ended), VALUE_FD, OF_BOX | REQUIRED, 0, 0},
        {"vmm", MEMBER(vmm), VALUE_FD, OF_BOX | REQUIRED, 0, 0},
        {"fileserver", MEMBER(file_server), VALUE_FD, OF_BOX | REQUIRED, 0, 0},
        {"kvm", MEMBER(kvm), VALUE_FD, OF_BOX | REQUIRED, 0, 0},
        {"kernel", MEMBER(kernel), VALUE_FD, OF_BOX | REQUIRED, 0, 0},
        {"initrd", MEMBER(initrd), VALUE_FD, OF_BOX, 0, 0},
        {"vsock", MEMBER(vsock), VALUE_FD, OF_BOX | REQUIRED, 0, 0},
        {"console", MEMBER(console), VALUE_FD, OF_BOX, 0, 0},
        {"start", MEMBER(start), VALUE_FD, OF_BOX, 0, 0},
        {"cgroup", MEMBER(cgroup), VALUE_FD, OF_BOX, 0, 0},
        {"oom", MEMBER(counts_kills), VALUE_SWITCH, OF_BOX, 0, 0},
        {"memory", MEMBER(memory), VALUE_NUMBER, OF_BOX | REQUIRED, 1, INT64_MAX},
        {"cpus", MEMBER(cpus), VALUE_NUMBER, OF_BOX, 1, 4096},
        {"nics", MEMBER(nics), VALUE_NUMBER, OF_BOX, 0, PROXY_NICS_MAX},
        {"cmdline", MEMBER(cmdline), VALUE_TEXT, OF_BOX, 0, 0},
        {"jail", MEMBER(jail), VALUE_TEXT, OF_BOX, 0, 0},
        {"vhost", 0, VALUE_VHOST, OF_BOX | REPEATED, 0, 0},
        {"tree", 0, VALUE_TREE, OF_BOX | REPEATED, 0, 0},
        {"place", 0, VALUE_PLACE, OF_BOX | REPEATED, 0, 0},
};

static int parse_fd(const char *text, int *fd)
{
        uint64_t number;

        /* 0 to 2 are the program's, and the channel has its place. */
        if (parse_u64(text, INT32_MAX, &number) < 0 || number <= PROXY_CHANNEL || fcntl((int)number, F_GETFD) < 0)
                return refuse(EINVAL, "no open descriptor");
        *fd = (int)number;
        return 0;
}

/* ENTRY:FD */
static int parse_tree(const char *value, bool is_place, struct proxy_options *options)
{
        const char *colon = strchr(value, ':');
        size_t length = colon ? (size_t)(colon - value) : 0, i = options->n_trees;

        if (i == PROXY_TREES_MAX)
                return refuse(E2BIG, "more than %d trees", PROXY_TREES_MAX);
        if (length == 0 || length >= sizeof(options->trees[i].entry) || strspn(value, "0123456789") != length)
                return refuse(EINVAL, "must be ENTRY:FD, the entry a number");
        memcpy(options->trees[i].entry, value, length);
        options->trees[i].entry[length] = '\0';
        options->trees[i].is_place = is_place;
        options->n_trees++;
        return parse_fd(colon + 1, &options->trees[i].fd);
}

static int parse_vhost(const char *value, struct proxy_options *options)
{
        if (options->n_vhosts == PROXY_NICS_MAX)
                return refuse(E2BIG, "more than %d network devices", PROXY_NICS_MAX);
        return parse_fd(value, &options->vhosts[options->n_vhosts++]);
}

static int parse_value(const struct option *option, const char *value, struct proxy_options *options)
{
        char *member = (char *)options + option->at;

        switch (option->kind) {
        case VALUE_FD:
                return parse_fd(value, (int *)(void *)member);
        case VALUE_NUMBER:
                if (parse_u64(value, option->most, (uint64_t *)(void *)member) < 0 ||
                    *(uint64_t *)(void *)member < option->least)
                        return refuse(EINVAL, "no number that is possible here");
                return 0;
        case VALUE_TEXT:
                *(const char **)(void *)member = value;
                return 0;
        case VALUE_SWITCH:
                if (strcmp(value, "on") != 0 && strcmp(value, "off") != 0)
                        return refuse(EINVAL, "must be \"on\" or \"off\"");
                *(bool *)member = strcmp(value, "on") == 0;
                return 0;
        case VALUE_TREE:
                return parse_tree(value, false, options);
        case VALUE_PLACE:
                return parse_tree(value, true, options);
        case VALUE_VHOST:
                return parse_vhost(value, options);
        }
        return -EINVAL;
}

static int parse_word(const char *word, struct proxy_options *options, bool *seen)
{
        size_t length = strcspn(word, "=");

        for (size_t i = 0; word[length] && i < ELEMENTS(table); i++) {
                const struct option *option = &table[i];
                int r;

                if (strlen(option->name) != length || memcmp(option->name, word, length) != 0)
                        continue;
                if ((option->flags & OF_BOX) && !options->is_box)
                        break;
                if (seen[i] && !(option->flags & REPEATED))
                        return refuse(EINVAL, "%s: given twice", word);
                seen[i] = true;
                r = parse_value(option, word + length + 1, options);
                return r < 0 ? fail_in(r, "%s", word) : 0;
        }
        return refuse(EINVAL, "%s: unknown option", word);
}

int proxy_options_parse(int argc, char *const *argv, struct proxy_options *options)
{
        bool seen[ELEMENTS(table)] = {false};

        *options = (struct proxy_options){.deadline = DEADLINE_DEFAULT, .cpus = 1};
        for (size_t i = 0; i < ELEMENTS(table); i++)
                if (table[i].kind == VALUE_FD)
                        *(int *)(void *)((char *)options + table[i].at) = -EBADF;
        if (argc < 2 || (strcmp(argv[1], "box") != 0 && strcmp(argv[1], "exec") != 0))
                return refuse(EINVAL, "the first word must be \"box\" or \"exec\"");
        options->is_box = strcmp(argv[1], "box") == 0;
        options->nics = options->is_box ? NICS_DEFAULT : 0;
        for (int i = 2; i < argc; i++) {
                int r = parse_word(argv[i], options, seen);

                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < ELEMENTS(table); i++)
                if ((table[i].flags & REQUIRED) && !seen[i] && (options->is_box || !(table[i].flags & OF_BOX)))
                        return refuse(EINVAL, "%s= is missing", table[i].name);
        if (options->counts_kills && options->cgroup < 0)
                return refuse(EINVAL, "oom=on needs cgroup=");
        return 0;
}
