#include "request/steps.h"

#include "http/rate_headers.h"
#include "luna/base/clock.h"
#include "luna/base/log.h"
#include "luna/store/key_text.h"
#include "request/fair_share.h"

#include <assert.h>
#include <string.h>

enum { IDEMPOTENCY_KEY_BYTES_MAX = 255 };

static enum problem_id problem_of(enum luna_admission_outcome outcome)
{
    switch (outcome) {
    case LUNA_ADMIT_ALLOWED:
    case LUNA_ADMIT_REPLAY:
        return PROBLEM_NONE;
    case LUNA_ADMIT_KEY_INVALID:
        return PROBLEM_KEY_INVALID;
    case LUNA_ADMIT_ACCOUNT_DISABLED:
        return PROBLEM_ACCOUNT_DISABLED;
    case LUNA_ADMIT_SCOPE_MISSING:
        return PROBLEM_SCOPE_MISSING;
    case LUNA_ADMIT_ACCOUNT_UNKNOWN:
        return PROBLEM_ACCOUNT_UNKNOWN;
    case LUNA_ADMIT_IDEMPOTENCY_BUSY:
        return PROBLEM_IDEMPOTENCY_BUSY;
    case LUNA_ADMIT_IDEMPOTENCY_MISMATCH:
        return PROBLEM_IDEMPOTENCY_MISMATCH;
    case LUNA_ADMIT_TOO_MANY_POINTS:
        return PROBLEM_TOO_MANY_POINTS;
    case LUNA_ADMIT_RATE_LIMITED:
        return PROBLEM_RATE_LIMITED;
    case LUNA_ADMIT_CONCURRENCY_LIMITED:
        return PROBLEM_CONCURRENCY_LIMITED;
    case LUNA_ADMIT_COMPUTE_LIMITED:
        return PROBLEM_COMPUTE_LIMITED;
    case LUNA_ADMIT_QUOTA_EXHAUSTED:
        return PROBLEM_QUOTA_EXHAUSTED;
    case LUNA_ADMIT_ADDRESS_REFUSED:
        return PROBLEM_ADDRESS;
    case LUNA_ADMIT_CLOCKS:
        return PROBLEM_CLOCKS;
    case LUNA_ADMIT_UNAVAILABLE:
        break;
    }
    return PROBLEM_UNAVAILABLE;
}

static bool idempotency_key_valid(const char *key)
{
    size_t len = strlen(key);
    for (size_t i = 0; i < len; i++)
        if (key[i] <= ' ' || key[i] > '~')
            return false;
    return len <= IDEMPOTENCY_KEY_BYTES_MAX;
}

/* Nothing is charged for a body that will be refused, and its Idempotency-Key is not used up. */
static void ask(struct exchange *exchange, enum luna_admission_stage stage, int64_t units)
{
    const char *api_key = exchange_api_key(exchange);
    const char *idempotency_key = exchange->request.idempotency_key;
    bool will_be_refused = exchange->complaint.id != PROBLEM_NONE;
    bool charges = !will_be_refused && stage != LUNA_STAGE_CHECK;
    bool idempotent = *idempotency_key != '\0' && charges && exchange->body_read;
    unsigned char hash[BODY_HASH_BYTES];
    if (idempotent)
        body_hash_make(&exchange->identity, hash);
    const struct luna_admission_request request = {
        .stage = stage,
        .account_id = exchange->ids.account_id,
        .api_key = api_key,
        .api_key_len = strlen(api_key),
        .key_digest = exchange->token.account_id != 0 ? exchange->token.key_digest : NULL,
        .scope = exchange->route->scope,
        .cost = charges ? units : 0,
        .points = (int64_t)exchange->points,
        .idempotency_key = idempotent ? idempotency_key : NULL,
        .idempotency_key_len = idempotent ? strlen(idempotency_key) : 0,
        .body_hash = idempotent ? hash : NULL,
        .request_id = exchange->request_id,
        .client_address = exchange->request.remote_address,
        .deadline = exchange->timing.deadline,
    };
    assert(exchange->admission.charge != LUNA_CHARGE_OUTSTANDING);
    luna_admit(exchange->pipeline->admitter, &request, &exchange->admission);
}

