/* The loopback interface of a new network namespace. */
#pragma once

/* Brings "lo" of the calling process's network namespace up (the kernel gives it 127.0.0.1 and ::1 then). */
int loopback_up(void);
