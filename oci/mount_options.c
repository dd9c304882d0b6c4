#include <linux/mount.h>
#include <string.h>

#include "base/cleanup.h"
#include "oci/tables.h"

#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif

/* What an option does. The atime attributes are one field of several bits, where relatime is the kernel's default:
 * taking one away gives that default back. */
enum effect {
        NOTHING,
        BIND, /* value: recursive */
        REMOUNT,
        READ_ONLY, /* super block and mount, value: on */
        ATTR_SET,  /* MOUNT_ATTR_* */
        ATTR_CLEAR,
        ATIME_SET,
        ATIME_CLEAR,
        SB_SET, /* MS_* of the super block */
        SB_CLEAR,
        PROPAGATION,
        RECURSIVE_SET, /* MOUNT_ATTR_*, for the mount and all below it */
        RECURSIVE_CLEAR,
        RECURSIVE_ATIME_SET,
        RECURSIVE_ATIME_CLEAR,
        IDMAP,
        SWITCH, /* offset of a bool that becomes true */
};

#define FLAG(member) offsetof(struct oci_mount_options, member)

/* name, effect, value: sorted by name, for the features document. */
#define MOUNT_OPTIONS(X)                                                                                               \
        X("async", SB_CLEAR, MS_SYNCHRONOUS)                                                                           \
        X("atime", ATIME_CLEAR, MOUNT_ATTR_NOATIME)                                                                    \
        X("bind", BIND, 0)                                                                                             \
        X("copy-symlink", SWITCH, FLAG(copy_symlink))                                                                  \
        X("defaults", NOTHING, 0)                                                                                      \
        X("dest-nofollow", SWITCH, FLAG(destination_nofollow))                                                         \
        X("dev", ATTR_CLEAR, MOUNT_ATTR_NODEV)                                                                         \
        X("diratime", ATTR_CLEAR, MOUNT_ATTR_NODIRATIME)                                                               \
        X("dirsync", SB_SET, MS_DIRSYNC)                                                                               \
        X("exec", ATTR_CLEAR, MOUNT_ATTR_NOEXEC)                                                                       \
        X("idmap", IDMAP, OCI_IDMAP)                                                                                   \
        X("iversion", SB_SET, MS_I_VERSION)                                                                            \
        X("lazytime", SB_SET, MS_LAZYTIME)                                                                             \
        X("loud", SB_CLEAR, MS_SILENT)                                                                                 \
        X("mand", SB_SET, MS_MANDLOCK)                                                                                 \
        X("noatime", ATIME_SET, MOUNT_ATTR_NOATIME)                                                                    \
        X("nodev", ATTR_SET, MOUNT_ATTR_NODEV)                                                                         \
        X("nodiratime", ATTR_SET, MOUNT_ATTR_NODIRATIME)                                                               \
        X("noexec", ATTR_SET, MOUNT_ATTR_NOEXEC)                                                                       \
        X("noiversion", SB_CLEAR, MS_I_VERSION)                                                                        \
        X("nolazytime", SB_CLEAR, MS_LAZYTIME)                                                                         \
        X("nomand", SB_CLEAR, MS_MANDLOCK)                                                                             \
        X("norelatime", ATIME_CLEAR, MOUNT_ATTR_RELATIME)                                                              \
        X("nostrictatime", ATIME_CLEAR, MOUNT_ATTR_STRICTATIME)                                                        \
        X("nosuid", ATTR_SET, MOUNT_ATTR_NOSUID)                                                                       \
        X("nosymfollow", ATTR_SET, MOUNT_ATTR_NOSYMFOLLOW)                                                             \
        X("private", PROPAGATION, MS_PRIVATE)                                                                          \
        X("ratime", RECURSIVE_ATIME_CLEAR, MOUNT_ATTR_NOATIME)                                                         \
        X("rbind", BIND, 1)                                                                                            \
        X("rdev", RECURSIVE_CLEAR, MOUNT_ATTR_NODEV)                                                                   \
        X("rdiratime", RECURSIVE_CLEAR, MOUNT_ATTR_NODIRATIME)                                                         \
        X("relatime", ATIME_SET, MOUNT_ATTR_RELATIME)                                                                  \
        X("remount", REMOUNT, 0)                                                                                       \
        X("rexec", RECURSIVE_CLEAR, MOUNT_ATTR_NOEXEC)                                                                 \
        X("ridmap", IDMAP, OCI_IDMAP_RECURSIVE)                                                                        \
        X("rnoatime", RECURSIVE_ATIME_SET, MOUNT_ATTR_NOATIME)                                                         \
        X("rnodev", RECURSIVE_SET, MOUNT_ATTR_NODEV)                                                                   \
        X("rnodiratime", RECURSIVE_SET, MOUNT_ATTR_NODIRATIME)                                                         \
        X("rnoexec", RECURSIVE_SET, MOUNT_ATTR_NOEXEC)                                                                 \
        X("rnorelatime", RECURSIVE_ATIME_CLEAR, MOUNT_ATTR_RELATIME)                                                   \
        X("rnostrictatime", RECURSIVE_ATIME_CLEAR, MOUNT_ATTR_STRICTATIME)                                             \
        X("rnosuid", RECURSIVE_SET, MOUNT_ATTR_NOSUID)                                                                 \
        X("rnosymfollow", RECURSIVE_SET, MOUNT_ATTR_NOSYMFOLLOW)                                                       \
        X("ro", READ_ONLY, 1)                                                                                          \
        X("rprivate", PROPAGATION, MS_PRIVATE | MS_REC)                                                                \
        X("rrelatime", RECURSIVE_ATIME_SET, MOUNT_ATTR_RELATIME)                                                       \
        X("rro", RECURSIVE_SET, MOUNT_ATTR_RDONLY)                                                                     \
        X("rrw", RECURSIVE_CLEAR, MOUNT_ATTR_RDONLY)                                                                   \
        X("rshared", PROPAGATION, MS_SHARED | MS_REC)                                                                  \
        X("rslave", PROPAGATION, MS_SLAVE | MS_REC)                                                                    \
        X("rstrictatime", RECURSIVE_ATIME_SET, MOUNT_ATTR_STRICTATIME)                                                 \
        X("rsuid", RECURSIVE_CLEAR, MOUNT_ATTR_NOSUID)                                                                 \
        X("rsymfollow", RECURSIVE_CLEAR, MOUNT_ATTR_NOSYMFOLLOW)                                                       \
        X("runbindable", PROPAGATION, MS_UNBINDABLE | MS_REC)                                                          \
        X("rw", READ_ONLY, 0)                                                                                          \
        X("shared", PROPAGATION, MS_SHARED)                                                                            \
        X("silent", SB_SET, MS_SILENT)                                                                                 \
        X("slave", PROPAGATION, MS_SLAVE)                                                                              \
        X("src-nofollow", SWITCH, FLAG(source_nofollow))                                                               \
        X("strictatime", ATIME_SET, MOUNT_ATTR_STRICTATIME)                                                            \
        X("suid", ATTR_CLEAR, MOUNT_ATTR_NOSUID)                                                                       \
        X("symfollow", ATTR_CLEAR, MOUNT_ATTR_NOSYMFOLLOW)                                                             \
        X("sync", SB_SET, MS_SYNCHRONOUS)                                                                              \
        X("tmpcopyup", SWITCH, FLAG(tmpcopyup))                                                                        \
        X("unbindable", PROPAGATION, MS_UNBINDABLE)

