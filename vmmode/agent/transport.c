#include "vmmode/agent/transport.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/unix_address.h"
#include "vmmode/protocol/message.h"

#define BACKLOG 128

static struct sockaddr_un address_of(const struct transport *transport, uint32_t port)
{
        char name[16];

        snprintf(name, sizeof(name), "%u", port);
        return unix_address_at(transport->directory, name);
}

static int listen_unix(const struct transport *transport, uint32_t *port)
{
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        struct sockaddr_un address;

        if (fd < 0)
                return fail(errno, "make a socket");
        /* One process listens on one port, and its pid is its own. */
        if (*port == 0)
                *port = AGENT_PORT + (uint32_t)getpid();
        address = address_of(transport, *port);
        if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, BACKLOG) < 0)
                return fail(errno, "listen on the socket %u", *port);
        return take_fd(&fd);
}

static int listen_vsock(uint32_t *port)
{
        _cleanup_close_ int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        struct sockaddr_vm address = {
                .svm_family = AF_VSOCK,
                .svm_cid = VMADDR_CID_ANY,
                .svm_port = *port ? *port : VMADDR_PORT_ANY,
        };
        socklen_t size = sizeof(address);

        if (fd < 0)
                return fail(errno, "make a vsock socket%s",
                            errno == EAFNOSUPPORT ? " (has the kernel CONFIG_VIRTIO_VSOCKETS?)" : "");
        if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, BACKLOG) < 0)
                return fail(errno, "listen on vsock port %u", address.svm_port);
        if (getsockname(fd, (struct sockaddr *)&address, &size) < 0)
                return fail(errno, "look at a vsock socket");
        *port = address.svm_port;
        return take_fd(&fd);
}

int transport_listen(const struct transport *transport, uint32_t *port)
{
        return transport->directory >= 0 ? listen_unix(transport, port) : listen_vsock(port);
}

int transport_accept(const struct transport *transport, int listener)
{
        for (;;) {
                struct sockaddr_vm peer = {0};
                socklen_t size = sizeof(peer);
                int fd;

                do
                        fd = accept4(listener, transport->directory >= 0 ? NULL : (struct sockaddr *)&peer,
                                     transport->directory >= 0 ? NULL : &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
                while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
                if (fd < 0)
                        return -errno;
                /* Vsock ports know no namespaces: a container could reach us by the machine's own address. */
                if (transport->directory >= 0 || peer.svm_cid == VMADDR_CID_HOST)
                        return fd;
                close(fd);
        }
}

void transport_close(const struct transport *transport, int *listener, uint32_t port)
{
        char name[16];

        if (*listener < 0)
                return;
        if (transport->directory >= 0) {
                snprintf(name, sizeof(name), "%u", port);
                (void)unlinkat(transport->directory, name, 0);
        }
        replace_fd(listener, -EBADF);
}
