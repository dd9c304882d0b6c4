/* The other end of control=FD: a SOCK_SEQPACKET connection to one trusted process (berth-proxy). A request is one
 * packet with one of the structures below, and a descriptor where it says so; the answer is one packet with an int32_t,
 * 0 or -errno. What is no request is answered with -EBADMSG. When the other side closes, the machine goes on without.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmmode/vmm/loop.h"

enum control_kind {
        CONTROL_NET = 1,    /* struct control_net and a tap device (IFF_TAP | IFF_NO_PI | IFF_VNET_HDR), behind which
                               may stand a descriptor of /dev/vhost-net, where the command line says vhost=on */
        CONTROL_PAUSE = 2,  /* struct control_word: stop all processors; -ETIMEDOUT after CONTROL_PAUSE_MS */
        CONTROL_RESUME = 3, /* struct control_word */
};

#define CONTROL_PAUSE_MS 5000

struct control_word {
        uint32_t kind;
};

/* Gives network device `index` (from 0, in the order of the command line: net=, then those of nics=) its tap.
 * mtu: 0 or 68 to 65535. -EBUSY when it has one, or when the guest's driver is there already and would not look at
 * address and MTU again; -ENODEV when there is no such device. */
struct control_net {
        uint32_t kind, index;
        uint8_t mac[6];
        uint16_t mtu;
};

struct machine;

struct control {
        struct watch watch;
        struct machine *machine;
};

/* socket: owned from here on. */
int control_init(struct control *control, struct machine *machine, int socket);

void control_free(struct control *control);
