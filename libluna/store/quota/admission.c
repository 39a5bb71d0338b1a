#include "luna/store/admission.h"

#include "client/digest.h"
#include "luna/base/digits.h"
#include "luna/base/random.h"
#include "quota/admitter.h"
#include "quota/key.h"
#include "quota/network.h"
#include "quota/script_words.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ATTEMPTS_MAX = 3, RETRY_MS = 1000, US_PER_S = 1000000 };

/* admit.lua and reap.lua take a mark that lives longer for one of a wrong clock. */
static_assert((int)LUNA_REQUEST_MAX_MS == (int)LUNA_ADMISSION_TIMEOUT_MAX_MS,
              "another limit in Lua");

struct admit_reply {
#define FIELD(name) int64_t name;
#define CODE(word, number)
#include "quota/admit_reply.def"
#undef FIELD
#undef CODE
};

enum {
#define FIELD(name)
#define CODE(word, number) REPLY_##word = (number),
#include "quota/admit_reply.def"
#undef FIELD
#undef CODE
};

union admit_numbers {
    struct admit_reply reply;
    int64_t numbers[sizeof(struct admit_reply) / sizeof(int64_t)];
};

/* The command of one admission. It is built once and may be sent several times. */
struct attempt {
    const struct luna_admission_request *request;
    struct luna_key_digest key;
    struct luna_quota_keys keys;
    char address[LUNA_ADDRESS_BYTES];
    struct luna_key_digest earlier;        /* under the previous pepper; "": none */
    char move[LUNA_DIGEST_BYTES * 2 + 64]; /* what quota:used has of a key that is found by it */
    struct luna_redis_command command;
};

static void refuse(struct luna_admission *admission, enum luna_admission_outcome outcome)
{
    assert(outcome != LUNA_ADMIT_ALLOWED && outcome != LUNA_ADMIT_REPLAY);
    admission->outcome = outcome;
    admission->cost = 0;
    if (outcome == LUNA_ADMIT_UNAVAILABLE || outcome == LUNA_ADMIT_CLOCKS)
        /* Spread, so that clients that were refused together do not return together. */
        admission->retry_after_ms = luna_random_between(RETRY_MS, 2 * RETRY_MS - 1);
}

static void prepare_idempotency(const struct luna_admission_request *request,
                                struct luna_admission *admission)
{
    unsigned char digest[LUNA_DIGEST_BYTES];
    if (request->idempotency_key == NULL)
        return;
    /* "" would be one key for all requests of the account. */
    assert(request->idempotency_key_len > 0);
    luna_digest_sha256(request->idempotency_key, request->idempotency_key_len, digest);
    luna_hex_encode(digest, LUNA_DIGEST_BYTES / 2, admission->idempotency_field);
    luna_hex_encode(request->body_hash, LUNA_DIGEST_BYTES, admission->body_hash);
}

static void prepare_command(struct luna_admitter *admitter, struct attempt *attempt,
                            const struct luna_admission *admission)
{
    static const enum luna_script_word stages[] = {
        [LUNA_STAGE_WHOLE] = LUNA_WORD_STAGE_WHOLE,
        [LUNA_STAGE_CHECK] = LUNA_WORD_STAGE_CHECK,
        [LUNA_STAGE_CHARGE] = LUNA_WORD_STAGE_CHARGE,
    };
    const struct luna_admission_request *request = attempt->request;
    struct luna_redis_command *command = &attempt->command;
    /* A cost below 0 would add to the quota; one without a number would be charged twice. */
    assert(request->cost >= 0 && request->points >= 0 && admission->worker_seq > 0);
    luna_network_address(request->client_address != NULL ? request->client_address : "",
                         attempt->address);
    luna_quota_keys_make(request->account_id, admission->idempotency_field, &attempt->keys);
    luna_admitter_begin(command, LUNA_SCRIPT_ADMIT, &attempt->keys);
    luna_redis_arg_at(command, LUNA_ARG(ADMIT, key), attempt->key.text);
    luna_redis_arg_int_at(command, LUNA_ARG(ADMIT, scope), request->scope);
    luna_redis_arg_int_at(command, LUNA_ARG(ADMIT, cost), request->cost);
    luna_redis_arg_int_at(command, LUNA_ARG(ADMIT, points), request->points);
    luna_redis_arg_at(command, LUNA_ARG(ADMIT, worker),
                      luna_journal_worker_name(admitter->journal));
    luna_redis_arg_int_at(command, LUNA_ARG(ADMIT, wseq), admission->worker_seq);
    /* How long a concurrent slot or a pending idempotency record outlives a killed worker. */
    luna_redis_arg_int_at(command, LUNA_ARG(ADMIT, life_ms),
                          luna_deadline_left_ms(request->deadline) + LUNA_LIFE_SLACK_MS);
    luna_redis_arg_at(command, LUNA_ARG(ADMIT, body_hash), admission->body_hash);
    luna_redis_arg_at(command, LUNA_ARG(ADMIT, stage), luna_script_word(stages[request->stage]));
    luna_redis_arg_at(command, LUNA_ARG(ADMIT, address), attempt->address);
    if (attempt->earlier.text[0] != '\0') {
        luna_redis_arg_at(command, LUNA_ARG(ADMIT, earlier_key), attempt->earlier.text);
        luna_redis_arg_at(command, LUNA_ARG(ADMIT, move), attempt->move);
    }
}

