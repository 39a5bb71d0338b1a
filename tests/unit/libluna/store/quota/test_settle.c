/* The second half of a charge: commit, reduce, refund. */
#include "one_host.h"
#include "quota/admitter.h"
#include "stores_process.h"
#include "wait.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* The signal that ends a process which does that; 0: none. */
static int signal_of(void (*settle)(struct luna_admission *admission), struct luna_admission handle)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        close(STDERR_FILENO); /* the assert writes there, and it is expected */
        settle(&handle);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void refund(struct luna_admission *handle)
{
    luna_admission_refund(admitter, handle);
}

static void commit(struct luna_admission *handle)
{
    (void)!luna_admission_commit(admitter, handle);
}

static void reduce(struct luna_admission *handle)
{
    (void)!luna_admission_reduce(admitter, handle, 1);
}

static void test_a_charge_that_is_not_outstanding_is_settled(void **state)
{
    void (*const settlements[])(struct luna_admission *) = {refund, commit, reduce};
    struct client client;
    struct luna_admission committed, refunded, refused;
    (void)state;
    stores_client(&stores, "settled-twice", NULL, 10, &client);
    stores_admit(admitter, &client, 2, &committed);
    assert_int_equal(committed.charge, LUNA_CHARGE_OUTSTANDING);
    commit(&committed);
    assert_int_equal(committed.charge, LUNA_CHARGE_COMMITTED);
    stores_admit(admitter, &client, 2, &refunded);
    refund(&refunded);
    assert_int_equal(refunded.charge, LUNA_CHARGE_REFUNDED);
    stores_admit(admitter, &client, 100, &refused);
    assert_int_equal(refused.charge, LUNA_CHARGE_NONE);
    for (size_t i = 0; i < sizeof settlements / sizeof settlements[0]; i++) {
        assert_int_equal(signal_of(settlements[i], committed), SIGABRT);
        assert_int_equal(signal_of(settlements[i], refunded), SIGABRT);
        assert_int_equal(signal_of(settlements[i], refused), SIGABRT);
    }
    stores_assert_ledger(&stores, booker, &client, 2);
}

static void test_a_charge_is_refunded_once(void **state)
{
    struct client client;
    struct luna_admission admission;
    struct luna_error err;
    (void)state;
    stores_client(&stores, "refund", NULL, 10, &client);
    stores_admit(admitter, &client, 4, &admission);
    assert_int_equal(admission.outcome, LUNA_ADMIT_ALLOWED);
    assert_int_equal(stores_remaining(&stores, &client), 6);
    /* As if the reply were lost: the slot still names the charge, and it is refunded again. */
    luna_admission_refund(admitter, &admission);
    atomic_store(&luna_journal_slot_of(admitter->journal)->wseq, admission.worker_seq);
    assert_int_equal(luna_settle_pending(admitter, luna_deadline_in_ms(WAIT_MS), &err), LUNA_OK);
    assert_int_equal(stores_remaining(&stores, &client), 10);
    stores_book_all(booker);
    assert_int_equal(stores_account_int(&stores, &client, "quota_used"), 0);
    stores_assert_sound(&stores, booker);
}

static void test_a_refund_after_the_booking_is_booked_as_well(void **state)
{
    struct client client;
    struct luna_admission admission;
    (void)state;
    stores_client(&stores, "late-refund", NULL, 10, &client);
    stores_admit(admitter, &client, 4, &admission);
    struct luna_booking_report report;
    struct luna_error err;
    assert_int_equal(luna_booking_pass(booker, &report, &err), LUNA_OK);
    assert_int_equal(stores_account_int(&stores, &client, "quota_used"), 4);
    luna_admission_refund(admitter, &admission);
    stores_book_all(booker);
    assert_int_equal(stores_account_int(&stores, &client, "quota_used"), 0);
    stores_assert_sound(&stores, booker);
}

