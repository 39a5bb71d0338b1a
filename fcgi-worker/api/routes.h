/*
 * routes.h: the routes of the API, in one table.
 *
 * Who: worker.c hands the table to the pipeline; the names are for logs and metrics.
 */
#ifndef FCGI_WORKER_ROUTES_H
#define FCGI_WORKER_ROUTES_H

#include "request/route.h"

extern const struct route_table api_routes;

#endif
