#include "api/api.h"

#include "api/input.h"
#include "api/json.h"
#include "api/page.h"
#include "api/scopes.h"
#include "api/stores.h"
#include "luna/base/clock.h"

#include <assert.h>
#include <string.h>

enum {
    LIFE_S_MAX = 10 * 366 * 86400,
    GRACE_S_MAX = 7 * 86400,
    ACTOR_BYTES = 96,
    NAME_CHARACTERS_MAX = 64,
    METADATA_MAX = 16
};

struct new_key {
    struct luna_key_spec spec;
    int64_t life_s; /* 0: it does not expire */
};

struct rotation {
    int64_t grace_s; /* how long the old key is still accepted */
};

enum step_outcome api_keys_read(struct exchange *exchange)
{
    input_read_no_query(exchange);
    return STEP_ON;
}

/* ["192.0.2.0/24"] of "192.0.2.0/24"; networks have no character that JSON escapes. */
static void put_networks(const char *list, struct luna_buf *out)
{
    luna_buf_puts(out, "[");
    for (const char *before = ""; *list != '\0'; before = ",") {
        size_t len = strcspn(list, ";");
        luna_buf_printf(out, "%s\"%.*s\"", before, (int)len, list);
        list += len + (list[len] == ';');
    }
    luna_buf_puts(out, "]");
}

static void put_rate(struct luna_buf *out, const char *name, int64_t rate)
{
    luna_buf_printf(out, rate > 0 ? ",\"%s\":%lld" : ",\"%s\":null", name, (long long)rate);
}

static void put_properties(const struct luna_key *key, struct luna_buf *out)
{
    json_put_text(out, "name", key->name);
    luna_buf_printf(out, ",\"metadata\":%s,\"allowed_networks\":", key->metadata);
    put_networks(key->networks, out);
    put_rate(out, "rate_per_s", key->rate_per_s);
    put_rate(out, "rate_burst", key->rate_burst);
}

static void put_key(const struct luna_key *key, struct luna_buf *out)
{
    luna_buf_printf(out,
                    "{\"id\":%lld,\"prefix\":\"%s\",\"primary\":%s,\"scopes\":", (long long)key->id,
                    key->prefix, key->primary ? "true" : "false");
    scopes_put_json(key->scopes, out);
    luna_buf_putc(out, ',');
    json_put_time(out, "created_at", key->created_ms);
    luna_buf_putc(out, ',');
    json_put_time(out, "expires_at", key->expires_ms);
    luna_buf_putc(out, ',');
    json_put_time(out, "revoked_at", key->revoked_ms);
    luna_buf_putc(out, ',');
    json_put_time(out, "last_used_at", key->used_ms);
    luna_buf_putc(out, ',');
    put_properties(key, out);
    luna_buf_putc(out, '}');
}

enum step_outcome api_keys_list_read(struct exchange *exchange)
{
    struct page_query *query = exchange_route_state_new(exchange, sizeof *query);
    if (query == NULL)
        return exchange_refuse(exchange, PROBLEM_INTERNAL, NULL);
    page_read_query(exchange, query);
    return STEP_ON;
}

struct listing {
    struct luna_buf *out;
    int64_t limit;
    int64_t count;   /* shown */
    int64_t last_id; /* of those shown */
    bool more;
};

static bool list_key(void *context, const struct luna_key *key)
{
    struct listing *listing = context;
    listing->more = listing->count == listing->limit;
    if (listing->more)
        return false;
    if (listing->count++ > 0)
        luna_buf_putc(listing->out, ',');
    put_key(key, listing->out);
    listing->last_id = key->id;
    return true;
}

/* A list that fits on the first page has `data` alone, as before there were pages. */
static void end_listing(struct exchange *exchange, const struct page_query *query,
                        const struct listing *listing)
{
    int64_t next = listing->more ? listing->last_id : 0;
    luna_buf_putc(listing->out, ']');
    if (listing->more || query->cursor != 0)
        page_put_next(listing->out, next);
    luna_buf_puts(listing->out, "}\n");
    page_link_next(exchange, "keys", query, next);
}