/* Some series of a batch failed: what was done is booked, once. */
static void test_a_reduced_charge_is_what_is_booked(void **state)
{
    struct client client;
    struct luna_admission admission;
    (void)state;
    stores_client(&stores, "reduced", NULL, 10, &client);
    stores_admit(admitter, &client, 6, &admission);
    assert_int_equal(luna_admission_reduce(admitter, &admission, 4), LUNA_COMMIT_OK);
    assert_int_equal(luna_admission_reduce(admitter, &admission, 4), LUNA_COMMIT_OK);
    assert_int_equal(admission.cost, 4);
    assert_int_equal(admission.quota_remaining, 6);
    assert_int_equal(stores_remaining(&stores, &client), 6);
    assert_int_equal(luna_admission_commit(admitter, &admission), LUNA_COMMIT_OK);
    stores_assert_ledger(&stores, booker, &client, 4);
    stores_admit(admitter, &client, 3, &admission);
    assert_int_equal(luna_admission_reduce(admitter, &admission, 0), LUNA_COMMIT_OK);
    assert_int_equal(admission.cost, 0);
    stores_assert_ledger(&stores, booker, &client, 4);
}

static void test_a_reduced_charge_that_was_booked_before_is_corrected(void **state)
{
    struct client client;
    struct luna_admission admission;
    struct luna_booking_report report;
    struct luna_error err;
    (void)state;
    stores_client(&stores, "reduced-late", NULL, 10, &client);
    stores_admit(admitter, &client, 6, &admission);
    assert_int_equal(luna_booking_pass(booker, &report, &err), LUNA_OK);
    assert_int_equal(stores_account_int(&stores, &client, "quota_used"), 6);
    assert_int_equal(luna_admission_reduce(admitter, &admission, 1), LUNA_COMMIT_OK);
    assert_int_equal(luna_admission_commit(admitter, &admission), LUNA_COMMIT_OK);
    stores_assert_ledger(&stores, booker, &client, 1);
}

static void test_a_reduced_charge_is_refunded_whole_when_its_worker_dies(void **state)
{
    struct client client;
    struct luna_admission admission;
    struct luna_admitter *doomed = stores_admitter(&stores, 6);
    (void)state;
    stores_client(&stores, "reduced-killed", NULL, 10, &client);
    stores_admit(doomed, &client, 6, &admission);
    assert_int_equal(luna_admission_reduce(doomed, &admission, 2), LUNA_COMMIT_OK);
    luna_admitter_free(doomed);
    doomed = stores_admitter(&stores, 6);
    assert_int_equal(stores_request(doomed, &client), LUNA_ADMIT_ALLOWED);
    stores_assert_ledger(&stores, booker, &client, 1);
    luna_admitter_free(doomed);
}

static void test_a_charge_that_cannot_be_reduced_is_void(void **state)
{
    struct client client;
    struct luna_admission admission;
    char words[96];
    (void)state;
    stores_client(&stores, "reduced-gone", NULL, 10, &client);
    stores_admit(admitter, &client, 6, &admission);
    snprintf(words, sizeof words, "DEL {user:%lld:quota}:m", (long long)client.account.id);
    assert_int_equal(stores_redis_int(&stores, words), 1);
    assert_int_equal(luna_admission_reduce(admitter, &admission, 2), LUNA_COMMIT_VOID);
    assert_int_equal(admission.cost, 0);
    assert_int_equal(stores_request(admitter, &client), LUNA_ADMIT_ALLOWED);
    stores_assert_ledger(&stores, booker, &client, 1);
}

/* The mark says 9 units of another period: they stand, and are more than this charge had. */
static void test_a_charge_is_reduced_to_more_than_it_was(void **state)
{
    struct client client;
    struct luna_admission admission;
    char words[512];
    (void)state;
    stores_client(&stores, "reduced-to-more", NULL, 10, &client);
    stores_admit(admitter, &client, 6, &admission);
    snprintf(words, sizeof words,
             "EVAL redis.call('HSET',KEYS[1],ARGV[1],table.concat(ARGV,string.char(32),2))return(1)"
             " 1 {user:%lld:quota}:m %s %lld 6 1 9",
             (long long)client.account.id, luna_journal_worker_name(admitter->journal),
             (long long)admission.worker_seq);
    assert_int_equal(stores_redis_int(&stores, words), 1);
    assert_int_equal(luna_admission_reduce(admitter, &admission, 2), LUNA_COMMIT_VOID);
    assert_int_equal(admission.cost, 0);
}

