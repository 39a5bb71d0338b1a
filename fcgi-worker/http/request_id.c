#include "http/request_id.h"

#include "http/credential.h"
#include "luna/base/random.h"
#include "luna/store/key_text.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { ID_CHARACTERS_MIN = 8, ID_CHARACTERS_MAX = 64 };

static bool is_valid(const char *id)
{
    size_t len = strlen(id);
    return len >= ID_CHARACTERS_MIN && len <= ID_CHARACTERS_MAX &&
           strspn(id, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_.") == len;
}

/* A key in the wrong header. */
static bool is_secret(const struct request_id_given *given)
{
    return strstr(given->from_client, LUNA_KEY_MARK) != NULL ||
           credential_shown(given->from_client, given->api_key, given->authorization);
}

/* The web server passes on the client's id where its own rules find no key in it. */
static bool is_servers_own(const struct request_id_given *given)
{
    return strcmp(given->from_server, given->from_client) != 0;
}

void request_id_choose(const struct request_id_given *given, char *out, size_t size)
{
    unsigned long long random[2] = {0};
    assert(size > ID_CHARACTERS_MAX); /* an id that is cut would be another one */
    if (is_valid(given->from_client) && !is_secret(given)) {
        (void)snprintf(out, size, "%s", given->from_client);
    } else if (is_valid(given->from_server) && is_servers_own(given)) {
        (void)snprintf(out, size, "%s", given->from_server);
    } else {
        luna_random_bytes(random, sizeof random);
        (void)snprintf(out, size, "%016llx%016llx", random[0], random[1]);
    }
}