#define EFFECT_ROW(name_, effect_, value_) {.effect = (effect_), .value = (value_)},
#define WORD_ROW(name_, effect_, value_)   {.name = (name_), .value = (value_)},

static const struct {
        enum effect effect;
        uint64_t value;
} effects[] = {MOUNT_OPTIONS(EFFECT_ROW)};

static const struct word option_table[] = {MOUNT_OPTIONS(WORD_ROW)};
const struct words mount_option_words = {.n = ELEMENTS(option_table), .v = option_table};

/* The later word wins over an earlier one of the opposite meaning. */
static void attr_change(uint64_t *to, uint64_t *from, uint64_t bits)
{
        *to |= bits;
        *from &= ~bits;
}

static void atime_change(uint64_t *set, uint64_t *clear, uint64_t value, bool take_away)
{
        if (!take_away)
                *set = (*set & ~(uint64_t)MOUNT_ATTR__ATIME) | value;
        else if ((*set & MOUNT_ATTR__ATIME) == value)
                *set &= ~(uint64_t)MOUNT_ATTR__ATIME;
        *clear |= MOUNT_ATTR__ATIME;
}

static void sb_change(unsigned long *to, unsigned long *from, uint64_t bits)
{
        *to |= (unsigned long)bits;
        *from &= ~(unsigned long)bits;
}

