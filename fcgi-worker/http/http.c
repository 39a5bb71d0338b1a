#include "http/http.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

void http_header_add(struct http_response *response, const char *name, const char *fmt, ...)
{
    char value[512];
    va_list args;
    va_start(args, fmt);
    /* NOLINT(clang-analyzer-valist.Uninitialized): fits */
    (void)vsnprintf(value, sizeof value, fmt, args);
    va_end(args);
    /* A line end would begin another header: no text of a client's comes here unchecked. */
    assert(strpbrk(value, "\r\n") == NULL);
    luna_buf_printf(&response->headers, "%s: %s\r\n", name, value);
}

const char *http_reason(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {{200, "OK"},
                   {201, "Created"},
                   {204, "No Content"},
                   {304, "Not Modified"},
                   {400, "Bad Request"},
                   {403, "Forbidden"},
                   {404, "Not Found"},
                   {405, "Method Not Allowed"},
                   {409, "Conflict"},
                   {413, "Content Too Large"},
                   {415, "Unsupported Media Type"},
                   {422, "Unprocessable Content"},
                   {429, "Too Many Requests"},
                   {500, "Internal Server Error"},
                   {503, "Service Unavailable"}};
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "Unknown";
}

/* Is the weight among `parameters` (";q=0.5;…", up to a comma) zero? */
static bool weight_is_zero(const char *parameters, size_t len)
{
    for (size_t i = 0; i + 2 < len; i++) {
        if (parameters[i] != ';')
            continue;
        size_t at = i + 1;
        while (at < len && parameters[at] == ' ')
            at++;
        if (at + 2 < len && (parameters[at] | 0x20) == 'q' && parameters[at + 1] == '=')
            return strspn(parameters + at + 2, "0.") >= len - at - 2;
    }
    return false;
}

bool http_media_named(const char *list, const char *type)
{
    size_t type_len = strlen(type);
    while (*list != '\0') {
        list += strspn(list, ", \t");
        size_t item_len = strcspn(list, ",");
        size_t name_len = strcspn(list, ",; \t");
        assert(name_len <= item_len); /* "," ends both */
        if (name_len == type_len && strncasecmp(list, type, type_len) == 0)
            return !weight_is_zero(list + name_len, item_len - name_len);
        list += item_len;
    }
    return false;
}
