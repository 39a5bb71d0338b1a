/*
 * number.h: doubles to and from text, exactly, whatever the locale.
 *
 * Printing gives the shortest text that reads back to the same bits (Dragonbox); reading is
 * correctly rounded (C++17 from_chars). Chosen over jansson's numbers, which print %.17g and are
 * 13–25 times slower: docs/adr/0003, 0009.
 */
#ifndef LUNA_MODELLING_NUMBER_H
#define LUNA_MODELLING_NUMBER_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum luna_number_status {
    LUNA_NUMBER_OK,
    LUNA_NUMBER_SYNTAX, /* not a JSON number (RFC 8259 §6) at `text` */
    LUNA_NUMBER_RANGE   /* a number whose magnitude a double cannot hold, such as 1e999 */
};

enum { LUNA_NUMBER_TEXT_BYTES = 32 }; /* room that luna_number_print() may need */

/* Reads one JSON number from text[0..len). On OK and RANGE *ret_used is the number's length.
 * Underflow is OK: the nearest double. */
enum luna_number_status luna_number_parse(const char *text, size_t len, double *ret_value,
                                          size_t *ret_used);
/* Reads a run of numbers with a comma after each, and at most one space after that: how almost
 * every array is written. Stops before whatever else comes, at the last number too, for
 * luna_number_parse() to judge. At most `max` values; returns how many, and in *ret_used the bytes
 * that they took. Faster than one by one. */
size_t luna_number_parse_list(const char *text, size_t len, double *values, size_t max,
                              size_t *ret_used);
/* Writes a finite double; returns the length. No NUL. `precision`: 0 for the shortest text that
 * reads back to the same bits, else rounded to 1–17 significant digits first. Notation as in
 * Python: 1e+16, 100000, 0.0001, 1e-05; no ".0". */
size_t luna_number_print(double value, int precision, char *out);
/* Writes values[0..n) with commas between; one that is not finite as null. `out` has room for n ×
 * (LUNA_NUMBER_TEXT_BYTES +
 * 1) bytes. Returns the length. Faster than one by one. */
size_t luna_number_print_list(const double *values, size_t n, int precision, char *out);

#ifdef __cplusplus
}
#endif

#endif
