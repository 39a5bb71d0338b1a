#include "fake_io.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct fake fake;

void fake_reset(void)
{
    fake = (struct fake){.now_ns = 1000000000000,
                         .next_fd = FAKE_FIRST_FD,
                         .backlog = {.depth = 0, .max = 100},
                         .cores = 4};
}

int fake_fd(void)
{
    assert_in_range(fake.next_fd, FAKE_FIRST_FD, FAKE_FDS_MAX - 1);
    fake.open[fake.next_fd] = true;
    return fake.next_fd++;
}

static void close_fd(int fd)
{
    assert_in_range(fd, FAKE_FIRST_FD, FAKE_FDS_MAX - 1);
    if (!fake.open[fd])
        fail_msg("descriptor %d is closed twice", fd);
    fake.open[fd] = false;
}

static struct fake_process *find(int (*matches)(const struct fake_process *process, int number),
                                 int number)
{
    for (int i = 0; i < fake.process_count; i++)
        if (!fake.processes[i].reaped && matches(&fake.processes[i], number))
            return &fake.processes[i];
    return NULL;
}

static int has_id(const struct fake_process *process, int id)
{
    return process->id == id;
}

static int has_pid_fd(const struct fake_process *process, int pid_fd)
{
    return process->pid_fd == pid_fd;
}

static int has_pid(const struct fake_process *process, int pid)
{
    return process->pid == pid;
}

/* One that has to be there. */
static struct fake_process *get(int (*matches)(const struct fake_process *process, int number),
                                int number)
{
    struct fake_process *process = find(matches, number);
    if (process == NULL)
        fail_msg("no process %d", number);
    return process != NULL ? process : fake.processes;
}

struct fake_process *fake_process(int id)
{
    return find(has_id, id);
}

int fake_alive(void)
{
    int count = 0;
    for (int i = 0; i < fake.process_count; i++)
        count += !fake.processes[i].reaped;
    return count;
}

int fake_open_count(void)
{
    int count = 0;
    for (int fd = FAKE_FIRST_FD; fd < fake.next_fd; fd++)
        count += fake.open[fd];
    return count;
}

void fake_end(struct fake_process *process, int exit_status, int signal)
{
    if (process == NULL || process->ended) {
        fail_msg("only a running process can end");
        return;
    }
    process->ended = true;
    process->end =
        (struct child_end){.exit_status = signal != 0 ? -1 : exit_status, .signal = signal};
}

static int64_t fake_now_ns(void)
{
    return fake.now_ns;
}

static const char *fake_setting(const char *name)
{
    static const char *const settings[][2] = {
        {"LUNA_WORKER_SOCKET", "/run/luna/test.sock"},
        {"LUNA_STATE_DIR", "/var/lib/luna-test"},
        {"LUNA_REDIS_URL", "redis://127.0.0.1:1"},
        {"LUNA_DATABASE_URL", "host=127.0.0.1"},
        {"LUNA_KEY_PEPPER", "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"}};
    if (strcmp(name, "LUNA_WORKERS") == 0)
        return fake.workers != NULL ? fake.workers : "2";
    if (strcmp(name, "LUNA_LIVE_STALL_MS") == 0)
        return fake.live_stall_ms;
    if (strcmp(name, "LUNA_STATE_DIR") == 0 && fake.state_dir != NULL)
        return fake.state_dir;
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
        if (strcmp(name, settings[i][0]) == 0)
            return settings[i][1];
    return NULL;
}

static enum luna_code fake_spawn(child_main *run, void *context, pid_t *ret_pid, int *ret_leash_fd,
                                 struct luna_error *err)
{
    if (fake.spawn_fails)
        return luna_error_set(err, LUNA_EIO, "fork: injected");
    assert_in_range(fake.process_count, 0, FAKE_PROCESSES_MAX - 1);
    struct fake_process *process = &fake.processes[fake.process_count++];
    *process = (struct fake_process){.pid = 50000 + fake.process_count,
                                     .pid_fd = -1,
                                     .leash_fd = fake_fd(),
                                     .id = -1,
                                     .run = run};
    if (fake.runs_children)
        (void)run(context, process->leash_fd);
    *ret_pid = process->pid;
    *ret_leash_fd = process->leash_fd;
    return LUNA_OK;
}

/* A process that no spawn made is one that an earlier image left. */
static enum luna_code fake_open_pid(pid_t pid, int *ret_pid_fd, struct luna_error *err)
{
    if (fake.open_pid_fails)
        return luna_error_set(err, LUNA_EIO, "pidfd_open: injected");
    struct fake_process *process = find(has_pid, (int)pid);
    if (process == NULL) {
        process = &fake.processes[fake.process_count++];
        *process = (struct fake_process){.pid = pid, .leash_fd = -1, .id = -1};
    }
    process->pid_fd = *ret_pid_fd = fake_fd();
    return LUNA_OK;
}

static enum luna_code fake_watch(int pid_fd, int id, struct luna_error *err)
{
    (void)err;
    assert_null(fake_process(id)); /* two processes under one id could not be distinguished */
    get(has_pid_fd, pid_fd)->id = id;
    return LUNA_OK;
}

