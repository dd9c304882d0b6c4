/* A guest that needs no kernel: what the first letter of its command line asks for, said on the serial port.
 *
 *   p  powers off             r  resets              t  ends in a triple fault      s  spins for ever
 *   c  counts on the console for ever                m  starts a second processor, which says so
 *   g  writes garbage into every register of every device, then powers off
 *   n  waits until network device 0 has an address, says it and its MTU, powers off */
#include <stddef.h>
#include <stdint.h>

#define SERIAL     0x3f8
#define SLEEP      0x600
#define RESET      0x602
#define BARS       0xc0000000UL
#define BAR_SIZE   0x10000UL
#define ECAM       0xe0000000UL
#define LOCAL_APIC 0xfee00000UL
#define TRAMPOLINE 0x70000UL

#define LARGE_PAGE (1UL << 21)

static uint64_t devices[512] __attribute__((aligned(4096)));

static void out(uint16_t port, uint8_t value)
{
        __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static void say(const char *text)
{
        while (*text)
                out(SERIAL, (uint8_t)*text++);
}

static void say_number(uint64_t number)
{
        char text[21];
        size_t at = sizeof(text) - 1;

        text[at] = '\0';
        do {
                text[--at] = (char)('0' + number % 10);
                number /= 10;
        } while (number);
        say(text + at);
}

static void power_off(void)
{
        out(SLEEP, 5 << 2 | 1 << 5);
        for (;;)
                __asm__ volatile("hlt");
}

/* The boot loader's tables reach 1 GiB; devices lie from 3 to 4. */
static void map_devices(void)
{
        volatile uint64_t *directory = (uint64_t *)0xa000;

        for (uint64_t i = 0; i < 512; i++)
                devices[i] = (BARS + i * LARGE_PAGE) | 0x93; /* present, writable, not cached, large */
        directory[3] = (uint64_t)devices | 3;
        __asm__ volatile("mov %%cr3, %%rax; mov %%rax, %%cr3" : : : "rax", "memory");
}

static void write4(uint64_t address, uint32_t value)
{
        *(volatile uint32_t *)address = value;
}

static uint32_t read4(uint64_t address)
{
        return *(volatile uint32_t *)address;
}

static uint32_t next_random(uint32_t *seed)
{
        *seed ^= *seed << 13;
        *seed ^= *seed >> 17;
        *seed ^= *seed << 5;
        return *seed;
}

static int has_device(unsigned slot)
{
        return (read4(ECAM + slot * 0x8000UL) & 0xffff) == 0x1af4;
}

static void write_any_width(uint64_t address, uint32_t value)
{
        switch (value >> 30) {
        case 0:
                *(volatile uint8_t *)address = (uint8_t)value;
                break;
        case 1:
                *(volatile uint16_t *)(address & ~1UL) = (uint16_t)value;
                break;
        case 2:
                *(volatile uint32_t *)(address & ~3UL) = value;
                break;
        default:
                *(volatile uint64_t *)(address & ~7UL) = (uint64_t)value << 32 | value;
        }
}

/* First the registers one by one, so that a queue is enabled somewhere in RAM; then anything anywhere. */
static void garbage(void)
{
        static const uint16_t places[] = {0x00, 0x04, 0x08, 0x0c, 0x10, 0x14, 0x16, 0x18,
                                          0x1a, 0x1c, 0x20, 0x24, 0x28, 0x2c, 0x30, 0x34};
        uint32_t seed = 0x2545f491;
        unsigned n = 0;

        for (unsigned slot = 0; slot < 32; slot++) {
                uint64_t bar = BARS + slot * BAR_SIZE;

                if (!has_device(slot))
                        continue;
                n++;
                for (unsigned i = 0; i < 400; i++) {
                        static const uint8_t status[] = {0, 1, 3, 0x0b, 0x0f};

                        *(volatile uint8_t *)(bar + 0x14) = status[i % 5];
                        write_any_width(bar + places[next_random(&seed) % 16], next_random(&seed));
                        (void)read4(bar + (next_random(&seed) & 0xfffc));
                        write_any_width(bar + (next_random(&seed) & 0xffff), next_random(&seed));
                        write_any_width(ECAM + slot * 0x8000UL + (next_random(&seed) & 0xfff), next_random(&seed));
                        write_any_width(bar + 0x3000 + 4 * (i % 8), i);
                }
        }
        say("devices: ");
        say_number(n);
        say("\n");
}

static void wait_for_address(void)
{
        uint64_t bar = 0;

        for (unsigned slot = 0; slot < 32 && !bar; slot++)
                if (has_device(slot) && read4(ECAM + slot * 0x8000UL) >> 16 == 0x1041)
                        bar = BARS + slot * BAR_SIZE;
        say("waiting\n");
        write4(bar, 0); /* the lower half of the features */
        while (!(read4(bar + 4) & 1 << 5))
                __asm__ volatile("pause");
        say("mac ");
        for (unsigned i = 0; i < 6; i++) {
                say_number(*(volatile uint8_t *)(bar + 0x2000 + i));
                say(i < 5 ? "." : " mtu ");
        }
        say_number(*(volatile uint16_t *)(bar + 0x2000 + 10));
        say("\n");
}

/* The second processor begins in real mode at the start of a page: it says "2" and a line's end, and halts. */
static void start_second(void)
{
        static const uint8_t code[] = {0xba, 0xf8, 0x03, 0xb0, '2', 0xee, 0xb0, '\n', 0xee, 0xf4, 0xeb, 0xfd};
        volatile uint8_t *to = (uint8_t *)TRAMPOLINE;

        for (size_t i = 0; i < sizeof(code); i++)
                to[i] = code[i];
        write4(LOCAL_APIC + 0xf0, 0x1ff); /* on */
        write4(LOCAL_APIC + 0x310, 1U << 24);
        write4(LOCAL_APIC + 0x300, 0x4500); /* INIT */
        write4(LOCAL_APIC + 0x310, 1U << 24);
        write4(LOCAL_APIC + 0x300, 0x4600 | TRAMPOLINE >> 12); /* start-up */
        for (;;)
                __asm__ volatile("pause");
}

void run(const uint8_t *zero_page);

void run(const uint8_t *zero_page)
{
        uint32_t place = *(const uint32_t *)(const void *)(zero_page + 0x228);
        const char *cmdline = (const char *)(uintptr_t)place;

        map_devices();
        say("tiny: ");
        say(cmdline);
        say("\n");
        switch (*cmdline) {
        case 'r':
                out(RESET, 1);
                break;
        case 't':
                __asm__ volatile("lidt %0; ud2" : : "m"(*(const char(*)[10]) "\0\0\0\0\0\0\0\0\0"));
                break;
        case 'c':
                for (uint64_t i = 0;; i++) {
                        say_number(i);
                        say("\n");
                        for (unsigned j = 0; j < 10000; j++)
                                __asm__ volatile("pause");
                }
        case 'm':
                start_second();
                break;
        case 's':
                for (;;)
                        __asm__ volatile("pause");
        case 'g':
                garbage();
                break;
        case 'n':
                wait_for_address();
                break;
        default:
                break;
        }
        power_off();
        for (;;)
                ;
}

__asm__(".section .text.start\n"
        ".global _start\n"
        "_start: mov %rsi, %rdi\n"
        "lea stack_end(%rip), %rsp\n"
        "call run\n"
        ".bss\n"
        ".balign 16\n"
        ".skip 16384\n"
        "stack_end:\n"
        ".text\n");
