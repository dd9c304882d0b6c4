/* The host's side of berth-agent for tests, without a machine.
 *
 *   agent serve DIRECTORY BUNDLE AGENT     namespaces, the share of BUNDLE's root and bind mounts, AGENT as PID 1 in it
 *   agent launch DIRECTORY BUNDLE ID [OPTION...] [-- ARGUMENT...]
 *                                          the bundle's process with our descriptors 0 to 2; ends with its status, or
 *                                          with 125 and "error NUMBER: TEXT"
 *       exec            into the running container
 *       terminal        the process has a terminal, of 40 rows and 132 columns
 *       hold=FIFO       say "ready" on descriptor 2, and start when FIFO is written to
 *       limit=FILE:VALUE   a write into its group's file
 *       only=IN         no output is connected
 *       let-go          nothing is connected, and the word to go on is said in advance
 *       SIGTERM is handed on to the process.
 *
 *   DIRECTORY may also be the socket on which a machine monitor takes connections for a real guest.
 *
 *   agent ask DIRECTORY KIND ID [NUMBER [all] | FILE:VALUE...]
 *                                          one request; prints what is answered
 *   agent raw DIRECTORY
 *       after the greeting sends standard input, prints the kinds of what is answered
 *   agent crowd DIRECTORY N
 *       makes N connections, prints how many are greeted and refused, holds them until standard input ends
 */
#include <signal.h>
#include <string.h>

#include "tests/helpers/agent/host.h"

int main(int argc, char **argv)
{
        signal(SIGPIPE, SIG_IGN);
        if (argc == 5 && strcmp(argv[1], "serve") == 0)
                return serve(argv[2], argv[3], argv[4]);
        if (argc >= 5 && strcmp(argv[1], "launch") == 0)
                return launch(argv + 2);
        if (argc >= 4 && strcmp(argv[1], "ask") == 0)
                return ask(argv + 2);
        if (argc == 3 && strcmp(argv[1], "raw") == 0)
                return raw(argv + 2);
        if (argc == 4 && strcmp(argv[1], "crowd") == 0)
                return crowd(argv + 2);
        die("serve, launch, ask, raw or crowd");
}