static int64_t ceil_div(int64_t value, int64_t by)
{
    assert(by > 0);
    return value > 0 ? (value - 1) / by + 1 : 0;
}

static bool is_outcome(int64_t number)
{
    switch (number) {
#define X(symbol, number) case number:
#include "luna/store/admission_outcomes.def"
#undef X
        return true;
    default:
        return false;
    }
}

static bool is_period(int64_t number)
{
    switch (number) {
#define X(symbol, number, word) case number:
#include "luna/store/period_kinds.def"
#undef X
        return true;
    default:
        return false;
    }
}

/* Could a plan or a key have this rate? The limits are in sql/: 0002_accounts, 0011_keys,
 * 0014_budget. In a reply that consists of an outcome alone it is 0. */
static bool is_rate(int64_t number)
{
    const int64_t most = 1000000;
    return number >= 0 && number <= most;
}

/* May take_reply() compute with these numbers? They come from the account's hash, and with the
 * password of a program's Redis user anything can be written there. */
static bool are_bounded(const union admit_numbers *got)
{
    for (size_t i = 0; i < sizeof got->numbers / sizeof got->numbers[0]; i++)
        if (!luna_is_script_number(got->numbers[i]))
            return false;
    return is_rate(got->reply.rate_per_s) && is_rate(got->reply.rate_burst) &&
           is_rate(got->reply.compute_ms_per_s);
}

/* Could admit.lua have said this? What it did is otherwise as unknown as without a reply. */
static bool is_plausible(const union admit_numbers *got)
{
    const struct admit_reply *reply = &got->reply;
    return are_bounded(got) && is_outcome(reply->outcome) &&
           (reply->outcome != LUNA_ADMIT_ALLOWED || (reply->epoch > 0 && reply->period_no >= 0)) &&
           is_period(reply->period_kind) && reply->now_ms >= 0;
}

/* The debt as processor time. In two parts, because the product of the whole could overflow. */
static int64_t debt_ms(const struct admit_reply *reply)
{
    if (reply->compute_debt_us <= 0)
        return 0;
    int64_t whole_s = reply->compute_debt_us / US_PER_S,
            rest_us = reply->compute_debt_us % US_PER_S;
    return whole_s * reply->compute_ms_per_s +
           ceil_div(rest_us * reply->compute_ms_per_s, US_PER_S);
}

/* Until the whole burst is there; when nothing of it is left, until one request of it is. */
static int64_t burst_reset_us(const struct admit_reply *reply)
{
    int64_t gap_us = reply->rate_per_s > 0 ? US_PER_S / reply->rate_per_s : 0;
    return reply->burst_reset_us - (reply->burst_left > 0 ? 0 : (reply->rate_burst - 1) * gap_us);
}

