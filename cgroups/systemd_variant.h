/* GVariant's text format, as far as properties of units need it: what busctl prints and runc takes. Pure.
 *
 *   true  false                     b
 *   5  -5  0x1f                     i
 *   uint32 5  byte 5  int64 5 ...   the type that is named: boolean byte int16 uint16 int32 uint32 int64 uint64 double
 *                                   string objectpath signature
 *   1.5  1e3                        d
 *   'text'  "text"                  s, with the escapes of C: \\ \' \" \a \b \f \n \r \t \v
 *   [1, 2]  ['a', "b"]              an array of one of these
 *   @as []  @t 5                    a D-Bus signature in front */
#pragma once

#include "cgroups/systemd_property.h"

/* Fills signature, n and v of *property, all in the arena. -EINVAL with a message that says what is wrong. */
int systemd_variant_parse(const char *text, struct arena *arena, struct systemd_property *property);
