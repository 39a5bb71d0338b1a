#include "luna/store/plan.h"
#include "one_host.h"

#include "quota/admitter.h"
#include "stores_process.h"
#include "wait.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void ask_at(struct luna_admitter *from, const struct client *client, int64_t cost,
                   const char *key, const char *body, struct luna_admission *ret_admission)
{
    unsigned char hash[32] = {0};
    memcpy(hash, body, strlen(body) < sizeof hash ? strlen(body) : sizeof hash);
    const struct luna_admission_request request = {.account_id = client->account.id,
                                                   .api_key = client->key.text,
                                                   .api_key_len = strlen(client->key.text),
                                                   .scope = LUNA_SCOPE_MODEL,
                                                   .cost = cost,
                                                   .points = 1,
                                                   .idempotency_key = key,
                                                   .idempotency_key_len = strlen(key),
                                                   .body_hash = hash,
                                                   .request_id = "test",
                                                   .deadline = luna_deadline_in_ms(WAIT_MS)};
    luna_admit(from, &request, ret_admission);
}

static void ask(struct luna_admitter *from, const struct client *client, const char *key,
                const char *body, struct luna_admission *ret_admission)
{
    ask_at(from, client, 1, key, body, ret_admission);
}

/* POST /keys and its like cost nothing, and must not be done twice either. */
static void test_a_request_without_a_charge_is_done_again(void **state)
{
    struct client client;
    struct luna_admission first, other;
    (void)state;
    stores_client(&stores, "free", NULL, 10, &client);
    ask_at(admitter, &client, 0, "key", "body", &first);
    assert_int_equal(first.outcome, LUNA_ADMIT_ALLOWED);
    struct luna_admitter *second = stores_admitter(&stores, 1);
    ask_at(second, &client, 0, "key", "body", &other);
    assert_int_equal(other.outcome, LUNA_ADMIT_IDEMPOTENCY_BUSY);
    luna_admission_refund(admitter, &first);
    ask_at(second, &client, 0, "key", "body", &other);
    assert_int_equal(other.outcome, LUNA_ADMIT_ALLOWED);
    assert_int_equal(luna_admission_commit(second, &other), LUNA_COMMIT_OK);
    for (int i = 0; i < 2; i++) {
        ask_at(admitter, &client, 0, "key", "body", &first);
        assert_int_equal(first.outcome, LUNA_ADMIT_REPLAY);
        luna_admission_refund(admitter, &first); /* the record stays */
    }
    ask_at(admitter, &client, 0, "key", "other", &first);
    assert_int_equal(first.outcome, LUNA_ADMIT_IDEMPOTENCY_MISMATCH);
    luna_admitter_free(second);
    assert_int_equal(stores_remaining(&stores, &client), 10);
}

static void test_a_repeated_request_is_answered_and_not_charged(void **state)
{
    struct client client;
    struct luna_admission admission;
    (void)state;
    stores_client(&stores, "again", NULL, 10, &client);
    ask(admitter, &client, "key-1", "body", &admission);
    assert_int_equal(admission.outcome, LUNA_ADMIT_ALLOWED);
    assert_int_equal(luna_admission_commit(admitter, &admission), LUNA_COMMIT_OK);
    for (int i = 0; i < 3; i++) {
        ask(admitter, &client, "key-1", "body", &admission);
        assert_int_equal(admission.outcome, LUNA_ADMIT_REPLAY);
        assert_int_equal(admission.cost, 0);
        assert_int_equal(luna_admission_commit(admitter, &admission), LUNA_COMMIT_OK);
    }
    assert_int_equal(stores_remaining(&stores, &client), 9);
}

static void test_a_repeated_request_is_answered_when_the_quota_is_gone(void **state)
{
    struct client client;
    struct luna_admission admission;
    (void)state;
    stores_client(&stores, "again-empty", NULL, 1, &client);
    ask(admitter, &client, "k", "body", &admission);
    assert_int_equal(luna_admission_commit(admitter, &admission), LUNA_COMMIT_OK);
    ask(admitter, &client, "k", "body", &admission);
    assert_int_equal(admission.outcome, LUNA_ADMIT_REPLAY);
    ask(admitter, &client, "k2", "body", &admission);
    assert_int_equal(admission.outcome, LUNA_ADMIT_QUOTA_EXHAUSTED);
}

