/* The handover: what one image writes the next one reads, and what was lost on the way is an error
 * or a worker that drains, never a worker that nobody can stop. */
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static struct handover handover;
static char text[HANDOVER_TEXT_BYTES];

static void fill_pool(void)
{
    handover = (struct handover){.listen_fd = 3,
                                 .owned = true,
                                 .board_fd = 4,
                                 .generation = 4000000,
                                 .by_hand = -2,
                                 .target = 127,
                                 .previous_fd = 5,
                                 .on_trial = true,
                                 .monitor_pid = 4194304,
                                 .monitor_leash_fd = 6,
                                 .worker_count = SCOREBOARD_SLOTS};
    for (int i = 0; i < SCOREBOARD_SLOTS; i++)
        handover.workers[i] = (struct handover_worker){.slot = i,
                                                       .pid = 4194304 - i,
                                                       .leash_fd = i % 3 == 0 ? -1 : 100000 + i,
                                                       .generation = 4000000 - (unsigned)i};
}

static void full_pool_is_cut_or_changed(void **state)
{
    struct handover got;
    struct luna_error err;
    (void)state;
    fill_pool();
    assert_int_equal(handover_write(&handover, text, sizeof text, &err), LUNA_OK);
    memset(&got, 0xff, sizeof got);
    assert_int_equal(handover_read(text, &got, &err), LUNA_OK);
    assert_int_equal(got.listen_fd, 3);
    assert_true(got.owned);
    assert_int_equal(got.board_fd, 4);
    assert_int_equal(got.generation, 4000000);
    assert_int_equal(got.by_hand, -2);
    assert_int_equal(got.target, 127);
    assert_int_equal(got.previous_fd, 5);
    assert_true(got.on_trial);
    assert_int_equal(got.monitor_pid, 4194304);
    assert_int_equal(got.monitor_leash_fd, 6);
    assert_int_equal(got.worker_count, SCOREBOARD_SLOTS);
    assert_memory_equal(got.workers, handover.workers, sizeof got.workers);
}

/* The text of an earlier version, as it stands in an environment at an upgrade. */
static void earlier_version_is_not_understood(void **state)
{
    struct luna_error err;
    (void)state;
    assert_int_equal(
        handover_read("listen=5;owned=1;board=6;generation=2;by_hand=0;target=4;previous=9;trial=1;"
                      "monitor=41;monitor_leash=11;worker=0,42,12,2;worker=7,43,-1,1;",
                      &handover, &err),
        LUNA_OK);
    assert_int_equal(handover.worker_count, 2);
    assert_int_equal(handover.workers[1].slot, 7);
    assert_int_equal(handover.workers[1].leash_fd, -1);
    assert_int_equal(handover.previous_fd, 9);
}

static void unknown_item_of_a_later_version_stops_the_upgrade(void **state)
{
    struct luna_error err;
    (void)state;
    assert_int_equal(handover_read("listen=5;shards=3;board=6;", &handover, &err), LUNA_OK);
    assert_int_equal(handover.listen_fd, 5);
    assert_int_equal(handover.board_fd, 6);
    assert_int_equal(handover.generation, 1);
    assert_int_equal(handover.previous_fd, -1);
    assert_int_equal(handover.monitor_leash_fd, -1);
}

static void malformed_item_is_taken_for_a_child(void **state)
{
    static const char *const malformed[] = {
        "listen",         "listen=",           "listen=3x",         "listen=99999999999",
        "worker=1,2,3",   "worker=1,2,3,4,5",  "worker=256,2,3,1",  "worker=-1,2,3,1",
        "worker=1,0,3,1", "worker=1,-2,3,1",   "worker=1,2,3,0",    "worker=1,2,,1",
        "worker=",        "listen=3;;board=4", "worker=1,2,3,1.5;", "worker=a,2,3,1"};
    (void)state;
    for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++) {
        struct luna_error err = {0};
        if (handover_read(malformed[i], &handover, &err) != LUNA_EPROTOCOL)
            fail_msg("accepted: %s", malformed[i]);
        assert_non_null(strstr(err.msg, "LUNA_HANDOVER"));
    }
}

static void text_that_does_not_fit_is_cut(void **state)
{
    struct luna_error err;
    char small[200];
    (void)state;
    fill_pool();
    assert_int_equal(handover_write(&handover, small, sizeof small, &err), LUNA_ELIMIT);
    assert_int_equal(handover_write(&handover, small, 1, &err), LUNA_ELIMIT);
}

