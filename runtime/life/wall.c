#include "runtime/life/wall.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"

/* What the specification says, by its vm object or by the annotation. */
static enum isolation asked_by_spec(const struct oci_spec *spec, const char *word)
{
        return spec->vm.set || (word && strcmp(word, "vm") == 0) ? ISOLATION_VM : ISOLATION_UNSET;
}

int wall_choose(enum isolation asked, const struct oci_spec *spec, const struct wall_policy *policy,
                enum isolation *isolation)
{
        const char *word = oci_annotation(spec, ANNOTATION_ISOLATION);

        if (word && strcmp(word, "vm") != 0 && strcmp(word, "process") != 0)
                return refuse(EINVAL, "annotations[\"" ANNOTATION_ISOLATION "\"]: \"%s\" is neither process nor vm",
                              word);
        if (asked == ISOLATION_UNSET)
                asked = asked_by_spec(spec, word);
        /* The command said process, a stranger says vm: the stronger one. */
        if (word && strcmp(word, "vm") == 0)
                asked = ISOLATION_VM;
        if (policy->required != ISOLATION_UNSET && asked != ISOLATION_UNSET && asked != policy->required)
                return refuse(EPERM, "this host's berth.conf allows only %s isolation",
                              policy->required == ISOLATION_VM ? "vm" : "process");
        if (asked == ISOLATION_UNSET)
                asked = policy->required != ISOLATION_UNSET ? policy->required : policy->usual;
        *isolation = asked != ISOLATION_UNSET ? asked : ISOLATION_PROCESS;
        return 0;
}
