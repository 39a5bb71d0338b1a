#include "rig.h"

#include "luna/base/log.h"
#include "luna/base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

struct master rig;

static int real_board_fd;

/* Nobody runs in these tests. */
static int never_run(const struct worker_options *options)
{
    (void)options;
    fail();
    return 1;
}

static int never_watch(const struct monitor_options *options)
{
    (void)options;
    fail();
    return 1;
}

int rig_set_up(void **state)
{
    static const struct names names;
    static const struct roles roles = {
        .worker = never_run, .monitor = never_watch, .names = &names};
    struct master_options options = {
        .io = &fake_io, .nudge_fd = -1, .roles = &roles, .lock = POOL_LOCK_NONE};
    struct worker_config config;
    struct luna_error err = {0};
    (void)state;
    fake_reset();
    luna_random_seed(1);
    luna_log_configure("fcgi-worker", LUNA_LOG_ERROR, LUNA_LOG_JSON);
    if (worker_config_load(fake_io.setting, &config, &err) != LUNA_OK ||
        scoreboard_new(&options.board, &real_board_fd, &err) != LUNA_OK) {
        print_error("%s\n", err.msg);
        return -1;
    }
    options.config = &config;
    options.board_fd = fake_fd();
    options.listener.fd = fake_fd();
    master_init(&rig, &options);
    return 0;
}

int rig_tear_down(void **state)
{
    (void)state;
    worker_config_done(&rig.current.config);
    if (rig.reload.next.number != 0)
        worker_config_done(&rig.reload.next.config);
    close(real_board_fd);
    return munmap(rig.board, sizeof *rig.board);
}

static void beat(void)
{
    for (int i = 0; i < SCOREBOARD_SLOTS; i++)
        if (rig.pool.slots[i].state == WORKER_READY)
            atomic_store(&rig.board->worker[i].heartbeat_ns, fake.now_ns);
}

void rig_pass_ms(int64_t ms)
{
    fake.now_ns += ms * 1000000;
    beat();
    (void)master_step(&rig);
}

void rig_make_ready(void)
{
    for (int i = 0; i < SCOREBOARD_SLOTS; i++)
        if (rig.pool.slots[i].state == WORKER_STARTING) {
            atomic_store(&rig.board->worker[i].heartbeat_ns, fake.now_ns);
            atomic_store(&rig.board->worker[i].ready, 1);
        }
    (void)master_step(&rig);
}

void rig_start(void)
{
    (void)master_step(&rig);
    rig_make_ready();
    assert_int_equal(rig_count(WORKER_READY), rig.scaling.target);
}

static void see_end(int id)
{
    master_take_event(&rig, &(struct master_event){.child = id});
}

void rig_end(int id, int exit_status, int signal)
{
    fake_end(fake_process(id), exit_status, signal);
    see_end(id);
    (void)master_step(&rig);
}

void rig_reap_all(void)
{
    for (int i = 0; i < fake.process_count; i++) {
        struct fake_process *process = &fake.processes[i];
        bool released = process->leash_fd >= 0 && !fake.open[process->leash_fd];
        if (process->reaped || process->id < 0)
            continue;
        if (released && !process->ended)
            fake_end(process, 0, 0);
        if (process->ended)
            see_end(process->id);
    }
    (void)master_step(&rig);
}

void rig_signal(int signo)
{
    master_take_event(&rig, &(struct master_event){.signal = signo});
    (void)master_step(&rig);
}

void rig_begin_request(int slot, int64_t limit_ms)
{
    scoreboard_worker_begin(&rig.board->worker[slot], fake.now_ns,
                            fake.now_ns + limit_ms * 1000000);
}

int rig_count(enum worker_state state)
{
    return pool_count_all(&rig.pool, POOL_STATE(state));
}
