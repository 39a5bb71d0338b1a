#include "series/kalman.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "caught_output.h"
#include "series/kalman_line.h"

static char path[64];

/* A file of this content, named by the pattern ("….csv" or no ending at all). */
static void write_file(const char *ending, const char *content)
{
    snprintf(path, sizeof path, "/tmp/luna-cli-XXXXXX%s", ending);
    int fd = mkstemps(path, (int)strlen(ending));
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, strlen(content)), (ssize_t)strlen(content));
    close(fd);
}

/* What `luna kalman PATH words…` prints on `stream`; the file is removed. */
static const char *run(FILE *stream, int wanted_status, const char *const *words)
{
    static char name[] = "kalman";
    char *argv[32] = {name, path}, *copies[32];
    int argc = 2, copy_count = 0;
    for (; *words != NULL; words++)
        argv[argc++] = copies[copy_count++] = strdup(*words);
    caught_begin(stream);
    int status = cmd_kalman(argc, argv);
    const char *caught = caught_end();
    unlink(path);
    while (copy_count > 0)
        free(copies[--copy_count]); /* argv itself is in another order now */
    if (status != wanted_status)
        fail_msg("status %d: %s", status, caught);
    return caught;
}

#define RUN(stream, status, ...) run((stream), (status), (const char *const[]){__VA_ARGS__, NULL})

static void a_batch_mixes_its_series(void **state)
{
    (void)state;
    static const char answer[] =
        "{\"series\":[{\"id\":\"a\",\"processed_results\":[7,7],\"input_data\":[7,null]},"
        "{\"id\":\"b\",\"processed_results\":[5,5],\"input_data\":[5,5]}],\"succeeded\":2,"
        "\"failed\":0}\n";
    write_file(".csv", "unique_id,y\na,7\nb,5\na,\nb,5\n");
    assert_string_equal(RUN(stdout, 0, "--batch"), answer);
    write_file(".json", "{\"series\":[{\"id\":\"a\",\"results\":[7,null]},"
                        "{\"id\":\"b\",\"results\":[5,5]}]}");
    assert_string_equal(RUN(stdout, 0, "--batch"), answer);
    write_file(".ndjson",
               "{\"id\":\"a\",\"results\":[7,null]}\n\n{\"id\":\"b\",\"results\":[5,5]}");
    assert_string_equal(RUN(stdout, 0, "--batch", "--output-format", "json"), answer);
    write_file(".ndjson", "{\"shop\":\"a\",\"y\":7}\n{\"shop\":\"b\",\"y\":5}\n"
                          "{\"shop\":\"a\",\"y\":null}\n{\"shop\":\"b\",\"y\":5}\n");
    assert_string_equal(RUN(stdout, 0, "--batch", "--id-column", "shop", "--output-format", "json"),
                        answer);
}

static void one_bad_series_of_a_batch_fails_all(void **state)
{
    (void)state;
    static const char lines[] =
        "{\"id\":\"a\",\"results\":[7,\"x\"]}\n{\"results\":[5,5],\"horizon\":1}\n";
    write_file(".ndjson", lines);
    const char *said = RUN(stdout, 1, "--batch", "--horizon", "2");
    assert_non_null(
        strstr(said, "{\"id\":\"a\",\"error\":{\"code\":\"validation_error\",\"detail\":[{"));
    assert_non_null(strstr(said, "\"forecast\":{\"mean\":[5,5]")); /* the command line wins */
    assert_non_null(strstr(said, "\n{\"succeeded\":1,\"failed\":1}\n"));
    write_file(".ndjson", lines);
    assert_non_null(strstr(RUN(stderr, 2, "--batch", "--horizon", "x"), "the command line"));
    write_file(".ndjson", lines);
    assert_non_null(strstr(RUN(stderr, 2, "--batch", "--plot"), "--plot draws one series"));
    write_file(".ndjson", lines);
    assert_non_null(strstr(RUN(stderr, 2, "--batch", "--output-format=csv"), "json or ndjson"));
    write_file(".f64", "12345678");
    assert_non_null(
        strstr(RUN(stderr, 1, "--batch", "--input-format=octets"), "octets are one series"));
}

static void the_format_is_not_the_inputs(void **state)
{
    (void)state;
    static const char json[] = " {\"results\":[7,null]}", csv[] = "7\n\n7\n";
    write_file(".json", json);
    assert_string_equal(RUN(stdout, 0, NULL),
                        "{\"processed_results\":[7,7],\"input_data\":[7,null]}\n");
    write_file("", json);
    assert_string_equal(RUN(stdout, 0, NULL),
                        "{\"processed_results\":[7,7],\"input_data\":[7,null]}\n");
    write_file(".csv", csv);
    assert_string_equal(RUN(stdout, 0, NULL), "value,processed\r\n7,7\r\n,7\r\n7,7\r\n");
    write_file("", csv);
    assert_string_equal(RUN(stdout, 0, "--output-format", "json"),
                        "{\"processed_results\":[7,7,7],\"input_data\":[7,null,7]}\n");
    write_file(".csv", json);
    assert_string_equal(RUN(stdout, 0, "--input-format=json", "--output-format=csv"),
                        "value,processed\r\n7,7\r\n,7\r\n");
}

