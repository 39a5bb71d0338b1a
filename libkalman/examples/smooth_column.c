/*
 * Smooth a column of numbers: one per line on standard input, "NA" or an empty line for a missing
 * one.
 *
 *     printf '1120\n1160\nNA\n1210\n' | kalman_example_smooth_column
 *
 * Prints each value with its filtered and smoothed level, and on standard error what was fitted.
 * One call does the work.
 */
#include <kalman/kalman.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Reads all of standard input; the caller frees. NULL when memory runs out. */
static double *read_column(size_t *ret_count)
{
    size_t count = 0, room = 1024;
    double *values = malloc(room * sizeof *values);
    char line[256];
    while (values && fgets(line, sizeof line, stdin)) {
        if (count == room) {
            double *larger = realloc(values, 2 * room * sizeof *values);
            if (!larger)
                break;
            values = larger;
            room *= 2;
        }
        char *end = NULL;
        double value = strtod(line, &end);
        values[count++] = end == line ? (double)NAN : value;
    }
    *ret_count = count;
    return values;
}

static int print_smoothed(const double *values, size_t count, double *filtered, double *smoothed)
{
    struct kalman_fit fit = {.bad_index = 0};
    enum kalman_status status = kalman_filter_simple(values, count, filtered, NULL, &fit);
    if (status == KALMAN_OK)
        status = kalman_smooth_simple(values, count, smoothed, NULL, NULL);
    if (status != KALMAN_OK) {
        fprintf(stderr, "line %zu: %s\n", fit.bad_index + 1, kalman_strerror(status));
        return 1;
    }
    for (size_t i = 0; i < count; i++)
        printf("%.10g %.10g %.10g\n", values[i], filtered[i], smoothed[i]);
    if (count > 0)
        fprintf(stderr, "signal-to-noise %g (%s), log-likelihood %.4f\n", fit.signal_to_noise,
                kalman_fit_status_name(fit.status), fit.loglikelihood);
    return 0;
}

int main(void)
{
    size_t count = 0;
    double *values = read_column(&count), *filtered = calloc(count + 1, sizeof *filtered),
           *smoothed = calloc(count + 1, sizeof *smoothed);
    enum kalman_status status =
        values && filtered && smoothed ? print_smoothed(values, count, filtered, smoothed) : 1;
    free(values);
    free(filtered);
    free(smoothed);
    return status;
}