static bool says_limits(enum luna_admission_outcome outcome)
{
    return outcome == LUNA_ADMIT_ALLOWED || outcome == LUNA_ADMIT_REPLAY ||
           outcome == LUNA_ADMIT_RATE_LIMITED || outcome == LUNA_ADMIT_CONCURRENCY_LIMITED ||
           outcome == LUNA_ADMIT_COMPUTE_LIMITED || outcome == LUNA_ADMIT_QUOTA_EXHAUSTED;
}

static const char *policy_of(const struct luna_admission *admission)
{
    switch (admission->outcome) {
    case LUNA_ADMIT_RATE_LIMITED:
        return "burst";
    case LUNA_ADMIT_CONCURRENCY_LIMITED:
        return "concurrency";
    case LUNA_ADMIT_COMPUTE_LIMITED:
        return "compute";
    case LUNA_ADMIT_QUOTA_EXHAUSTED:
        return quota_policy_name(admission->quota_period);
    default:
        return NULL;
    }
}

static enum step_outcome refuse(struct exchange *exchange, enum problem_id id)
{
    assert(id != PROBLEM_NONE && exchange->admission.charge != LUNA_CHARGE_OUTSTANDING);
    const struct luna_admission *admission = &exchange->admission;
    struct http_response *response = &exchange->pipeline->response;
    int status = problem_row(id)->status;
    struct problem_report report = {.id = id, .violated_policy = policy_of(admission)};
    if (status == 429)
        rate_headers_retry_add(response, admission, exchange->price.units > 0);
    else if (status == 503 || id == PROBLEM_IDEMPOTENCY_BUSY)
        retry_after_add(response, admission->retry_after_ms);
    if (id == PROBLEM_TOO_MANY_POINTS)
        report.detail = luna_arena_printf(
            &exchange->pipeline->arena,
            "The series has %zu points; the account's plan allows %lld in one request.",
            exchange->points, (long long)admission->points_max);
    if (id == PROBLEM_UNAVAILABLE || id == PROBLEM_CLOCKS)
        luna_log(LUNA_LOG_WARNING, "admission_unavailable",
                 LUNA_LOG_S("request_id", exchange->request_id),
                 LUNA_LOG_I("account_id", exchange->ids.account_id),
                 LUNA_LOG_S("reason", admission->error.msg));
    return exchange_answer(exchange, &report);
}

/* A request without a charge does not show that the journal can be written again. */
static bool hides_journal(const struct exchange *exchange)
{
    return exchange->admission.cost == 0 &&
           atomic_load_explicit(&exchange->pipeline->slot->stores, memory_order_relaxed) ==
               STORES_JOURNAL;
}

/* For /readyz: the stores as this request found them. */
static void note_stores(struct exchange *exchange)
{
    enum luna_admission_outcome outcome = exchange->admission.outcome;
    if (exchange->admission.error.code == LUNA_EJOURNAL) {
        scoreboard_worker_unjournalled(exchange->pipeline->slot, luna_clock_mono_ns());
        return;
    }
    enum store_state found = outcome == LUNA_ADMIT_UNAVAILABLE ? STORES_TROUBLE
                             : outcome == LUNA_ADMIT_CLOCKS    ? STORES_CLOCKS
                                                               : STORES_OK;
    /* Other refusals may have been made without asking a store, and say nothing about them. */
    if (found != STORES_OK || (says_limits(outcome) && !hides_journal(exchange)))
        scoreboard_worker_stores(exchange->pipeline->slot, found, luna_clock_mono_ns());
}

/* A divisible request takes what is left of the quota. Not under an Idempotency-Key: a retry would
 * get the rest for nothing. */
static bool rest_is_enough(const struct exchange *exchange)
{
    const struct luna_admission *admission = &exchange->admission;
    return exchange->price.divisible && admission->outcome == LUNA_ADMIT_QUOTA_EXHAUSTED &&
           *exchange->request.idempotency_key == '\0' && admission->quota_remaining > 0 &&
           admission->quota_remaining < exchange->price.units;
}

/* For luna top: what luna key list shows of the key. */
static void note_key(const struct exchange *exchange)
{
    static const char start[] = LUNA_KEY_MARK, of_token[] = "token";
    enum { SHOWN_LEN = 16, SHOWN_OF_UUID_LEN = 8 };
    const char *key = exchange_api_key(exchange);
    struct scoreboard_worker *slot = exchange->pipeline->slot;
    int64_t account_id = exchange->ids.account_id;
    if (exchange->token.account_id != 0) {
        scoreboard_worker_key(slot, account_id, of_token, sizeof of_token - 1);
        return;
    }
    bool is_live = strncmp(key, start, sizeof start - 1) == 0;
    scoreboard_worker_key(slot, account_id, key,
                          strnlen(key, is_live ? SHOWN_LEN : SHOWN_OF_UUID_LEN));
}

