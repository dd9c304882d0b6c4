/* The hooks of the runtime's own namespaces: prestart, createRuntime, poststart, poststop. (createContainer and
 * startContainer are steps of the plan.) */
#pragma once

#include "oci/spec.h"
#include "runtime/life/container.h"
#include "runtime/life/record.h"

/* The state as hooks get it, with this status word, malloc'ed. */
int hooks_state(const struct record *record, enum container_status status, char **json);

/* The same in a sealed memfd, for hooks that the init runs. Returns the descriptor. */
int hooks_state_fd(const struct record *record, enum container_status status);

/* Runs all hooks of a kind in order, in the bundle's directory, with the runtime's environment where they list none;
 * stops at the first that fails. interrupt: as hook_run (runtime/core/hook_run.h).
 */
int hooks_run(const struct runtime *runtime, const struct oci_spec *spec, enum oci_hook_kind kind,
              const struct record *record, enum container_status status, int interrupt);

/* The same, going on after a failure, which is a warning: poststop. */
void hooks_run_all(const struct runtime *runtime, const struct oci_spec *spec, enum oci_hook_kind kind,
                   const struct record *record, enum container_status status);

/* How long the init may be silent while it runs the hooks of this kind: their timeouts, and a step of its own. */
int hooks_deadline_ms(const struct oci_spec *spec, enum oci_hook_kind kind);
