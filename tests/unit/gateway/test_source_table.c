#include "source_table.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CONNECTIONS_MAX = 4, T0 = 1000 };
static const struct source_refusal_limits LIMITS = {.rate_per_s = 10, .burst = 5};

static struct source_id id_of(const char *text)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    const struct sockaddr *address = (const struct sockaddr *)&v4;
    if (inet_pton(AF_INET, text, &v4.sin_addr) != 1) {
        assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
        address = (const struct sockaddr *)&v6;
    }
    struct source_id id;
    assert_true(source_id_from_address(address, &id));
    return id;
}

static bool same(const char *a, const char *b)
{
    struct source_id first = id_of(a), second = id_of(b);
    return memcmp(&first, &second, sizeof first) == 0;
}

enum { PID = 100, OTHER_PID = 200 };

/* The number of the connection that was opened last. */
static uint32_t opened;

static enum source_outcome open_one(struct source_table *table, struct source_id id, uint32_t most,
                                    uint64_t now_ms)
{
    return source_table_open(table, id, PID, most, now_ms, &opened);
}

static int make(void **state)
{
    *state = malloc(source_table_bytes(4));
    source_table_init(*state, 4, 42);
    return 0;
}

static int drop(void **state)
{
    free(*state);
    return 0;
}

static struct source_request of(const char *key)
{
    return (struct source_request){.key = key, .key_bytes = strlen(key), .weight = 1};
}

static enum source_entry enter(struct source_table *table, const char *key, uint64_t now_ms)
{
    return source_table_enter(table, id_of("192.0.2.1"), of(key), LIMITS, now_ms);
}

/* Leaves the counts as they are. */
static bool id_throttles(struct source_table *table, struct source_id id, const char *key,
                         uint64_t now)
{
    enum source_entry entry = source_table_enter(table, id, of(key), LIMITS, now);
    if (entry == SOURCE_ENTERS_COUNTED)
        source_table_give_back(table, id, 1, LIMITS, now);
    return entry == SOURCE_THROTTLED;
}

static bool throttles(struct source_table *table, const char *from, const char *key, uint64_t now)
{
    return id_throttles(table, id_of(from), key, now);
}

static void a_host_gets_more_by_another_address_of_its_network(void **state)
{
    (void)state;
    assert_true(same("2001:db8:1:2::1", "2001:db8:1:2:ffff::7"));
    assert_false(same("2001:db8:1:2::1", "2001:db8:1:3::1"));
    assert_true(same("::ffff:192.0.2.1", "192.0.2.1"));
    assert_false(same("192.0.2.1", "192.0.2.2"));
}

static void a_unix_socket_is_taken_for_an_address(void **state)
{
    (void)state;
    struct sockaddr unix_socket = {.sa_family = AF_UNIX};
    struct source_id id;
    assert_false(source_id_from_address(&unix_socket, &id));
}

static void an_address_opens_more_than_its_share(void **state)
{
    struct source_id id = id_of("192.0.2.1");
    for (int i = 0; i < CONNECTIONS_MAX; i++)
        assert_int_equal(open_one(*state, id, CONNECTIONS_MAX, T0), SOURCE_ADMITTED);
    uint32_t first = opened;
    assert_int_equal(open_one(*state, id, CONNECTIONS_MAX, T0), SOURCE_AT_LIMIT);
    assert_int_equal(open_one(*state, id_of("192.0.2.2"), CONNECTIONS_MAX, T0), SOURCE_ADMITTED);
    source_table_close(*state, first, T0 + 1);
    assert_int_equal(open_one(*state, id, CONNECTIONS_MAX, T0 + 2), SOURCE_ADMITTED);
    assert_int_equal(open_one(*state, id, CONNECTIONS_MAX, T0 + 3), SOURCE_AT_LIMIT);
}

/* 32 places: more addresses than that hold connections. */
static void a_full_table_turns_addresses_away_or_forgets_open_connections(void **state)
{
    char text[32];
    int admitted = 0, uncounted = 0;
    for (int i = 0; i < 200; i++) {
        snprintf(text, sizeof text, "198.51.100.%d", i);
        enum source_outcome outcome = open_one(*state, id_of(text), 1, T0);
        admitted += outcome == SOURCE_ADMITTED;
        uncounted += outcome == SOURCE_UNCOUNTED;
    }
    assert_int_equal(admitted + uncounted, 200);
    assert_int_equal(admitted, 32);
    int at_limit = 0;
    for (int i = 0; i < 200; i++) {
        snprintf(text, sizeof text, "198.51.100.%d", i);
        at_limit += open_one(*state, id_of(text), 1, T0) == SOURCE_AT_LIMIT;
    }
    assert_int_equal(at_limit, 32);
}

