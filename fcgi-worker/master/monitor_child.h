/*
 * monitor_child.h: the master's side of the monitor: it is there, and comes back when it dies.
 */
#ifndef FCGI_WORKER_MONITOR_CHILD_H
#define FCGI_WORKER_MONITOR_CHILD_H

struct master;

/* Starts it when it is not there and it is time. */
void monitor_child_keep(struct master *master);
/* It has ended. LUNA_EXIT_CONFIG when its first start showed that its address cannot be had,
 * else 0. */
int monitor_child_bury(struct master *master);
/* Lets it go and waits for its end, which is prompt: it does nothing that blocks. */
void monitor_child_stop(struct master *master);

#endif
