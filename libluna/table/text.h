/*
 * text.h: the bytes of a file as UTF-8 text, or what they are instead. Private to this library.
 */
#ifndef LUNA_TABLE_TEXT_H
#define LUNA_TABLE_TEXT_H

#include "luna/base/arena.h"
#include "luna/modelling/decode.h"
#include "luna/modelling/fault.h"

#include <stdbool.h>
#include <stddef.h>

struct text {
    const char *at; /* without a byte order mark */
    size_t len;
    const char *encoding;
    size_t mark_bytes; /* of the byte order marks in front of it */
};

/* The text, in place where it is UTF-8, else a copy in the arena. A workbook, a compressed file, a
 * web page, JSON or UTF-16 without a mark is a fault that says how to send it. */
enum luna_decode_status text_read(const char *body, size_t len, struct luna_arena *arena,
                                  struct text *ret_text, struct luna_faults *faults)
    __attribute__((warn_unused_result));

/* How many bytes of the body as it was sent precede `at`, which is in the text or at its end. */
size_t text_offset(const struct text *text, const char *at) __attribute__((warn_unused_result));

/* How many lines end; "\r\n" ends one. */
size_t text_line_ends(const struct text *text) __attribute__((warn_unused_result));

/* No line ends: the client removed them, or the body is one line without an end. */
bool text_lacks_line_end(const struct text *text);

#endif
