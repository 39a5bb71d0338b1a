#include "quota/admitter.h"

#include "client/digest.h"
#include "luna/store/pepper.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static enum luna_code open_parts(struct luna_admitter *admitter,
                                 const struct luna_admitter_options *options,
                                 struct luna_error *err)
{
    enum luna_code code = luna_digest_init(err);
    if (code == LUNA_OK)
        code = luna_counters_new(options->redis_url, options->redis_timeout_ms, &admitter->counters,
                                 err);
    if (code == LUNA_OK)
        code = luna_database_new(options->database_url, options->database_timeout_ms,
                                 &admitter->database, err);
    if (code == LUNA_OK)
        code =
            luna_journal_open(options->journal_dir, options->worker_slot, &admitter->journal, err);
    if (code != LUNA_OK)
        return code;
    admitter->journal_dir = strdup(options->journal_dir);
    if (admitter->journal_dir == NULL)
        return luna_error_set(err, LUNA_ENOMEM, "no memory for an admitter");
    return LUNA_OK;
}

/* At least every number that an earlier worker of the slot used, or its marks in Redis would refuse
 * this one's commands (I1). The page has it, whatever this host's clock says or said then. After a
 * power loss the page may be older: an earlier worker used fewer than one number per microsecond,
 * so the clock is above it. If the clock went back as well, the last record is the best there
 * is. */
static int64_t last_used_wseq(struct luna_journal *journal)
{
    const int64_t start_max = (int64_t)1 << 52; /* in 2112: beyond is a wrong clock, or damage */
    const int64_t known[] = {atomic_load(&luna_journal_slot_of(journal)->used_wseq),
                             luna_clock_wall_ms() * 1000};
    int64_t last = luna_journal_last_wseq(journal);
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i] > last && known[i] <= start_max)
            last = known[i];
    return last;
}

enum luna_code luna_admitter_new(const struct luna_admitter_options *options,
                                 struct luna_admitter **ret_admitter, struct luna_error *err)
{
    if (options->pepper == NULL || options->pepper_len < LUNA_PEPPER_BYTES_MIN)
        return luna_error_set(err, LUNA_ECONFIG, "the key pepper must have %d bytes or more",
                              LUNA_PEPPER_BYTES_MIN);
    struct luna_admitter *admitter = calloc(1, sizeof *admitter);
    if (admitter == NULL)
        return luna_error_set(err, LUNA_ENOMEM, "no memory for an admitter");
    luna_buf_init(&admitter->answer, LUNA_ANSWER_BYTES_MAX);
    enum luna_code code = open_parts(admitter, options, err);
    if (code != LUNA_OK) {
        luna_admitter_free(admitter);
        return code;
    }
    luna_counters_meter(admitter->counters, options->meter, LUNA_PURPOSE_ADMIT);
    luna_database_meter(admitter->database, options->meter, LUNA_PURPOSE_LOAD);
    luna_database_share_breaker(admitter->database, options->breaker);
    luna_digest_key_make(options->pepper, options->pepper_len, &admitter->pepper);
    luna_pepper_marks_make(options->pepper_id, options->pepper, options->pepper_len,
                           options->previous, &admitter->marks);
    if (admitter->marks.previous.id != 0)
        luna_digest_key_make(options->previous->bytes, options->previous->len,
                             &admitter->previous_pepper);
    admitter->redis_timeout_ms = options->redis_timeout_ms;
    admitter->database_timeout_ms = options->database_timeout_ms;
    admitter->durability = options->durability;
    admitter->answer_bytes_max = options->answer_bytes_max;
    admitter->inherited_wseq = atomic_load(&luna_journal_slot_of(admitter->journal)->wseq);
    admitter->clocks.clocks = options->clocks != NULL ? options->clocks : &admitter->clocks.own;
    admitter->clocks.database = admitter->database;
    admitter->clocks.offset_max_ms =
        options->clock_offset_max_ms != 0 ? options->clock_offset_max_ms : LUNA_CLOCK_OFFSET_MAX_MS;
    admitter->wseq = last_used_wseq(admitter->journal);
    /* Redis expires a lease of 0 ms at once; and a journal's numbers only grow. */
    assert(admitter->redis_timeout_ms > 0 && admitter->database_timeout_ms > 0);
    assert(admitter->wseq >= luna_journal_last_wseq(admitter->journal));
    *ret_admitter = admitter;
    return LUNA_OK;
}

