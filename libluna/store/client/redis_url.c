#include "client/redis_url.h"

#include "luna/base/digits.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Copies `len` bytes with %XX decoded. False when it does not fit or is not well formed. */
static bool decode(const char *text, size_t len, char *out, size_t out_bytes)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        int c = (unsigned char)text[i];
        if (c == '%') {
            if (i + 2 >= len || luna_hex_digit(text[i + 1]) < 0 || luna_hex_digit(text[i + 2]) < 0)
                return false;
            c = luna_hex_digit(text[i + 1]) * 16 + luna_hex_digit(text[i + 2]);
            i += 2;
        }
        if (n + 1 >= out_bytes || c == 0)
            return false;
        out[n++] = (char)c;
    }
    out[n] = '\0';
    return true;
}

static bool parse_number(const char *text, size_t len, long max, int *ret_number)
{
    long value = 0;
    if (len == 0 || len > 5)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        value = value * 10 + (text[i] - '0');
    }
    if (value > max)
        return false;
    *ret_number = (int)value;
    return true;
}

static bool parse_credentials(const char *text, size_t len, struct luna_redis_address *address)
{
    const char *colon = memchr(text, ':', len);
    if (colon == NULL)
        return decode(text, len, address->password, sizeof address->password);
    size_t user_len = (size_t)(colon - text);
    return decode(text, user_len, address->user, sizeof address->user) &&
           decode(colon + 1, len - user_len - 1, address->password, sizeof address->password);
}

static enum luna_code parse_tcp(const char *rest, struct luna_redis_address *address,
                                struct luna_error *err)
{
    size_t authority_len = strcspn(rest, "/");
    const char *db = rest[authority_len] == '/' ? rest + authority_len + 1 : "";
    const char *end = rest + authority_len;
    const char *at = memrchr(rest, '@', authority_len);
    if (at != NULL && !parse_credentials(rest, (size_t)(at - rest), address))
        return luna_error_set(err, LUNA_ECONFIG,
                              "Redis URL: the user or password is too long or badly %%-encoded");
    const char *host = at != NULL ? at + 1 : rest;
    bool bracketed = *host == '[';
    host += bracketed ? 1 : 0;
    const char *host_end = host + strcspn(host, bracketed ? "]/" : ":/");
    if (bracketed && *host_end != ']')
        return luna_error_set(err, LUNA_ECONFIG,
                              "Redis URL: \"[\" without \"]\" around the address");
    if (host_end == host ||
        !decode(host, (size_t)(host_end - host), address->host, sizeof address->host))
        return luna_error_set(err, LUNA_ECONFIG, "Redis URL: the host is missing or too long");
    const char *port = host_end + (bracketed ? 1 : 0);
    address->port = 6379;
    if (port < end &&
        (*port != ':' || !parse_number(port + 1, (size_t)(end - port - 1), 65535, &address->port)))
        return luna_error_set(err, LUNA_ECONFIG, "Redis URL: the port is not a number up to 65535");
    if (*db != '\0' && !parse_number(db, strlen(db), 9999, &address->db))
        return luna_error_set(err, LUNA_ECONFIG,
                              "Redis URL: what follows \"/\" is not a database number");
    return LUNA_OK;
}

static bool parse_query_item(const char *item, size_t len, struct luna_redis_address *address)
{
    if (len > 3 && memcmp(item, "db=", 3) == 0)
        return parse_number(item + 3, len - 3, 9999, &address->db);
    if (len > 9 && memcmp(item, "password=", 9) == 0)
        return decode(item + 9, len - 9, address->password, sizeof address->password);
    if (len > 5 && memcmp(item, "user=", 5) == 0)
        return decode(item + 5, len - 5, address->user, sizeof address->user);
    return false;
}

static enum luna_code parse_unix(const char *rest, struct luna_redis_address *address,
                                 struct luna_error *err)
{
    size_t path_len = strcspn(rest, "?");
    if (path_len == 0 || rest[0] != '/' ||
        !decode(rest, path_len, address->path, sizeof address->path))
        return luna_error_set(err, LUNA_ECONFIG,
                              "Redis URL: unix:// needs an absolute path of at most 107 bytes");
    for (const char *item = rest + path_len; *item != '\0';) {
        item++;
        size_t len = strcspn(item, "&");
        if (!parse_query_item(item, len, address))
            return luna_error_set(err, LUNA_ECONFIG,
                                  "Redis URL: after \"?\" only db=, user= and password= are known");
        item += len;
    }
    return LUNA_OK;
}

enum luna_code luna_redis_url_parse(const char *url, struct luna_redis_address *ret_address,
                                    struct luna_error *err)
{
    struct luna_redis_address address = {.port = 0};
    enum luna_code code;
    if (strncmp(url, "redis://", 8) == 0)
        code = parse_tcp(url + 8, &address, err);
    else if (strncmp(url, "unix://", 7) == 0)
        code = parse_unix(url + 7, &address, err);
    else if (strncmp(url, "rediss://", 9) == 0)
        code =
            luna_error_set(err, LUNA_ECONFIG,
                           "Redis URL: rediss:// is not possible, as Debian's hiredis has no TLS; "
                           "use unix:// to a local TLS proxy (docs/SCALING.md)");
    else
        code = luna_error_set(
            err, LUNA_ECONFIG,
            "Redis URL: expected redis://[[user]:password@]host:port[/db] or unix:///path[?db=n]");
    if (code == LUNA_OK)
        *ret_address = address;
    return code;
}
