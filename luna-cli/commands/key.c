#include "commands/handlers.h"

#include "commands/listing.h"
#include "session/session.h"
#include "terminal/output.h"
#include "terminal/words.h"

#include <stdio.h>
#include <string.h>

static bool read_times(const struct invocation *invocation, int64_t *ret_not_before_ms,
                       int64_t *ret_expires_ms)
{
    const char *not_before = invocation_option(invocation, "not-before");
    const char *expires = invocation_option(invocation, "expires");
    *ret_not_before_ms = 0;
    *ret_expires_ms = 0;
    return (!not_before || time_read("--not-before", not_before, ret_not_before_ms)) &&
           (!expires || time_read("--expires", expires, ret_expires_ms));
}

static bool read_rate(const struct invocation *invocation, struct luna_key_spec *spec)
{
    const char *rate = invocation_option(invocation, "rate");
    const char *burst = invocation_option(invocation, "burst");
    if (rate && !invocation_integer("--rate", rate, 1, LUNA_KEY_RATE_MAX, &spec->rate_per_s))
        return false;
    spec->rate_burst = spec->rate_per_s;
    return !burst || invocation_integer("--burst", burst, 1, LUNA_KEY_RATE_MAX, &spec->rate_burst);
}

/* --allow as the store has it: joined by ';'. `out` has LUNA_KEY_NETWORKS_BYTES. */
static const char *read_networks(const char *allow, char *out)
{
    /* One that is cut off is not a network, or one too many. */
    snprintf(out, LUNA_KEY_NETWORKS_BYTES, "%s", allow);
    for (char *at = out; (at = strchr(at, ',')); at++)
        *at = ';';
    return out;
}

/* `networks` holds those of --allow, and has to outlive the spec. */
static bool read_spec(const struct invocation *invocation, char networks[LUNA_KEY_NETWORKS_BYTES],
                      struct luna_key_spec *ret_spec)
{
    const char *scopes = invocation_option(invocation, "scopes");
    const char *allow = invocation_option(invocation, "allow");
    struct luna_key_spec spec = {.name = invocation_option(invocation, "name")};
    if (!scopes_read(scopes ? scopes : "model,read", &spec.scopes) ||
        !read_times(invocation, &spec.not_before_ms, &spec.expires_ms) ||
        !read_rate(invocation, &spec))
        return false;
    if (allow)
        spec.networks = read_networks(allow, networks);
    *ret_spec = spec;
    return true;
}

/* The same for luna key set: what is not given is unchanged. */
static bool read_change(const struct invocation *invocation, char networks[LUNA_KEY_NETWORKS_BYTES],
                        struct luna_key_spec *ret_change)
{
    const char *scopes = invocation_option(invocation, "scopes");
    const char *allow = invocation_option(invocation, "allow");
    const char *rate = invocation_option(invocation, "rate");
    const char *burst = invocation_option(invocation, "burst");
    struct luna_key_spec change = {.name = invocation_option(invocation, "name"),
                                   .rate_per_s = LUNA_KEY_UNCHANGED,
                                   .rate_burst = LUNA_KEY_UNCHANGED};
    if ((scopes && !scopes_read(scopes, &change.scopes)) ||
        (rate && !invocation_integer("--rate", rate, 0, LUNA_KEY_RATE_MAX, &change.rate_per_s)) ||
        (burst && !invocation_integer("--burst", burst, 1, LUNA_KEY_RATE_MAX, &change.rate_burst)))
        return false;
    if (allow)
        change.networks = read_networks(allow, networks);
    *ret_change = change;
    return true;
}

enum cli_exit cmd_key_set(const struct invocation *invocation)
{
    char networks[LUNA_KEY_NETWORKS_BYTES];
    struct luna_key_spec change;
    int64_t key_id = 0;
    if (!invocation_integer("the key id", invocation->operands[1], 1, INT64_MAX, &key_id) ||
        !read_change(invocation, networks, &change))
        return CLI_USAGE;
    struct session session;
    enum cli_exit status = session_open(&session, SESSION_DATABASE | SESSION_CACHE);
    if (status != CLI_OK)
        return status;
    struct luna_operator op = session_operator(&session);
    struct luna_account account;
    struct luna_error err;
    status = session_account(&session, invocation->operands[0], &account);
    if (status == CLI_OK && luna_key_set(&op, account.id, key_id, &change, &err) != LUNA_OK)
        status = cli_exit_report(&err);
    if (status == CLI_OK) {
        const struct cell cells[] = {CELL_I("account_id", account.id), CELL_I("key_id", key_id),
                                     CELL_B("changed", 1)};
        output_record(invocation->json, cells, OUTPUT_COUNT(cells));
    }
    session_close(&session);
    return status;
}

