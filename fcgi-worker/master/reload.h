/*
 * reload.h: a new generation of workers in the old one's place, without a gap.
 *
 * The new configuration is read; one canary of the new generation must prove itself (golden vector,
 * stores, sandbox); then its siblings start; when all are ready, the old generation is let go.
 * Whatever fails on the way, the new generation goes and the old one stays: it has served all the
 * time.
 */
#ifndef FCGI_WORKER_RELOAD_H
#define FCGI_WORKER_RELOAD_H

#include <stdbool.h>
#include <stdint.h>

struct master;

enum reload_phase { RELOAD_NONE, RELOAD_CANARY, RELOAD_FILL };

struct reload {
    enum reload_phase phase;
    bool of_upgrade; /* this process image itself is on trial */
    bool again;      /* asked for while one was under way */
    int64_t due_ns;
    const char *failure; /* set by what goes wrong; the next step rolls back */
};

/* Starts one, or notes that another is wanted. */
void reload_begin(struct master *master, bool of_upgrade);
/* A worker of the new generation ended before it was ready. */
void reload_note_death(struct master *master, int exit_status);
void reload_step(struct master *master);

#endif
