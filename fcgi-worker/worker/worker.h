/*
 * worker.h: a worker process, from fork to exit.
 *
 * Who: the master starts worker_main() in a child (roles.h); its value is the exit status
 * (exit_code.h). Signals: all that can be blocked are, because libpq does not survive an
 * interrupted system call. The end of file on `leash_fd`, whose other end only the master holds,
 * tells the worker to drain, so that the master's death drains it too.
 */
#ifndef FCGI_WORKER_WORKER_H
#define FCGI_WORKER_WORKER_H

#include "shared/roles.h"

int worker_main(const struct worker_options *options);

#endif
