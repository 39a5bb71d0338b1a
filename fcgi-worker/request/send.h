/*
 * send.h: the response on its way to the web server: the head, then the body whole or in parts.
 */
#ifndef FCGI_WORKER_SEND_H
#define FCGI_WORKER_SEND_H

#include "request/exchange.h"

/* From here on the response's body is sent in parts whenever its buffer is full. After the head is
 * sent there is no other status: what can fail later has to be said inside the answer, or the
 * answer is cut off. */
void send_in_parts(struct exchange *exchange);
/* The whole answer, or the rest of one in parts. */
void send_answer(struct exchange *exchange);

#endif
