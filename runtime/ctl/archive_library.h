/* libarchive, loaded when the first of its functions is called: it brings libraries of dozens of MiB (libxml2, ICU)
 * with it, and loading them took more than half of the time of a command that touches no archive. Included in place of
 * <archive.h>; its functions are called as ever. When the library cannot be loaded that is a warning, and the functions
 * that make something return NULL. */
#pragma once

#include <archive.h>
#include <archive_entry.h>

/* Every function of it that is used. */
#define ARCHIVE_FUNCTIONS(X)                                                                                           \
        X(archive_entry_copy_hardlink)                                                                                 \
        X(archive_entry_copy_pathname)                                                                                 \
        X(archive_entry_dev)                                                                                           \
        X(archive_entry_filetype)                                                                                      \
        X(archive_entry_free)                                                                                          \
        X(archive_entry_gid)                                                                                           \
        X(archive_entry_hardlink)                                                                                      \
        X(archive_entry_ino64)                                                                                         \
        X(archive_entry_linkify)                                                                                       \
        X(archive_entry_linkresolver_free)                                                                             \
        X(archive_entry_linkresolver_new)                                                                              \
        X(archive_entry_linkresolver_set_strategy)                                                                     \
        X(archive_entry_new)                                                                                           \
        X(archive_entry_pathname)                                                                                      \
        X(archive_entry_perm)                                                                                          \
        X(archive_entry_rdev)                                                                                          \
        X(archive_entry_set_filetype)                                                                                  \
        X(archive_entry_set_gid)                                                                                       \
        X(archive_entry_set_mtime)                                                                                     \
        X(archive_entry_set_pathname)                                                                                  \
        X(archive_entry_set_perm)                                                                                      \
        X(archive_entry_set_size)                                                                                      \
        X(archive_entry_set_uid)                                                                                       \
        X(archive_entry_size)                                                                                          \
        X(archive_entry_sourcepath)                                                                                    \
        X(archive_entry_uid)                                                                                           \
        X(archive_entry_xattr_add_entry)                                                                               \
        X(archive_entry_xattr_clear)                                                                                   \
        X(archive_entry_xattr_count)                                                                                   \
        X(archive_entry_xattr_next)                                                                                    \
        X(archive_entry_xattr_reset)                                                                                   \
        X(archive_errno)                                                                                               \
        X(archive_error_string)                                                                                        \
        X(archive_read_data)                                                                                           \
        X(archive_read_data_block)                                                                                     \
        X(archive_read_disk_can_descend)                                                                               \
        X(archive_read_disk_descend)                                                                                   \
        X(archive_read_disk_new)                                                                                       \
        X(archive_read_disk_open)                                                                                      \
        X(archive_read_disk_set_behavior)                                                                              \
        X(archive_read_disk_set_symlink_physical)                                                                      \
        X(archive_read_free)                                                                                           \
        X(archive_read_new)                                                                                            \
        X(archive_read_next_header)                                                                                    \
        X(archive_read_next_header2)                                                                                   \
        X(archive_read_open_fd)                                                                                        \
        X(archive_read_support_filter_bzip2)                                                                           \
        X(archive_read_support_filter_compress)                                                                        \
        X(archive_read_support_filter_gzip)                                                                            \
        X(archive_read_support_filter_lz4)                                                                             \
        X(archive_read_support_filter_lzip)                                                                            \
        X(archive_read_support_filter_lzma)                                                                            \
        X(archive_read_support_filter_xz)                                                                              \
        X(archive_read_support_filter_zstd)                                                                            \
        X(archive_read_support_format_cpio)                                                                            \
        X(archive_read_support_format_tar)                                                                             \
        X(archive_write_add_filter_gzip)                                                                               \
        X(archive_write_add_filter_zstd)                                                                               \
        X(archive_write_add_filter_xz)                                                                                 \
        X(archive_write_close)                                                                                         \
        X(archive_write_data)                                                                                          \
        X(archive_write_data_block)                                                                                    \
        X(archive_write_disk_new)                                                                                      \
        X(archive_write_disk_set_options)                                                                              \
        X(archive_write_finish_entry)                                                                                  \
        X(archive_write_free)                                                                                          \
        X(archive_write_header)                                                                                        \
        X(archive_write_new)                                                                                           \
        X(archive_write_open_fd)                                                                                       \
        X(archive_write_set_bytes_in_last_block)                                                                       \
        X(archive_write_set_format_pax)

struct archive_library {
#define ARCHIVE_MEMBER(name) __typeof__(name) *name;
        ARCHIVE_FUNCTIONS(ARCHIVE_MEMBER)
#undef ARCHIVE_MEMBER
};

const struct archive_library *archive_library(void);

