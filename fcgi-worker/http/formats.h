/*
 * formats.h: the media types of a series, in requests and in answers.
 */
#ifndef FCGI_WORKER_FORMATS_H
#define FCGI_WORKER_FORMATS_H

#include <stdbool.h>

/* What Content-Type may be, as Accept lists it. */
#define FORMATS_OF_BATCHES "application/json, text/csv, application/x-ndjson"
#define FORMATS_OF_SERIES FORMATS_OF_BATCHES ", application/octet-stream"

enum format { FORMAT_JSON, FORMAT_CSV, FORMAT_NDJSON, FORMAT_OCTETS, FORMAT_COUNT };

/* The Content-Type that an answer in this format has. */
const char *format_content_type(enum format format);
/* The format that a Content-Type names; false: not one of these. */
bool format_of_content(const char *content_type, enum format *ret_format)
    __attribute__((warn_unused_result));
/* The format of the answer: the one that Accept gives the greatest weight (RFC 9110 §12.5.1);
 * between equals, and when it names no format of these, `otherwise`. */
enum format format_accepted(const char *accept, enum format otherwise);

#endif
