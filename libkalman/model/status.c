#include <kalman/status.h>
#include <stddef.h>

struct status_text {
    int value;
    const char *name;
    const char *message;
};

static const struct status_text status_texts[] = {
#define STATUS_TEXT(name, value, message) {(value), #name, (message)},
    KALMAN_STATUS_MAP(STATUS_TEXT)
#undef STATUS_TEXT
};

static const struct status_text *status_find(int status)
{
    for (size_t i = 0; i < sizeof status_texts / sizeof status_texts[0]; i++)
        if (status_texts[i].value == status)
            return &status_texts[i];
    return NULL;
}

const char *kalman_strerror(int status)
{
    const struct status_text *text = status_find(status);
    return text ? text->message : "unknown status";
}

const char *kalman_status_name(int status)
{
    const struct status_text *text = status_find(status);
    return text ? text->name : "KALMAN_UNKNOWN";
}