static void fake_unwatch(int pid_fd)
{
    (void)pid_fd;
}

static void kill_process(struct fake_process *process)
{
    process->kills++;
    if (!process->ended)
        fake_end(process, -1, SIGKILL);
}

static void fake_kill(int pid_fd)
{
    kill_process(get(has_pid_fd, pid_fd));
}

static void fake_kill_unwatched(pid_t pid)
{
    struct fake_process *process = get(has_pid, (int)pid);
    kill_process(process);
    process->reaped = true;
}

static struct child_end fake_reap(int pid_fd)
{
    struct fake_process *process = get(has_pid_fd, pid_fd);
    assert_true(process->ended);
    process->reaped = true;
    return process->end;
}

/* A released process ends with status 0, unless it ignores that. */
static void end_released(struct fake_process *process)
{
    bool released = process->leash_fd >= 0 && !fake.open[process->leash_fd];
    if (released && !process->reaped && !process->ended && !fake.ignores_release)
        fake_end(process, 0, 0);
}

static bool fake_wait_for_end(int pid_fd, int timeout_ms)
{
    struct fake_process *process = get(has_pid_fd, pid_fd);
    fake.now_ns += (int64_t)timeout_ms * 1000000;
    end_released(process);
    return process->ended;
}

static void fake_close(int fd)
{
    close_fd(fd);
}

static bool fake_set_inherited(int fd, bool inherited)
{
    if (fd < FAKE_FIRST_FD || fd >= fake.next_fd || !fake.open[fd])
        return false;
    fake.inherited[fd] = inherited;
    return true;
}

static void fake_binary_path(char *path, size_t size)
{
    (void)snprintf(path, size, "/usr/sbin/fcgi-worker");
}

static int fake_open_binary(void)
{
    return fake.open_binary_fails ? -1 : fake_fd();
}

/* The test process goes on, so an exec is one that failed. */
static enum luna_code fake_exec(const char *path, int binary_fd, const char *variable,
                                const char *value, struct luna_error *err)
{
    assert_string_equal(variable, "LUNA_HANDOVER");
    fake.execs++;
    fake.exec_binary_fd = binary_fd;
    (void)snprintf(fake.exec_path, sizeof fake.exec_path, "%s", path);
    (void)snprintf(fake.exec_value, sizeof fake.exec_value, "%s", value);
    fake.exec_inherited = 0;
    for (int fd = FAKE_FIRST_FD; fd < fake.next_fd; fd++)
        fake.exec_inherited += fake.open[fd] && fake.inherited[fd];
    return luna_error_set(err, LUNA_EIO, "exec: injected");
}

static void fake_notify(const char *state)
{
    fake.notified_ready += strcmp(state, "READY=1") == 0;
    fake.notified_stopping += strcmp(state, "STOPPING=1") == 0;
    fake.notified_watchdog += strcmp(state, "WATCHDOG=1") == 0;
}

static void fake_report(const struct worker_config *config,
                        const struct luna_reload_outcome *outcome)
{
    assert_non_null(config->state_dir);
    fake.reported_done += outcome->done;
    fake.reported_failed += !outcome->done;
    fake.reported_signal = outcome->signal;
    (void)snprintf(fake.reported_note, sizeof fake.reported_note, "%s", outcome->note);
}

static int64_t fake_watchdog_ns(void)
{
    return fake.watchdog_ns;
}

static struct listener_backlog fake_backlog(int listen_fd)
{
    (void)listen_fd;
    return fake.backlog;
}

static int fake_cores(void)
{
    return fake.cores;
}

static int fake_wait(int64_t until_ns, struct master_event *events)
{
    int count = 0;
    assert_true(until_ns > fake.now_ns); /* else the loop would spin */
    fake.now_ns = until_ns;
    for (int i = 0; i < fake.process_count; i++) {
        struct fake_process *process = &fake.processes[i];
        end_released(process);
        if (process->ended && !process->reaped && count < MASTER_EVENTS_MAX)
            events[count++] = (struct master_event){.child = process->id};
    }
    return count;
}

static void fake_abandon(void)
{
    fake.abandons++;
}

const struct master_io fake_io = {.now_ns = fake_now_ns,
                                  .setting = fake_setting,
                                  .spawn = fake_spawn,
                                  .open_pid = fake_open_pid,
                                  .watch = fake_watch,
                                  .unwatch = fake_unwatch,
                                  .kill = fake_kill,
                                  .kill_unwatched = fake_kill_unwatched,
                                  .reap = fake_reap,
                                  .wait_for_end = fake_wait_for_end,
                                  .close = fake_close,
                                  .set_inherited = fake_set_inherited,
                                  .binary_path = fake_binary_path,
                                  .open_binary = fake_open_binary,
                                  .exec = fake_exec,
                                  .notify = fake_notify,
                                  .report = fake_report,
                                  .watchdog_ns = fake_watchdog_ns,
                                  .backlog = fake_backlog,
                                  .cores = fake_cores,
                                  .wait = fake_wait,
                                  .abandon = fake_abandon};
