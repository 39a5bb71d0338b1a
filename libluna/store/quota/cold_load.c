/*
 * cold_load.c: brings an account into Redis that Redis does not have, once, however many workers
 * need it (I12).
 *
 *   1. Redis: take the lease. One worker holds it; taking it deletes what an earlier epoch left.
 *   2. PostgreSQL: which epoch is the last? And is the key one of the account's? If not, Redis
 *      remembers the account's keys for some seconds, and nothing is loaded.
 *   3. Redis: is the lease still ours? Then that epoch is the one of the cold account, and nobody
 *      else can have opened another meanwhile.
 *   4. If that epoch is open: raise the account's recovery counter, then read the journals (I1).
 *   5. PostgreSQL: book what the journals say and open the next epoch, by compare-and-set on the
 *      epoch seen and on Redis's incarnation (I4, I9).
 *   6. Redis: install, only if the lease is still ours. An operator's change takes the lease away,
 *      so a loader that read the state before a key was revoked cannot bring the key back (I13).
 *
 * A worker that stops anywhere loses the lease, and with it the right to install. An epoch that was
 * opened and never installed has no charges; the next loader closes it.
 */
#include "client/digest.h"
#include "journal/sums.h"
#include "luna/base/digits.h"
#include "quota/admitter.h"
#include "quota/config_keys.h"
#include "quota/period.h"
#include "quota/script_words.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { TOKEN_BYTES = 33, ABSENT_MS = 5000, KEYS_MS = 30000, ACTOR_BYTES = 128, CLOCK_COLUMN = 14 };

struct load {
    struct luna_admitter *admitter;
    int64_t account_id;
    const char *key, *earlier_key, *request_id;
    struct luna_deadline deadline;
    struct luna_quota_keys keys;
    char token[TOKEN_BYTES];
    int64_t now_ms; /* Redis's clock */
    int64_t seen_epoch;
    bool was_open;
    struct luna_error *err;
};

static enum luna_cold take_lease(struct load *load)
{
    struct luna_redis_command command;
    struct luna_reply *reply = NULL;
    unsigned char random[16];
    luna_digest_random(random, sizeof random);
    luna_hex_encode(random, sizeof random, load->token);
    luna_admitter_begin(&command, LUNA_SCRIPT_LEASE, &load->keys);
    luna_redis_arg_at(&command, LUNA_ARG(LEASE, token), load->token);
    /* So long the account answers 503 when its loader is killed. A loader that takes longer loses
     * the lease and starts again. */
    luna_redis_arg_int_at(&command, LUNA_ARG(LEASE, lease_ms),
                          load->admitter->database_timeout_ms + load->admitter->redis_timeout_ms);
    if (luna_admitter_script(load->admitter, LUNA_SCRIPT_LEASE, &command, load->deadline, &reply,
                             load->err) != LUNA_OK)
        return LUNA_COLD_FAILED;
    int64_t answer = luna_reply_int(luna_reply_at(reply, LUNA_LEASE_AT_outcome), LUNA_LEASE_BUSY);
    load->now_ms = luna_reply_int(luna_reply_at(reply, LUNA_LEASE_AT_now_ms), 0);
    luna_reply_free(reply);
    return answer == LUNA_LEASE_GRANTED  ? LUNA_COLD_ABSENT
           : answer == LUNA_LEASE_LOADED ? LUNA_COLD_LOADED
                                         : LUNA_COLD_BUSY;
}

static void start_install(const struct load *load, enum luna_script_word what,
                          struct luna_redis_command *command)
{
    assert(strlen(load->token) == TOKEN_BYTES - 1); /* take_lease() drew it */
    luna_admitter_begin(command, LUNA_SCRIPT_INSTALL, &load->keys);
    luna_redis_arg_at(command, LUNA_ARG(INSTALL, token), load->token);
    luna_redis_arg_at(command, LUNA_ARG(INSTALL, what), luna_script_word(what));
}

/* Gives up the lease. `keys`: NULL, or what Redis remembers for `life_ms`: the account's keys, ""
 * for an unknown account. No effect when the lease is not ours. */
