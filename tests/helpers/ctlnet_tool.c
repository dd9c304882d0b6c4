/* The networks of persistent containers by hand, for the tests: ctlnet_tool DIRECTORY COMMAND ARGUMENT...
 *
 *      create NETWORK [KEY=VALUE...]          mode parent subnet subnet6 gateway mtu; no-nat no-ipv6 no-dns internal
 *      networks | network NETWORK | delete NETWORK
 *      allocate CONTAINER [KEY=VALUE...]      net ip ip6 mac gateway publish in out index name hostname dns spoof
 *      attach CONTAINER NETNS [KEY=VALUE...]  NETNS: a file of a network namespace
 *      detach CONTAINER [reaped] | forget CONTAINER | rename FROM TO | show CONTAINER
 *      rates CONTAINER IN OUT | publish CONTAINER [PORT...] | repair
 *      say advert|router ADDRESS LINK         what a neighbour or a router says: ADDRESS is at the link's MAC
 *      frame LINK MAC FROM TO [SUM]           a packet of UDP's port 9 between two IPv4 addresses, in a frame to MAC
 *      many N                                 attaches N new namespaces, says what the first and last 20 cost, medians
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "netdev/ctlnet.h"

#define GROUP 20

static struct ctlnet *net;

static void need(int r)
{
        if (r < 0)
                errx(1, "%s", error_message());
}

static const char *value_of(const char *argument, const char *key)
{
        size_t size = strlen(key);

        return strncmp(argument, key, size) == 0 && argument[size] == '=' ? argument + size + 1 : NULL;
}

static void need_address(const char *text, struct ctlnet_address *address)
{
        if (ctlnet_parse_address(text, address) < 0)
                errx(2, "%s is no address", text);
}

static uint64_t need_rate(const char *text)
{
        uint64_t rate = 0;

        if (strcmp(text, "0") != 0 && ctlnet_parse_rate(text, &rate) < 0)
                errx(2, "%s is no rate", text);
        return rate;
}

/* ---- networks ---- */

static void read_network(char **arguments, struct ctlnet_network *network)
{
        for (; *arguments; arguments++) {
                const char *a = *arguments, *v;

                if ((v = value_of(a, "mode")))
                        network->mode = strcmp(v, "routed") == 0    ? CTLNET_ROUTED
                                        : strcmp(v, "macvlan") == 0 ? CTLNET_MACVLAN
                                                                    : CTLNET_BRIDGE;
                else if ((v = value_of(a, "parent")))
                        snprintf(network->parent, sizeof(network->parent), "%s", v);
                else if ((v = value_of(a, "subnet")))
                        need_address(v, &network->subnet4);
                else if ((v = value_of(a, "subnet6")))
                        need_address(v, &network->subnet6);
                else if ((v = value_of(a, "gateway")))
                        need_address(v, &network->gateway4);
                else if ((v = value_of(a, "mtu")))
                        network->mtu = (unsigned)atoi(v);
                else if (strcmp(a, "no-nat") == 0)
                        network->no_nat = true;
                else if (strcmp(a, "no-ipv6") == 0)
                        network->no_ipv6 = true;
                else if (strcmp(a, "no-dns") == 0)
                        network->no_dns = true;
                else if (strcmp(a, "internal") == 0)
                        network->internal = true;
                else
                        errx(2, "what is %s?", a);
        }
}

static void print_network(const struct ctlnet_network *network)
{
        char subnet4[CTLNET_ADDRESS_TEXT], subnet6[CTLNET_ADDRESS_TEXT];

        printf("%s %s %s %zu\n", network->name, ctlnet_format_address(&network->subnet4, true, subnet4),
               ctlnet_format_address(&network->subnet6, true, subnet6), network->members);
}

