#include "round.h"

#include "luna/base/clock.h"
#include "luna/base/log.h"
#include "luna/store/booking.h"
#include "luna/store/database.h"
#include "luna/store/migrate.h"

#include <stdlib.h>
#include <string.h>

enum {
    HOUSEKEEPING_EVERY_MS = 60000,
    KEY_USES_EVERY_MS = 10000,
    REDIS_MEMORY_EVERY_MS = 10000,
    CONSERVATION_EVERY_MS = 5000,
    CONSERVATION_ACCOUNTS_MAX = 1000 /* a sample that costs a few milliseconds */
};

struct round {
    const struct syncd_config *config;
    struct syncd_metrics *metrics;
    round_pause pause;
    void *context;
    struct luna_booker *booker;
    bool schema_checked;
    bool prepared; /* Redis was checked; reset by any failure */
    int64_t housekeeping_due_ms;
    int64_t redis_memory_due_ms;
    int64_t key_uses_due_ms;
    int64_t conservation_due_ms;
    int64_t refused_account; /* the last one logged */
    bool conservation_broken;
    bool clocks_disagree;
};

static int64_t now_ms(void)
{
    return luna_clock_mono_ns() / 1000000;
}

static enum luna_code new_booker(const struct round *round, const struct syncd_config *config,
                                 struct luna_booker **ret_booker, struct luna_error *err)
{
    struct luna_booker_options options = {.redis_url = config->redis_url,
                                          .database_url = config->database_url,
                                          .journal_dir = config->state_dir,
                                          .durability = (enum luna_durability)config->durability,
                                          .redis_timeout_ms = (int)config->redis_timeout_ms,
                                          .database_timeout_ms = (int)config->database_timeout_ms,
                                          .batch_accounts_max = (int)config->batch_accounts,
                                          .unsafe_redis = config->allow_unsafe_redis,
                                          .between_batches = round->pause,
                                          .between_context = round->context,
                                          .meter = &round->metrics->stores};
    enum luna_code code = luna_booker_new(&options, ret_booker, err);
    /* nothing is connected yet, so it can only be the directory of the journals */
    if (code == LUNA_EIO) {
        luna_error_wrap(err, "LUNA_STATE_DIR");
        code = LUNA_ECONFIG;
    }
    return code;
}

enum luna_code round_new(const struct syncd_config *config, struct syncd_metrics *metrics,
                         round_pause pause, void *context, struct round **ret_round,
                         struct luna_error *err)
{
    struct round *round = calloc(1, sizeof *round);
    if (!round)
        return luna_error_set(err, LUNA_ENOMEM, "out of memory");
    *round =
        (struct round){.config = config, .metrics = metrics, .pause = pause, .context = context};
    enum luna_code code = new_booker(round, config, &round->booker, err);
    if (code != LUNA_OK) {
        round_free(round);
        return code;
    }
    *ret_round = round;
    return LUNA_OK;
}

void round_free(struct round *round)
{
    if (!round)
        return;
    luna_booker_free(round->booker);
    free(round);
}

/* A schema that this build is not compatible with could be misread. */
static enum luna_code check_schema(const struct syncd_config *config, struct luna_error *err)
{
    struct luna_database *database = NULL;
    enum luna_code code =
        luna_database_new(config->database_url, (int)config->database_timeout_ms, &database, err);
    if (code == LUNA_OK)
        code = luna_migrate_check(database, err);
    luna_database_free(database);
    return code;
}

static bool same_stores(const struct syncd_config *a, const struct syncd_config *b)
{
    return strcmp(a->redis_url, b->redis_url) == 0 &&
           strcmp(a->database_url, b->database_url) == 0 &&
           a->redis_timeout_ms == b->redis_timeout_ms &&
           a->database_timeout_ms == b->database_timeout_ms &&
           a->batch_accounts == b->batch_accounts;
}

enum luna_code round_reload(struct round *round, const struct syncd_config *fresh,
                            struct luna_error *err)
{
    struct luna_booker *booker = NULL;
    if (same_stores(round->config, fresh))
        return LUNA_OK;
    enum luna_code code = new_booker(round, fresh, &booker, err);
    if (code == LUNA_OK)
        code = luna_booking_check_redis(booker, err);
    if (code == LUNA_OK)
        code = check_schema(fresh, err);
    if (code != LUNA_OK) {
        luna_booker_free(booker);
        return code;
    }
    luna_booker_free(round->booker);
    round->booker = booker;
    round->prepared = false;
    return LUNA_OK;
}

