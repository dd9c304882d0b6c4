/* What reading `mounts` promises. */
#include "tests/unit/oci_support.h"

#include <linux/mount.h>

#include "oci/vocabulary.h"

#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif

#define MOUNT(rest) "'mounts':[{'destination':'/m'," rest "}]"
#define TMPFS(list) MOUNT("'type':'tmpfs','options':[" list "]")
#define MAP         "[{'containerID':0,'hostID':100,'size':10}]"

static struct oci_spec *spec;

static const struct oci_mount *mount(const char *members)
{
        oci_spec_free(spec);
        spec = accept(members);
        assert_int_equal(spec->mounts.n, 1);
        return &spec->mounts.v[0];
}

static int forget(void **state)
{
        (void)state;
        oci_spec_free(take_ptr(&spec));
        return 0;
}

/* What one option alone does to an empty struct. */
struct row {
        const char *option;
        struct oci_mount_options expected;
};

#define ATTR(name, bit)                                                                                                \
        {                                                                                                              \
                name,                                                                                                  \
                {                                                                                                      \
                        .attr_set = (bit)                                                                              \
                }                                                                                                      \
        }
#define NOATTR(name, bit)                                                                                              \
        {                                                                                                              \
                name,                                                                                                  \
                {                                                                                                      \
                        .attr_clear = (bit)                                                                            \
                }                                                                                                      \
        }
#define ATIME(name, bit)                                                                                               \
        {                                                                                                              \
                name,                                                                                                  \
                {                                                                                                      \
                        .attr_set = (bit), .attr_clear = MOUNT_ATTR__ATIME                                             \
                }                                                                                                      \
        }
#define RATTR(name, bit)                                                                                               \
        {                                                                                                              \
                name,                                                                                                  \
                {                                                                                                      \
                        .recursive_set = (bit)                                                                         \
                }                                                                                                      \
        }
#define RNO(name, bit)                                                                                                 \
        {                                                                                                              \
                name,                                                                                                  \
                {                                                                                                      \
                        .recursive_clear = (bit)                                                                       \
                }                                                                                                      \
        }
#define RATIME(name, bit)                                                                                              \
        {                                                                                                              \
                name,                                                                                                  \
                {                                                                                                      \
                        .recursive_set = (bit), .recursive_clear = MOUNT_ATTR__ATIME                                   \
                }                                                                                                      \
        }
#define SB(name, bit)                                                                                                  \
        {                                                                                                              \
                name,                                                                                                  \
                {                                                                                                      \
                        .sb_set = (bit)                                                                                \
                }                                                                                                      \
        }
#define NOSB(name, bit)                                                                                                \
        {                                                                                                              \
                name,                                                                                                  \
                {                                                                                                      \
                        .sb_clear = (bit)                                                                              \
                }                                                                                                      \
        }
#define PROPAGATE(name, bits)                                                                                          \
        {                                                                                                              \
                name,                                                                                                  \
                {                                                                                                      \
                        .propagation = (bits)                                                                          \
                }                                                                                                      \
        }