/* Of ten units, three are charged: a repeat would get the other seven for nothing. */
static void test_a_repeat_covers_more_than_an_unfinished_request_was_charged(void **state)
{
    struct client client;
    struct luna_admission admission;
    (void)state;
    stores_client(&stores, "unfinished", NULL, 100, &client);
    ask_at(admitter, &client, 10, "key", "body", &admission);
    assert_int_equal(luna_admission_reduce(admitter, &admission, 3), LUNA_COMMIT_OK);
    admission.unfinished = true;
    assert_int_equal(luna_admission_commit(admitter, &admission), LUNA_COMMIT_OK);
    for (int i = 0; i < 2; i++) {
        ask_at(admitter, &client, 10, "key", "body", &admission);
        assert_int_equal(admission.outcome, LUNA_ADMIT_REPLAY);
        assert_int_equal(admission.replay_units, 3);
        admission.unfinished = true; /* a repeat that is cut off leaves the record as it is */
        assert_int_equal(luna_admission_commit(admitter, &admission), LUNA_COMMIT_OK);
    }
    assert_int_equal(stores_remaining(&stores, &client), 97);
    ask_at(admitter, &client, 10, "whole", "body", &admission);
    assert_int_equal(luna_admission_commit(admitter, &admission), LUNA_COMMIT_OK);
    ask_at(admitter, &client, 10, "whole", "body", &admission);
    assert_int_equal(admission.replay_units, 0);
    luna_admission_refund(admitter, &admission);
}

static void test_the_same_key_with_another_body_is_a_mismatch(void **state)
{
    struct client client;
    struct luna_admission admission;
    (void)state;
    stores_client(&stores, "mismatch", NULL, 10, &client);
    ask(admitter, &client, "key", "one body", &admission);
    assert_int_equal(luna_admission_commit(admitter, &admission), LUNA_COMMIT_OK);
    ask(admitter, &client, "key", "another body", &admission);
    assert_int_equal(admission.outcome, LUNA_ADMIT_IDEMPOTENCY_MISMATCH);
    assert_int_equal(stores_remaining(&stores, &client), 9);
}

static void put_plan(const char *name, int64_t rate, int64_t burst, int64_t concurrent)
{
    struct luna_operator op = stores_operator(&stores);
    struct luna_error err;
    struct luna_plan plan = {
        .rate_per_s = rate, .rate_burst = burst, .quota_limit = -1, .concurrent_max = concurrent};
    snprintf(plan.name, sizeof plan.name, "%s", name);
    if (luna_plan_put(&op, &plan, &err) != LUNA_OK)
        fail_msg("%s", err.msg);
    stores_operator_done(&op);
}

static void test_mismatches_cost_no_burst(void **state)
{
    struct client client;
    struct luna_admission admission;
    (void)state;
    put_plan("two-at-once", 1, 2, 0);
    stores_client(&stores, "guesser", "two-at-once", 10, &client);
    ask(admitter, &client, "key", "one body", &admission);
    assert_int_equal(luna_admission_commit(admitter, &admission), LUNA_COMMIT_OK);
    ask(admitter, &client, "key", "another body", &admission);
    assert_int_equal(admission.outcome, LUNA_ADMIT_IDEMPOTENCY_MISMATCH);
    ask(admitter, &client, "key", "a third body", &admission);
    assert_int_equal(admission.outcome, LUNA_ADMIT_RATE_LIMITED);
}

