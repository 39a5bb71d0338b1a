#include "shared/scoreboard.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { LAYOUT = 13, READ_TRIES = 64 };

/* Twice as long each: 250 µs … 4.1 s, and the rest. */
enum { BUCKET_FIRST_NS = 250000 };

#define RELAXED memory_order_relaxed

static const int statuses[] = {
#define X(status) status,
    STATUS_TABLE(X)
#undef X
};

static const struct {
    const char *name;
    bool blocked;
} phases[] = {
#define X(symbol, name, blocked) {name, blocked},
    PHASE_TABLE(X)
#undef X
};

static const char *const runs[] = {
#define X(symbol, name) name,
    RUN_TABLE(X)
#undef X
};

const char *phase_name(enum phase phase)
{
    return (unsigned)phase < PHASE_COUNT ? phases[phase].name : "unknown";
}

const char *run_name(enum run_outcome outcome)
{
    return (unsigned)outcome < RUN_OUTCOMES ? runs[outcome] : "unknown";
}

bool phase_is_blocked(enum phase phase)
{
    return (unsigned)phase < PHASE_COUNT && phases[phase].blocked;
}

int64_t scoreboard_bucket_ns(int bucket)
{
    assert(bucket >= 0 && bucket < SCOREBOARD_BUCKETS);
    return bucket < SCOREBOARD_BUCKETS - 1 ? (int64_t)BUCKET_FIRST_NS << bucket : INT64_MAX;
}

int scoreboard_status_at(int index)
{
    assert(index >= 0 && index < SCOREBOARD_STATUSES);
    return statuses[index];
}

/* NULL when the system refuses; err says why. */
static struct scoreboard *map(int fd, struct luna_error *err)
{
    void *memory = mmap(NULL, sizeof(struct scoreboard), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory != MAP_FAILED)
        return memory;
    luna_error_set(err, LUNA_EIO, "scoreboard: mmap: %s", strerror(errno));
    return NULL;
}

enum luna_code scoreboard_new(struct scoreboard **ret_board, int *ret_fd, struct luna_error *err)
{
    int fd = memfd_create("luna-scoreboard", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return luna_error_set(err, LUNA_EIO, "scoreboard: memfd_create: %s", strerror(errno));
    struct scoreboard *board = NULL;
    /* Memory for all of it now: a write that finds none later would end the process by SIGBUS. */
    errno = ftruncate(fd, sizeof *board) != 0 ? errno : posix_fallocate(fd, 0, sizeof *board);
    if (errno != 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
        luna_error_set(err, LUNA_EIO, "scoreboard: %s", strerror(errno));
    else
        board = map(fd, err);
    if (board == NULL) {
        close(fd);
        return LUNA_EIO;
    }
    board->layout = LAYOUT;
    board->bytes = sizeof *board;
    *ret_board = board;
    *ret_fd = fd;
    return LUNA_OK;
}

enum luna_code scoreboard_adopt(int fd, struct scoreboard **ret_board, struct luna_error *err)
{
    struct scoreboard *board = NULL;
    if (lseek(fd, 0, SEEK_END) != (off_t)sizeof *board)
        return luna_error_set(err, LUNA_ECONFLICT,
                              "scoreboard: its layout is that of another version");
    board = map(fd, err);
    if (board == NULL)
        return LUNA_EIO;
    if (board->layout != LAYOUT || board->bytes != sizeof *board) {
        (void)munmap(board, sizeof *board);
        return luna_error_set(err, LUNA_ECONFLICT,
                              "scoreboard: its layout is that of another version");
    }
    *ret_board = board;
    return LUNA_OK;
}

/* The slot that this process has claimed; NULL in the master and the monitor. */
static const struct scoreboard_worker *claimed;

/* Two writers of one half would lose counts and mix breadcrumbs. */
static void assert_writer(const struct scoreboard_worker *slot)
{
    assert(claimed == NULL || claimed == slot);
    (void)slot;
}

struct scoreboard_worker *scoreboard_claim(struct scoreboard *board, int slot)
{
    assert(slot >= 0 && slot < SCOREBOARD_SLOTS);
    assert(claimed == NULL);
    claimed = &board->worker[slot];
    scoreboard_worker_idle(&board->worker[slot]);
    return &board->worker[slot];
}

/* One writer: a load and a store are enough, and cheaper than a locked add. */
static void add(atomic_ullong *counter, uint64_t amount)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, RELAXED) + amount, RELAXED);
}

static void change_begin(struct scoreboard_worker *slot)
{
    unsigned sequence = atomic_load_explicit(&slot->sequence, RELAXED);
    assert_writer(slot);
    /* an odd one was left by a killed writer: it stays odd */
    atomic_store_explicit(&slot->sequence, sequence | 1, RELAXED);
    atomic_thread_fence(memory_order_release);
}

static void change_end(struct scoreboard_worker *slot)
{
    unsigned sequence = atomic_load_explicit(&slot->sequence, RELAXED);
    assert(sequence % 2 != 0);
    atomic_store_explicit(&slot->sequence, sequence + 1, memory_order_release);
}

