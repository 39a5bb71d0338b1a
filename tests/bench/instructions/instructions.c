/*
 * The parts of a request, each with a fixed input, for callgrind to count: instructions PART
 *
 *     valgrind --tool=callgrind --toggle-collect=measured instructions decode
 *
 * Only what measured() does is counted; everything before it is preparation. `instructions` alone
 * lists the parts, and what one unit of each is; `instructions --built-by` says what made this
 * program, as counts of another compiler compare with nothing.
 */
#include "canned_redis.h"
#include "served_request.h"

#include "luna/base/arena.h"
#include "luna/base/buf.h"
#include "luna/modelling/decode.h"
#include "luna/modelling/encode.h"
#include "luna/modelling/number.h"
#include "luna/modelling/run.h"
#include "luna/store/admission.h"
#include "luna/table/table.h"

#include <gnu/libc-version.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    POINTS = 1000,
    FEW_POINTS = 10,
    ROUNDS = 100,
    WARM_UP = 30,
    ARENA_BLOCK_BYTES = 65536,
    MEMORY_BYTES_MAX = 1 << 22
};

struct work {
    struct luna_arena arena;
    struct luna_buf body, out;
    struct luna_request request;
    struct luna_result result;
    struct luna_admitter *admitter;
    struct served_request *served;
};

static void fail(const char *doing)
{
    (void)fprintf(stderr, "instructions: %s\n", doing);
    exit(EXIT_FAILURE);
}

static double random_unit(void)
{
    static uint64_t state = 88172645463325252U;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (double)(state >> 11) * 0x1p-53;
}

/* The next number of a noisy walk, with as many decimals; 0: all digits that a double has. */
static void write_number(struct luna_buf *body, double *level, int decimals)
{
    char text[LUNA_NUMBER_TEXT_BYTES];
    double scale = pow(10, decimals);
    *level += 10 * (random_unit() - 0.5);
    double value = *level + 100 * (random_unit() - 0.5);
    if (decimals > 0)
        value = round(value * scale) / scale;
    luna_buf_append(body, text, luna_number_print(value, 0, text));
}

static void write_body(struct luna_buf *body, int points, int decimals, const char *options)
{
    double level = 1000;
    luna_buf_puts(body, "{\"results\":[");
    for (int i = 0; i < points; i++) {
        if (i > 0)
            luna_buf_putc(body, ',');
        write_number(body, &level, decimals);
    }
    luna_buf_printf(body, "]%s}", options);
}

/* Every month has 28 days. */
static void write_day(struct luna_buf *body, int i)
{
    enum { DAYS = 28, MONTHS = 12 };
    luna_buf_printf(body, "%04d-%02d-%02d", 2000 + i / (DAYS * MONTHS), 1 + i / DAYS % MONTHS,
                    1 + i % DAYS);
}

static void write_label(struct luna_buf *body, int i)
{
    enum { LABELS = 97 };
    luna_buf_printf(body, "row%d", i % LABELS);
}

static void write_table(struct luna_buf *body, void (*write_first)(struct luna_buf *, int))
{
    double level = 1000;
    luna_buf_puts(body, "first,y\n");
    for (int i = 0; i < POINTS; i++) {
        write_first(body, i);
        luna_buf_putc(body, ',');
        write_number(body, &level, 2);
        luna_buf_putc(body, '\n');
    }
}

static void prepare_days(struct work *work)
{
    write_table(&work->body, write_day);
}

static void prepare_labels(struct work *work)
{
    write_table(&work->body, write_label);
}

static const char given[] =
    ",\"model\":{\"name\":\"local_level\",\"parameters\":{\"level_variance\":8.3,"
    "\"observation_variance\":833}}";

static void prepare_prices(struct work *work)
{
    write_body(&work->body, POINTS, 2, given);
}

static void prepare_digits(struct work *work)
{
    write_body(&work->body, POINTS, 0, given);
}

static void decode(struct work *work)
{
    static const struct luna_request_limits limits = {.points_max = POINTS, .nesting_max = 16};
    struct luna_faults faults;
    luna_faults_init(&faults, &work->arena);
    if (luna_decode_json(work->body.data, work->body.len, &limits, &work->arena, &work->request,
                         &faults) != LUNA_DECODE_OK)
        fail("the body is not accepted");
}

static void decode_table(struct work *work)
{
    static const struct luna_request_limits limits = {.points_max = POINTS, .nesting_max = 16};
    static const struct luna_table_options found = {.column = NULL};
    struct luna_faults faults;
    struct luna_table table;
    luna_faults_init(&faults, &work->arena);
    if (luna_table_read(work->body.data, work->body.len, &found, false, &limits, &work->arena,
                        &table, &faults) != LUNA_DECODE_OK)
        fail("the table is not accepted");
}

static void run(struct work *work)
{
    const struct luna_run_control control = {.deadline = luna_deadline_in_ms(600000)};
    struct luna_faults faults;
    luna_faults_init(&faults, &work->arena);
    if (luna_run(&work->request, &control, &work->arena, &work->result, &faults) != LUNA_RUN_OK)
        fail("the model does not run");
}

static void encode(struct work *work)
{
    luna_encode_json(&work->request, &work->result, 0, &work->out);
    if (work->out.overflow)
        fail("the answer has no room");
}

static void prepare_run(struct work *work)
{
    prepare_prices(work);
    decode(work);
}

static void prepare_fit(struct work *work)
{
    write_body(&work->body, POINTS, 2, "");
    decode(work);
}

