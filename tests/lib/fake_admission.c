/*
 * fake_admission.c: libluna/store's admission without Redis and PostgreSQL, for tests of the
 * process model.
 *
 * The account id says what happens; the key "wrong" is wrong for all of them.
 *   1…899        allowed
 *   800…899      allowed, and it takes a second to spend what they computed
 *   900…999      allowed, by a plan of ten million points a request
 *   1000 + ms    allowed after a wait of that many ms, as a slow store makes it (up to 59999)
 *   70000 + sig  the worker dies of that signal, raised by itself, when it would commit
 *   80001…80012  the outcome of that number (enum luna_admission_outcome)
 *   90001        allowed, and the charge is void at the commit
 *   91000 + ms   allowed after that many ms of computing
 * LUNA_REDIS_URL with the word "away" in it: both stores are unreachable; unix://PATH: as long as
 * there is no file PATH; with "crash": a worker dies while it starts. FAKE_WORKERS_ARE_STILLBORN:
 * the self-test succeeds, and no worker can start.
 */
#include "luna/store/admission.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    SPENDS_SLOWLY = 800,
    LARGE_PLAN = 900,
    SLOW = 1000,
    DEADLY = 70000,
    OUTCOMES = 80000,
    VOID = 90001,
    COMPUTING = 91000
};

struct luna_admitter {
    bool away;
    char socket[128]; /* "": none */
};

enum luna_code luna_admitter_new(const struct luna_admitter_options *options,
                                 struct luna_admitter **ret_admitter, struct luna_error *err)
{
    struct luna_admitter *admitter = calloc(1, sizeof *admitter);
    if (admitter == NULL)
        return luna_error_set(err, LUNA_ENOMEM, "no memory");
    if (strstr(options->redis_url, "crash") != NULL)
        abort();
    admitter->away = strstr(options->redis_url, "away") != NULL;
    if (strncmp(options->redis_url, "unix://", 7) == 0)
        (void)snprintf(admitter->socket, sizeof admitter->socket, "%s", options->redis_url + 7);
#ifdef FAKE_WORKERS_ARE_STILLBORN
    /* the last slot is the self-test's */
    admitter->away = options->worker_slot < LUNA_WORKERS_MAX - 1;
#endif
    *ret_admitter = admitter;
    return LUNA_OK;
}

void luna_admitter_free(struct luna_admitter *admitter)
{
    free(admitter);
}

enum luna_code luna_admitter_probe(struct luna_admitter *admitter, struct luna_deadline deadline,
                                   struct luna_error *err)
{
    struct stat found;
    (void)deadline;
    bool away =
        admitter->away || (admitter->socket[0] != '\0' && stat(admitter->socket, &found) != 0);
    return away ? luna_error_set(err, LUNA_EUNAVAILABLE, "redis: away") : LUNA_OK;
}

static void compute(int64_t ms)
{
    struct luna_deadline end = luna_deadline_in_ms(ms);
    while (!luna_deadline_passed(end)) {
    }
}

static bool has_a_large_plan(int64_t account_id)
{
    return account_id >= LARGE_PLAN && account_id < SLOW;
}

static bool spends_slowly(int64_t account_id)
{
    return account_id >= SPENDS_SLOWLY && account_id < LARGE_PLAN;
}

static enum luna_admission_outcome outcome_of(int64_t account_id)
{
    if (account_id >= SLOW && account_id < DEADLY)
        (void)poll(NULL, 0, (int)(account_id - SLOW));
    if (account_id >= COMPUTING)
        compute(account_id - COMPUTING);
    if (account_id > OUTCOMES && account_id <= OUTCOMES + LUNA_ADMIT_UNAVAILABLE)
        return (enum luna_admission_outcome)(account_id - OUTCOMES);
    return LUNA_ADMIT_ALLOWED;
}

void luna_admit(struct luna_admitter *admitter, const struct luna_admission_request *request,
                struct luna_admission *ret_admission)
{
    bool wrong = request->api_key_len == 5 && memcmp(request->api_key, "wrong", 5) == 0;
    *ret_admission = (struct luna_admission){
        .outcome = wrong ? LUNA_ADMIT_KEY_INVALID : outcome_of(request->account_id),
        .quota_limit = 500,
        .quota_remaining = 500,
        .quota_period = LUNA_PERIOD_MONTH,
        .quota_reset_s = 86400,
        .rate_burst = 50,
        .rate_remaining = 49,
        .rate_reset_s = 1,
        .rate_per_s = 10,
        .retry_after_ms = 1500,
        .compute_ms_per_s = spends_slowly(request->account_id) ? 1000 : 0,
        .points_max = has_a_large_plan(request->account_id) ? 10000000 : 100,
        .key_scopes = LUNA_SCOPE_MODEL | LUNA_SCOPE_READ | LUNA_SCOPE_KEYS,
        .account_id = request->account_id};
    if (admitter->away)
        ret_admission->outcome = LUNA_ADMIT_UNAVAILABLE;
    if (ret_admission->outcome <= LUNA_ADMIT_REPLAY && request->stage != LUNA_STAGE_CHECK)
        ret_admission->charge = LUNA_CHARGE_OUTSTANDING;
    if (ret_admission->outcome == LUNA_ADMIT_ALLOWED) {
        ret_admission->cost = request->cost;
        /* the answer's headers tell what was charged */
        ret_admission->quota_remaining -= request->cost;
    }
}

enum luna_commit luna_admission_commit(struct luna_admitter *admitter,
                                       struct luna_admission *admission)
{
    int64_t account_id = admission->account_id;
    (void)admitter;
    if (account_id > DEADLY && account_id < OUTCOMES) {
        (void)signal((int)(account_id - DEADLY), SIG_DFL);
        (void)raise((int)(account_id - DEADLY));
    }
    admission->charge = account_id == VOID ? LUNA_CHARGE_REFUNDED : LUNA_CHARGE_COMMITTED;
    return account_id == VOID ? LUNA_COMMIT_VOID : LUNA_COMMIT_OK;
}

void luna_admission_refund(struct luna_admitter *admitter, struct luna_admission *admission)
{
    (void)admitter;
    admission->charge = LUNA_CHARGE_REFUNDED;
}

void luna_admission_spend(struct luna_admitter *admitter, const struct luna_admission *admission,
                          int64_t cpu_ms)
{
    (void)admitter;
    (void)cpu_ms;
    if (spends_slowly(admission->account_id))
        (void)poll(NULL, 0, 1000);
}

enum luna_commit luna_admission_reduce(struct luna_admitter *admitter,
                                       struct luna_admission *admission, int64_t units)
{
    (void)admitter;
    admission->quota_remaining += admission->cost - units;
    admission->cost = units;
    if (admission->account_id == VOID)
        admission->charge = LUNA_CHARGE_REFUNDED;
    return admission->account_id == VOID ? LUNA_COMMIT_VOID : LUNA_COMMIT_OK;
}
