#include "commands/listing.h"

#include <inttypes.h>
#include <stdio.h>

enum { LIMIT_MAX = 1000000 };

static bool read_page(struct listing *listing, enum listing_pages pages)
{
    if (pages == LISTING_WHOLE)
        return true;
    const char *limit = invocation_option(listing->invocation, "limit");
    const char *after = invocation_option(listing->invocation, "after");
    if (limit && !invocation_integer("--limit", limit, 1, LIMIT_MAX, &listing->shown_max))
        return false;
    /* One more than is shown tells whether anything follows. */
    listing->fetch_max = limit ? listing->shown_max + 1 : 0;
    if (pages == LISTING_BY_NAME)
        listing->after_name = after;
    return pages == LISTING_BY_NAME || !after ||
           invocation_integer("--after", after, 0, INT64_MAX, &listing->after_id);
}

bool listing_add(struct listing *listing, const struct cell *cells, size_t count)
{
    if (listing->shown_max > 0 && listing->shown == listing->shown_max) {
        listing->more = true;
        return false;
    }
    if (cells[0].type == CELL_INTEGER)
        snprintf(listing->cursor, sizeof listing->cursor, "%" PRId64, cells[0].number);
    else if (cells[0].type == CELL_TEXT)
        snprintf(listing->cursor, sizeof listing->cursor, "%s", cells[0].text);
    output_list_add(listing->records, cells, count);
    listing->shown++;
    return true;
}

enum cli_exit listing_run(const struct invocation *invocation, const struct listing_kind *kind,
                          const void *choice)
{
    struct session session;
    struct listing listing = {.invocation = invocation, .session = &session, .choice = choice};
    struct luna_error err;
    if (!read_page(&listing, kind->pages))
        return CLI_USAGE;
    enum cli_exit status = session_open(&session, SESSION_DATABASE);
    if (status != CLI_OK)
        return status;
    listing.records = output_list_new(invocation->json);
    enum luna_code code = kind->fill(&listing, &err);
    output_list_print(listing.records, code == LUNA_OK ? kind->empty : NULL);
    if (code != LUNA_OK)
        status = cli_exit_report(&err);
    else if (listing.more && !invocation->json)
        fprintf(stderr, "More follow: add --after %s\n", listing.cursor);
    session_close(&session);
    return status;
}
