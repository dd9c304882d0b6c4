#include "cgroups/systemd/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"

/* How long a unit that is in the way may take to go: systemd forgets one as soon as it notices that its group is empty.
 */
#define COLLECT_MS 2000

#define _cleanup_message_ _cleanup_(sd_bus_message_unrefp)
#define _cleanup_error_   _cleanup_(sd_bus_error_free)

/* ---- properties ---- */

static int append_basic(sd_bus_message *message, char type, const char *text)
{
        union {
                uint8_t y;
                int16_t n;
                uint16_t q;
                int32_t i;
                uint32_t u;
                int64_t x;
                uint64_t t;
                double d;
                int b;
        } value;

        /* All texts were checked when they were read (systemd_value_check). */
        switch (type) {
        case 'y':
                value.y = (uint8_t)strtoul(text, NULL, 10);
                break;
        case 'n':
                value.n = (int16_t)strtol(text, NULL, 10);
                break;
        case 'q':
                value.q = (uint16_t)strtoul(text, NULL, 10);
                break;
        case 'i':
                value.i = (int32_t)strtol(text, NULL, 10);
                break;
        case 'u':
                value.u = (uint32_t)strtoul(text, NULL, 10);
                break;
        case 'x':
                value.x = strtoll(text, NULL, 10);
                break;
        case 't':
                value.t = strtoull(text, NULL, 10);
                break;
        case 'd':
                value.d = strtod(text, NULL);
                break;
        case 'b':
                value.b = strcmp(text, "true") == 0;
                break;
        default:
                return sd_bus_message_append_basic(message, type, text);
        }
        return sd_bus_message_append_basic(message, type, &value);
}

static int append_pairs(sd_bus_message *message, const struct systemd_property *property)
{
        int r = sd_bus_message_open_container(message, 'a', "(st)");

        for (size_t i = 0; r >= 0 && i + 1 < property->n; i += 2)
                r = sd_bus_message_append(message, "(st)", property->v[i],
                                          (uint64_t)strtoull(property->v[i + 1], NULL, 10));
        return r < 0 ? r : sd_bus_message_close_container(message);
}

static int append_value(sd_bus_message *message, const struct systemd_property *property)
{
        const char *signature = property->signature;
        int r;

        if (strcmp(signature, "a(st)") == 0)
                return append_pairs(message, property);
        if (signature[0] != 'a')
                return append_basic(message, signature[0], property->v[0]);
        r = sd_bus_message_open_container(message, 'a', signature + 1);
        for (size_t i = 0; r >= 0 && i < property->n; i++)
                r = append_basic(message, signature[1], property->v[i]);
        return r < 0 ? r : sd_bus_message_close_container(message);
}

static int append_properties(sd_bus_message *message, const struct systemd_properties *properties)
{
        int r = sd_bus_message_open_container(message, 'a', "(sv)");

        for (size_t i = 0; r >= 0 && i < properties->n; i++) {
                const struct systemd_property *property = &properties->v[i];

                r = sd_bus_message_open_container(message, 'r', "sv");
                if (r >= 0)
                        r = sd_bus_message_append(message, "s", property->name);
                if (r >= 0)
                        r = sd_bus_message_open_container(message, 'v', property->signature);
                if (r >= 0)
                        r = append_value(message, property);
                if (r >= 0)
                        r = sd_bus_message_close_container(message);
                if (r >= 0)
                        r = sd_bus_message_close_container(message);
        }
        return r < 0 ? r : sd_bus_message_close_container(message);
}

/* ---- jobs ---- */

/* What systemd has said about a unit since the watch began. */
struct watch {
        const char *unit;
        const char *job; /* that is waited for; NULL: not known yet */
        char last_job[128], result[32];
        bool job_removed, unit_removed;
        sd_bus_slot *slots[2];
};

static void check_job(struct watch *watch)
{
        watch->job_removed = watch->job && strcmp(watch->job, watch->last_job) == 0;
}