static void a_flag_does_not_reach_the_model(void **state)
{
    (void)state;
    write_file(".json", "{\"results\":[1120,1160],\"horizon\":9}");
    const char *out =
        RUN(stdout, 0, "--model", "level", "--parameter=level_variance=1469.1", "--parameter",
            "observation_variance=15099", "--horizon=1", "--interval", "0.5,0.95", "--include",
            "model,variance", "--robust", "--precision", "6");
    /* Filtered Nile at these parameters: 1120 (15099), 1140.93 (7899.74); see tests/vectors. */
    assert_non_null(strstr(out, "{\"processed_results\":[1120,1140.93],\"input_data\":[1120,1160],"
                                "\"variance\":[15099,7899.74],\"intervals\":[{\"level\":0.5,"));
    assert_non_null(strstr(out, "\"forecast\":{\"mean\":[1140.93],"));
    assert_non_null(strstr(
        out, "\"model\":{\"name\":\"local_level\",\"parameters\":{\"observation_variance\":15099,"
             "\"level_variance\":1469.1}},\"fit\":{\"status\":\"fixed\""));
    write_file(".csv", "1\n2\n4\n3\n5\n");
    out = RUN(stdout, 0, "--model=arima", "--setting=p=2", "--parameter=ar=0.5,-0.25",
              "--output=smoothed", "--parameter=innovation_variance=2", "--include=model",
              "--output-format=json");
    assert_non_null(strstr(out, "\"parameters\":{\"innovation_variance\":2,\"ar\":[0.5,-0.25]}"));
}

