/* What json_parse asks of a text before yajl sees it: yajl 2.1 takes overlong UTF-8 and encoded surrogates, makes "?"
 * of a lone escaped surrogate (and once read past the end there, CVE-2017-16516). */
#pragma once

#include <stddef.h>

/* 0, or -EINVAL with a message that names line and column of the first bad byte. */
int json_text_check(const char *name, const char *text, size_t size);

/* refuse(EINVAL, "NAME: line L, column C: WHAT"): for the byte at `offset`, columns counted in bytes from 1. */
int json_text_refuse(const char *name, const char *text, size_t offset, const char *what);
