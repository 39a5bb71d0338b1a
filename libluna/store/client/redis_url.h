/*
 * redis_url.h: parses redis:// and unix:// addresses. Private to the store.
 */
#ifndef LUNA_STORE_REDIS_URL_H
#define LUNA_STORE_REDIS_URL_H

#include "luna/base/error.h"

struct luna_redis_address {
    char host[256]; /* empty: `path` is a unix socket */
    int port;
    char path[108];
    char user[64];      /* empty: the default user */
    char password[256]; /* empty: none is sent */
    int db;
};

/* Both forms of counters.h. LUNA_ECONFIG names what is wrong without repeating the URL, which holds
 * a password. */
enum luna_code luna_redis_url_parse(const char *url, struct luna_redis_address *ret_address,
                                    struct luna_error *err) LUNA_MUSTCHECK;

#endif
