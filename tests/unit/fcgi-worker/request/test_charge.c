/* The charge of a request: settled once, on whatever path, and never twice. */
#include "request/charge.h"

/* The source itself, so that its asserts are there in every kind of build. */
#include "request/charge.c" // NOLINT(bugprone-suspicious-include)

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* The stores, as far as a charge sees them. */
static enum luna_admission_outcome next_outcome;
static enum luna_commit next_commit;
static int asked, committed, refunded, reduced;

void luna_admit(struct luna_admitter *admitter, const struct luna_admission_request *request,
                struct luna_admission *ret_admission)
{
    (void)admitter;
    asked++;
    *ret_admission = (struct luna_admission){
        .outcome = next_outcome, .cost = next_outcome == LUNA_ADMIT_ALLOWED ? request->cost : 0};
}

enum luna_commit luna_admission_commit(struct luna_admitter *admitter,
                                       struct luna_admission *admission)
{
    (void)admitter;
    (void)admission;
    committed++;
    return next_commit;
}

void luna_admission_refund(struct luna_admitter *admitter, struct luna_admission *admission)
{
    (void)admitter;
    (void)admission;
    refunded++;
}

enum luna_commit luna_admission_reduce(struct luna_admitter *admitter,
                                       struct luna_admission *admission, int64_t units)
{
    (void)admitter;
    reduced++;
    admission->cost = units;
    return next_commit;
}

static int set_up(void **state)
{
    (void)state;
    next_outcome = LUNA_ADMIT_ALLOWED;
    next_commit = LUNA_COMMIT_OK;
    asked = committed = refunded = reduced = 0;
    return 0;
}

static struct charge asked_for(int64_t units, enum luna_admission_outcome outcome)
{
    struct charge charge = {.state = CHARGE_NONE};
    next_outcome = outcome;
    charge_ask(&charge, NULL, &(struct luna_admission_request){.cost = units});
    return charge;
}

static void only_a_yes_leaves_a_charge_outstanding(void **state)
{
    (void)state;
    for (int outcome = LUNA_ADMIT_ALLOWED; outcome <= LUNA_ADMIT_UNAVAILABLE; outcome++) {
        bool yes = outcome == LUNA_ADMIT_ALLOWED || outcome == LUNA_ADMIT_REPLAY;
        struct charge charge = asked_for(1, (enum luna_admission_outcome)outcome);
        assert_int_equal(charge.state, yes ? CHARGE_OUTSTANDING : CHARGE_NONE);
    }
}

static void a_refusal_may_be_followed_by_another_question(void **state)
{
    struct charge charge = asked_for(9, LUNA_ADMIT_QUOTA_EXHAUSTED);
    (void)state;
    next_outcome = LUNA_ADMIT_ALLOWED;
    charge_ask(&charge, NULL, &(struct luna_admission_request){.cost = 4});
    assert_int_equal(asked, 2);
    assert_int_equal(charge.state, CHARGE_OUTSTANDING);
    assert_int_equal(charge.admission.cost, 4);
}

static void a_commit_that_fails_settles_as_well(void **state)
{
    struct charge charge = asked_for(1, LUNA_ADMIT_ALLOWED);
    (void)state;
    next_commit = LUNA_COMMIT_VOID;
    assert_int_equal(charge_commit(&charge), LUNA_COMMIT_VOID);
    assert_int_equal(charge.state, CHARGE_REFUNDED);
    assert_int_equal(refunded, 0); /* the commit itself gave it back */
}

static void a_reduced_charge_is_still_outstanding(void **state)
{
    struct charge charge = asked_for(5, LUNA_ADMIT_ALLOWED);
    (void)state;
    assert_int_equal(charge_reduce(&charge, 5), LUNA_COMMIT_OK);
    assert_int_equal(reduced, 0);
    assert_int_equal(charge_reduce(&charge, 2), LUNA_COMMIT_OK);
    assert_int_equal(reduced, 1);
    assert_int_equal(charge.state, CHARGE_OUTSTANDING);
    assert_int_equal(charge_commit(&charge), LUNA_COMMIT_OK);
    assert_int_equal(charge.state, CHARGE_COMMITTED);
    assert_int_equal(committed, 1);
}

static void a_reduction_that_fails_settles(void **state)
{
    struct charge charge = asked_for(5, LUNA_ADMIT_ALLOWED);
    (void)state;
    next_commit = LUNA_COMMIT_VOID;
    assert_int_equal(charge_reduce(&charge, 2), LUNA_COMMIT_VOID);
    assert_int_equal(charge.state, CHARGE_REFUNDED);
}

static void refund_twice(struct charge *charge)
{
    charge_refund(charge);
    charge_refund(charge);
}

static void refund_after_commit(struct charge *charge)
{
    if (charge_commit(charge) == LUNA_COMMIT_OK)
        charge_refund(charge);
}

static void commit_twice(struct charge *charge)
{
    if (charge_commit(charge) == LUNA_COMMIT_OK && charge_commit(charge) == LUNA_COMMIT_OK)
        return;
}

static void ask_while_outstanding(struct charge *charge)
{
    charge_ask(charge, NULL, &(struct luna_admission_request){.cost = 1});
}

static bool aborts(void (*run)(struct charge *charge))
{
    struct charge charge = asked_for(1, LUNA_ADMIT_ALLOWED);
    int status = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)signal(SIGABRT, SIG_DFL);
        close(STDERR_FILENO); /* the text of the assertion */
        run(&charge);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void a_charge_cannot_be_settled_twice_nor_lost(void **state)
{
    (void)state;
    assert_true(aborts(refund_twice));
    assert_true(aborts(refund_after_commit));
    assert_true(aborts(commit_twice));
    assert_true(aborts(ask_while_outstanding));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(only_a_yes_leaves_a_charge_outstanding, set_up),
        cmocka_unit_test_setup(a_refusal_may_be_followed_by_another_question, set_up),
        cmocka_unit_test_setup(a_commit_that_fails_settles_as_well, set_up),
        cmocka_unit_test_setup(a_reduced_charge_is_still_outstanding, set_up),
        cmocka_unit_test_setup(a_reduction_that_fails_settles, set_up),
        cmocka_unit_test_setup(a_charge_cannot_be_settled_twice_nor_lost, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