#ifndef ARCHIVE_LIBRARY_ITSELF
#define archive_entry_copy_hardlink             archive_library()->archive_entry_copy_hardlink
#define archive_entry_copy_pathname             archive_library()->archive_entry_copy_pathname
#define archive_entry_dev                       archive_library()->archive_entry_dev
#define archive_entry_filetype                  archive_library()->archive_entry_filetype
#define archive_entry_free                      archive_library()->archive_entry_free
#define archive_entry_gid                       archive_library()->archive_entry_gid
#define archive_entry_hardlink                  archive_library()->archive_entry_hardlink
#define archive_entry_ino64                     archive_library()->archive_entry_ino64
#define archive_entry_linkify                   archive_library()->archive_entry_linkify
#define archive_entry_linkresolver_free         archive_library()->archive_entry_linkresolver_free
#define archive_entry_linkresolver_new          archive_library()->archive_entry_linkresolver_new
#define archive_entry_linkresolver_set_strategy archive_library()->archive_entry_linkresolver_set_strategy
#define archive_entry_new                       archive_library()->archive_entry_new
#define archive_entry_pathname                  archive_library()->archive_entry_pathname
#define archive_entry_perm                      archive_library()->archive_entry_perm
#define archive_entry_rdev                      archive_library()->archive_entry_rdev
#define archive_entry_set_filetype              archive_library()->archive_entry_set_filetype
#define archive_entry_set_gid                   archive_library()->archive_entry_set_gid
#define archive_entry_set_mtime                 archive_library()->archive_entry_set_mtime
#define archive_entry_set_pathname              archive_library()->archive_entry_set_pathname
#define archive_entry_set_perm                  archive_library()->archive_entry_set_perm
#define archive_entry_set_size                  archive_library()->archive_entry_set_size
#define archive_entry_set_uid                   archive_library()->archive_entry_set_uid
#define archive_entry_size                      archive_library()->archive_entry_size
#define archive_entry_sourcepath                archive_library()->archive_entry_sourcepath
#define archive_entry_uid                       archive_library()->archive_entry_uid
#define archive_entry_xattr_add_entry           archive_library()->archive_entry_xattr_add_entry
#define archive_entry_xattr_clear               archive_library()->archive_entry_xattr_clear
#define archive_entry_xattr_count               archive_library()->archive_entry_xattr_count
#define archive_entry_xattr_next                archive_library()->archive_entry_xattr_next
#define archive_entry_xattr_reset               archive_library()->archive_entry_xattr_reset
#define archive_errno                           archive_library()->archive_errno
#define archive_error_string                    archive_library()->archive_error_string
#define archive_read_data                       archive_library()->archive_read_data
#define archive_read_data_block                 archive_library()->archive_read_data_block
#define archive_read_disk_can_descend           archive_library()->archive_read_disk_can_descend
#define archive_read_disk_descend               archive_library()->archive_read_disk_descend
#define archive_read_disk_new                   archive_library()->archive_read_disk_new
#define archive_read_disk_open                  archive_library()->archive_read_disk_open
#define archive_read_disk_set_behavior          archive_library()->archive_read_disk_set_behavior
#define archive_read_disk_set_symlink_physical  archive_library()->archive_read_disk_set_symlink_physical
#define archive_read_free                       archive_library()->archive_read_free
#define archive_read_new                        archive_library()->archive_read_new
#define archive_read_next_header                archive_library()->archive_read_next_header
#define archive_read_next_header2               archive_library()->archive_read_next_header2
#define archive_read_open_fd                    archive_library()->archive_read_open_fd
#define archive_read_support_filter_bzip2       archive_library()->archive_read_support_filter_bzip2
#define archive_read_support_filter_compress    archive_library()->archive_read_support_filter_compress
#define archive_read_support_filter_gzip        archive_library()->archive_read_support_filter_gzip
#define archive_read_support_filter_lz4         archive_library()->archive_read_support_filter_lz4
#define archive_read_support_filter_lzip        archive_library()->archive_read_support_filter_lzip
#define archive_read_support_filter_lzma        archive_library()->archive_read_support_filter_lzma
#define archive_read_support_filter_xz          archive_library()->archive_read_support_filter_xz
#define archive_read_support_filter_zstd        archive_library()->archive_read_support_filter_zstd
#define archive_read_support_format_cpio        archive_library()->archive_read_support_format_cpio
#define archive_read_support_format_tar         archive_library()->archive_read_support_format_tar
#define archive_write_add_filter_gzip           archive_library()->archive_write_add_filter_gzip
#define archive_write_add_filter_zstd           archive_library()->archive_write_add_filter_zstd
#define archive_write_add_filter_xz             archive_library()->archive_write_add_filter_xz
#define archive_write_close                     archive_library()->archive_write_close
#define archive_write_data                      archive_library()->archive_write_data
#define archive_write_data_block                archive_library()->archive_write_data_block
#define archive_write_disk_new                  archive_library()->archive_write_disk_new
#define archive_write_disk_set_options          archive_library()->archive_write_disk_set_options
#define archive_write_finish_entry              archive_library()->archive_write_finish_entry
#define archive_write_free                      archive_library()->archive_write_free
#define archive_write_header                    archive_library()->archive_write_header
#define archive_write_new                       archive_library()->archive_write_new
#define archive_write_open_fd                   archive_library()->archive_write_open_fd
#define archive_write_set_bytes_in_last_block   archive_library()->archive_write_set_bytes_in_last_block
#define archive_write_set_format_pax            archive_library()->archive_write_set_format_pax
#endif
