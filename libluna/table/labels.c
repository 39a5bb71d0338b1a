/* What the labels of rows tell: totals below the data, and several series in turn. */
#include "order.h"
#include "reading.h"

#include <assert.h>
#include <math.h>
#include <string.h>
#include <strings.h>

/* "Total:" */
static struct csv_field without_colon(struct csv_field field)
{
    field = csv_trim(field);
    field.len -= field.len > 0 && field.at[field.len - 1] == ':';
    return field;
}

static const struct words total_words = {{
    ['a' - 'a'] = {"average", "avg", "annual total", "annual mean", "annual average"},
    ['d' - 'a'] = {"durchschnitt"},
    ['e' - 'a'] = {"endsumme"},
    ['g' - 'a'] = {"grand total", "gesamt", "gesamtergebnis", "gesamtsumme", "gemiddelde"},
    ['i' - 'a'] = {"insgesamt"},
    ['j' - 'a'] = {"jahressumme", "jahresmittel", "jahresdurchschnitt"},
    ['m' - 'a'] = {"mean", "media", "mittelwert", "moyenne"},
    ['p' - 'a'] = {"promedio"},
    ['s' - 'a'] = {"sum", "summe", "somme", "subtotal", "suma", "sub-total", "sous-total", "somma"},
    ['t' - 'a'] = {"total", "totals", "totale", "totaal", "totales", "totaux", "teilergebnis"},
    ['y' - 'a'] = {"ytd"},
    ['z' - 'a'] = {"zwischensumme"},
}};

static bool is_total_word(struct csv_field field)
{
    return cell_is_word(without_colon(field), &total_words);
}

/* Of all rows above, perhaps; "Max" may be a person. */
static bool is_statistic_word(struct csv_field field)
{
    static const struct words words = {{
        ['c' - 'a'] = {"count"},
        ['m' - 'a'] = {"median", "min", "max", "minimum", "maximum", "min.", "max.", "mediana",
                       "mediane"},
        ['s' - 'a'] = {"std", "stdev", "std.", "sd", "stddev", "standard deviation"},
        ['v' - 'a'] = {"variance"},
    }};
    return cell_is_word(without_colon(field), &words);
}