static bool other_has_ended(uint32_t pid)
{
    return pid != OTHER_PID;
}

static bool all_run(uint32_t pid)
{
    (void)pid;
    return true;
}

/* The other process's connections fill the share of one source, and every place of the table. */
static void fill_by_other(struct source_table *table, struct source_id id)
{
    char text[32];
    for (int i = 1; i < CONNECTIONS_MAX; i++)
        assert_int_equal(source_table_open(table, id, OTHER_PID, CONNECTIONS_MAX, T0, &opened),
                         SOURCE_ADMITTED);
    for (int i = 0; i < 200; i++) {
        snprintf(text, sizeof text, "198.51.100.%d", i);
        (void)!source_table_open(table, id_of(text), OTHER_PID, 1, T0, &opened);
    }
}

static void connections_of_a_killed_process_stay_counted(void **state)
{
    struct source_id id = id_of("192.0.2.1");
    assert_int_equal(open_one(*state, id, CONNECTIONS_MAX, T0), SOURCE_ADMITTED);
    uint32_t kept = opened;
    fill_by_other(*state, id);
    assert_int_not_equal(open_one(*state, id, CONNECTIONS_MAX, T0), SOURCE_ADMITTED);
    assert_false(source_table_heal(*state, all_run, T0));
    assert_false(source_table_heal(*state, other_has_ended, T0 + 999)); /* too soon */
    assert_true(source_table_heal(*state, other_has_ended, T0 + 1000));
    for (int i = 1; i < CONNECTIONS_MAX; i++)
        assert_int_equal(open_one(*state, id, CONNECTIONS_MAX, T0 + 1000), SOURCE_ADMITTED);
    assert_int_equal(open_one(*state, id, CONNECTIONS_MAX, T0 + 1000), SOURCE_AT_LIMIT);
    source_table_close(*state, kept, T0 + 1001);
    assert_int_equal(open_one(*state, id, CONNECTIONS_MAX, T0 + 1001), SOURCE_ADMITTED);
    assert_false(source_table_heal(*state, other_has_ended, T0 + 3000)); /* nothing is left */
}

static void quiet_addresses_keep_their_places_for_ever(void **state)
{
    char text[32];
    for (int i = 0; i < 250; i++) {
        snprintf(text, sizeof text, "198.51.100.%d", i);
        struct source_id id = id_of(text);
        assert_int_equal(open_one(*state, id, 1, T0 + (uint64_t)i), SOURCE_ADMITTED);
        source_table_close(*state, opened, T0 + (uint64_t)i);
    }
}

static void guessing_goes_on_after_the_burst(void **state)
{
    struct source_id id = id_of("192.0.2.1");
    for (uint32_t i = 0; i < LIMITS.burst; i++)
        source_table_refuse(*state, id, of("guess"), LIMITS, T0);
    assert_false(throttles(*state, "192.0.2.1", "guess", T0));
    for (int i = 0; i < 50; i++)
        source_table_refuse(*state, id, of("guess"), LIMITS, T0);
    assert_true(throttles(*state, "192.0.2.1", "guess", T0 + 99));
    assert_false(throttles(*state, "192.0.2.1", "guess", T0 + 100));
    assert_false(throttles(*state, "192.0.2.2", "guess", T0));
    source_table_refuse(*state, id, of("guess"), LIMITS, T0 + 100);
    assert_true(throttles(*state, "192.0.2.1", "guess", T0 + 100));
}

static void a_neighbours_guesses_end_the_use_of_a_good_key(void **state)
{
    struct source_id id = id_of("192.0.2.1");
    source_table_accept(*state, id, of("good"), T0);
    for (int i = 0; i < 50; i++)
        source_table_refuse(*state, id, of("guess"), LIMITS, T0);
    assert_false(throttles(*state, "192.0.2.1", "good", T0));
    assert_true(throttles(*state, "192.0.2.1", "goodbye", T0));
    assert_true(throttles(*state, "192.0.2.1", "", T0));
}

