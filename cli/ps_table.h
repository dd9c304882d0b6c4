/* `berth ps` as a table: what the host's ps prints, without the lines of other processes. */
#pragma once

#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

/* Runs ps with the arguments (none: -ef). *listing is what it printed, malloc'ed. -ENOENT without a message when the
 * host has no ps. */
int ps_run(const char **arguments, size_t n, char **listing);

/* Copies the header line and those whose PID column names one of the pids. -EINVAL with a message when there is no such
 * column. Pure but for the stream. */
int ps_filter(const char *listing, const pid_t *pids, size_t n, FILE *out);

/* A column of pids. */
void ps_plain(const pid_t *pids, size_t n, FILE *out);
