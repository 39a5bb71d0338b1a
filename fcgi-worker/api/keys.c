#include "api/api.h"

#include "api/json.h"
#include "api/scopes.h"
#include "api/small_body.h"
#include "api/stores.h"
#include "luna/base/clock.h"

enum {
    LIFE_S_MAX = 10 * 366 * 86400,
    GRACE_S_MAX = 7 * 86400,
    ACTOR_BYTES = 96,
    SCOPES_TEXT_BYTES = 128
};

static const char *const no_query[] = {NULL};

/* The query has to be empty, the body JSON of these members. */
void api_read_small_body(struct exchange *exchange, const struct small_member *members)
{
    const char *type = exchange->request.content_type;
    api_read_query(exchange, no_query);
    if (exchange->complaint.id != PROBLEM_NONE)
        return;
    if (exchange->request.body_len > 0 && !http_media_named(type, "application/json")) {
        exchange_complain(exchange, PROBLEM_MEDIA_TYPE, "Send Content-Type: application/json.");
        return;
    }
    if (!exchange_body_unpacked(exchange))
        return;
    small_body_read(exchange->request.body, exchange->request.body_len, members, &exchange->faults);
    if (exchange->faults.count > 0)
        exchange_complain_of_faults(exchange, LUNA_DECODE_FAULTS);
}

enum step_outcome api_keys_list_read(struct exchange *exchange)
{
    api_read_query(exchange, no_query);
    return STEP_ON;
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
    luna_buf_putc(out, '}');
}

struct listing {
    struct luna_buf *out;
    size_t count;
};

static bool list_key(void *context, const struct luna_key *key)
{
    struct listing *listing = context;
    if (listing->count++ > 0)
        luna_buf_putc(listing->out, ',');
    put_key(key, listing->out);
    return true;
}

enum step_outcome api_keys_list_answer(struct exchange *exchange)
{
    struct luna_error err = {0};
    struct listing listing = {.out = json_begin(&exchange->pipeline->response)};
    luna_buf_puts(listing.out, "{\"data\":[");
    if (luna_key_list(api_database(exchange), exchange->account_id, list_key, &listing, &err) !=
        LUNA_OK)
        return api_store_failed(exchange, &err);
    luna_buf_puts(listing.out, "]}\n");
    return STEP_ON;
}

struct search {
    int64_t id;
    struct luna_key key; /* id 0: not found */
};

static bool compare_key(void *context, const struct luna_key *key)
{
    struct search *search = context;
    if (key->id != search->id)
        return true;
    search->key = *key;
    return false;
}

/* The key that the path names. */
static enum step_outcome find_key(struct exchange *exchange, struct luna_key *ret_key)
{
    struct luna_error err = {0};
    struct search search = {.id = exchange->ids.key_id};
    if (luna_key_list(api_database(exchange), exchange->account_id, compare_key, &search, &err) !=
        LUNA_OK)
        return api_store_failed(exchange, &err);
    if (search.key.id == 0)
        return exchange_refuse(exchange, PROBLEM_NOT_FOUND, "The account has no such key.");
    *ret_key = search.key;
    return STEP_ON;
}

enum step_outcome api_keys_read_answer(struct exchange *exchange)
{
    struct luna_key key = {.id = 0};
    if (find_key(exchange, &key) == STEP_ANSWERED)
        return STEP_ANSWERED;
    struct luna_buf *out = json_begin(&exchange->pipeline->response);
    put_key(&key, out);
    luna_buf_putc(out, '\n');
    return STEP_ON;
}

unsigned api_own_scopes(const struct exchange *exchange)
{
    bool by_token = exchange->token.account_id != 0;
    return exchange->admission.key_scopes & (by_token ? exchange->token.scopes : LUNA_SCOPES_ALL);
}

enum step_outcome api_refuse_wider(struct exchange *exchange, unsigned wanted, const char *what)
{
    struct luna_buf lacking;
    luna_buf_init(&lacking, SCOPES_TEXT_BYTES);
    scopes_put_json(wanted & ~api_own_scopes(exchange), &lacking);
    luna_buf_putc(&lacking, '\0');
    const char *detail = luna_arena_printf(&exchange->pipeline->arena,
                                           "%s %s, which yours lacks. Use a key that has it all.",
                                           what, lacking.overflow ? "scopes" : lacking.data);
    luna_buf_done(&lacking);
    return exchange_refuse(exchange, PROBLEM_SCOPE_EXCEEDED, detail);
}

