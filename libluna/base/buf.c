#include "luna/base/buf.h"

#include "luna/base/digits.h"
#include "luna/base/escape.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUF_FIRST_BYTES = 256 };

void luna_buf_init(struct luna_buf *buf, size_t bytes_max)
{
    *buf = (struct luna_buf){.max = bytes_max};
}

void luna_buf_done(struct luna_buf *buf)
{
    free(buf->data);
    *buf = (struct luna_buf){.max = buf->max};
}

void luna_buf_clear(struct luna_buf *buf)
{
    buf->len = 0;
    buf->drained = 0;
    buf->overflow = false;
}

void luna_buf_cut(struct luna_buf *buf, size_t len)
{
    assert(len <= buf->len);
    buf->len = len;
}

void luna_buf_limit(struct luna_buf *buf, size_t bytes_max)
{
    assert(buf->len == 0 || buf->cap <= bytes_max);
    if (buf->cap > bytes_max) {
        free(buf->data);
        buf->data = NULL;
        buf->cap = 0;
    }
    buf->max = bytes_max;
}

/* Doubles the capacity, so that n appends cost O(n), up to the maximum. */
static bool grow(struct luna_buf *buf, size_t need)
{
    size_t cap = buf->cap > 0 ? buf->cap : BUF_FIRST_BYTES;
    while (cap < need && cap <= buf->max / 2)
        cap *= 2;
    if (cap < need || cap > buf->max)
        cap = buf->max;
    if (cap < need)
        return false; /* never less than what is written already */
    char *data = realloc(buf->data, cap);
    if (data == NULL)
        return false;
    buf->data = data;
    buf->cap = cap;
    return true;
}

static bool drain(struct luna_buf *buf, const char *bytes, size_t len)
{
    if (len > 0 && !buf->drain(buf->drain_ctx, bytes, len))
        return false;
    buf->drained += len;
    return true;
}

/* Drains a full buffer, if it has a drain; true when `bytes` fit afterwards. */
static bool make_room(struct luna_buf *buf, size_t bytes)
{
    if (buf->drain == NULL || buf->overflow || !drain(buf, buf->data, buf->len))
        return false;
    buf->len = 0;
    return bytes <= buf->max;
}

char *luna_buf_reserve(struct luna_buf *buf, size_t bytes)
{
    assert(buf->len <= buf->cap && buf->cap <= buf->max);
    if (bytes <= buf->cap - buf->len && buf->data != NULL)
        return buf->data + buf->len;
    /* Compared so that nothing wraps around should the lengths ever be out of order. */
    bool fits = (buf->len <= buf->max && bytes <= buf->max - buf->len) || make_room(buf, bytes);
    bool must_grow = buf->data == NULL || bytes > buf->cap - buf->len;
    if (!fits || buf->max == 0 || (must_grow && !grow(buf, buf->len + bytes))) {
        buf->overflow = true;
        return NULL;
    }
    return buf->data + buf->len;
}

void luna_buf_advance(struct luna_buf *buf, size_t bytes)
{
    /* More than was reserved: the caller has already written past the end. */
    assert(bytes <= buf->cap - buf->len);
    buf->len += bytes;
}

void luna_buf_append(struct luna_buf *buf, const void *bytes, size_t len)
{
    if (len == 0)
        return;
    if (len > buf->max && make_room(buf, 0)) { /* longer than the buffer: bypass it */
        buf->overflow = !drain(buf, bytes, len);
        return;
    }
    char *at = luna_buf_reserve(buf, len);
    if (at == NULL)
        return;
    memcpy(at, bytes, len);
    buf->len += len;
}

void luna_buf_puts(struct luna_buf *buf, const char *text)
{
    luna_buf_append(buf, text, strlen(text));
}

void luna_buf_putc(struct luna_buf *buf, char c)
{
    luna_buf_append(buf, &c, 1);
}

void luna_buf_put_int(struct luna_buf *buf, int64_t number)
{
    char text[LUNA_DECIMAL_BYTES];
    luna_buf_append(buf, text, luna_decimal_print(number, text));
}

/* Most texts fit into the free space; only a longer one is formatted a second time. */
void luna_buf_printf(struct luna_buf *buf, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    size_t room = buf->cap - buf->len;
    char *at = buf->data != NULL ? buf->data + buf->len : NULL;
    int len = vsnprintf(at, at != NULL ? room : 0, fmt, args);
    va_end(args);
    if (len >= 0 && (at == NULL || (size_t)len >= room)) { /* vsnprintf also writes a NUL */
        at = luna_buf_reserve(buf, (size_t)len + 1);
        if (at != NULL)
            vsnprintf(at, (size_t)len + 1, fmt, again);
    }
    va_end(again);
    if (len < 0 || at == NULL)
        buf->overflow = true;
    else
        buf->len += (size_t)len;
}

void luna_buf_put_json_string(struct luna_buf *buf, const char *text, size_t len)
{
    size_t before = buf->len, drained_before = buf->drained;
    bool overflow_before = buf->overflow;
    buf->overflow = false;
    luna_buf_putc(buf, '"');
    for (size_t at = 0; at < len && !buf->overflow;) {
        size_t run = luna_escape_plain_run(text + at, len - at);
        luna_buf_append(buf, text + at, run);
        at += run;
        if (at < len) {
            char escaped[LUNA_ESCAPE_BYTES];
            size_t used = 0;
            size_t size = luna_escape_json(text + at, len - at, escaped, &used);
            luna_buf_append(buf, escaped, size);
            at += used;
        }
    }
    luna_buf_putc(buf, '"');
    if (buf->overflow && buf->drained == drained_before)
        buf->len = before;
    buf->overflow = buf->overflow || overflow_before;
}
