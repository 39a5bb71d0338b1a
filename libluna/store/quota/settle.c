/*
 * settle.c: the second half of a charge: commit, reduce, refund, and the refund of what a killed
 * predecessor left outstanding.
 */
#include "quota/admitter.h"
#include "quota/script_words.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define WSEQ_MAX ((int64_t)1 << 53) /* as far as the scripts can count */

enum { IDEMPOTENCY_LIFE_MS = 24 * 3600 * 1000, COMMIT_TRIES_MAX = 4 };

void luna_settle_begin(struct luna_admitter *admitter, int64_t account_id,
                       const char *idempotency_field)
{
    struct luna_journal_slot *slot = luna_journal_slot_of(admitter->journal);
    /* A slot remembers one charge: after a kill, a second could not be refunded (I1). */
    assert(atomic_load(&slot->wseq) == 0);
    assert(account_id > 0 && admitter->wseq > luna_journal_last_wseq(admitter->journal));
    slot->account_id = account_id;
    snprintf(slot->idempotency_field, sizeof slot->idempotency_field, "%s", idempotency_field);
    atomic_store(&slot->wseq, admitter->wseq);
}

void luna_settle_end(struct luna_admitter *admitter)
{
    atomic_store(&luna_journal_slot_of(admitter->journal)->wseq, 0);
}

/* In strict mode a slot may be older than Redis, after a power loss: what a predecessor confirmed
 * there may have been answered. */
static bool keeps_confirmed(const struct luna_admitter *admitter, int64_t wseq)
{
    return admitter->durability == LUNA_DURABILITY_STRICT && wseq == admitter->inherited_wseq;
}

/* Refunds charge `wseq` if it was made, and makes sure that it cannot be made any more. */
static enum luna_code refund_number(struct luna_admitter *admitter, int64_t account_id,
                                    int64_t wseq, const char *field, struct luna_deadline deadline,
                                    struct luna_error *err)
{
    struct luna_quota_keys keys;
    struct luna_redis_command command;
    struct luna_reply *reply = NULL;
    assert(wseq > 0); /* 0: no charge */
    luna_quota_keys_make(account_id, field, &keys);
    luna_admitter_begin(&command, LUNA_SCRIPT_REFUND, &keys);
    luna_redis_arg_at(&command, LUNA_ARG(REFUND, worker),
                      luna_journal_worker_name(admitter->journal));
    luna_redis_arg_int_at(&command, LUNA_ARG(REFUND, wseq), wseq);
    luna_redis_arg_at(&command, LUNA_ARG(REFUND, which),
                      luna_script_word(keeps_confirmed(admitter, wseq) ? LUNA_WORD_REFUND_PENDING
                                                                       : LUNA_WORD_REFUND_ANY));
    enum luna_code code =
        luna_admitter_script(admitter, LUNA_SCRIPT_REFUND, &command, deadline, &reply, err);
    if (code == LUNA_OK)
        luna_reply_free(reply);
    return code;
}

enum luna_code luna_settle_pending(struct luna_admitter *admitter, struct luna_deadline deadline,
                                   struct luna_error *err)
{
    struct luna_journal_slot *slot = luna_journal_slot_of(admitter->journal);
    int64_t wseq = atomic_load(&slot->wseq);
    if (wseq == 0)
        return LUNA_OK;
    /* A page that was damaged names no charge. */
    if (wseq < 0 || wseq > WSEQ_MAX || slot->account_id < 1 || slot->account_id > INT32_MAX) {
        luna_settle_end(admitter);
        return LUNA_OK;
    }
    /* A charge whose record was written is a success, even if its worker was killed before it could
     * clear the slot (I1). */
    if (wseq != luna_journal_last_wseq(admitter->journal)) {
        char field[sizeof slot->idempotency_field];
        snprintf(field, sizeof field, "%.*s", (int)sizeof field - 1, slot->idempotency_field);
        enum luna_code code = refund_number(admitter, slot->account_id, wseq, field, deadline, err);
        if (code != LUNA_OK)
            return code;
    }
    if (admitter->wseq < wseq)
        admitter->wseq = wseq;
    luna_settle_end(admitter);
    return LUNA_OK;
}