enum step_outcome api_keys_create_read(struct exchange *exchange)
{
    const struct small_member members[] = {
        {.name = "scopes", .type = SMALL_SCOPES, .ret_scopes = &exchange->scopes},
        {.name = "expires_in_s",
         .type = SMALL_INT,
         .min = 1,
         .max = LIFE_S_MAX,
         .ret_int = &exchange->wanted},
        {.name = NULL}};
    exchange->scopes = LUNA_SCOPE_MODEL | LUNA_SCOPE_READ;
    api_read_small_body(exchange, members);
    return STEP_ON;
}

/* The one time that a key is shown. */
static void put_new_key(struct exchange *exchange, const struct luna_key_text *key, int64_t id)
{
    struct http_response *response = &exchange->pipeline->response;
    struct luna_buf *out = json_begin(response);
    response->status = 201;
    http_header_add(response, "Location", "/api/v1/%lld/keys/%lld", (long long)exchange->account_id,
                    (long long)id);
    luna_buf_printf(out, "{\"id\":%lld,", (long long)id);
    json_put_text(out, "api_key", key->text);
}

enum step_outcome api_keys_create_answer(struct exchange *exchange)
{
    char actor[ACTOR_BYTES];
    struct luna_error err = {0};
    struct luna_key_text key;
    int64_t id = 0;
    int64_t expires_ms = exchange->wanted > 0 ? luna_clock_wall_ms() + exchange->wanted * 1000 : 0;
    if ((exchange->scopes & ~api_own_scopes(exchange)) != 0)
        return api_refuse_wider(exchange, exchange->scopes,
                                "A key gives only what it has itself; this asks for");
    const struct luna_operator op = api_operator(exchange, actor, sizeof actor);
    if (luna_key_create(&op, exchange->account_id, exchange->scopes, 0, expires_ms, &key, &id,
                        &err) != LUNA_OK)
        return api_store_failed(exchange, &err);
    struct luna_buf *out = &exchange->pipeline->response.body;
    put_new_key(exchange, &key, id);
    luna_buf_puts(out, ",\"scopes\":");
    scopes_put_json(exchange->scopes, out);
    luna_buf_putc(out, ',');
    json_put_time(out, "expires_at", expires_ms);
    luna_buf_puts(out, "}\n");
    luna_key_text_wipe(&key);
    return STEP_ON;
}

enum step_outcome api_keys_rotate_read(struct exchange *exchange)
{
    const struct small_member members[] = {{.name = "grace_s",
                                            .type = SMALL_INT,
                                            .min = 0,
                                            .max = GRACE_S_MAX,
                                            .ret_int = &exchange->wanted},
                                           {.name = NULL}};
    api_read_small_body(exchange, members);
    return STEP_ON;
}

/* The successor is shown to whoever rotates, so its scopes have to be theirs. A key's scopes
 * never change: what is seen here holds. */
static enum step_outcome check_rotatable(struct exchange *exchange)
{
    struct luna_key key = {.id = 0};
    if (find_key(exchange, &key) == STEP_ANSWERED)
        return STEP_ANSWERED;
    return (key.scopes & ~api_own_scopes(exchange)) != 0
               ? api_refuse_wider(exchange, key.scopes, "That key has")
               : STEP_ON;
}

enum step_outcome api_keys_rotate_answer(struct exchange *exchange)
{
    char actor[ACTOR_BYTES];
    struct luna_error err = {0};
    struct luna_key_text key;
    int64_t id = 0;
    if (check_rotatable(exchange) == STEP_ANSWERED)
        return STEP_ANSWERED;
    const struct luna_operator op = api_operator(exchange, actor, sizeof actor);
    if (luna_key_replace(&op, exchange->account_id, exchange->ids.key_id, exchange->wanted, &key,
                         &id, &err) != LUNA_OK)
        return api_store_failed(exchange, &err);
    put_new_key(exchange, &key, id);
    luna_buf_printf(&exchange->pipeline->response.body, ",\"replaces\":%lld,\"grace_s\":%lld}\n",
                    (long long)exchange->ids.key_id, (long long)exchange->wanted);
    luna_key_text_wipe(&key);
    return STEP_ON;
}

enum step_outcome api_keys_revoke_read(struct exchange *exchange)
{
    api_read_query(exchange, no_query);
    return STEP_ON;
}

enum step_outcome api_keys_revoke_answer(struct exchange *exchange)
{
    char actor[ACTOR_BYTES];
    struct luna_error err = {0};
    const struct luna_operator op = api_operator(exchange, actor, sizeof actor);
    if (luna_key_revoke(&op, exchange->account_id, exchange->ids.key_id, "", &err) != LUNA_OK)
        return api_store_failed(exchange, &err);
    exchange->pipeline->response.status = 204;
    return STEP_ON;
}
