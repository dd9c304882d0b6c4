/* Plans made of short configurations, and looks into them. */
#pragma once

#include <linux/mount.h>
#include <sys/sysmacros.h>

#include "oci_support.h"

#include "base/syscalls.h"
#include "runtime/core/plan_inside.h"

/* The configuration that `berth spec` writes, in short. */
#define PROCESS "'process':{'cwd':'/','args':['sh'],'env':['PATH=/bin','A=1'],'user':{'uid':1,'gid':2}"
#define NEW_NAMESPACES                                                                                                 \
        "{'type':'pid'},{'type':'network'},{'type':'ipc'},{'type':'uts'},{'type':'mount'},{'type':'cgroup'}"
#define USUAL_MOUNTS                                                                                                   \
        "'mounts':[{'destination':'/proc','type':'proc','source':'proc'},"                                             \
        "{'destination':'/dev','type':'tmpfs','source':'tmpfs','options':['nosuid','strictatime','mode=755']},"        \
        "{'destination':'/sys','type':'sysfs','source':'sysfs','options':['nosuid','noexec','nodev','ro']},"           \
        "{'destination':'/sys/fs/cgroup','type':'cgroup','source':'cgroup','options':['ro']}]"
#define USUAL                                                                                                          \
        PROCESS ",'noNewPrivileges':true}," USUAL_MOUNTS ",'hostname':'web','linux':{'namespaces':[" NEW_NAMESPACES    \
                "],'maskedPaths':['/proc/kcore','/sys/firmware'],'readonlyPaths':['/proc/sys']}"

static const struct sock_filter filter[] = {{0x06, 0, 0, 0x7fff0000}};

static inline struct plan_facts facts_of_test(void)
{
        struct plan_facts facts = {
                .id = "test",
                .bundle = "/bundle",
                .root = "/bundle/rootfs",
                .root_tree = PLAN_NO_SLOT,
                .start_socket = 0,
                .own_cgroup = "/sys/fs/cgroup/test",
                .host_has_kcore = true,
        };

        for (int i = 0; i < OCI_NS_KINDS; i++)
                facts.namespaces[i] = PLAN_NO_SLOT;
        return facts;
}

struct made {
        void *block;
        struct plan plan;
        char order[8192]; /* " kind kind kind " */
};

static inline void finish(struct made *made, struct plan_builder *builder)
{
        const struct plan_step *step = NULL;
        size_t size;

        assert_int_equal(plan_finish(builder, &made->block, &size), 0);
        assert_int_equal(plan_open(made->block, size, &made->plan), 0);
        strcpy(made->order, " ");
        while ((step = plan_next(&made->plan, step))) {
                strcat(made->order, plan_step_name((enum plan_step_kind)step->kind));
                strcat(made->order, " ");
        }
}

static inline struct made make_with(const char *members, const struct plan_facts *facts)
{
        struct oci_spec *spec = accept(members);
        struct plan_builder builder = {0};
        struct made made;

        if (plan_container(spec, facts, &builder) < 0)
                fail_msg("%s", error_message());
        finish(&made, &builder);
        oci_spec_free(spec);
        return made;
}

static inline struct made make(const char *members)
{
        const struct plan_facts facts = facts_of_test();

        return make_with(members, &facts);
}

static inline void made_release(struct made *made)
{
        free(made->block);
}
#define _cleanup_made_ _cleanup_(made_release)

/* The n-th step of a kind, NULL when there are fewer. */
static const void *step_of(const struct made *made, enum plan_step_kind kind, size_t n)
{
        const struct plan_step *step = NULL;

        while ((step = plan_next(&made->plan, step)))
                if (step->kind == kind && n-- == 0)
                        return plan_payload(step);
        return NULL;
}

static inline size_t count_of(const struct made *made, enum plan_step_kind kind)
{
        size_t n = 0;

        while (step_of(made, kind, n))
                n++;
        return n;
}

static const char *text_of(const struct made *made, plan_text text)
{
        const char *string = plan_string(&made->plan, text);

        return string ? string : "";
}

static const struct step_mount *mount_at(const struct made *made, const char *destination)
{
        for (size_t i = 0;; i++) {
                const struct step_mount *mount = step_of(made, STEP_MOUNT, i);

                if (!mount)
                        fail_msg("no mount at %s", destination);
                if (strcmp(text_of(made, mount->destination), destination) == 0)
                        return mount;
        }
}

/* These kinds come in this order (others may be between). */
static inline void expect_order(const struct made *made, const char *const *kinds)
{
        const char *at = made->order;

        for (; *kinds; kinds++) {
                char word[64];
                const char *found;

                snprintf(word, sizeof(word), " %s ", *kinds);
                found = strstr(at, word);
                if (!found)
                        fail_msg("%s is not where it should be:%s", *kinds, made->order);
                at = found + strlen(word) - 1;
        }
}
#define EXPECT_ORDER(made, ...) expect_order(made, (const char *const[]){__VA_ARGS__, NULL})

static inline bool environment_has(const struct made *made, const char *variable)
{
        const struct step_prepare *prepare = step_of(made, STEP_PREPARE, 0);
        const char *v[32];
        int n = plan_strings(&made->plan, prepare->env, v), found = 0;

        assert_true(n >= 0);
        for (int i = 0; i < n; i++)
                found += strcmp(v[i], variable) == 0;
        assert_true(found <= 1);
        return found;
}
