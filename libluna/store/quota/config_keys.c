#include "quota/config_keys.h"

#include "quota/network.h"
#include "quota/script_words.h"

#include <assert.h>
#include <string.h>

enum { DIGEST_LEN = 36, TEXT_BYTES_MAX = 1 << 20, NETWORK_BYTES = 64 };

static bool add_networks(const char *list, size_t len, struct luna_buf *out)
{
    for (const char *end = list + len; list < end; list++) {
        char network[NETWORK_BYTES];
        const char *semicolon = memchr(list, ';', (size_t)(end - list));
        size_t one = semicolon != NULL ? (size_t)(semicolon - list) : (size_t)(end - list);
        if (one >= sizeof network)
            return false;
        memcpy(network, list, one);
        network[one] = '\0';
        if (!luna_network_pattern(network, out))
            return false;
        if (semicolon != NULL)
            luna_buf_putc(out, ';');
        list += one;
    }
    return true;
}

/* The networks are what follows the last of the spaces; "-": none. */
static bool add_value(const char *value, size_t len, struct luna_buf *out)
{
    const char *end = value + len, *networks = value;
    for (int spaces = 0; spaces < LUNA_KEY_AT_networks && networks != NULL; spaces++) {
        networks = memchr(networks, ' ', (size_t)(end - networks));
        networks = networks != NULL ? networks + 1 : NULL;
    }
    if (networks == NULL || *networks == '-') {
        luna_buf_append(out, value, len);
        return true;
    }
    luna_buf_append(out, value, (size_t)(networks - value));
    return add_networks(networks, (size_t)(end - networks), out);
}

static bool add_item(const char *item, size_t len, struct luna_config_keys *keys)
{
    int n = keys->count;
    if (n == LUNA_CONFIG_KEYS_MAX || len < DIGEST_LEN + 2 || item[DIGEST_LEN] != ' ')
        return false;
    keys->field_at[n] = keys->text.len;
    luna_buf_puts(&keys->text, luna_m_field(LUNA_M_key));
    luna_buf_append(&keys->text, item, DIGEST_LEN);
    luna_buf_putc(&keys->text, '\0');
    keys->value_at[n] = keys->text.len;
    bool sound = add_value(item + DIGEST_LEN + 1, len - DIGEST_LEN - 1, &keys->text);
    luna_buf_putc(&keys->text, '\0');
    keys->count++;
    return sound && !keys->text.overflow;
}

bool luna_config_keys_parse(const char *column, struct luna_config_keys *ret_keys)
{
    ret_keys->count = 0;
    luna_buf_init(&ret_keys->text, TEXT_BYTES_MAX);
    for (const char *item = column; *item != '\0';) {
        size_t len = strcspn(item, ",");
        if (!add_item(item, len, ret_keys))
            return false;
        item += len + (item[len] == ',' ? 1 : 0);
    }
    return true;
}

void luna_config_keys_done(struct luna_config_keys *keys)
{
    luna_buf_done(&keys->text);
}

void luna_config_keys_add(const struct luna_config_keys *keys, struct luna_redis_command *command)
{
    for (int i = 0; i < keys->count; i++) {
        assert(keys->field_at[i] < keys->value_at[i] && keys->value_at[i] < keys->text.len);
        luna_redis_arg(command, keys->text.data + keys->field_at[i]);
        luna_redis_arg(command, keys->text.data + keys->value_at[i]);
    }
}
