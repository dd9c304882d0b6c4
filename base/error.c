#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static char chain[ERROR_MESSAGE_MAX];

int fail(int err, const char *format, ...)
{
        va_list args;
        size_t used;

        va_start(args, format);
        vsnprintf(chain, sizeof(chain), format, args);
        va_end(args);
        used = strlen(chain);
        snprintf(chain + used, sizeof(chain) - used, ": %s", strerror(err));
        return -err;
}

int refuse(int err, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        vsnprintf(chain, sizeof(chain), format, args);
        va_end(args);
        return -err;
}

int fail_in(int r, const char *format, ...)
{
        char text[ERROR_MESSAGE_MAX];
        va_list args;
        size_t used;

        va_start(args, format);
        vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        used = strlen(text);
        snprintf(text + used, sizeof(text) - used, ": %s", chain[0] ? chain : strerror(-r));
        memcpy(chain, text, sizeof(chain));
        return r;
}

const char *error_message(void)
{
        return chain;
}

void error_clear(void)
{
        chain[0] = '\0';
}