static void test_a_replay_is_no_concurrent_request(void **state)
{
    struct client client;
    struct luna_admission replay, second;
    struct luna_admitter *other = stores_admitter(&stores, 1);
    (void)state;
    put_plan("one-replay", 100, 100, 1);
    stores_client(&stores, "one-replay", "one-replay", 10, &client);
    ask(admitter, &client, "key", "body", &replay);
    assert_int_equal(luna_admission_commit(admitter, &replay), LUNA_COMMIT_OK);
    for (int i = 0; i < 2; i++) { /* settled either way */
        ask(admitter, &client, "key", "body", &replay);
        assert_int_equal(replay.outcome, LUNA_ADMIT_REPLAY);
        ask(other, &client, "key", "body", &second);
        assert_int_equal(second.outcome, LUNA_ADMIT_CONCURRENCY_LIMITED);
        if (i == 0)
            assert_int_equal(luna_admission_commit(admitter, &replay), LUNA_COMMIT_OK);
        else
            luna_admission_refund(admitter, &replay);
    }
    ask(other, &client, "key", "body", &second);
    assert_int_equal(second.outcome, LUNA_ADMIT_REPLAY);
    luna_admission_refund(other, &second);
    luna_admitter_free(other);
    assert_int_equal(stores_remaining(&stores, &client), 9);
}

static void test_a_request_in_flight_is_busy_and_a_failed_one_may_be_repeated(void **state)
{
    struct client client;
    struct luna_admission first, second;
    struct luna_admitter *other = stores_admitter(&stores, 1);
    (void)state;
    stores_client(&stores, "busy", NULL, 10, &client);
    ask(admitter, &client, "key", "body", &first);
    ask(other, &client, "key", "body", &second);
    assert_int_equal(second.outcome, LUNA_ADMIT_IDEMPOTENCY_BUSY);
    luna_admission_refund(admitter, &first);
    ask(other, &client, "key", "body", &second);
    assert_int_equal(second.outcome, LUNA_ADMIT_ALLOWED);
    assert_int_equal(luna_admission_commit(other, &second), LUNA_COMMIT_OK);
    assert_int_equal(stores_remaining(&stores, &client), 9);
    luna_admitter_free(other);
}

static void test_the_record_of_a_killed_worker_does_not_answer_for_it(void **state)
{
    struct client client;
    struct luna_admission admission;
    struct luna_admitter *doomed = stores_admitter(&stores, 3);
    (void)state;
    stores_client(&stores, "killed", NULL, 10, &client);
    ask(doomed, &client, "key", "body", &admission);
    luna_admitter_free(doomed);
    struct luna_admitter *successor = stores_admitter(&stores, 3);
    ask(successor, &client, "key", "body", &admission);
    assert_int_equal(admission.outcome, LUNA_ADMIT_ALLOWED);
    assert_int_equal(luna_admission_commit(successor, &admission), LUNA_COMMIT_OK);
    assert_int_equal(stores_remaining(&stores, &client), 9);
    luna_admitter_free(successor);
}

static void test_the_record_lives_for_a_day(void **state)
{
    struct client client;
    struct luna_admission admission;
    char words[192];
    (void)state;
    stores_client(&stores, "a-day", NULL, 10, &client);
    ask(admitter, &client, "key", "body", &admission);
    assert_int_equal(luna_admission_commit(admitter, &admission), LUNA_COMMIT_OK);
    snprintf(words, sizeof words, "TTL {user:%lld:quota}:i:%s", (long long)client.account.id,
             admission.idempotency_field);
    assert_in_range(stores_redis_int(&stores, words), 86390, 86400);
}

/* With concurrent requests a replay settles in Redis as well. */
static void test_a_replay_prolongs_the_record(void **state)
{
    struct client client;
    struct luna_admission admission;
    char words[192];
    (void)state;
    put_plan("prolonged", 100, 100, 2);
    stores_client(&stores, "prolonged", "prolonged", 10, &client);
    ask(admitter, &client, "key", "body", &admission);
    assert_int_equal(luna_admission_commit(admitter, &admission), LUNA_COMMIT_OK);
    snprintf(words, sizeof words, "EXPIRE {user:%lld:quota}:i:%s 1000",
             (long long)client.account.id, admission.idempotency_field);
    assert_int_equal(stores_redis_int(&stores, words), 1);
    ask(admitter, &client, "key", "body", &admission);
    assert_int_equal(admission.outcome, LUNA_ADMIT_REPLAY);
    assert_int_equal(luna_admission_commit(admitter, &admission), LUNA_COMMIT_OK);
    snprintf(words, sizeof words, "TTL {user:%lld:quota}:i:%s", (long long)client.account.id,
             admission.idempotency_field);
    assert_in_range(stores_redis_int(&stores, words), 900, 1000);
}

