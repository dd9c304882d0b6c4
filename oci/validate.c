#include <string.h>

#include "base/cleanup.h"
#include "oci/tables.h"

#define UTS_NAME_MOST 64 /* __NEW_UTS_LEN */

/* ---- version ---- */

static size_t number_length(const char *text)
{
        size_t digits = strspn(text, "0123456789");

        return digits > 9 || (digits > 1 && text[0] == '0') ? 0 : digits;
}

/* MAJOR.MINOR.PATCH and whatever follows '-' or '+': pre-releases of all kinds are about ("1.0.2-dev", "1.3.0+dev"). */
static bool is_version(const char *text)
{
        for (int part = 0; part < 3; part++) {
                size_t length = number_length(text);

                if (length == 0)
                        return false;
                text += length;
                if (part < 2 && *text++ != '.')
                        return false;
        }
        if (*text == '\0')
                return true;
        return (*text == '-' || *text == '+') && text[1] &&
               text[strspn(text, "-+.0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")] == '\0';
}

static int check_version(const struct decoder *decoder, const struct oci_spec *spec)
{
        char got[80];

        if (!is_version(spec->oci_version))
                return decode_refuse(decoder, "ociVersion", "expected a version like \"%s\", got %s", OCI_SPEC_VERSION,
                                     json_quote(spec->oci_version, got, sizeof(got)));
        if (strncmp(spec->oci_version, "1.", 2) != 0)
                return decode_refuse(decoder, "ociVersion", "%s is not supported, only versions 1.x are",
                                     json_quote(spec->oci_version, got, sizeof(got)));
        return 0;
}

/* ---- names and namespaces ---- */

static int check_uts_name(const struct decoder *decoder, const struct oci_spec *spec, const char *field,
                          const char *name)
{
        if (!name)
                return 0;
        if (!spec->linux_.namespaces[OCI_NS_UTS].listed)
                return decode_refuse(decoder, field, "needs a uts namespace in linux.namespaces");
        if (strlen(name) > UTS_NAME_MOST)
                return decode_refuse(decoder, field, "longer than %d bytes", UTS_NAME_MOST);
        return 0;
}

static int check_user_namespace(const struct decoder *decoder, const struct oci_linux *linux_)
{
        const struct oci_namespace *user = &linux_->namespaces[OCI_NS_USER];
        bool new_namespace = user->listed && !user->path;

        if (!user->listed && linux_->uid_mappings.n)
                return decode_refuse(decoder, "uidMappings", "needs a user namespace in linux.namespaces");
        if (!user->listed && linux_->gid_mappings.n)
                return decode_refuse(decoder, "gidMappings", "needs a user namespace in linux.namespaces");
        if (new_namespace && !linux_->uid_mappings.n)
                return decode_refuse(decoder, "uidMappings", "required for a new user namespace");
        if (new_namespace && !linux_->gid_mappings.n)
                return decode_refuse(decoder, "gidMappings", "required for a new user namespace");
        return 0;
}

static int check_namespace_users(const struct decoder *decoder, const struct oci_linux *linux_)
{
        const struct oci_namespace *time = &linux_->namespaces[OCI_NS_TIME];
        bool offsets = linux_->time_monotonic.set || linux_->time_boottime.set;

        if (offsets && (!time->listed || time->path))
                return decode_refuse(decoder, "timeOffsets", "needs a new time namespace in linux.namespaces");
        if (linux_->net_devices.n && !linux_->namespaces[OCI_NS_NETWORK].listed)
                return decode_refuse(decoder, "netDevices", "needs a network namespace in linux.namespaces");
        return 0;
}

/* ---- sysctl ---- */

static int check_sysctl(const struct decoder *decoder, const struct oci_spec *spec, const struct oci_pair *pair)
{
        int kind = sysctl_namespace(pair->key);

        if (kind < 0)
                return decode_refuse(decoder, pair->key, "belongs to no namespace, a container cannot set it");
        if (!spec->linux_.namespaces[kind].listed)
                return decode_refuse(decoder, pair->key, "needs a namespace of type \"%s\" in linux.namespaces",
                                     word_name(&namespace_words, (uint64_t)kind));
        if (strcmp(pair->key, "kernel/hostname") == 0 && spec->hostname && strcmp(pair->value, spec->hostname) != 0)
                return decode_refuse(decoder, pair->key, "contradicts hostname");
        if (strcmp(pair->key, "kernel/domainname") == 0 && spec->domainname &&
            strcmp(pair->value, spec->domainname) != 0)
                return decode_refuse(decoder, pair->key, "contradicts domainname");
        return 0;
}

static int check_sysctls(struct decoder *decoder, const struct oci_spec *spec)
{
        int r = 0;

        json_path_enter(&decoder->path, "sysctl");
        for (size_t i = 0; i < spec->linux_.sysctl.n && r == 0; i++)
                r = check_sysctl(decoder, spec, &spec->linux_.sysctl.v[i]);
        json_path_leave(&decoder->path);
        return r;
}

/* ---- mounts ---- */

static int check_idmaps(struct decoder *decoder, const struct oci_spec *spec)
{
        if (spec->root_idmap && !spec->linux_.namespaces[OCI_NS_USER].listed)
                return decode_refuse(decoder, "root.idmap", "needs a user namespace in linux.namespaces");
        if (spec->root_idmap && spec->root_overlay_set && spec->linux_.uid_mappings.n == 0)
                return decode_refuse(decoder, "root.overlay", "with idmap it needs linux.uidMappings");
        for (size_t i = 0; i < spec->mounts.n; i++) {
                const struct oci_mount *mount = &spec->mounts.v[i];

                if (mount->options.idmap != OCI_IDMAP_NONE && mount->uid_mappings.n == 0 &&
                    !spec->linux_.namespaces[OCI_NS_USER].listed)
                        return decode_refuse_at(decoder, "mounts", i,
                                                "idmap needs uidMappings and gidMappings, or a user namespace in "
                                                "linux.namespaces");
        }
        return 0;
}

static int check_linux(struct decoder *decoder, const struct oci_spec *spec)
{
        int r;

        json_path_enter(&decoder->path, "linux");
        r = check_user_namespace(decoder, &spec->linux_);
        if (r == 0)
                r = check_namespace_users(decoder, &spec->linux_);
        if (r == 0)
                r = check_sysctls(decoder, spec);
        json_path_leave(&decoder->path);
        return r;
}

int spec_validate(struct decoder *decoder, void *structure)
{
        const struct oci_spec *spec = structure;
        int r = check_version(decoder, spec);

        if (r == 0)
                r = check_uts_name(decoder, spec, "hostname", spec->hostname);
        if (r == 0)
                r = check_uts_name(decoder, spec, "domainname", spec->domainname);
        if (r == 0)
                r = check_linux(decoder, spec);
        return r == 0 ? check_idmaps(decoder, spec) : r;
}
