/*
 * exit_code.h: why a worker ended, told to the master by its exit status.
 *
 * The master answers each in its own way: CLEAN and RECYCLE are replaced at once, the others after
 * a growing pause; CONFIG is never tried again in the same generation.
 */
#ifndef FCGI_WORKER_EXIT_CODE_H
#define FCGI_WORKER_EXIT_CODE_H

enum worker_exit {
    WORKER_EXIT_CLEAN = 0,    /* told to drain, and drained */
    WORKER_EXIT_RECYCLE = 10, /* reached its requests, age or memory */
    /* EX_UNAVAILABLE: a store is away, and this worker had to prove itself */
    /* EX_SOFTWARE: the golden vector came out wrong, or something it cannot work without */
    WORKER_EXIT_UNAVAILABLE = 69,
    /* EX_NOPERM: the sandbox cannot be put on */
    WORKER_EXIT_SOFTWARE = 70,
    WORKER_EXIT_SANDBOX = 77,
    WORKER_EXIT_CONFIG = 78 /* EX_CONFIG */
};

const char *worker_exit_text(int status);

#endif
