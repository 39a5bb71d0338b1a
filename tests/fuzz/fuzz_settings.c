/* A settings file as LUNA_ENV_FILE, and the texts of single settings. The first byte chooses.
 * Invariants: a value is within its range; no name or value holds a line end; a URL, address or
 * list of networks that is accepted is complete. */
#include "fuzz.h"

#include "client/redis_url.h"
#include "folder.h"
#include "luna/base/address.h"
#include "luna/base/env_file.h"
#include "shared/peers.h"
#include "shared/worker_config.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const char *path;

static const char *get(const char *name)
{
    return strcmp(name, "LUNA_ENV_FILE") == 0 ? path : NULL;
}

/* A file that a setting names could be a pipe or a terminal here. */
static void fuzz_file_of_settings(const char *text, size_t size)
{
    static struct worker_config config;
    struct luna_env_file *file = NULL;
    struct luna_error err = {.code = LUNA_OK};
    path = fuzz_file("env", text, size);
    if (luna_env_file_read(path, &file, &err) != LUNA_OK) {
        assert(err.code == LUNA_ECONFIG && err.msg[0] != '\0');
        return;
    }
    const char *workers = luna_env_file_get(file, "LUNA_WORKERS");
    assert(workers == NULL || strchr(workers, '\n') == NULL);
    luna_env_file_free(file);
    if (strstr(text, "_FILE") != NULL || worker_config_load(get, &config, &err) != LUNA_OK)
        return;
    for (const struct luna_setting *setting = worker_settings; setting->name != NULL; setting++)
        if (setting->type == LUNA_SETTING_INT) {
            int64_t value =
                *(const int64_t *)(const void *)((const char *)&config + setting->offset);
            assert(value >= setting->min && value <= setting->max);
        }
    worker_config_done(&config);
}

static void fuzz_url(const char *text)
{
    struct luna_redis_address address;
    struct luna_error err;
    if (luna_redis_url_parse(text, &address, &err) != LUNA_OK)
        return;
    assert((address.host[0] != '\0') != (address.path[0] != '\0'));
    assert(address.port >= 0 && address.port <= 65535 && address.db >= 0);
}

static void fuzz_address(const char *text)
{
    struct luna_address address;
    struct peers peers;
    struct luna_error err;
    if (luna_address_parse(text, &address, &err) == LUNA_OK)
        assert(address.len > 0 && address.len <= sizeof address.storage);
    if (peers_set_networks(&peers, text, &err) != LUNA_OK)
        return;
    assert(peers.network_count <= PEERS_NETWORKS_MAX);
    for (size_t i = 0; i < peers.network_count; i++)
        assert(peers.networks[i].bits >= 0 && peers.networks[i].bits <= 128);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    char *text = strndup((const char *)data + 1, size - 1);
    assert(text != NULL);
    if (data[0] % 3 == 0)
        fuzz_file_of_settings(text, strlen(text));
    else if (data[0] % 3 == 1)
        fuzz_url(text);
    else
        fuzz_address(text);
    free(text);
    return 0;
}
