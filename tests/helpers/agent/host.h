/* What the parts of the test's host of berth-agent share. Everything that fails ends the program. */
#pragma once

#include <stdint.h>

#include "base/cleanup.h"
#include "oci/spec.h"
#include "runtime/core/plan.h"
#include "vmmode/protocol/message.h"

#define DEADLINE_MS 20000
#define FAILED      125

void __attribute__((noreturn, format(printf, 1, 2))) die(const char *format, ...);

struct oci_spec *read_bundle(const char *bundle);

/* The slots of the plan, the same at both ends: the root, then each bind mount. Returns their number. */
size_t slots_of(const struct oci_spec *spec, plan_slot *mounts);

/* ---- speaking ---- */

/* directory: of the sockets, or the socket of a machine monitor. */
int connect_to(const char *directory, uint32_t port);
/* With the greeting taken. */
int connect_to_agent(const char *directory);
void receive(int connection, struct message *message, int64_t deadline);
void send_it(int connection, struct message_builder *builder);

/* "pids.max:5" as a limit; the text is cut in two. */
void put_write(struct message_builder *builder, char *text, unsigned *controllers);

/* Prints an ERROR; returns the exit status. */
int say_error(const struct message *message);

/* ---- the verbs; exit statuses ---- */

int serve(const char *directory, const char *bundle, char *agent);
int launch(char **argv);
int ask(char **argv);
int raw(char **argv);
int crowd(char **argv);
