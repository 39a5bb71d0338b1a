/*
 * buf.h: a byte buffer that grows up to a stated maximum.
 *
 * Invariants: len <= cap <= max; data[0..len) is what was written. A failed append leaves the
 * buffer unchanged and sets `overflow`, so that a writer may append a whole document and check once
 * at the end. Ownership: the buffer owns its bytes (malloc); luna_buf_done() frees them;
 * luna_buf_clear() keeps the memory. Documents longer than the buffer: when an append does not fit
 * and `drain` is set, drain receives all bytes so far and the buffer restarts empty. If drain
 * returns false, the buffer overflows; bytes that drain received earlier are not recalled. The
 * writer itself sends the bytes that are left at the end.
 */
#ifndef LUNA_BASE_BUF_H
#define LUNA_BASE_BUF_H

#include "luna/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct luna_buf {
    char *data;
    size_t len;
    size_t cap;
    size_t max; /* bytes; mandatory; changed by luna_buf_limit() alone */
    bool overflow;
    bool (*drain)(void *ctx, const char *bytes, size_t len); /* NULL: none */
    void *drain_ctx;
    size_t drained; /* bytes that drain has received since luna_buf_clear() */
};

void luna_buf_init(struct luna_buf *buf, size_t bytes_max);
void luna_buf_done(struct luna_buf *buf);
void luna_buf_clear(struct luna_buf *buf);
/* Removes what was written after the first `len` bytes; `overflow` stays. */
void luna_buf_cut(struct luna_buf *buf, size_t len);
/* Another maximum. A lower one than what is allocated needs an empty buffer, whose memory is freed:
 * more than the maximum would else be written before it is noticed. */
void luna_buf_limit(struct luna_buf *buf, size_t bytes_max);
/* Space for `bytes` more bytes: where to write them, or NULL (overflow is set). Commit what was
 * written with luna_buf_advance(), at most `bytes`. */
char *luna_buf_reserve(struct luna_buf *buf, size_t bytes);
void luna_buf_advance(struct luna_buf *buf, size_t bytes);
void luna_buf_append(struct luna_buf *buf, const void *bytes, size_t len);
void luna_buf_puts(struct luna_buf *buf, const char *text);
void luna_buf_putc(struct luna_buf *buf, char c);
void luna_buf_put_int(struct luna_buf *buf, int64_t number); /* decimal */
void luna_buf_printf(struct luna_buf *buf, const char *fmt, ...) LUNA_PRINTF(2, 3);
/* The bytes as a JSON string with its quotes: control bytes escaped, invalid UTF-8 replaced by
 * U+FFFD. */
void luna_buf_put_json_string(struct luna_buf *buf, const char *text, size_t len);

#endif
