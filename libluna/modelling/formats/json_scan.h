/*
 * json_scan.h: a strict pull scanner over one JSON text (RFC 8259) in memory.
 *
 * Private to this library. Every function moves `at` forward over exactly what it names and returns
 * true, or records the first problem and returns false, after which the scanner must not be used
 * further. Nothing is allocated; depth is bounded by depth_max, so recursion is too.
 */
#ifndef LUNA_MODELLING_JSON_SCAN_H
#define LUNA_MODELLING_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

struct json_scan {
    const char *text; /* the whole text: positions count from here */
    const char *at;
    const char *end;
    int depth;
    int depth_max;
    size_t values, values_max; /* json_scan_value() fails above it; 0: no limit */
    const char *problem;       /* NULL: none; else one static sentence */
    const char *problem_at;    /* where in the text */
};

struct json_span {
    const char *at;
    size_t len;
};

void json_scan_init(struct json_scan *scan, const char *text, size_t len, int depth_max);
/* Records a problem at `at`, unless there is one; returns false. */
bool json_scan_fail(struct json_scan *scan, const char *at, const char *problem);

void json_scan_space(struct json_scan *scan);
/* The next byte after white space; 0 at the end (a NUL byte in the text is no token either). */
char json_scan_peek(struct json_scan *scan);
/* Takes the byte `c` after white space, or fails with `problem`. */
bool json_scan_token(struct json_scan *scan, char c, const char *problem);
/* A string; *ret_raw is what stands between the quotes, escapes and all. */
bool json_scan_string(struct json_scan *scan, struct json_span *ret_raw);
/* Any value, nested ones included; *ret_value is its text. */
bool json_scan_value(struct json_scan *scan, struct json_span *ret_value);
/* Enters and leaves an array or object whose bracket was just taken. */
bool json_scan_enter(struct json_scan *scan);
void json_scan_leave(struct json_scan *scan);
/* After an item of a list that ends with `close`: takes "," or `close`; *ret_more says which. */
bool json_scan_more(struct json_scan *scan, char close, bool *ret_more);

/* Writes the text that the raw string stands for (at most raw.len bytes) and returns its length.
 * The raw text must have passed json_scan_string(). */
size_t json_unescape(struct json_span raw, char *out);

#endif
