#include "cgroups/systemd/bus.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"

#define SYSTEM_MANAGER "unix:path=/run/systemd/private"
#define SYSTEM_BUS     "unix:path=/run/dbus/system_bus_socket"

/* Where systemd may be reached, in the order in which it is tried: its own socket, which needs no message bus and whose
 * signals come unasked, before the bus. */
struct place {
        char address[512];
        bool direct;
};

#define PLACES_MOST 2

static int connect_to(struct bus *bus, const struct place *place)
{
        sd_bus *connection = NULL;
        int r = sd_bus_new(&connection);

        if (r >= 0)
                r = sd_bus_set_address(connection, place->address);
        if (r >= 0 && !place->direct)
                r = sd_bus_set_bus_client(connection, true);
        if (r >= 0)
                r = sd_bus_start(connection);
        if (r < 0) {
                sd_bus_close_unref(connection);
                return fail(-r, "connect to systemd at %s", place->address);
        }
        bus->bus = connection;
        bus->direct = place->direct;
        return 0;
}

static size_t places_of_system(struct place *places)
{
        const char *bus = getenv("DBUS_SYSTEM_BUS_ADDRESS");

        if (bus && *bus) {
                snprintf(places[0].address, sizeof(places[0].address), "%s", bus);
                return 1;
        }
        places[0] = (struct place){SYSTEM_MANAGER, true};
        places[1] = (struct place){SYSTEM_BUS, false};
        return 2;
}

/* An address of the session's bus that is not where it always is was set by somebody for a reason. */
static size_t places_of_user(struct place *places)
{
        const char *directory = getenv("XDG_RUNTIME_DIR"), *bus = getenv("DBUS_SESSION_BUS_ADDRESS");
        char usual[sizeof(places[0].address)] = "";
        size_t n = 0;

        if (directory && directory[0] == '/')
                snprintf(usual, sizeof(usual), "unix:path=%s/bus", directory);
        if (!bus || !*bus)
                bus = usual;
        if (usual[0] && strcmp(bus, usual) == 0) {
                snprintf(places[n].address, sizeof(places[n].address), "unix:path=%s/systemd/private", directory);
                places[n++].direct = true;
        }
        if (*bus)
                snprintf(places[n++].address, sizeof(places[0].address), "%s", bus);
        return n;
}

int bus_open(struct bus *bus, bool user, int64_t deadline)
{
        struct place places[PLACES_MOST] = {0};
        size_t n = user ? places_of_user(places) : places_of_system(places);
        char tried[1024] = "";
        size_t used = 0;
        int r = 0;

        *bus = (struct bus){.deadline = deadline};
        if (n == 0)
                return refuse(ENOTCONN, "no way to the user's systemd: neither XDG_RUNTIME_DIR nor "
                                        "DBUS_SESSION_BUS_ADDRESS is set");
        for (size_t i = 0; i < n; i++) {
                r = connect_to(bus, &places[i]);
                if (r == 0)
                        return 0;
                used += (size_t)snprintf(tried + used, sizeof(tried) - used, "%s%s", i ? "; " : "", error_message());
                if (used >= sizeof(tried))
                        break;
        }
        return refuse(-r, "%s", tried);
}

void bus_close(struct bus *bus)
{
        bus->bus = sd_bus_close_unref(bus->bus);
}

int bus_serve(struct bus *bus, const bool *done, int64_t deadline)
{
        if (deadline > bus->deadline)
                deadline = bus->deadline;
        while (!*done) {
                int left = until_ms(deadline);
                int r = sd_bus_process(bus->bus, NULL);

                if (r == 0 && left == 0)
                        return -ETIMEDOUT;
                if (r == 0)
                        r = sd_bus_wait(bus->bus, (uint64_t)left * 1000);
                if (r < 0 && r != -EINTR)
                        return fail(-r, "the connection to systemd");
        }
        return 0;
}

sd_bus_message *bus_manager_call(struct bus *bus, const char *member)
{
        sd_bus_message *call = NULL;
        int r = sd_bus_message_new_method_call(bus->bus, &call, MANAGER_DESTINATION, MANAGER_PATH, MANAGER_INTERFACE,
                                               member);

        if (r < 0)
                (void)fail(-r, "make the call %s", member);
        return call;
}

struct answer {
        bool came;
        sd_bus_message *message;
};

static int on_answer(sd_bus_message *message, void *data, sd_bus_error *error)
{
        struct answer *answer = data;

        (void)error;
        answer->message = sd_bus_message_ref(message);
        answer->came = true;
        return 0;
}

/* An error that systemd answered with, as an errno. */
static int error_number(const sd_bus_error *error)
{
        /* The library knows the names of D-Bus; these are systemd's. */
        static const struct {
                const char *name;
                int number;
        } known[] = {
                {"org.freedesktop.systemd1.UnitExists", EEXIST},   {"org.freedesktop.systemd1.NoSuchUnit", ENOENT},
                {"org.freedesktop.systemd1.NoSuchProcess", ESRCH}, {"org.freedesktop.systemd1.BadUnitSetting", EINVAL},
                {"org.freedesktop.systemd1.UnitMasked", EPERM},
        };
        int number;

        for (size_t i = 0; i < ELEMENTS(known); i++)
                if (strcmp(known[i].name, error->name) == 0)
                        return known[i].number;
        number = sd_bus_error_get_errno(error);
        return number > 0 ? number : EIO;
}

int bus_call(struct bus *bus, sd_bus_message *call, sd_bus_message **reply, sd_bus_error *error)
{
        const char *member = sd_bus_message_get_member(call);
        struct answer answer = {0};
        const sd_bus_error *refused;
        sd_bus_slot *slot = NULL;
        /* The library's own limit of a call is not shorter than ours. */
        int r = sd_bus_call_async(bus->bus, &slot, call, on_answer, &answer, UINT64_MAX);

        if (r < 0)
                return fail(-r, "send %s to systemd", member);
        r = bus_serve(bus, &answer.came, bus->deadline);
        sd_bus_slot_unref(slot);
        if (r == -ETIMEDOUT)
                return refuse(ETIMEDOUT, "systemd has not answered %s in time", member);
        if (r < 0)
                return r;
        refused = sd_bus_message_get_error(answer.message);
        if (refused) {
                r = refuse(error_number(refused), "systemd refuses %s: %s", member, refused->message);
                (void)sd_bus_error_copy(error, refused);
        } else if (reply) {
                *reply = sd_bus_message_ref(answer.message);
        }
        sd_bus_message_unref(answer.message);
        return r;
}
