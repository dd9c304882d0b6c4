#include "cli/ctl/interrupt.h"

#include <signal.h>

#include "base/cleanup.h"

static const int signals[] = {SIGINT, SIGTERM, SIGHUP};

/* The program's own state, as its signals are. */
static volatile sig_atomic_t noted;

static void note(int signal)
{
        noted = signal;
}

void interrupt_begin(struct ctl *ctl)
{
        const struct sigaction ours = {.sa_handler = note, .sa_flags = (int)SA_RESETHAND};
        struct sigaction before;

        for (size_t i = 0; i < ELEMENTS(signals); i++)
                if (sigaction(signals[i], NULL, &before) == 0 && before.sa_handler == SIG_DFL)
                        sigaction(signals[i], &ours, NULL);
        ctl->interrupted = &noted;
}

void interrupt_end(void)
{
        struct sigaction now;

        for (size_t i = 0; i < ELEMENTS(signals); i++)
                if (sigaction(signals[i], NULL, &now) == 0 && now.sa_handler == note)
                        (void)signal(signals[i], SIG_DFL);
}

void interrupt_finish(void)
{
        interrupt_end();
        if (noted)
                (void)raise(noted);
}
