#include "luna/store/booking.h"

#include "booking/booker.h"
#include "client/digest.h"
#include "journal/directory.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The leader's advisory lock: "luna" as a number, and 1. */
#define LEAD_SQL "SELECT pg_try_advisory_lock(1819635297, 1)::int"

static enum luna_code open_parts(struct luna_booker *booker,
                                 const struct luna_booker_options *options, struct luna_error *err)
{
    int dir_fd = -1;
    enum luna_code code = luna_digest_init(err);
    if (code == LUNA_OK)
        code = luna_counters_new(options->redis_url, options->redis_timeout_ms, &booker->counters,
                                 err);
    if (code == LUNA_OK)
        code = luna_database_new(options->database_url, options->database_timeout_ms,
                                 &booker->database, err);
    if (code == LUNA_OK)
        code = luna_journal_dir_open(options->journal_dir, &dir_fd, err);
    if (code == LUNA_OK) {
        code = luna_journal_dir_name(dir_fd, booker->journal_name, err);
        if (code == LUNA_OK)
            code = luna_journal_page_map(dir_fd, &booker->page, err);
        close(dir_fd);
    }
    if (code != LUNA_OK)
        return code;
    booker->journal_dir = strdup(options->journal_dir);
    return booker->journal_dir != NULL ? LUNA_OK
                                       : luna_error_set(err, LUNA_ENOMEM, "no memory for a booker");
}

enum luna_code luna_booker_new(const struct luna_booker_options *options,
                               struct luna_booker **ret_booker, struct luna_error *err)
{
    if (options->batch_accounts_max < 1 || options->batch_accounts_max > 5000)
        return luna_error_set(err, LUNA_EINVAL,
                              "a batch of %d accounts is outside the range 1 to 5000",
                              options->batch_accounts_max);
    struct luna_booker *booker = calloc(1, sizeof *booker);
    if (booker == NULL)
        return luna_error_set(err, LUNA_ENOMEM, "no memory for a booker");
    enum luna_code code = open_parts(booker, options, err);
    if (code != LUNA_OK) {
        luna_booker_free(booker);
        return code;
    }
    luna_counters_meter(booker->counters, options->meter, LUNA_PURPOSE_CHECK);
    luna_database_meter(booker->database, options->meter, LUNA_PURPOSE_LEAD);
    booker->redis_timeout_ms = options->redis_timeout_ms;
    booker->batch_accounts_max = options->batch_accounts_max;
    booker->unsafe_redis = options->unsafe_redis;
    booker->durability = options->durability;
    booker->between_batches = options->between_batches;
    booker->between_context = options->between_context;
    char host[64] = "";
    gethostname(host, sizeof host - 1);
    snprintf(booker->actor, sizeof booker->actor, "quota-syncd %s:%ld", host, (long)getpid());
    *ret_booker = booker;
    return LUNA_OK;
}

void luna_booker_free(struct luna_booker *booker)
{
    if (booker == NULL)
        return;
    luna_counters_free(booker->counters);
    luna_database_free(booker->database);
    luna_journal_page_unmap(booker->page);
    free(booker->journal_dir);
    free(booker);
}

bool luna_booker_between_batches(const struct luna_booker *booker)
{
    return booker->between_batches == NULL || booker->between_batches(booker->between_context);
}

struct luna_deadline luna_booker_redis_deadline(const struct luna_booker *booker)
{
    assert(booker->redis_timeout_ms > 0);
    return luna_deadline_in_ms(booker->redis_timeout_ms);
}

void luna_booker_purpose(struct luna_booker *booker, enum luna_purpose purpose)
{
    luna_redis_purpose(booker->counters, purpose);
    luna_pg_purpose(booker->database, purpose);
}

enum luna_code luna_booker_check(const struct luna_booker *booker, struct luna_error *err)
{
    if (booker->term == 0 || booker->lead_generation != luna_pg_generation(booker->database) ||
        luna_pg_fd(booker->database) < 0)
        return luna_error_set(err, LUNA_ECONFLICT,
                              "the database session with the leader's lock is lost");
    return LUNA_OK;
}

