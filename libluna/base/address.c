#include "luna/base/address.h"

#include <netdb.h>
#include <stdbool.h>
#include <string.h>

enum { HOST_BYTES_MAX = 64 };

static bool split(const char *text, char host[HOST_BYTES_MAX], const char **ret_port)
{
    const char *colon = strrchr(text, ':');
    if (colon == NULL || colon == text || colon[1] == '\0' ||
        strspn(colon + 1, "0123456789") != strlen(colon + 1))
        return false;
    const char *begin = text;
    const char *end = colon;
    if (begin[0] == '[') {
        if (end[-1] != ']')
            return false;
        begin++;
        end--;
    }
    size_t len = (size_t)(end - begin);
    if (len == 0 || len >= HOST_BYTES_MAX)
        return false;
    memcpy(host, begin, len);
    host[len] = '\0';
    *ret_port = colon + 1;
    return true;
}

enum luna_code luna_address_parse(const char *text, struct luna_address *ret_address,
                                  struct luna_error *err)
{
    char host[HOST_BYTES_MAX];
    const char *port = NULL;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
    struct addrinfo *info = NULL;
    if (!split(text, host, &port) || strlen(port) > 5 ||
        getaddrinfo(host, port, &hints, &info) != 0)
        return luna_error_set(err, LUNA_EINVAL,
                              "\"%s\" is not an address like 127.0.0.1:9100 or [::1]:9100", text);
    struct luna_address address = {.len = info->ai_addrlen};
    memcpy(&address.storage, info->ai_addr, info->ai_addrlen);
    freeaddrinfo(info);
    *ret_address = address;
    return LUNA_OK;
}
