#include "series/kalman.h"

#include "luna/base/arena.h"
#include "luna/base/buf.h"
#include "luna/base/clock.h"
#include "luna/modelling/decode.h"
#include "luna/modelling/encode.h"
#include "luna/modelling/fault.h"
#include "luna/modelling/ndjson.h"
#include "luna/modelling/octets.h"
#include "luna/modelling/run.h"
#include "luna/table/table.h"
#include "series/batch_answer.h"
#include "series/kalman_line.h"
#include "series/plot.h"
#include "series/reading.h"
#include "series/source.h"
#include "terminal/progress.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { ORIGIN_BYTES_MAX = 4096 };

/* Nobody waits for a time limit here: a hundred years. */
static const int64_t run_ms_max = (int64_t)100 * 365 * 24 * 3600 * 1000;
static const double plot_interval = 0.95;

struct job {
    struct kalman_line line;
    struct luna_buf body;
    struct luna_buf answer;
    struct luna_arena arena;
    struct luna_faults faults;
    struct reading reading;
    struct luna_request request;
    struct luna_result result;
    bool band_of_plot; /* the interval is the plot's own; nobody asked for it */
};

/* Where the series stands in the file, for --include input. */
static bool note_origin(struct job *job)
{
    struct luna_buf text;
    luna_buf_init(&text, ORIGIN_BYTES_MAX);
    luna_table_put_json(&job->reading.table, &text);
    job->request.origin =
        text.overflow ? NULL : luna_arena_strndup(&job->arena, text.data, text.len);
    luna_buf_done(&text);
    return job->request.origin != NULL;
}

static enum cli_exit decode(struct job *job, enum source_format format)
{
    enum luna_decode_status status =
        reading_decode(&job->reading, format, &job->body, false, &job->arena, &job->faults);
    job->request = job->reading.request;
    if (status == LUNA_DECODE_FAULTS || status == LUNA_DECODE_LONG)
        return source_print_faults(&job->faults, job->line.path, CLI_FAILED);
    if (status == LUNA_DECODE_OK)
        status = luna_decode_options(job->line.options.data, job->line.options.len,
                                     READING_NESTING_MAX, &job->arena, &job->request, &job->faults);
    if (status == LUNA_DECODE_FAULTS)
        return source_print_faults(&job->faults, "the command line", CLI_USAGE);
    if (status == LUNA_DECODE_OK && job->reading.is_table && !note_origin(job))
        status = LUNA_DECODE_MEMORY;
    return status == LUNA_DECODE_OK ? CLI_OK : source_failed(job->line.path, "out of memory");
}

static enum cli_exit read_table_options(struct job *job)
{
    for (size_t i = 0; i < KALMAN_TABLE_OPTIONS; i++) {
        if (job->line.table[i] != NULL)
            luna_table_option_set(luna_table_option_names[i], job->line.table[i],
                                  &job->reading.options, &job->faults);
    }
    return job->faults.count == 0
               ? CLI_OK
               : source_print_faults(&job->faults, "the command line", CLI_USAGE);
}

static int show_progress(void *progress)
{
    progress_beat(progress);
    return 0;
}

static void show_expected(void *progress, double seconds)
{
    progress_expect(progress, seconds);
}

static enum cli_exit run(struct job *job)
{
    struct progress progress = {.what = "modelling"};
    const struct luna_run_control control = {.deadline = luna_deadline_in_ms(run_ms_max),
                                             .cancelled = show_progress,
                                             .expected = show_expected,
                                             .ctx = &progress};
    enum luna_run_status status =
        luna_run(&job->request, &control, &job->arena, &job->result, &job->faults);
    progress_end(&progress);
    if (status == LUNA_RUN_FAULTS)
        return source_print_faults(&job->faults, job->line.path, CLI_FAILED);
    return status == LUNA_RUN_OK ? CLI_OK : source_failed(job->line.path, "out of memory");
}

static enum source_format output_format(const struct job *job, enum source_format input)
{
    enum source_format format = job->line.output_format;
    if (format == SOURCE_FORMAT_GUESS && job->line.output_path != NULL)
        format = source_format_of_path(job->line.output_path);
    return format != SOURCE_FORMAT_GUESS ? format : input;
}

static void encode(struct job *job, enum source_format format)
{
    switch (format) {
    case SOURCE_FORMAT_JSON:
        luna_encode_json(&job->request, &job->result, job->line.precision, &job->answer);
        luna_buf_putc(&job->answer, '\n');
        break;
    case SOURCE_FORMAT_NDJSON:
        luna_encode_ndjson(&job->request, &job->result, job->line.precision, &job->answer);
        break;
    case SOURCE_FORMAT_OCTETS:
        luna_encode_octets(&job->result, &job->answer);
        break;
    case SOURCE_FORMAT_CSV:
    case SOURCE_FORMAT_GUESS:
        luna_encode_csv(&job->request, &job->result, job->line.precision, &job->answer);
    }
}

