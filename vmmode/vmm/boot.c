#include "vmmode/vmm/boot.h"

#include <asm/bootparam.h>
#include <errno.h>
#include <linux/kvm.h>
#include <string.h>

#include "base/error.h"
#include "vmmode/vmm/layout.h"

#define E820_RAM       1
#define E820_RESERVED  2
#define BOOT_FLAG      0xaa55
#define HEADER_MAGIC   0x53726448 /* "HdrS" */
#define LOADER_UNKNOWN 0xff
#define LOADFLAG_HEAP  0 /* no heap, no quiet flag: the command line says what is wanted */

#define CR0_PE   1ULL
#define CR0_PG   (1ULL << 31)
#define CR4_PAE  (1ULL << 5)
#define EFER_LME (1ULL << 8)
#define EFER_LMA (1ULL << 10)

#define PAGE_PRESENT  1ULL
#define PAGE_WRITABLE 2ULL
#define PAGE_LARGE    (1ULL << 7)

struct region {
        uint64_t start, size;
        uint32_t type;
};

/* The memory map: conventional memory, what a PC has below 1 MiB, the rest of RAM, and the configuration space. */
static size_t memory_map(const struct guest_memory *memory, struct region *map)
{
        size_t n = 0;

        map[n++] = (struct region){0, LAYOUT_LOW_END, E820_RAM};
        map[n++] = (struct region){LAYOUT_LOW_END, LAYOUT_HIGH - LAYOUT_LOW_END, E820_RESERVED};
        map[n++] = (struct region){LAYOUT_HIGH, memory->v[0].size - LAYOUT_HIGH, E820_RAM};
        map[n++] = (struct region){LAYOUT_ECAM, LAYOUT_ECAM_SIZE, E820_RESERVED};
        for (size_t i = 1; i < memory->n; i++)
                map[n++] = (struct region){memory->v[i].address, memory->v[i].size, E820_RAM};
        return n;
}

#define REGIONS_MAX 8

static bool write_zero_page(const struct guest_memory *memory, const struct boot *boot)
{
        struct boot_params *page = guest_span(memory, LAYOUT_ZERO_PAGE, sizeof(*page));
        struct region map[REGIONS_MAX];
        size_t n = memory_map(memory, map);

        if (!page)
                return false;
        memset(page, 0, sizeof(*page));
        if (boot->image->has_header)
                memcpy((uint8_t *)page + 0x1f1, boot->image->header, sizeof(boot->image->header));
        page->hdr.boot_flag = BOOT_FLAG;
        page->hdr.header = HEADER_MAGIC;
        page->hdr.type_of_loader = LOADER_UNKNOWN;
        page->hdr.cmd_line_ptr = LAYOUT_CMDLINE;
        page->hdr.cmdline_size = (uint32_t)strlen(boot->cmdline);
        page->hdr.ramdisk_image = (uint32_t)boot->initrd;
        page->hdr.ramdisk_size = (uint32_t)boot->initrd_size;
        if (!boot->image->has_header)
                page->hdr.kernel_alignment = 0x1000000;
        page->acpi_rsdp_addr = boot->rsdp;
        for (size_t i = 0; i < n; i++)
                page->e820_table[i] = (struct boot_e820_entry){map[i].start, map[i].size, map[i].type};
        page->e820_entries = (uint8_t)n;
        return true;
}

/* Xen's public/arch-x86/hvm/start_info.h, version 1. */
struct start_info {
        uint32_t magic, version, flags, n_modules;
        uint64_t modules, cmdline, rsdp, memory_map;
        uint32_t n_memory_map, reserved;
};

struct start_info_module {
        uint64_t address, size, cmdline, reserved;
};

struct start_info_region {
        uint64_t address, size;
        uint32_t type, reserved;
};

#define START_INFO_MAGIC 0x336ec578

static bool write_start_info(const struct guest_memory *memory, const struct boot *boot)
{
        struct {
                struct start_info info;
                struct start_info_module initrd;
                struct start_info_region map[REGIONS_MAX];
        } *block = guest_span(memory, LAYOUT_START_INFO, sizeof(*block));
        struct region map[REGIONS_MAX];
        size_t n = memory_map(memory, map);

        if (!block)
                return false;
        memset(block, 0, sizeof(*block));
        block->info = (struct start_info){
                .magic = START_INFO_MAGIC,
                .version = 1,
                .n_modules = boot->initrd_size ? 1 : 0,
                .modules = boot->initrd_size ? LAYOUT_START_INFO + sizeof(block->info) : 0,
                .cmdline = LAYOUT_CMDLINE,
                .rsdp = boot->rsdp,
                .memory_map = LAYOUT_START_INFO + sizeof(block->info) + sizeof(block->initrd),
                .n_memory_map = (uint32_t)n,
        };
        block->initrd = (struct start_info_module){.address = boot->initrd, .size = boot->initrd_size};
        for (size_t i = 0; i < n; i++)
                block->map[i] = (struct start_info_region){map[i].start, map[i].size, map[i].type, 0};
        return true;
}

