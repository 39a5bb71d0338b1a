#include "http/http.h"

#include <assert.h>
#include <ctype.h>
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
                   {401, "Unauthorized"},
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

/* The q among `parameters` (";q=0.5;…", up to a comma), in thousandths; WEIGHT_MAX without one. */
static int weight_read(const char *parameters, size_t len)
{
    for (size_t i = 0; i + 2 < len; i++) {
        if (parameters[i] != ';')
            continue;
        size_t at = i + 1 + strspn(parameters + i + 1, " \t");
        if (at + 2 >= len || (parameters[at] | 0x20) != 'q' || parameters[at + 1] != '=')
            continue;
        at += 2;
        int weight = parameters[at] == '1' ? HTTP_WEIGHT_MAX : 0;
        at += parameters[at] != '.'; /* ".5" is read as "0.5" */
        int unit = HTTP_WEIGHT_MAX / 10;
        for (at++; weight < HTTP_WEIGHT_MAX && unit > 0 && at < len &&
                   isdigit((unsigned char)parameters[at]);
             at++) {
            weight += unit * (parameters[at] - '0');
            unit /= 10;
        }
        return weight;
    }
    return HTTP_WEIGHT_MAX;
}

/* How well the range `name` of Accept fits `type`: 0 not at all, 1 "*" "/" "*", 2 "text" "/"
 * "*", 3 exactly. */
static int range_fit(const char *name, size_t len, const char *type)
{
    size_t group = strcspn(type, "/") + 1;
    if (len == 3 && memcmp(name, "*/*", 3) == 0)
        return 1;
    if (len == group + 1 && name[group] == '*' && strncasecmp(name, type, group) == 0)
        return 2;
    return len == strlen(type) && strncasecmp(name, type, len) == 0 ? 3 : 0;
}

int http_accept_weight(const char *accept, const char *type)
{
    int best_fit = 0, weight = 0;
    while (*accept != '\0') {
        accept += strspn(accept, ", \t");
        size_t item_len = strcspn(accept, ",");
        size_t name_len = strcspn(accept, ",; \t");
        assert(name_len <= item_len); /* "," ends both */
        int fit = range_fit(accept, name_len, type);
        if (fit > best_fit) {
            best_fit = fit;
            weight = weight_read(accept + name_len, item_len - name_len);
        }
        accept += item_len;
    }
    return weight;
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
            return weight_read(list + name_len, item_len - name_len) > 0;
        list += item_len;
    }
    return false;
}