/* A plot has a band, also where no interval was asked for; the numbers are the same without it. */
static void give_plot_a_band(struct job *job)
{
    job->band_of_plot = job->line.plot && job->request.interval_count == 0;
    if (job->band_of_plot)
        job->request.intervals[job->request.interval_count++] = plot_interval;
}

static enum cli_exit plot(struct job *job)
{
    struct luna_buf drawing;
    luna_buf_init(&drawing, SIZE_MAX / 2);
    bool drawn =
        plot_draw(&job->request, &job->result, plot_frame_of_stdout(), &job->arena, &drawing) &&
        !drawing.overflow;
    if (drawn)
        fwrite(drawing.data, 1, drawing.len, stdout);
    luna_buf_done(&drawing);
    return drawn ? CLI_OK : source_failed(job->line.path, "out of memory");
}

static enum cli_exit write_answer(struct job *job)
{
    if (job->answer.overflow)
        return source_failed(job->line.path, "out of memory");
    if (job->line.output_path != NULL)
        return source_write(job->line.output_path, job->answer.data, job->answer.len);
    /* main() checks the stream once, when it flushes it. */
    fwrite(job->answer.data, 1, job->answer.len, stdout);
    return CLI_OK;
}

static enum cli_exit write_one(struct job *job, enum source_format input)
{
    if (job->band_of_plot)
        job->request.interval_count = 0;
    encode(job, output_format(job, input));
    return write_answer(job);
}

/* The options of the command line alone: what is wrong with them is not a series' fault. */
static enum cli_exit check_options(struct job *job)
{
    struct luna_request plain;
    luna_request_init(&plain);
    enum luna_decode_status status =
        luna_decode_options(job->line.options.data, job->line.options.len, READING_NESTING_MAX,
                            &job->arena, &plain, &job->faults);
    if (status == LUNA_DECODE_FAULTS)
        return source_print_faults(&job->faults, "the command line", CLI_USAGE);
    return status == LUNA_DECODE_OK ? CLI_OK : source_failed(job->line.path, "out of memory");
}

static enum cli_exit filter_batch(struct job *job, enum source_format format)
{
    struct progress progress = {.what = "modelling"};
    const struct luna_run_control control = {
        .deadline = luna_deadline_in_ms(run_ms_max), .cancelled = show_progress, .ctx = &progress};
    struct batch_answer batch = {.options = job->line.options,
                                 .lines = output_format(job, format) == SOURCE_FORMAT_NDJSON,
                                 .precision = job->line.precision};
    enum cli_exit checked = check_options(job);
    if (checked != CLI_OK)
        return checked;
    enum luna_decode_status status = reading_decode_batch(&job->reading, format, &job->body,
                                                          &job->arena, &batch.input, &job->faults);
    if (status == LUNA_DECODE_FAULTS || status == LUNA_DECODE_LONG)
        return source_print_faults(&job->faults, job->line.path, CLI_FAILED);
    if (status != LUNA_DECODE_OK)
        return source_failed(job->line.path, "out of memory");
    enum cli_exit answered = batch_answer_write(&batch, &control, &job->answer);
    progress_end(&progress);
    enum cli_exit written = write_answer(job);
    return written != CLI_OK ? written : answered;
}

static enum cli_exit filter(struct job *job)
{
    enum cli_exit status = read_table_options(job);
    if (status == CLI_OK)
        status = source_read(job->line.path, &job->body);
    if (status != CLI_OK)
        return status;
    enum source_format format = job->line.input_format;
    if (format == SOURCE_FORMAT_GUESS)
        format = source_format_guess(job->line.path, job->body.data, job->body.len);
    if (job->line.batch)
        return filter_batch(job, format);
    status = decode(job, format);
    if (status != CLI_OK)
        return status;
    give_plot_a_band(job);
    status = run(job);
    if (status == CLI_OK && job->line.plot)
        status = plot(job);
    if (status == CLI_OK && (!job->line.plot || job->line.output_path != NULL))
        status = write_one(job, format);
    return status;
}

int cmd_kalman(int argc, char **argv)
{
    struct job job = {.line = {.path = NULL}};
    enum cli_exit status = CLI_USAGE;
    luna_buf_init(&job.body, SOURCE_BYTES_MAX);
    luna_buf_init(&job.answer, SIZE_MAX / 2);
    luna_arena_init(&job.arena, 65536, SIZE_MAX / 2);
    luna_faults_init(&job.faults, &job.arena);
    switch (kalman_line_read(argc, argv, &job.line)) {
    case KALMAN_LINE_RUN:
        status = filter(&job);
        break;
    case KALMAN_LINE_HELP:
        kalman_line_print_help();
        status = CLI_OK;
        break;
    case KALMAN_LINE_WRONG:
        fputs("Try: luna kalman --help\n", stderr);
        break;
    }
    kalman_line_done(&job.line);
    luna_buf_done(&job.body);
    luna_buf_done(&job.answer);
    luna_arena_done(&job.arena);
    return status;
}
