#include "namespaces/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/syscalls.h"

/* What the kernel has to say about a file system context: its log holds lines like "e tmpfs: Bad value for 'size'". */
static int fail_with_log(int context, int err, const char *doing, const char *what)
{
        char line[256];
        ssize_t n = read(context, line, sizeof(line) - 1);

        if (n <= 2)
                return fail(err, "%s %s", doing, what);
        line[n] = '\0';
        line[strcspn(line, "\n")] = '\0';
        return fail(err, "%s %s (%s)", doing, what, line + 2);
}

#define OPTION_SIZE  1024 /* the kernel takes 255 bytes of a name and as much of a value */
#define OPTION_SHOWN 200

static int set_option(int context, const char *type, char *option)
{
        char *equals = strchr(option, '=');
        int r;

        if (equals) {
                *equals = '\0';
                r = sys_fsconfig(context, FSCONFIG_SET_STRING, option, equals + 1, 0);
                *equals = '=';
        } else {
                r = sys_fsconfig(context, FSCONFIG_SET_FLAG, option, NULL, 0);
        }
        if (r < 0) {
                char what[512];

                snprintf(what, sizeof(what), "option '%s' of %s", option, type);
                return fail_with_log(context, errno, "set", what);
        }
        return 0;
}

/* Options are separated by commas that are neither quoted (SELinux contexts hold commas) nor escaped by a backslash
 * (overlay paths). */
static const char *end_of_option(const char *p)
{
        bool quoted = false;

        for (; *p; p++) {
                if (*p == '"')
                        quoted = !quoted;
                else if (*p == '\\' && p[1])
                        p++;
                else if (*p == ',' && !quoted)
                        break;
        }
        return p;
}