static void take_reply(const struct admit_reply *reply,
                       const struct luna_admission_request *request,
                       struct luna_admission *admission)
{
    bool has_period = reply->period_end_ms > 0;
    int64_t period_left_ms = has_period ? reply->period_end_ms - reply->now_ms : 0;
    admission->outcome = (enum luna_admission_outcome)reply->outcome;
    admission->epoch = reply->epoch;
    admission->charged_total = reply->charged_total;
    admission->replay_units = admission->outcome == LUNA_ADMIT_REPLAY ? reply->charged_total : 0;
    admission->period_no = reply->period_no;
    admission->quota_limit = reply->quota_limit;
    admission->quota_remaining = reply->quota_left > 0 ? reply->quota_left : 0;
    admission->quota_reset_s = ceil_div(period_left_ms, 1000);
    admission->quota_period = (enum luna_period)reply->period_kind;
    admission->rate_per_s = reply->rate_per_s;
    admission->rate_burst = reply->rate_burst;
    admission->rate_remaining = reply->burst_left > 0 ? reply->burst_left : 0;
    admission->rate_reset_s = ceil_div(burst_reset_us(reply), US_PER_S);
    admission->retry_after_ms = reply->retry_ms > 0 ? reply->retry_ms : 0;
    admission->points_max = reply->points_max;
    admission->compute_ms_per_s = reply->compute_ms_per_s;
    admission->compute_burst_ms = reply->compute_ms_per_s * LUNA_COMPUTE_BURST_S;
    admission->compute_remaining_ms = admission->compute_burst_ms - debt_ms(reply);
    admission->compute_reset_s =
        ceil_div(reply->compute_debt_us -
                     (admission->compute_remaining_ms > 0 ? 0 : LUNA_COMPUTE_BURST_S * US_PER_S),
                 US_PER_S);
    admission->cost = admission->outcome == LUNA_ADMIT_ALLOWED ? request->cost : 0;
    admission->key_scopes = (unsigned)reply->key_scopes;
    admission->holds_slot =
        reply->concurrent_max > 0 && request->cost > 0 && admission->kept.len == 0 &&
        (admission->outcome == LUNA_ADMIT_ALLOWED || admission->outcome == LUNA_ADMIT_REPLAY);
    if (admission->outcome == LUNA_ADMIT_QUOTA_EXHAUSTED && has_period)
        admission->retry_after_ms = period_left_ms > 0 ? period_left_ms : 0;
}

enum progress { DONE, AGAIN, FAILED };

static void pause_jittered(void)
{
    const struct timespec pause = {.tv_nsec = luna_random_between(5000000, 19999999)};
    nanosleep(&pause, NULL);
}

static enum progress load_cold(struct luna_admitter *admitter, const struct attempt *attempt,
                               struct luna_deadline deadline, struct luna_admission *admission)
{
    struct luna_journal_page *page = luna_journal_page_of(admitter->journal);
    admission->was_cold = true;
    enum luna_cold cold = luna_cold_load(admitter, attempt->request->account_id, attempt->key.text,
                                         attempt->earlier.text, attempt->request->request_id,
                                         deadline, &admission->error);
    if (cold == LUNA_COLD_ABSENT || cold == LUNA_COLD_WRONG_KEY) {
        refuse(admission,
               cold == LUNA_COLD_ABSENT ? LUNA_ADMIT_ACCOUNT_UNKNOWN : LUNA_ADMIT_KEY_INVALID);
        return DONE;
    }
    if (cold == LUNA_COLD_FAILED)
        return FAILED;
    if (cold == LUNA_COLD_CLOCKS) {
        refuse(admission, LUNA_ADMIT_CLOCKS);
        return DONE;
    }
    if (cold == LUNA_COLD_BUSY) {
        luna_journal_page_count(page, LUNA_COUNT_LOAD_WAITS);
        luna_error_set(&admission->error, LUNA_EUNAVAILABLE, "the account is being loaded");
        pause_jittered();
    }
    admission->recovery_seq =
        (int64_t)atomic_load(luna_journal_page_seq(page, attempt->request->account_id));
    return AGAIN;
}

static enum progress roll_period(struct luna_admitter *admitter, const struct attempt *attempt,
                                 struct luna_deadline deadline, struct luna_admission *admission)
{
    switch (luna_period_roll(admitter, attempt->request->account_id, deadline, &admission->error)) {
    case LUNA_ROLL_DONE:
        return AGAIN;
    case LUNA_ROLL_COLD:
        return load_cold(admitter, attempt, deadline, admission);
    case LUNA_ROLL_CONTRADICTED:
        refuse(admission, LUNA_ADMIT_CLOCKS);
        return DONE;
    case LUNA_ROLL_FAILED:
        break;
    }
    return FAILED;
}

/* The answer stands behind the numbers. */
static void take_kept(struct luna_admitter *admitter, const struct luna_reply *reply,
                      struct luna_admission *admission)
{
    const size_t before = sizeof(struct admit_reply), len = luna_reply_len(reply);
    luna_buf_clear(&admitter->answer);
    if (len > before)
        luna_buf_append(&admitter->answer, luna_reply_text(reply) + before, len - before);
    if (!admitter->answer.overflow)
        admission->kept = (struct luna_answer){admitter->answer.data, admitter->answer.len};
}

