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

/* Of the right form, and no key in the wrong header. */
static bool may_be_taken(const char *id, const struct request_id_given *given)
{
    return is_valid(id) && strstr(id, LUNA_KEY_MARK) == NULL &&
           !credential_shown(id, given->api_key, given->authorization);
}

void request_id_choose(const struct request_id_given *given, char *out, size_t size)
{
    unsigned long long random[2] = {0};
    assert(size > ID_CHARACTERS_MAX); /* an id that is cut would be another one */
    if (may_be_taken(given->from_client, given)) {
        (void)snprintf(out, size, "%s", given->from_client);
    } else if (may_be_taken(given->from_server, given)) {
        (void)snprintf(out, size, "%s", given->from_server);
    } else {
        luna_random_bytes(random, sizeof random);
        (void)snprintf(out, size, "%016llx%016llx", random[0], random[1]);
    }
}
