/*
 * worker_slots.h: the number of a worker among those of its host. Its journal is named after it,
 * and after a kill its outstanding charge is found by it.
 */
#ifndef LUNA_STORE_WORKER_SLOTS_H
#define LUNA_STORE_WORKER_SLOTS_H

/* A worker's slot is 0 … LUNA_WORKERS_MAX-1. */
enum { LUNA_WORKERS_MAX = 256 };

#endif
