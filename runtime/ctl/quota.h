/* Project quotas: limits of a directory tree, where the file system counts for them (ext4 and xfs, mounted with
 * prjquota). By Linux's quotactl_fd(2), 5.14. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct quota {
        uint64_t bytes, bytes_limit, inodes, inodes_limit; /* a limit of 0: none */
};

/* Whether limits of projects bite on the file system of this descriptor. */
bool quota_is_enforced(int fd);

/* The project of a directory, 0: none. */
uint32_t quota_project(int directory);

/* Makes an empty directory the root of a project: what is made in it belongs to the project, too. */
int quota_set_project(int directory, uint32_t project);

/* fd: anything on the file system. */
int quota_set_limits(int fd, uint32_t project, uint64_t bytes, uint64_t inodes);
int quota_read(int fd, uint32_t project, struct quota *quota);