enum luna_code luna_booker_load_script(struct luna_booker *booker, enum luna_script script,
                                       int64_t incarnation, char ret_sha[LUNA_SCRIPT_SHA_BYTES],
                                       struct luna_error *err)
{
    struct luna_redis_command command;
    struct luna_reply *reply = NULL;
    struct luna_buf text;
    const struct luna_script_head head = {.incarnation = incarnation,
                                          .durability = booker->durability,
                                          .term = booker->term,
                                          .loading = booker->loading};
    assert(luna_script_is_fenced(script) == (incarnation > 0));
    assert(incarnation == 0 || (booker->term > 0 && booker->loading > 0));
    luna_buf_init(&text, LUNA_SCRIPT_BYTES_MAX);
    luna_script_text(script, incarnation > 0 ? &head : NULL, &text);
    if (text.overflow) {
        luna_buf_done(&text);
        return luna_error_set(err, LUNA_ENOMEM, "no memory for the script \"%s\"",
                              luna_script_name(script));
    }
    luna_redis_begin(&command, "SCRIPT");
    luna_redis_arg(&command, "LOAD");
    luna_redis_arg(&command, text.data);
    enum luna_code code =
        luna_redis_run(booker->counters, &command, luna_booker_redis_deadline(booker), &reply, err);
    luna_buf_done(&text);
    if (code != LUNA_OK)
        return code;
    snprintf(ret_sha, LUNA_SCRIPT_SHA_BYTES, "%s", luna_reply_text(reply));
    luna_reply_free(reply);
    return LUNA_OK;
}

enum luna_code luna_booker_flush_scripts(struct luna_booker *booker, struct luna_error *err)
{
    struct luna_redis_command command;
    struct luna_reply *reply = NULL;
    luna_redis_begin(&command, "SCRIPT");
    luna_redis_arg(&command, "FLUSH");
    luna_redis_arg(&command, "SYNC");
    enum luna_code code =
        luna_redis_run(booker->counters, &command, luna_booker_redis_deadline(booker), &reply, err);
    if (code != LUNA_OK)
        return code;
    booker->ack_sha[0] = booker->reap_sha[0] = '\0';
    luna_reply_free(reply);
    return LUNA_OK;
}

enum luna_code luna_booker_query_int(struct luna_booker *booker, const char *sql,
                                     const struct luna_pg_params *params, int64_t *ret_value,
                                     struct luna_error *err)
{
    struct luna_pg_result *result = NULL;
    enum luna_code code = luna_pg_query(booker->database, luna_pg_deadline(booker->database), sql,
                                        params, &result, err);
    if (code != LUNA_OK)
        return code;
    if (luna_pg_rows(result) == 1)
        *ret_value = luna_pg_int(result, 0, 0);
    else
        code = luna_error_set(err, LUNA_EPROTOCOL, "PostgreSQL returned no row");
    luna_pg_result_free(result);
    return code;
}

static enum luna_code become_leader(struct luna_booker *booker, bool *ret_leading,
                                    struct luna_error *err)
{
    struct luna_pg_params params = {.count = 0};
    int64_t got = 0;
    booker->term = 0;
    booker->incarnation = 0;
    enum luna_code code = luna_booker_query_int(booker, LEAD_SQL, NULL, &got, err);
    if (code != LUNA_OK || got == 0) {
        if (code == LUNA_OK)
            *ret_leading = false;
        return code;
    }
    uint64_t generation = luna_pg_generation(booker->database);
    int64_t term = 0;
    luna_pg_param_text(&params, booker->actor);
    code = luna_booker_query_int(booker, "SELECT luna_term_take($1)", &params, &term, err);
    if (code == LUNA_OK && generation != luna_pg_generation(booker->database))
        code = luna_error_set(err, LUNA_EUNAVAILABLE,
                              "PostgreSQL: the session was lost while taking the term");
    if (code != LUNA_OK)
        return code;
    assert(term > 0 && generation > 0);
    booker->term = term;
    booker->lead_generation = generation;
    *ret_leading = true;
    return LUNA_OK;
}