enum step_outcome api_keys_list_answer(struct exchange *exchange)
{
    const struct page_query *query = exchange->route_state;
    struct luna_error err = {0};
    assert(query != NULL);
    struct listing listing = {.out = json_begin(&exchange->pipeline->response),
                              .limit = query->limit};
    const struct luna_key_filter page = {
        .status = LUNA_KEYS_ALL, .after_id = query->cursor, .count_max = query->limit + 1};
    luna_buf_puts(listing.out, "{\"data\":[");
    if (luna_key_list(api_database(exchange), exchange->ids.account_id, &page, list_key, &listing,
                      &err) != LUNA_OK)
        return api_store_failed(exchange, &err);
    end_listing(exchange, query, &listing);
    return STEP_ON;
}

/* The key that the path names. */
static enum step_outcome find_key(struct exchange *exchange, struct luna_key *ret_key)
{
    struct luna_error err = {0};
    enum luna_code code = luna_key_get(api_database(exchange), exchange->ids.account_id,
                                       exchange->ids.key_id, ret_key, &err);
    if (code == LUNA_ENOTFOUND)
        return exchange_refuse(exchange, PROBLEM_NOT_FOUND, "The account has no such key.");
    return code == LUNA_OK ? STEP_ON : api_store_failed(exchange, &err);
}

enum step_outcome api_keys_get_answer(struct exchange *exchange)
{
    struct luna_key key = {.id = 0};
    if (find_key(exchange, &key) == STEP_ANSWERED)
        return STEP_ANSWERED;
    struct luna_buf *out = json_begin(&exchange->pipeline->response);
    put_key(&key, out);
    luna_buf_putc(out, '\n');
    return STEP_ON;
}

/* The burst is one second of the rate, if nothing is said. */
static void complete_rate(struct exchange *exchange, struct luna_key_spec *spec)
{
    if (spec->rate_burst == 0)
        spec->rate_burst = spec->rate_per_s;
    if (spec->rate_per_s > 0 || spec->rate_burst == 0)
        return;
    luna_fault_at(luna_faults_add(&exchange->faults, "missing", "Field required",
                                  "a rate_burst needs a rate_per_s"),
                  "rate_per_s");
    exchange_complain_of_faults(exchange);
}

enum step_outcome api_keys_create_read(struct exchange *exchange)
{
    struct new_key *wanted = exchange_route_state_new(exchange, sizeof *wanted);
    if (wanted == NULL)
        return exchange_refuse(exchange, PROBLEM_INTERNAL, NULL);
    const struct small_member members[] = {
        {.name = "scopes", .type = SMALL_SCOPES, .ret_scopes = &wanted->spec.scopes},
        {.name = "expires_in_s",
         .type = SMALL_INT,
         .min = 1,
         .max = LIFE_S_MAX,
         .ret_int = &wanted->life_s},
        {.name = "name",
         .type = SMALL_TEXT,
         .max = NAME_CHARACTERS_MAX,
         .ret_text = &wanted->spec.name},
        {.name = "metadata",
         .type = SMALL_TEXTS,
         .max = METADATA_MAX,
         .ret_text = &wanted->spec.metadata},
        {.name = "allowed_networks",
         .type = SMALL_NETWORKS,
         .max = LUNA_KEY_NETWORKS_MAX,
         .ret_text = &wanted->spec.networks},
        {.name = "rate_per_s",
         .type = SMALL_INT,
         .min = 1,
         .max = LUNA_KEY_RATE_MAX,
         .ret_int = &wanted->spec.rate_per_s},
        {.name = "rate_burst",
         .type = SMALL_INT,
         .min = 1,
         .max = LUNA_KEY_RATE_MAX,
         .ret_int = &wanted->spec.rate_burst},
        {.name = NULL}};
    wanted->spec.scopes = LUNA_SCOPE_MODEL | LUNA_SCOPE_READ;
    input_read_body(exchange, members);
    complete_rate(exchange, &wanted->spec);
    return STEP_ON;
}

/* The one time that a key is shown. */
static void put_new_key(struct exchange *exchange, const struct luna_key_text *key, int64_t id)
{
    struct http_response *response = &exchange->pipeline->response;
    struct luna_buf *out = json_begin(response);
    response->status = 201;
    http_header_add(response, "Location", "/api/v1/%lld/keys/%lld",
                    (long long)exchange->ids.account_id, (long long)id);
    luna_buf_printf(out, "{\"id\":%lld,", (long long)id);
    json_put_text(out, "api_key", key->text);
}

