#include <string.h>

#include "base/cleanup.h"
#include "oci/tables.h"

/* Which namespace carries what below /proc/sys (kernel: ipc/ipc_sysctl.c, ipc/mq_sysctl.c, kernel/utsname_sysctl.c,
 * net/). Everything else is the host's and never a container's to change. A name that ends in '/' is a directory. */
static const struct {
        const char *path;
        enum oci_namespace_kind kind;
} namespaced[] = {
        {"net/", OCI_NS_NETWORK},
        {"fs/mqueue/", OCI_NS_IPC},
        {"kernel/msgmax", OCI_NS_IPC},
        {"kernel/msgmnb", OCI_NS_IPC},
        {"kernel/msgmni", OCI_NS_IPC},
        {"kernel/msg_next_id", OCI_NS_IPC},
        {"kernel/sem", OCI_NS_IPC},
        {"kernel/sem_next_id", OCI_NS_IPC},
        {"kernel/shmall", OCI_NS_IPC},
        {"kernel/shmmax", OCI_NS_IPC},
        {"kernel/shmmni", OCI_NS_IPC},
        {"kernel/shm_next_id", OCI_NS_IPC},
        {"kernel/shm_rmid_forced", OCI_NS_IPC},
        {"kernel/domainname", OCI_NS_UTS},
        {"kernel/hostname", OCI_NS_UTS},
};

int sysctl_namespace(const char *path)
{
        for (size_t i = 0; i < ELEMENTS(namespaced); i++) {
                size_t length = strlen(namespaced[i].path);

                if (namespaced[i].path[length - 1] == '/' ? strncmp(path, namespaced[i].path, length) == 0
                                                          : strcmp(path, namespaced[i].path) == 0)
                        return (int)namespaced[i].kind;
        }
        return -1;
}

/* sysctl(8)'s rule: the separator that comes first is the separator; the other character then belongs to names and
 * changes places with it ("net.ipv4.conf.eth0/100.forwarding" is net/ipv4/conf/eth0.100/forwarding). */
static void make_path(char *key)
{
        size_t first = strcspn(key, "./");

        if (key[first] != '.')
                return;
        for (char *p = key; *p; p++)
                *p = (char)(*p == '.' ? '/' : *p == '/' ? '.' : *p);
}

static bool is_clean_path(const char *path)
{
        for (const char *at = path;; at++) {
                size_t length = strcspn(at, "/");

                if (length == 0 || (length == 1 && at[0] == '.') || (length == 2 && memcmp(at, "..", 2) == 0))
                        return false;
                for (size_t i = 0; i < length; i++) {
                        if ((unsigned char)at[i] <= ' ' || at[i] == 0x7f)
                                return false;
                }
                at += length;
                if (!*at)
                        return true;
        }
}

static int decode_one(struct decoder *decoder, const struct json_node *member, size_t index, void *data)
{
        struct oci_pair *pair = (struct oci_pair *)data + index;
        char *path = arena_strdup(decoder->arena, member->key);
        int r = decode_string(decoder, member, &pair->value);

        if (r < 0)
                return r;
        if (!path)
                return decode_no_memory(decoder);
        if (strpbrk(pair->value, "\n\r"))
                return decode_refuse(decoder, NULL, "the value holds a newline");
        make_path(path);
        if (!is_clean_path(path))
                return decode_refuse(decoder, NULL, "this is no name of a sysctl");
        pair->key = path;
        return 0;
}

int sysctl_decode(struct decoder *decoder, const struct json_node *node, void *value)
{
        struct oci_pairs *pairs = value;
        int r = decode_expect(decoder, node, JSON_OBJECT);

        if (r < 0)
                return r;
        pairs->v = arena_array(decoder->arena, node->n, sizeof(*pairs->v));
        if (!pairs->v)
                return decode_no_memory(decoder);
        pairs->n = node->n;
        return decode_each_member(decoder, node, decode_one, pairs->v);
}
