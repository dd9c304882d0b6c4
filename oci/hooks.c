#include "oci/tables.h"

static const struct decode_field hook_fields[] = {
        DECODE_STRING(struct oci_hook, path, "path", DECODE_REQUIRED | DECODE_ABSOLUTE),
        DECODE_STRINGS(struct oci_hook, args, "args", 0),
        DECODE_STRINGS(struct oci_hook, env, "env", 0),
        DECODE_OPTIONAL_I64(struct oci_hook, timeout, "timeout", 1, INT32_MAX, 0),
};

static int check_hook(struct decoder *decoder, void *structure)
{
        return environment_keep_last(decoder, &((struct oci_hook *)structure)->env);
}

static const struct decode_table hook_table = DECODE_TABLE(struct oci_hook, hook_fields, check_hook);

#define HOOKS(kind, name) DECODE_ARRAY(struct oci_spec, hooks[kind].n, hooks[kind].v, name, &hook_table, 0)

static const struct decode_field hooks_fields[] = {
        HOOKS(OCI_HOOK_PRESTART, "prestart"),
        HOOKS(OCI_HOOK_CREATE_RUNTIME, "createRuntime"),
        HOOKS(OCI_HOOK_CREATE_CONTAINER, "createContainer"),
        HOOKS(OCI_HOOK_START_CONTAINER, "startContainer"),
        HOOKS(OCI_HOOK_POSTSTART, "poststart"),
        HOOKS(OCI_HOOK_POSTSTOP, "poststop"),
};
const struct decode_table hooks_table = DECODE_TABLE(struct oci_spec, hooks_fields, NULL);