/* Below twelve months, as in tables of the climate; "Year 3" is a year of its own. */
static bool is_year_word(struct csv_field field)
{
    static const char *const words[] = {"year",  "annual", "jahr", "année",
                                        "annee", "año",    "anno", NULL};
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

static bool ends_word(char c)
{
    return c == ' ' || c == '(' || c == ':' || c == '=';
}

/* The first word of a label, and what follows it. */
static struct csv_field first_word(struct csv_field label, struct csv_field *ret_rest)
{
    size_t len = 0;
    label = csv_trim(label);
    while (len < label.len && !ends_word(label.at[len]))
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

static enum total label_total(const struct reading *r, size_t column, struct csv_field label)
{
    if (is_total_word(label))
        return TOTAL_YES;
    return r->time == LUNA_TABLE_NONE && (starts_with_total(label) || is_statistic_word(label) ||
                                          starts_with_statistic(label) || is_year_word(label) ||
                                          lacks_label(r, column, label))
               ? TOTAL_PERHAPS
               : TOTAL_NO;
}

enum total reading_total(const struct reading *r, const struct csv_record *record)
{
    enum total total = TOTAL_NO;
    if (r->time != LUNA_TABLE_NONE && order_is_time(record->fields[r->time]))
        return TOTAL_NO;
    for (size_t i = 0; i < r->sample.columns && total != TOTAL_YES; i++) {
        struct csv_field field = record->fields[i];
        if ((int)i == r->value || (int)i == r->id)
            continue;
        enum total label = label_total(r, i, field);
        if (label > total && !recurs(r, i, field))
            total = label;
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

/* Of a label without blanks around it; most begin like no word. */
static bool is_total_label(struct csv_field label)
{
    return *cell_words(label, &total_words) != NULL &&
           (is_total_word(label) || starts_with_total(label));
}

/* The row without a label whose number is the sum of those above it, up to another one without a
 * label; sample.rows: none. */
static size_t find_sum(const struct reading *r, size_t column, size_t first)
{
    double sum = 0;
    size_t count = 0;
    for (size_t row = first; row < r->sample.rows; row++) {
        double value = 0;
        enum cell cell =
            cell_read(sample_field(&r->sample, row, (size_t)r->value), r->style, &value);
        bool has_label = csv_trim(sample_field(&r->sample, row, column)).len > 0;
        if (!has_label && cell == CELL_NUMBER && count > 1 && sum != 0 &&
            fabs(value - sum) <= 1e-9 * fabs(sum))
            return row;
        if (cell == CELL_NUMBER)
            sum += value;
        count++;
        if (!has_label) {
            sum = 0;
            count = 0;
        }
    }
    return r->sample.rows;
}

void reading_check_totals(struct reading *r, size_t last_line)
{
    size_t first = reading_first_row(r), end = r->sample.rows;
    while (end > first && r->sample.records[end - 1].line > last_line)
        end--;
    for (size_t i = 0; i < r->sample.columns && r->time == LUNA_TABLE_NONE; i++) {
        if (r->columns[i].kind != LUNA_TABLE_TEXT || (int)i == r->value || (int)i == r->id ||
            is_constant(r, i, first))
            continue;
        size_t total = end; /* the first row of one; end: none */
        bool lacks_one = false;
        for (size_t row = first; row < end; row++) {
            struct csv_field label = csv_trim(sample_field(&r->sample, row, i));
            lacks_one = lacks_one || label.len == 0;
            if (total == end && is_total_label(label))
                total = row;
        }
        size_t sum = lacks_one ? find_sum(r, i, first) : end;
        if (sum < end) {
            reading_fault_syntax(r, r->sample.records[sum].at, r->sample.records[sum].line,
                                 "this is the sum of the rows above, and has no label; remove the "
                                 "line, or the column of labels");
            return;
        }
        if (total == end)
            continue;
        reading_fault_syntax(r, sample_field(&r->sample, total, i).at,
                             r->sample.records[total].line,
                             "this may be a total, by its label; remove the line, or the "
                             "column of labels");
        return;
    }
}

/* How many rows the first label stays on, as every other must; the last rows may be cut off. */
static size_t run_length(const struct csv_field *labels, size_t count)
{
    size_t run = 0;
    while (run < count && csv_same(labels[run], labels[0]))
        run++;
    for (size_t row = 0; row < count; row++) {
        bool changes = row > 0 && !csv_same(labels[row], labels[row - 1]);
        if (changes != (row > 0 && row % run == 0))
            return 0;
    }
    return run;
}

/* Labels in turn as those of several series are: A B C A B C, or A A B B A A B B. A row may be
 * missing: A B C A C. *ret_next: the first row of the second label. */
static bool come_in_turn(const struct csv_field *labels, size_t count, size_t *ret_next)
{
    size_t run = run_length(labels, count), kinds = 0, turns = 0, rounds = 1, before = 0;
    size_t firsts[SAMPLE_ROWS];
    assert(count <= SAMPLE_ROWS);
    for (size_t row = 0; run > 0 && row < count; row += run) {
        size_t kind = 0;
        while (kind < kinds && !csv_same(labels[row], labels[firsts[kind]]))
            kind++;
        if (kind == kinds)
            firsts[kinds++] = row;
        rounds += row > 0 && kind <= before;
        before = kind;
        turns++;
    }
    *ret_next = run;
    /* Two kinds of flags may change places by chance. */
    return kinds >= 2 && turns >= (kinds == 2 ? 4 : kinds + 2) && 4 * turns >= 3 * rounds * kinds;
}

/* Words that come in turn in one series too. */
static const char *const notes[] = {
    /* days of the week */
    "mon", "tue", "tues", "wed", "thu", "thur", "thurs", "fri", "sat", "sun", "monday", "tuesday",
    "wednesday", "thursday", "friday", "saturday", "sunday", "montag", "dienstag", "mittwoch",
    "donnerstag", "freitag", "samstag", "sonnabend", "sonntag", "lun", "mar", "mer", "jeu", "ven",
    "sam", "dim", "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche", "mie",
    "mié", "jue", "vie", "sab", "sáb", "dom", "lunes", "martes", "miercoles", "miércoles", "jueves",
    "viernes", "sabado", "sábado", "domingo", "lunedì", "martedì", "mercoledì", "giovedì",
    "venerdì", "sabato", "domenica", "gio", "maandag", "dinsdag", "woensdag", "donderdag",
    "vrijdag", "zaterdag", "zondag", "segunda", "terça", "quarta", "quinta", "sexta",
    "segunda-feira", "terça-feira", "quarta-feira", "quinta-feira", "sexta-feira",
    /* months */
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec",
    "january", "february", "march", "april", "june", "july", "august", "september", "october",
    "november", "december", "januar", "februar", "mär", "märz", "mrz", "mai", "juni", "juli", "okt",
    "oktober", "dez", "dezember", "janv", "janvier", "févr", "février", "mars", "avr", "avril",
    "juin", "juil", "juillet", "août", "septembre", "octobre", "novembre", "déc", "décembre", "ene",
    "enero", "febrero", "marzo", "abr", "abril", "mayo", "junio", "julio", "ago", "agosto",
    "septiembre", "octubre", "noviembre", "dic", "diciembre", "gennaio", "febbraio", "aprile",
    "maggio", "giugno", "luglio", "settembre", "ottobre", "dicembre", "gen", "mag", "giu", "lug",
    "set", "ott", "januari", "februari", "maart", "mei", "augustus", "mrt", "janeiro", "fevereiro",
    "março", "maio", "junho", "julho", "setembro", "outubro", "novembro", "dezembro", "fev", "out",
    /* quarters, seasons, parts of a day */
    "q1", "q2", "q3", "q4", "h1", "h2", "spring", "summer", "autumn", "fall", "winter", "frühling",
    "frühjahr", "sommer", "herbst", "printemps", "été", "automne", "hiver", "primavera", "verano",
    "otoño", "invierno", "am", "pm", "a.m", "p.m", "day", "night", "morning", "noon", "afternoon",
    "evening", "midnight", "tag", "nacht", "morgen", "mittag", "abend", "jour", "nuit", "dia",
    "noche", "djf", "mam", "jja", "son", "inverno", "outono", "estate", "autunno",
    /* shifts, kinds of days */
    "early", "late", "früh", "spät", "frühschicht", "spätschicht", "nachtschicht", "tagschicht",
    "werktag", "wochenende", "feiertag",
    /* flags */
    "ja", "nein", "oui", "non", "si", "sí", "yes", "no", "y", "n", "true", "false", "on", "off",
    "ok", "est", "estimated", "good", "bad", "suspect", "valid", "invalid", "measured",
    "interpolated", "imputed", "weekday", "weekend", "workday", "holiday", NULL};

/* "07:00", "07:00:00-08:00:00"; not 00:1b:44:11:3a:b7, which names a device. */
static bool is_clock(struct csv_field label)
{
    enum { COLONS_MAX = 4 };
    size_t colons = 0;
    for (size_t i = 0; i < label.len; i++) {
        colons += label.at[i] == ':';
        if (!csv_is_digit(label.at[i]) && (i == 0 || strchr(":- ", label.at[i]) == NULL))
            return false;
    }
    return colons > 0 && colons <= COLONS_MAX;
}

/* "week 3", "KW 3" */
static bool is_numbered_period(struct csv_field label)
{
    static const char *const periods[] = {"week",  "woche",   "kw",        "semaine", "semana",
                                          "month", "monat",   "mois",      "quarter", "qtr",
                                          "qtr.",  "quartal", "trimestre", "day",     "tag",
                                          "hour",  "stunde",  "heure",     NULL};
    struct csv_field rest, word = first_word(label, &rest);
    return rest.len > 0 && csv_is_digit(rest.at[0]) && cell_is_one_of(word, periods);
}

/* "Mo." */
static struct csv_field without_point(struct csv_field label)
{
    label.len -= label.len > 0 && label.at[label.len - 1] == '.';
    return label;
}

/* Mo Di Mi Do Fr; few of them may be countries or states: FR and SA, MO and MA. */
static bool are_short_days(const struct csv_field *labels, size_t count)
{
    enum { KINDS_MIN = 5 };
    static const char *const days[] = {"mo", "di", "mi", "do", "fr", "sa", "so", "tu", "we",
                                       "th", "su", "ma", "wo", "vr", "za", "zo", NULL};
    size_t kinds = 0;
    for (size_t i = 0; i < count; i++) {
        size_t before = 0;
        if (!cell_is_one_of(without_point(labels[i]), days))
            return false;
        while (before < i && !csv_same(labels[before], labels[i]))
            before++;
        kinds += before == i;
    }
    return kinds >= KINDS_MIN;
}

static bool are_notes(const struct csv_field *labels, size_t count)
{
    if (are_short_days(labels, count))
        return true;
    for (size_t i = 0; i < count; i++) {
        struct csv_field label = without_point(labels[i]);
        if (!cell_is_one_of(label, notes) && !is_clock(label) && !is_numbered_period(label))
            return false;
    }
    return true;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (unsigned char)c >= 0x80;
}

/* Does a column of this name hold such words? "day_of_week", "Monat". */
static bool is_name_of_notes(struct csv_field name)
{
    static const char *const words[] = {
        "weekday",    "day",      "dayofweek", "dow",    "wochentag", "tag",     "jour",
        "dia",        "giorno",   "month",     "monat",  "mois",      "mes",     "mese",
        "week",       "woche",    "semaine",   "semana", "quarter",   "qtr",     "quartal",
        "trimestre",  "season",   "saison",    "hour",   "stunde",    "heure",   "hora",
        "shift",      "schicht",  "period",    "cycle",  "phase",     "half",    "semester",
        "halbjahr",   "semestre", "kw",        "status", "flag",      "flags",   "quality",
        "qc",         "note",     "notes",     "remark", "comment",   "holiday", "weekend",
        "jahreszeit", NULL};
    for (size_t at = 0; at < name.len;) {
        size_t len = 0;
        while (at + len < name.len && is_letter(name.at[at + len]))
            len++;
        if (len > 0 && cell_is_one_of((struct csv_field){name.at + at, len}, words))
            return true;
        at += len + 1;
    }
    return false;
}

void reading_fault_series(struct reading *r, int column, struct csv_field one,
                          struct csv_field other)
{
    const char *name = r->columns[column].name;
    reading_fault(r, column, "value_error",
                  luna_arena_printf(r->arena,
                                    "Value error, the table has several series: column \"%s\" "
                                    "holds \"%s\" and \"%s\"",
                                    name, reading_quote(r, one), reading_quote(r, other)),
                  luna_arena_printf(r->arena,
                                    "send a batch, with id_column=%s; or only the rows of one "
                                    "series; id_column= (empty) if it is one series all the same",
                                    name));
}

/* Text, or numbers that count nothing within a period: 4711. */
static bool may_be_label(const struct reading *r, size_t column, struct csv_field field)
{
    enum { ID_DIGITS = 3, ID_DIGITS_MAX = 9 };
    if (r->columns[column].kind == LUNA_TABLE_TEXT)
        return true;
    for (size_t i = 0; i < field.len; i++) {
        if (!csv_is_digit(field.at[i]))
            return false;
    }
    return field.len >= ID_DIGITS && field.len <= ID_DIGITS_MAX && field.at[0] != '0';
}

/* Does the first label come back after others, within two thirds of the rows? Otherwise labels are
 * names of their own rows, or of long runs. */
static bool returns_soon(const struct reading *r, size_t column)
{
    size_t first = reading_first_row(r), row = first + 1, count = r->sample.rows - first;
    if (count < 2)
        return false;
    struct csv_field label = sample_field(&r->sample, first, column);
    while (row < r->sample.rows && csv_same(sample_field(&r->sample, row, column), label))
        row++;
    while (row < r->sample.rows && !csv_same(sample_field(&r->sample, row, column), label))
        row++;
    return 3 * (row - first) <= 2 * count;
}

/* The labels of the sample, without a new one on its last row: a total, perhaps. False: not every
 * row has one. */
static bool read_labels(const struct reading *r, size_t column, struct csv_field *labels,
                        size_t *ret_count)
{
    size_t count = 0, above = 0;
    for (size_t row = reading_first_row(r); row < r->sample.rows; row++) {
        labels[count] = csv_trim(sample_field(&r->sample, row, column));
        bool is_last = row + 1 == r->sample.rows;
        if (!is_last && (labels[count].len == 0 || !may_be_label(r, column, labels[count])))
            return false;
        count++;
    }
    while (count > 0 && above + 1 < count && !csv_same(labels[above], labels[count - 1]))
        above++;
    *ret_count = count > 0 && above + 1 == count ? count - 1 : count;
    return true;
}

static bool has_total(const struct csv_field *labels, size_t count)
{
    size_t at = 0;
    while (at < count && !is_total_word(labels[at]))
        at++;
    return at < count;
}

/* Labels in turn name several series, whatever their column is called. */
bool reading_check_turns(struct reading *r)
{
    struct csv_field labels[SAMPLE_ROWS];
    size_t other = 0;
    for (size_t i = 0;
         i < r->sample.columns && r->id == LUNA_TABLE_NONE && r->options->id_column == NULL; i++) {
        size_t count = 0;
        const char *name = r->columns[i].name;
        if (!reading_is_free(r, (int)i) || !returns_soon(r, i) ||
            !read_labels(r, i, labels, &count) || !come_in_turn(labels, count, &other) ||
            is_name_of_notes((struct csv_field){name, strlen(name)}) || are_notes(labels, count) ||
            (r->time == LUNA_TABLE_NONE && has_total(labels, count))) /* a fault of its own */
            continue;
        reading_fault_series(r, (int)i, labels[0], labels[other]);
        return false;
    }
    return true;
}

/* The row of the sample at a line; sample.rows: none. */
static size_t row_at(const struct reading *r, size_t line)
{
    size_t row = 0;
    while (row < r->sample.rows && r->sample.records[row].line != line)
        row++;
    return row;
}

const char *reading_name_apart(const struct reading *r, size_t line, size_t other_line)
{
    size_t row = row_at(r, line), other = row_at(r, other_line);
    for (size_t i = 0; i < r->sample.columns && row < r->sample.rows && other < r->sample.rows;
         i++) {
        struct csv_field a = sample_field(&r->sample, row, i);
        struct csv_field b = sample_field(&r->sample, other, i);
        if (r->columns[i].kind == LUNA_TABLE_TEXT && reading_is_free(r, (int)i) && !is_clock(a) &&
            !csv_same(a, b))
            return r->columns[i].name;
    }
    return "NAME";
}