/* The reply to a charge is lost: the same command again, and once more after the worker gave it
 * up. */
static void test_a_lost_answer_is_not_charged_twice(void **state)
{
    struct client client;
    struct luna_admission admission;
    (void)state;
    stores_client(&stores, "lost", NULL, 10, &client);
    stores_admit(admitter, &client, 1, &admission);
    int64_t first = admission.charged_total;
    luna_settle_end(admitter); /* without a reply a worker sends the same number again */
    admitter->wseq--;
    stores_admit(admitter, &client, 1, &admission);
    assert_int_equal(admission.outcome, LUNA_ADMIT_ALLOWED);
    assert_int_equal(admission.charged_total, first);
    assert_int_equal(stores_remaining(&stores, &client), 9);
    luna_admission_refund(admitter, &admission);
    admitter->wseq--;
    stores_admit(admitter, &client, 1, &admission);
    assert_int_equal(admission.outcome, LUNA_ADMIT_UNAVAILABLE);
    assert_int_equal(stores_remaining(&stores, &client), 10);
}

/* Killed after the record was written: the success may have been sent, and is not refunded. */
static void test_a_success_whose_worker_died_before_it_could_say_so_stays_charged(void **state)
{
    struct client client;
    struct luna_admission admission;
    struct luna_admitter *doomed = stores_admitter(&stores, 4);
    (void)state;
    stores_client(&stores, "died-late", NULL, 10, &client);
    stores_admit(doomed, &client, 1, &admission);
    assert_int_equal(luna_admission_commit(doomed, &admission), LUNA_COMMIT_OK);
    atomic_store(&luna_journal_slot_of(doomed->journal)->wseq, admission.worker_seq);
    luna_admitter_free(doomed);
    struct luna_admitter *successor = stores_admitter(&stores, 4);
    stores_admit(successor, &client, 0, &admission);
    assert_int_equal(stores_remaining(&stores, &client), 9);
    luna_admitter_free(successor);
}

/* With zeros and spaces in it. */
static const char answer[] = "text/csv\nvalue\0 1 2\r\n";

static void answer_once(const struct client *client, const char *key, size_t len)
{
    static char bytes[2 * LUNA_ANSWER_BYTES_MAX];
    struct luna_admission admission;
    memset(bytes, 'x', sizeof bytes);
    memcpy(bytes, answer, sizeof answer);
    ask(admitter, client, key, "body", &admission);
    assert_int_equal(admission.outcome, LUNA_ADMIT_ALLOWED);
    admission.to_keep = (struct luna_answer){bytes, len};
    assert_int_equal(luna_admission_commit(admitter, &admission), LUNA_COMMIT_OK);
}

static size_t kept_of(const struct client *client, const char *key)
{
    struct luna_admission admission;
    ask(admitter, client, key, "body", &admission);
    assert_int_equal(admission.outcome, LUNA_ADMIT_REPLAY);
    if (admission.kept.len >= sizeof answer)
        assert_memory_equal(admission.kept.bytes, answer, sizeof answer);
    size_t len = admission.kept.len;
    assert_int_equal(luna_admission_commit(admitter, &admission), LUNA_COMMIT_OK);
    return len;
}

static void test_a_kept_answer_comes_back_changed(void **state)
{
    struct client client;
    (void)state;
    stores_client(&stores, "kept", NULL, 10, &client);
    answer_once(&client, "short", sizeof answer);
    answer_once(&client, "long", LUNA_ANSWER_BYTES_MAX);
    answer_once(&client, "too long", LUNA_ANSWER_BYTES_MAX + 1);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(kept_of(&client, "short"), sizeof answer);
        assert_int_equal(kept_of(&client, "long"), LUNA_ANSWER_BYTES_MAX);
        assert_int_equal(kept_of(&client, "too long"), 0);
    }
    stores_assert_ledger(&stores, booker, &client, 3);
}