void luna_admitter_free(struct luna_admitter *admitter)
{
    if (admitter == NULL)
        return;
    luna_buf_done(&admitter->answer);
    luna_counters_free(admitter->counters);
    luna_database_free(admitter->database);
    luna_journal_close(admitter->journal);
    free(admitter->journal_dir);
    luna_digest_wipe(&admitter->pepper, sizeof admitter->pepper);
    luna_digest_wipe(&admitter->previous_pepper, sizeof admitter->previous_pepper);
    luna_digest_wipe(&admitter->marks, sizeof admitter->marks);
    free(admitter);
}

/* Charges of one mode cannot be recovered by the rules of the other: another mode's scripts are not
 * run. */
static enum luna_code take_fence(struct luna_admitter *admitter, struct luna_deadline deadline,
                                 struct luna_error *err)
{
    struct luna_fence_record record;
    enum luna_code code = luna_fence_record_read(admitter->counters, deadline, &record, err);
    if (code != LUNA_OK)
        return code;
    admitter->fence = record;
    if (record.incarnation == 0 || record.durability == admitter->durability)
        return LUNA_OK;
    admitter->fence.incarnation = 0;
    return luna_error_set(err, LUNA_EUNAVAILABLE,
                          "LUNA_DURABILITY is %s here and %s for quota-syncd: set both to the same",
                          luna_durability_words[admitter->durability],
                          luna_durability_words[record.durability]);
}

static enum luna_code fenced(struct luna_error *err)
{
    return luna_error_set(err, LUNA_ECONFLICT,
                          "Redis is fenced: quota-syncd has not recovered the counters yet");
}

/* A Redis that restarted has the record of the fence, but no scripts until quota-syncd recovered
 * it. A Redis whose settings are older does not let a worker ask: the next request shows it. */
static enum luna_code probe_scripts(struct luna_admitter *admitter, struct luna_deadline deadline,
                                    struct luna_error *err)
{
    struct luna_redis_command command;
    struct luna_reply *reply = NULL;
    luna_redis_begin(&command, "SCRIPT");
    luna_redis_arg(&command, "EXISTS");
    luna_redis_arg(&command, admitter->fence.sha[LUNA_SCRIPT_ADMIT]);
    enum luna_code code = luna_redis_call(admitter->counters, &command, deadline, &reply, err);
    if (code != LUNA_OK)
        return code;
    if (luna_reply_error(reply) == NULL && luna_reply_int(luna_reply_at(reply, 0), 1) == 0) {
        (void)fenced(err);
        code = LUNA_EUNAVAILABLE;
    }
    luna_reply_free(reply);
    return code;
}

static enum luna_code probe_redis(struct luna_admitter *admitter, struct luna_deadline deadline,
                                  int64_t *ret_redis_ms, struct luna_error *err)
{
    enum luna_code code = luna_clocks_ask_redis(admitter->clocks.clocks, admitter->counters,
                                                deadline, ret_redis_ms, err);
    if (code == LUNA_OK)
        code = take_fence(admitter, deadline, err);
    if (code == LUNA_OK && admitter->fence.incarnation == 0)
        code = luna_error_set(err, LUNA_EUNAVAILABLE,
                              "Redis has no quota scripts: quota-syncd has not started yet");
    if (code == LUNA_OK)
        code = probe_scripts(admitter, deadline, err);
    return code;
}

static enum luna_code probe_database(struct luna_admitter *admitter, struct luna_deadline deadline,
                                     struct luna_error *err)
{
    enum luna_code code =
        luna_clocks_ask_database(admitter->clocks.clocks, admitter->database, deadline, err);
    if (code != LUNA_OK || admitter->host_announced)
        return code;
    const char *name = luna_journal_dir_name_of(admitter->journal);
    code = luna_pepper_verify(admitter->database, &admitter->marks, deadline, err);
    if (code == LUNA_OK)
        code = luna_journal_dir_announce(admitter->database, name, deadline, err);
    admitter->host_announced = code == LUNA_OK;
    return code;
}

enum luna_code luna_admitter_check_journal(struct luna_admitter *admitter, struct luna_error *err)
{
    return admitter->durability == LUNA_DURABILITY_STRICT
               ? LUNA_OK
               : luna_journal_check(admitter->journal, err);
}