enum { KEYS_OF_A_SOURCE = 32 };

static void accept_numbered(struct source_table *table, uint32_t account, int number)
{
    char key[16];
    snprintf(key, sizeof key, "%u-%d", account, number);
    struct source_request request = of(key);
    request.account = account;
    source_table_accept(table, id_of("192.0.2.1"), request, T0);
}

/* Also of spellings of one token, which are as many keys. */
static void a_tenants_keys_push_out_a_neighbours(void **state)
{
    accept_numbered(*state, 1, 0);
    for (int i = 0; i < 10 * KEYS_OF_A_SOURCE; i++)
        accept_numbered(*state, 2, i);
    accept_numbered(*state, 3, 0);
    for (int i = 0; i < 50; i++)
        source_table_refuse(*state, id_of("192.0.2.1"), of("guess"), LIMITS, T0);
    assert_false(throttles(*state, "192.0.2.1", "1-0", T0));
    assert_false(throttles(*state, "192.0.2.1", "2-319", T0));
    assert_false(throttles(*state, "192.0.2.1", "3-0", T0));
    assert_true(throttles(*state, "192.0.2.1", "2-0", T0));
}

static void a_key_is_forgotten_while_there_is_room(void **state)
{
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < KEYS_OF_A_SOURCE; i++)
            accept_numbered(*state, (uint32_t)i, (i * 7) % KEYS_OF_A_SOURCE);
    for (int i = 0; i < 50; i++)
        source_table_refuse(*state, id_of("192.0.2.1"), of("guess"), LIMITS, T0);
    for (int i = 0; i < KEYS_OF_A_SOURCE; i++) {
        char key[16];
        snprintf(key, sizeof key, "%d-%d", i, (i * 7) % KEYS_OF_A_SOURCE);
        assert_false(throttles(*state, "192.0.2.1", key, T0));
    }
    accept_numbered(*state, 5, 3); /* from the middle to the front */
    assert_false(throttles(*state, "192.0.2.1", "6-10", T0));
}

static void a_guesser_who_does_not_wait_is_not_counted(void **state)
{
    struct source_id id = id_of("192.0.2.1");
    for (int i = 0; i < 50; i++)
        source_table_abandon(*state, id, of("guess"), LIMITS, T0);
    assert_true(throttles(*state, "192.0.2.1", "guess", T0));
}

static void a_client_that_leaves_loses_its_key(void **state)
{
    struct source_id id = id_of("192.0.2.1");
    source_table_accept(*state, id, of("good"), T0);
    for (int i = 0; i < 50; i++)
        source_table_abandon(*state, id, of("good"), LIMITS, T0);
    assert_false(throttles(*state, "192.0.2.1", "other", T0));
    for (int i = 0; i < 50; i++)
        source_table_refuse(*state, id, of("guess"), LIMITS, T0);
    assert_false(throttles(*state, "192.0.2.1", "good", T0));
}

static void one_answer_403_makes_a_good_key_unknown(void **state)
{
    struct source_id id = id_of("192.0.2.1");
    source_table_accept(*state, id, of("good"), T0);
    for (int i = 0; i < 50; i++)
        source_table_refuse(*state, id, of("guess"), LIMITS, T0);
    source_table_refuse(*state, id, of("good"), LIMITS, T0);
    assert_false(throttles(*state, "192.0.2.1", "good", T0));
    source_table_accept(*state, id, of("good"), T0);
    for (int i = 0; i < 7; i++)
        source_table_refuse(*state, id, of("good"), LIMITS, T0);
    assert_false(throttles(*state, "192.0.2.1", "good", T0));
    source_table_refuse(*state, id, of("good"), LIMITS, T0);
    assert_true(throttles(*state, "192.0.2.1", "good", T0));
}

static void a_revoked_key_stays_known(void **state)
{
    struct source_id id = id_of("192.0.2.1");
    source_table_accept(*state, id, of("good"), T0);
    for (int i = 0; i < 50; i++)
        source_table_refuse(*state, id, of("good"), LIMITS, T0);
    assert_true(throttles(*state, "192.0.2.1", "good", T0));
}

