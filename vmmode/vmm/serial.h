/* The serial port of --vm-console: a 16550A that only writes, into a file, and has no interrupt (acpi.c). It is there
 * when somebody wants to see the kernel's own messages and not otherwise: each byte is an exit of the guest. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "vmmode/vmm/bus.h"

struct serial {
        int fd;
        pthread_mutex_t lock;
        uint64_t written, most; /* bytes; what goes beyond is dropped: the guest must not fill the host's disk */
        uint8_t interrupt_enable, line_control, modem_control, scratch, divisor[2];
        bool fifos;        /* the driver switched them on; it writes 16 bytes at a time then */
        uint8_t line[256]; /* what is not written yet */
        unsigned used;
};

#define SERIAL_MOST (16ULL << 20)

/* fd: the caller's. */
int serial_init(struct serial *serial, struct bus *ports, int fd);

/* Writes what is left of a line without an end. */
void serial_flush(struct serial *serial);
