/* The network of a container as it comes to the guest's agent. What is accepted must be safe to use, and be the same
 * bytes when it is written again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "netdev/network.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds)
{
        if (!holds)
                abort();
}

static void check_texts(const struct network *network)
{
        char text[NETWORK_TEXT_MAX];

        for (size_t i = 0; i < network->n_interfaces; i++)
                check(strlen(network->interfaces[i].name) > 0 && !strchr(network->interfaces[i].name, '/'));
        for (size_t i = 0; i < network->n_addresses; i++) {
                check(strcmp(network_interface_name(network, network->addresses[i].interface), "?") != 0 ||
                      strcmp(network->interfaces[network->addresses[i].interface].name, "?") == 0);
                network_address_text(&network->addresses[i], text);
        }
        for (size_t i = 0; i < network->n_routes; i++) {
                network_route_text(network, &network->routes[i], text);
                (void)network_route_is_made(network, &network->routes[i]);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct network network;
        size_t size_again;
        void *again;

        if (network_parse(data, size, &network) < 0) {
                check(error_message()[0] != '\0');
                error_clear();
                return 0;
        }
        check_texts(&network);
        check(network_write(&network, &again, &size_again) == 0);
        check(size_again == size && memcmp(again, data, size) == 0);
        free(again);
        network_free(&network);
        return 0;
}
