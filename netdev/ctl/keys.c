#include "netdev/ctl/keys.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/number.h"

const char *const keys_modes[CTLNET_MODES] = {
        [CTLNET_BRIDGE] = "bridge", [CTLNET_ROUTED] = "routed",       [CTLNET_MACVLAN] = "macvlan",
        [CTLNET_VLAN] = "vlan",     [CTLNET_PHYS] = "phys",           [CTLNET_HOST] = "host",
        [CTLNET_NONE] = "none",     [CTLNET_CONTAINER] = "container",
};

static int mode_of(const char *value, enum ctlnet_mode *mode)
{
        for (int i = 0; i < CTLNET_MODES; i++) {
                if (strcmp(value, keys_modes[i]) == 0) {
                        *mode = (enum ctlnet_mode)i;
                        return 0;
                }
        }
        return -EINVAL;
}

static int parse_bool(const char *value, bool *member)
{
        *member = strcmp(value, "yes") == 0;
        return *member || strcmp(value, "no") == 0 ? 0 : -EINVAL;
}

static int parse_text(const char *value, char *member, size_t size)
{
        if (strlen(value) >= size)
                return -EINVAL;
        memcpy(member, value, strlen(value) + 1);
        return 0;
}

static int parse_value(const struct key *key, const char *value, void *object)
{
        void *member = (char *)object + key->offset;
        uint64_t number;

        switch (key->kind) {
        case KEY_TEXT:
                return parse_text(value, member, key->size);
        case KEY_ADDRESS:
                return ctlnet_parse_address(value, member);
        case KEY_MAC:
                return ctlnet_parse_mac(value, member);
        case KEY_MODE:
                return mode_of(value, member);
        case KEY_BOOL:
                return parse_bool(value, member);
        case KEY_UNSIGNED:
                if (parse_u64(value, UINT32_MAX, &number) < 0)
                        return -EINVAL;
                *(unsigned *)member = (unsigned)number;
                return 0;
        case KEY_U64:
                return parse_u64(value, UINT64_MAX, member);
        }
        return -EINVAL;
}

static char *trim(char *text)
{
        size_t size;

        while (isspace((unsigned char)*text))
                text++;
        for (size = strlen(text); size > 0 && isspace((unsigned char)text[size - 1]); size--)
                text[size - 1] = '\0';
        return text;
}

static int parse_line(const struct key *keys, size_t n, char *line, keys_other other, void *object)
{
        char *equals = strchr(line, '='), *name;

        if (!equals)
                return -EINVAL;
        *equals = '\0';
        name = trim(line);
        for (size_t i = 0; i < n; i++)
                if (name[0] == keys[i].name[0] && strcmp(name, keys[i].name) == 0)
                        return parse_value(&keys[i], trim(equals + 1), object);
        return other ? other(name, trim(equals + 1), object) : -EINVAL;
}

int keys_parse(const struct key *keys, size_t n, char *text, keys_other other, void *object)
{
        unsigned number = 1;

        for (char *line = text, *next; line; line = next, number++) {
                char *start;

                next = strchr(line, '\n');
                if (next)
                        *next++ = '\0';
                start = trim(line);
                if (*start && *start != '#' && parse_line(keys, n, start, other, object) < 0)
                        return refuse(EINVAL, "line %u: wrong or unknown: %s", number, start);
        }
        return 0;
}

static void print_number(const char *name, uint64_t value, FILE *file)
{
        if (value)
                fprintf(file, "%s = %llu\n", name, (unsigned long long)value);
}

static void print_address(const char *name, const struct ctlnet_address *address, FILE *file)
{
        char text[CTLNET_ADDRESS_TEXT];

        if (address->family)
                fprintf(file, "%s = %s\n", name, ctlnet_format_address(address, true, text));
}

static void print_mac(const char *name, const uint8_t *mac, FILE *file)
{
        static const uint8_t none[6] = {0};
        char text[CTLNET_MAC_TEXT];

        if (memcmp(mac, none, sizeof(none)) != 0)
                fprintf(file, "%s = %s\n", name, ctlnet_format_mac(mac, text));
}

void keys_print(const struct key *keys, size_t n, const void *object, FILE *file)
{
        for (size_t i = 0; i < n; i++) {
                const char *name = keys[i].name;
                const void *member = (const char *)object + keys[i].offset;

                if (keys[i].kind == KEY_MODE)
                        fprintf(file, "%s = %s\n", name, keys_modes[*(const enum ctlnet_mode *)member]);
                else if (keys[i].kind == KEY_MAC)
                        print_mac(name, member, file);
                else if (keys[i].kind == KEY_UNSIGNED)
                        print_number(name, *(const unsigned *)member, file);
                else if (keys[i].kind == KEY_U64)
                        print_number(name, *(const uint64_t *)member, file);
                else if (keys[i].kind == KEY_BOOL && *(const bool *)member)
                        fprintf(file, "%s = yes\n", name);
                else if (keys[i].kind == KEY_TEXT && *(const char *)member)
                        fprintf(file, "%s = %s\n", name, (const char *)member);
                else if (keys[i].kind == KEY_ADDRESS)
                        print_address(name, member, file);
        }
}
