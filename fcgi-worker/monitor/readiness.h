/*
 * readiness.h: is the pool alive, and fit to serve?
 *
 * Alive: the master moves. Without it nothing replaces a worker, so the host's supervisor restarts
 * the pool. Fit to serve: one worker is ready and moving, and the stores were reachable when a
 * moving worker last used them. What is wrong otherwise is for /readyz, for a load balancer that
 * takes this host out.
 */
#ifndef FCGI_WORKER_READINESS_H
#define FCGI_WORKER_READINESS_H

#include "shared/scoreboard.h"

#include <stdint.h>

/* The one list: symbol, words in /readyz and /status. */
#define READINESS_TABLE(X)                                                                         \
    X(READINESS_OK, "ok")                                                                          \
    X(READINESS_STOPPING, "stopping")                                                              \
    X(READINESS_NO_WORKER, "no worker is ready")                                                   \
    X(READINESS_STALLED, "no worker has made progress for too long")                               \
    X(READINESS_NO_STORES, "Redis or PostgreSQL cannot be reached")                                \
    X(READINESS_CLOCKS, "the clocks of Redis and PostgreSQL disagree")                             \
    X(READINESS_JOURNAL, "the journal of charges cannot be written")

enum readiness {
#define X(symbol, text) symbol,
    READINESS_TABLE(X)
#undef X
};

bool readiness_is_alive(const struct scoreboard *board, int64_t now_ns);
enum readiness readiness_of(const struct scoreboard *board, int64_t now_ns)
    __attribute__((warn_unused_result));
const char *readiness_text(enum readiness readiness);

#endif
