#include "fastcgi/fcgi_records.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum {
    RECORD_HEADER_BYTES = 8,
    RECORD_CONTENT_MAX = 65528, /* the largest multiple of 8: no padding is needed */
    RECORDS_PER_WRITE = 16,
    TYPE_END_REQUEST = 3,
    TYPE_STDOUT = 6
};

struct batch {
    struct iovec parts[3 * RECORDS_PER_WRITE + 1];
    size_t count;
    unsigned char headers[RECORDS_PER_WRITE][RECORD_HEADER_BYTES];
    size_t header_count;
};

static void fill_header(unsigned char *header, int type, int request_id, size_t content_len)
{
    const unsigned char bytes[RECORD_HEADER_BYTES] = {1,
                                                      (unsigned char)type,
                                                      (unsigned char)(request_id >> 8),
                                                      (unsigned char)request_id,
                                                      (unsigned char)(content_len >> 8),
                                                      (unsigned char)content_len,
                                                      0,
                                                      0};
    memcpy(header, bytes, sizeof bytes);
}

static void add_part(struct batch *batch, const void *bytes, size_t len)
{
    const union { /* what is only read has to be given as what could be written */
        const void *given;
        void *wanted;
    } base = {bytes};
    if (len > 0)
        batch->parts[batch->count++] = (struct iovec){base.wanted, len};
}

static int wait_for_room(int fd, struct luna_deadline deadline)
{
    struct pollfd out = {.fd = fd, .events = POLLOUT};
    int ready = poll(&out, 1, luna_deadline_left_ms(deadline));
    if (ready == 0)
        return ETIMEDOUT;
    return ready < 0 && errno != EINTR ? errno : 0;
}

/* Drops the first `sent` bytes of the batch. */
static void advance(struct batch *batch, size_t *first, size_t sent)
{
    while (*first < batch->count && sent >= batch->parts[*first].iov_len)
        sent -= batch->parts[(*first)++].iov_len;
    if (sent > 0) {
        batch->parts[*first].iov_base = (char *)batch->parts[*first].iov_base + sent;
        batch->parts[*first].iov_len -= sent;
    }
}

static int flush(int fd, struct batch *batch, struct luna_deadline deadline)
{
    size_t first = 0;
    while (first < batch->count) {
        struct msghdr message = {.msg_iov = batch->parts + first,
                                 .msg_iovlen = batch->count - first};
        ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0) {
            advance(batch, &first, (size_t)sent);
        } else if (errno == EAGAIN) {
            int failed = wait_for_room(fd, deadline);
            if (failed != 0)
                return failed;
        } else if (errno != EINTR) {
            return errno;
        }
    }
    batch->count = 0;
    batch->header_count = 0;
    return 0;
}

/* One record from `offset` of head+body on; returns the bytes of content it took. */
static size_t add_record(struct batch *batch, const struct fcgi_answer *answer, size_t offset)
{
    size_t left = answer->head_len + answer->body_len - offset;
    size_t content_len = left < RECORD_CONTENT_MAX ? left : RECORD_CONTENT_MAX;
    unsigned char *header = batch->headers[batch->header_count++];
    fill_header(header, TYPE_STDOUT, answer->request_id, content_len);
    add_part(batch, header, RECORD_HEADER_BYTES);
    size_t from_head = 0;
    if (offset < answer->head_len) {
        size_t head_left = answer->head_len - offset;
        from_head = head_left < content_len ? head_left : content_len;
        add_part(batch, (const char *)answer->head + offset, from_head);
    }
    if (from_head < content_len)
        add_part(batch, (const char *)answer->body + (offset + from_head - answer->head_len),
                 content_len - from_head);
    return content_len;
}

int fcgi_records_send(int fd, const struct fcgi_answer *answer, struct luna_deadline deadline)
{
    struct batch batch = {.count = 0};
    size_t len = answer->head_len + answer->body_len;
    for (size_t offset = 0; offset < len;) {
        offset += add_record(&batch, answer, offset);
        if (batch.header_count == RECORDS_PER_WRITE) {
            int failed = flush(fd, &batch, deadline);
            if (failed != 0)
                return failed;
        }
    }
    if (answer->more)
        return flush(fd, &batch, deadline);
    /* The last batch carries the end: an empty STDOUT record, then END_REQUEST with status 0,
     * REQUEST_COMPLETE. */
    unsigned char end[3 * RECORD_HEADER_BYTES] = {0};
    fill_header(end, TYPE_STDOUT, answer->request_id, 0);
    fill_header(end + RECORD_HEADER_BYTES, TYPE_END_REQUEST, answer->request_id,
                RECORD_HEADER_BYTES);
    add_part(&batch, end, sizeof end);
    return flush(fd, &batch, deadline);
}
