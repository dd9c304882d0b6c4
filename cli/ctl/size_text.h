/* Sizes as people read them: "1.5 GiB". */
#pragma once

#include <stdint.h>

#define SIZE_TEXT 32

/* Returns text. */
const char *size_text(uint64_t bytes, char text[SIZE_TEXT]);
