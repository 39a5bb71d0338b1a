/*
 * pg_hosts.h: the servers that a connection string names, in the order in which they are tried.
 * Private to the store.
 */
#ifndef LUNA_STORE_PG_HOSTS_H
#define LUNA_STORE_PG_HOSTS_H

/* libpq's lists with commas, ours to free; NULL where the string says nothing. */
struct luna_pg_hosts {
    char *host, *hostaddr, *port;
    int count; /* 1 or more */
};

/* Of a string that libpq cannot read, nothing is known: connecting will say what is wrong with
 * it. */
void luna_pg_hosts_read(struct luna_pg_hosts *hosts, const char *url);
void luna_pg_hosts_done(struct luna_pg_hosts *hosts);
/* The first becomes the last. */
void luna_pg_hosts_turn(struct luna_pg_hosts *hosts);

#endif
