/*
 * listing.h: what every command that prints a list has in common: a session, --limit and --after,
 * the table or the JSON array, and the hint at the next page.
 */
#ifndef CLI_LISTING_H
#define CLI_LISTING_H

#include "session/session.h"
#include "terminal/command.h"
#include "terminal/output.h"

#include <stdbool.h>
#include <stdint.h>

enum { LISTING_CURSOR_BYTES = 128 };

/* What --after names: the record before the page. */
enum listing_pages {
    LISTING_WHOLE,  /* the command has no pages */
    LISTING_BY_ID,  /* a number, in the first cell of every record */
    LISTING_BY_NAME /* a text, in the first cell of every record */
};

struct listing {
    const struct invocation *invocation;
    const struct session *session;
    const void *choice;     /* what listing_run() received */
    int64_t fetch_max;      /* how many records to ask the store for; 0: all */
    int64_t after_id;       /* 0: from the first */
    const char *after_name; /* NULL: from the first */
    /* private */
    struct output_list *records;
    int64_t shown_max; /* 0: all */
    int64_t shown;
    bool more;
    char cursor[LISTING_CURSOR_BYTES];
};

struct listing_kind {
    enum listing_pages pages;
    const char *empty; /* printed in place of an empty table */
    /* Reads the records and adds them. */
    enum luna_code (*fill)(struct listing *listing, struct luna_error *err);
};

/* LISTING_OPTIONS: for the declaration of a command with pages. */
#define LISTING_OPTIONS(cursor)                                                                    \
    {"limit", "N", "list at most N records (default: all)"},                                       \
    {                                                                                              \
        "after", cursor, "list only the records after this one (the next page)"                    \
    }

/* `choice` is what the command has read of its own options, for `fill`; NULL: nothing. */
enum cli_exit listing_run(const struct invocation *invocation, const struct listing_kind *kind,
                          const void *choice);
/* False: the page is full, and nothing was added. */
bool listing_add(struct listing *listing, const struct cell *cells, size_t count);

#endif
