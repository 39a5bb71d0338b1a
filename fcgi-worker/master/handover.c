#include "master/handover.h"

#include "luna/base/log.h"
#include "master/listener.h"
#include "master/master.h"
#include "master/master_events.h"
#include "master/pool_spawn.h"
#include "shared/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TEXT_BYTES = 32768, ARGUMENTS_MAX = 2 };

static const char variable[] = "LUNA_HANDOVER";
static const char worker_item[] = "worker=";

bool handover_present(void)
{
    /* NOLINT(concurrency-mt-unsafe): the master has one thread */
    const char *text = getenv(variable);
    return text != NULL && *text != '\0';
}

/* The number after "name=", or `otherwise`. */
static long number_of(const char *name, long otherwise)
{
    const char *text = getenv(variable); /* NOLINT(concurrency-mt-unsafe) */
    size_t len = strlen(name);
    while (text != NULL && *text != '\0') {
        if (strncmp(text, name, len) == 0 && text[len] == '=')
            return strtol(text + len + 1, NULL, 10);
        text += strcspn(text, ";");
        text += *text == ';';
    }
    return otherwise;
}

enum luna_code handover_open(struct listener *ret_listener, struct scoreboard **ret_board,
                             int *ret_board_fd, struct luna_error *err)
{
    const char *owned = number_of("owned", 0) ? "owned" : "";
    enum luna_code code = listener_adopt((int)number_of("listen", -1), owned, ret_listener, err);
    if (code != LUNA_OK)
        return code;
    int board_fd = (int)number_of("board", -1);
    if (fcntl(board_fd, F_SETFD, FD_CLOEXEC) == 0 &&
        scoreboard_adopt(board_fd, ret_board, err) == LUNA_OK) {
        *ret_board_fd = board_fd;
        return LUNA_OK;
    }
    luna_log(LUNA_LOG_WARNING, "scoreboard_renewed", LUNA_LOG_S("reason", err->msg));
    return scoreboard_new(ret_board, ret_board_fd, err);
}

/* "slot,pid,leash,generation" */
static void adopt_worker(struct master *master, const char *item)
{
    long numbers[4] = {-1, 0, -1, 0};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        char *end = NULL;
        numbers[i] = strtol(item, &end, 10);
        item = *end == ',' ? end + 1 : end;
    }
    if (numbers[0] < 0 || numbers[0] >= SCOREBOARD_SLOTS || numbers[1] <= 0)
        return;
    if (numbers[2] >= 0)
        (void)fcntl((int)numbers[2], F_SETFD, FD_CLOEXEC);
    if (!pool_adopt(&master->pool, (int)numbers[0], (pid_t)numbers[1], (int)numbers[2],
                    (unsigned)numbers[3]))
        luna_log(LUNA_LOG_ERROR, "worker_not_adopted", LUNA_LOG_I("slot", numbers[0]),
                 LUNA_LOG_I("worker_pid", numbers[1]));
}

static void adopt_workers(struct master *master)
{
    const char *text = getenv(variable); /* NOLINT(concurrency-mt-unsafe) */
    while (text != NULL && *text != '\0') {
        if (strncmp(text, worker_item, sizeof worker_item - 1) == 0)
            adopt_worker(master, text + sizeof worker_item - 1);
        text += strcspn(text, ";");
        text += *text == ';';
    }
}

static void adopt_monitor(struct master *master)
{
    struct luna_error err = {0};
    long pid = number_of("monitor", 0);
    int leash_fd = (int)number_of("monitor_leash", -1);
    master->monitor_settled = true;
    if (pid == 0)
        return;
    (void)fcntl(leash_fd, F_SETFD, FD_CLOEXEC);
    if (child_adopt(&master->monitor, master->epoll_fd, MASTER_EVENT_MONITOR, (pid_t)pid, leash_fd,
                    &err) != LUNA_OK)
        luna_log(LUNA_LOG_ERROR, "monitor_not_adopted", LUNA_LOG_S("reason", err.msg));
}

