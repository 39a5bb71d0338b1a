#include "error_lines.h"

#include <stdbool.h>

enum { CREDENTIAL_LEN = 36 }; /* a UUID; other keys and tokens are longer */

static bool is_of_uuid(u_char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == '-';
}

/* `text` has at least CREDENTIAL_LEN characters. */
static bool is_credential_at(const u_char *text)
{
    static const char key[] = "luna_live_", token[] = "eyJ";
    size_t len = 0;
    if (ngx_strncmp(text, key, sizeof key - 1) == 0 ||
        ngx_strncmp(text, token, sizeof token - 1) == 0)
        return true;
    while (len < CREDENTIAL_LEN && is_of_uuid(text[len]))
        len++;
    return len == CREDENTIAL_LEN;
}

/* As the access log has it ($luna_logged_path in conf/nginx/nginx.conf). */
static ngx_str_t shown_path(const ngx_str_t *uri)
{
    ngx_str_t path = *uri;
    for (size_t i = 0; i < uri->len; i++) {
        if (uri->data[i] == '?' ||
            (i + CREDENTIAL_LEN <= uri->len && is_credential_at(uri->data + i))) {
            path.len = i;
            break;
        }
    }
    return path;
}

/* What follows the message and the client's address. */
static u_char *line_end(ngx_http_request_t *r, ngx_http_request_t *current, u_char *buf, size_t len)
{
    ngx_str_t path = shown_path(&r->unparsed_uri);
    u_char *last = buf + len;
    u_char *at = ngx_slprintf(buf, last, ", request: \"%V %V\"", &r->method_name, &path);
    if (current != NULL && current->upstream != NULL && current->upstream->peer.name != NULL)
        at = ngx_slprintf(at, last, ", upstream: \"%V%V\"", &current->upstream->schema,
                          current->upstream->peer.name);
    return at;
}

ngx_int_t error_lines_shorten(ngx_http_request_t *r)
{
    r->log_handler = line_end;
    return NGX_DECLINED;
}
