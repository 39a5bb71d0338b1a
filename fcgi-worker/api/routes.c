#include "api/routes.h"

#include "api/api.h"

#include <stdio.h>
#include <string.h>

static const struct step kalman_way[] = {{PHASE_ACCEPT, step_authenticate_shape},
                                         {PHASE_READ, step_read},
                                         {PHASE_DECODE, step_decode},
                                         {PHASE_ADMIT, step_admit},
                                         {PHASE_MODEL, step_model},
                                         {PHASE_MODEL, step_in_time},
                                         {PHASE_COMMIT, step_commit},
                                         {PHASE_ENCODE, step_encode},
                                         {PHASE_IDLE, NULL}};
static const struct step batch_way[] = {{PHASE_ACCEPT, step_authenticate_shape},
                                        {PHASE_READ, step_read},
                                        {PHASE_DECODE, api_batch_decode},
                                        {PHASE_ADMIT, step_admit},
                                        {PHASE_MODEL, api_batch_run},
                                        {PHASE_COMMIT, api_batch_settle},
                                        {PHASE_ENCODE, api_batch_end},
                                        {PHASE_IDLE, NULL}};

/* A way of reads: who asks is checked, what the query says, then the answer is made. */
#define READ_WAY(read_, answer_)                                                                   \
    {                                                                                              \
        {PHASE_ACCEPT, step_authenticate_shape}, {PHASE_DECODE, read_}, {PHASE_ADMIT, step_admit}, \
            {PHASE_MODEL, answer_}, {PHASE_ENCODE, step_revalidate},                               \
        {                                                                                          \
            PHASE_IDLE, NULL                                                                       \
        }                                                                                          \
    }
/* A way of changes: the same with a body. */
#define CHANGE_WAY(read_, answer_)                                                                 \
    {                                                                                              \
        {PHASE_ACCEPT, step_authenticate_shape}, {PHASE_READ, step_read}, {PHASE_DECODE, read_},   \
            {PHASE_ADMIT, step_admit}, {PHASE_MODEL, answer_},                                     \
        {                                                                                          \
            PHASE_IDLE, NULL                                                                       \
        }                                                                                          \
    }

static const struct step account_way[] = READ_WAY(api_account_read, api_account_answer);
static const struct step usage_way[] = READ_WAY(api_usage_read, api_usage_answer);
static const struct step events_way[] = READ_WAY(api_events_read, api_events_answer);
static const struct step keys_list_way[] = READ_WAY(api_keys_list_read, api_keys_list_answer);
static const struct step keys_read_way[] = READ_WAY(api_keys_list_read, api_keys_read_answer);
static const struct step keys_create_way[] =
    CHANGE_WAY(api_keys_create_read, api_keys_create_answer);
static const struct step keys_rotate_way[] =
    CHANGE_WAY(api_keys_rotate_read, api_keys_rotate_answer);
static const struct step keys_revoke_way[] = READ_WAY(api_keys_revoke_read, api_keys_revoke_answer);
static const struct step token_way[] = CHANGE_WAY(api_token_read, api_token_answer);

static const struct route routes[] = {
    {"kalman", "POST", "/api/v1/{account_id}/kalman", LUNA_SCOPE_MODEL, 1, kalman_way},
    {"kalman_batch", "POST", "/api/v1/{account_id}/kalman/batch", LUNA_SCOPE_MODEL, 1, batch_way},
    {"account", "GET", "/api/v1/{account_id}", LUNA_SCOPE_READ, 0, account_way},
    {"usage", "GET", "/api/v1/{account_id}/usage", LUNA_SCOPE_READ, 0, usage_way},
    {"usage_events", "GET", "/api/v1/{account_id}/usage/events", LUNA_SCOPE_READ, 0, events_way},
    {"keys_list", "GET", "/api/v1/{account_id}/keys", LUNA_SCOPE_KEYS, 0, keys_list_way},
    {"keys_create", "POST", "/api/v1/{account_id}/keys", LUNA_SCOPE_KEYS, 0, keys_create_way},
    {"keys_read", "GET", "/api/v1/{account_id}/keys/{key_id}", LUNA_SCOPE_KEYS, 0, keys_read_way},
    {"keys_revoke", "DELETE", "/api/v1/{account_id}/keys/{key_id}", LUNA_SCOPE_KEYS, 0,
     keys_revoke_way},
    {"keys_rotate", "POST", "/api/v1/{account_id}/keys/{key_id}/rotate", LUNA_SCOPE_KEYS, 0,
     keys_rotate_way},
    {"token", "POST", "/api/v1/{account_id}/token", 0, 0, token_way},
};
enum { ROUTE_COUNT = sizeof routes / sizeof routes[0] };
_Static_assert((int)ROUTE_COUNT < (int)SCOREBOARD_ROUTES,
               "the scoreboard counts every route and, in its last row, none");

