/*
 * reload.h: a new generation of workers in place of the old one, without a gap.
 *
 * The new configuration is read; one canary of the new generation has to prove itself (golden
 * vector, stores, sandbox); then the others start; when all are ready, the old generation drains.
 * Whatever fails before that, the new generation is drained and the old one stays: it has served
 * all the time.
 */
#ifndef FCGI_WORKER_RELOAD_H
#define FCGI_WORKER_RELOAD_H

#include "master/pool.h"

#include <stdbool.h>
#include <stdint.h>

enum { RELOAD_RESTART_BYTES = 256 };

enum reload_phase { RELOAD_IDLE, RELOAD_CANARY, RELOAD_FILL };

struct reload {
    enum reload_phase phase;
    struct generation next; /* number 0 while idle */
    bool of_upgrade;        /* this process image itself is on trial */
    bool again;             /* requested while one was running */
    int64_t began_ns, due_ns;
    const char *failure;                /* words for the log; the next step rolls back */
    char restart[RELOAD_RESTART_BYTES]; /* the settings that changed and need a restart; "": none */
};

enum reload_outcome { RELOAD_PENDING, RELOAD_COMMITTED, RELOAD_ROLLED_BACK };

/* Starts one, or notes that another is wanted. Reads the settings through the pool's master_io. */
void reload_begin(struct reload *reload, struct pool *pool, const struct generation *current,
                  bool of_upgrade);
/* A worker of the new generation ended before it was ready. */
void reload_note_death(struct reload *reload, int exit_status);
/* One step towards `target` new workers. On COMMITTED `current` is the new generation. After
 * COMMITTED or ROLLED_BACK the caller has to call reload_end(). */
enum reload_outcome reload_step(struct reload *reload, struct pool *pool,
                                struct generation *current, int target) LUNA_MUSTCHECK;
/* Starts the reload that was requested meanwhile, if any. */
void reload_end(struct reload *reload, struct pool *pool, const struct generation *current);

#endif
