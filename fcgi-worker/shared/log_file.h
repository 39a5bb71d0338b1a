/*
 * log_file.h: LUNA_LOG_FILE, which every process of a pool appends to, and which may be renamed
 * while they do.
 *
 * At SIGUSR1 the master reopens the file and counts that in the scoreboard. The other processes see
 * the count between two requests, when idle within a second, and reopen it too. Without the setting
 * these functions do nothing.
 */
#ifndef FCGI_WORKER_LOG_FILE_H
#define FCGI_WORKER_LOG_FILE_H

#include "luna/base/error.h"
#include "shared/scoreboard.h"

/* In the master, after it has changed its user. `path` NULL or "": log lines stay on standard
 * error. LUNA_ECONFIG when it cannot be opened. */
enum luna_code log_file_open(const char *path, const struct scoreboard *board,
                             struct luna_error *err) LUNA_MUSTCHECK;
/* In the master, at SIGUSR1. */
void log_file_rotate(struct scoreboard *board);
/* In the other processes; cheap when nothing happened. */
void log_file_follow(const struct scoreboard *board);

#endif