enum cli_exit cmd_key_create(const struct invocation *invocation)
{
    char networks[LUNA_KEY_NETWORKS_BYTES];
    struct luna_key_spec spec;
    if (!read_spec(invocation, networks, &spec))
        return CLI_USAGE;
    struct session session;
    enum cli_exit status =
        session_open(&session, SESSION_DATABASE | SESSION_CACHE_IF_SET | SESSION_PEPPER);
    if (status != CLI_OK)
        return status;
    struct luna_operator op = session_operator(&session);
    struct luna_account account;
    struct luna_made_key made = {.id = 0};
    struct luna_error err;
    status = session_account(&session, invocation->operands[0], &account);
    if (status == CLI_OK && luna_key_create(&op, account.id, &spec, &made, &err) != LUNA_OK)
        status = cli_exit_report(&err);
    if (status == CLI_OK) {
        char scopes_shown[SCOPES_TEXT_BYTES];
        scopes_text(spec.scopes, scopes_shown, sizeof scopes_shown);
        const struct cell cells[] = {
            CELL_I("account_id", account.id),       CELL_I("key_id", made.id),
            CELL_T("scopes", scopes_shown),         CELL_MS("not_before", spec.not_before_ms),
            CELL_MS("expires_at", spec.expires_ms), CELL_T("api_key", made.key.text)};
        output_record(invocation->json, cells, OUTPUT_COUNT(cells));
    }
    luna_key_text_wipe(&made.key);
    session_close(&session);
    return status;
}

static bool list_key(void *context, const struct luna_key *key)
{
    char scopes[SCOPES_TEXT_BYTES];
    scopes_text(key->scopes, scopes, sizeof scopes);
    const struct cell cells[] = {CELL_I("key_id", key->id),
                                 CELL_T("prefix", key->prefix),
                                 CELL_T("name", key->name),
                                 CELL_B("primary", key->primary),
                                 CELL_T("scopes", scopes),
                                 CELL_MS("created_at", key->created_ms),
                                 CELL_MS("not_before", key->not_before_ms),
                                 CELL_MS("expires_at", key->expires_ms),
                                 CELL_MS("revoked_at", key->revoked_ms),
                                 CELL_MS("last_used_at", key->used_ms),
                                 CELL_T("allowed_networks", key->networks),
                                 CELL_I("rate_per_s", key->rate_per_s),
                                 CELL_I("rate_burst", key->rate_burst)};
    return listing_add(context, cells, OUTPUT_COUNT(cells));
}

static bool read_status(const char *word, enum luna_key_status *ret_status)
{
    static const char *const words[] = {[LUNA_KEYS_ALL] = "all",
                                        [LUNA_KEYS_LIVE] = "live",
                                        [LUNA_KEYS_EXPIRED] = "expired",
                                        [LUNA_KEYS_REVOKED] = "revoked"};
    size_t place = 0;
    if (!word_read("--status", word, words, OUTPUT_COUNT(words), "live, expired, revoked or all",
                   &place))
        return false;
    *ret_status = (enum luna_key_status)place;
    return true;
}

static enum luna_code fill_keys(struct listing *listing, struct luna_error *err)
{
    const struct luna_key_filter filter = {.status = *(const enum luna_key_status *)listing->choice,
                                           .after_id = listing->after_id,
                                           .count_max = listing->fetch_max};
    struct luna_account account;
    enum luna_code code = luna_account_find(listing->session->database,
                                            listing->invocation->operands[0], &account, err);
    return code == LUNA_OK ? luna_key_list(listing->session->database, account.id, &filter,
                                           list_key, listing, err)
                           : code;
}

enum cli_exit cmd_key_list(const struct invocation *invocation)
{
    static const struct listing_kind kind = {
        LISTING_BY_ID, "No matching keys. Create one: luna account rotate-key ACCOUNT", fill_keys};
    const char *word = invocation_option(invocation, "status");
    enum luna_key_status keys;
    return read_status(word ? word : "all", &keys) ? listing_run(invocation, &kind, &keys)
                                                   : CLI_USAGE;
}

