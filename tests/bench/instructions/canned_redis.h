/*
 * canned_redis.h: a child process that answers as Redis would answer a worker whose account is warm
 * and whose request is allowed, always with the same bytes. What then changes from one run to the
 * next is the worker's own work alone.
 */
#ifndef BENCH_CANNED_REDIS_H
#define BENCH_CANNED_REDIS_H

/* Listens on a unix socket at `path`; exits the program when it cannot. The child ends with its
 * parent. */
void canned_redis_start(const char *path);

#endif