/* The removal may come before the answer that names the job. */
static int on_job_removed(sd_bus_message *message, void *data, sd_bus_error *error)
{
        struct watch *watch = data;
        const char *job, *unit, *result;
        uint32_t id;

        (void)error;
        if (sd_bus_message_read(message, "uoss", &id, &job, &unit, &result) < 0 || strcmp(unit, watch->unit) != 0 ||
            watch->job_removed)
                return 0;
        snprintf(watch->last_job, sizeof(watch->last_job), "%s", job);
        snprintf(watch->result, sizeof(watch->result), "%s", result);
        check_job(watch);
        return 0;
}

static int on_unit_removed(sd_bus_message *message, void *data, sd_bus_error *error)
{
        struct watch *watch = data;
        const char *unit, *path;

        (void)error;
        if (sd_bus_message_read(message, "so", &unit, &path) >= 0 && strcmp(unit, watch->unit) == 0)
                watch->unit_removed = true;
        return 0;
}

/* Before the call whose effect is waited for; what goes over one connection stays in order. */
static int watch_begin(struct bus *bus, const char *unit, struct watch *watch)
{
        const char *sender = bus->direct ? NULL : MANAGER_DESTINATION;
        int r;

        watch->unit = unit;
        r = sd_bus_match_signal_async(bus->bus, &watch->slots[0], sender, MANAGER_PATH, MANAGER_INTERFACE, "JobRemoved",
                                      on_job_removed, NULL, watch);
        if (r >= 0)
                r = sd_bus_match_signal_async(bus->bus, &watch->slots[1], sender, MANAGER_PATH, MANAGER_INTERFACE,
                                              "UnitRemoved", on_unit_removed, NULL, watch);
        return r < 0 ? fail(-r, "listen to systemd") : 0;
}

static void watch_end(struct watch *watch)
{
        sd_bus_slot_unref(watch->slots[0]);
        sd_bus_slot_unref(watch->slots[1]);
}

/* reply: the answer that names the job. */
static int wait_for_job(struct bus *bus, sd_bus_message *reply, const char *what, struct watch *watch)
{
        int r = sd_bus_message_read(reply, "o", &watch->job);

        if (r < 0)
                return fail(-r, "%s %s: read systemd's answer", what, watch->unit);
        check_job(watch);
        r = bus_serve(bus, &watch->job_removed, bus->deadline);
        if (r == -ETIMEDOUT)
                return refuse(ETIMEDOUT, "%s %s: systemd has not done it in time", what, watch->unit);
        if (r < 0)
                return r;
        return strcmp(watch->result, "done") == 0 ? 0
                                                  : refuse(EIO, "%s %s: systemd could not do it, the result is \"%s\"",
                                                           what, watch->unit, watch->result);
}

/* ---- operations ---- */

static int call_with_unit(struct bus *bus, const char *member, const char *unit, const char *mode,
                          sd_bus_message **reply, sd_bus_error *error)
{
        _cleanup_message_ sd_bus_message *call = bus_manager_call(bus, member);
        int r;

        if (!call)
                return -ENOMEM;
        r = sd_bus_message_append(call, "s", unit);
        if (r >= 0 && mode)
                r = sd_bus_message_append(call, "s", mode);
        return r < 0 ? fail(-r, "make the call %s", member) : bus_call(bus, call, reply, error);
}

static int reset_failed(struct bus *bus, const char *unit)
{
        _cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;

        return call_with_unit(bus, "ResetFailedUnit", unit, NULL, NULL, &error);
}

static int call_start(struct bus *bus, const char *unit, const struct systemd_properties *properties,
                      sd_bus_message **reply)
{
        _cleanup_message_ sd_bus_message *call = bus_manager_call(bus, "StartTransientUnit");
        _cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        if (!call)
                return -ENOMEM;
        r = sd_bus_message_append(call, "ss", unit, "replace");
        if (r >= 0)
                r = append_properties(call, properties);
        if (r >= 0)
                r = sd_bus_message_append(call, "a(sa(sv))", 0); /* no units beside it */
        if (r < 0)
                return fail(-r, "make the call StartTransientUnit");
        r = bus_call(bus, call, reply, &error);
        return r < 0 ? fail_in(r, "start %s", unit) : 0;
}

/* A unit of that name is there. Either it has failed: then it goes when it is reset. Or its processes have just ended,
 * and systemd has not come to look: it says so when it forgets the unit. Or it lives: then nothing happens. */
