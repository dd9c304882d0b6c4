# berth: `make demo` shows it, `make check` tests it, `make help` lists the rest.

CC := gcc
MUSL_CC := musl-gcc
PREFIX := /usr/local
DESTDIR :=
BUILD := build
VERSION := 0.1.0
COMMIT := $(shell git describe --always --dirty --abbrev=12 2>/dev/null || echo unknown)

WARNINGS := -Wall -Wextra -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Wpointer-arith -Wcast-qual \
        -Wundef -Wvla -Wformat=2 -Wno-format-nonliteral -Wno-format-truncation -Werror
CPPFLAGS_ALL := -I. -I$(BUILD)/generated -D_GNU_SOURCE
CFLAGS := -O2 -g
CFLAGS_ALL := -std=gnu11 $(WARNINGS) -fstack-protector-strong -ffunction-sections -fdata-sections -MMD -MP
LDFLAGS_STATIC := -static-pie -Wl,--gc-sections -Wl,-z,relro,-z,now
# make V=1 shows the commands.
Q := $(if $(V),,@)

LIBS := -lyajl_s -lseccomp -lnl-route-3 -lnl-3

# The rooms (docs/architecture.md). What berth-init is made of is compiled a second time against musl: it enters
# containers, so it is small, static and without any library.
ROOMS := base oci namespaces cgroups netdev runtime/core runtime/life vmmode/host cli
INIT_MAIN := runtime/core/berth_init.c
BERTH_MAIN := cli/berth.c
SOURCES := $(filter-out $(INIT_MAIN) $(BERTH_MAIN),$(wildcard $(ROOMS:%=%/*.c)))
INIT_SOURCES := $(INIT_MAIN) $(wildcard base/*.c namespaces/*.c) $(shell sed 's/\#.*//' runtime/core/init-sources 2>/dev/null)

OBJECTS := $(SOURCES:%.c=$(BUILD)/host/%.o)
INIT_OBJECTS := $(INIT_SOURCES:%.c=$(BUILD)/init/%.o)
ASAN_OBJECTS := $(SOURCES:%.c=$(BUILD)/asan/%.o)
UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(wildcard tests/unit/*_test.c))

.DEFAULT_GOAL := all
.PHONY: all
all: $(BUILD)/berth $(BUILD)/berth-vm

.PHONY: help
help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)

## make            build build/berth
## make demo       install what building needs, build, and run a first container
## make check      the whole test suite
## make bench      speed and size beside crun and runc
## make fuzz       fuzz for a minute each (FUZZ_SECONDS=60)
## make install    PREFIX=/usr/local DESTDIR=
## make format     clang-format; make lint: clang-tidy
## make clean      remove build/

$(BUILD)/generated/version.h: FORCE
	@mkdir -p $(@D)
	@printf '#define BERTH_VERSION "%s"\n#define BERTH_COMMIT "%s"\n' '$(VERSION)' '$(COMMIT)' > $@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

.PHONY: FORCE
FORCE:

$(BUILD)/host/%.o: %.c | $(BUILD)/generated/version.h
	@mkdir -p $(@D)
	@echo "  CC      $@"
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CPPFLAGS) $(CFLAGS_ALL) $(CFLAGS) -fPIE -c $< -o $@

$(BUILD)/asan/%.o: %.c | $(BUILD)/generated/version.h
	@mkdir -p $(@D)
	@echo "  CC      $@"
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CPPFLAGS) $(CFLAGS_ALL) -O1 -g -fsanitize=address,undefined -fno-omit-frame-pointer -c $< -o $@

# musl has no kernel headers of its own: lend it the machine's, and only those.
$(BUILD)/init/include:
	@mkdir -p $@
	@ln -sfn /usr/include/linux $@/linux
	@ln -sfn /usr/include/asm-generic $@/asm-generic
	@ln -sfn /usr/include/$(shell $(CC) -print-multiarch)/asm $@/asm

$(BUILD)/init/%.o: %.c | $(BUILD)/generated/version.h $(BUILD)/init/include
	@mkdir -p $(@D)
	@echo "  CC      $@"
	$(Q)$(MUSL_CC) $(CPPFLAGS_ALL) -idirafter $(BUILD)/init/include $(CPPFLAGS) $(CFLAGS_ALL) -Os -g -fPIE -c $< -o $@

$(BUILD)/berth-init: $(INIT_OBJECTS)
	@echo "  LINK    $@"
	$(Q)$(MUSL_CC) $(LDFLAGS_STATIC) -o $@.debug $^
	$(Q)strip -o $@ $@.debug

# The init travels inside berth, which hands it out as a sealed copy.
$(BUILD)/host/init_image.o: $(BUILD)/berth-init
	@printf '.section .rodata\n.balign 4096\n.global init_image\ninit_image: .incbin "$<"\n.global init_image_end\ninit_image_end:\n.section .note.GNU-stack,"",@progbits\n' > $(BUILD)/init_image.S
	@echo "  CC      $@"
	$(Q)$(CC) -c $(BUILD)/init_image.S -o $@

$(BUILD)/libberth.a: $(OBJECTS) $(BUILD)/host/init_image.o
	@rm -f $@
	$(Q)ar rcs $@ $^

$(BUILD)/libberth-asan.a: $(ASAN_OBJECTS) $(BUILD)/host/init_image.o
	@rm -f $@
	$(Q)ar rcs $@ $^

$(BUILD)/berth: $(BERTH_MAIN:%.c=$(BUILD)/host/%.o) $(BUILD)/libberth.a
	@echo "  LINK    $@"
	$(Q)$(CC) $(LDFLAGS_STATIC) $(LDFLAGS) -o $@.debug $^ $(LIBS)
	$(Q)strip -o $@ $@.debug

$(BUILD)/berth-vm: $(BUILD)/berth
	$(Q)ln -sfn berth $@

# Unit tests: cmocka, under AddressSanitizer and UndefinedBehaviorSanitizer.
$(BUILD)/unit/%: tests/unit/%.c $(BUILD)/libberth-asan.a
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -O1 -g -fsanitize=address,undefined -o $@ $^ $(LIBS) -lcmocka

.PHONY: clean
clean:
	rm -rf $(BUILD)

-include $(wildcard $(BUILD)/host/*/*.d $(BUILD)/host/*/*/*.d $(BUILD)/init/*/*.d $(BUILD)/init/*/*/*.d \
        $(BUILD)/asan/*/*.d $(BUILD)/asan/*/*/*.d $(BUILD)/unit/*.d)