static void a_wrong_line_runs(void **state)
{
    (void)state;
    static const struct {
        const char *word, *message;
    } rows[] = {
        {"--precision=18", "luna: --precision is \"18\"; expected an integer from 1 to 17\n"},
        {"--precision=x", "luna: --precision is \"x\"; expected an integer from 1 to 17\n"},
        {"--input-format=xml",
         "luna: --input-format is \"xml\"; expected json, csv, ndjson or octets\n"},
        {"--parameter=level_variance",
         "luna: --parameter is \"level_variance\"; expected NAME=VALUE\n"},
        {"--setting==3", "luna: --setting is \"=3\"; expected NAME=VALUE\n"},
        {"another.csv", "luna: kalman takes only one FILE\n"},
        {"--horizon=1.5",
         "luna: the command line:\n  horizon: Input should be a valid integer, got a number with a "
         "fractional part\n"},
        {"--parameter=level_variance=big",
         "luna: the command line:\n  model.parameters.level_variance: Input should be "
         "a valid number\n"},
        {"--model=zz", "luna: the command line:\n  model.name: Input should be 'local_level', "},
        {"--output=both",
         "luna: the command line:\n  output: Input should be 'filtered', 'smoothed' or "
         "'predicted'\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        write_file(".csv", "1\n2\n");
        const char *err = RUN(stderr, 2, rows[i].word);
        if (strncmp(err, rows[i].message, strlen(rows[i].message)) != 0)
            fail_msg("wanted %s\ngot %s", rows[i].message, err);
    }
}

static void a_bad_file_is_blamed_on_the_line(void **state)
{
    (void)state;
    write_file(".csv", "value\n1\n\x1b[31mx\n");
    const char *err = RUN(stderr, 1, NULL);
    assert_non_null(strstr(err, path));
    assert_non_null(strstr(
        err, ":\n  value[1]: Input should be a valid number, unable to parse string as a number\n"
             "      line 3: \"\\u001b[31mx\" is not a number; "));
    strcpy(path, "/nonexistent/luna.csv");
    assert_string_equal(RUN(stderr, 1, NULL),
                        "luna: /nonexistent/luna.csv: No such file or directory\n");
    strcpy(path, "/tmp");
    assert_string_equal(RUN(stderr, 1, NULL), "luna: /tmp: Is a directory\n");
}

static void a_line_of_numbers_is_not_read(void **state)
{
    (void)state;
    static const char ndjson[] = "{\"value\":7}\n{\"value\":null}\n";
    static const char wanted[] =
        "{\"value\":7,\"processed\":7}\n{\"value\":null,\"processed\":7}\n";
    write_file(".jsonl", ndjson);
    assert_string_equal(RUN(stdout, 0, NULL), wanted);
    write_file("", ndjson);
    assert_string_equal(RUN(stdout, 0, NULL), wanted);
    write_file("", "{\"results\":[7],\n\"model\":\n{\"name\":\"level\"}\n}\n");
    assert_non_null(strstr(RUN(stdout, 0, NULL), "{\"processed_results\":[7],"));
}

/* The content of `name`, "" when there is no such file; the file is removed. */
static const char *take_file(const char *name)
{
    static char content[4096];
    FILE *file = fopen(name, "r");
    size_t len = file != NULL ? fread(content, 1, sizeof content - 1, file) : 0;
    content[len] = '\0';
    if (file != NULL)
        fclose(file);
    unlink(name);
    return content;
}

static void an_output_file_is_lost_by_an_error(void **state)
{
    (void)state;
    char output[80], flag[100];
    snprintf(output, sizeof output, "/tmp/luna-cli-%d.json", (int)getpid());
    snprintf(flag, sizeof flag, "--output-file=%s", output);
    write_file(".csv", "7\n7\n");
    assert_string_equal(RUN(stdout, 0, flag), "");
    write_file(".csv", "7\nx\n");
    RUN(stderr, 1, flag);
    /* In the format that its name says. */
    assert_string_equal(take_file(output), "{\"processed_results\":[7,7],\"input_data\":[7,7]}\n");
    write_file(".csv", "7\n7\n");
    assert_string_equal(RUN(stderr, 1, "--output-file=/nonexistent/luna.csv"),
                        "luna: /nonexistent/luna.csv: No such file or directory\n");
}

static void a_plot_changes_the_numbers(void **state)
{
    (void)state;
    char output[80], flag[100];
    snprintf(output, sizeof output, "/tmp/luna-cli-%d.csv", (int)getpid());
    snprintf(flag, sizeof flag, "--output-file=%s", output);
    write_file(".csv", "7\n8\n7\n9\n");
    const char *drawing = RUN(stdout, 0, "--plot", "--horizon=2", flag);
    assert_non_null(strstr(drawing, "forecast from 5"));
    assert_non_null(strstr(drawing, "95 % interval"));
    assert_null(strstr(drawing, "processed"));
    assert_null(strchr(drawing, '\033'));
    assert_non_null(strstr(take_file(output), "value,processed\r\n7,7\r\n"));
}

static void a_mistyped_name_gets_no_suggestion(void **state)
{
    (void)state;
    write_file(".csv", "1\n2\n");
    assert_non_null(strstr(RUN(stderr, 2, "--model=local_levle"), "did you mean \"local_level\"?"));
    write_file(".csv", "1\n2\n");
    assert_non_null(
        strstr(RUN(stderr, 2, "--parameter=level_varience=1"), "did you mean \"level_variance\"?"));
    write_file(".csv", "1\n2\n");
    assert_non_null(strstr(RUN(stderr, 2, "--model=seasonal", "--setting=peroid=12"),
                           "did you mean \"period\"?"));
}

static void the_first_of_two_values_is_lost(void **state)
{
    (void)state;
    static const char *const lists[] = {"parameter", "setting", "interval", "include"};
    enum { LISTS = sizeof lists / sizeof lists[0] };
    const char *name;
    for (int i = 0; (name = kalman_line_option(i)) != NULL; i++) {
        char flag[64], message[96];
        bool is_switch = strcmp(name, "robust") == 0 || strcmp(name, "bias-adjust") == 0 ||
                         strcmp(name, "plot") == 0 || strcmp(name, "batch") == 0 ||
                         strcmp(name, "help") == 0;
        bool is_list = false;
        for (size_t k = 0; k < LISTS; k++)
            is_list = is_list || strcmp(name, lists[k]) == 0;
        if (is_switch || is_list)
            continue;
        const char *value = strstr(name, "format") != NULL ? "csv" : "3";
        snprintf(flag, sizeof flag, "--%s=%s", name, value);
        snprintf(message, sizeof message, "luna: --%s occurs more than once\n", name);
        write_file(".csv", "1\n2\n");
        assert_non_null(strstr(RUN(stderr, 2, flag, flag), message));
    }
    write_file(".csv", "1\n2\n");
    assert_string_equal(RUN(stderr, 2, "--setting=period=3", "--setting=period=2"),
                        "luna: --setting period occurs more than once\n"
                        "Try: luna kalman --help\n");
    write_file(".csv", "1\n2\n");
    (void)RUN(stdout, 0, "--interval=0.8", "--interval=0.9", "--robust", "--robust");
}

static void help_is_an_error(void **state)
{
    (void)state;
    write_file(".csv", "");
    assert_non_null(strstr(RUN(stdout, 0, "--help"), "Usage: luna kalman FILE|- "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_mixes_its_series),
        cmocka_unit_test(one_bad_series_of_a_batch_fails_all),
        cmocka_unit_test(the_format_is_not_the_inputs),
        cmocka_unit_test(a_flag_does_not_reach_the_model),
        cmocka_unit_test(a_wrong_line_runs),
        cmocka_unit_test(a_bad_file_is_blamed_on_the_line),
        cmocka_unit_test(a_line_of_numbers_is_not_read),
        cmocka_unit_test(an_output_file_is_lost_by_an_error),
        cmocka_unit_test(a_plot_changes_the_numbers),
        cmocka_unit_test(a_mistyped_name_gets_no_suggestion),
        cmocka_unit_test(the_first_of_two_values_is_lost),
        cmocka_unit_test(help_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