static void adopt_one(int leash_fd)
{
    handover = (struct handover){
        .listen_fd = -1,
        .board_fd = -1,
        .generation = 3,
        .target = 1,
        .previous_fd = -1,
        .monitor_leash_fd = -1,
        .worker_count = 1,
        .workers = {{.slot = 5, .pid = 4242, .leash_fd = leash_fd, .generation = 3}}};
    atomic_store(&rig.board->worker[5].ready, 1);
    atomic_store(&rig.board->worker[5].heartbeat_ns, fake.now_ns);
    handover_claim(&handover, &fake_io);
    master_adopt(&rig, &handover);
}

static void adopted_worker_is_started_again(void **state)
{
    (void)state;
    adopt_one(fake_fd());
    assert_int_equal(rig.pool.slots[5].state, WORKER_READY);
    assert_int_equal(rig.current.number, 3);
    (void)master_step(&rig);
    assert_int_equal(pool_count(&rig.pool, 3, POOL_STATE(WORKER_STARTING)), 1); /* of two */
    assert_int_equal(fake.notified_ready, 0); /* the earlier image has said so */
}

/* Nobody holds its leash, so it has read the end of file: it drains, within its time limit. */
static void worker_whose_leash_is_lost_hangs(void **state)
{
    (void)state;
    fake.ignores_release = true;
    adopt_one(FAKE_FIRST_FD + 500); /* not open */
    assert_int_equal(rig.pool.slots[5].state, WORKER_DRAINING);
    rig_pass_ms(29999);
    assert_int_equal(fake_process(5)->kills, 0);
    rig_pass_ms(1);
    assert_int_equal(fake_process(5)->kills, 1);
    rig_reap_all();
    assert_int_equal(rig.pool.slots[5].state, WORKER_NONE);
}

static void worker_that_cannot_be_watched_serves_for_ever(void **state)
{
    (void)state;
    int leash_fd = fake_fd();
    fake.open_pid_fails = true;
    adopt_one(leash_fd);
    assert_false(fake.open[leash_fd]); /* released: it drains and exits by itself */
    assert_int_equal(rig.pool.slots[5].state, WORKER_NONE);
}

static void claimed_descriptor_leaks_into_children(void **state)
{
    (void)state;
    int leash_fd = fake_fd();
    fake.inherited[leash_fd] = true;
    adopt_one(leash_fd);
    assert_false(fake.inherited[leash_fd]);
}

static void lost_listening_socket_is_waited_for(void **state)
{
    struct listener listener;
    struct scoreboard *board = NULL;
    struct luna_error err = {0};
    int board_fd = -1;
    (void)state;
    handover = (struct handover){.listen_fd = -1, .board_fd = -1};
    assert_int_equal(handover_open(&handover, "/run/x", &listener, &board, &board_fd, &err),
                     LUNA_EINVAL);
    assert_non_null(strstr(err.msg, "listening socket"));
    assert_null(board);
}

static void lost_scoreboard_ends_the_service(void **state)
{
    struct listener listener;
    struct scoreboard *board = NULL;
    struct luna_error err = {0};
    int board_fd = -1;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    const struct sockaddr address = {.sa_family = AF_UNIX}; /* the kernel chooses a name */
    (void)state;
    assert_int_equal(bind(fd, &address, sizeof(sa_family_t)), 0);
    assert_int_equal(listen(fd, 1), 0);
    handover = (struct handover){.listen_fd = fd, .owned = true, .board_fd = -1};
    assert_int_equal(handover_open(&handover, "/run/x", &listener, &board, &board_fd, &err),
                     LUNA_OK);
    assert_int_equal(listener.fd, fd);
    assert_string_equal(listener.path, "/run/x");
    assert_true(board_fd >= 0);
    munmap(board, sizeof *board);
    close(board_fd);
    close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(full_pool_is_cut_or_changed),
        cmocka_unit_test(earlier_version_is_not_understood),
        cmocka_unit_test(unknown_item_of_a_later_version_stops_the_upgrade),
        cmocka_unit_test(malformed_item_is_taken_for_a_child),
        cmocka_unit_test(text_that_does_not_fit_is_cut),
        TEST(adopted_worker_is_started_again),
        TEST(worker_whose_leash_is_lost_hangs),
        TEST(worker_that_cannot_be_watched_serves_for_ever),
        TEST(claimed_descriptor_leaks_into_children),
        cmocka_unit_test(lost_listening_socket_is_waited_for),
        cmocka_unit_test(lost_scoreboard_ends_the_service),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