static void end_lease(struct load *load, const char *keys, int64_t life_ms)
{
    struct luna_redis_command command;
    struct luna_reply *reply = NULL;
    struct luna_error ignored;
    assert((keys != NULL) == (life_ms > 0)); /* what Redis remembers expires */
    start_install(load, keys != NULL ? LUNA_WORD_INSTALL_ABSENT : LUNA_WORD_INSTALL_DROP, &command);
    luna_redis_arg_int_at(&command, LUNA_ARG(INSTALL_CASE, life_ms), life_ms);
    luna_redis_arg_at(&command, LUNA_ARG(INSTALL_CASE, keys), keys != NULL ? keys : "");
    /* If this fails, the lease expires. */
    if (luna_admitter_script(load->admitter, LUNA_SCRIPT_INSTALL, &command,
                             luna_deadline_in_ms(load->admitter->redis_timeout_ms), &reply,
                             &ignored) == LUNA_OK)
        luna_reply_free(reply);
}

static bool is_key_of(const struct load *load, const char *keys)
{
    assert(*load->key != '\0'); /* every list of keys contains "" */
    return strstr(keys, load->key) != NULL ||
           (*load->earlier_key != '\0' && strstr(keys, load->earlier_key) != NULL);
}

/* Only reads: a wrong key moves no epoch. A key that is refused here is refused by Redis next
 * time. */
static enum luna_cold read_epoch(struct load *load)
{
    struct luna_pg_params params = {.count = 0};
    struct luna_pg_result *result = NULL;
    enum luna_cold cold = LUNA_COLD_LOADED;
    luna_pg_param_int(&params, load->account_id);
    if (luna_pg_query(load->admitter->database, load->deadline,
                      "SELECT epoch, is_open, keys FROM luna_epoch_seen($1) "
                      "JOIN account_config ON account_id = $1 WHERE NOT deleted",
                      &params, &result, load->err) != LUNA_OK)
        return LUNA_COLD_FAILED;
    if (luna_pg_rows(result) != 1) {
        end_lease(load, "", ABSENT_MS);
        cold = LUNA_COLD_ABSENT;
    } else if (!is_key_of(load, luna_pg_text(result, 0, 2))) {
        const char *keys = luna_pg_text(result, 0, 2);
        end_lease(load, *keys != '\0' ? keys : "none", KEYS_MS);
        cold = LUNA_COLD_WRONG_KEY;
    } else {
        load->seen_epoch = luna_pg_int(result, 0, 0);
        load->was_open = luna_pg_bool(result, 0, 1);
    }
    luna_pg_result_free(result);
    return cold;
}

/* As lease.lua writes it, in the incarnation whose script it was. */
static bool is_ours(const struct load *load, const char *holder)
{
    static const char form[] =
#define HOLDER_PART(name, pattern, format) format
#include "quota/script_texts.def"
        ;
    char incarnation[LUNA_DECIMAL_BYTES + 1], ours[sizeof incarnation + TOKEN_BYTES];
    incarnation[luna_decimal_print(load->admitter->fence.incarnation, incarnation)] = '\0';
    int len = snprintf(ours, sizeof ours, form, incarnation, load->token);
    assert(len > 0 && (size_t)len < sizeof ours);
    return strcmp(holder, ours) == 0;
}

static enum luna_cold check_lease(struct load *load)
{
    struct luna_redis_command command;
    struct luna_reply *reply = NULL;
    assert(strlen(load->token) == TOKEN_BYTES - 1); /* "" would be equal to a lease without one */
    luna_redis_begin(&command, "GET");
    luna_redis_arg(&command, load->keys.load);
    if (luna_redis_run(load->admitter->counters, &command, load->deadline, &reply, load->err) !=
        LUNA_OK)
        return LUNA_COLD_FAILED;
    bool ours = is_ours(load, luna_reply_text(reply));
    luna_reply_free(reply);
    return ours ? LUNA_COLD_LOADED : LUNA_COLD_BUSY;
}

static enum luna_code read_journals(struct load *load, struct luna_buf *periods,
                                    struct luna_buf *units)
{
    struct luna_journal_sums sums = {.items = NULL};
    luna_pg_array_begin(periods);
    luna_pg_array_begin(units);
    if (!load->was_open)
        return LUNA_OK;
    atomic_fetch_add(
        luna_journal_page_seq(luna_journal_page_of(load->admitter->journal), load->account_id), 1);
    enum luna_code code =
        luna_journal_sums_read(load->admitter->journal_dir, load->account_id, load->seen_epoch,
                               load->deadline, &sums, load->err);
    for (size_t i = 0; i < sums.count; i++) {
        /* Another's would be booked as this account's. */
        assert(sums.items[i].account_id == load->account_id &&
               sums.items[i].epoch == load->seen_epoch);
        luna_pg_array_add(periods, sums.items[i].period_no);
        luna_pg_array_add(units, sums.items[i].units);
    }
    luna_journal_sums_done(&sums);
    return code;
}