/* The units that are charged now; LUNA_REDUCE_VOID when none are, or when there is no reply. */
static int64_t reduce_in_redis(struct luna_admitter *admitter, struct luna_admission *admission,
                               int64_t units)
{
    struct luna_quota_keys keys;
    struct luna_redis_command command;
    struct luna_reply *reply = NULL;
    struct luna_deadline deadline = luna_deadline_in_ms(2 * (int64_t)admitter->redis_timeout_ms);
    assert(units > 0 && units < admission->cost);
    if (admission->incarnation != admitter->fence.incarnation)
        return LUNA_REDUCE_VOID;
    luna_quota_keys_make(admission->account_id, "", &keys);
    luna_admitter_begin(&command, LUNA_SCRIPT_REDUCE, &keys);
    luna_redis_arg_at(&command, LUNA_ARG(REDUCE, worker),
                      luna_journal_worker_name(admitter->journal));
    luna_redis_arg_int_at(&command, LUNA_ARG(REDUCE, wseq), admission->worker_seq);
    luna_redis_arg_int_at(&command, LUNA_ARG(REDUCE, units), units);
    if (luna_admitter_script_pinned(admitter, LUNA_SCRIPT_REDUCE, &command, deadline, &reply,
                                    &admission->error) != LUNA_OK)
        return LUNA_REDUCE_VOID;
    int64_t stands = luna_reply_int(reply, LUNA_REDUCE_VOID);
    luna_reply_free(reply);
    return stands;
}

static void add_answer(const struct luna_admitter *admitter, const struct luna_admission *admission,
                       struct luna_redis_command *command)
{
    enum { ACCOUNTS_SHARE = 16 };
    const struct luna_answer *answer = &admission->to_keep;
    bool keeps = answer->len > 0 && answer->len <= LUNA_ANSWER_BYTES_MAX &&
                 admission->idempotency_field[0] != '\0' && !admission->unfinished;
    luna_redis_arg_bytes_at(command, LUNA_ARG(FINISH, answer), keeps ? answer->bytes : "",
                            keeps ? answer->len : 0);
    luna_redis_arg_int_at(command, LUNA_ARG(FINISH, account_bytes_max),
                          admitter->answer_bytes_max / ACCOUNTS_SHARE);
    luna_redis_arg_int_at(command, LUNA_ARG(FINISH, all_bytes_max), admitter->answer_bytes_max);
}

enum standing { STANDS, VOID, UNKNOWN };

static enum standing void_since(struct luna_error *err)
{
    luna_error_set(err, LUNA_ECONFLICT,
                   "Redis restarted, or the account was loaded again, since the charge");
    return VOID;
}

/* Does the charge still stand in the epoch and incarnation that are current? finish.lua also
 * releases the concurrent slot and makes the idempotency record final; in strict mode it confirms
 * the charge, which is otherwise refunded when its request's time is over. */
static enum standing ask_standing(struct luna_admitter *admitter,
                                  const struct luna_admission *admission,
                                  struct luna_deadline deadline, struct luna_error *err)
{
    struct luna_quota_keys keys;
    struct luna_redis_command command;
    struct luna_reply *reply = NULL;
    assert(admission->worker_seq > 0 && admission->cost >= 0);
    if (admission->incarnation != admitter->fence.incarnation)
        return void_since(err);
    luna_quota_keys_make(admission->account_id, admission->idempotency_field, &keys);
    luna_admitter_begin(&command, LUNA_SCRIPT_FINISH, &keys);
    luna_redis_arg_at(&command, LUNA_ARG(FINISH, worker),
                      luna_journal_worker_name(admitter->journal));
    luna_redis_arg_int_at(&command, LUNA_ARG(FINISH, wseq), admission->worker_seq);
    luna_redis_arg_int_at(&command, LUNA_ARG(FINISH, epoch), admission->epoch);
    luna_redis_arg_at(&command, LUNA_ARG(FINISH, body_hash), admission->body_hash);
    luna_redis_arg_int_at(&command, LUNA_ARG(FINISH, record_life_ms), IDEMPOTENCY_LIFE_MS);
    luna_redis_arg_int_at(&command, LUNA_ARG(FINISH, cost), admission->cost);
    add_answer(admitter, admission, &command);
    luna_redis_arg_int_at(&command, LUNA_ARG(FINISH, unfinished),
                          admission->unfinished && admission->cost > 0);
    enum luna_code code =
        luna_admitter_script_pinned(admitter, LUNA_SCRIPT_FINISH, &command, deadline, &reply, err);
    if (code != LUNA_OK)
        return code == LUNA_ECONFLICT ? void_since(err) : UNKNOWN;
    bool stands = luna_reply_int(reply, LUNA_FINISH_VOID) == LUNA_FINISH_STANDS;
    luna_reply_free(reply);
    return stands ? STANDS : void_since(err);
}

