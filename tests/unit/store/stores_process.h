/*
 * stores_process.h: the servers' processes, for stores_fixture.c.
 */
#ifndef TESTS_STORE_STORES_PROCESS_H
#define TESTS_STORE_STORES_PROCESS_H

#include "stores_fixture.h"

_Noreturn void stores_die(const char *what);
void stores_pause_ms(long ms);
/* The directory and an empty cluster. */
void stores_process_init(struct stores *stores);
void stores_process_done(struct stores *stores);

#endif
