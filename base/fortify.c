/* Names that Debian's static libraries refer to because they were compiled for glibc with _FORTIFY_SOURCE, and that
 * musl does not have. Otherwise the two agree on the ABI of the platform. The sizes that the callers checked at compile
 * time are checked here again where that is possible. Since Debian 13 (glibc 2.38) those of C23, which reads numbers
 * like 0b101 too; none of ours is written so. Nobody but the linker uses these; sanitized builds have glibc's own. */
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *__memcpy_chk(void *to, const void *from, size_t n, size_t room);
int __snprintf_chk(char *to, size_t size, int flag, size_t room, const char *format, ...);
int __sprintf_chk(char *to, int flag, size_t room, const char *format, ...);
int __fprintf_chk(FILE *file, int flag, const char *format, ...);
int __vfprintf_chk(FILE *file, int flag, const char *format, va_list args);
int __printf_chk(int flag, const char *format, ...);
int __asprintf_chk(char **to, int flag, const char *format, ...);
int __vasprintf_chk(char **to, int flag, const char *format, va_list args);
long __isoc23_strtol(const char *text, char **end, int base);
unsigned long __isoc23_strtoul(const char *text, char **end, int base);
int __isoc23_sscanf(const char *text, const char *format, ...);
int __isoc23_fscanf(FILE *file, const char *format, ...);

void *__memcpy_chk(void *to, const void *from, size_t n, size_t room)
{
        if (n > room)
                abort();
        return memcpy(to, from, n);
}

int __snprintf_chk(char *to, size_t size, int flag, size_t room, const char *format, ...)
{
        va_list args;
        int n;

        (void)flag;
        if (size > room)
                abort();
        va_start(args, format);
        n = vsnprintf(to, size, format, args);
        va_end(args);
        return n;
}

int __sprintf_chk(char *to, int flag, size_t room, const char *format, ...)
{
        va_list args;
        int n;

        (void)flag;
        va_start(args, format);
        n = vsnprintf(to, room, format, args);
        va_end(args);
        if (n >= 0 && (size_t)n >= room)
                abort();
        return n;
}

int __vfprintf_chk(FILE *file, int flag, const char *format, va_list args)
{
        (void)flag;
        return vfprintf(file, format, args);
}

int __fprintf_chk(FILE *file, int flag, const char *format, ...)
{
        va_list args;
        int n;

        (void)flag;
        va_start(args, format);
        n = vfprintf(file, format, args);
        va_end(args);
        return n;
}

int __printf_chk(int flag, const char *format, ...)
{
        va_list args;
        int n;

        (void)flag;
        va_start(args, format);
        n = vprintf(format, args);
        va_end(args);
        return n;
}

int __vasprintf_chk(char **to, int flag, const char *format, va_list args)
{
        (void)flag;
        return vasprintf(to, format, args);
}

int __asprintf_chk(char **to, int flag, const char *format, ...)
{
        va_list args;
        int n;

        (void)flag;
        va_start(args, format);
        n = vasprintf(to, format, args);
        va_end(args);
        return n;
}

long __isoc23_strtol(const char *text, char **end, int base)
{
        return strtol(text, end, base);
}

unsigned long __isoc23_strtoul(const char *text, char **end, int base)
{
        return strtoul(text, end, base);
}

int __isoc23_sscanf(const char *text, const char *format, ...)
{
        va_list args;
        int n;

        va_start(args, format);
        n = vsscanf(text, format, args);
        va_end(args);
        return n;
}

int __isoc23_fscanf(FILE *file, const char *format, ...)
{
        va_list args;
        int n;

        va_start(args, format);
        n = vfscanf(file, format, args);
        va_end(args);
        return n;
}
