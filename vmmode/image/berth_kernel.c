/* berth-kernel: makes the image that a virtual machine starts from, and keeps it in a cache. berth calls it when the
 * cache has no entry yet (vmmode/host/image.h); it can be called by hand, too. It is a program of its own for the sake
 * of the libraries that decompress, which berth itself does without.
 *
 *      berth-kernel prepare --cache DIR [--kernel FILE] [--modules DIR|none] --agent FILE
 *
 * Prints the two paths and the kernel's release. Ends with 0, or with 1 and one line on standard error. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "version.h"
#include "vmmode/image/entry.h"
#include "vmmode/image/prepare.h"

#define USAGE "usage: berth-kernel prepare --cache DIR [--kernel FILE] [--modules DIR|none] --agent FILE\n"

static const struct option options[] = {
        {"cache", required_argument, NULL, 'c'},
        {"kernel", required_argument, NULL, 'k'},
        {"modules", required_argument, NULL, 'm'},
        {"agent", required_argument, NULL, 'a'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},
        {0},
};

static int usage(void)
{
        fputs(USAGE, stderr);
        return 1;
}

static int prepare(const struct prepare_request *request)
{
        struct image_source source;
        char path[PATH_MAX];

        if (prepare_image(request, &source, path) < 0) {
                fprintf(stderr, "berth-kernel: %s\n", error_message());
                return 1;
        }
        printf("kernel %s/" ENTRY_KERNEL "\ninitrd %s/" ENTRY_INITRD "\nrelease %s\n", path, path, source.release);
        return fflush(stdout) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
        struct prepare_request request = {0};
        int option;

        while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
                switch (option) {
                case 'c':
                        request.cache = optarg;
                        break;
                case 'k':
                        request.kernel = optarg;
                        break;
                case 'm':
                        request.modules = optarg;
                        break;
                case 'a':
                        request.agent = optarg;
                        break;
                case 'h':
                        fputs(USAGE, stdout);
                        return 0;
                case 'v':
                        puts("berth-kernel version " BERTH_VERSION "\ncommit: " BERTH_COMMIT);
                        return 0;
                default:
                        return usage();
                }
        }
        if (optind + 1 != argc || strcmp(argv[optind], "prepare") != 0 || !request.cache || !request.agent)
                return usage();
        /* What is made is the same whatever the caller's umask, and nobody else's to write. */
        umask(022);
        signal(SIGPIPE, SIG_IGN);
        return prepare(&request);
}