/* The first GiB as it is, in pages of 2 MiB: the 64-bit entry is called with paging on. */
static bool write_page_tables(const struct guest_memory *memory)
{
        uint64_t *tables = guest_span(memory, LAYOUT_PAGE_TABLES, 3 * GUEST_PAGE);

        if (!tables)
                return false;
        memset(tables, 0, 3 * GUEST_PAGE);
        tables[0] = (LAYOUT_PAGE_TABLES + GUEST_PAGE) | PAGE_PRESENT | PAGE_WRITABLE;
        tables[512] = (LAYOUT_PAGE_TABLES + 2 * GUEST_PAGE) | PAGE_PRESENT | PAGE_WRITABLE;
        for (uint64_t i = 0; i < 512; i++)
                tables[1024 + i] = i << 21 | PAGE_PRESENT | PAGE_WRITABLE | PAGE_LARGE;
        return true;
}

static const struct kvm_segment null_segment;

/* Flat segments (boot.rst wants __BOOT_CS 0x10 and __BOOT_DS 0x18). */
static struct kvm_segment flat_segment(uint16_t selector, uint8_t type, bool long_mode)
{
        return (struct kvm_segment){
                .limit = UINT32_MAX,
                .selector = selector,
                .type = type,
                .present = 1,
                .s = 1,
                .g = 1,
                .l = long_mode,
                .db = !long_mode,
        };
}

static bool write_gdt(const struct guest_memory *memory)
{
        static const uint64_t descriptors[] = {
                0,
                0,
                0x00af9b000000ffff /* 64-bit code */,
                0x00cf93000000ffff /* data */,
                0x008f8b000000ffff /* task */,
        };

        return guest_write(memory, LAYOUT_GDT, descriptors, sizeof(descriptors));
}

int boot_prepare(const struct guest_memory *memory, const struct boot *boot)
{
        size_t length = strlen(boot->cmdline);
        size_t most =
                boot->image->cmdline_max < LAYOUT_CMDLINE_MAX - 1 ? boot->image->cmdline_max : LAYOUT_CMDLINE_MAX - 1;

        if (length > most)
                return refuse(E2BIG, "kernel command line: %zu bytes, the kernel takes at most %zu", length, most);
        if (memory->n == 0 || memory->v[0].size <= LAYOUT_HIGH)
                return refuse(ENOSPC, "guest memory: nothing above 1 MiB");
        if (!guest_write(memory, LAYOUT_CMDLINE, boot->cmdline, length + 1) || !write_gdt(memory) ||
            !write_page_tables(memory) || !write_zero_page(memory, boot) || !write_start_info(memory, boot))
                return refuse(ENOSPC, "guest memory: no room for the boot tables");
        return 0;
}

void boot_registers(const struct image *image, struct kvm_regs *regs, struct kvm_sregs *sregs)
{
        bool pvh = image->protocol == IMAGE_PVH;
        struct kvm_segment data = flat_segment(0x18, 3, false);

        *regs = (struct kvm_regs){.rip = image->entry, .rflags = 2};
        if (pvh) {
                regs->rbx = LAYOUT_START_INFO;
        } else {
                regs->rsi = LAYOUT_ZERO_PAGE;
                regs->rsp = regs->rbp = LAYOUT_STACK;
        }
        sregs->cs = flat_segment(0x10, 11, !pvh);
        sregs->ds = sregs->es = sregs->fs = sregs->gs = sregs->ss = data;
        sregs->tr = (struct kvm_segment){.limit = 0x67, .selector = 0x20, .type = 11, .present = 1};
        sregs->ldt = null_segment;
        sregs->ldt.unusable = 1;
        sregs->gdt = (struct kvm_dtable){.base = LAYOUT_GDT, .limit = 5 * 8 - 1};
        sregs->idt = (struct kvm_dtable){0};
        sregs->cr0 = CR0_PE | (pvh ? 0 : CR0_PG) | (sregs->cr0 & (1ULL << 4)); /* ET is fixed */
        sregs->cr3 = pvh ? 0 : LAYOUT_PAGE_TABLES;
        sregs->cr4 = pvh ? 0 : CR4_PAE;
        sregs->efer = pvh ? 0 : EFER_LME | EFER_LMA;
}
