# berth: `make demo` shows it, `make check` tests it, `make help` lists the rest.

CC := musl-gcc
TEST_CC := gcc
PREFIX := /usr/local
LIBEXEC = $(PREFIX)/libexec/berth
DESTDIR :=
BUILD := build
VERSION := 0.1.0
COMMIT := $(shell git describe --always --dirty --abbrev=12 2>/dev/null || echo unknown)
MULTIARCH := $(shell $(TEST_CC) -print-multiarch)

# make V=1 shows the commands.
Q := $(if $(V),,@)

WARNINGS := -Wall -Wextra -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Wpointer-arith -Wcast-qual \
        -Wundef -Wvla -Wformat=2 -Wno-format-nonliteral -Wno-format-truncation -Werror
CPPFLAGS_ALL := -I. -I$(BUILD)/generated -D_GNU_SOURCE
CFLAGS := -O2 -g
CFLAGS_ALL := -std=gnu11 $(WARNINGS) -MMD -MP
HARDENING := -fstack-protector-strong -ffunction-sections -fdata-sections -fPIE -fno-asynchronous-unwind-tables
# musl-gcc knows no static-pie and would link dynamically without a word: the link is spelled out.
MUSL_LIBDIR := /usr/lib/$(MULTIARCH:%-gnu=%-musl)/
LINK_STATIC = $(TEST_CC) -static-pie -nostdlib -nostartfiles -Wl,--gc-sections -Wl,-z,relro,-z,now,-z,noseparate-code -Wl,--build-id \
        $(LDFLAGS) -o $@.debug $(MUSL_LIBDIR)rcrt1.o $(MUSL_LIBDIR)crti.o $(shell $(TEST_CC) -print-file-name=crtbeginS.o) \
        $(1) $(MUSL_LIBDIR)libc.a $(shell $(TEST_CC) -print-libgcc-file-name) \
        $(shell $(TEST_CC) -print-file-name=crtendS.o) $(MUSL_LIBDIR)crtn.o
LIBS := -lyajl_s -lseccomp -lnl-3

# The programs are static and stand on musl: before main, glibc asks the processor some fifty questions (CPUID), each of
# which is a trap in a virtual machine; musl asks none. Its own headers come first, these after them.
LENT_HEADERS := linux asm-generic video yajl libnl3/netlink seccomp.h seccomp-syscalls.h
MUSL_FLAGS := -idirafter $(BUILD)/include
# Debian's static libraries are built for glibc; what they want beyond the common ABI is in base/fortify.c.
MUSL_LIBS := $(patsubst -l%,/usr/lib/$(MULTIARCH)/lib%.a,$(LIBS))
# Unit tests and fuzzers run on glibc, for the sanitizers.
TEST_FLAGS := -isystem /usr/include/libnl3 -O1 -g -fsanitize=address,undefined -fno-omit-frame-pointer

