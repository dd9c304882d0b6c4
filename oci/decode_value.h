/* The decoder's half that reads single values: inside oci/decode only. */
#pragma once

#include "oci/decode.h"

/* Fills the member of one field that is neither OBJECT, ARRAY nor CUSTOM. */
int decode_value(struct decoder *decoder, const struct decode_field *field, const struct json_node *node, char *base);
