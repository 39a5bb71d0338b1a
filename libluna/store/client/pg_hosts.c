#include "client/pg_hosts.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *copy_of(const PQconninfoOption *options, const char *keyword)
{
    for (; options != NULL && options->keyword != NULL; options++)
        if (strcmp(options->keyword, keyword) == 0 && options->val != NULL &&
            options->val[0] != '\0')
            return strdup(options->val);
    return NULL;
}

static int count_of(const char *list)
{
    int count = 1;
    for (; list != NULL && *list != '\0'; list++)
        count += *list == ',';
    return count;
}

void luna_pg_hosts_read(struct luna_pg_hosts *hosts, const char *url)
{
    PQconninfoOption *options = PQconninfoParse(url, NULL);
    hosts->host = copy_of(options, "host");
    hosts->hostaddr = copy_of(options, "hostaddr");
    hosts->port = copy_of(options, "port");
    hosts->count = count_of(hosts->hostaddr != NULL ? hosts->hostaddr : hosts->host);
    PQconninfoFree(options);
}

void luna_pg_hosts_done(struct luna_pg_hosts *hosts)
{
    free(hosts->host);
    free(hosts->hostaddr);
    free(hosts->port);
}

static void rotate(char *list)
{
    const char *rest = list != NULL ? strchr(list, ',') : NULL;
    char *rotated = NULL;
    if (rest == NULL || asprintf(&rotated, "%s,%.*s", rest + 1, (int)(rest - list), list) < 0)
        return;
    memcpy(list, rotated, strlen(list)); /* the same length */
    free(rotated);
}

void luna_pg_hosts_rotate(struct luna_pg_hosts *hosts)
{
    rotate(hosts->host);
    rotate(hosts->hostaddr);
    rotate(hosts->port);
}
