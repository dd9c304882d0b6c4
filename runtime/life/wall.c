#include "runtime/life/wall.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"

int wall_choose(enum isolation asked, const struct oci_spec *spec, enum isolation *isolation)
{
        const char *word = oci_annotation(spec, ANNOTATION_ISOLATION);

        if (word && strcmp(word, "vm") != 0 && strcmp(word, "process") != 0)
                return refuse(EINVAL, "annotations[\"" ANNOTATION_ISOLATION "\"]: \"%s\" is neither process nor vm",
                              word);
        if (asked != ISOLATION_UNSET)
                *isolation = asked;
        else if (spec->vm.set || (word && strcmp(word, "vm") == 0))
                *isolation = ISOLATION_VM;
        else
                *isolation = ISOLATION_PROCESS;
        /* The command said process, a stranger says vm: the stronger one. */
        if (word && strcmp(word, "vm") == 0)
                *isolation = ISOLATION_VM;
        return 0;
}
