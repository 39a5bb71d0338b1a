/*
 * table.h: a body that is a table: its options, and what the answer says of its reading.
 */
#ifndef FCGI_WORKER_API_TABLE_H
#define FCGI_WORKER_API_TABLE_H

#include "http/formats.h"
#include "http/http.h"
#include "http/query.h"
#include "luna/table/table.h"
#include "request/exchange.h"

/* The table of the body, CSV or NDJSON of records, with the options in the query and in
 * Content-Type (header=absent, tabs). Faults are the exchange's. */
enum luna_decode_status table_read(struct exchange *exchange, const struct query *query,
                                   enum format format, bool batch,
                                   struct luna_table *ret_table) LUNA_MUSTCHECK;
/* Adds the header Luna-Input. `table` NULL: the body is no table, and has so many rows; `series`:
 * of a batch, else 0. */
void table_header_add(const struct luna_table *table, size_t rows, size_t series,
                      struct http_response *response);
/* The same for include=input, in the arena. False: out of memory. */
bool table_origin_set(const struct luna_table *table, struct luna_arena *arena,
                      struct luna_request *request) LUNA_MUSTCHECK;

#endif