enum cli_exit cmd_key_revoke(const struct invocation *invocation)
{
    const char *reason = invocation_option(invocation, "reason");
    int64_t key_id = 0;
    if (!invocation_integer("the key id", invocation->operands[1], 1, INT64_MAX, &key_id))
        return CLI_USAGE;
    struct session session;
    enum cli_exit status = session_open(&session, SESSION_DATABASE | SESSION_CACHE);
    if (status != CLI_OK)
        return status;
    struct luna_operator op = session_operator(&session);
    struct luna_account account;
    struct luna_error err;
    status = session_account(&session, invocation->operands[0], &account);
    if (status == CLI_OK &&
        luna_key_revoke(&op, account.id, key_id, reason ? reason : "", &err) != LUNA_OK)
        status = cli_exit_report(&err);
    if (status == CLI_OK) {
        const struct cell cells[] = {CELL_I("account_id", account.id), CELL_I("key_id", key_id),
                                     CELL_B("revoked", 1)};
        output_record(invocation->json, cells, OUTPUT_COUNT(cells));
    }
    session_close(&session);
    return status;
}

/* From standard input: every user of the machine can read a command line. */
static enum cli_exit read_key(char *out, size_t out_size)
{
    if (!fgets(out, (int)out_size, stdin))
        return cli_exit_usage("no key on standard input");
    out[strcspn(out, "\r\n")] = '\0';
    return CLI_OK;
}

enum cli_exit cmd_key_find(const struct invocation *invocation)
{
    char text[128];
    enum cli_exit status = read_key(text, sizeof text);
    if (status != CLI_OK)
        return status;
    struct session session;
    status = session_open(&session, SESSION_DATABASE | SESSION_PEPPER);
    if (status != CLI_OK)
        return status;
    struct luna_operator op = session_operator(&session);
    struct luna_account account;
    struct luna_error err;
    int64_t key_id = 0;
    status = session_account(&session, invocation->operands[0], &account);
    if (status == CLI_OK &&
        luna_key_find(&op, account.id, text, strlen(text), &key_id, &err) != LUNA_OK)
        status = cli_exit_report(&err);
    explicit_bzero(text, sizeof text);
    if (status == CLI_OK) {
        const struct cell cells[] = {CELL_I("account_id", account.id), CELL_I("key_id", key_id)};
        output_record(invocation->json, cells, OUTPUT_COUNT(cells));
    }
    session_close(&session);
    return status;
}

static bool list_pepper(void *context, const struct luna_pepper_use *use)
{
    const struct cell cells[] = {CELL_I("pepper_id", use->id), CELL_MS("since", use->since_ms),
                                 CELL_I("live_keys", use->live_keys)};
    return listing_add(context, cells, OUTPUT_COUNT(cells));
}

static enum luna_code fill_peppers(struct listing *listing, struct luna_error *err)
{
    return luna_pepper_list(listing->session->database, list_pepper, listing, err);
}

enum cli_exit cmd_key_peppers(const struct invocation *invocation)
{
    static const struct listing_kind kind = {
        LISTING_WHOLE, "No pepper yet. The first worker that starts records its own.",
        fill_peppers};
    return listing_run(invocation, &kind, NULL);
}

static void list_fingerprint(struct output_list *list, const struct luna_pepper_mark *mark)
{
    const struct cell cells[] = {CELL_I("pepper_id", mark->id),
                                 CELL_T("fingerprint", mark->fingerprint)};
    if (mark->id != 0)
        output_list_add(list, cells, OUTPUT_COUNT(cells));
}

enum cli_exit cmd_key_fingerprints(const struct invocation *invocation)
{
    struct session session;
    struct luna_pepper_marks marks;
    enum cli_exit status = session_open(&session, SESSION_PEPPER_ALONE);
    if (status != CLI_OK)
        return status;
    luna_pepper_marks_make((int)session.config.key_pepper_id, session.pepper, session.pepper_len,
                           &session.previous_pepper, &marks);
    struct output_list *list = output_list_new(invocation->json);
    list_fingerprint(list, &marks.current);
    list_fingerprint(list, &marks.previous);
    output_list_print(list, "");
    explicit_bzero(&marks, sizeof marks);
    session_close(&session);
    return CLI_OK;
}