/* A replay has no charge, but may be one of the plan's concurrent requests. */
static bool is_replay(const struct luna_admission *admission)
{
    return admission->outcome == LUNA_ADMIT_REPLAY;
}

/* Makes the record of a request without a charge final. It ends a concurrent request, if this is
 * one. */
static void end_uncharged(struct luna_admitter *admitter, struct luna_admission *admission)
{
    struct luna_deadline deadline = luna_deadline_in_ms(admitter->redis_timeout_ms);
    bool records = admission->idempotency_field[0] != '\0' && !is_replay(admission);
    assert(admission->cost == 0); /* a charge needs its record: commit() */
    if (!admission->holds_slot && !records)
        return;
    if (!records)
        admission->body_hash[0] = '\0'; /* the record of the first request stays as it is */
    if (ask_standing(admitter, admission, deadline, &admission->error) == UNKNOWN)
        luna_journal_page_count(luna_journal_page_of(admitter->journal), LUNA_COUNT_RETRIES);
}

/* The request without a charge failed: the next with its Idempotency-Key is a new one. */
static void drop_uncharged(struct luna_admitter *admitter, struct luna_admission *admission)
{
    struct luna_deadline deadline = luna_deadline_in_ms(admitter->redis_timeout_ms);
    assert(admission->cost == 0); /* a charge is refunded by the slot's name for it */
    if (admission->idempotency_field[0] == '\0' || is_replay(admission)) {
        end_uncharged(admitter, admission);
        return;
    }
    if (refund_number(admitter, admission->account_id, admission->worker_seq,
                      admission->idempotency_field, deadline, &admission->error) != LUNA_OK)
        luna_journal_page_count(luna_journal_page_of(admitter->journal), LUNA_COUNT_RETRIES);
}

/* Nothing stays charged. While Redis is unavailable the slot keeps naming the charge, and the next
 * admission refunds it first. */
static void give_up(struct luna_admitter *admitter, struct luna_admission *admission)
{
    struct luna_error ignored;
    if (admission->cost == 0) {
        drop_uncharged(admitter, admission);
        return;
    }
    admission->cost = 0;
    if (luna_settle_pending(admitter, luna_deadline_in_ms(admitter->redis_timeout_ms), &ignored) !=
        LUNA_OK)
        luna_journal_page_count(luna_journal_page_of(admitter->journal), LUNA_COUNT_RETRIES);
}

void luna_admission_refund(struct luna_admitter *admitter, struct luna_admission *admission)
{
    assert(admission->charge == LUNA_CHARGE_OUTSTANDING);
    give_up(admitter, admission);
    admission->charge = LUNA_CHARGE_REFUNDED;
}

static enum luna_commit void_charge(struct luna_admitter *admitter,
                                    struct luna_admission *admission)
{
    luna_journal_page_count(luna_journal_page_of(admitter->journal), LUNA_COUNT_VOIDED);
    luna_admission_refund(admitter, admission);
    return LUNA_COMMIT_VOID;
}

