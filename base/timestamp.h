/* Points in time as RFC 3339 text, always in UTC: what engines parse out of `created` and of log records. By hand,
 * because gmtime(3) reads the machine's time zone files first. */
#pragma once

#include <stdint.h>

#define TIMESTAMP_SIZE 40

/* "2026-08-01T12:34:56.123456789Z", always nine digits of a second. buffer has TIMESTAMP_SIZE bytes. */
void timestamp_format(int64_t seconds, uint32_t nanoseconds, char *buffer);

/* The present (CLOCK_REALTIME). */
void timestamp_now(char *buffer);
