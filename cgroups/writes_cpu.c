#include <errno.h>
#include <inttypes.h>

#include "base/error.h"
#include "cgroups/writes.h"

#define FIELD      "linux.resources.cpu."
#define PERIOD_MIN 1000    /* us; kernel/sched/core.c min_cfs_quota_period */
#define PERIOD_MAX 1000000 /* us; max_cfs_quota_period */
#define SHARES_MIN 2
#define SHARES_MAX 262144
#define WEIGHT_MAX 10000
#define LN_2       0.69314718055994530942
#define LN_10      2.30258509299404568402
/* The sum of rounding errors: far above what they are, far below the distance of any weight from the next whole number
 * (checked for all shares); without it 1024 could become 101. */
#define ROUND_SLACK 1e-9

/* Natural logarithm and exponential as series, so that two calls do not bring the mathematics library into a runtime
 * that starts for every command. ln: x is halved to below 2, then 2 artanh((x-1)/(x+1)). */
static double ln(double x)
{
        double sum = 0, z, square, power;
        int halvings = 0;

        for (; x >= 2; x /= 2)
                halvings++;
        z = (x - 1) / (x + 1);
        square = z * z;
        power = z;
        for (int k = 1; k < 40; k += 2) {
                sum += power / k;
                power *= square;
        }
        return 2 * sum + halvings * LN_2;
}

/* 0 <= x < 10 */
static double e_to(double x)
{
        double term = 1, sum = 1;

        for (int k = 1; k < 64; k++) {
                term *= x / k;
                sum += term;
        }
        return sum;
}

uint64_t cgroup_cpu_weight(uint64_t shares)
{
        double l, weight;
        uint64_t whole;

        if (shares <= SHARES_MIN)
                return 1;
        if (shares >= SHARES_MAX)
                return WEIGHT_MAX;
        l = ln((double)shares) / LN_2;
        weight = e_to(((l * l + 125 * l) / 612 - 7.0 / 34) * LN_10) - ROUND_SLACK;
        whole = (uint64_t)weight;
        return whole + (weight > (double)whole);
}

/* An idle group has no weight: the kernel refuses cpu.weight while cpu.idle is 1. So idle comes first when it is
 * switched off, and takes the weight's place when it is switched on. */
static int plan_weight(struct write_list *list, const struct oci_cpu *cpu)
{
        int r = 0;

        if (cpu->idle.set) {
                if (cpu->idle.value != 0 && cpu->idle.value != 1)
                        return refuse(EINVAL, FIELD "idle: expected 0 or 1, got %" PRId64, cpu->idle.value);
                r = write_list_add(list, "cpu.idle", cpu->idle.value ? "1" : "0", FIELD "idle", WRITE_REQUIRED);
        }
        if (r < 0 || (cpu->idle.set && cpu->idle.value))
                return r;
        if (cpu->shares.set && cpu->shares.value)
                r = write_list_add(list, "cpu.weight",
                                   arena_printf(list->arena, "%" PRIu64, cgroup_cpu_weight(cpu->shares.value)),
                                   FIELD "shares", WRITE_REQUIRED);
        return r;
}

static int check_bandwidth(const struct oci_cpu *cpu)
{
        int64_t quota = cpu->quota.set ? cpu->quota.value : 0;

        if (quota < -1)
                return refuse(EINVAL, FIELD "quota: %" PRId64 " is no limit (-1 is none)", quota);
        if (quota > 0 && quota < PERIOD_MIN)
                return refuse(EINVAL, FIELD "quota: %" PRId64 " us is below the kernel's least, %d us", quota,
                              PERIOD_MIN);
        if (cpu->period.set && cpu->period.value && (cpu->period.value < PERIOD_MIN || cpu->period.value > PERIOD_MAX))
                return refuse(EINVAL, FIELD "period: %" PRIu64 " us is not between %d and %d us", cpu->period.value,
                              PERIOD_MIN, PERIOD_MAX);
        if (cpu->burst.set && quota > 0 && cpu->burst.value > (uint64_t)quota)
                return refuse(EINVAL, FIELD "burst: %" PRIu64 " us is above " FIELD "quota %" PRId64 " us",
                              cpu->burst.value, quota);
        if ((cpu->realtime_runtime.set && cpu->realtime_runtime.value) ||
            (cpu->realtime_period.set && cpu->realtime_period.value))
                return refuse(EOPNOTSUPP, FIELD "%s: cgroup v2 has no limit for realtime CPU time",
                              cpu->realtime_runtime.set && cpu->realtime_runtime.value ? "realtimeRuntime"
                                                                                       : "realtimePeriod");
        return 0;
}

/* cpu.max is "QUOTA [PERIOD]": a quota alone keeps the period, but the period cannot be written without a quota; "no
 * limit" is what an absent one means. 0 is "not given" for both. */
static const char *bandwidth_text(struct write_list *list, const struct oci_cpu *cpu)
{
        bool has_quota = cpu->quota.set && cpu->quota.value > 0;
        bool has_period = cpu->period.set && cpu->period.value;

        if (has_quota && has_period)
                return arena_printf(list->arena, "%" PRId64 " %" PRIu64, cpu->quota.value, cpu->period.value);
        if (has_quota)
                return arena_printf(list->arena, "%" PRId64, cpu->quota.value);
        if (has_period)
                return arena_printf(list->arena, "max %" PRIu64, cpu->period.value);
        return "max";
}

/* burst after quota: it may not be above the quota at any moment, and a new group has no burst. A live group that
 * shrinks needs the other order; cgroup_apply_writes sees to it. */
int plan_cpu(struct write_list *list, const struct oci_cpu *cpu)
{
        int r = check_bandwidth(cpu);

        if (r == 0)
                r = plan_weight(list, cpu);
        if (r == 0 && ((cpu->quota.set && cpu->quota.value) || (cpu->period.set && cpu->period.value)))
                r = write_list_add(list, "cpu.max", bandwidth_text(list, cpu),
                                   cpu->quota.set && cpu->quota.value ? FIELD "quota" : FIELD "period", WRITE_REQUIRED);
        if (r == 0 && cpu->burst.set)
                r = write_list_add(list, "cpu.max.burst", arena_printf(list->arena, "%" PRIu64, cpu->burst.value),
                                   FIELD "burst", WRITE_REQUIRED);
        return r;
}
