#include "source_table.h"

#include <assert.h>
#include <netinet/in.h>
#include <string.h>

enum {
    WAYS = 8, /* places of a bucket */
    KEYS_KNOWN = 32,
    DEMOTION = 4, /* places that one refusal costs: a revoked key is forgotten after eight */
    OWNERS = 256,
    /* Refusals are counted in thousandths, so that a rate is exact at one millisecond. */
    REFUSAL = 1000,
    HEAL_PAUSE_MS = 1000,
};

/* Keys that were accepted, the last one first. An owner is a part of the number of the account. */
struct known_keys {
    uint32_t hashes[KEYS_KNOWN]; /* 0: none */
    uint8_t owners[KEYS_KNOWN];
};

/* Unused: without connections, and last_ms 0. */
struct source {
    struct source_id id;
    uint64_t last_ms;
    uint64_t refusals_ms; /* when `refusals` was right */
    uint32_t refusals;    /* in thousandths */
    uint32_t connections;
    struct known_keys keys;
};

/* An open connection, and the process that holds it. What the sources count is the sum of these: a
 * process that is killed, even in the middle of a change, leaves only its own ones wrong. */
struct connection {
    struct source_id id;
    uint32_t pid;  /* 0: unused */
    uint32_t next; /* unused one; CONNECTIONS_END at the end */
};

enum { CONNECTIONS_END = UINT32_MAX };

/* The sources are followed by as many connections. */
struct source_table {
    uint64_t seed;
    uint64_t healed_ms;
    uint32_t buckets;
    uint32_t unused; /* the first unused connection */
    struct source sources[];
};

static bool is_ipv4(const struct in6_addr *address)
{
    return IN6_IS_ADDR_V4MAPPED(address);
}

bool source_id_from_address(const struct sockaddr *address, struct source_id *ret_id)
{
    struct source_id id = {0};
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;
        memcpy(id.bytes + 4, &v4->sin_addr, 4);
    } else if (address->sa_family == AF_INET6) {
        const struct in6_addr *v6 =
            &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
        if (is_ipv4(v6))
            memcpy(id.bytes + 4, v6->s6_addr + 12, 4);
        else
            memcpy(id.bytes, v6->s6_addr, 8);
    } else {
        return false;
    }
    *ret_id = id;
    return true;
}

struct source_id source_id_apart(struct source_id id)
{
    for (size_t i = 0; i < sizeof id.bytes; i++)
        id.bytes[i] ^= 0xff;
    return id;
}

/* FNV-1a from a secret start, and murmur's finish: the low bits depend on all of the input. */
static uint64_t hash_start(uint64_t seed)
{
    return seed ^ UINT64_C(0xcbf29ce484222325);
}

static uint64_t hash_add(uint64_t h, unsigned char byte)
{
    return (h ^ byte) * UINT64_C(0x100000001b3);
}

static uint64_t hash_finish(uint64_t h)
{
    h = (h ^ (h >> 33)) * UINT64_C(0xff51afd7ed558ccd);
    h = (h ^ (h >> 33)) * UINT64_C(0xc4ceb9fe1a85ec53);
    return h ^ (h >> 33);
}

/* One key has one hash: a UUID in capitals is the same key, and would else be a new source in each
 * of thousands of spellings. Tokens, whose case matters, still do not collide by accident. */
static uint64_t hash_of_key(const struct source_table *table, const void *key, size_t bytes)
{
    const unsigned char *text = key;
    uint64_t h = hash_start(~table->seed);
    for (size_t i = 0; i < bytes; i++)
        h = hash_add(h, text[i] >= 'A' && text[i] <= 'Z' ? text[i] | 0x20 : text[i]);
    return hash_finish(h);
}

/* Of 32 bits, never 0. */
static uint32_t key_hash(const struct source_table *table, const void *key, size_t bytes)
{
    uint32_t h = (uint32_t)hash_of_key(table, key, bytes);
    return h != 0 ? h : 1;
}