static enum luna_code ask_clocks(struct round *round, struct luna_error *err)
{
    struct luna_booking_clocks clocks;
    struct syncd_metrics *metrics = round->metrics;
    enum luna_code code =
        luna_booking_ask_clocks(round->booker, round->config->clock_offset_max_ms, &clocks, err);
    if (code != LUNA_OK)
        return code;
    metrics->clock_redis_offset_ms = clocks.redis_offset_ms;
    metrics->clock_database_offset_ms = clocks.database_offset_ms;
    metrics->clocks_disagree = !clocks.agree;
    if (round->clocks_disagree != !clocks.agree)
        luna_log(clocks.agree ? LUNA_LOG_INFO : LUNA_LOG_ERROR,
                 clocks.agree ? "clocks_agree" : "clocks_disagree",
                 LUNA_LOG_I("redis_offset_ms", clocks.redis_offset_ms),
                 LUNA_LOG_I("database_offset_ms", clocks.database_offset_ms));
    round->clocks_disagree = !clocks.agree;
    return LUNA_OK;
}

static enum luna_code fence(struct round *round, struct luna_error *err)
{
    struct luna_fence_report report;
    enum luna_code code = luna_booking_fence(round->booker, &report, err);
    if (code != LUNA_OK)
        return code;
    round->metrics->incarnation = report.incarnation;
    if (report.fenced) {
        round->metrics->conservation_stale = 1;
        round->metrics->fences_total++;
        round->metrics->accounts_recovered_total += report.accounts_recovered;
        round->metrics->units_recovered_total += report.units_recovered;
        luna_log(LUNA_LOG_WARNING, "fenced", LUNA_LOG_S("reason", report.why),
                 LUNA_LOG_I("incarnation", report.incarnation),
                 LUNA_LOG_I("accounts_recovered", report.accounts_recovered),
                 LUNA_LOG_I("units_recovered", report.units_recovered));
    }
    if (report.handed_over)
        luna_log(LUNA_LOG_INFO, "scripts_handed_over",
                 LUNA_LOG_I("incarnation", report.incarnation));
    return LUNA_OK;
}

/* Bounded by one interval: changes to many accounts take several rounds, so that bookings do not
 * wait for them. */
static enum luna_code push(struct round *round, struct luna_error *err)
{
    int64_t pushed = 0, steps = 0;
    struct luna_deadline until = luna_deadline_in_ms(round->config->interval_ms);
    enum luna_code code = luna_booking_continue_plans(round->booker, until, &steps, err);
    if (code == LUNA_OK && steps > 0)
        luna_log(LUNA_LOG_INFO, "plan_continued", LUNA_LOG_I("steps", steps));
    if (code == LUNA_OK)
        code = luna_booking_push(round->booker, until, &pushed, err);
    if (code == LUNA_OK && pushed > 0) {
        round->metrics->conservation_stale = 1;
        round->metrics->changes_pushed_total += pushed;
        luna_log(LUNA_LOG_INFO, "changes_pushed", LUNA_LOG_I("changes", pushed));
    }
    return code;
}

static void report_refused(struct round *round, const struct luna_booking_report *report)
{
    round->metrics->accounts_refused_total += report->accounts_refused;
    if (report->accounts_refused > 0 && report->refused_account != round->refused_account)
        luna_log(LUNA_LOG_ERROR, "booking_refused",
                 LUNA_LOG_I("account_id", report->refused_account),
                 LUNA_LOG_S("reason", report->refused_reason));
    round->refused_account = report->refused_account;
}