static enum progress try_once(struct luna_admitter *admitter, struct attempt *attempt,
                              struct luna_deadline deadline, struct luna_admission *admission)
{
    struct luna_reply *reply = NULL;
    enum luna_code code = luna_admitter_script(admitter, LUNA_SCRIPT_ADMIT, &attempt->command,
                                               deadline, &reply, &admission->error);
    if (code != LUNA_OK)
        return FAILED;
    union admit_numbers got = {.reply = {.outcome = LUNA_ADMIT_UNAVAILABLE}};
    /* the outcome alone, or all */
    (void)luna_reply_numbers(reply, got.numbers, sizeof got.numbers / sizeof got.numbers[0]);
    take_kept(admitter, reply, admission);
    luna_reply_free(reply);
    if (got.reply.outcome == REPLY_COLD)
        return load_cold(admitter, attempt, deadline, admission);
    if (got.reply.outcome == REPLY_PERIOD_ENDED)
        return roll_period(admitter, attempt, deadline, admission);
    if (!is_plausible(&got)) {
        luna_error_set(&admission->error, LUNA_EPROTOCOL,
                       "Redis replied what the admission script cannot have said");
        refuse(admission, LUNA_ADMIT_UNAVAILABLE);
        return DONE;
    }
    take_reply(&got.reply, attempt->request, admission);
    if (got.reply.key_earlier != 0)
        memcpy(admission->key_digest, attempt->earlier.text, sizeof admission->key_digest);
    admission->incarnation = admitter->fence.incarnation;
    /* 0: the outcome came alone */
    if (got.reply.now_ms != 0 &&
        !luna_clocks_agree(admitter->clocks.clocks, got.reply.now_ms,
                           admitter->clocks.offset_max_ms) &&
        !luna_clock_fence_check(&admitter->clocks, got.reply.now_ms, deadline, &admission->error))
        refuse(admission, LUNA_ADMIT_CLOCKS);
    if (admission->outcome == LUNA_ADMIT_UNAVAILABLE) {
        luna_error_set(&admission->error, LUNA_EUNAVAILABLE,
                       "the command reached Redis after its worker had given it up");
        refuse(admission, LUNA_ADMIT_UNAVAILABLE);
    }
    return DONE;
}

/* Tries until there is a reply. A command whose reply was lost is sent again under the same number,
 * and charged once (I1). */
static void try_until_done(struct luna_admitter *admitter, struct attempt *attempt,
                           struct luna_admission *admission)
{
    struct luna_journal_page *page = luna_journal_page_of(admitter->journal);
    /* A cold load may need both stores twice; a longer wait would only hold this worker. */
    struct luna_deadline deadline =
        luna_deadline_cap_ms(attempt->request->deadline, 2 * ((int64_t)admitter->redis_timeout_ms +
                                                              admitter->database_timeout_ms));
    int failures = 0;
    assert(admission->worker_seq == admitter->wseq); /* the slot names it for a successor (I1) */
    admission->recovery_seq =
        (int64_t)atomic_load(luna_journal_page_seq(page, attempt->request->account_id));
    while (!luna_deadline_passed(deadline)) {
        enum progress progress = try_once(admitter, attempt, deadline, admission);
        if (progress == DONE)
            return;
        if (progress == FAILED && ++failures == ATTEMPTS_MAX)
            break;
        if (progress == FAILED)
            luna_journal_page_count(page, LUNA_COUNT_RETRIES);
    }
    if (admission->error.code == LUNA_OK)
        luna_error_set(&admission->error, LUNA_ETIMEOUT,
                       "the request's deadline passed before it was admitted");
    refuse(admission, LUNA_ADMIT_UNAVAILABLE);
}

