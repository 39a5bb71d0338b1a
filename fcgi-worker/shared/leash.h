/*
 * leash.h: how the master tells a child to stop, and how a child notices that the master has died.
 *
 * A pipe that nothing is ever written to. The master alone holds the writing end; when it closes
 * that, or dies, the child reads the end of file and drains.
 */
#ifndef FCGI_WORKER_LEASH_H
#define FCGI_WORKER_LEASH_H

#include "luna/base/error.h"

#include <stdbool.h>

/* Both ends close-on-exec. */
enum luna_code leash_new(int *ret_child_fd, int *ret_master_fd,
                         struct luna_error *err) LUNA_MUSTCHECK;
/* Asks the pipe, without a wait: true when the master has closed its end. */
bool leash_poll(int child_fd);

#endif
