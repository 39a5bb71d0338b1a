/*
 * error.h: errors as a code and a message.
 *
 * A function of libluna that can fail returns an enum luna_code and fills a struct luna_error that
 * the caller owns; callers add context with luna_error_wrap(), and only the top level of a program
 * logs the message, once. Threads and forks: no shared state.
 */
#ifndef LUNA_BASE_ERROR_H
#define LUNA_BASE_ERROR_H

enum luna_code {
    LUNA_OK,           /* no error */
    LUNA_EINVAL,       /* an argument or input is not valid */
    LUNA_ECONFIG,      /* a setting is missing or invalid */
    LUNA_ELIMIT,       /* a documented limit would be exceeded */
    LUNA_ENOMEM,       /* out of memory */
    LUNA_ENOTFOUND,    /* no such object */
    LUNA_ECONFLICT,    /* the object already exists, or was changed concurrently */
    LUNA_EIO,          /* an operation of the operating system failed */
    LUNA_ETIMEOUT,     /* a deadline passed */
    LUNA_EUNAVAILABLE, /* a store is unavailable */
    LUNA_EPROTOCOL,    /* a peer violated its protocol */
    LUNA_ECLOCKS,      /* the clocks of two stores contradict each other */
    LUNA_EJOURNAL      /* the journal of charges cannot be written */
};

enum { LUNA_ERROR_MSG_BYTES = 256 };

struct luna_error {
    enum luna_code code;
    char msg[LUNA_ERROR_MSG_BYTES]; /* NUL-terminated, truncated when longer */
};

#define LUNA_MUSTCHECK __attribute__((warn_unused_result))
#define LUNA_PRINTF(fmt_index, first_index) __attribute__((format(printf, fmt_index, first_index)))

/* Fills `err` (may be NULL) and returns `code`, so that a failure is one line: return
 * luna_error_set(err, LUNA_EIO, …). */
enum luna_code luna_error_set(struct luna_error *err, enum luna_code code, const char *fmt, ...)
    LUNA_PRINTF(3, 4);

/* Puts "context: " before the message. Returns err->code (LUNA_EINVAL when `err` is NULL). */
enum luna_code luna_error_wrap(struct luna_error *err, const char *fmt, ...) LUNA_PRINTF(2, 3);

#endif