static int wait_for_place(struct bus *bus, struct watch *watch)
{
        _cleanup_message_ sd_bus_message *subscribe = NULL;
        _cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        if (!bus->direct) {
                subscribe = bus_manager_call(bus, "Subscribe");
                r = subscribe ? bus_call(bus, subscribe, NULL, &error) : -ENOMEM;
                if (r < 0)
                        return r;
        }
        (void)reset_failed(bus, watch->unit);
        r = bus_serve(bus, &watch->unit_removed, now_ms() + COLLECT_MS);
        return r == -ETIMEDOUT ? 0 : r;
}

int unit_start(struct bus *bus, const char *unit, const struct systemd_properties *properties)
{
        _cleanup_(watch_end) struct watch watch = {0};
        _cleanup_message_ sd_bus_message *reply = NULL;
        int r = watch_begin(bus, unit, &watch);

        if (r < 0)
                return r;
        r = call_start(bus, unit, properties, &reply);
        if (r == -EEXIST) {
                r = wait_for_place(bus, &watch);
                if (r == 0)
                        r = call_start(bus, unit, properties, &reply);
        }
        return r < 0 ? r : wait_for_job(bus, reply, "start", &watch);
}

int unit_set(struct bus *bus, const char *unit, const struct systemd_properties *properties)
{
        _cleanup_message_ sd_bus_message *call = bus_manager_call(bus, "SetUnitProperties");
        _cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        if (!call)
                return -ENOMEM;
        r = sd_bus_message_append(call, "sb", unit, true);
        if (r >= 0)
                r = append_properties(call, properties);
        if (r < 0)
                return fail(-r, "make the call SetUnitProperties");
        r = bus_call(bus, call, NULL, &error);
        return r < 0 ? fail_in(r, "change %s", unit) : 0;
}

/* 1: the unit has that description. systemd gives a description to every name that it is asked for. */
static int is_described(struct bus *bus, const char *unit, const char *description)
{
        _cleanup_message_ sd_bus_message *call = NULL, *reply = NULL;
        _cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_free_ char *path = NULL;
        const char *found;
        int r = sd_bus_path_encode(MANAGER_PATH "/unit", unit, &path);

        if (r >= 0)
                r = sd_bus_message_new_method_call(bus->bus, &call, MANAGER_DESTINATION, path,
                                                   "org.freedesktop.DBus.Properties", "Get");
        if (r >= 0)
                r = sd_bus_message_append(call, "ss", "org.freedesktop.systemd1.Unit", "Description");
        if (r < 0)
                return fail(-r, "make the call Get");
        r = bus_call(bus, call, &reply, &error);
        if (r < 0)
                return r;
        r = sd_bus_message_read(reply, "v", "s", &found);
        return r < 0 ? fail(-r, "read systemd's answer") : strcmp(found, description) == 0;
}

int unit_stop(struct bus *bus, const char *unit, const char *description)
{
        _cleanup_(watch_end) struct watch watch = {0};
        _cleanup_message_ sd_bus_message *reply = NULL;
        _cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = is_described(bus, unit, description);

        if (r == 0 || r == -ENOENT)
                return 0;
        if (r > 0)
                r = watch_begin(bus, unit, &watch);
        if (r == 0)
                r = call_with_unit(bus, "StopUnit", unit, "replace", &reply, &error);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return fail_in(r, "stop %s", unit);
        r = wait_for_job(bus, reply, "stop", &watch);
        (void)reset_failed(bus, unit);
        return r;
}

int unit_attach(struct bus *bus, const char *unit, const char *subgroup, uint32_t pid)
{
        _cleanup_message_ sd_bus_message *call = bus_manager_call(bus, "AttachProcessesToUnit");
        _cleanup_error_ sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        if (!call)
                return -ENOMEM;
        r = sd_bus_message_append(call, "ssau", unit, subgroup, 1, pid);
        if (r < 0)
                return fail(-r, "make the call AttachProcessesToUnit");
        r = bus_call(bus, call, NULL, &error);
        return r < 0 ? fail_in(r, "move process %u into %s", pid, unit) : 0;
}
