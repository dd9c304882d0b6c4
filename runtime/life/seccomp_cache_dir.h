/* Where compiled seccomp filters are kept: <root>/.cache/seccomp. */
#pragma once

/* Opens the directory, making it (0700). A failure is -EBADF and no error: one compiles without a cache then. */
int seccomp_cache_open(int root_fd);
