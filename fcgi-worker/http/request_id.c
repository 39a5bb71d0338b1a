#include "http/request_id.h"

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
    if (strncmp(id, LUNA_KEY_MARK, strlen(LUNA_KEY_MARK)) == 0) /* a key in the wrong header */
        return false;
    return len >= ID_CHARACTERS_MIN && len <= ID_CHARACTERS_MAX &&
           strspn(id, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_.") == len;
}

void request_id_choose(const char *from_client, const char *from_server, char *out, size_t size)
{
    unsigned long long random[2] = {0};
    assert(size > ID_CHARACTERS_MAX); /* an id that is cut would be another one */
    if (is_valid(from_client)) {
        (void)snprintf(out, size, "%s", from_client);
    } else if (is_valid(from_server)) {
        (void)snprintf(out, size, "%s", from_server);
    } else {
        luna_random_bytes(random, sizeof random);
        (void)snprintf(out, size, "%016llx%016llx", random[0], random[1]);
    }
}