enum luna_code luna_booking_lead(struct luna_booker *booker, bool *ret_leading, int64_t *ret_term,
                                 struct luna_error *err)
{
    struct luna_error ignored;
    bool leading = luna_booker_check(booker, &ignored) == LUNA_OK;
    luna_booker_purpose(booker, LUNA_PURPOSE_LEAD);
    if (leading) {
        /* The lock is ours as long as the session lives; but a term can be taken without it
         * (I10). */
        int64_t term = 0;
        enum luna_code code =
            luna_booker_query_int(booker, "SELECT term FROM syncd_leader", NULL, &term, err);
        if (code != LUNA_OK)
            return code;
        leading = term == booker->term && luna_booker_check(booker, &ignored) == LUNA_OK;
    }
    if (!leading) {
        enum luna_code code = become_leader(booker, &leading, err);
        if (code != LUNA_OK)
            return code;
    }
    assert(!leading || booker->term > 0);
    *ret_leading = leading;
    *ret_term = booker->term;
    return LUNA_OK;
}

enum luna_code luna_booking_ask_clocks(struct luna_booker *booker, int64_t offset_max_ms,
                                       struct luna_booking_clocks *ret_clocks,
                                       struct luna_error *err)
{
    struct luna_clocks *clocks = &booker->clocks;
    int64_t redis_ms = 0;
    assert(offset_max_ms > 0); /* two clocks are never equal to the millisecond */
    enum luna_code code =
        luna_clocks_ask_database(clocks, booker->database, luna_pg_deadline(booker->database), err);
    if (code == LUNA_OK)
        code = luna_clocks_ask_redis(clocks, booker->counters, luna_booker_redis_deadline(booker),
                                     &redis_ms, err);
    if (code != LUNA_OK)
        return code;
    *ret_clocks =
        (struct luna_booking_clocks){.redis_offset_ms = atomic_load(&clocks->redis_offset_ms),
                                     .database_offset_ms = atomic_load(&clocks->database_offset_ms),
                                     .agree = luna_clocks_agree(clocks, redis_ms, offset_max_ms)};
    booker->clocks_agree = ret_clocks->agree;
    return LUNA_OK;
}

static enum luna_code ensure_listening(struct luna_booker *booker, struct luna_error *err)
{
    if (booker->listen_generation == luna_pg_generation(booker->database) &&
        luna_pg_fd(booker->database) >= 0)
        return LUNA_OK;
    enum luna_code code = luna_pg_script(booker->database, luna_pg_deadline(booker->database),
                                         "LISTEN luna_quota", err);
    if (code == LUNA_OK)
        booker->listen_generation = luna_pg_generation(booker->database);
    return code;
}

int luna_booking_wait_fd(const struct luna_booker *booker)
{
    return luna_pg_fd(booker->database);
}

enum luna_code luna_booking_wait(struct luna_booker *booker, int timeout_ms, bool *ret_hint,
                                 struct luna_error *err)
{
    bool hint = false;
    assert(timeout_ms >= 0); /* below 0, poll() has no timeout */
    enum luna_code code = ensure_listening(booker, err);
    if (code != LUNA_OK)
        return code;
    /* A NOTIFY that came with an earlier reply is inside libpq already: poll(2) does not see it. */
    code = luna_pg_take_notifies(booker->database, &hint, err);
    struct pollfd item = {.fd = luna_pg_fd(booker->database), .events = POLLIN};
    if (code == LUNA_OK && !hint && poll(&item, 1, timeout_ms) > 0)
        code = luna_pg_take_notifies(booker->database, &hint, err);
    if (code == LUNA_OK)
        *ret_hint = hint;
    return code;
}