/* The mark in Redis has the predecessor's number: a lower one would come too late. */
static void test_a_worker_counts_on_below_its_predecessors_charge(void **state)
{
    struct luna_journal_slot *slot = luna_journal_slot_of(admitter->journal);
    struct client client;
    (void)state;
    one_host_client(&client);
    one_host_request(&client, 1);
    slot->account_id = client.account.id;
    atomic_store(&slot->wseq, admitter->wseq + 1000);
    one_host_request(&client, 1);
    stores_assert_ledger(&stores, booker, &client, 2);
}

static void test_a_damaged_slot_of_the_page_stops_no_worker(void **state)
{
    struct luna_journal_slot *slot = luna_journal_slot_of(admitter->journal);
    static const int64_t damages[][2] = {{-1, 1}, {INT64_MAX, 1}, {1, 0}, {1, -7}, {1, INT64_MAX}};
    struct client client;
    (void)state;
    one_host_client(&client);
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        slot->account_id = damages[i][1];
        atomic_store(&slot->wseq, damages[i][0]);
        one_host_request(&client, 1);
    }
}

static rlim_t limit_file_size(rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    rlim_t before = limit.rlim_cur;
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    return before;
}

/* As on a full disk. The first charge shows it; the next is refused without one. */
static void test_requests_are_charged_while_the_journal_cannot_be_written(void **state)
{
    struct client client;
    struct luna_admission first, next;
    struct luna_error err;
    (void)state;
    one_host_client(&client);
    one_host_request(&client, 1);
    (void)signal(SIGXFSZ, SIG_IGN);
    rlim_t before = limit_file_size(1);
    stores_admit(admitter, &client, 1, &first);
    assert_int_equal(luna_admission_commit(admitter, &first), LUNA_COMMIT_VOID);
    assert_int_equal(first.error.code, LUNA_EJOURNAL);
    stores_admit(admitter, &client, 1, &next);
    enum luna_code probed = luna_admitter_probe(admitter, luna_deadline_in_ms(WAIT_MS), &err);
    limit_file_size(before);
    assert_int_equal(next.outcome, LUNA_ADMIT_UNAVAILABLE);
    assert_int_equal(next.error.code, LUNA_EJOURNAL);
    assert_int_equal(next.worker_seq, 0); /* Redis was not asked */
    assert_int_equal(probed, LUNA_EJOURNAL);
    assert_int_equal(luna_admitter_probe(admitter, luna_deadline_in_ms(WAIT_MS), &err), LUNA_OK);
    one_host_request(&client, 1);
    stores_assert_ledger(&stores, booker, &client, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_charge_that_is_not_outstanding_is_settled),
        cmocka_unit_test(test_a_charge_is_refunded_once),
        cmocka_unit_test(test_a_refund_after_the_booking_is_booked_as_well),
        cmocka_unit_test(test_a_reduced_charge_is_what_is_booked),
        cmocka_unit_test(test_a_reduced_charge_that_was_booked_before_is_corrected),
        cmocka_unit_test(test_a_reduced_charge_is_refunded_whole_when_its_worker_dies),
        cmocka_unit_test(test_a_charge_that_cannot_be_reduced_is_void),
        cmocka_unit_test(test_a_charge_is_reduced_to_more_than_it_was),
        cmocka_unit_test(test_a_worker_counts_on_below_its_predecessors_charge),
        cmocka_unit_test(test_a_damaged_slot_of_the_page_stops_no_worker),
        cmocka_unit_test(test_requests_are_charged_while_the_journal_cannot_be_written),
    };
    return cmocka_run_group_tests(tests, one_host_start, one_host_stop);
}