enum { ID_DIGITS_MAX = 18 };

/* An id as it stands in a path: decimal, positive, no sign, no leading zero. */
static bool id_parse(const char *text, size_t len, int64_t id_max, int64_t *ret_id)
{
    int64_t id = 0;
    if (len == 0 || len > ID_DIGITS_MAX || text[0] == '0')
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        id = id * 10 + (text[i] - '0');
    }
    if (id > id_max)
        return false;
    *ret_id = id;
    return true;
}

/* One segment of a path against one of a pattern. */
static bool segment_matches(const char *pattern, size_t pattern_len, const char *text, size_t len,
                            struct route_ids *ids)
{
    static const char account[] = "{account_id}", key[] = "{key_id}";
    /* accounts.id is an INTEGER */
    if (pattern_len == sizeof account - 1 && memcmp(pattern, account, pattern_len) == 0)
        return id_parse(text, len, INT32_MAX, &ids->account_id);
    if (pattern_len == sizeof key - 1 && memcmp(pattern, key, pattern_len) == 0)
        return id_parse(text, len, INT64_MAX, &ids->key_id);
    return pattern_len == len && memcmp(pattern, text, len) == 0;
}

static size_t segment_len(const char *text, size_t len)
{
    const char *slash = memchr(text, '/', len);
    return slash != NULL ? (size_t)(slash - text) : len;
}

static bool path_matches(const char *pattern, const char *path, size_t len, struct route_ids *ids)
{
    size_t pattern_left = strlen(pattern);
    for (;;) {
        size_t want = segment_len(pattern, pattern_left), have = segment_len(path, len);
        if (!segment_matches(pattern, want, path, have, ids))
            return false;
        if (want == pattern_left || have == len)
            return want == pattern_left && have == len;
        pattern += want + 1;
        pattern_left -= want + 1;
        path += have + 1;
        len -= have + 1;
    }
}

enum route_match routes_find(const char *method, const char *path, size_t path_len,
                             const struct route **ret_route, struct route_ids *ret_ids)
{
    enum route_match match = ROUTE_UNKNOWN;
    struct route_ids ids = {0};
    for (int i = 0; i < ROUTE_COUNT && match != ROUTE_FOUND; i++) {
        if (!path_matches(routes[i].pattern, path, path_len, &ids))
            continue;
        match = strcmp(routes[i].method, method) == 0 ? ROUTE_FOUND : ROUTE_WRONG_METHOD;
        *ret_route = &routes[i];
        *ret_ids = ids;
    }
    return match;
}

int route_number(const struct route *route)
{
    return route != NULL ? (int)(route - routes) : -1;
}

const char *route_name(int number)
{
    return number >= 0 && number < ROUTE_COUNT ? routes[number].name : "none";
}

static size_t add_method(char *out, size_t size, size_t used, const char *method)
{
    int wrote = snprintf(out + used, size - used, "%s%s", used > 0 ? ", " : "", method);
    return used + (wrote > 0 ? (size_t)wrote : 0);
}

void route_allow(const struct route *route, char *out, size_t size)
{
    size_t used = 0;
    for (int i = 0; i < ROUTE_COUNT && used < size; i++) {
        if (strcmp(routes[i].pattern, route->pattern) != 0)
            continue;
        used = add_method(out, size, used, routes[i].method);
        if (used < size && strcmp(routes[i].method, "GET") == 0)
            used = add_method(out, size, used, "HEAD");
    }
    if (used < size)
        (void)add_method(out, size, used, "OPTIONS");
}
