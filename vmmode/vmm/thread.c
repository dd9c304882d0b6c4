#include "vmmode/vmm/thread.h"

#include <signal.h>
#include <stdbool.h>

#include "base/error.h"

/* Enough for what an access of the guest can end up calling; of the default's 8 MiB more would be touched. */
#define STACK_SIZE (128 * 1024)

struct start {
        const char *name;
        int (*prepare)(void);
        void (*run)(void *data);
        void *data;
        int result;
        bool prepared;
        pthread_mutex_t lock;
        pthread_cond_t done;
};

static void *begin(void *argument)
{
        struct start *start = argument;
        void (*run)(void *data) = start->run;
        void *data = start->data;
        int r;

        /* By itself: another thread's name is set through a file. */
        (void)pthread_setname_np(pthread_self(), start->name);
        r = start->prepare ? start->prepare() : 0;
        /* `start` is the starter's and gone after this. */
        pthread_mutex_lock(&start->lock);
        start->result = r;
        start->prepared = true;
        pthread_cond_signal(&start->done);
        pthread_mutex_unlock(&start->lock);
        if (r == 0)
                run(data);
        return NULL;
}

int thread_start(pthread_t *thread, const char *name, int (*prepare)(void), void (*run)(void *data), void *data)
{
        struct start start = {.name = name,
                              .prepare = prepare,
                              .run = run,
                              .data = data,
                              .lock = PTHREAD_MUTEX_INITIALIZER,
                              .done = PTHREAD_COND_INITIALIZER};
        pthread_attr_t attributes;
        int r;

        pthread_attr_init(&attributes);
        pthread_attr_setstacksize(&attributes, STACK_SIZE);
        r = pthread_create(thread, &attributes, begin, &start);
        pthread_attr_destroy(&attributes);
        if (r != 0)
                return fail(r, "start the thread of %s", name);
        pthread_mutex_lock(&start.lock);
        while (!start.prepared)
                pthread_cond_wait(&start.done, &start.lock);
        pthread_mutex_unlock(&start.lock);
        if (start.result < 0)
                pthread_join(*thread, NULL);
        return start.result;
}
