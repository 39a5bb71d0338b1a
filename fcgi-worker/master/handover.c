#include "master/handover.h"

#include "luna/base/log.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORKER_NUMBERS = 4 };

static const char worker_item[] = "worker=";

/* Adds to a text; `used` beyond `size` means that it did not fit. */
static size_t put_worker(const struct handover_worker *worker, char *text, size_t size, size_t used)
{
    /* The next image refuses others, and then has no worker at all. */
    assert(worker->slot >= 0 && worker->slot < SCOREBOARD_SLOTS);
    assert(worker->pid > 0 && worker->generation > 0);
    size_t room = used < size ? size - used : 0;
    int wrote = snprintf(room > 0 ? text + used : NULL, room, "%s%d,%ld,%d,%u;", worker_item,
                         worker->slot, (long)worker->pid, worker->leash_fd, worker->generation);
    return used + (wrote > 0 ? (size_t)wrote : 0);
}

enum luna_code handover_write(const struct handover *handover, char *text, size_t size,
                              struct luna_error *err)
{
    assert(handover->worker_count <= SCOREBOARD_SLOTS);
    int wrote = snprintf(
        text, size,
        "listen=%d;owned=%d;board=%d;lock=%d;generation=%u;by_hand=%d;target=%d;previous=%d;"
        "trial=%d;monitor=%ld;monitor_leash=%d;",
        handover->listen_fd, handover->owned, handover->board_fd, handover->lock_fd,
        handover->generation, handover->by_hand, handover->target, handover->previous_fd,
        handover->on_trial, (long)handover->monitor_pid, handover->monitor_leash_fd);
    size_t used = wrote > 0 ? (size_t)wrote : 0;
    for (size_t i = 0; i < handover->worker_count; i++)
        used = put_worker(&handover->workers[i], text, size, used);
    return used < size
               ? LUNA_OK
               : luna_error_set(err, LUNA_ELIMIT, "the handover has %zu bytes, at most %zu fit",
                                used, size - 1);
}

/* A whole number up to `end` and nothing else. */
static bool parse_number(const char *text, const char *end, long *ret_number)
{
    char *stop = NULL;
    *ret_number = strtol(text, &stop, 10);
    return stop == end && stop != text && *ret_number >= INT_MIN && *ret_number <= INT_MAX;
}

/* "slot,pid,leash,generation" */
static bool parse_worker(const char *text, const char *end, struct handover *handover)
{
    long numbers[WORKER_NUMBERS];
    for (size_t i = 0; i < WORKER_NUMBERS; i++) {
        const char *comma = i < WORKER_NUMBERS - 1 ? memchr(text, ',', (size_t)(end - text)) : end;
        if (comma == NULL || !parse_number(text, comma, &numbers[i]))
            return false;
        text = comma < end ? comma + 1 : end;
    }
    if (numbers[0] < 0 || numbers[0] >= SCOREBOARD_SLOTS || numbers[1] <= 0 || numbers[3] <= 0 ||
        handover->worker_count == SCOREBOARD_SLOTS)
        return false;
    handover->workers[handover->worker_count++] =
        (struct handover_worker){.slot = (int)numbers[0],
                                 .pid = (pid_t)numbers[1],
                                 .leash_fd = (int)numbers[2],
                                 .generation = (unsigned)numbers[3]};
    return true;
}

static void set_number(struct handover *handover, const char *name, size_t len, long number)
{
    int flags[2] = {handover->owned, handover->on_trial};
    int generation = (int)handover->generation;
    const struct {
        const char *name;
        int *member;
    } members[] = {{"listen", &handover->listen_fd},
                   {"owned", &flags[0]},
                   {"board", &handover->board_fd},
                   {"lock", &handover->lock_fd},
                   {"generation", &generation},
                   {"by_hand", &handover->by_hand},
                   {"target", &handover->target},
                   {"previous", &handover->previous_fd},
                   {"trial", &flags[1]},
                   {"monitor", &handover->monitor_pid},
                   {"monitor_leash", &handover->monitor_leash_fd}};
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        if (strlen(members[i].name) == len && memcmp(members[i].name, name, len) == 0)
            *members[i].member = (int)number;
    handover->owned = flags[0] != 0;
    handover->on_trial = flags[1] != 0;
    handover->generation = generation > 0 ? (unsigned)generation : 1;
}

