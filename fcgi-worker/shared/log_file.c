#include "shared/log_file.h"

#include "luna/base/log.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define RELAXED memory_order_relaxed

/* A child starts with a copy of its parent's, and so knows which file it writes to. */
static struct {
    char path[PATH_MAX];
    unsigned rotations;
} opened;

enum luna_code log_file_open(const char *path, const struct scoreboard *board,
                             struct luna_error *err)
{
    opened.rotations = atomic_load_explicit(&board->pool.log_rotations, RELAXED);
    if (path == NULL || *path == '\0')
        return LUNA_OK;
    if (strlen(path) >= sizeof opened.path)
        return luna_error_set(err, LUNA_ECONFIG, "LUNA_LOG_FILE is longer than %zu bytes",
                              sizeof opened.path - 1);
    (void)snprintf(opened.path, sizeof opened.path, "%s", path);
    if (luna_log_open(opened.path, err) == LUNA_OK)
        return LUNA_OK;
    luna_error_wrap(err, "LUNA_LOG_FILE");
    err->code = LUNA_ECONFIG;
    return LUNA_ECONFIG;
}

static bool reopen(void)
{
    struct luna_error err = {0};
    assert(opened.path[0] != '\0'); /* standard error is not reopened */
    if (luna_log_open(opened.path, &err) == LUNA_OK)
        return true;
    luna_log(LUNA_LOG_ERROR, "log_not_reopened",
             LUNA_LOG_S("reason", err.msg)); /* to the old file */
    return false;
}

void log_file_rotate(struct scoreboard *board)
{
    if (opened.path[0] == '\0' || !reopen())
        return;
    opened.rotations++;
    atomic_store_explicit(&board->pool.log_rotations, opened.rotations, RELAXED);
    luna_log(LUNA_LOG_INFO, "log_reopened", LUNA_LOG_S("file", opened.path));
}

void log_file_follow(const struct scoreboard *board)
{
    unsigned rotations = atomic_load_explicit(&board->pool.log_rotations, RELAXED);
    if (rotations == opened.rotations)
        return;
    opened.rotations = rotations; /* one try for each rotation */
    if (opened.path[0] != '\0')
        (void)reopen();
}