static enum luna_code book(struct round *round, bool *ret_stopped, struct luna_error *err)
{
    struct luna_booking_report report;
    enum luna_code code = luna_booking_pass(round->booker, &report, err);
    if (code != LUNA_OK)
        return code;
    struct syncd_metrics *metrics = round->metrics;
    metrics->accounts_dirty = report.accounts_seen;
    if (report.accounts_seen > 0)
        metrics->conservation_stale = 1;
    metrics->accounts_booked_total += report.accounts_booked;
    metrics->accounts_dead_total += report.accounts_dead;
    metrics->units_booked_total += report.units_booked;
    metrics->periods_closed_total += report.periods_closed;
    report_refused(round, &report);
    if (report.accounts_reset > 0)
        luna_log(LUNA_LOG_WARNING, "accounts_reset", LUNA_LOG_I("accounts", report.accounts_reset),
                 LUNA_LOG_S("reason", "a period ended by a wrong clock of Redis's; the accounts "
                                      "are loaded again"));
    if (report.accounts_booked > 0)
        luna_log(LUNA_LOG_DEBUG, "booked", LUNA_LOG_I("accounts", report.accounts_booked),
                 LUNA_LOG_I("units", report.units_booked), LUNA_LOG_I("took_ms", report.lag_ms));
    *ret_stopped = report.stopped;
    return LUNA_OK;
}

static enum luna_code keep_house(struct round *round, struct luna_error *err)
{
    /* It ends periods by PostgreSQL's clock. */
    if (now_ms() < round->housekeeping_due_ms || round->clocks_disagree)
        return LUNA_OK;
    struct luna_housekeeping_report report;
    enum luna_code code = luna_booking_housekeep(round->booker, &report, err);
    if (code != LUNA_OK)
        return code;
    round->housekeeping_due_ms = now_ms() + HOUSEKEEPING_EVERY_MS;
    round->metrics->partitions_made_total += report.partitions_made;
    round->metrics->periods_closed_total += report.periods_closed;
    round->metrics->keys_expired_total += report.keys_expired;
    round->metrics->journal_bytes = report.journal_bytes;
    round->metrics->last_backup_timestamp_seconds = report.last_backup_s;
    if (report.periods_corrected > 0)
        luna_log(LUNA_LOG_WARNING, "periods_corrected",
                 LUNA_LOG_I("accounts", report.periods_corrected),
                 LUNA_LOG_S("reason", "they began in the future"));
    luna_log(LUNA_LOG_DEBUG, "housekeeping_done",
             LUNA_LOG_I("partitions_made", report.partitions_made),
             LUNA_LOG_I("periods_closed", report.periods_closed),
             LUNA_LOG_I("journal_bytes", report.journal_bytes));
    return LUNA_OK;
}

static enum luna_code measure_redis(struct round *round, struct luna_error *err)
{
    struct luna_redis_memory memory;
    if (now_ms() < round->redis_memory_due_ms)
        return LUNA_OK;
    enum luna_code code = luna_booking_redis_memory(round->booker, &memory, err);
    if (code != LUNA_OK)
        return code;
    round->redis_memory_due_ms = now_ms() + REDIS_MEMORY_EVERY_MS;
    round->metrics->redis_memory_bytes = memory.used_bytes;
    round->metrics->redis_memory_max_bytes = memory.max_bytes;
    return LUNA_OK;
}

static enum luna_code note_key_uses(struct round *round, struct luna_error *err)
{
    struct luna_key_uses uses;
    struct luna_deadline until = luna_deadline_in_ms(round->config->interval_ms);
    if (now_ms() < round->key_uses_due_ms)
        return LUNA_OK;
    enum luna_code code = luna_booking_key_uses(round->booker, until, &uses, err);
    if (code != LUNA_OK)
        return code;
    round->key_uses_due_ms = now_ms() + KEY_USES_EVERY_MS;
    round->metrics->keys_moved_total += uses.moved;
    if (uses.noted > 0)
        luna_log(LUNA_LOG_DEBUG, "key_uses_noted", LUNA_LOG_I("keys", uses.noted),
                 LUNA_LOG_I("moved", uses.moved));
    return LUNA_OK;
}

static void report_conservation(struct round *round, const struct luna_conservation *found)
{
    bool broken = found->redis_local + found->database_local + found->across > 0;
    if (broken && !round->conservation_broken)
        luna_log(
            LUNA_LOG_ERROR, "conservation_broken", LUNA_LOG_I("account_id", found->example_account),
            LUNA_LOG_I("in_redis", found->redis_local),
            LUNA_LOG_I("in_ledger", found->database_local), LUNA_LOG_I("across", found->across));
    round->conservation_broken = broken;
}