static void put_created(struct exchange *exchange, const struct luna_made_key *made,
                        unsigned scopes)
{
    struct luna_buf *out = &exchange->pipeline->response.body;
    put_new_key(exchange, &made->key, made->id);
    luna_buf_puts(out, ",\"scopes\":");
    scopes_put_json(scopes, out);
    luna_buf_putc(out, ',');
    json_put_time(out, "expires_at", made->expires_ms);
    luna_buf_puts(out, "}\n");
}

enum step_outcome api_keys_create_answer(struct exchange *exchange)
{
    const struct new_key *wanted = exchange->route_state;
    char actor[ACTOR_BYTES];
    unsigned char hash[BODY_HASH_BYTES];
    struct luna_error err = {0};
    struct luna_key_seed seed;
    struct luna_made_key made;
    assert(wanted != NULL);
    struct luna_key_spec spec = wanted->spec;
    spec.expires_ms = wanted->life_s > 0 ? luna_clock_wall_ms() + wanted->life_s * 1000 : 0;
    if ((spec.scopes & ~scopes_of_sender(exchange)) != 0)
        return scopes_refuse(exchange, spec.scopes,
                             "A key can give only scopes that it has itself.");
    struct luna_operator op = api_operator(exchange, actor, sizeof actor);
    op.seed = api_key_seed(exchange, hash, &seed) ? &seed : NULL;
    if (luna_key_create(&op, exchange->ids.account_id, &spec, &made, &err) != LUNA_OK)
        return api_store_failed(exchange, &err);
    put_created(exchange, &made, spec.scopes);
    luna_key_text_wipe(&made.key);
    return STEP_ON;
}

/* A burst without a rate. That of a key which has none is found by the store. */
static void check_burst(struct exchange *exchange, const struct luna_key_spec *change)
{
    if (change->rate_per_s != 0 || change->rate_burst <= 0)
        return;
    luna_fault_at(luna_faults_add(&exchange->faults, "missing", "Field required",
                                  "a rate_burst needs a rate_per_s"),
                  "rate_per_s");
    exchange_complain_of_faults(exchange);
}

enum step_outcome api_keys_set_read(struct exchange *exchange)
{
    struct luna_key_spec *change = exchange_route_state_new(exchange, sizeof *change);
    if (change == NULL)
        return exchange_refuse(exchange, PROBLEM_INTERNAL, NULL);
    const struct small_member members[] = {{.name = "scopes",
                                            .type = SMALL_SCOPES,
                                            .null = SMALL_NULL_IS_WRONG,
                                            .ret_scopes = &change->scopes},
                                           {.name = "name",
                                            .type = SMALL_TEXT,
                                            .max = NAME_CHARACTERS_MAX,
                                            .null = SMALL_NULL_CLEARS,
                                            .ret_text = &change->name},
                                           {.name = "metadata",
                                            .type = SMALL_TEXTS,
                                            .max = METADATA_MAX,
                                            .null = SMALL_NULL_CLEARS,
                                            .ret_text = &change->metadata},
                                           {.name = "allowed_networks",
                                            .type = SMALL_NETWORKS,
                                            .max = LUNA_KEY_NETWORKS_MAX,
                                            .null = SMALL_NULL_CLEARS,
                                            .ret_text = &change->networks},
                                           {.name = "rate_per_s",
                                            .type = SMALL_INT,
                                            .min = 1,
                                            .max = LUNA_KEY_RATE_MAX,
                                            .null = SMALL_NULL_CLEARS,
                                            .ret_int = &change->rate_per_s},
                                           {.name = "rate_burst",
                                            .type = SMALL_INT,
                                            .null = SMALL_NULL_IS_WRONG,
                                            .min = 1,
                                            .max = LUNA_KEY_RATE_MAX,
                                            .ret_int = &change->rate_burst},
                                           {.name = NULL}};
    change->rate_per_s = change->rate_burst = LUNA_KEY_UNCHANGED;
    input_read_body(exchange, members);
    check_burst(exchange, change);
    return STEP_ON;
}