static void read_only_change(struct oci_mount_options *options, bool on)
{
        if (on) {
                attr_change(&options->attr_set, &options->attr_clear, MOUNT_ATTR_RDONLY);
                sb_change(&options->sb_set, &options->sb_clear, MS_RDONLY);
        } else {
                attr_change(&options->attr_clear, &options->attr_set, MOUNT_ATTR_RDONLY);
                sb_change(&options->sb_clear, &options->sb_set, MS_RDONLY);
        }
}

/* One after the other, as with mount(8): what a word has cut off from the host's mounts, no later one ties to them. */
static void propagation_change(struct oci_mount_options *options, uint64_t value)
{
        const unsigned long cut = MS_PRIVATE | MS_UNBINDABLE;

        if (options->propagation & ~(unsigned long)(MS_SHARED | MS_REC) && !(options->propagation_before & cut))
                options->propagation_before = options->propagation;
        options->propagation = (unsigned long)value;
}

static void apply(struct oci_mount_options *options, enum effect effect, uint64_t value)
{
        switch (effect) {
        case NOTHING:
                break;
        case BIND:
                options->bind = true;
                options->recursive |= value != 0;
                break;
        case REMOUNT:
                options->remount = true;
                break;
        case READ_ONLY:
                read_only_change(options, value != 0);
                break;
        case ATTR_SET:
                attr_change(&options->attr_set, &options->attr_clear, value);
                break;
        case ATTR_CLEAR:
                attr_change(&options->attr_clear, &options->attr_set, value);
                break;
        case ATIME_SET:
        case ATIME_CLEAR:
                atime_change(&options->attr_set, &options->attr_clear, value, effect == ATIME_CLEAR);
                break;
        case SB_SET:
                sb_change(&options->sb_set, &options->sb_clear, value);
                break;
        case SB_CLEAR:
                sb_change(&options->sb_clear, &options->sb_set, value);
                break;
        case PROPAGATION:
                propagation_change(options, value);
                break;
        case RECURSIVE_SET:
                attr_change(&options->recursive_set, &options->recursive_clear, value);
                break;
        case RECURSIVE_CLEAR:
                attr_change(&options->recursive_clear, &options->recursive_set, value);
                break;
        case RECURSIVE_ATIME_SET:
        case RECURSIVE_ATIME_CLEAR:
                atime_change(&options->recursive_set, &options->recursive_clear, value,
                             effect == RECURSIVE_ATIME_CLEAR);
                break;
        case IDMAP:
                options->idmap = (enum oci_idmap)value;
                break;
        case SWITCH:
                *(bool *)((char *)options + value) = true;
                break;
        }
}

/* What is no option of ours goes to the file system, in its order. */
struct digest {
        struct oci_mount_options *options;
        char *data; /* room for all words */
        size_t used;
};

/* crun's way to write maps. A bind mount has no file system to refuse it, and would go without its map. */
static bool maps_ids(const char *option)
{
        return strncmp(option, "idmap=", strlen("idmap=")) == 0 || strncmp(option, "ridmap=", strlen("ridmap=")) == 0;
}

static int option_element(struct decoder *decoder, const struct json_node *node, size_t index, void *value)
{
        struct digest *digest = value;
        const struct word *word;
        int r = decode_expect(decoder, node, JSON_STRING);

        (void)index;
        if (r < 0)
                return r;
        if (!node->text[0])
                return 0;
        if (maps_ids(node->text))
                return decode_refuse(decoder, NULL, "idmap takes no value: uidMappings and gidMappings hold the ids");
        word = word_find(&mount_option_words, node->text);
        if (word) {
                size_t row = (size_t)(word - option_table);

                apply(digest->options, effects[row].effect, effects[row].value);
                return 0;
        }
        if (digest->used)
                digest->data[digest->used++] = ',';
        memcpy(digest->data + digest->used, node->text, node->length);
        digest->used += node->length;
        return 0;
}

int mount_options_decode(struct decoder *decoder, const struct json_node *node, void *value)
{
        struct digest digest = {.options = value};
        size_t room = 1;
        int r = decode_expect(decoder, node, JSON_ARRAY);

        if (r < 0)
                return r;
        for (const struct json_node *word = node->first; word; word = word->next)
                room += word->kind == JSON_STRING ? word->length + 1 : 0;
        digest.data = arena_alloc(decoder->arena, room);
        if (!digest.data)
                return decode_no_memory(decoder);
        r = decode_each(decoder, node, option_element, &digest);
        if (r == 0 && digest.used)
                digest.options->data = digest.data;
        return r;
}
