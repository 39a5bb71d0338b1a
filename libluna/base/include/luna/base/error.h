/*
 * error.h: what went wrong, as a code and one sentence.
 *
 * Who: every library of ours below the programs. A function that can fail returns an enum luna_code
 * and fills a caller-owned struct luna_error; callers on the way up prefix context with
 * luna_error_wrap(), and only a program's top level logs the finished sentence, once. Threads and
 * forks: no shared state.
 */
#ifndef LUNA_BASE_ERROR_H
#define LUNA_BASE_ERROR_H

enum luna_code {
    LUNA_OK,           /* no error */
    LUNA_EINVAL,       /* an argument or input is not valid */
    LUNA_ECONFIG,      /* a setting is missing or wrong */
    LUNA_ELIMIT,       /* a documented limit would be passed */
    LUNA_ENOMEM,       /* out of memory */
    LUNA_ENOTFOUND,    /* no such thing */
    LUNA_ECONFLICT,    /* the thing exists already, or changed meanwhile */
    LUNA_EIO,          /* the operating system refused an operation */
    LUNA_ETIMEOUT,     /* a deadline passed */
    LUNA_EUNAVAILABLE, /* a store cannot be reached or refuses work */
    LUNA_EPROTOCOL     /* a peer answered what its protocol does not allow */
};

enum { LUNA_ERROR_MSG_BYTES = 256 };

struct luna_error {
    enum luna_code code;
    char msg[LUNA_ERROR_MSG_BYTES]; /* NUL-terminated, cut when longer */
};

#define LUNA_MUSTCHECK __attribute__((warn_unused_result))
#define LUNA_PRINTF(fmt_index, first_index) __attribute__((format(printf, fmt_index, first_index)))

/* Fills `err` (may be NULL) and returns `code`, so that a failure is one line: return
 * luna_error_set(err, LUNA_EIO, …). */
enum luna_code luna_error_set(struct luna_error *err, enum luna_code code, const char *fmt, ...)
    LUNA_PRINTF(3, 4);

/* Puts "context: " before the message that is there. Returns err->code (LUNA_EINVAL when `err`
 * is NULL). */
enum luna_code luna_error_wrap(struct luna_error *err, const char *fmt, ...) LUNA_PRINTF(2, 3);

#endif
