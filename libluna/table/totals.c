/* Which rows below the data are totals. */
#include "order.h"
#include "reading.h"

#include <string.h>
#include <strings.h>

/* "Total:" */
static struct csv_field without_colon(struct csv_field field)
{
    field = csv_trim(field);
    field.len -= field.len > 0 && field.at[field.len - 1] == ':';
    return field;
}

static bool is_total_word(struct csv_field field)
{
    static const char *const words[] = {
        "total",    "totals",         "grand total", "sum",          "average",
        "mean",     "summe",          "gesamt",      "somme",        "totale",
        "avg",      "media",          "mittelwert",  "moyenne",      "ytd",
        "subtotal", "gesamtergebnis", "insgesamt",   "durchschnitt", "suma",
        "promedio", "totaal",         NULL};
    return cell_is_one_of(without_colon(field), words);
}

/* Of all rows above, perhaps; "Max" may be a person. */
static bool is_statistic_word(struct csv_field field)
{
    static const char *const words[] = {"count",
                                        "median",
                                        "min",
                                        "max",
                                        "std",
                                        "stdev",
                                        "minimum",
                                        "maximum",
                                        "min.",
                                        "max.",
                                        "std.",
                                        "sd",
                                        "stddev",
                                        "mediana",
                                        "mediane",
                                        "variance",
                                        "standard deviation",
                                        NULL};
    return cell_is_one_of(without_colon(field), words);
}

/* Text of other rows, too, is data: a name of a group, perhaps. */
static bool recurs(const struct reading *r, size_t column, struct csv_field field)
{
    for (size_t row = reading_first_row(r); row < r->sample.rows; row++) {
        struct csv_field other = sample_field(&r->sample, row, column);
        if (other.at != field.at && other.len == field.len &&
            strncasecmp(other.at, field.at, field.len) == 0)
            return true;
    }
    return false;
}

/* The first word of a label, and what follows it. */
static struct csv_field first_word(struct csv_field label, struct csv_field *ret_rest)
{
    size_t len = 0;
    label = csv_trim(label);
    while (len < label.len && strchr(" (:=", label.at[len]) == NULL)
        len++;
    *ret_rest = csv_trim((struct csv_field){label.at + len, label.len - len});
    return (struct csv_field){label.at, len};
}

/* "Total 2020", "Sum of all" */
static bool starts_with_total(struct csv_field field)
{
    struct csv_field rest, word = first_word(field, &rest);
    return rest.len > 0 && (cell_is(word, "grand") || is_total_word(word));
}

/* "Median 2020", "Max (all)", "Min of months"; not "Max Miller". */
static bool starts_with_statistic(struct csv_field field)
{
    static const char *const begins[] = {"of", "all", "overall", "total", "value", NULL};
    struct csv_field behind, rest, word = first_word(field, &rest);
    bool may_be_person = cell_is(word, "max") || cell_is(word, "min");
    return rest.len > 0 && is_statistic_word(word) &&
           (!may_be_person || strchr("(:=0123456789", rest.at[0]) != NULL ||
            cell_is_one_of(first_word(rest, &behind), begins));
}

/* An empty field in a column of labels that all other rows have. */
static bool lacks_label(const struct reading *r, size_t column, struct csv_field field)
{
    size_t filled = 0, first = reading_first_row(r);
    if (r->columns[column].kind != LUNA_TABLE_TEXT || csv_trim(field).len > 0)
        return false;
    for (size_t row = first; row < r->sample.rows; row++) {
        struct csv_field other = sample_field(&r->sample, row, column);
        filled += csv_trim(other).len > 0 || other.at == field.at;
    }
    return filled > 2 && filled == r->sample.rows - first;
}

enum total reading_total(const struct reading *r, const struct csv_record *record)
{
    enum total total = TOTAL_NO;
    if (r->time != LUNA_TABLE_NONE && order_is_time(record->fields[r->time]))
        return TOTAL_NO;
    for (size_t i = 0; i < r->sample.columns; i++) {
        struct csv_field field = record->fields[i];
        if ((int)i == r->value || (int)i == r->id || recurs(r, i, field))
            continue;
        if (is_total_word(field))
            return TOTAL_YES;
        if (r->time == LUNA_TABLE_NONE &&
            (starts_with_total(field) || is_statistic_word(field) || starts_with_statistic(field) ||
             lacks_label(r, i, field)))
            total = TOTAL_PERHAPS;
    }
    return total;
}

/* The labels of all rows are the same: they name what the table holds. */
static bool is_constant(const struct reading *r, size_t column, size_t first)
{
    struct csv_field label = csv_trim(sample_field(&r->sample, first, column));
    for (size_t row = first; row < r->sample.rows; row++) {
        struct csv_field other = csv_trim(sample_field(&r->sample, row, column));
        if (other.len != label.len || strncasecmp(other.at, label.at, label.len) != 0)
            return false;
    }
    return true;
}

void reading_check_totals(struct reading *r, size_t last_line)
{
    size_t first = reading_first_row(r);
    for (size_t i = 0; i < r->sample.columns && r->time == LUNA_TABLE_NONE; i++) {
        if (r->columns[i].kind != LUNA_TABLE_TEXT || (int)i == r->value || (int)i == r->id ||
            is_constant(r, i, first))
            continue;
        for (size_t row = first; row < r->sample.rows && r->sample.records[row].line <= last_line;
             row++) {
            struct csv_field label = sample_field(&r->sample, row, i);
            if (!is_total_word(label) && !starts_with_total(label))
                continue;
            reading_fault_syntax(r, label.at, r->sample.records[row].line,
                                 "this may be a total, by its label; remove the line, or the "
                                 "column of labels");
            return;
        }
    }
}
