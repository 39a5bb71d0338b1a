/*
 * master_events.h: what the master's epoll set can report, as tags in epoll_event.data.u64.
 */
#ifndef FCGI_WORKER_MASTER_EVENTS_H
#define FCGI_WORKER_MASTER_EVENTS_H

enum master_event {
    MASTER_EVENT_SIGNAL = 1,
    MASTER_EVENT_TIMER,
    MASTER_EVENT_NUDGE,
    MASTER_EVENT_MONITOR,      /* the monitor child has ended */
    MASTER_EVENT_SELFTEST,     /* the self-test of an upgrade has ended */
    MASTER_EVENT_WORKER = 1000 /* + slot: a worker has ended */
};

#endif
