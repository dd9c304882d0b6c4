/* What single settings may be: pure, 0 or a bare -EINVAL. */
#pragma once

#include <stdint.h>

#define CGROUP_PARENT_MOST 1024

int check_isolation(const char *text);
int check_subids(const char *text);
int check_env(const char *text);
int check_user(const char *text);
int check_absolute(const char *text);
int check_cgroup_parent(const char *text);
int check_hostname(const char *text);
int check_signal(const char *text);
int check_restart(const char *text);
int check_cpu_set(const char *text);
int check_net(const char *text);
int check_ip(const char *text);
int check_ip6(const char *text);
int check_mac(const char *text);
int check_rate(const char *text);
int check_publish(const char *text);
int check_dns(const char *text);
int check_volume(const char *text);

/* "1.5" in thousandths; at most three digits after the point. */
int parse_thousandths(const char *text, int64_t *value);
