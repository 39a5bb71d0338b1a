/*
 * exit_code.h: why a worker ended, as its exit status tells the master.
 *
 * A worker that ended with CLEAN or RECYCLE is replaced at once, any other after a growing pause.
 * When no worker is ready, CONFIG ends the master: trying again would find the same settings.
 */
#ifndef FCGI_WORKER_EXIT_CODE_H
#define FCGI_WORKER_EXIT_CODE_H

enum worker_exit {
    WORKER_EXIT_CLEAN = 0,        /* drained */
    WORKER_EXIT_RECYCLE = 10,     /* reached its requests, age or memory */
    WORKER_EXIT_UNAVAILABLE = 69, /* EX_UNAVAILABLE: a canary could not reach a store */
    WORKER_EXIT_SOFTWARE =
        70, /* EX_SOFTWARE: the golden-vector test failed, or a resource is missing */
    WORKER_EXIT_TEMPFAIL = 75, /* EX_TEMPFAIL: another process holds its journal slot or address */
    WORKER_EXIT_SANDBOX = 77,  /* EX_NOPERM: the sandbox cannot be entered */
    WORKER_EXIT_CONFIG = 78    /* EX_CONFIG */
};

/* In words, for the log. */
const char *worker_exit_text(int status);

#endif
