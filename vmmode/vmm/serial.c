#include "vmmode/vmm/serial.h"

#include <stdbool.h>

#include "base/io.h"
#include "vmmode/vmm/layout.h"

/* 16550 registers (National Semiconductor PC16550D). */
enum { DATA, INTERRUPT_ENABLE, INTERRUPT_ID, LINE_CONTROL, MODEM_CONTROL, LINE_STATUS, MODEM_STATUS, SCRATCH };

#define DIVISOR_ACCESS    0x80 /* in line control */
#define WHEN_EMPTY        0x02 /* in interrupt enable: a driver that looks by a timer sends only when it is told so */
#define IS_EMPTY          0x02 /* in interrupt identification */
#define NO_INTERRUPT      0x01
#define FIFOS_ON          0xc0 /* in interrupt identification */
#define FIFO_ENABLE       0x01 /* in FIFO control, which is what a write to interrupt identification is */
#define TRANSMITTER_EMPTY 0x60 /* holding register and shift register */
#define MODEM_READY       0xb0 /* carrier, data set ready, clear to send */
#define MODEM_LOOP        0x10

static void write_out(struct serial *serial)
{
        if (serial->written < serial->most)
                (void)write_all(serial->fd, serial->line, serial->used);
        serial->written += serial->used;
        serial->used = 0;
}

static void put_byte(struct serial *serial, uint8_t byte)
{
        serial->line[serial->used++] = byte;
        if (byte == '\n' || serial->used == sizeof(serial->line))
                write_out(serial);
}

static void write_register(void *device, uint64_t offset, unsigned width, uint64_t value)
{
        struct serial *serial = device;
        uint8_t byte = (uint8_t)value;
        bool divisor;

        if (width != 1)
                return;
        pthread_mutex_lock(&serial->lock);
        divisor = serial->line_control & DIVISOR_ACCESS;
        switch (offset) {
        case DATA:
                if (divisor)
                        serial->divisor[0] = byte;
                else if (!(serial->modem_control & MODEM_LOOP))
                        put_byte(serial, byte);
                break;
        case INTERRUPT_ENABLE:
                if (divisor)
                        serial->divisor[1] = byte;
                else
                        serial->interrupt_enable = byte & 0x0f;
                break;
        case INTERRUPT_ID:
                serial->fifos = byte & FIFO_ENABLE;
                break;
        case LINE_CONTROL:
                serial->line_control = byte;
                break;
        case MODEM_CONTROL:
                serial->modem_control = byte & 0x1f;
                break;
        case SCRATCH:
                serial->scratch = byte;
                break;
        default:
                break;
        }
        pthread_mutex_unlock(&serial->lock);
}

/* In the loop the outputs are the inputs: RTS is CTS, DTR is DSR, the two others ring and carrier. */
static uint8_t looped_back(uint8_t control)
{
        return (uint8_t)((control & 2) << 3 | (control & 1) << 5 | (control & 0x0c) << 4);
}

static uint8_t register_value(const struct serial *serial, uint64_t offset)
{
        bool divisor = serial->line_control & DIVISOR_ACCESS;

        switch (offset) {
        case DATA:
                return divisor ? serial->divisor[0] : 0;
        case INTERRUPT_ENABLE:
                return divisor ? serial->divisor[1] : serial->interrupt_enable;
        case INTERRUPT_ID:
                return (uint8_t)((serial->interrupt_enable & WHEN_EMPTY ? IS_EMPTY : NO_INTERRUPT) |
                                 (serial->fifos ? FIFOS_ON : 0));
        case LINE_CONTROL:
                return serial->line_control;
        case MODEM_CONTROL:
                return serial->modem_control;
        case LINE_STATUS:
                return TRANSMITTER_EMPTY;
        case MODEM_STATUS:
                return serial->modem_control & MODEM_LOOP ? looped_back(serial->modem_control) : MODEM_READY;
        default:
                return serial->scratch;
        }
}

static uint64_t read_register(void *device, uint64_t offset, unsigned width)
{
        struct serial *serial = device;
        uint8_t value;

        if (width != 1)
                return UINT64_MAX;
        pthread_mutex_lock(&serial->lock);
        value = register_value(serial, offset);
        pthread_mutex_unlock(&serial->lock);
        return value;
}

int serial_init(struct serial *serial, struct bus *ports, int fd)
{
        const struct bus_range range = {LAYOUT_SERIAL_PORT, 8, read_register, write_register, serial};

        *serial = (struct serial){.fd = fd, .most = SERIAL_MOST, .lock = PTHREAD_MUTEX_INITIALIZER};
        return bus_add(ports, &range);
}

void serial_flush(struct serial *serial)
{
        pthread_mutex_lock(&serial->lock);
        write_out(serial);
        pthread_mutex_unlock(&serial->lock);
}