static enum luna_code open_epoch(struct load *load, struct luna_buf *periods,
                                 struct luna_buf *units, struct luna_pg_result **ret_result)
{
    struct luna_pg_params params = {.count = 0};
    char actor[ACTOR_BYTES];
    assert(load->admitter->fence.incarnation > 0); /* the epoch is of this one */
    const char *period_array = luna_pg_array_end(periods), *unit_array = luna_pg_array_end(units);
    if (period_array == NULL || unit_array == NULL)
        return luna_error_set(load->err, LUNA_ELIMIT,
                              "the journals have too many periods of account %lld",
                              (long long)load->account_id);
    luna_pg_param_int(&params, load->account_id);
    luna_pg_param_int(&params, load->seen_epoch);
    luna_pg_param_int(&params, load->admitter->fence.incarnation);
    luna_pg_param_int(&params, load->now_ms);
    luna_pg_param_text(&params, period_array);
    luna_pg_param_text(&params, unit_array);
    bool asked = load->request_id != NULL;
    snprintf(actor, sizeof actor, "worker %s%s%s",
             luna_journal_worker_name(load->admitter->journal), asked ? ", request " : "",
             asked ? load->request_id : "");
    luna_pg_param_text(&params, actor);
    enum luna_code code = luna_pg_query(
        load->admitter->database, load->deadline,
        "SELECT epoch, quota_used, (config).quota_limit, (config).config_version, "
        "(config).disabled::int, "
        "(config).rate_per_s, (config).rate_burst, (config).points_max, (config).concurrent_max, "
        "(config).quota_period, (config).period_no, (config).period_end_ms, (config).next_end_ms, "
        "(config).keys, luna_ms(clock_timestamp()), (config).compute_ms_per_s "
        "FROM luna_epoch_next($1, $2, $3, $4, $5, $6, $7)",
        &params, ret_result, load->err);
    if (code == LUNA_OK && luna_pg_rows(*ret_result) == 1)
        luna_clocks_note_database(load->admitter->clocks.clocks,
                                  luna_pg_int(*ret_result, 0, CLOCK_COLUMN));
    return code;
}

static void add_fields(struct luna_redis_command *command, const struct luna_pg_result *result,
                       enum luna_period period)
{
    static const struct {
        enum luna_m_field field;
        int column;
    } fields[] = {{LUNA_M_epoch, 0},
                  {LUNA_M_base, 1},
                  {LUNA_M_quota_limit, 2},
                  {LUNA_M_config_version, 3},
                  {LUNA_M_off, 4},
                  {LUNA_M_rate_per_s, 5},
                  {LUNA_M_rate_burst, 6},
                  {LUNA_M_points_max, 7},
                  {LUNA_M_concurrent_max, 8},
                  {LUNA_M_period_no, 10},
                  {LUNA_M_period_end_ms, 11},
                  {LUNA_M_next_end_ms, 12},
                  {LUNA_M_compute_ms_per_s, 15}};
    static const enum luna_m_field zeros[] = {LUNA_M_charged,        LUNA_M_refunded,
                                              LUNA_M_acknowledged,   LUNA_M_acknowledged_refunds,
                                              LUNA_M_period_charged, LUNA_M_period_refunded,
                                              LUNA_M_burst_state,    LUNA_M_dirty};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        luna_redis_arg(command, luna_m_field(fields[i].field));
        luna_redis_arg(command, luna_pg_text(result, 0, fields[i].column));
    }
    for (size_t i = 0; i < sizeof zeros / sizeof zeros[0]; i++) {
        luna_redis_arg(command, luna_m_field(zeros[i]));
        luna_redis_arg(command, "0");
    }
    luna_redis_arg(command, luna_m_field(LUNA_M_period_kind));
    luna_redis_arg_int(command, (int64_t)period);
}