static void a_key_that_is_throttled_throttles_another_key_or_its_address(void **state)
{
    struct source_id key = source_id_from_key(*state, "a key", 5);
    for (int i = 0; i < 50; i++)
        source_table_refuse(*state, key, of(""), LIMITS, T0);
    assert_true(id_throttles(*state, key, "", T0));
    struct source_id other = source_id_from_key(*state, "a kez", 5);
    assert_false(id_throttles(*state, other, "", T0));
    assert_false(throttles(*state, "192.0.2.1", "a key", T0));
    assert_false(id_throttles(*state, key, "", T0 + 5000));
}

/* Among the bytes of an address there may be letters, large and small. */
static void an_address_apart_is_itself_or_another_one_apart(void **state)
{
    static const char *const addresses[] = {"192.0.2.65", "192.0.2.97",       "10.65.0.1",
                                            "10.97.0.1",  "2001:db8:4142::1", "2001:db8:6162::1"};
    enum { COUNT = sizeof addresses / sizeof addresses[0] };
    (void)state;
    for (int i = 0; i < COUNT; i++) {
        struct source_id id = id_of(addresses[i]), apart = source_id_apart(id);
        assert_memory_not_equal(&apart, &id, sizeof id);
        for (int k = 0; k < i; k++) {
            struct source_id other = source_id_apart(id_of(addresses[k]));
            assert_memory_not_equal(&apart, &other, sizeof apart);
        }
    }
}

/* Two spellings of one UUID, as the worker reads it. */
static void a_key_in_capitals_is_another_key(void **state)
{
    const char *small = "4f1cabcd-0e1f-4a5b-8c9d-0123456789ef",
               *large = "4F1CABCD-0E1F-4A5B-8C9D-0123456789EF";
    struct source_id one = source_id_from_key(*state, small, strlen(small));
    struct source_id two = source_id_from_key(*state, large, strlen(large));
    assert_memory_equal(&one, &two, sizeof one);
    source_table_accept(*state, id_of("192.0.2.1"), of(small), T0);
    for (int i = 0; i < 50; i++)
        source_table_refuse(*state, id_of("192.0.2.1"), of("guess"), LIMITS, T0);
    assert_false(throttles(*state, "192.0.2.1", large, T0));
}

static void a_large_request_counts_like_a_small_one(void **state)
{
    struct source_request large = {.key = "guess", .key_bytes = 5, .weight = 3};
    struct source_id id = id_of("192.0.2.1");
    source_table_refuse(*state, id, large, LIMITS, T0);
    assert_int_equal(source_table_enter(*state, id, large, LIMITS, T0), SOURCE_ENTERS_COUNTED);
    assert_int_equal(source_table_enter(*state, id, large, LIMITS, T0), SOURCE_THROTTLED);
    source_table_give_back(*state, id, 3, LIMITS, T0);
    assert_int_equal(source_table_enter(*state, id, large, LIMITS, T0), SOURCE_ENTERS_COUNTED);
    for (int i = 0; i < 50; i++)
        source_table_refuse(*state, id, large, LIMITS, T0);
    assert_true(throttles(*state, "192.0.2.1", "guess", T0 + 99));
    assert_false(throttles(*state, "192.0.2.1", "guess", T0 + 100)); /* six, of five */
}

/* Requests that are in progress together: none of them is refused yet when the last one comes. */
static int entered_together(struct source_table *table, uint64_t now_ms)
{
    int entered = 0;
    for (int i = 0; i < 50; i++)
        entered += enter(table, "guess", now_ms) != SOURCE_THROTTLED;
    return entered;
}

static void a_wave_enters_whole_before_its_first_refusal(void **state)
{
    struct source_id id = id_of("192.0.2.1");
    for (uint32_t i = 0; i <= LIMITS.burst; i++)
        source_table_refuse(*state, id, of("guess"), LIMITS, T0);
    assert_int_equal(entered_together(*state, T0), 0);
    /* The rate is ten a second. */
    assert_int_equal(entered_together(*state, T0 + 100), 1);
    assert_int_equal(entered_together(*state, T0 + 200), 1);
}

static void
requests_of_a_source_with_few_refusals_throttle_it_before_they_are_answered(void **state)
{
    for (uint32_t i = 0; i < LIMITS.burst / 2; i++)
        source_table_refuse(*state, id_of("192.0.2.1"), of("guess"), LIMITS, T0);
    assert_int_equal(entered_together(*state, T0), 50);
}

