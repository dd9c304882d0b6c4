/* What a person asked for: the readable file `settings` of a container, "key = value" lines. Everything else about it
 * (its config.json among that) is made from these. A key that may be repeated is a list. In a value \n is a newline
 * and \\ a backslash. Keys that this version does not know are kept as they are, so that an older berthctl
 * does not lose a newer one's. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "oci/spec.h"

#define SETTINGS_FILE "settings"
#define SETTINGS_MOST ((size_t)1024 * 1024) /* bytes */

/* The size of an unprivileged container's id range, and where ranges begin on the host. */
#define SETTINGS_IDS_SIZE  65536U
#define SETTINGS_IDS_FIRST 1000000U

#define SETTINGS_LOG_SIZE ((int64_t)10 * 1024 * 1024) /* bytes, where log-size is not set */

enum setting_kind {
        SETTING_TEXT,   /* const char *; NULL: not set */
        SETTING_FLAG,   /* bool; "yes" or "no" */
        SETTING_NUMBER, /* struct optional_i64, within least and most */
        SETTING_BYTES,  /* struct optional_i64: bytes, with a suffix k, m, g or t */
        SETTING_CPUS,   /* struct optional_i64: thousandths of a CPU; "1.5" */
        SETTING_LIST,   /* struct oci_strings */
};

struct settings {
        struct arena arena;
        const char *image;     /* where the root file system came from; for people */
        const char *created;   /* RFC 3339 */
        const char *isolation; /* "process" or "vm"; NULL: as berth.conf says */
        bool unprivileged;
        struct optional_i64 ids;       /* the first host id of its range; unprivileged only */
        const char *subuids, *subgids; /* an ordinary user's: "FIRST:COUNT"; NULL: one id (runtime/ctl/subids.h) */
        /* The program. */
        struct oci_strings args; /* at least one */
        struct oci_strings env;  /* NAME=VALUE */
        const char *user;        /* USER or USER:GROUP, names of the container's own files or numbers; NULL: 0 */
        const char *workdir;     /* absolute; NULL: / */
        bool terminal;
        bool terminal_said;               /* not in the file: the image's kind does not decide */
        const char *hostname;             /* NULL: the container's name */
        const char *stop_signal;          /* NULL: TERM */
        struct optional_i64 stop_timeout; /* seconds; not set: 10 */
        const char *restart;              /* no, on-failure[:N], always, unless-stopped; NULL: no */
        struct optional_i64 log_size;     /* bytes of the log before it is rotated; not set: SETTINGS_LOG_SIZE */
        bool autostart;
        struct optional_i64 start_order; /* lower first; not set: 0 */
        /* What it may use. */
        struct optional_i64 cpus, cpu_weight, memory, swap, pids, io_read, io_write, io_read_ops, io_write_ops;
        const char *cpu_set;
        const char *cgroup_parent;        /* its group lies in this one; NULL: /berth */
        struct optional_i64 disk, inodes; /* runtime/ctl/storage.h */
        /* What it sees. */
        struct oci_strings nets;        /* interfaces (runtime/ctl/net_setting.h); none: loopback only */
        const char *ip, *ip6, *mac;     /* fixed ones of the first; NULL: allocated */
        const char *rate_in, *rate_out; /* "100mbit" */
        struct oci_strings publish;     /* [ADDRESS:]PORT[:PORT][/udp] */
        struct oci_strings dns;         /* addresses */
        struct oci_strings volumes;     /* SOURCE:DESTINATION[:ro] */
        struct oci_strings unknown;     /* whole lines */
};

/* A key. */
struct setting {
        const char *key;
        enum setting_kind kind;
        size_t offset;
        int64_t least, most;            /* numbers */
        bool live;                      /* a running container takes it at once; others from its next start */
        bool fixed;                     /* decided by create: no `set` */
        int (*check)(const char *text); /* of a text, or a list's element; bare negative errno */
        const char *expected;           /* for messages: what check wants */
};

/* NULL when there is none. */
const struct setting *setting_find(const char *key);

/* Whether the bit of a key is among these, of which each row of setting_table has one. */
bool setting_is_among(uint64_t bits, const char *key);

/* All of them, in the order of the file. */
extern const struct setting setting_table[];
extern const size_t n_settings;

/* Sets a key; a list gets one more element. "none" takes a text, number or size away. -EINVAL with a message that names
 * key and value. */
int settings_set(struct settings *settings, const struct setting *setting, const char *value);

/* Takes a key away. */
void settings_unset(struct settings *settings, const struct setting *setting);

/* The value as text, "" when not set; a list's elements are separated by newlines. malloc'ed, the caller's; NULL when
 * memory is short. */
char *setting_text(const struct settings *settings, const struct setting *setting);

/* The text of the file, malloc'ed, the caller's. */
int settings_format(const struct settings *settings, char **text);

/* name is what messages call the text; NULL: they do not. settings must be zeroed, or hold what counts where the text
 * says nothing; settings_release also after a failure. The first line that is wrong is the error, and all that are
 * right count. */
int settings_parse(const char *name, const char *text, struct settings *settings);
void settings_release(struct settings *settings);
#define _cleanup_settings_ _cleanup_(settings_release)

/* How a container restarts: the word, and for on-failure how often (0: without end). */
enum restart_policy { RESTART_NO, RESTART_ON_FAILURE, RESTART_ALWAYS, RESTART_UNLESS_STOPPED };
int restart_parse(const char *text, enum restart_policy *policy, uint32_t *most);

/* "SOURCE:DESTINATION[:ro]" in pieces. source gets room for the whole text. -EINVAL. */
int volume_parse(const char *text, char *source, char *destination, size_t size, bool *readonly);