struct source_id source_id_from_key(const struct source_table *table, const void *key,
                                    size_t key_bytes)
{
    struct source_id id;
    uint64_t h = hash_of_key(table, key, key_bytes);
    static_assert(sizeof id.bytes == sizeof h, "an id is a hash");
    memcpy(id.bytes, &h, sizeof h);
    return id;
}

size_t source_table_bytes(uint32_t buckets)
{
    return sizeof(struct source_table) +
           (size_t)buckets * WAYS * (sizeof(struct source) + sizeof(struct connection));
}

uint32_t source_table_buckets(size_t bytes)
{
    uint32_t buckets = 0;
    for (uint32_t next = 1; next != 0 && source_table_bytes(next) <= bytes; next *= 2)
        buckets = next;
    return buckets;
}

static uint32_t place_count(const struct source_table *table)
{
    return table->buckets * WAYS;
}

static struct connection *connections_of(struct source_table *table)
{
    return (struct connection *)(void *)(table->sources + place_count(table));
}

static void connection_put_back(struct source_table *table, uint32_t number)
{
    connections_of(table)[number] = (struct connection){.next = table->unused};
    table->unused = number;
}

struct source_table *source_table_init(void *memory, uint32_t buckets, uint64_t seed)
{
    assert(buckets != 0 && (buckets & (buckets - 1)) == 0);
    struct source_table *table = memory;
    memset(table, 0, source_table_bytes(buckets));
    table->seed = seed;
    table->buckets = buckets;
    table->unused = CONNECTIONS_END;
    for (uint32_t i = place_count(table); i > 0; i--)
        connection_put_back(table, i - 1);
    return table;
}

static size_t bucket_of(const struct source_table *table, struct source_id id)
{
    uint64_t h = hash_start(table->seed);
    for (size_t i = 0; i < sizeof id.bytes; i++)
        h = hash_add(h, id.bytes[i]);
    return (size_t)(hash_finish(h) & (table->buckets - 1)) * WAYS;
}

static bool is_used(const struct source *source)
{
    return source->connections != 0 || source->last_ms != 0;
}

static struct source *source_find(struct source_table *table, struct source_id id)
{
    struct source *bucket = table->sources + bucket_of(table, id);
    for (int i = 0; i < WAYS; i++) {
        if (is_used(&bucket[i]) && memcmp(&bucket[i].id, &id, sizeof id) == 0)
            return &bucket[i];
    }
    return NULL;
}

/* The place of the address that was quiet for longest; NULL where all have connections. */
static struct source *place_for(struct source_table *table, struct source_id id)
{
    struct source *bucket = table->sources + bucket_of(table, id), *oldest = NULL;
    for (int i = 0; i < WAYS; i++) {
        if (bucket[i].connections == 0 && (oldest == NULL || bucket[i].last_ms < oldest->last_ms))
            oldest = &bucket[i];
    }
    return oldest;
}

static struct source *source_find_or_add(struct source_table *table, struct source_id id,
                                         uint64_t now_ms)
{
    struct source *source = source_find(table, id);
    if (source == NULL) {
        source = place_for(table, id);
        if (source == NULL)
            return NULL;
        *source = (struct source){.id = id};
    }
    source->last_ms = now_ms != 0 ? now_ms : 1;
    return source;
}

static uint32_t connection_take(struct source_table *table, struct source_id id, uint32_t pid)
{
    uint32_t number = table->unused;
    struct connection *connection = &connections_of(table)[number];
    table->unused = connection->next;
    *connection = (struct connection){.id = id, .pid = pid};
    return number;
}

enum source_outcome source_table_open(struct source_table *table, struct source_id id, uint32_t pid,
                                      uint32_t connections_max, uint64_t now_ms,
                                      uint32_t *ret_connection)
{
    assert(pid != 0);
    struct source *source = source_find_or_add(table, id, now_ms);
    if (source != NULL && source->connections >= connections_max)
        return SOURCE_AT_LIMIT;
    if (source == NULL || table->unused == CONNECTIONS_END)
        return SOURCE_UNCOUNTED;
    *ret_connection = connection_take(table, id, pid);
    source->connections++;
    return SOURCE_ADMITTED;
}