enum luna_code luna_admitter_probe(struct luna_admitter *admitter, struct luna_deadline deadline,
                                   struct luna_error *err)
{
    int64_t redis_ms = 0;
    int64_t asked_ns = luna_clock_mono_ns();
    enum luna_code code = probe_redis(admitter, deadline, &redis_ms, err);
    if (code == LUNA_OK)
        code = probe_database(admitter, deadline, err);
    if (code != LUNA_OK)
        return code;
    redis_ms += (luna_clock_mono_ns() - asked_ns) / 1000000;
    if (!luna_clock_fence_check(&admitter->clocks, redis_ms, deadline, err))
        return LUNA_ECLOCKS;
    return luna_admitter_check_journal(admitter, err);
}

enum { SCRIPT_SHA_ARG = 1 };

void luna_admitter_begin(struct luna_redis_command *command, enum luna_script script,
                         const struct luna_quota_keys *keys)
{
    luna_redis_begin(command, "EVALSHA");
    luna_redis_arg(command, ""); /* the SHA-1: luna_admitter_script_pinned() sets it */
    luna_quota_keys_add(keys, script, command);
}

enum luna_code luna_admitter_script_pinned(struct luna_admitter *admitter, enum luna_script script,
                                           struct luna_redis_command *command,
                                           struct luna_deadline deadline,
                                           struct luna_reply **ret_reply, struct luna_error *err)
{
    static const enum luna_purpose purposes[LUNA_SCRIPTS_FENCED] = {
        [LUNA_SCRIPT_ADMIT] = LUNA_PURPOSE_ADMIT,   [LUNA_SCRIPT_REFUND] = LUNA_PURPOSE_REFUND,
        [LUNA_SCRIPT_REDUCE] = LUNA_PURPOSE_REFUND, [LUNA_SCRIPT_SPEND] = LUNA_PURPOSE_COMMIT,
        [LUNA_SCRIPT_FINISH] = LUNA_PURPOSE_COMMIT, [LUNA_SCRIPT_LEASE] = LUNA_PURPOSE_LOAD,
        [LUNA_SCRIPT_INSTALL] = LUNA_PURPOSE_LOAD,  [LUNA_SCRIPT_ROLL] = LUNA_PURPOSE_ADMIT};
    struct luna_reply *reply = NULL;
    assert(script < LUNA_SCRIPTS_FENCED && command->argc > SCRIPT_SHA_ARG);
    luna_redis_purpose(admitter->counters, purposes[script]);
    command->argv[SCRIPT_SHA_ARG] = admitter->fence.sha[script];
    command->lens[SCRIPT_SHA_ARG] = strlen(admitter->fence.sha[script]);
    enum luna_code code = luna_redis_call(admitter->counters, command, deadline, &reply, err);
    if (code != LUNA_OK)
        return code;
    const char *text = luna_reply_error(reply);
    if (text == NULL) {
        *ret_reply = reply;
        return LUNA_OK;
    }
    if (strncmp(text, "NOSCRIPT", 8) == 0)
        code = fenced(err);
    else
        code =
            luna_error_set(err, LUNA_EUNAVAILABLE, "Redis: %s: %s", luna_script_name(script), text);
    luna_reply_free(reply);
    return code;
}

/* LUNA_ECONFLICT: Redis announces the incarnation that we know already. */
static enum luna_code refresh_fence(struct luna_admitter *admitter, struct luna_deadline deadline,
                                    struct luna_error *err)
{
    int64_t known = admitter->fence.incarnation;
    enum luna_code code = take_fence(admitter, deadline, err);
    if (code != LUNA_OK)
        return code;
    bool changed = admitter->fence.incarnation != 0 && admitter->fence.incarnation != known;
    return changed ? LUNA_OK : fenced(err);
}

enum luna_code luna_admitter_script(struct luna_admitter *admitter, enum luna_script script,
                                    struct luna_redis_command *command,
                                    struct luna_deadline deadline, struct luna_reply **ret_reply,
                                    struct luna_error *err)
{
    enum luna_code code = LUNA_ECONFLICT;
    if (admitter->fence.incarnation != 0)
        code = luna_admitter_script_pinned(admitter, script, command, deadline, ret_reply, err);
    if (code != LUNA_ECONFLICT)
        return code;
    code = refresh_fence(admitter, deadline, err);
    if (code == LUNA_OK)
        code = luna_admitter_script_pinned(admitter, script, command, deadline, ret_reply, err);
    /* To the caller a fenced Redis is an unavailable one (I7). */
    return code == LUNA_ECONFLICT ? LUNA_EUNAVAILABLE : code;
}