void handover_adopt(struct master *master)
{
    bool on_trial = number_of("trial", 0) != 0;
    master->current.number = (unsigned)number_of("generation", 1);
    master->by_hand = (int)number_of("by_hand", 0);
    master->target = (int)number_of("target", 0);
    master->told_ready = true;
    if (master->listener.path[0] != '\0')
        (void)snprintf(master->listener.path, sizeof master->listener.path, "%s",
                       master->current.config.socket_path);
    master->upgrade.previous_fd = (int)number_of("previous", -1);
    if (master->upgrade.previous_fd >= 0)
        (void)fcntl(master->upgrade.previous_fd, F_SETFD, FD_CLOEXEC);
    atomic_store_explicit(&master->board->pool.generation, master->current.number,
                          memory_order_relaxed);
    adopt_workers(master);
    adopt_monitor(master);
    (void)unsetenv(variable);
    luna_log(LUNA_LOG_INFO, "handover_taken", LUNA_LOG_B("on_trial", on_trial),
             LUNA_LOG_I("generation", master->current.number),
             LUNA_LOG_I("workers", pool_count_all(&master->pool, ~(1u << WORKER_NONE))));
    if (on_trial)
        reload_begin(master, true);
}

static size_t put_children(const struct master *master, char *text, size_t size)
{
    size_t used = 0;
    for (int i = 0; i < SCOREBOARD_SLOTS && used < size; i++) {
        const struct pool_slot *slot = &master->pool.slots[i];
        if (slot->pid == 0)
            continue;
        int wrote = snprintf(text + used, size - used, "%s%d,%ld,%d,%u;", worker_item, i,
                             (long)slot->pid, slot->leash_fd, slot->generation);
        used += wrote > 0 ? (size_t)wrote : 0;
    }
    return used;
}

static void write_text(const struct master *master, int previous_fd, bool on_trial, char *text,
                       size_t size)
{
    int wrote = snprintf(text, size,
                         "listen=%d;owned=%d;board=%d;generation=%u;by_hand=%d;target=%d;previous=%"
                         "d;trial=%d;monitor=%ld;"
                         "monitor_leash=%d;",
                         master->listener.fd, master->listener.path[0] != '\0', master->board_fd,
                         master->current.number, master->by_hand, master->target, previous_fd,
                         on_trial, (long)master->monitor.pid, master->monitor.leash_fd);
    (void)put_children(master, text + wrote, size - (size_t)wrote);
}

/* Which descriptors survive the exec. */
static void keep_open(const struct master *master, int previous_fd, bool keep)
{
    const int flag = keep ? 0 : FD_CLOEXEC;
    (void)fcntl(master->listener.fd, F_SETFD, flag);
    (void)fcntl(master->board_fd, F_SETFD, flag);
    if (previous_fd >= 0)
        (void)fcntl(previous_fd, F_SETFD, flag);
    if (master->monitor.leash_fd >= 0)
        (void)fcntl(master->monitor.leash_fd, F_SETFD, flag);
    for (int i = 0; i < SCOREBOARD_SLOTS; i++)
        if (master->pool.slots[i].leash_fd >= 0)
            (void)fcntl(master->pool.slots[i].leash_fd, F_SETFD, flag);
}

enum luna_code handover_exec(struct master *master, const char *path, int binary_fd, bool on_trial,
                             struct luna_error *err)
{
    static char text[TEXT_BYTES];
    char name[sizeof master->upgrade.path];
    char *const argv[ARGUMENTS_MAX] = {name, NULL};
    int previous_fd = on_trial ? open("/proc/self/exe", O_RDONLY | O_CLOEXEC) : -1;
    if (on_trial && previous_fd < 0)
        return luna_error_set(err, LUNA_EIO,
                              "there would be no way back: cannot open the present binary: %s",
                              strerror(errno));
    (void)snprintf(name, sizeof name, "%s", path);
    write_text(master, previous_fd, on_trial, text, sizeof text);
    if (setenv(variable, text, 1) != 0) {
        if (previous_fd >= 0)
            close(previous_fd);
        return luna_error_set(err, LUNA_ENOMEM, "handover: no memory");
    }
    keep_open(master, previous_fd, true);
    /* Signals stay blocked over the exec: one that comes now waits for the new image. */
    if (binary_fd >= 0)
        (void)fexecve(binary_fd, argv, environ);
    else
        (void)execv(path, argv);
    luna_error_set(err, LUNA_EIO, "cannot execute %s: %s", path, strerror(errno));
    keep_open(master, previous_fd, false);
    (void)unsetenv(variable);
    if (previous_fd >= 0)
        close(previous_fd);
    return LUNA_EIO;
}
