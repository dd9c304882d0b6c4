#include "runtime/ctl/settings_checks.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/number.h"
#include "base/number_list.h"
#include "netdev/ctlnet.h"
#include "oci/vocabulary.h"
#include "runtime/ctl/net_setting.h"
#include "runtime/ctl/settings.h"
#include "runtime/ctl/subids.h"

#define HOSTNAME_MOST 64
#define USER_LETTERS  "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"

int check_isolation(const char *text)
{
        return strcmp(text, "process") == 0 || strcmp(text, "vm") == 0 ? 0 : -EINVAL;
}

int check_subids(const char *text)
{
        uint32_t first, count;

        return subids_parse(text, &first, &count);
}

int check_env(const char *text)
{
        const char *equals = strchr(text, '=');

        return equals && equals != text ? 0 : -EINVAL;
}

/* A name or a number of `length` characters. */
static int check_user_part(const char *text, size_t length)
{
        char part[64];
        uint32_t id;

        if (length == 0 || length >= sizeof(part) || strspn(text, USER_LETTERS) < length)
                return -EINVAL;
        memcpy(part, text, length);
        part[length] = '\0';
        return isdigit((unsigned char)*part) ? parse_id(part, &id) : 0;
}

int check_user(const char *text)
{
        size_t length = strcspn(text, ":");
        int r = check_user_part(text, length);

        return r < 0 || !text[length] ? r : check_user_part(text + length + 1, strlen(text + length + 1));
}

int check_absolute(const char *text)
{
        return text[0] == '/' ? 0 : -EINVAL;
}

/* What is made of it is a path of the cgroup tree. */
int check_cgroup_parent(const char *text)
{
        if (text[0] != '/' || strlen(text) > CGROUP_PARENT_MOST)
                return -EINVAL;
        for (const char *p = text; *p; p += strcspn(p + 1, "/") + 1)
                if (strncmp(p, "/..", 3) == 0 && (p[3] == '/' || p[3] == '\0'))
                        return -EINVAL;
        return 0;
}

int check_hostname(const char *text)
{
        size_t length = strlen(text);

        if (length == 0 || length > HOSTNAME_MOST || text[0] == '-' || text[0] == '.')
                return -EINVAL;
        for (const char *p = text; *p; p++)
                if (!isalnum((unsigned char)*p) && *p != '-' && *p != '.')
                        return -EINVAL;
        return 0;
}

int check_signal(const char *text)
{
        int signal;

        return signal_parse(text, &signal);
}

int restart_parse(const char *text, enum restart_policy *policy, uint32_t *most)
{
        static const char *const words[] = {[RESTART_NO] = "no",
                                            [RESTART_ON_FAILURE] = "on-failure",
                                            [RESTART_ALWAYS] = "always",
                                            [RESTART_UNLESS_STOPPED] = "unless-stopped"};

        *most = 0;
        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
                size_t length = strlen(words[i]);

                if (strncmp(text, words[i], length) != 0)
                        continue;
                *policy = (enum restart_policy)i;
                if (text[length] == '\0')
                        return 0;
                if (i == RESTART_ON_FAILURE && text[length] == ':' && parse_u32(text + length + 1, most) == 0 && *most)
                        return 0;
        }
        return -EINVAL;
}

int check_restart(const char *text)
{
        enum restart_policy policy;
        uint32_t most;

        return restart_parse(text, &policy, &most);
}

int check_cpu_set(const char *text)
{
        unsigned long mask[NUMBER_LIST_WORDS] = {0};

        return number_list_parse(text, mask) > 0 ? 0 : -EINVAL;
}

/* Whether there is such a network or link is another question (network_check). */
int check_net(const char *text)
{
        struct net_setting setting;

        return net_setting_parse(text, &setting);
}

static int check_family(const char *text, int family)
{
        struct ctlnet_address address;

        return ctlnet_parse_address(text, &address) == 0 && (family == AF_UNSPEC || address.family == family) ? 0
                                                                                                              : -EINVAL;
}

int check_ip(const char *text)
{
        return check_family(text, AF_INET);
}

int check_ip6(const char *text)
{
        return check_family(text, AF_INET6);
}

int check_dns(const char *text)
{
        return strchr(text, '/') ? -EINVAL : check_family(text, AF_UNSPEC);
}

int check_mac(const char *text)
{
        uint8_t mac[6];

        return ctlnet_parse_mac(text, mac);
}

int check_rate(const char *text)
{
        uint64_t rate;

        return ctlnet_parse_rate(text, &rate);
}

int check_publish(const char *text)
{
        struct ctlnet_publish publish;
        int r = ctlnet_parse_publish(text, &publish);

        error_clear();
        return r;
}

int volume_parse(const char *text, char *source, char *destination, size_t size, bool *readonly)
{
        const char *colon = strchr(text, ':'), *second = colon ? strchr(colon + 1, ':') : NULL;
        size_t first = colon ? (size_t)(colon - text) : 0;
        size_t length = !colon ? 0 : second ? (size_t)(second - colon - 1) : strlen(colon + 1);

        if (text[0] != '/' || !colon || colon[1] != '/' || first >= size || length >= size || length < 2)
                return -EINVAL;
        if (second && strcmp(second, ":ro") != 0 && strcmp(second, ":rw") != 0)
                return -EINVAL;
        memcpy(source, text, first);
        source[first] = '\0';
        memcpy(destination, colon + 1, length);
        destination[length] = '\0';
        *readonly = second && strcmp(second, ":ro") == 0;
        return 0;
}

int check_volume(const char *text)
{
        char source[4096], destination[4096];
        bool readonly;

        return volume_parse(text, source, destination, sizeof(source), &readonly);
}

int parse_thousandths(const char *text, int64_t *value)
{
        const char *point = strchr(text, '.');
        char whole[16];
        uint64_t units, part = 0;
        size_t length = point ? (size_t)(point - text) : strlen(text), digits;

        if (length == 0 || length >= sizeof(whole))
                return -EINVAL;
        memcpy(whole, text, length);
        whole[length] = '\0';
        if (parse_u64(whole, 1000000, &units) < 0)
                return -EINVAL;
        if (point) {
                digits = strspn(point + 1, "0123456789");
                if (digits == 0 || digits > 3 || point[1 + digits])
                        return -EINVAL;
                for (size_t i = 0; i < 3; i++)
                        part = part * 10 + (i < digits ? (uint64_t)(point[1 + i] - '0') : 0);
        }
        *value = (int64_t)(units * 1000 + part);
        return 0;
}
