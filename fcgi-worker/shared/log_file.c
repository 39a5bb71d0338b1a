#include "shared/log_file.h"

#include "luna/base/log.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#define RELAXED memory_order_relaxed

/* A child begins with its parent's, and so knows which file it was born with. */
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

static bool open_again(void)
{
    struct luna_error err = {0};
    if (luna_log_open(opened.path, &err) == LUNA_OK)
        return true;
    luna_log(LUNA_LOG_ERROR, "log_not_reopened",
             LUNA_LOG_S("reason", err.msg)); /* into the old one */
    return false;
}

void log_file_rotate(struct scoreboard *board)
{
    if (opened.path[0] == '\0' || !open_again())
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
    opened.rotations = rotations; /* tried once for each rotation, not again and again */
    if (opened.path[0] != '\0')
        (void)open_again();
}
