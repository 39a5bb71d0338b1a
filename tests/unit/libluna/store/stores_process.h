/*
 * stores_process.h: the servers' processes, for stores_fixture.c.
 */
#ifndef TESTS_STORE_STORES_PROCESS_H
#define TESTS_STORE_STORES_PROCESS_H

#include "stores_fixture.h"

_Noreturn void stores_die(const char *what);
/* Runs a line of shell in `dir`; ends the program when it fails. */
void stores_shell(const char *dir, const char *line);
/* The directory and an empty cluster. */
void stores_process_init(struct stores *stores);
void stores_process_done(struct stores *stores);

#endif