static bool parse_item(const char *item, size_t len, struct handover *handover)
{
    const char *end = item + len;
    const char *equals = memchr(item, '=', len);
    long number = 0;
    if (equals == NULL)
        return false;
    if (strncmp(item, worker_item, sizeof worker_item - 1) == 0)
        return parse_worker(equals + 1, end, handover);
    if (!parse_number(equals + 1, end, &number))
        return false;
    set_number(handover, item, (size_t)(equals - item), number);
    return true;
}

enum luna_code handover_read(const char *text, struct handover *ret_handover,
                             struct luna_error *err)
{
    *ret_handover = (struct handover){.listen_fd = -1,
                                      .board_fd = -1,
                                      .lock_fd = -1,
                                      .generation = 1,
                                      .previous_fd = -1,
                                      .monitor_leash_fd = -1};
    for (const char *at = text; *at != '\0';) {
        size_t len = strcspn(at, ";");
        if (!parse_item(at, len, ret_handover))
            return luna_error_set(err, LUNA_EPROTOCOL, HANDOVER_VARIABLE ": invalid item \"%.*s\"",
                                  (int)(len < 64 ? len : 64), at);
        at += len + (at[len] == ';');
    }
    return LUNA_OK;
}

static bool set_inherited(const struct master_io *io, int fd, bool inherited)
{
    return fd < 0 || io->set_inherited(fd, inherited);
}

/* Which descriptors survive the exec. Returns one that is not open, or -1. */
static int set_all_inherited(const struct handover *handover, const struct master_io *io,
                             bool inherited)
{
    const int fixed[] = {handover->listen_fd, handover->board_fd, handover->lock_fd,
                         handover->previous_fd, handover->monitor_leash_fd};
    int lost_fd = -1;
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        if (!set_inherited(io, fixed[i], inherited))
            lost_fd = fixed[i];
    for (size_t i = 0; i < handover->worker_count; i++)
        if (!set_inherited(io, handover->workers[i].leash_fd, inherited))
            lost_fd = handover->workers[i].leash_fd;
    return lost_fd;
}

enum luna_code handover_exec(const struct handover *handover, const struct master_io *io,
                             const char *path, int binary_fd, struct luna_error *err)
{
    static char text[HANDOVER_TEXT_BYTES];
    enum luna_code code = handover_write(handover, text, sizeof text, err);
    if (code != LUNA_OK)
        return code;
    int lost_fd = set_all_inherited(handover, io, true);
    if (lost_fd >= 0)
        code = luna_error_set(err, LUNA_EIO, "handover: descriptor %d is not open", lost_fd);
    else
        code = io->exec(path, binary_fd, HANDOVER_VARIABLE, text, err);
    (void)set_all_inherited(handover, io, false);
    return code;
}

static void claim(const struct master_io *io, const char *what, int *fd)
{
    if (set_inherited(io, *fd, false))
        return;
    luna_log(LUNA_LOG_ERROR, "handover_lost", LUNA_LOG_S("what", what), LUNA_LOG_I("fd", *fd));
    *fd = -1;
}

void handover_claim(struct handover *handover, const struct master_io *io)
{
    claim(io, "listening socket", &handover->listen_fd);
    claim(io, "scoreboard", &handover->board_fd);
    claim(io, "lock", &handover->lock_fd);
    claim(io, "previous binary", &handover->previous_fd);
    claim(io, "monitor's leash", &handover->monitor_leash_fd);
    for (size_t i = 0; i < handover->worker_count; i++)
        claim(io, "worker's leash", &handover->workers[i].leash_fd);
}

enum luna_code handover_open(const struct handover *handover, const char *socket_path,
                             struct listener *ret_listener, struct scoreboard **ret_board,
                             int *ret_board_fd, struct luna_error *err)
{
    enum luna_code code = listener_adopt(handover->listen_fd,
                                         handover->owned && socket_path != NULL ? socket_path : "",
                                         ret_listener, err);
    if (code != LUNA_OK)
        return code;
    if (scoreboard_adopt(handover->board_fd, ret_board, err) == LUNA_OK) {
        *ret_board_fd = handover->board_fd;
        return LUNA_OK;
    }
    luna_log(LUNA_LOG_WARNING, "scoreboard_renewed", LUNA_LOG_S("reason", err->msg));
    return scoreboard_new(ret_board, ret_board_fd, err);
}