static void say_limits(struct exchange *exchange)
{
    struct http_response *response = &exchange->pipeline->response;
    exchange->limits_at = response->headers.len;
    rate_headers_add(response, &exchange->admission);
    exchange->limits_end = response->headers.len;
}

/* Also of a request that was refused: its sender may wait for what the headers say. */
static enum step_outcome conclude(struct exchange *exchange)
{
    const struct luna_admission *admission = &exchange->admission;
    enum problem_id id = problem_of(admission->outcome);
    if (says_limits(admission->outcome))
        say_limits(exchange);
    return id == PROBLEM_NONE ? STEP_ON : refuse(exchange, id);
}

static void ask_and_note(struct exchange *exchange, enum luna_admission_stage stage, int64_t units)
{
    ask(exchange, stage, units);
    exchange->notes.was_cold = exchange->notes.was_cold || exchange->admission.was_cold;
    note_stores(exchange);
    if (exchange->admission.outcome == LUNA_ADMIT_ALLOWED)
        note_key(exchange);
}

static enum step_outcome admit(struct exchange *exchange)
{
    enum luna_admission_stage stage = exchange->checked ? LUNA_STAGE_CHARGE : LUNA_STAGE_WHOLE;
    ask_and_note(exchange, stage, exchange->price.units);
    if (rest_is_enough(exchange))
        ask_and_note(exchange, stage, exchange->admission.quota_remaining);
    return conclude(exchange);
}

enum step_outcome step_check(struct exchange *exchange)
{
    assert(!exchange->checked);
    ask_and_note(exchange, LUNA_STAGE_CHECK, 0);
    exchange->checked = problem_of(exchange->admission.outcome) == PROBLEM_NONE;
    if (!exchange->checked)
        return conclude(exchange);
    /* The limits of a request that goes on are in the answer to its charge. */
    if (fair_share_is_used_up(exchange) || fair_share_enter_read(exchange))
        return fair_share_refuse(exchange);
    return STEP_ON;
}

/* A body that was checked and turned out to be wrong is answered without a second round trip. */
static enum step_outcome admit_checked(struct exchange *exchange)
{
    if (exchange->complaint.id == PROBLEM_NONE)
        return admit(exchange);
    return conclude(exchange);
}

/* The first answer, byte by byte: nothing is computed. */
static enum step_outcome answer_kept(struct exchange *exchange)
{
    if (!exchange_restore_answer(exchange, &exchange->admission.kept))
        return exchange_refuse(exchange, PROBLEM_INTERNAL, NULL);
    return luna_admission_commit(exchange->pipeline->admitter, &exchange->admission) ==
                   LUNA_COMMIT_OK
               ? STEP_ANSWERED
               : exchange_refuse(exchange, PROBLEM_UNAVAILABLE, NULL);
}

enum step_outcome step_admit(struct exchange *exchange)
{
    if (!idempotency_key_valid(exchange->request.idempotency_key))
        exchange_complain(exchange, PROBLEM_IDEMPOTENCY_KEY, NULL);
    /* Said only to those who have a key, and charged nothing, like every complaint. */
    if (fair_share_is_used_up(exchange))
        exchange_complain(exchange, PROBLEM_CONCURRENCY_LIMITED, NULL);
    if ((exchange->checked ? admit_checked(exchange) : admit(exchange)) == STEP_ANSWERED)
        return STEP_ANSWERED;
    if (exchange->complaint.id == PROBLEM_CONCURRENCY_LIMITED)
        return fair_share_refuse(exchange);
    if (exchange->complaint.id != PROBLEM_NONE)
        return exchange_answer(exchange, &exchange->complaint);
    if (exchange->admission.outcome == LUNA_ADMIT_REPLAY)
        http_header_add(&exchange->pipeline->response, "Idempotent-Replayed", "true");
    if (exchange->admission.kept.len > 0)
        return answer_kept(exchange);
    /* What was charged is refunded when the request ends. */
    return fair_share_enter(exchange) ? fair_share_refuse(exchange) : STEP_ON;
}
