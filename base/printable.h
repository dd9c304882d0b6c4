/* What a container, an image or a guest has named is shown to people: nothing of it may speak to their terminal. */
#pragma once

#include <stddef.h>

/* How many bytes the control character at the beginning of a text has: 1 for U+0001 to U+001F and U+007F; 2 for U+0080
 * to U+009F in UTF-8, of which U+009B begins a sequence as ESC [ does; 0 when there is none, and at the text's end. */
size_t control_character(const char *text);

/* Overwrites every byte of every control character in `text` but those in `kept` with `by`. */
void text_make_printable(char *text, const char *kept, char by);