/* Only while a pepper replaces another one. */
static void take_earlier(const struct luna_admitter *admitter,
                         const struct luna_admission_request *request, struct attempt *attempt)
{
    const struct luna_pepper_mark *mark = &admitter->marks.current;
    unsigned char proof[LUNA_DIGEST_BYTES];
    char proof_text[2 * LUNA_DIGEST_BYTES + 1];
    attempt->earlier.text[0] = '\0';
    if (admitter->marks.previous.id == 0 || request->key_digest != NULL ||
        !luna_key_digest(request->api_key, request->api_key_len, &admitter->previous_pepper,
                         &attempt->earlier))
        return;
    luna_pepper_prove(mark, attempt->earlier.text, attempt->key.text, proof);
    luna_hex_encode(proof, sizeof proof, proof_text);
    int len = snprintf(attempt->move, sizeof attempt->move, "%d %s %s", mark->id, attempt->key.text,
                       proof_text);
    assert(len > 0 && (size_t)len < sizeof attempt->move); /* a part of a proof proves nothing */
    (void)len;
}

static bool take_key(const struct luna_admitter *admitter,
                     const struct luna_admission_request *request, struct luna_key_digest *ret_key)
{
    if (request->key_digest == NULL)
        return luna_key_digest(request->api_key, request->api_key_len, &admitter->pepper, ret_key);
    if (strlen(request->key_digest) != sizeof ret_key->text - 1)
        return false;
    memcpy(ret_key->text, request->key_digest, sizeof ret_key->text);
    return true;
}

/* What was charged by a clock that is contradicted is not kept. If Redis does not reply, the next
 * admission refunds it. */
static void refund_by_wrong_clock(struct luna_admitter *admitter,
                                  const struct luna_admission_request *request)
{
    struct luna_error ignored;
    if (luna_settle_pending(admitter, request->deadline, &ignored) != LUNA_OK)
        luna_journal_page_count(luna_journal_page_of(admitter->journal), LUNA_COUNT_RETRIES);
}

void luna_admit(struct luna_admitter *admitter, const struct luna_admission_request *request,
                struct luna_admission *ret_admission)
{
    /* Large, as a command may be long: not cleared for each request. */
    struct attempt attempt;
    struct luna_admission *admission = ret_admission;
    attempt.request = request;
    memset(admission, 0, sizeof *admission);
    admission->account_id = request->account_id;
    luna_journal_page_count(luna_journal_page_of(admitter->journal), LUNA_COUNT_ADMISSIONS);
    if (!take_key(admitter, request, &attempt.key)) {
        refuse(admission, LUNA_ADMIT_KEY_INVALID);
        return;
    }
    take_earlier(admitter, request, &attempt);
    memcpy(admission->key_digest, attempt.key.text, sizeof admission->key_digest);
    if (request->account_id < 1 || request->account_id > INT32_MAX) {
        refuse(admission, LUNA_ADMIT_ACCOUNT_UNKNOWN);
        return;
    }
    if (luna_clock_fence_holds(&admitter->clocks)) {
        luna_error_set(&admission->error, LUNA_ECLOCKS,
                       "Redis's clock differed from PostgreSQL's less than a second ago");
        refuse(admission, LUNA_ADMIT_CLOCKS);
        return;
    }
    if (luna_settle_pending(admitter, request->deadline, &admission->error) != LUNA_OK) {
        refuse(admission, LUNA_ADMIT_UNAVAILABLE);
        return;
    }
    if (request->cost > 0 && luna_admitter_check_journal(admitter, &admission->error) != LUNA_OK) {
        refuse(admission, LUNA_ADMIT_UNAVAILABLE);
        return;
    }
    assert(request->stage != LUNA_STAGE_CHECK || request->cost == 0);
    prepare_idempotency(request, admission);
    admission->worker_seq = ++admitter->wseq;
    atomic_store_explicit(&luna_journal_slot_of(admitter->journal)->used_wseq, admitter->wseq,
                          memory_order_relaxed);
    prepare_command(admitter, &attempt, admission);
    if (request->cost > 0)
        luna_settle_begin(admitter, request->account_id, admission->idempotency_field);
    try_until_done(admitter, &attempt, admission);
    bool allowed =
        admission->outcome == LUNA_ADMIT_ALLOWED || admission->outcome == LUNA_ADMIT_REPLAY;
    if (allowed && request->stage != LUNA_STAGE_CHECK)
        admission->charge = LUNA_CHARGE_OUTSTANDING;
    if (admission->outcome == LUNA_ADMIT_CLOCKS) {
        refund_by_wrong_clock(admitter, request);
        return;
    }
    /* Only a reply proves that nothing is charged. Without one the slot keeps naming the charge,
     * and the next admission settles it first (I1). */
    if (request->cost > 0 && admission->cost == 0 && admission->outcome != LUNA_ADMIT_UNAVAILABLE)
        luna_settle_end(admitter);
}
