#include <signal.h>

#include "runtime/keeper/keeper.h"

#define DELAY_FIRST_MS 100
#define DELAY_MOST_MS  60000
#define RAN_WELL_MS    10000 /* who ran that long begins to count anew */

bool keeper_decide(enum keeper_policy policy, uint32_t most, uint32_t restarts, int status, int64_t ran_ms,
                   int64_t *delay, uint32_t *count)
{
        *count = ran_ms >= RAN_WELL_MS ? 0 : restarts;
        *delay = 0;
        if (status == 128 + SIGHUP)
                return true;
        if (status == 128 + SIGINT || policy == KEEPER_NO || (policy == KEEPER_ON_FAILURE && status == 0))
                return false;
        if (policy == KEEPER_ON_FAILURE && most && *count >= most)
                return false;
        *delay = *count < 10 ? (int64_t)DELAY_FIRST_MS << *count : DELAY_MOST_MS;
        if (*delay > DELAY_MOST_MS)
                *delay = DELAY_MOST_MS;
        ++*count;
        return true;
}
