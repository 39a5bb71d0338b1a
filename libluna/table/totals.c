/* Which rows below the data are totals. */
#include "order.h"
#include "reading.h"

#include <strings.h>

static bool is_total_word(struct csv_field field)
{
    static const char *const words[] = {"total", "totals", "grand total", "sum",    "average",
                                        "mean",  "summe",  "gesamt",      "somme",  "totale",
                                        "avg",   "media",  "mittelwert",  "moyenne"};
    field = csv_trim(field);
    if (field.len > 0 && field.at[field.len - 1] == ':')
        field.len--;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (cell_is(field, words[i]))
            return true;
    }
    return false;
}

/* Text of other rows, too, is data: a name of a group, perhaps. */
static bool recurs(const struct reading *r, size_t column, struct csv_field field)
{
    for (size_t row = (size_t)r->has_header + r->has_units; row < r->sample.rows; row++) {
        struct csv_field other = sample_field(&r->sample, row, column);
        if (other.at != field.at && other.len == field.len &&
            strncasecmp(other.at, field.at, field.len) == 0)
            return true;
    }
    return false;
}

bool reading_is_total(const struct reading *r, const struct csv_record *record)
{
    if (r->time != LUNA_TABLE_NONE && order_is_time(record->fields[r->time]))
        return false;
    for (size_t i = 0; i < r->sample.columns; i++) {
        struct csv_field field = record->fields[i];
        if ((int)i != r->value && (int)i != r->id && is_total_word(field) && !recurs(r, i, field))
            return true;
    }
    return false;
}
