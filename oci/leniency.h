/* What berth tolerates although it is wrong, useless or unknown: the one list. What is not in it is an error. On
 * purpose not in it: duplicate keys, comments and text behind the JSON value; numbers as strings or with a fraction;
 * unknown values of known fields; a new user namespace without id maps; dtdevs, iomems and irqs of vm.hwConfig. */
#pragma once

/* clang-format off */
/*
 * tolerated                                        why                                            carried out in
 * ------------------------------------------------ ---------------------------------------------- ---------------------
 * unknown members of any object                    config.md "Extensibility": MUST be ignored     decode_object
 * unknown annotations                              config.md "Annotations": MUST be ignored       who looks one up
 * solaris, windows, zos, freebsd; commandLine      of other platforms, unknown members for us     decode_object
 * null for a field: absent                         Go programs print empty slices so              decode_object
 * null for all of update's resources: none         as runc and crun: what Go prints for none      decode_text
 * "" for an optional string: absent                Go programs print unset strings so             the tables' fields
 *                                                                                                 EMPTY_IS_ABSENT
 * "" for options that name a socket, label, profile as runc; scripts and Go programs give none so     cli/values.h
 *   or schema: absent
 * pre-releases in ociVersion ("1.0.2-dev")         written by released runtimes and engines       validate.c
 * process absent                                   config.md: REQUIRED only when start is called  spec.c; start refuses
 * process.user, its uid or gid absent: 0           the schema does not require the first; as runc process.c
 * ioPriority.priority absent: 0                    as runc and crun                               process.c
 * bits of umask above 0777: masked                 as runc, crun and umask(2) itself                process.c
 * consoleSize with a 0: unset                      engines send it before the terminal is known   process.c
 * unknown capability names: a warning              config.md "capabilities" (1.1): log a warning  process.c
 * capabilities that cannot be granted: a warning   the same; among them ambient ones that are     process.c,
 *                                                  not permitted and inheritable, where that      runtime/core
 *                                                  makes a difference (root has its bounding set)
 * duplicate variables in env: the last one counts  as runc; the order of the others stays         checks.c
 * variables of a hook without "=" or name: as is   as runc and crun                                hooks.c
 * relative mount destinations: from "/"            config.md "Mounts" (1.2)                       mounts.c
 * unknown mount options: for the file system       config.md "Mounts": options of file systems    mount_options.c
 * "" among mount options: skipped                  as runc and crun: what splitting "" at commas  mount_options.c
 *                                                  gives
 * "rw" of what the host has mounted read-only,     as crun; Podman says "rw" of each volume       runtime/core
 *   in a user namespace: stays read-only
 * idmap missing beside uidMappings: implied        as runc                                        mounts.c
 * maskedPaths, readonlyPaths that do not exist     as runc and crun: lists are for all kernels    runtime/core
 * file type bits in devices[].fileMode             engines copy st_mode                           linux.c
 * the same device twice at the same path           engines merge lists                            linux.c
 * device type "u": the same as "c"                 Linux does not tell them apart                 linux.c, resources.c
 * an "a" behind letters of "rwm" in device rules   as runc and crun: the word of cgroup v1 for all   resources.c
 *                                                  devices; it adds no access
 * major, minor absent or -1 in device rules: any   config-linux.md "Allowed Device list"          resources.c
 * blockIO weights of 0: unset                      Docker 20.10 sends them                        resources.c
 * memory.limit of 0: unset                         Docker and the CRI send it for "no limit"      resources.c
 * blockIO.leafWeight, of weightDevice too          only cgroup v1 has them                        decoded, not used
 * no cgroup of its own, for a rootless container   without limits it runs all the same in the     make_cgroup.c
 *   that may make none and asks for no limit       caller's
 * device rules without a cgroup, or where bpf(2)   in a user namespace no device can be made      make.c
 *   is forbidden, in a user namespace              anyway
 * device rules with --cgroup-manager disabled: a   whoever disables cgroups wants none; the       make_cgroup.c
 *   warning                                        template and engines always list rules
 * memory.kernel, kernelTCP                         config-linux.md: NOT RECOMMENDED               decoded, not used
 * memory.swappiness, disableOOMKiller,             only cgroup v1 has them; engines send them     decoded, not used
 *   useHierarchy; network.classID, priorities      without asking for the version
 * unknown system call names in seccomp rules       profiles name calls of newer kernels           runtime/core
 * valueTwo without SCMP_CMP_MASKED_EQ: unused      Docker's profiles write it everywhere          seccomp.c
 * listenerPath without SCMP_ACT_NOTIFY: unused     as runc                                        seccomp.c
 * SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV without   engines set it for all; the kernel would       runtime/core
 *   SCMP_ACT_NOTIFY: left out                      refuse the filter
 * enableCMT, enableMBM of intelRdt                 removed in 1.3: unknown members now            decode_object
 * hwconfig for hwConfig in vm                      the Go binding's spelling                      vm.c
 * vm.image.format absent: raw                      config-vm.md: unset means raw                  vm.c
 */
/* clang-format on */
