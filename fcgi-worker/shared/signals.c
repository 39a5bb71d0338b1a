#include "shared/signals.h"

#include <signal.h>
#include <stddef.h>

void signals_block_all(void)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS, SIGTRAP};
    sigset_t set;
    (void)sigfillset(&set);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        (void)sigdelset(&set, faults[i]);
    (void)sigprocmask(SIG_SETMASK, &set, NULL); /* cannot fail with these arguments */
}

void signals_unblock_all(void)
{
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}
