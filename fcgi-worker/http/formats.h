/*
 * formats.h: the media types that a series may come and go in.
 */
#ifndef FCGI_WORKER_FORMATS_H
#define FCGI_WORKER_FORMATS_H

#include <stdbool.h>

enum format { FORMAT_JSON, FORMAT_CSV, FORMAT_NDJSON, FORMAT_OCTETS, FORMAT_COUNT };

/* The Content-Type that an answer in this format has. */
const char *format_content_type(enum format format);
/* The format that a Content-Type names; false: none of ours. */
bool format_of_content(const char *content_type, enum format *ret_format)
    __attribute__((warn_unused_result));
/* The format of the answer: what Accept names with the greatest weight (RFC 9110 §12.5.1); between
 * equals, and when it names none of ours, `otherwise`. */
enum format format_accepted(const char *accept, enum format otherwise);

#endif
