/*
 * signals.h: the signals of a process that must not be interrupted.
 */
#ifndef FCGI_WORKER_SIGNALS_H
#define FCGI_WORKER_SIGNALS_H

/* Blocks every signal except those that a fault of the process raises (SIGSEGV …), which must stay
 * fatal. */
void signals_block_all(void);
/* Undoes it, before an exec. */
void signals_unblock_all(void);

#endif
