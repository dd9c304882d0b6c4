#include "runtime/life/handle.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/path.h"
#include "oci/json.h"
#include "runtime/life/messages.h"
#include "runtime/life/target.h"

static int lock_with_deadline(int fd)
{
        int r = lock_file(fd, LOCK_EX, HANDLE_LOCK_DEADLINE_MS / 1000);

        return r == -ETIMEDOUT ? refuse(ETIMEDOUT, "another command on this container has not ended for %d seconds",
                                        HANDLE_LOCK_DEADLINE_MS / 1000)
               : r < 0         ? fail(-r, "lock the container")
                               : 0;
}

/* What it says is carried out: processes are killed, groups removed, hooks run. Where the state directory is somebody
 * else's, or shared, a container may have been put there, or into another's place, by anybody. */
static int check_owner(int dir, const char *id)
{
        return fd_is_ours_alone(dir)
                       ? 0
                       : refuse(EPERM, "container %s: its state is another user's, or open to others", id);
}

int handle_lock(struct runtime *runtime, const char *id, int *lock_fd)
{
        for (;;) {
                _cleanup_close_ int dir = openat(runtime->root_fd, id, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                _cleanup_close_ int fd = -EBADF;
                struct stat st;
                int r = dir < 0 ? 0 : check_owner(dir, id);

                if (r < 0)
                        return r;
                fd = dir < 0 ? -EBADF : openat(dir, RECORD_LOCK, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
                if (fd < 0)
                        return errno == ENOENT ? refuse(ENOENT, MESSAGE_NOT_EXIST)
                                               : fail(errno, "open the container's lock");
                r = lock_with_deadline(fd);
                if (r < 0)
                        return r;
                /* Whom we waited for may have deleted the container, and somebody made another one of that name. */
                if (fstat(fd, &st) < 0)
                        return fail(errno, "look at the container's lock");
                if (st.st_nlink == 0)
                        continue;
                *lock_fd = take_fd(&fd);
                return 0;
        }
}

int handle_open(struct handle *handle, struct runtime *runtime, const char *id, bool lock)
{
        int r = container_id_check(id);

        *handle = (struct handle)HANDLE_NONE;
        if (r == 0 && runtime->root_fd < 0)
                r = runtime_open_root(runtime, false);
        if (r == 0 && runtime->root_fd < 0)
                r = refuse(ENOENT, MESSAGE_NOT_EXIST);
        if (r == 0 && lock)
                r = handle_lock(runtime, id, &handle->lock_fd);
        if (r == 0)
                r = container_load(runtime, id, &handle->container);
        if (r == 0)
                r = check_owner(handle->container.dir_fd, id);
        if (r == 0) {
                handle->row = isolation_row(handle->container.record->isolation);
                r = target_open(&handle->target, handle->container.record, handle->container.dir_fd);
        }
        if (r < 0)
                handle_close(handle);
        return r;
}

void handle_close(struct handle *handle)
{
        target_close(&handle->target);
        if (handle->container.record)
                container_release(&handle->container);
        replace_fd(&handle->lock_fd, -EBADF);
}

int handle_spec(const struct handle *handle, struct oci_spec **spec)
{
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r = read_regular_file_at(handle->container.dir_fd, RECORD_CONFIG, JSON_SIZE_MAX, &text, &size);
        bool quiet;

        if (r < 0)
                return fail(-r, "read the saved configuration");
        /* What it asks for in vain was said when the container was created. */
        quiet = log_set_quiet(true);
        r = oci_spec_parse(text, size, spec);
        log_set_quiet(quiet);
        return r < 0 ? fail_in(r, "saved configuration") : 0;
}