static int networks(const char *command, char **arguments)
{
        struct ctlnet_network network = {0}, *list;
        size_t n;

        if (strcmp(command, "create") == 0) {
                snprintf(network.name, sizeof(network.name), "%s", arguments[0]);
                read_network(arguments + 1, &network);
                need(ctlnet_network_create(net, &network));
        } else if (strcmp(command, "networks") == 0) {
                need(ctlnet_network_list(net, &list, &n));
                for (size_t i = 0; i < n; i++)
                        print_network(&list[i]);
                free(list);
        } else if (strcmp(command, "network") == 0) {
                need(ctlnet_network_show(net, arguments[0], &network));
                print_network(&network);
        } else if (strcmp(command, "delete") == 0) {
                need(ctlnet_network_delete(net, arguments[0]));
        } else {
                return 0;
        }
        return 1;
}

/* ---- interfaces ---- */

static struct ctlnet_publish ports[CTLNET_PUBLISH_MAX];

static void add_port(struct ctlnet_request *request, const char *text)
{
        need(ctlnet_parse_publish(text, &ports[request->n_publish]));
        request->n_publish++;
        request->publish = ports;
}

static void read_more(const char *a, struct ctlnet_request *request)
{
        const char *v;

        if ((v = value_of(a, "publish")))
                add_port(request, v);
        else if ((v = value_of(a, "in")))
                request->rate_in = need_rate(v);
        else if ((v = value_of(a, "out")))
                request->rate_out = need_rate(v);
        else if ((v = value_of(a, "index")))
                request->secondary = (request->index = (unsigned)atoi(v)) > 0;
        else if ((v = value_of(a, "name")))
                request->interface = v;
        else if ((v = value_of(a, "hostname")))
                request->hostname = v;
        else if ((v = value_of(a, "dns")))
                need_address(v, &request->servers[request->n_servers++]);
        else if (strcmp(a, "spoof") == 0)
                request->allow_spoofing = true;
        else
                errx(2, "what is %s?", a);
}

static void read_request(char **arguments, struct ctlnet_request *request)
{
        const char *text = CTLNET_DEFAULT;
        char *storage;

        for (; *arguments; arguments++) {
                const char *a = *arguments, *v;

                if ((v = value_of(a, "net")))
                        text = v;
                else if ((v = value_of(a, "ip")))
                        need_address(v, &request->ipv4);
                else if ((v = value_of(a, "ip6")))
                        need_address(v, &request->ipv6);
                else if ((v = value_of(a, "gateway")))
                        need_address(v, &request->gateway4);
                else if ((v = value_of(a, "mac"))) {
                        if (ctlnet_parse_mac(v, request->mac) < 0)
                                errx(2, "%s is no MAC", v);
                } else
                        read_more(a, request);
        }
        need(ctlnet_parse_net(net, text, request, &storage));
}

static void print_address(const char *name, const struct ctlnet_address *address, bool prefixed)
{
        char text[CTLNET_ADDRESS_TEXT];

        if (address->family)
                printf("%s %s\n", name, ctlnet_format_address(address, prefixed, text));
}

static void print_result(const struct ctlnet_result *result)
{
        char mac[CTLNET_MAC_TEXT];

        printf("link %s\ninterface %s\nmac %s\n", result->host_link, result->interface,
               ctlnet_format_mac(result->mac, mac));
        print_address("ipv4", &result->ipv4, true);
        print_address("ipv6", &result->ipv6, true);
        print_address("gateway4", &result->gateway4, false);
        print_address("gateway6", &result->gateway6, false);
        for (size_t i = 0; i < result->n_servers; i++)
                print_address("dns", &result->servers[i], false);
}

static int open_namespace(const char *path)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC);

        if (fd < 0)
                err(2, "%s", path);
        return fd;
}

static int interfaces(const char *command, char **arguments)
{
        struct ctlnet_request request = {.container = arguments[0]};
        struct ctlnet_result result;

        if (strcmp(command, "allocate") == 0) {
                read_request(arguments + 1, &request);
                need(ctlnet_allocate(net, &request, &result));
        } else if (strcmp(command, "attach") == 0) {
                read_request(arguments + 2, &request);
                need(ctlnet_attach(net, &request, open_namespace(arguments[1]), &result));
        } else if (strcmp(command, "show") == 0) {
                need(ctlnet_show(net, arguments[0], 0, &result));
        } else {
                return 0;
        }
        print_result(&result);
        return 1;
}