/* Every CONSERVATION_EVERY_MS, and once when the last dirty account has been booked. */
static enum luna_code check_conservation(struct round *round, struct luna_error *err)
{
    bool at_rest = round->metrics->accounts_dirty == 0 && round->metrics->conservation_stale;
    if (now_ms() < round->conservation_due_ms && !at_rest)
        return LUNA_OK;
    struct luna_conservation found;
    enum luna_code code =
        luna_booking_gauges(round->booker, CONSERVATION_ACCOUNTS_MAX, &found, err);
    if (code != LUNA_OK)
        return code;
    round->conservation_due_ms = now_ms() + CONSERVATION_EVERY_MS;
    struct syncd_metrics *metrics = round->metrics;
    metrics->conservation_stale = !at_rest;
    metrics->conservation_accounts = found.accounts_checked;
    metrics->conservation_redis_broken = found.redis_local;
    metrics->conservation_ledger_broken = found.database_local;
    metrics->conservation_total_broken = found.across;
    metrics->accounts_dirty = found.dirty_accounts;
    metrics->units_unbooked = found.unbooked_units;
    metrics->oldest_unbooked_ms = found.oldest_unbooked_ms;
    metrics->cache_hits_total = found.admissions - found.cold_loads - found.load_waits;
    metrics->cache_misses_total = found.cold_loads + found.load_waits;
    metrics->cache_loads_total = found.cold_loads;
    metrics->charges_voided_total = found.voided;
    metrics->admission_retries_total = found.retries;
    report_conservation(round, &found);
    return LUNA_OK;
}

/* Makes a new session LISTEN. Earlier notifications need no handling: this round delivers their
 * changes. */
static enum luna_code listen_for_hints(struct round *round, struct luna_error *err)
{
    bool hint = false;
    return luna_booking_wait(round->booker, 0, &hint, err);
}

/* The steps of the leader. */
static enum luna_code work(struct round *round, bool *ret_stopped, struct luna_error *err)
{
    enum luna_code code = fence(round, err);
    if (code == LUNA_OK)
        code = push(round, err);
    if (code == LUNA_OK)
        code = book(round, ret_stopped, err);
    if (code == LUNA_OK && !*ret_stopped)
        code = keep_house(round, err);
    if (code == LUNA_OK && !*ret_stopped)
        code = measure_redis(round, err);
    if (code == LUNA_OK && !*ret_stopped)
        code = note_key_uses(round, err);
    if (code == LUNA_OK && !*ret_stopped)
        code = check_conservation(round, err);
    return code;
}

enum round_outcome round_run(struct round *round, struct luna_error *err)
{
    int64_t began_ms = now_ms();
    bool leading = false;
    bool stopped = false;
    if (!round->prepared) {
        enum luna_code checked = luna_booking_check_redis(round->booker, err);
        if (checked != LUNA_OK)
            return checked == LUNA_ECONFIG ? ROUND_REFUSED : ROUND_FAILED;
        round->prepared = true;
    }
    enum luna_code code = round->schema_checked ? LUNA_OK : check_schema(round->config, err);
    round->schema_checked = code == LUNA_OK;
    if (code == LUNA_OK)
        code = luna_booking_lead(round->booker, &leading, &round->metrics->term, err);
    if (code == LUNA_OK)
        code = listen_for_hints(round, err);
    if (code == LUNA_OK)
        code = ask_clocks(round, err);
    if (code == LUNA_OK && leading)
        code = work(round, &stopped, err);
    if (code != LUNA_OK) {
        round->prepared = false;
        return ROUND_FAILED;
    }
    if (!leading)
        return ROUND_STANDBY;
    if (stopped)
        return ROUND_STOPPED;
    round->metrics->rounds_total++;
    round->metrics->round_duration_ms = now_ms() - began_ms;
    return ROUND_DONE;
}

int round_hint_fd(const struct round *round)
{
    return luna_booking_wait_fd(round->booker);
}

bool round_take_hints(struct round *round)
{
    bool hint = false;
    struct luna_error err;
    if (luna_booking_wait(round->booker, 0, &hint, &err) != LUNA_OK)
        return true;
    if (hint)
        round->metrics->hints_total++;
    return hint;
}
