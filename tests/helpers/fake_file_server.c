/* fake_file_server --fd=LISTENER ... -o source=PATH ...: stands in for QEMU's virtiofsd where there is no virtual
 * machine. Whoever connects (tests/helpers/fake_vmm.c) gets the tree at PATH as a detached mount; then it stays for as
 * long as he does. Other words are virtiofsd's and are not looked at. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define OPEN_TREE_CLONE     1
#define OPEN_TREE_RECURSIVE 0x8000
#define PATIENCE_MS         60000

static void hand_over(int connection, int tree)
{
        union {
                struct cmsghdr header;
                char room[CMSG_SPACE(sizeof(int))];
        } control = {0};
        char byte = 't';
        struct iovec part = {&byte, 1};
        struct msghdr message = {
                .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};

        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(&control.header), &tree, sizeof(int));
        /* As virtiofsd does when nobody asks for files any more. */
        if (sendmsg(connection, &message, MSG_NOSIGNAL) != 1)
                exit(0);
}

int main(int argc, char **argv)
{
        const char *source = NULL;
        struct pollfd event = {.fd = -1, .events = POLLIN};
        int connection, tree;
        char byte;

        for (int i = 1; i < argc; i++) {
                if (strncmp(argv[i], "--fd=", 5) == 0)
                        event.fd = atoi(argv[i] + 5);
                if (strncmp(argv[i], "source=", 7) == 0)
                        source = argv[i] + 7;
        }
        if (event.fd < 0 || !source)
                errx(1, "no --fd=, or no source=");
        tree = (int)syscall(SYS_open_tree, AT_FDCWD, source, OPEN_TREE_CLONE | OPEN_TREE_RECURSIVE | O_CLOEXEC);
        if (tree < 0)
                err(1, "%s", source);
        if (poll(&event, 1, PATIENCE_MS) <= 0)
                errx(1, "nobody connects");
        connection = accept(event.fd, NULL, NULL);
        if (connection < 0)
                err(1, "accept");
        hand_over(connection, tree);
        close(tree);
        while (read(connection, &byte, 1) > 0)
                continue;
        return 0;
}