void source_table_close(struct source_table *table, uint32_t connection, uint64_t now_ms)
{
    assert(connection < place_count(table) && connections_of(table)[connection].pid != 0);
    /* A place with connections is never reused. */
    struct source *source = source_find(table, connections_of(table)[connection].id);
    assert(source != NULL && source->connections > 0);
    if (source != NULL && source->connections > 0) {
        source->connections--;
        source->last_ms = now_ms != 0 ? now_ms : 1;
    }
    connection_put_back(table, connection);
}

/* Marks the connections of processes that have ended as unused. Connections of one process tend to
 * lie together, so it is asked for rarely. */
static bool drop_ended(struct source_table *table, bool (*is_running)(uint32_t pid))
{
    struct connection *connections = connections_of(table);
    uint32_t asked = 0;
    bool running = false, found = false;
    for (uint32_t i = 0; i < place_count(table); i++) {
        uint32_t pid = connections[i].pid;
        if (pid != 0 && pid != asked) {
            asked = pid;
            running = is_running(pid);
        }
        if (pid != 0 && !running) {
            connections[i].pid = 0;
            found = true;
        }
    }
    return found;
}

/* Everything that is derived from the connections. */
static void count_again(struct source_table *table)
{
    struct connection *connections = connections_of(table);
    for (uint32_t i = 0; i < place_count(table); i++)
        table->sources[i].connections = 0;
    table->unused = CONNECTIONS_END;
    for (uint32_t i = 0; i < place_count(table); i++) {
        struct source *source =
            connections[i].pid != 0 ? source_find(table, connections[i].id) : NULL;
        if (connections[i].pid == 0)
            connection_put_back(table, i);
        else if (source != NULL)
            source->connections++;
    }
}

bool source_table_heal(struct source_table *table, bool (*is_running)(uint32_t pid),
                       uint64_t now_ms)
{
    if (table->healed_ms != 0 && now_ms - table->healed_ms < HEAL_PAUSE_MS)
        return false;
    table->healed_ms = now_ms;
    if (!drop_ended(table, is_running))
        return false;
    count_again(table);
    return true;
}

static uint32_t refusals_at(const struct source *source, uint32_t rate_per_s, uint64_t now_ms)
{
    uint64_t past_ms = now_ms > source->refusals_ms ? now_ms - source->refusals_ms : 0;
    uint64_t forgotten = past_ms * rate_per_s; /* per second and per thousandth: they cancel */
    return forgotten < source->refusals ? source->refusals - (uint32_t)forgotten : 0;
}

/* Where the hash of a key is among those that were accepted; -1 where it is not. */
static int key_place(const struct source *source, uint32_t key)
{
    for (int i = 0; i < KEYS_KNOWN; i++) {
        if (source->keys.hashes[i] == key)
            return i;
    }
    return -1;
}

/* Towards the end of the list, and off it: one answer 403 for a wrong path or scope does not make a
 * good key unknown, and a revoked one is forgotten after as many as there are places. */
static void key_demote(struct source *source, int place)
{
    struct known_keys *keys = &source->keys;
    uint32_t hash = keys->hashes[place];
    uint8_t owner = keys->owners[place];
    int to = place + DEMOTION;
    keys->hashes[place] = to < KEYS_KNOWN ? keys->hashes[to] : 0;
    keys->owners[place] = to < KEYS_KNOWN ? keys->owners[to] : 0;
    if (to < KEYS_KNOWN) {
        keys->hashes[to] = hash;
        keys->owners[to] = owner;
    }
}

/* The place that a new key of this owner takes: an unused one, else that of the owner who has the
 * most, so that nobody who makes many keys pushes out a neighbour's. Of these, and among owners who
 * have as many, the key that was accepted longest ago. */
