#include "commands/handlers.h"

#include "commands/listing.h"
#include "session/session.h"
#include "terminal/output.h"
#include "terminal/words.h"

#include <stdio.h>
#include <string.h>

enum { ACCOUNT_CELLS = 14, QUOTA_MAX = 2147483647, OVERLAP_S_MAX = 604800 };

static void account_cells(const struct luna_account *account, struct cell cells[ACCOUNT_CELLS])
{
    const struct cell filled[ACCOUNT_CELLS] = {CELL_I("id", account->id),
                                               CELL_T("name", account->name),
                                               CELL_T("plan", account->plan),
                                               CELL_I("quota_limit", account->quota_limit),
                                               CELL_I("quota_used", account->quota_used),
                                               CELL_T("period", luna_period_kind(account->period)),
                                               CELL_MS("period_start", account->period_start_ms),
                                               CELL_MS("period_end", account->period_end_ms),
                                               CELL_B("disabled", account->disabled_ms != 0),
                                               CELL_MS("disabled_at", account->disabled_ms),
                                               CELL_MS("deleted_at", account->deleted_ms),
                                               CELL_MS("created_at", account->created_ms),
                                               CELL_MS("updated_at", account->updated_ms),
                                               CELL_I("config_version", account->config_version)};
    memcpy(cells, filled, sizeof filled);
}

static void print_account(bool json, const struct luna_account *account,
                          const struct luna_key_text *key)
{
    struct cell cells[ACCOUNT_CELLS + 1];
    account_cells(account, cells);
    if (key)
        cells[ACCOUNT_CELLS] = CELL_T("api_key", key->text);
    output_record(json, cells, key ? ACCOUNT_CELLS + 1 : ACCOUNT_CELLS);
}

/* --quota, or -1 when it was not given. */
static bool read_quota(const struct invocation *invocation, int64_t *ret_quota)
{
    const char *text = invocation_option(invocation, "quota");
    *ret_quota = -1;
    return !text || invocation_integer("--quota", text, 0, QUOTA_MAX, ret_quota);
}

enum cli_exit cmd_account_create(const struct invocation *invocation)
{
    struct luna_account_spec spec = {.name = invocation->operands[0],
                                     .plan = invocation_option(invocation, "plan")};
    if (!read_quota(invocation, &spec.quota_limit))
        return CLI_USAGE;
    struct session session;
    enum cli_exit status =
        session_open(&session, SESSION_DATABASE | SESSION_CACHE_IF_SET | SESSION_PEPPER);
    if (status != CLI_OK)
        return status;
    struct luna_operator op = session_operator(&session);
    struct luna_account account;
    struct luna_key_text key = {{0}};
    struct luna_error err;
    if (luna_account_create(&op, &spec, &account, &key, &err) == LUNA_OK)
        print_account(invocation->json, &account, &key);
    else
        status = cli_exit_report(&err);
    luna_key_text_wipe(&key);
    session_close(&session);
    return status;
}

static bool list_account(void *context, const struct luna_account *account)
{
    const struct cell cells[] = {CELL_I("id", account->id),
                                 CELL_T("name", account->name),
                                 CELL_T("plan", account->plan),
                                 CELL_I("quota_limit", account->quota_limit),
                                 CELL_I("quota_used", account->quota_used),
                                 CELL_T("period", luna_period_kind(account->period)),
                                 CELL_B("disabled", account->disabled_ms != 0),
                                 CELL_MS("created_at", account->created_ms)};
    return listing_add(context, cells, OUTPUT_COUNT(cells));
}

static bool read_status(const char *word, enum luna_account_status *ret_status)
{
    static const char *const words[] = {[LUNA_ACCOUNTS_ALL] = "all",
                                        [LUNA_ACCOUNTS_ENABLED] = "enabled",
                                        [LUNA_ACCOUNTS_DISABLED] = "disabled",
                                        [LUNA_ACCOUNTS_DELETED] = "deleted"};
    size_t place = 0;
    if (!word_read("--status", word, words, OUTPUT_COUNT(words),
                   "enabled, disabled, deleted or all", &place))
        return false;
    *ret_status = (enum luna_account_status)place;
    return true;
}

static enum luna_code fill_accounts(struct listing *listing, struct luna_error *err)
{
    struct luna_account_filter filter = {
        .plan = invocation_option(listing->invocation, "plan"),
        .name_start = invocation_option(listing->invocation, "name"),
        .status = *(const enum luna_account_status *)listing->choice,
        .after_id = listing->after_id,
        .count_max = listing->fetch_max};
    return luna_account_list(listing->session->database, &filter, list_account, listing, err);
}

enum cli_exit cmd_account_list(const struct invocation *invocation)
{
    static const struct listing_kind kind = {
        LISTING_BY_ID, "No matching accounts. Create one: luna account create NAME", fill_accounts};
    const char *word = invocation_option(invocation, "status");
    enum luna_account_status accounts;
    return read_status(word ? word : "all", &accounts) ? listing_run(invocation, &kind, &accounts)
                                                       : CLI_USAGE;
}

/* Also a deleted one, by its id: its events are still there. */
enum cli_exit cmd_account_show(const struct invocation *invocation)
{
    struct session session;
    enum cli_exit status = session_open(&session, SESSION_DATABASE);
    if (status != CLI_OK)
        return status;
    struct luna_account account;
    struct luna_error err;
    if (luna_account_find(session.database, invocation->operands[0], &account, &err) == LUNA_OK)
        print_account(invocation->json, &account, NULL);
    else
        status = cli_exit_report(&err);
    session_close(&session);
    return status;
}

