/*
 * pg_hosts.h: the servers that a connection string names, in the order in which they are tried.
 * Private to the store.
 */
#ifndef LUNA_STORE_PG_HOSTS_H
#define LUNA_STORE_PG_HOSTS_H

/* libpq's comma-separated lists, owned; NULL where the string has none. */
struct luna_pg_hosts {
    char *host, *hostaddr, *port;
    int count; /* 1 or more */
};

/* For a string that libpq cannot parse all are NULL; connecting reports what is wrong with it. */
void luna_pg_hosts_read(struct luna_pg_hosts *hosts, const char *url);
void luna_pg_hosts_done(struct luna_pg_hosts *hosts);
/* Moves the first server to the end. */
void luna_pg_hosts_rotate(struct luna_pg_hosts *hosts);

#endif
