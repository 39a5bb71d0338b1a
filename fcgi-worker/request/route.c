#include "request/route.h"

#include "luna/base/digits.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { ID_DIGITS_MAX = 18, PATH_BYTES_MAX = 128 /* of a decoded path with a route */ };

/* An id in a path: decimal, positive, no sign, no leading zero. */
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

/* A path with %XX, decoded into out; its length, or 0 for one that has no route. A code of '/' is
 * not a separator, and no route has a control character, a '%' or a byte that is not ASCII. */
static size_t path_decode(const char *path, size_t len, char out[PATH_BYTES_MAX])
{
    size_t used = 0;
    for (size_t i = 0; i < len; i++) {
        char c = path[i];
        if (c == '%') {
            int high = i + 2 < len ? luna_hex_digit(path[i + 1]) : -1;
            int low = high >= 0 ? luna_hex_digit(path[i + 2]) : -1;
            if (low < 0 || high * 16 + low <= ' ' || high * 16 + low > '~')
                return 0;
            c = (char)(high * 16 + low);
            if (c == '/' || c == '%')
                return 0;
            i += 2;
        }
        if (used == PATH_BYTES_MAX)
            return 0;
        out[used++] = c;
    }
    return used;
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
        assert(pattern[want] == '/' && path[have] == '/');
        pattern += want + 1;
        pattern_left -= want + 1;
        path += have + 1;
        len -= have + 1;
    }
}

enum route_match route_find(const struct route_table *table, const char *method, const char *path,
                            size_t path_len, const struct route **ret_route,
                            struct route_ids *ret_ids)
{
    enum route_match match = ROUTE_UNKNOWN;
    struct route_ids ids = {0};
    char decoded[PATH_BYTES_MAX];
    if (memchr(path, '%', path_len) != NULL) {
        path_len = path_decode(path, path_len, decoded);
        path = decoded;
    }
    for (size_t i = 0; i < table->count && match != ROUTE_FOUND; i++) {
        const struct route *route = &table->routes[i];
        if (!path_matches(route->pattern, path, path_len, &ids))
            continue;
        match = strcmp(route->method, method) == 0 ? ROUTE_FOUND : ROUTE_WRONG_METHOD;
        *ret_route = route;
        *ret_ids = ids;
    }
    return match;
}

int route_number(const struct route_table *table, const struct route *route)
{
    if (route == NULL)
        return -1;
    assert(route >= table->routes && route < table->routes + table->count);
    return (int)(route - table->routes);
}

static size_t add_method(char *out, size_t size, size_t used, const char *method)
{
    assert(used < size);
    int wrote = snprintf(out + used, size - used, "%s%s", used > 0 ? ", " : "", method);
    return used + (wrote > 0 ? (size_t)wrote : 0);
}

void route_allow(const struct route_table *table, const struct route *route, char *out, size_t size)
{
    size_t used = 0;
    for (size_t i = 0; i < table->count && used < size; i++) {
        const struct route *other = &table->routes[i];
        if (strcmp(other->pattern, route->pattern) != 0)
            continue;
        used = add_method(out, size, used, other->method);
        if (used < size && strcmp(other->method, "GET") == 0)
            used = add_method(out, size, used, "HEAD");
    }
    if (used < size)
        (void)add_method(out, size, used, "OPTIONS");
}