static void prepare_encode(struct work *work)
{
    prepare_run(work);
    run(work);
    /* a worker's buffer has grown before */
    (void)luna_buf_reserve(&work->out, MEMORY_BYTES_MAX / 2);
}

static void admit(struct work *work)
{
    static const char key[] = "7d444840-9dc0-41d1-b245-5ffdce74fad2";
    const struct luna_admission_request request = {.account_id = 42,
                                                   .api_key = key,
                                                   .api_key_len = sizeof key - 1,
                                                   .scope = LUNA_SCOPE_MODEL,
                                                   .cost = 1,
                                                   .points = POINTS,
                                                   .request_id = "8d5e957f297893487bd98fa830fa6413",
                                                   .deadline = luna_deadline_in_ms(600000)};
    struct luna_admission admission;
    luna_admit(work->admitter, &request, &admission);
    if (admission.outcome != LUNA_ADMIT_ALLOWED ||
        luna_admission_commit(work->admitter, &admission) != LUNA_COMMIT_OK)
        fail(admission.error.msg);
}

/* Empty, and short enough for a socket's path. */
static const char *folder_for_files(void)
{
    const char *folder = getenv("LUNA_BENCH_FOLDER");
    if (folder == NULL)
        fail("LUNA_BENCH_FOLDER names no folder");
    return folder;
}

static void prepare_admit(struct work *work)
{
    static const unsigned char pepper[32] = {1};
    const char *folder = folder_for_files();
    char socket_path[100], url[128];
    struct luna_error err;
    (void)snprintf(socket_path, sizeof socket_path, "%s/redis.sock", folder);
    (void)snprintf(url, sizeof url, "unix://%s", socket_path);
    canned_redis_start(socket_path);
    const struct luna_admitter_options options = {.redis_url = url,
                                                  .database_url = "host=/nowhere",
                                                  .pepper = pepper,
                                                  .pepper_len = sizeof pepper,
                                                  .journal_dir = folder,
                                                  .redis_timeout_ms = 60000,
                                                  .database_timeout_ms = 1000};
    if (luna_admitter_new(&options, &work->admitter, &err) != LUNA_OK)
        fail(err.msg);
    for (int i = 0; i < WARM_UP; i++) /* the connection, the journal's first page */
        admit(work);
}

static void await_request(struct work *work)
{
    served_request_await(work->served);
}

static void serve(struct work *work)
{
    served_request_serve(work->served);
}

static void prepare_serve(struct work *work)
{
    prepare_admit(work);
    write_body(&work->body, FEW_POINTS, 2, given);
    work->served =
        served_request_new(folder_for_files(), work->admitter, work->body.data, work->body.len);
    for (int i = 0; i < WARM_UP; i++) {
        await_request(work);
        serve(work);
    }
}

struct part {
    const char *name;
    void (*prepare)(struct work *work);
    void (*await)(struct work *work); /* before each round; NULL: nothing to wait for */
    void (*measure)(struct work *work);
    int rounds, units_per_round;
    const char *unit;
};

static const struct part parts[] = {
    {"decode", prepare_prices, NULL, decode, 1, POINTS, "number of two decimals"},
    {"decode-digits", prepare_digits, NULL, decode, 1, POINTS, "number of seventeen digits"},
    {"decode-days", prepare_days, NULL, decode_table, 1, POINTS,
     "row of a day and a number of two decimals"},
    {"decode-labels", prepare_labels, NULL, decode_table, 1, POINTS,
     "row of a label and a number of two decimals"},
    {"admit", prepare_admit, NULL, admit, ROUNDS, 1,
     "admission and its commit, Redis's own work apart"},
    {"filter", prepare_run, NULL, run, 1, POINTS, "step of a local level, parameters given"},
    {"fit", prepare_fit, NULL, run, 1, POINTS,
     "point of a local level, parameters fitted and filtered"},
    {"encode", prepare_encode, NULL, encode, 1, POINTS, "result, and the input echoed"},
    {"request", prepare_serve, await_request, serve, ROUNDS, 1,
     "request of ten points, all that a worker does of it"}};

/* A function of its own that the compiler may neither inline nor rename: callgrind finds it by
 * name. */
__attribute__((noipa)) static void measured(const struct part *part, struct work *work)
{
    part->measure(work);
}

static void run_part(const struct part *part)
{
    struct work work = {.admitter = NULL};
    luna_arena_init(&work.arena, ARENA_BLOCK_BYTES, MEMORY_BYTES_MAX);
    luna_buf_init(&work.body, MEMORY_BYTES_MAX);
    luna_buf_init(&work.out, MEMORY_BYTES_MAX);
    part->prepare(&work);
    for (int i = 0; i < part->rounds; i++) {
        if (part->await != NULL)
            part->await(&work);
        measured(part, &work);
    }
    luna_admitter_free(work.admitter);
    luna_buf_done(&work.out);
    luna_buf_done(&work.body);
    luna_arena_done(&work.arena);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--built-by") == 0) {
        printf("%s gcc %s glibc %s %s\n", LUNA_ARCHITECTURE, __VERSION__, gnu_get_libc_version(),
               LUNA_BUILD_TYPE);
        return 0;
    }
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (argc == 1)
            printf("%s %d %s\n", parts[i].name, parts[i].rounds * parts[i].units_per_round,
                   parts[i].unit);
        else if (argc == 2 && strcmp(argv[1], parts[i].name) == 0) {
            run_part(&parts[i]);
            return 0;
        }
    }
    return argc == 1 ? 0 : 2;
}
