#include "luna/base/config.h"

/* The longest line of help text; what people read in an 100-column terminal. */
enum { TEXT_COLUMNS = 96, HELP_INDENT = 6 };

static void put_wrapped(struct luna_buf *out, const char *indent, const char *text)
{
    size_t column = 0;
    while (*text != '\0') {
        size_t word = 0;
        while (text[word] != '\0' && text[word] != ' ')
            word++;
        if (column > 0 && column + 1 + word > TEXT_COLUMNS - HELP_INDENT) {
            luna_buf_putc(out, '\n');
            column = 0;
        }
        luna_buf_puts(out, column == 0 ? indent : " ");
        luna_buf_append(out, text, word);
        column += word + (column == 0 ? 0 : 1);
        text += word;
        while (*text == ' ')
            text++;
    }
    luna_buf_putc(out, '\n');
}

static void put_range(const struct luna_setting *setting, struct luna_buf *out)
{
    switch (setting->type) {
    case LUNA_SETTING_STRING:
        luna_buf_puts(out, "text");
        break;
    case LUNA_SETTING_INT:
        luna_buf_printf(out, "integer from %lld to %lld", (long long)setting->min,
                        (long long)setting->max);
        break;
    case LUNA_SETTING_BOOL:
        luna_buf_puts(out, "on or off");
        break;
    case LUNA_SETTING_ENUM:
        for (int i = 0; setting->choices[i] != NULL; i++)
            luna_buf_printf(out, "%s%s", i > 0 ? " | " : "", setting->choices[i]);
        break;
    }
}

static void put_traits(const struct luna_setting *setting, struct luna_buf *out)
{
    put_range(setting, out);
    if ((setting->flags & LUNA_SETTING_REQUIRED) != 0)
        luna_buf_puts(out, "; required");
    else if (setting->default_text != NULL)
        luna_buf_printf(out, "; default %s", setting->default_text);
    if ((setting->flags & LUNA_SETTING_SECRET) != 0)
        luna_buf_printf(out, "; secret, or the path of a file in %s_FILE", setting->name);
    if ((setting->flags & LUNA_SETTING_RELOADABLE) != 0)
        luna_buf_puts(out, "; reloaded at SIGHUP");
}

void luna_config_help(const struct luna_setting *table, struct luna_buf *out)
{
    for (const struct luna_setting *setting = table; setting->name != NULL; setting++) {
        luna_buf_printf(out, "  %s\n", setting->name);
        put_wrapped(out, "      ", setting->help);
        luna_buf_puts(out, "      (");
        put_traits(setting, out);
        luna_buf_puts(out, ")\n");
    }
}

void luna_config_example(const struct luna_setting *table, const char *program,
                         struct luna_buf *out)
{
    luna_buf_printf(
        out,
        "# Settings of %s: environment variables, one a line. Made by `%s --config-example`;\n"
        "# a commented line shows the default.\n",
        program, program);
    for (const struct luna_setting *setting = table; setting->name != NULL; setting++) {
        luna_buf_putc(out, '\n');
        put_wrapped(out, "# ", setting->help);
        luna_buf_puts(out, "# (");
        put_traits(setting, out);
        luna_buf_puts(out, ")\n");
        bool required = (setting->flags & LUNA_SETTING_REQUIRED) != 0;
        luna_buf_printf(out, "%s%s=%s\n", required ? "" : "#", setting->name,
                        setting->default_text != NULL ? setting->default_text : "");
    }
}
