#include "routes.h"

#include "exchange.h"

#include <stdio.h>
#include <string.h>

static const char account_segment[] = "{account_id}";

static const struct step kalman_way[] = {{PHASE_ACCEPT, step_authenticate_shape},
                                         {PHASE_READ, step_read},
                                         {PHASE_DECODE, step_decode},
                                         {PHASE_ADMIT, step_admit},
                                         {PHASE_MODEL, step_model},
                                         {PHASE_ENCODE, step_encode},
                                         {PHASE_COMMIT, step_commit},
                                         {PHASE_IDLE, NULL}};

static const struct route routes[] = {
    {"kalman", "POST", "/api/v1/{account_id}/kalman", LUNA_SCOPE_MODEL, 1, kalman_way},
};
enum { ROUTE_COUNT = sizeof routes / sizeof routes[0] };

bool account_id_parse(const char *text, size_t len, int64_t *ret_id)
{
    int64_t id = 0;
    if (len == 0 || len > 10 || text[0] == '0')
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        id = id * 10 + (text[i] - '0');
    }
    if (id > INT32_MAX)
        return false;
    *ret_id = id;
    return true;
}

static bool path_matches(const char *pattern, const char *path, size_t len, int64_t *ret_account_id)
{
    const char *hole = strstr(pattern, account_segment);
    size_t before = hole != NULL ? (size_t)(hole - pattern) : strlen(pattern);
    if (len < before || memcmp(pattern, path, before) != 0)
        return false;
    if (hole == NULL)
        return len == before;
    const char *after = hole + sizeof account_segment - 1;
    size_t after_len = strlen(after);
    if (len <= before + after_len || memcmp(path + len - after_len, after, after_len) != 0)
        return false;
    return account_id_parse(path + before, len - before - after_len, ret_account_id);
}

enum route_match routes_find(const char *method, const char *path, size_t path_len,
                             const struct route **ret_route, int64_t *ret_account_id)
{
    enum route_match match = ROUTE_UNKNOWN;
    for (int i = 0; i < ROUTE_COUNT && match != ROUTE_FOUND; i++) {
        if (!path_matches(routes[i].pattern, path, path_len, ret_account_id))
            continue;
        match = strcmp(routes[i].method, method) == 0 ? ROUTE_FOUND : ROUTE_WRONG_METHOD;
        *ret_route = &routes[i];
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

void route_allow(const struct route *route, char *out, size_t size)
{
    size_t used = 0;
    for (int i = 0; i < ROUTE_COUNT && used < size; i++) {
        if (strcmp(routes[i].pattern, route->pattern) != 0)
            continue;
        int wrote = snprintf(out + used, size - used, "%s%s", used > 0 ? ", " : "", routes[i].method);
        used += wrote > 0 ? (size_t)wrote : 0;
    }
}
