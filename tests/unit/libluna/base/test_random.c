/* Random numbers: never in step after a fork, in range, and repeatable when a test asks for it. */
#include "luna/base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { DRAWS = 8 };

/* What a forked worker waits before it asks again, several times in a row. */
static void jitter_of_a_child(int64_t *ret_jitter)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        int64_t drawn[DRAWS];
        for (int i = 0; i < DRAWS; i++)
            drawn[i] = luna_random_between(5000000, 19999999);
        _exit(write(ends[1], drawn, sizeof drawn) == (ssize_t)sizeof drawn ? 0 : 1);
    }
    assert_true(pid > 0);
    assert_int_equal(read(ends[0], ret_jitter, DRAWS * sizeof *ret_jitter),
                     DRAWS * sizeof *ret_jitter);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    close(ends[0]);
    close(ends[1]);
}

static void forked_children_do_not_wait_in_step(void **state)
{
    int64_t first[DRAWS], second[DRAWS];
    (void)state;
    (void)luna_random_u32(); /* whatever the parent has drawn before */
    jitter_of_a_child(first);
    jitter_of_a_child(second);
    assert_memory_not_equal(first, second, sizeof first);
}

static void range_is_kept_and_reached_at_both_ends(void **state)
{
    bool low_seen = false, high_seen = false;
    (void)state;
    for (int i = 0; i < 1000; i++) {
        int64_t number = luna_random_between(-1, 2);
        assert_in_range(number + 1, 0, 3);
        low_seen = low_seen || number == -1;
        high_seen = high_seen || number == 2;
    }
    assert_true(low_seen && high_seen);
    assert_int_equal(luna_random_between(7, 7), 7);
    (void)luna_random_between(INT64_MIN, INT64_MAX);
}

static void every_byte_is_drawn(void **state)
{
    unsigned char bytes[13], seen[13] = {0};
    unsigned char behind[2] = {0xaa, 0xaa};
    (void)state;
    for (int i = 0; i < 64; i++) {
        luna_random_bytes(bytes, sizeof bytes);
        for (size_t j = 0; j < sizeof bytes; j++)
            seen[j] |= bytes[j];
    }
    for (size_t j = 0; j < sizeof seen; j++)
        assert_int_not_equal(seen[j], 0);
    luna_random_bytes(behind, 1);
    assert_int_equal(behind[1], 0xaa);
}

static void seed_repeats_the_sequence(void **state)
{
    uint32_t first[DRAWS], second[DRAWS];
    (void)state;
    luna_random_seed(42);
    for (int i = 0; i < DRAWS; i++)
        first[i] = luna_random_u32();
    luna_random_seed(42);
    for (int i = 0; i < DRAWS; i++)
        second[i] = luna_random_u32();
    assert_memory_equal(first, second, sizeof first);
    assert_int_not_equal(first[0], first[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forked_children_do_not_wait_in_step),
        cmocka_unit_test(range_is_kept_and_reached_at_both_ends),
        cmocka_unit_test(every_byte_is_drawn),
        cmocka_unit_test(seed_repeats_the_sequence), /* last: the process stays seeded */
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