static void a_request_that_is_not_refused_stays_counted(void **state)
{
    struct source_id id = id_of("192.0.2.1");
    for (uint32_t i = 0; i < LIMITS.burst; i++)
        source_table_refuse(*state, id, of("guess"), LIMITS, T0);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(enter(*state, "new", T0), SOURCE_ENTERS_COUNTED);
        source_table_give_back(*state, id, 1, LIMITS, T0);
    }
    assert_int_equal(enter(*state, "new", T0), SOURCE_ENTERS_COUNTED);
    assert_int_equal(enter(*state, "new", T0), SOURCE_THROTTLED);
    source_table_give_back(*state, id_of("192.0.2.2"), 1, LIMITS, T0); /* never seen */
    source_table_give_back(*state, id, 1, LIMITS, T0 + 60000);
    assert_int_equal(enter(*state, "new", T0 + 60000), SOURCE_ENTERS);
}

static void a_clock_that_stands_or_a_long_rest_wraps_the_count(void **state)
{
    struct source_id id = id_of("192.0.2.1");
    for (int i = 0; i < 50; i++)
        source_table_refuse(*state, id, of("guess"), LIMITS, T0);
    assert_true(throttles(*state, "192.0.2.1", "guess", T0 - 500));
    assert_false(throttles(*state, "192.0.2.1", "guess", UINT64_MAX / 1000));
}

static void a_table_is_larger_than_its_memory(void **state)
{
    (void)state;
    assert_int_equal(source_table_buckets(100), 0);
    for (size_t bytes = 1024; bytes < 10000000; bytes = bytes * 5 / 3) {
        uint32_t buckets = source_table_buckets(bytes);
        assert_true(buckets == 0 || source_table_bytes(buckets) <= bytes);
        assert_true(buckets == 0 || source_table_bytes(buckets * 2) > bytes);
    }
}

/* conf/nginx/limits.conf: 29m, of which nginx and the requests that wait have a part. */
static void the_gateways_zone_counts_fewer_sources_than_documented(void **state)
{
    (void)state;
    const size_t zone = (size_t)29 * 1024 * 1024, slab = zone / 50;
    assert_int_equal(source_table_buckets((zone - slab) / 16 * 15) * 8, 131072);
}

#define TABLE_TEST(test) cmocka_unit_test_setup_teardown(test, make, drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_host_gets_more_by_another_address_of_its_network),
        cmocka_unit_test(a_unix_socket_is_taken_for_an_address),
        TABLE_TEST(an_address_opens_more_than_its_share),
        TABLE_TEST(a_full_table_turns_addresses_away_or_forgets_open_connections),
        TABLE_TEST(connections_of_a_killed_process_stay_counted),
        TABLE_TEST(quiet_addresses_keep_their_places_for_ever),
        TABLE_TEST(guessing_goes_on_after_the_burst),
        TABLE_TEST(a_neighbours_guesses_end_the_use_of_a_good_key),
        TABLE_TEST(a_guesser_who_does_not_wait_is_not_counted),
        TABLE_TEST(a_client_that_leaves_loses_its_key),
        TABLE_TEST(a_tenants_keys_push_out_a_neighbours),
        TABLE_TEST(a_key_is_forgotten_while_there_is_room),
        TABLE_TEST(one_answer_403_makes_a_good_key_unknown),
        TABLE_TEST(a_revoked_key_stays_known),
        TABLE_TEST(a_key_that_is_throttled_throttles_another_key_or_its_address),
        TABLE_TEST(an_address_apart_is_itself_or_another_one_apart),
        TABLE_TEST(a_key_in_capitals_is_another_key),
        TABLE_TEST(a_large_request_counts_like_a_small_one),
        TABLE_TEST(a_wave_enters_whole_before_its_first_refusal),
        TABLE_TEST(requests_of_a_source_with_few_refusals_throttle_it_before_they_are_answered),
        TABLE_TEST(a_request_that_is_not_refused_stays_counted),
        TABLE_TEST(a_clock_that_stands_or_a_long_rest_wraps_the_count),
        cmocka_unit_test(a_table_is_larger_than_its_memory),
        cmocka_unit_test(the_gateways_zone_counts_fewer_sources_than_documented),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