/* The arguments of a change to one account; each verb below uses its own. */
struct change {
    int64_t quota_limit;
    const char *plan;
    const char *reason; /* never NULL */
};

typedef enum luna_code (*change_verb)(const struct luna_operator *op, int64_t account_id,
                                      const struct change *change, struct luna_error *err);

static enum luna_code set_limit(const struct luna_operator *op, int64_t account_id,
                                const struct change *change, struct luna_error *err)
{
    return luna_account_set_limit(op, account_id, change->quota_limit, change->reason, err);
}

static enum luna_code set_plan(const struct luna_operator *op, int64_t account_id,
                               const struct change *change, struct luna_error *err)
{
    return luna_account_set_plan(op, account_id, change->plan, change->reason, err);
}

static enum luna_code disable(const struct luna_operator *op, int64_t account_id,
                              const struct change *change, struct luna_error *err)
{
    return luna_account_disable(op, account_id, change->reason, err);
}

static enum luna_code enable(const struct luna_operator *op, int64_t account_id,
                             const struct change *change, struct luna_error *err)
{
    return luna_account_enable(op, account_id, change->reason, err);
}

static enum luna_code delete (const struct luna_operator *op, int64_t account_id,
                              const struct change *change, struct luna_error *err) {
    return luna_account_delete(op, account_id, change->reason, err);
}

static enum luna_code change_and_read_back(const struct session *session, change_verb verb,
                                           const struct change *change,
                                           struct luna_account *account, struct luna_error *err)
{
    struct luna_operator op = session_operator(session);
    char id[24];
    snprintf(id, sizeof id, "%lld", (long long)account->id);
    enum luna_code code = verb(&op, account->id, change, err);
    return code == LUNA_OK ? luna_account_find(session->database, id, account, err) : code;
}

static enum cli_exit run_change(const struct invocation *invocation, unsigned needs,
                                change_verb verb, struct change change)
{
    struct session session;
    enum cli_exit status = session_open(&session, needs);
    if (status != CLI_OK)
        return status;
    const char *reason = invocation_option(invocation, "reason");
    change.reason = reason ? reason : "";
    struct luna_account account;
    struct luna_error err;
    status = session_account(&session, invocation->operands[0], &account);
    if (status == CLI_OK &&
        change_and_read_back(&session, verb, &change, &account, &err) != LUNA_OK)
        status = cli_exit_report(&err);
    if (status == CLI_OK)
        print_account(invocation->json, &account, NULL);
    session_close(&session);
    return status;
}

enum cli_exit cmd_account_set_limit(const struct invocation *invocation)
{
    struct change change = {0};
    if (!invocation_integer("the limit", invocation->operands[1], 0, QUOTA_MAX,
                            &change.quota_limit))
        return CLI_USAGE;
    return run_change(invocation, SESSION_DATABASE | SESSION_CACHE_IF_SET, set_limit, change);
}

enum cli_exit cmd_account_set_plan(const struct invocation *invocation)
{
    struct change change = {.plan = invocation->operands[1]};
    return run_change(invocation, SESSION_DATABASE | SESSION_CACHE_IF_SET, set_plan, change);
}

enum cli_exit cmd_account_disable(const struct invocation *invocation)
{
    return run_change(invocation, SESSION_DATABASE | SESSION_CACHE, disable, (struct change){0});
}

enum cli_exit cmd_account_enable(const struct invocation *invocation)
{
    return run_change(invocation, SESSION_DATABASE | SESSION_CACHE_IF_SET, enable,
                      (struct change){0});
}

enum cli_exit cmd_account_delete(const struct invocation *invocation)
{
    return run_change(invocation, SESSION_DATABASE | SESSION_CACHE, delete, (struct change){0});
}

enum cli_exit cmd_account_rotate_key(const struct invocation *invocation)
{
    const char *grace = invocation_option(invocation, "grace");
    int64_t overlap_s = 0;
    if (grace && !duration_read("--grace", grace, OVERLAP_S_MAX, &overlap_s))
        return CLI_USAGE;
    struct session session;
    enum cli_exit status =
        session_open(&session, SESSION_DATABASE | SESSION_CACHE | SESSION_PEPPER);
    if (status != CLI_OK)
        return status;
    struct luna_operator op = session_operator(&session);
    struct luna_account account;
    struct luna_key_text key = {{0}};
    struct luna_error err;
    status = session_account(&session, invocation->operands[0], &account);
    if (status == CLI_OK &&
        luna_account_rotate_key(&op, account.id, overlap_s, &key, &err) != LUNA_OK)
        status = cli_exit_report(&err);
    /* Also when Redis could not be updated: the rotation is committed, and the new key cannot be
     * shown again. */
    if (key.text[0] != '\0') {
        const struct cell cells[] = {CELL_I("id", account.id), CELL_T("name", account.name),
                                     CELL_T("api_key", key.text),
                                     CELL_I("old_key_lives_s", overlap_s)};
        output_record(invocation->json, cells, OUTPUT_COUNT(cells));
    }
    luna_key_text_wipe(&key);
    session_close(&session);
    return status;
}