static enum luna_cold install(struct load *load, const struct luna_pg_result *result)
{
    struct luna_redis_command command;
    struct luna_reply *reply = NULL;
    struct luna_config_keys config_keys;
    enum luna_period period;
    if (luna_period_read(luna_pg_text(result, 0, 9), &period, load->err) != LUNA_OK)
        return LUNA_COLD_FAILED;
    if (!luna_config_keys_parse(luna_pg_text(result, 0, 13), &config_keys)) {
        luna_config_keys_done(&config_keys);
        luna_error_set(load->err, LUNA_ELIMIT, "account %lld has more than %d live keys",
                       (long long)load->account_id, LUNA_CONFIG_KEYS_MAX);
        return LUNA_COLD_FAILED;
    }
    /* Epochs only grow: an old one in Redis would be booked against a new watermark (I4). */
    assert(luna_pg_int(result, 0, 0) == load->seen_epoch + 1);
    start_install(load, LUNA_WORD_INSTALL_LIVE, &command);
    luna_redis_arg_int_at(&command, LUNA_ARG(INSTALL, left),
                          luna_pg_int(result, 0, 2) - luna_pg_int(result, 0, 1));
    luna_redis_args_from(&command, LUNA_ARG(INSTALL, fields));
    add_fields(&command, result, period);
    luna_config_keys_add(&config_keys, &command);
    /* Pinned: the epoch was opened for this incarnation. A later one has closed it already. */
    enum luna_code code = luna_admitter_script_pinned(load->admitter, LUNA_SCRIPT_INSTALL, &command,
                                                      load->deadline, &reply, load->err);
    luna_config_keys_done(&config_keys);
    if (code != LUNA_OK)
        return code == LUNA_ECONFLICT ? LUNA_COLD_BUSY : LUNA_COLD_FAILED;
    bool installed = luna_reply_int(reply, LUNA_INSTALL_LOST) == LUNA_INSTALL_INSTALLED;
    luna_reply_free(reply);
    return installed ? LUNA_COLD_LOADED : LUNA_COLD_BUSY;
}

static enum luna_cold load_epoch(struct load *load, struct luna_buf *periods,
                                 struct luna_buf *units)
{
    struct luna_pg_result *result = NULL;
    enum luna_code code = read_journals(load, periods, units);
    if (code == LUNA_OK)
        code = open_epoch(load, periods, units, &result);
    if (code == LUNA_ECONFLICT) { /* another epoch or incarnation: start again */
        load->admitter->fence.incarnation = 0;
        return LUNA_COLD_BUSY;
    }
    if (code != LUNA_OK)
        return LUNA_COLD_FAILED;
    enum luna_cold cold = luna_pg_rows(result) == 1 ? install(load, result) : LUNA_COLD_BUSY;
    luna_pg_result_free(result);
    return cold;
}

static enum luna_cold load_leased(struct load *load)
{
    enum luna_cold cold = read_epoch(load);
    if (cold == LUNA_COLD_LOADED)
        cold = check_lease(load);
    if (cold != LUNA_COLD_LOADED)
        return cold;
    struct luna_buf periods, units;
    luna_buf_init(&periods, 1 << 20);
    luna_buf_init(&units, 1 << 20);
    cold = load_epoch(load, &periods, &units);
    luna_buf_done(&periods);
    luna_buf_done(&units);
    return cold;
}

enum luna_cold luna_cold_load(struct luna_admitter *admitter, int64_t account_id, const char *key,
                              const char *earlier_key, const char *request_id,
                              struct luna_deadline deadline, struct luna_error *err)
{
    struct load load = {.admitter = admitter,
                        .account_id = account_id,
                        .key = key,
                        .earlier_key = earlier_key,
                        .request_id = request_id,
                        .deadline = deadline,
                        .err = err};
    luna_quota_keys_make(account_id, "", &load.keys);
    luna_pg_purpose(admitter->database, LUNA_PURPOSE_LOAD);
    enum luna_cold leased = take_lease(&load);
    if (leased != LUNA_COLD_ABSENT)
        return leased;
    if (!luna_clock_fence_check(&admitter->clocks, load.now_ms, deadline, err)) {
        end_lease(&load, NULL, 0);
        return LUNA_COLD_CLOCKS;
    }
    luna_journal_page_count(luna_journal_page_of(admitter->journal), LUNA_COUNT_COLD_LOADS);
    enum luna_cold cold = load_leased(&load);
    if (cold == LUNA_COLD_BUSY || cold == LUNA_COLD_FAILED)
        end_lease(&load, NULL, 0);
    return cold;
}