static int set_options(int context, const char *type, const char *data)
{
        char option[OPTION_SIZE];
        const char *end;
        int r;

        for (const char *p = data; *p; p = *end ? end + 1 : end) {
                end = end_of_option(p);
                if ((size_t)(end - p) >= sizeof(option))
                        return refuse(EINVAL, "option '%.*s...' of %s is too long", OPTION_SHOWN, p, type);
                memcpy(option, p, (size_t)(end - p));
                option[end - p] = '\0';
                r = *option ? set_option(context, type, option) : 0;
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Since Linux 5.17 a file system that has change counters keeps them always; where the option is still known it has its
 * own name, elsewhere it has no effect, as with mount(2). */
static void set_change_counters(int context)
{
        char line[256];

        if (sys_fsconfig(context, FSCONFIG_SET_FLAG, "i_version", NULL, 0) < 0)
                (void)!read(context, line, sizeof(line));
}

static int set_super_block_flags(int context, const char *type, uint64_t set, uint64_t clear)
{
        static const struct {
                uint64_t flag;
                const char *on, *off;
        } names[] = {
                {MS_RDONLY, "ro", "rw"},         {MS_SYNCHRONOUS, "sync", "async"},       {MS_DIRSYNC, "dirsync", NULL},
                {MS_MANDLOCK, "mand", "nomand"}, {MS_LAZYTIME, "lazytime", "nolazytime"},

        };

        if (set & MS_I_VERSION)
                set_change_counters(context);
        for (size_t i = 0; i < ELEMENTS(names); i++) {
                const char *word = set & names[i].flag ? names[i].on : clear & names[i].flag ? names[i].off : NULL;

                if (word && sys_fsconfig(context, FSCONFIG_SET_FLAG, word, NULL, 0) < 0) {
                        char what[128];

                        snprintf(what, sizeof(what), "option '%s' of %s", word, type);
                        return fail_with_log(context, errno, "set", what);
                }
        }
        return 0;
}

/* fsconfig(2) takes this much of a value, where mount(2) takes a page of options. */
#define VALUE_MOST 255

static bool is_too_long(const char *data)
{
        const char *end;

        for (const char *p = data; *p; p = *end ? end + 1 : end) {
                const char *equals = strchr(p, '=');

                end = end_of_option(p);
                if (equals && end - equals - 1 > VALUE_MOST)
                        return true;
        }
        return false;
}

/* In a directory of a tmpfs that lies on top of "/" for the moment, where no path leads. */
static int mount_in(int place, const char *type, const char *source, const char *data, uint64_t sb_flags)
{
        if (fchdir(place) < 0 || mkdir("new", 0700) < 0)
                return fail(errno, "make a place to mount");
        if (sys_mount(source, "new", type, sb_flags, data) < 0)
                return fail(errno, "mount file system %s with an option of more than %d bytes", type, VALUE_MOST);
        return mount_clone(AT_FDCWD, "new", false, 0);
}

static int mount_new_by_data(const char *type, const char *source, const char *data, uint64_t sb_flags,
                             uint64_t attributes)
{
        _cleanup_close_ int place = mount_new("tmpfs", "berth", "mode=0700,size=4k", 0, 0), tree = -EBADF;
        _cleanup_close_ int directory = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC), top = -EBADF;
        int r;

        if (place < 0)
                return place;
        if (directory < 0)
                return fail(errno, "open the working directory");
        top = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        r = top < 0 ? fail(errno, "open /") : mount_attach(place, top);
        if (r < 0)
                return r;
        tree = mount_in(place, type, source, data, sb_flags);
        if (fchdir(place) < 0 || sys_umount2(".", MNT_DETACH) < 0 || fchdir(directory) < 0)
                return fail(errno, "leave the place to mount");
        r = tree < 0 ? tree : mount_change(tree, attributes, MOUNT_ATTR__ATIME, false);
        return r < 0 ? r : take_fd(&tree);
}

int mount_new(const char *type, const char *source, const char *data, uint64_t sb_flags, uint64_t attributes)
{
        _cleanup_close_ int context = -EBADF;
        int r, mount;

        if (data && is_too_long(data))
                return mount_new_by_data(type, source, data, sb_flags, attributes);
        context = sys_fsopen(type, FSOPEN_CLOEXEC);
        if (context < 0)
                return errno == ENODEV ? refuse(ENODEV, "file system type %s is not known to the kernel", type)
                                       : fail(errno, "open file system %s", type);
        if (source && sys_fsconfig(context, FSCONFIG_SET_STRING, "source", source, 0) < 0)
                return fail_with_log(context, errno, "set source of", type);
        r = set_super_block_flags(context, type, sb_flags, 0);
        if (r == 0 && data)
                r = set_options(context, type, data);
        if (r < 0)
                return r;
        if (sys_fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
                return fail_with_log(context, errno, "create file system", type);
        mount = sys_fsmount(context, FSMOUNT_CLOEXEC, (unsigned)attributes);
        return mount < 0 ? fail_with_log(context, errno, "mount file system", type) : mount;
}

int mount_clone(int dirfd, const char *path, bool recursive, unsigned at_flags)
{
        unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | at_flags | (recursive ? AT_RECURSIVE : 0);
        int fd = sys_open_tree(dirfd, path, flags);

        return fd < 0 ? fail(errno, "open mount tree %s", path) : fd;
}

static int set_attributes(int mount, struct mount_attr *attr, bool recursive)
{
        return sys_mount_setattr(mount, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), attr) < 0 ? -errno : 0;
}

int mount_change(int mount, uint64_t set, uint64_t clear, bool recursive)
{
        struct mount_attr attr = {.attr_set = set, .attr_clr = clear};
        int r = set || clear ? set_attributes(mount, &attr, recursive) : 0;

        return r < 0 ? fail(-r, "change %smount attributes (set 0x%llx, clear 0x%llx)", recursive ? "recursive " : "",
                            (unsigned long long)set, (unsigned long long)clear)
                     : 0;
}

int mount_propagate(int mount, unsigned long propagation)
{
        struct mount_attr attr = {.propagation = propagation & ~(unsigned long)MS_REC};
        int r = attr.propagation ? set_attributes(mount, &attr, propagation & MS_REC) : 0;

        return r < 0 ? fail(-r, "change mount propagation") : 0;
}

int mount_idmap(int mount, int user_namespace, bool recursive)
{
        struct mount_attr attr = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)user_namespace};
        int r = set_attributes(mount, &attr, recursive);
        struct statfs fs;

        if (r == -EINVAL && fstatfs(mount, &fs) == 0)
                return refuse(EINVAL, "id-map the mount: this kernel cannot id-map its file system (type 0x%lx)",
                              (unsigned long)fs.f_type);
        return r < 0 ? fail(-r, "id-map the mount") : 0;
}

int mount_attach(int mount, int target)
{
        if (sys_move_mount(mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
                return fail(errno, "attach mount");
        return 0;
}

int mount_reconfigure(int mount, const char *data, uint64_t sb_set, uint64_t sb_clear)
{
        _cleanup_close_ int context = (int)syscall(SYS_fspick, mount, "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH);
        int r;

        if (context < 0)
                return fail(errno, "pick the file system to remount");
        r = set_super_block_flags(context, "remount", sb_set, sb_clear);
        if (r == 0 && data)
                r = set_options(context, "remount", data);
        if (r < 0)
                return r;
        if (sys_fsconfig(context, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0) < 0)
                return fail_with_log(context, errno, "remount", "file system");
        return 0;
}