static void put_words(atomic_ullong *words, size_t count, const void *bytes, size_t len)
{
    for (size_t i = 0; i < count; i++) {
        unsigned long long word = 0;
        size_t at = i * sizeof word;
        if (at < len)
            memcpy(&word, (const char *)bytes + at,
                   len - at < sizeof word ? len - at : sizeof word);
        atomic_store_explicit(&words[i], word, RELAXED);
    }
}

static void get_words(const atomic_ullong *words, size_t count, void *bytes)
{
    for (size_t i = 0; i < count; i++) {
        unsigned long long word = atomic_load_explicit(&words[i], RELAXED);
        memcpy((char *)bytes + i * sizeof word, &word, sizeof word);
    }
}

void scoreboard_worker_stores(struct scoreboard_worker *slot, enum store_state state,
                              int64_t now_ns)
{
    assert((unsigned)state <= STORES_JOURNAL);
    assert_writer(slot);
    atomic_store_explicit(&slot->stores, state, RELAXED);
    atomic_store_explicit(&slot->stores_ns, now_ns, RELAXED);
}

void scoreboard_worker_unjournalled(struct scoreboard_worker *slot, int64_t now_ns)
{
    add(&slot->unjournalled, 1);
    scoreboard_worker_stores(slot, STORES_JOURNAL, now_ns);
}

void scoreboard_worker_begin(struct scoreboard_worker *slot, int64_t now_ns, int64_t hard_limit_ns)
{
    assert(now_ns > 0); /* 0: no request, so that no limit would end this one */
    change_begin(slot);
    put_words(slot->request_id, SCOREBOARD_ID_BYTES / 8, NULL, 0);
    put_words(slot->fingerprint, SCOREBOARD_FINGERPRINT_BYTES / 8, NULL, 0);
    put_words(slot->key, SCOREBOARD_KEY_BYTES / 8, NULL, 0);
    atomic_store_explicit(&slot->account_id, 0, RELAXED);
    atomic_store_explicit(&slot->body_bytes, 0, RELAXED);
    atomic_store_explicit(&slot->route, -1, RELAXED);
    atomic_store_explicit(&slot->phase, PHASE_ACCEPT, RELAXED);
    atomic_store_explicit(&slot->hard_limit_ns, hard_limit_ns, RELAXED);
    atomic_store_explicit(&slot->accepted_ns, now_ns, RELAXED);
    atomic_store_explicit(&slot->heartbeat_ns, now_ns, RELAXED);
    change_end(slot);
}

void scoreboard_worker_phase(struct scoreboard_worker *slot, enum phase phase)
{
    atomic_store_explicit(&slot->phase, phase, RELAXED);
}

void scoreboard_worker_name(struct scoreboard_worker *slot, const char *request_id,
                            int64_t account_id, int route, size_t body_bytes,
                            const unsigned char *fingerprint, int64_t hard_limit_ns)
{
    change_begin(slot);
    put_words(slot->request_id, SCOREBOARD_ID_BYTES / 8, request_id, strlen(request_id));
    if (fingerprint != NULL)
        put_words(slot->fingerprint, SCOREBOARD_FINGERPRINT_BYTES / 8, fingerprint,
                  SCOREBOARD_FINGERPRINT_BYTES);
    atomic_store_explicit(&slot->account_id, account_id, RELAXED);
    atomic_store_explicit(&slot->body_bytes, (long long)body_bytes, RELAXED);
    atomic_store_explicit(&slot->route, route, RELAXED);
    atomic_store_explicit(&slot->hard_limit_ns, hard_limit_ns, RELAXED);
    change_end(slot);
}

void scoreboard_worker_key(struct scoreboard_worker *slot, int64_t account_id, const char *key,
                           size_t len)
{
    assert(account_id > 0 && len <= SCOREBOARD_KEY_BYTES);
    change_begin(slot);
    atomic_store_explicit(&slot->account_id, account_id, RELAXED);
    put_words(slot->key, SCOREBOARD_KEY_BYTES / 8, key, len);
    change_end(slot);
}

static int bucket_of(int64_t ns)
{
    int bucket = 0;
    while (bucket < SCOREBOARD_BUCKETS - 1 && ns > (int64_t)BUCKET_FIRST_NS << bucket)
        bucket++;
    return bucket;
}

static int status_index(int status)
{
    int index = 0;
    while (index < SCOREBOARD_STATUSES - 1 && statuses[index] != status)
        index++;
    return index;
}

static int route_index(int route)
{
    return route >= 0 && route < SCOREBOARD_ROUTES - 1 ? route : SCOREBOARD_ROUTES - 1;
}