static const struct row rows[] = {
        {"defaults", {0}},
        {"ro", {.attr_set = MOUNT_ATTR_RDONLY, .sb_set = MS_RDONLY}},
        {"rw", {.attr_clear = MOUNT_ATTR_RDONLY, .sb_clear = MS_RDONLY}},
        {"remount", {.remount = true}},
        ATTR("nosuid", MOUNT_ATTR_NOSUID),
        NOATTR("suid", MOUNT_ATTR_NOSUID),
        ATTR("nodev", MOUNT_ATTR_NODEV),
        NOATTR("dev", MOUNT_ATTR_NODEV),
        ATTR("noexec", MOUNT_ATTR_NOEXEC),
        NOATTR("exec", MOUNT_ATTR_NOEXEC),
        ATTR("nosymfollow", MOUNT_ATTR_NOSYMFOLLOW),
        NOATTR("symfollow", MOUNT_ATTR_NOSYMFOLLOW),
        ATTR("nodiratime", MOUNT_ATTR_NODIRATIME),
        NOATTR("diratime", MOUNT_ATTR_NODIRATIME),
        ATIME("noatime", MOUNT_ATTR_NOATIME),
        ATIME("atime", 0),
        ATIME("relatime", 0),
        ATIME("norelatime", 0),
        ATIME("strictatime", MOUNT_ATTR_STRICTATIME),
        ATIME("nostrictatime", 0),
        SB("sync", MS_SYNCHRONOUS),
        NOSB("async", MS_SYNCHRONOUS),
        SB("dirsync", MS_DIRSYNC),
        SB("mand", MS_MANDLOCK),
        NOSB("nomand", MS_MANDLOCK),
        SB("lazytime", MS_LAZYTIME),
        NOSB("nolazytime", MS_LAZYTIME),
        SB("iversion", MS_I_VERSION),
        NOSB("noiversion", MS_I_VERSION),
        SB("silent", MS_SILENT),
        NOSB("loud", MS_SILENT),
        PROPAGATE("private", MS_PRIVATE),
        PROPAGATE("rprivate", MS_PRIVATE | MS_REC),
        PROPAGATE("shared", MS_SHARED),
        PROPAGATE("rshared", MS_SHARED | MS_REC),
        PROPAGATE("slave", MS_SLAVE),
        PROPAGATE("rslave", MS_SLAVE | MS_REC),
        PROPAGATE("unbindable", MS_UNBINDABLE),
        PROPAGATE("runbindable", MS_UNBINDABLE | MS_REC),
        RATTR("rro", MOUNT_ATTR_RDONLY),
        RNO("rrw", MOUNT_ATTR_RDONLY),
        RATTR("rnosuid", MOUNT_ATTR_NOSUID),
        RNO("rsuid", MOUNT_ATTR_NOSUID),
        RATTR("rnodev", MOUNT_ATTR_NODEV),
        RNO("rdev", MOUNT_ATTR_NODEV),
        RATTR("rnoexec", MOUNT_ATTR_NOEXEC),
        RNO("rexec", MOUNT_ATTR_NOEXEC),
        RATTR("rnosymfollow", MOUNT_ATTR_NOSYMFOLLOW),
        RNO("rsymfollow", MOUNT_ATTR_NOSYMFOLLOW),
        RATTR("rnodiratime", MOUNT_ATTR_NODIRATIME),
        RNO("rdiratime", MOUNT_ATTR_NODIRATIME),
        RATIME("rnoatime", MOUNT_ATTR_NOATIME),
        RATIME("ratime", 0),
        RATIME("rrelatime", 0),
        RATIME("rnorelatime", 0),
        RATIME("rstrictatime", MOUNT_ATTR_STRICTATIME),
        RATIME("rnostrictatime", 0),
        {"tmpcopyup", {.tmpcopyup = true}},
        {"copy-symlink", {.copy_symlink = true}},
        {"src-nofollow", {.source_nofollow = true}},
        {"dest-nofollow", {.destination_nofollow = true}},
        {"bind", {.bind = true}},
        {"rbind", {.bind = true, .recursive = true}},
        {"idmap", {.idmap = OCI_IDMAP}},
        {"ridmap", {.idmap = OCI_IDMAP_RECURSIVE}},
};

static void one_option(const struct row *row)
{
        char members[512];
        const struct oci_mount_options *got;

        snprintf(members, sizeof(members),
                 "'linux':{'namespaces':[{'type':'user','path':'/u'}]},"
                 "'mounts':[{'destination':'/m','type':'tmpfs','source':'s','options':['%s']}]",
                 row->option);
        got = &mount(members)->options;
        if (got->bind != row->expected.bind || got->recursive != row->expected.recursive ||
            got->remount != row->expected.remount || got->attr_set != row->expected.attr_set ||
            got->attr_clear != row->expected.attr_clear || got->recursive_set != row->expected.recursive_set ||
            got->recursive_clear != row->expected.recursive_clear || got->sb_set != row->expected.sb_set ||
            got->sb_clear != row->expected.sb_clear || got->propagation != row->expected.propagation ||
            got->idmap != row->expected.idmap || got->tmpcopyup != row->expected.tmpcopyup ||
            got->copy_symlink != row->expected.copy_symlink || got->source_nofollow != row->expected.source_nofollow ||
            got->destination_nofollow != row->expected.destination_nofollow || got->data)
                fail_msg("option %s", row->option);
}

static void every_option(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTS(rows); i++)
                one_option(&rows[i]);
        assert_int_equal(ELEMENTS(rows), mount_option_words.n);
        for (size_t i = 1; i < mount_option_words.n; i++)
                assert_true(strcmp(mount_option_words.v[i - 1].name, mount_option_words.v[i].name) < 0);
}