/* May the sender change this key so? */
static enum step_outcome check_change(struct exchange *exchange, const struct luna_key *key,
                                      const struct luna_key_spec *change)
{
    if ((key->scopes & ~scopes_of_sender(exchange)) != 0)
        return scopes_refuse(exchange, key->scopes, "The key has scopes that you do not have.");
    if ((change->scopes & ~key->scopes) != 0)
        return exchange_refuse(
            exchange, PROBLEM_SCOPE_EXCEEDED,
            "You can remove scopes from a key, but not add any. Create another key.");
    return STEP_ON;
}

/* A repeat under an Idempotency-Key changes nothing: others may have changed the key since. */
enum step_outcome api_keys_set_answer(struct exchange *exchange)
{
    const struct luna_key_spec *change = exchange->route_state;
    char actor[ACTOR_BYTES];
    struct luna_error err = {0};
    struct luna_key key = {.id = 0};
    assert(change != NULL);
    if (find_key(exchange, &key) == STEP_ANSWERED ||
        check_change(exchange, &key, change) == STEP_ANSWERED)
        return STEP_ANSWERED;
    const struct luna_operator op = api_operator(exchange, actor, sizeof actor);
    if (exchange->admission.outcome != LUNA_ADMIT_REPLAY &&
        luna_key_set(&op, exchange->ids.account_id, key.id, change, &err) != LUNA_OK)
        return api_store_failed(exchange, &err);
    return api_keys_get_answer(exchange);
}

enum step_outcome api_keys_rotate_read(struct exchange *exchange)
{
    struct rotation *wanted = exchange_route_state_new(exchange, sizeof *wanted);
    if (wanted == NULL)
        return exchange_refuse(exchange, PROBLEM_INTERNAL, NULL);
    const struct small_member members[] = {{.name = "grace_s",
                                            .type = SMALL_INT,
                                            .min = 0,
                                            .max = GRACE_S_MAX,
                                            .ret_int = &wanted->grace_s},
                                           {.name = NULL}};
    input_read_body(exchange, members);
    return STEP_ON;
}

/* The new key is shown to the sender, so the sender must have its scopes. A key's scopes only
 * become fewer: this check stays valid. */
static enum step_outcome check_rotatable(struct exchange *exchange)
{
    struct luna_key key = {.id = 0};
    if (find_key(exchange, &key) == STEP_ANSWERED)
        return STEP_ANSWERED;
    return (key.scopes & ~scopes_of_sender(exchange)) != 0
               ? scopes_refuse(exchange, key.scopes, "The key has scopes that you do not have.")
               : STEP_ON;
}

enum step_outcome api_keys_rotate_answer(struct exchange *exchange)
{
    const struct rotation *wanted = exchange->route_state;
    char actor[ACTOR_BYTES];
    unsigned char hash[BODY_HASH_BYTES];
    struct luna_error err = {0};
    struct luna_key_seed seed;
    struct luna_key_text key;
    int64_t id = 0;
    assert(wanted != NULL);
    if (check_rotatable(exchange) == STEP_ANSWERED)
        return STEP_ANSWERED;
    struct luna_operator op = api_operator(exchange, actor, sizeof actor);
    op.seed = api_key_seed(exchange, hash, &seed) ? &seed : NULL;
    if (luna_key_replace(&op, exchange->ids.account_id, exchange->ids.key_id, wanted->grace_s, &key,
                         &id, &err) != LUNA_OK)
        return api_store_failed(exchange, &err);
    put_new_key(exchange, &key, id);
    luna_buf_printf(&exchange->pipeline->response.body, ",\"replaces\":%lld,\"grace_s\":%lld}\n",
                    (long long)exchange->ids.key_id, (long long)wanted->grace_s);
    luna_key_text_wipe(&key);
    return STEP_ON;
}

enum step_outcome api_keys_revoke_answer(struct exchange *exchange)
{
    char actor[ACTOR_BYTES];
    struct luna_error err = {0};
    const struct luna_operator op = api_operator(exchange, actor, sizeof actor);
    if (luna_key_revoke(&op, exchange->ids.account_id, exchange->ids.key_id, "", &err) != LUNA_OK)
        return api_store_failed(exchange, &err);
    exchange->pipeline->response.status = 204;
    return STEP_ON;
}