# The rooms (docs/architecture.md). berth-init enters containers: it is small and has no library in it.
ROOMS := base oci namespaces cgroups netdev runtime/core runtime/life vmmode/protocol vmmode/host cli
INIT_MAIN := runtime/core/berth_init.c
BERTH_MAIN := cli/berth.c
CTL_MAIN := cli/berthctl.c
FORTIFY := base/fortify.c
# What berth shares with berth-kernel: finding an image that is there.
IMAGE_SHARED := $(patsubst %,vmmode/image/%.c,bzimage entry source vmlinux)
SOURCES := $(filter-out $(INIT_MAIN) $(BERTH_MAIN) $(CTL_MAIN) $(FORTIFY),$(wildcard $(ROOMS:%=%/*.c))) $(IMAGE_SHARED)
INIT_SOURCES := $(INIT_MAIN) $(filter-out $(FORTIFY),$(wildcard base/*.c namespaces/*.c)) $(shell sed 's/\#.*//' runtime/core/init-sources)

# berth-systemd, the helper of the systemd cgroup driver, is the only program with D-Bus in it: an ordinary dynamic one, so
# that nothing else pays for that library.
SYSTEMD_SOURCES := $(wildcard cgroups/systemd/*.c) cgroups/systemd_property.c base/arena.c base/error.c base/io.c base/number.c

# berth-kernel makes the images of virtual machines: an ordinary dynamic program, with the libraries that decompress.
IMAGE_MAIN := vmmode/image/berth_kernel.c
IMAGE_SOURCES := $(filter-out $(FORTIFY),$(wildcard base/*.c)) $(wildcard vmmode/image/*.c)
IMAGE_LIBS := -llz4 -lzstd -lz -llzma

# berth-vmm is the process of one virtual machine; besides its own room it has only base/.
VMM_MAIN := vmmode/vmm/berth_vmm.c
VMM_SOURCES := $(filter-out $(FORTIFY),$(wildcard base/*.c)) $(wildcard vmmode/vmm/*.c)

# berth-agent is the first process of a virtual machine: runtime/core and below, with berth-init inside as in berth.
AGENT_MAIN := vmmode/agent/berth_agent.c
AGENT_SOURCES := $(wildcard vmmode/agent/*.c)

# berth-proxy stands on the host for each process in a virtual machine, as long as it runs: it is small.
PROXY_MAIN := vmmode/proxy/berth_proxy.c
PROXY_LAYOUT := vmmode/proxy/resident.ld
PROXY_SOURCES := $(wildcard base/*.c namespaces/*.c netdev/*.c) runtime/core/channel.c \
        $(addprefix cgroups/,oom.c events.c files.c memory.c) \
        $(wildcard vmmode/protocol/*.c vmmode/proxy/*.c)

# The networks of berthctl, which is dynamic: what has libmnl and libnftnl in it is no part of berth.
CTLNET_SOURCES := $(wildcard netdev/ctl/*.c)
CTLNET_LIBS := -lnftnl -lmnl

OBJECTS := $(SOURCES:%.c=$(BUILD)/obj/%.o)
INIT_OBJECTS := $(INIT_SOURCES:%.c=$(BUILD)/obj/%.o)
# berthctl, for people, is an ordinary dynamic program with what it needs of libraries. Its keeper stands behind every
# container that runs: static, with nothing but base/.
CTL_SOURCES := $(wildcard runtime/ctl/*.c cli/ctl/*.c)
CTL_LIBS := -lyajl -lseccomp -lnl-3 -lnettle $(CTLNET_LIBS)
KEEPER_MAIN := runtime/keeper/berth_keeper.c
KEEPER_SOURCES := $(filter-out $(FORTIFY),$(wildcard base/*.c)) $(wildcard runtime/keeper/*.c)

VMM_OBJECTS := $(VMM_SOURCES:%.c=$(BUILD)/obj/%.o)
AGENT_OBJECTS := $(AGENT_SOURCES:%.c=$(BUILD)/obj/%.o)

PROXY_OBJECTS := $(PROXY_SOURCES:%.c=$(BUILD)/obj/%.o)
CTL_OBJECTS := $(patsubst %.c,$(BUILD)/dynamic/%.o,$(SOURCES) $(CTLNET_SOURCES) $(CTL_SOURCES) $(CTL_MAIN))
KEEPER_OBJECTS := $(KEEPER_SOURCES:%.c=$(BUILD)/obj/%.o)
SYSTEMD_OBJECTS := $(SYSTEMD_SOURCES:%.c=$(BUILD)/dynamic/%.o)
IMAGE_OBJECTS := $(IMAGE_SOURCES:%.c=$(BUILD)/dynamic/%.o)
# The tests have all but the programs' main files in one library.
TEST_SOURCES := $(sort $(SOURCES) $(CTLNET_SOURCES) $(CTL_SOURCES) $(filter-out $(KEEPER_MAIN),$(wildcard runtime/keeper/*.c)) $(filter-out $(VMM_MAIN) $(IMAGE_MAIN) $(AGENT_MAIN) $(PROXY_MAIN),\
        $(wildcard vmmode/vmm/*.c vmmode/image/*.c vmmode/agent/*.c vmmode/proxy/*.c)))
ASAN_OBJECTS := $(TEST_SOURCES:%.c=$(BUILD)/asan/%.o)
UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(wildcard tests/unit/*_test.c))

.DEFAULT_GOAL := all
.PHONY: all
PROGRAMS := berth berth-vm berth-systemd berth-kernel berth-proxy berth-vmm berth-agent berthctl berth-keeper
all: $(PROGRAMS:%=$(BUILD)/%)

.PHONY: help
help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)

## make            build build/berth
## make demo       install what building needs, build, and run a first container
## make check      the whole test suite
## make check-native   what needs no other machine; make check-lab: what runs in the one that the tests boot
## make check-full   the long tests too: every crash point, a minute of each fuzzer, the whole engine matrix, endurance
## make conformance  the specification's demands on berth, crun and runc, side by side
## make bench      speed and size beside crun, runc and lxc, and of virtual machines beside QEMU where KVM is real
## make bench-lab  the same in the lab, with limits, a seccomp profile and both cgroup drivers, and virtual machines
## make fuzz       fuzz for a minute each (FUZZ_SECONDS=60)
## make install    PREFIX=/usr/local DESTDIR=
## make format     clang-format; make lint: clang-tidy
## make clean      remove build/

$(BUILD)/generated/version.h: FORCE
	@mkdir -p $(@D)
	@printf '#define BERTH_VERSION "%s"\n#define BERTH_COMMIT "%s"\n' '$(VERSION)' '$(COMMIT)' > $@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

$(BUILD)/generated/paths.h: FORCE
	@mkdir -p $(@D)
	@printf '#define BERTH_LIBEXEC "%s"\n' '$(LIBEXEC)' > $@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

GENERATED := $(BUILD)/generated/version.h $(BUILD)/generated/paths.h

.PHONY: FORCE
FORCE:

$(BUILD)/include: Makefile
	@rm -rf $@ && mkdir -p $@
	@for h in $(LENT_HEADERS); do ln -sfn /usr/include/$$h $@/; done
	@ln -sfn /usr/include/$(MULTIARCH)/asm $@/asm

$(BUILD)/obj/%.o: %.c | $(GENERATED) $(BUILD)/include
	@mkdir -p $(@D)
	@echo "  CC      $@"
	$(Q)$(CC) $(CPPFLAGS_ALL) $(MUSL_FLAGS) $(CPPFLAGS) $(CFLAGS_ALL) $(HARDENING) $(CFLAGS) -c $< -o $@

$(BUILD)/asan/%.o: %.c | $(GENERATED)
	@mkdir -p $(@D)
	@echo "  CC      $@"
	$(Q)$(TEST_CC) $(CPPFLAGS_ALL) $(CPPFLAGS) $(CFLAGS_ALL) $(TEST_FLAGS) -c $< -o $@

$(BUILD)/berth-init: $(INIT_OBJECTS)
	@echo "  LINK    $@"
	$(Q)$(call LINK_STATIC,$^)
	$(Q)strip -o $@ $@.debug

$(BUILD)/berth-vmm: $(VMM_OBJECTS)
	@echo "  LINK    $@"
	$(Q)$(call LINK_STATIC,$^)
	$(Q)strip -o $@ $@.debug

$(BUILD)/berth-agent: $(AGENT_OBJECTS) $(FORTIFY:%.c=$(BUILD)/obj/%.o) $(BUILD)/libberth.a
	@echo "  LINK    $@"
	$(Q)$(call LINK_STATIC,$^ $(MUSL_LIBS))
	$(Q)strip -o $@ $@.debug

$(BUILD)/libberthctl.a: $(CTL_OBJECTS) $(BUILD)/init_image.o
	@rm -f $@
	$(Q)ar rcs $@ $^

$(BUILD)/berthctl: $(CTL_MAIN:%.c=$(BUILD)/dynamic/%.o) $(BUILD)/libberthctl.a
	@echo "  LINK    $@"
	$(Q)$(TEST_CC) -pie -Wl,--gc-sections -Wl,-z,relro,-z,now -Wl,--as-needed $(LDFLAGS) -o $@.debug $^ $(CTL_LIBS)
	$(Q)strip -o $@ $@.debug

$(BUILD)/berth-keeper: $(KEEPER_OBJECTS)
	@echo "  LINK    $@"
	$(Q)$(call LINK_STATIC,$^)
	$(Q)strip -o $@ $@.debug

$(BUILD)/berth-proxy: $(PROXY_OBJECTS) $(PROXY_LAYOUT)
	@echo "  LINK    $@"
	$(Q)$(call LINK_STATIC,-T $(PROXY_LAYOUT) $(PROXY_OBJECTS) $(filter %/libnl-3.a,$(MUSL_LIBS)))
	$(Q)strip -o $@ $@.debug

# The init travels inside berth, which hands it out as a sealed copy.
$(BUILD)/init_image.o: $(BUILD)/berth-init
	@printf '.section .rodata\n.balign 4096\n.global init_image\ninit_image: .incbin "$<"\n.global init_image_end\ninit_image_end:\n.section .note.GNU-stack,"",@progbits\n' > $(BUILD)/init_image.S
	$(Q)$(CC) -c $(BUILD)/init_image.S -o $@

$(BUILD)/libberth.a: $(OBJECTS) $(BUILD)/init_image.o
	@rm -f $@
	$(Q)ar rcs $@ $^

$(BUILD)/libberth-asan.a: $(ASAN_OBJECTS) $(BUILD)/init_image.o
	@rm -f $@
	$(Q)ar rcs $@ $^

$(BUILD)/berth: $(BERTH_MAIN:%.c=$(BUILD)/obj/%.o) $(FORTIFY:%.c=$(BUILD)/obj/%.o) $(BUILD)/libberth.a
	@echo "  LINK    $@"
	$(Q)$(call LINK_STATIC,$^ $(MUSL_LIBS))
	$(Q)strip -o $@ $@.debug

$(BUILD)/dynamic/%.o: %.c | $(GENERATED)
	@mkdir -p $(@D)
	@echo "  CC      $@"
	$(Q)$(TEST_CC) $(CPPFLAGS_ALL) -isystem /usr/include/libnl3 $(CPPFLAGS) $(CFLAGS_ALL) $(HARDENING) -D_FORTIFY_SOURCE=2 $(CFLAGS) -c $< -o $@

$(BUILD)/berth-systemd: $(SYSTEMD_OBJECTS)
	@echo "  LINK    $@"
	$(Q)$(TEST_CC) -pie -Wl,--gc-sections -Wl,-z,relro -Wl,--as-needed $(LDFLAGS) -o $@.debug $^ -lsystemd
	$(Q)strip -o $@ $@.debug

$(BUILD)/berth-kernel: $(IMAGE_OBJECTS)
	@echo "  LINK    $@"
	$(Q)$(TEST_CC) -pie -Wl,--gc-sections -Wl,-z,relro -Wl,--as-needed $(LDFLAGS) -o $@.debug $^ $(IMAGE_LIBS)
	$(Q)strip -o $@ $@.debug

$(BUILD)/berth-vm: $(BUILD)/berth
	$(Q)ln -sfn berth $@

# Unit tests: cmocka, under AddressSanitizer and UndefinedBehaviorSanitizer.
$(BUILD)/unit/%: tests/unit/%.c $(BUILD)/libberth-asan.a
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	$(Q)$(TEST_CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) $(TEST_FLAGS) -o $@ $< $(BUILD)/libberth-asan.a $(LIBS) $(IMAGE_LIBS) $(CTLNET_LIBS) -lnettle -lcmocka

# These start the program beside them.
$(BUILD)/unit/proxy_exec_test: $(BUILD)/berth-proxy

# Programs that the other tests use. What runs inside a container is static.
CHECK_TOOLS := $(patsubst %,$(BUILD)/tests/%,ctlnet_tool view footprint receive terminal inject probe load attack agent rootfs network machine tiny fake_vmm fake_host fake_file_server fake_kernel kernel lives hostile_agent hold_kvm)
BENCH_TOOLS := $(patsubst %,$(BUILD)/tests/%,view footprint probe load floor pairbench first_byte machine kernel rootfs)
TOOL_FLAGS := -std=gnu11 -D_GNU_SOURCE -O2 $(filter-out -Wvla -Wundef,$(WARNINGS))

$(BUILD)/tests/%: tests/helpers/%.c
	@mkdir -p $(@D)
	@echo "  CC      $@"
	$(Q)$(TEST_CC) $(TOOL_FLAGS) $(if $(filter probe load attack,$*),-static) -o $@ $< -lutil

$(BUILD)/tests/fake_vmm $(BUILD)/tests/fake_host: tests/helpers/fake.h

# Around the library itself, with the sanitizers of the unit tests in it: the lab has none.
$(BUILD)/tests/network $(BUILD)/tests/hostile_agent: $(BUILD)/tests/%: tests/helpers/%.c $(BUILD)/libberth-asan.a
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	$(Q)$(TEST_CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) $(TEST_FLAGS) -static-libasan -static-libubsan -o $@ $< $(BUILD)/libberth-asan.a $(MUSL_LIBS)

AGENT_TOOL := $(wildcard tests/helpers/agent/*.c)
$(BUILD)/tests/agent: $(AGENT_TOOL:%.c=$(BUILD)/obj/%.o) $(FORTIFY:%.c=$(BUILD)/obj/%.o) $(BUILD)/libberth.a
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	$(Q)$(call LINK_STATIC,$^ $(MUSL_LIBS))
	$(Q)strip -o $@ $@.debug

$(BUILD)/tests/fake_kernel: tests/helpers/fake_kernel.c
	@mkdir -p $(@D)
	@echo "  CC      $@"
	$(Q)$(TEST_CC) $(TOOL_FLAGS) -static -no-pie -fno-stack-protector -nostdlib -Wno-missing-prototypes -o $@ $<

# A guest without a kernel. Its first page is where the boot loader leaves a processor in 64-bit mode.
$(BUILD)/tests/tiny: tests/guest/tiny.c
	@mkdir -p $(@D)
	@echo "  CC      $@"
	$(Q)$(TEST_CC) -std=gnu11 -O1 $(filter-out -Wvla -Wundef,$(WARNINGS)) -ffreestanding -nostdlib -static -fno-pic -no-pie -mno-red-zone \
		-mgeneral-regs-only -fno-stack-protector -fcf-protection=none -Wl,-Ttext-segment=0x200000,--build-id=none,-z,noexecstack -o $@ $<

$(BUILD)/tests/inject: tests/crash/inject.c
	@mkdir -p $(@D)
	@echo "  CC      $@"
	$(Q)$(TEST_CC) $(TOOL_FLAGS) -o $@ $<

CTLNET_TOOL_SOURCES := tests/helpers/ctlnet_tool.c $(CTLNET_SOURCES) $(filter-out $(FORTIFY),$(wildcard base/*.c)) \
        $(patsubst %,netdev/%.c,address link netlink redirect)

$(BUILD)/tests/ctlnet_tool: $(CTLNET_TOOL_SOURCES:%.c=$(BUILD)/dynamic/%.o)
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	$(Q)$(TEST_CC) -pie -Wl,--gc-sections -o $@ $^ -lnl-3 $(CTLNET_LIBS)

$(patsubst %,$(BUILD)/tests/%,floor pairbench first_byte): $(BUILD)/tests/%: tests/bench/%.c
	@mkdir -p $(@D)
	@echo "  CC      $@"
	$(Q)$(TEST_CC) $(TOOL_FLAGS) -static -o $@ $<

$(BUILD)/tests/rootfs: tests/lib/make-rootfs $(BUILD)/tests/probe $(BUILD)/tests/load
	@echo "  ROOTFS  $@"
	$(Q)tests/lib/make-rootfs $@ $(BUILD)/tests/probe $(BUILD)/tests/load

$(BUILD)/tests/kernel: tests/lib/get-kernel
	@echo "  KERNEL  $@"
	$(Q)tests/lib/get-kernel $@

# Fuzzers: libFuzzer, with the same sanitizers.
FUZZ_FLAGS := -isystem /usr/include/libnl3 -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
FUZZERS := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_SECONDS := 60

$(BUILD)/fuzz/obj/%.o: %.c | $(GENERATED)
	@mkdir -p $(@D)
	@echo "  CC      $@"
	$(Q)clang $(CPPFLAGS_ALL) -std=gnu11 -MMD -MP $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link -c $< -o $@

$(BUILD)/fuzz/libberth.a: $(TEST_SOURCES:%.c=$(BUILD)/fuzz/obj/%.o) $(BUILD)/init_image.o
	@rm -f $@
	$(Q)ar rcs $@ $^

$(BUILD)/fuzz/fuzz_%: tests/fuzz/fuzz_%.c $(BUILD)/fuzz/libberth.a
	@echo "  LINK    $@"
	$(Q)clang $(CPPFLAGS_ALL) -std=gnu11 $(FUZZ_FLAGS) -fsanitize=fuzzer -o $@ $< $(BUILD)/fuzz/libberth.a $(LIBS) $(IMAGE_LIBS) $(CTLNET_LIBS)

# The parts of `make check` can be run alone: make check STAGES="unit integration". All but the last run on this machine;
# lab boots one with systemd and engines.
NATIVE_STAGES := unit rules integration wall conformance crash fuzz
STAGES := $(NATIVE_STAGES) lab

# As many compilers as processors, unless the caller has said how many.
PARALLEL = $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))

.PHONY: check check-native check-lab check-full check-build
check:
	@scripts/install-deps build check $(filter lab,$(STAGES))
	@$(MAKE) --no-print-directory $(PARALLEL) check-build
	@tests/check $(STAGES)

check-native:
	@$(MAKE) --no-print-directory check STAGES="$(NATIVE_STAGES)"

check-lab:
	@$(MAKE) --no-print-directory check STAGES=lab

check-full:
	@FULL=1 CRASH=all FUZZ_SECONDS=$(FUZZ_SECONDS) $(MAKE) --no-print-directory check

check-build: all $(CHECK_TOOLS) $(UNIT_TESTS) $(FUZZERS)

.PHONY: conformance
conformance:
	@scripts/install-deps build check bench
	@$(MAKE) --no-print-directory $(PARALLEL) all $(CHECK_TOOLS)
	@tests/conformance/table

.PHONY: fuzz
fuzz:
	@scripts/install-deps build check
	@$(MAKE) --no-print-directory $(PARALLEL) $(FUZZERS) $(BUILD)/tests/footprint
	@FUZZ_SECONDS=$(FUZZ_SECONDS) tests/check fuzz

.PHONY: bench
bench:
	@scripts/install-deps build bench check
	@$(MAKE) --no-print-directory $(PARALLEL) all $(BENCH_TOOLS)
	@$(BUILD)/tests/view tests/bench/bench
	@$(BUILD)/tests/view tests/bench/ctl >$(BUILD)/density.md
	@tests/lib/insert bench-ctl docs/density.md <$(BUILD)/density.md && cat $(BUILD)/density.md
	@tests/bench/vm start
	@tests/bench/vm guests

.PHONY: bench-lab
bench-lab:
	@scripts/install-deps build bench check lab
	@$(MAKE) --no-print-directory $(PARALLEL) all $(BENCH_TOOLS)
	@tests/bench/lab

.PHONY: demo
demo:
	@scripts/install-deps build
	@$(MAKE) --no-print-directory $(PARALLEL) all
	@scripts/demo $(BUILD)/berth

.PHONY: install
install: all
	install -D -m 755 $(BUILD)/berth $(DESTDIR)$(PREFIX)/bin/berth
	ln -sfn berth $(DESTDIR)$(PREFIX)/bin/berth-vm
	install -D -m 755 $(BUILD)/berth-systemd $(DESTDIR)$(LIBEXEC)/berth-systemd
	install -D -m 755 $(BUILD)/berth-kernel $(DESTDIR)$(LIBEXEC)/berth-kernel
	install -D -m 755 $(BUILD)/berth-vmm $(DESTDIR)$(LIBEXEC)/berth-vmm
	install -D -m 755 $(BUILD)/berthctl $(DESTDIR)$(PREFIX)/bin/berthctl
	install -D -m 755 $(BUILD)/berth-keeper $(DESTDIR)$(LIBEXEC)/berth-keeper
	sed 's|@PREFIX@|$(PREFIX)|' share/systemd/berthctl.service.in | install -D -m 644 /dev/stdin $(DESTDIR)$(PREFIX)/lib/systemd/system/berthctl.service
	sed 's|@PREFIX@|$(PREFIX)|; /^After=/d; /^RequiresMountsFor=/d; s/^WantedBy=.*/WantedBy=default.target/' share/systemd/berthctl.service.in | install -D -m 644 /dev/stdin $(DESTDIR)$(PREFIX)/lib/systemd/user/berthctl.service
	install -D -m 644 docs/berthctl.1 $(DESTDIR)$(PREFIX)/share/man/man1/berthctl.1
	install -D -m 644 share/bash-completion/berthctl $(DESTDIR)$(PREFIX)/share/bash-completion/completions/berthctl
	install -D -m 755 $(BUILD)/berth-agent $(DESTDIR)$(LIBEXEC)/berth-agent
	install -D -m 755 $(BUILD)/berth-proxy $(DESTDIR)$(LIBEXEC)/berth-proxy
	install -D -m 644 docs/berth.1 $(DESTDIR)$(PREFIX)/share/man/man1/berth.1
	install -D -m 644 share/berth.conf $(DESTDIR)$(PREFIX)/share/doc/berth/berth.conf
	install -D -m 644 docs/berth.conf.md $(DESTDIR)$(PREFIX)/share/doc/berth/berth.conf.md
	install -D -m 644 share/bash-completion/berth $(DESTDIR)$(PREFIX)/share/bash-completion/completions/berth

.PHONY: format
format:
	@find base oci namespaces cgroups netdev runtime vmmode cli tests -name '*.[ch]' 2>/dev/null | xargs clang-format -i

.PHONY: lint
lint:
	@scripts/install-deps build check lint
	@$(MAKE) --no-print-directory $(GENERATED)
	@clang-tidy --version | grep -q 'version 14\.' || \
		echo "lint: clang-tidy 14 (Debian 12) is what counts, and here is another"
	clang-tidy --quiet $(SOURCES) $(INIT_MAIN) $(BERTH_MAIN) $(wildcard cgroups/systemd/*.c vmmode/image/*.c) $(AGENT_SOURCES) $(CTLNET_SOURCES) $(CTL_SOURCES) $(CTL_MAIN) $(wildcard runtime/keeper/*.c) -- $(CPPFLAGS_ALL) -std=gnu11 -isystem /usr/include/libnl3

.PHONY: clean
clean:
	rm -rf $(BUILD)

-include $(wildcard $(BUILD)/obj/*/*.d $(BUILD)/obj/*/*/*.d $(BUILD)/obj/*/*/*/*.d $(BUILD)/dynamic/*/*.d $(BUILD)/dynamic/*/*/*.d $(BUILD)/asan/*/*.d $(BUILD)/asan/*/*/*.d $(BUILD)/unit/*.d \
        $(BUILD)/fuzz/obj/*/*.d $(BUILD)/fuzz/obj/*/*/*.d)