static void later_wins(void **state)
{
        const struct oci_mount_options *options = &mount(TMPFS("'ro','rw','nosuid','suid','nosuid','sync','async',"
                                                               "'rro','rrw','shared','rslave'"))
                                                           ->options;

        (void)state;
        assert_int_equal(options->attr_set, MOUNT_ATTR_NOSUID);
        assert_int_equal(options->attr_clear, MOUNT_ATTR_RDONLY);
        assert_int_equal(options->sb_set, 0);
        assert_int_equal(options->sb_clear, MS_RDONLY | MS_SYNCHRONOUS);
        assert_int_equal(options->recursive_set, 0);
        assert_int_equal(options->recursive_clear, MOUNT_ATTR_RDONLY);
        assert_int_equal(options->propagation, MS_SLAVE | MS_REC);
        assert_int_equal(options->propagation_before, 0);
}

static void what_is_cut_off_stays_so(void **state)
{
        static const struct {
                const char *options;
                unsigned long before, last;
        } cases[] = {
                {"'rslave','rshared'", MS_SLAVE | MS_REC, MS_SHARED | MS_REC},
                {"'private','shared'", MS_PRIVATE, MS_SHARED},
                {"'shared','private','slave','rshared'", MS_PRIVATE, MS_SHARED | MS_REC},
                {"'slave','private','slave'", MS_PRIVATE, MS_SLAVE},
                {"'rshared','shared'", 0, MS_SHARED},
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                char members[256];
                const struct oci_mount_options *options;

                snprintf(members, sizeof(members),
                         "'mounts':[{'destination':'/m','type':'tmpfs','source':'s','options':[%s]}]",
                         cases[i].options);
                options = &mount(members)->options;
                assert_int_equal(options->propagation_before, cases[i].before);
                assert_int_equal(options->propagation, cases[i].last);
        }
}

static void atime_is_one_field(void **state)
{
        (void)state;
        assert_int_equal(mount(TMPFS("'noatime','strictatime'"))->options.attr_set, MOUNT_ATTR_STRICTATIME);
        assert_int_equal(mount(TMPFS("'strictatime','noatime'"))->options.attr_set, MOUNT_ATTR_NOATIME);
        assert_int_equal(mount(TMPFS("'noatime','relatime'"))->options.attr_set, 0);
        assert_int_equal(mount(TMPFS("'noatime','atime'"))->options.attr_set, 0);
        assert_int_equal(mount(TMPFS("'strictatime','atime'"))->options.attr_set, MOUNT_ATTR_STRICTATIME);
        assert_int_equal(mount(TMPFS("'noatime','norelatime'"))->options.attr_set, MOUNT_ATTR_NOATIME);
        assert_int_equal(mount(TMPFS("'noatime','nodiratime'"))->options.attr_clear, MOUNT_ATTR__ATIME);
        assert_int_equal(mount(TMPFS("'nosuid'"))->options.attr_clear, 0);
}

static void data(void **state)
{
        (void)state;
        assert_string_equal(mount(TMPFS("'nosuid','size=1k','ro','mode=755','x-y'"))->options.data,
                            "size=1k,mode=755,x-y");
        assert_null(mount(TMPFS("'nosuid'"))->options.data);
        assert_string_equal(mount(TMPFS("'RO'"))->options.data, "RO");
        assert_string_equal(mount(TMPFS("'','size=1k','','mode=755'"))->options.data, "size=1k,mode=755");
        assert_null(mount(TMPFS("''"))->options.data);
}

static void bind_by_type(void **state)
{
        const struct oci_mount *got = mount(MOUNT("'type':'bind','source':'s'"));

        (void)state;
        assert_true(got->options.bind && !got->options.recursive);
        assert_string_equal(got->source, "s");
        got = mount(MOUNT("'type':'none','source':'s','options':['rbind','ro']"));
        assert_true(got->options.bind && got->options.recursive);
        got = mount(MOUNT("'source':'s','options':['bind']"));
        assert_null(got->type);
        assert_true(mount(MOUNT("'type':'rbind','source':'s'"))->options.recursive);
        assert_false(mount(MOUNT("'type':'tmpfs','source':'bind'"))->options.bind);
}