static void count(struct scoreboard_worker *slot, const struct scoreboard_sample *sample)
{
    int route = route_index(sample->route);
    assert_writer(slot);
    /* Counters only grow. */
    assert(sample->duration_ns >= 0 && sample->wait_ns >= 0 && sample->units >= 0);
    add(&slot->requests, 1);
    add(&slot->route_statuses[route][status_index(sample->status)], 1);
    add(&slot->route_buckets[route][bucket_of(sample->duration_ns)], 1);
    add(&slot->route_ns[route], (uint64_t)sample->duration_ns);
    if (sample->problem > 0 && sample->problem < SCOREBOARD_PROBLEMS)
        add(&slot->problems[sample->problem], 1);
    for (int i = 0; i < PHASE_COUNT; i++)
        if (sample->phase_ns[i] > 0)
            add(&slot->phase_ns[i], (uint64_t)sample->phase_ns[i]);
    add(&slot->wait_buckets[bucket_of(sample->wait_ns)], 1);
    add(&slot->wait_ns, (uint64_t)sample->wait_ns);
    add(&slot->bytes_in, sample->bytes_in);
    add(&slot->bytes_out, sample->bytes_out);
    add(&slot->points, sample->points);
    add(&slot->units, (uint64_t)sample->units);
    add(&slot->shed, sample->shed);
    add(&slot->client_left, sample->client_left);
    add(&slot->cold, sample->cold);
    add(&slot->quarantined, sample->quarantined);
    add(&slot->slow, sample->slow);
}

void scoreboard_worker_run(struct scoreboard_worker *slot, const struct scoreboard_run *run)
{
    if (run->model < 0 || run->model >= SCOREBOARD_MODELS)
        return;
    assert_writer(slot);
    assert((unsigned)run->outcome < RUN_OUTCOMES);
    add(&slot->models[run->model].series[run->outcome], 1);
    add(&slot->models[run->model].points, run->points);
    add(&slot->models[run->model].ns, (uint64_t)run->duration_ns);
}

void scoreboard_worker_end(struct scoreboard_worker *slot, const struct scoreboard_sample *sample)
{
    int64_t accepted_ns = atomic_load_explicit(&slot->accepted_ns, RELAXED);
    count(slot, sample);
    atomic_store_explicit(&slot->heartbeat_ns, accepted_ns + sample->duration_ns, RELAXED);
    scoreboard_worker_idle(slot);
}

void scoreboard_worker_idle(struct scoreboard_worker *slot)
{
    change_begin(slot);
    atomic_store_explicit(&slot->phase, PHASE_IDLE, RELAXED);
    atomic_store_explicit(&slot->accepted_ns, 0, RELAXED);
    atomic_store_explicit(&slot->hard_limit_ns, 0, RELAXED);
    change_end(slot);
}

static void copy_crumb(const struct scoreboard_worker *slot, struct breadcrumb *crumb)
{
    crumb->phase = (enum phase)atomic_load_explicit(&slot->phase, RELAXED);
    crumb->route = atomic_load_explicit(&slot->route, RELAXED);
    crumb->account_id = atomic_load_explicit(&slot->account_id, RELAXED);
    crumb->body_bytes = atomic_load_explicit(&slot->body_bytes, RELAXED);
    crumb->accepted_ns = atomic_load_explicit(&slot->accepted_ns, RELAXED);
    crumb->hard_limit_ns = atomic_load_explicit(&slot->hard_limit_ns, RELAXED);
    get_words(slot->request_id, SCOREBOARD_ID_BYTES / 8, crumb->request_id);
    crumb->request_id[SCOREBOARD_ID_BYTES] = '\0';
    get_words(slot->fingerprint, SCOREBOARD_FINGERPRINT_BYTES / 8, crumb->fingerprint);
    get_words(slot->key, SCOREBOARD_KEY_BYTES / 8, crumb->key);
    crumb->key[SCOREBOARD_KEY_BYTES] = '\0';
}

bool scoreboard_read(const struct scoreboard_worker *slot, struct breadcrumb *ret_crumb)
{
    for (int i = 0; i < READ_TRIES; i++) {
        unsigned before = atomic_load_explicit(&slot->sequence, memory_order_acquire);
        copy_crumb(slot, ret_crumb);
        atomic_thread_fence(memory_order_acquire);
        unsigned after = atomic_load_explicit(&slot->sequence, RELAXED);
        ret_crumb->torn = before != after || before % 2 != 0;
        if (!ret_crumb->torn)
            break;
    }
    return ret_crumb->accepted_ns != 0;
}

void scoreboard_reason_set(struct scoreboard *board, int child, const char *text)
{
    assert(child >= 0 && child <= SCOREBOARD_SLOTS);
    (void)snprintf(board->reasons[child].text, SCOREBOARD_REASON_BYTES, "%s", text);
}

void scoreboard_reason_get(const struct scoreboard *board, int child,
                           char ret_text[SCOREBOARD_REASON_BYTES])
{
    assert(child >= 0 && child <= SCOREBOARD_SLOTS);
    (void)snprintf(ret_text, SCOREBOARD_REASON_BYTES, "%.*s", SCOREBOARD_REASON_BYTES - 1,
                   board->reasons[child].text);
}

void scoreboard_count(atomic_ullong *counter)
{
    assert(claimed == NULL); /* a worker must not write to the master's half */
    atomic_store_explicit(counter, atomic_load_explicit(counter, RELAXED) + 1, RELAXED);
}
