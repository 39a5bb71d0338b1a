/*
 * table.h: a body that is a table: its options, and what the answer says of its reading.
 */
#ifndef FCGI_WORKER_API_TABLE_H
#define FCGI_WORKER_API_TABLE_H

#include "http/http.h"
#include "http/query.h"
#include "luna/table/table.h"
#include "request/exchange.h"

/* The options in the query, and before them what Content-Type says: header=absent, tabs. A fault
 * when the two disagree. */
void table_options_read(const struct exchange *exchange, const struct query *query,
                        struct luna_table_options *ret_options, struct luna_faults *faults);
/* Adds the header Luna-Input. */
void table_header_add(const struct luna_table *table, struct http_response *response);
/* The same for include=input, in the arena. False: out of memory. */
bool table_origin_set(const struct luna_table *table, struct luna_arena *arena,
                      struct luna_request *request) LUNA_MUSTCHECK;

#endif
