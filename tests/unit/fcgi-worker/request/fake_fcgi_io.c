#include "fake_fcgi_io.h"

#include <assert.h>
#include <string.h>

void fake_fcgi_io_reset(struct fcgi_io *io)
{
    struct luna_buf sent = io->sent;
    luna_buf_clear(&sent);
    *io = (struct fcgi_io){.body = "", .sent = sent};
}

void fake_fcgi_io_set(struct fcgi_io *io, const char *name, const char *value)
{
    if (value == NULL || *value == '\0')
        return;
    assert(io->param_count < FAKE_PARAMS_MAX);
    io->params[io->param_count++] = (struct fake_param){name, value};
}

const char *fcgi_io_param(const struct fcgi_io *io, const char *name)
{
    for (size_t i = 0; i < io->param_count; i++)
        if (strcmp(io->params[i].name, name) == 0)
            return io->params[i].value;
    return "";
}

enum fcgi_body fcgi_io_read_body(struct fcgi_io *io, struct luna_buf *body,
                                 struct luna_deadline deadline)
{
    (void)deadline;
    luna_buf_append(body, io->body, strlen(io->body));
    return io->body_fails ? FCGI_BODY_INCOMPLETE : FCGI_BODY_OK;
}

bool fcgi_io_poll_client_left(struct fcgi_io *io)
{
    return io->client_left;
}

static enum fcgi_send take(struct fcgi_io *io, const void *head, size_t head_len, const void *body,
                           size_t body_len)
{
    if (io->client_left)
        return FCGI_SEND_GONE;
    luna_buf_append(&io->sent, head, head_len);
    luna_buf_append(&io->sent, body, body_len);
    *luna_buf_reserve(&io->sent, 1) = '\0';
    return FCGI_SEND_OK;
}

enum fcgi_send fcgi_io_send(struct fcgi_io *io, const void *head, size_t head_len, const void *body,
                            size_t body_len, struct luna_deadline deadline)
{
    (void)deadline;
    io->ended = !io->client_left;
    return take(io, head, head_len, body, body_len);
}

enum fcgi_send fcgi_io_send_part(struct fcgi_io *io, const void *head, size_t head_len,
                                 const void *body, size_t body_len, struct luna_deadline deadline)
{
    (void)deadline;
    return take(io, head, head_len, body, body_len);
}
