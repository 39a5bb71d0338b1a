#include "luna/table/table.h"

#include "cell.h"

#include <string.h>

const char *const luna_table_option_names[] = {"column",    "time_column", "id_column", "header",
                                               "delimiter", "decimal",     "missing",   NULL};

struct word {
    const char *text;
    char meaning;
};

static const struct word delimiters[] = {
    {",", ','},    {"comma", ','}, {";", ';'},    {"semicolon", ';'}, {"\t", '\t'},  {"tab", '\t'},
    {"\\t", '\t'}, {"|", '|'},     {"pipe", '|'}, {" ", ' '},         {"space", ' '}};
static const struct word decimals[] = {{".", '.'}, {"point", '.'}, {",", ','}, {"comma", ','}};
static const struct word headers[] = {{"present", (char)LUNA_TABLE_HEADER_PRESENT},
                                      {"absent", (char)LUNA_TABLE_HEADER_ABSENT}};

static bool word_read(const struct word *words, size_t count, const char *text, char *ret_meaning)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(words[i].text, text) == 0) {
            *ret_meaning = words[i].meaning;
            return true;
        }
    }
    return false;
}

static void fault(struct luna_faults *faults, const char *name, const char *msg, const char *hint)
{
    struct luna_fault *found = luna_faults_add(faults, "literal_error", msg, hint);
    if (found != NULL)
        found->loc[0].name = "query";
    luna_fault_at(found, name);
}

static void set_header(const char *value, struct luna_table_options *options,
                       struct luna_faults *faults)
{
    char header;
    if (word_read(headers, sizeof headers / sizeof headers[0], value, &header))
        options->header = (enum luna_table_header)header;
    else
        fault(faults, "header", "Input should be 'present' or 'absent'",
              "header=present: the first line holds the names of the columns");
}

static void set_missing(const char *value, struct luna_table_options *options,
                        struct luna_faults *faults)
{
    size_t count = 1;
    for (const char *at = value; *at != '\0'; at++)
        count += *at == ',';
    options->missing = value;
    if (count > MARKERS_MAX)
        fault(faults, "missing",
              luna_arena_printf(faults->arena,
                                "Input should be a list of at most %d words or numbers",
                                MARKERS_MAX),
              "missing=-9999,ND: what stands for a missing observation");
}

bool luna_table_option_is_list(const char *name)
{
    return strcmp(name, "missing") == 0;
}

void luna_table_option_set(const char *name, const char *value, struct luna_table_options *options,
                           struct luna_faults *faults)
{
    if (strcmp(name, "column") == 0) {
        options->column = value;
        if (*value == '\0')
            fault(faults, "column", "Input should be a column's name, or its number from 1",
                  "leave column out to have it found");
    } else if (strcmp(name, "time_column") == 0) {
        options->time_column = value;
    } else if (strcmp(name, "id_column") == 0) {
        options->id_column = value;
    } else if (strcmp(name, "header") == 0) {
        set_header(value, options, faults);
    } else if (strcmp(name, "delimiter") == 0) {
        if (!word_read(delimiters, sizeof delimiters / sizeof delimiters[0], value,
                       &options->delimiter))
            fault(faults, "delimiter",
                  "Input should be 'comma', 'semicolon', 'tab', 'pipe' or 'space'",
                  "or the character itself: delimiter=;");
    } else if (strcmp(name, "decimal") == 0) {
        if (!word_read(decimals, sizeof decimals / sizeof decimals[0], value, &options->decimal))
            fault(faults, "decimal", "Input should be 'point' or 'comma'",
                  "or the character itself: decimal=,");
    } else if (strcmp(name, "missing") == 0) {
        set_missing(value, options, faults);
    }
}
