/*
 * process_memory.h: how much memory this process has resident.
 */
#ifndef FCGI_WORKER_PROCESS_MEMORY_H
#define FCGI_WORKER_PROCESS_MEMORY_H

#include <stdint.h>

/* Bytes, without the pages it shares with files and other processes; 0 when /proc cannot be read.
 * The file is opened at the first call and kept open, because the sandbox forbids opening it. */
uint64_t process_resident_bytes(void);

#endif