static int changes(const char *command, char **arguments)
{
        struct ctlnet_request request = {0};

        if (strcmp(command, "detach") == 0)
                need(ctlnet_detach(net, arguments[0], arguments[1] ? CTLNET_LINKS_REAPED : CTLNET_LINKS_DELETED));
        else if (strcmp(command, "forget") == 0)
                need(ctlnet_forget(net, arguments[0]));
        else if (strcmp(command, "rename") == 0)
                need(ctlnet_rename(net, arguments[0], arguments[1]));
        else if (strcmp(command, "rates") == 0)
                need(ctlnet_set_rates(net, arguments[0], 0, need_rate(arguments[1]), need_rate(arguments[2])));
        else if (strcmp(command, "publish") == 0) {
                for (char **port = arguments + 1; *port; port++)
                        add_port(&request, *port);
                need(ctlnet_set_publish(net, arguments[0], 0, ports, request.n_publish));
        } else if (strcmp(command, "repair") == 0)
                need(ctlnet_repair(net, NULL, NULL));
        else
                return 0;
        return 1;
}

/* ---- what a container should not say ---- */

static void say(const char *what, const char *address, const char *link)
{
        struct {
                struct nd_neighbor_advert head;
                struct nd_opt_hdr option;
                uint8_t mac[6];
        } advert = {.head = {.nd_na_hdr = {.icmp6_type = ND_NEIGHBOR_ADVERT}},
                    .option = {.nd_opt_type = ND_OPT_TARGET_LINKADDR, .nd_opt_len = 1}};
        struct nd_router_advert router = {.nd_ra_hdr = {.icmp6_type = ND_ROUTER_ADVERT}, .nd_ra_router_lifetime = 255};
        struct sockaddr_in6 all = {.sin6_family = AF_INET6, .sin6_scope_id = if_nametoindex(link)}, from = all;
        bool neighbour = strcmp(what, "advert") == 0;
        int fd = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMPV6), hops = 255;
        struct ifreq request = {0};
        ssize_t sent;

        snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", link);
        if (fd < 0 || inet_pton(AF_INET6, "ff02::1", &all.sin6_addr) != 1 ||
            inet_pton(AF_INET6, address, &from.sin6_addr) != 1 || ioctl(fd, SIOCGIFHWADDR, &request) < 0 ||
            setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof(hops)) < 0)
                err(1, "say %s", what);
        advert.head.nd_na_flags_reserved = ND_NA_FLAG_OVERRIDE;
        advert.head.nd_na_target = from.sin6_addr;
        memcpy(advert.mac, request.ifr_hwaddr.sa_data, sizeof(advert.mac));
        if (neighbour)
                sent = sendto(fd, &advert, sizeof(advert), 0, (struct sockaddr *)&all, sizeof(all));
        else if (bind(fd, (struct sockaddr *)&from, sizeof(from)) < 0)
                err(1, "take %s", address);
        else
                sent = sendto(fd, &router, sizeof(router), 0, (struct sockaddr *)&all, sizeof(all));
        if (sent < 0)
                err(1, "say %s", what);
        close(fd);
}

static uint16_t checksum(const struct iphdr *ip)
{
        const uint16_t *words = (const void *)ip;
        uint32_t sum = 0;

        for (size_t i = 0; i < sizeof(*ip) / 2; i++)
                sum += words[i];
        sum = (sum & 0xffff) + (sum >> 16);
        return (uint16_t) ~(sum + (sum >> 16));
}