static int key_place_for(const struct known_keys *keys, uint8_t owner)
{
    uint8_t counts[OWNERS] = {0};
    int chosen = -1;
    counts[owner] = 1;
    for (int i = 0; i < KEYS_KNOWN; i++)
        counts[keys->owners[i]]++;
    for (int i = KEYS_KNOWN - 1; i >= 0; i--) {
        if (keys->hashes[i] == 0)
            return i;
        if (chosen < 0 || counts[keys->owners[i]] > counts[keys->owners[chosen]])
            chosen = i;
    }
    return chosen;
}

/* What is at `place` makes room at the front. */
static void key_put_first(struct known_keys *keys, int place, uint32_t hash, uint8_t owner)
{
    memmove(keys->hashes + 1, keys->hashes, (size_t)place * sizeof keys->hashes[0]);
    memmove(keys->owners + 1, keys->owners, (size_t)place * sizeof keys->owners[0]);
    keys->hashes[0] = hash;
    keys->owners[0] = owner;
}

static void refusal_add(struct source *source, uint32_t weight, struct source_refusal_limits limits,
                        uint64_t now_ms)
{
    assert(weight != 0 && weight <= SOURCE_WEIGHT_MAX);
    uint32_t refusals = refusals_at(source, limits.rate_per_s, now_ms);
    /* Requests that were in progress together may all be refused: the count stops above the burst,
     * so that the source is throttled no longer than after single requests. */
    if (refusals <= limits.burst * REFUSAL)
        refusals += weight * REFUSAL;
    source->refusals = refusals;
    source->refusals_ms = now_ms;
}

void source_table_refuse(struct source_table *table, struct source_id id,
                         struct source_request request, struct source_refusal_limits limits,
                         uint64_t now_ms)
{
    struct source *source = source_find_or_add(table, id, now_ms);
    if (source == NULL)
        return;
    int known = key_place(source, key_hash(table, request.key, request.key_bytes));
    if (known < 0)
        refusal_add(source, request.weight, limits, now_ms);
    else
        key_demote(source, known);
}

void source_table_abandon(struct source_table *table, struct source_id id,
                          struct source_request request, struct source_refusal_limits limits,
                          uint64_t now_ms)
{
    struct source *source = source_find_or_add(table, id, now_ms);
    if (source != NULL && key_place(source, key_hash(table, request.key, request.key_bytes)) < 0)
        refusal_add(source, request.weight, limits, now_ms);
}

void source_table_accept(struct source_table *table, struct source_id id,
                         struct source_request request, uint64_t now_ms)
{
    struct source *source = source_find_or_add(table, id, now_ms);
    uint32_t hash = key_hash(table, request.key, request.key_bytes);
    uint8_t owner = (uint8_t)(request.account % OWNERS);
    if (source == NULL || source->keys.hashes[0] == hash)
        return;
    int known = key_place(source, hash);
    key_put_first(&source->keys, known >= 0 ? known : key_place_for(&source->keys, owner), hash,
                  owner);
}

enum source_entry source_table_enter(struct source_table *table, struct source_id id,
                                     struct source_request request,
                                     struct source_refusal_limits limits, uint64_t now_ms)
{
    struct source *source = source_find(table, id);
    if (source == NULL)
        return SOURCE_ENTERS;
    uint32_t refusals = refusals_at(source, limits.rate_per_s, now_ms);
    if (refusals <= limits.burst * REFUSAL / 2 ||
        key_place(source, key_hash(table, request.key, request.key_bytes)) >= 0)
        return SOURCE_ENTERS;
    if (refusals > limits.burst * REFUSAL)
        return SOURCE_THROTTLED;
    refusal_add(source, request.weight, limits, now_ms);
    return SOURCE_ENTERS_COUNTED;
}

void source_table_give_back(struct source_table *table, struct source_id id, uint32_t weight,
                            struct source_refusal_limits limits, uint64_t now_ms)
{
    struct source *source = source_find(table, id);
    if (source == NULL)
        return;
    uint32_t refusals = refusals_at(source, limits.rate_per_s, now_ms);
    source->refusals = refusals > weight * REFUSAL ? refusals - weight * REFUSAL : 0;
    source->refusals_ms = now_ms;
}