static void test_one_account_fills_redis_with_its_answers(void **state)
{
    struct client client, other;
    (void)state;
    stores_client(&stores, "filler", NULL, 10, &client);
    stores_client(&stores, "neighbour", NULL, 10, &other);
    answer_once(&client, "1", 16000);
    answer_once(&client, "2", 16000);
    answer_once(&client, "3", 16000);
    assert_int_equal(kept_of(&client, "1"), 16000);
    assert_int_equal(kept_of(&client, "2"), 16000);
    assert_int_equal(kept_of(&client, "3"), 0);
    answer_once(&other, "1", 16000);
    assert_int_equal(kept_of(&other, "1"), 16000);
    assert_in_range(stores_redis_int(&stores, "PTTL quota:answers"), 1, 24 * 3600 * 1000);
}

/* The record of an unfinished request says what was charged, in the place of the answer. */
static void test_the_answer_of_an_unfinished_request_takes_room(void **state)
{
    struct client client;
    struct luna_admission admission;
    char words[96];
    (void)state;
    stores_client(&stores, "roomless", NULL, 10, &client);
    ask(admitter, &client, "key", "body", &admission);
    admission.to_keep = (struct luna_answer){answer, sizeof answer};
    admission.unfinished = true;
    assert_int_equal(luna_admission_commit(admitter, &admission), LUNA_COMMIT_OK);
    assert_int_equal(kept_of(&client, "key"), 0);
    snprintf(words, sizeof words, "EXISTS {user:%lld:quota}:answers", (long long)client.account.id);
    assert_int_equal(stores_redis_int(&stores, words), 0);
}

static void test_all_accounts_fill_redis_with_their_answers(void **state)
{
    struct client client;
    (void)state;
    stores_client(&stores, "late", NULL, 10, &client);
    stores_redis_int(&stores, "INCRBY quota:answers 640000");
    answer_once(&client, "1", 100);
    assert_int_equal(kept_of(&client, "1"), 0);
    stores_redis_int(&stores, "DEL quota:answers");
    answer_once(&client, "2", 100);
    assert_int_equal(kept_of(&client, "2"), 100);
}

/* Nothing is computed for it. */
static void test_a_kept_answer_takes_the_place_of_a_computation(void **state)
{
    struct client client;
    struct luna_admission running;
    struct luna_admitter *other = stores_admitter(&stores, 1);
    (void)state;
    put_plan("one-kept", 100, 100, 1);
    stores_client(&stores, "one-kept", "one-kept", 10, &client);
    answer_once(&client, "key", sizeof answer);
    ask(other, &client, "another", "body", &running);
    assert_int_equal(running.outcome, LUNA_ADMIT_ALLOWED);
    assert_int_equal(kept_of(&client, "key"), sizeof answer);
    assert_int_equal(luna_admission_commit(other, &running), LUNA_COMMIT_OK);
    luna_admitter_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_repeated_request_is_answered_and_not_charged),
        cmocka_unit_test(test_a_request_without_a_charge_is_done_again),
        cmocka_unit_test(test_a_repeated_request_is_answered_when_the_quota_is_gone),
        cmocka_unit_test(test_a_repeat_covers_more_than_an_unfinished_request_was_charged),
        cmocka_unit_test(test_the_same_key_with_another_body_is_a_mismatch),
        cmocka_unit_test(test_mismatches_cost_no_burst),
        cmocka_unit_test(test_a_replay_is_no_concurrent_request),
        cmocka_unit_test(test_a_request_in_flight_is_busy_and_a_failed_one_may_be_repeated),
        cmocka_unit_test(test_the_record_of_a_killed_worker_does_not_answer_for_it),
        cmocka_unit_test(test_the_record_lives_for_a_day),
        cmocka_unit_test(test_a_replay_prolongs_the_record),
        cmocka_unit_test(test_a_lost_answer_is_not_charged_twice),
        cmocka_unit_test(test_a_success_whose_worker_died_before_it_could_say_so_stays_charged),
        cmocka_unit_test(test_a_kept_answer_comes_back_changed),
        cmocka_unit_test(test_one_account_fills_redis_with_its_answers),
        cmocka_unit_test(test_the_answer_of_an_unfinished_request_takes_room),
        cmocka_unit_test(test_all_accounts_fill_redis_with_their_answers),
        cmocka_unit_test(test_a_kept_answer_takes_the_place_of_a_computation),
    };
    return cmocka_run_group_tests(tests, one_host_start, one_host_stop);
}