static void frame(const char *link, const char *mac, const char *from, const char *to, int sum)
{
        struct {
                struct ethhdr ether;
                struct iphdr ip;
                struct udphdr udp;
        } __attribute__((packed)) packet = {
                .ether = {.h_proto = htons(ETH_P_IP)},
                .ip = {.version = 4,
                       .ihl = 5,
                       .tot_len = htons(sizeof(packet.ip) + sizeof(packet.udp)),
                       .ttl = 64,
                       .protocol = IPPROTO_UDP},
                .udp = {.source = htons(9),
                        .dest = htons(9),
                        .len = htons(sizeof(packet.udp)),
                        .check = htons((uint16_t)sum)},
        };
        int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_IP));
        struct sockaddr_ll out = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(link)};
        struct ifreq request = {0};
        struct iphdr ip;

        snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", link);
        if (fd < 0 || ioctl(fd, SIOCGIFHWADDR, &request) < 0)
                err(1, "a frame by %s", link);
        memcpy(packet.ether.h_source, request.ifr_hwaddr.sa_data, ETH_ALEN);
        memcpy(packet.ether.h_dest, ether_aton(mac), ETH_ALEN);
        packet.ip.saddr = inet_addr(from);
        packet.ip.daddr = inet_addr(to);
        ip = packet.ip;
        packet.ip.check = checksum(&ip);
        if (sendto(fd, &packet, sizeof(packet), 0, (struct sockaddr *)&out, sizeof(out)) < 0)
                err(1, "send a frame to %s", mac);
        close(fd);
}

/* ---- many ---- */

static int new_namespace(int home)
{
        int fd;

        if (unshare(CLONE_NEWNET) < 0)
                err(1, "unshare");
        fd = open_namespace("/proc/thread-self/ns/net");
        if (setns(home, CLONE_NEWNET) < 0)
                err(1, "setns");
        return fd;
}

static int by_time(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;

        return (x > y) - (x < y);
}

static double median(const double *times)
{
        double sorted[GROUP];

        memcpy(sorted, times, sizeof(sorted));
        qsort(sorted, GROUP, sizeof(*sorted), by_time);
        return (sorted[GROUP / 2 - 1] + sorted[GROUP / 2]) / 2;
}

/* Of the processor: what others on the machine do does not count. */
static double milliseconds(void)
{
        struct timespec now;

        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
        return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void many(int n)
{
        int home = open_namespace("/proc/self/ns/net");
        double *times = calloc((size_t)n, sizeof(*times));
        struct ctlnet_result result;
        char name[32], *storage;

        if (n < 2 * GROUP || !times)
                errx(2, "at least %d", 2 * GROUP);
        for (int i = 0; i < n; i++) {
                struct ctlnet_publish publish;
                struct ctlnet_request request = {.container = name, .n_publish = 1, .publish = &publish};
                int namespace = new_namespace(home);
                double start = milliseconds();

                snprintf(name, sizeof(name), "many%d", i);
                publish = (struct ctlnet_publish){6, {0}, (uint16_t)(20000 + i), 80, 1};
                need(ctlnet_parse_net(net, CTLNET_DEFAULT, &request, &storage));
                need(ctlnet_attach(net, &request, namespace, &result));
                times[i] = milliseconds() - start;
                free(storage);
                /* The namespace lives on by this descriptor. */
        }
        printf("first %.2f ms, last %.2f ms\n", median(times), median(times + n - GROUP));
        free(times);
}

int main(int argc, char **argv)
{
        if (argc < 3)
                errx(2, "usage: ctlnet_tool DIRECTORY COMMAND ARGUMENT...");
        need(ctlnet_open(argv[1], &net));
        if (strcmp(argv[2], "many") == 0)
                many(atoi(argv[3]));
        else if (strcmp(argv[2], "say") == 0 && argc == 6)
                say(argv[3], argv[4], argv[5]);
        else if (strcmp(argv[2], "frame") == 0 && argc >= 7)
                frame(argv[3], argv[4], argv[5], argv[6], argc > 7 ? atoi(argv[7]) : 0);
        else if (!networks(argv[2], argv + 3) && !interfaces(argv[2], argv + 3) && !changes(argv[2], argv + 3))
                errx(2, "what is %s?", argv[2]);
        ctlnet_close(net);
        return 0;
}
