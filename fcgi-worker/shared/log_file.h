/*
 * log_file.h: LUNA_LOG_FILE, which every process of a pool appends to, and which may be renamed
 * under them.
 *
 * At USR1 the master opens the file anew and says so in the scoreboard; the others see it between
 * two requests, a second later at most when they are idle, and do the same. Without the setting all
 * of this does nothing.
 */
#ifndef FCGI_WORKER_LOG_FILE_H
#define FCGI_WORKER_LOG_FILE_H

#include "luna/base/error.h"
#include "shared/scoreboard.h"

/* Master, once it is the user that it stays. `path` NULL or "": standard error stays as it is.
 * LUNA_ECONFIG. */
enum luna_code log_file_open(const char *path, const struct scoreboard *board,
                             struct luna_error *err) LUNA_MUSTCHECK;
/* Master, at USR1. */
void log_file_rotate(struct scoreboard *board);
/* The others: cheap when nothing happened. */
void log_file_follow(const struct scoreboard *board);

#endif