void luna_admission_spend(struct luna_admitter *admitter, const struct luna_admission *admission,
                          int64_t cpu_ms)
{
    struct luna_quota_keys keys;
    struct luna_redis_command command;
    struct luna_reply *reply = NULL;
    struct luna_error ignored;
    assert(cpu_ms > 0 && admission->compute_ms_per_s > 0);
    if (admission->incarnation != admitter->fence.incarnation)
        return;
    luna_quota_keys_make(admission->account_id, "", &keys);
    luna_admitter_begin(&command, LUNA_SCRIPT_SPEND, &keys);
    luna_redis_arg_int_at(&command, LUNA_ARG(SPEND, cpu_ms), cpu_ms);
    if (luna_admitter_script_pinned(admitter, LUNA_SCRIPT_SPEND, &command,
                                    luna_deadline_in_ms(admitter->redis_timeout_ms), &reply,
                                    &ignored) == LUNA_OK)
        luna_reply_free(reply);
}

enum luna_commit luna_admission_reduce(struct luna_admitter *admitter,
                                       struct luna_admission *admission, int64_t units)
{
    int64_t charged = admission->cost;
    assert(admission->charge == LUNA_CHARGE_OUTSTANDING && units >= 0);
    if (units >= charged)
        return LUNA_COMMIT_OK;
    if (units == 0) {
        give_up(admitter, admission);
    } else {
        int64_t stands = reduce_in_redis(admitter, admission, units);
        /* Unknown, void, or more than before: the slot still names the whole charge. */
        if (stands < 0 || stands > charged)
            return void_charge(admitter, admission);
        admission->cost = stands;
    }
    admission->quota_remaining += charged - admission->cost;
    return LUNA_COMMIT_OK;
}

static enum luna_commit commit(struct luna_admitter *admitter, struct luna_admission *admission)
{
    struct luna_journal_page *page = luna_journal_page_of(admitter->journal);
    struct luna_deadline deadline = luna_deadline_in_ms(2 * (int64_t)admitter->redis_timeout_ms);
    struct luna_journal_record record = {.account_id = admission->account_id,
                                         .epoch = admission->epoch,
                                         .charged_total = admission->charged_total,
                                         .cost = admission->cost,
                                         .period_no = admission->period_no,
                                         .wseq = admission->worker_seq,
                                         .at_ms = luna_clock_wall_ms()};
    uint64_t seq = (uint64_t)admission->recovery_seq;
    bool strict = admitter->durability == LUNA_DURABILITY_STRICT;
    bool must_ask = strict || admission->holds_slot || admission->idempotency_field[0] != '\0';
    for (int i = 0; i < COMMIT_TRIES_MAX; i++) {
        if (must_ask && ask_standing(admitter, admission, deadline, &admission->error) != STANDS)
            return void_charge(admitter, admission);
        enum luna_append append =
            luna_journal_append(admitter->journal, &record, seq, deadline, &admission->error);
        /* In strict mode Redis has the charge on its disk as confirmed: the record is a spare. */
        if (append == LUNA_APPEND_OK || (strict && append == LUNA_APPEND_FAILED)) {
            luna_settle_end(admitter);
            return LUNA_COMMIT_OK;
        }
        if (append == LUNA_APPEND_FAILED)
            return void_charge(admitter, admission);
        seq = atomic_load(luna_journal_page_seq(page, admission->account_id));
        /* A recovery has started to read the journals, maybe without this record: ask (I1). */
        must_ask = true;
    }
    return void_charge(admitter, admission);
}

enum luna_commit luna_admission_commit(struct luna_admitter *admitter,
                                       struct luna_admission *admission)
{
    assert(admission->charge == LUNA_CHARGE_OUTSTANDING);
    enum luna_commit outcome = LUNA_COMMIT_OK;
    if (admission->cost > 0) {
        /* The slot names the charge that the record makes final. */
        assert(atomic_load(&luna_journal_slot_of(admitter->journal)->wseq) ==
               admission->worker_seq);
        outcome = commit(admitter, admission);
    } else {
        end_uncharged(admitter, admission);
    }
    if (outcome == LUNA_COMMIT_OK)
        admission->charge = LUNA_CHARGE_COMMITTED;
    return outcome;
}