static void destinations(void **state)
{
        (void)state;
        assert_string_equal(mount("'mounts':[{'destination':'rel/x','type':'tmpfs'}]")->destination, "/rel/x");
        assert_string_equal(mount("'mounts':[{'destination':'/','type':'tmpfs'}]")->destination, "/");
        REFUSED({"'mounts':[{'type':'tmpfs'}]", "mounts[0].destination: required field is missing"},
                {"'mounts':[{'destination':'/a','type':'tmpfs'},{'destination':'','type':'tmpfs'}]",
                 "mounts[1].destination: must not be empty"},
                {MOUNT("'type':'bind'"), "mounts[0].source: required field is missing (the mount is a bind mount)"},
                {MOUNT("'source':'','options':['rbind']"),
                 "mounts[0].source: required field is missing (the mount is a bind mount)"},
                {MOUNT("'source':'s'"), "mounts[0].type: required field is missing (the mount is no bind mount)"},
                {MOUNT("'type':'proc','options':['tmpcopyup']"),
                 "mounts[0].options: tmpcopyup belongs to mounts of type tmpfs"},
                {TMPFS("'ro',1"), "mounts[0].options[1]: expected a string, got 1"},
                {MOUNT("'type':'tmpfs','options':'ro'"), "mounts[0].options: expected an array, got 'ro'"});
        ACCEPTED(MOUNT("'options':['remount','bind','ro']"), MOUNT("'options':['remount','ro']"));
}

static void id_mappings(void **state)
{
        const struct oci_mount *got =
                mount(MOUNT("'type':'ext4','source':'/dev/x','uidMappings':" MAP ",'gidMappings':" MAP));

        (void)state;
        assert_int_equal(got->options.idmap, OCI_IDMAP);
        assert_int_equal(got->uid_mappings.v[0].host_id, 100);
        got = mount(MOUNT("'type':'bind','source':'s','options':['ridmap'],'uidMappings':" MAP ",'gidMappings':" MAP));
        assert_int_equal(got->options.idmap, OCI_IDMAP_RECURSIVE);
        REFUSED({MOUNT("'type':'tmpfs','uidMappings':" MAP),
                 "mounts[0].gidMappings: uidMappings and gidMappings need each other"},
                {MOUNT("'type':'tmpfs','gidMappings':" MAP),
                 "mounts[0].uidMappings: uidMappings and gidMappings need each other"},
                {TMPFS("'idmap'"), "mounts[0]: idmap needs uidMappings and gidMappings, or a user namespace in "
                                   "linux.namespaces"},
                {MOUNT("'source':'s','options':['bind','idmap=uids=0-1000-1;gids=0-1000-1']"),
                 "mounts[0].options[1]: idmap takes no value: uidMappings and gidMappings hold the ids"},
                {MOUNT("'source':'s','options':['rbind','ridmap=x']"),
                 "mounts[0].options[1]: idmap takes no value: uidMappings and gidMappings hold the ids"},
                {MOUNT("'type':'tmpfs','uidMappings':[{'containerID':0,'hostID':0,'size':0}]"),
                 "mounts[0].uidMappings[0].size: expected a number from 1 to 4294967295, got 0"},
                {MOUNT("'type':'tmpfs','uidMappings':[{'containerID':0,'hostID':4294967294,'size':2}]"),
                 "mounts[0].uidMappings[0].size: the range reaches beyond the last id 4294967294"},
                {MOUNT("'type':'tmpfs','gidMappings':" MAP ",'uidMappings':[{'containerID':0,'hostID':0,'size':5},"
                       "{'containerID':4,'hostID':9,'size':1}]"),
                 "mounts[0].uidMappings[1]: container ids overlap those of [0]"});
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                PROMISE("each option does what the specification says, and the list is sorted", every_option),
                PROMISE("of two opposite options the later one wins", later_wins),
                PROMISE("what a word cuts off from the host's mounts is not tied to them again",
                        what_is_cut_off_stays_so),
                PROMISE("the atime options share one field", atime_is_one_field),
                PROMISE("unknown options go to the file system in their order", data),
                PROMISE("a bind mount is one by option or by type", bind_by_type),
                PROMISE("destination, source and type are checked", destinations),
                PROMISE("id mapped mounts need both maps or a user namespace", id_mappings),
        };

        return cmocka_run_group_tests(tests, NULL, forget);
}
