#include "quota/key.h"

#include "luna/base/digits.h"
#include "luna/store/pepper.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <uuid.h>

void luna_key_generate(struct luna_key_text *ret_key)
{
    uuid_t id;
    uuid_generate_random(id);
    uuid_unparse_lower(id, ret_key->text);
    luna_digest_wipe(id, sizeof id);
}

void luna_key_derive(const struct luna_key_seed *seed, const struct luna_digest_key *pepper,
                     struct luna_key_text *ret_key)
{
    /* Longer than what a key's digest is made of: the two never have the same input. */
    unsigned char input[LUNA_DIGEST_BYTES + LUNA_KEY_SEED_BYTES_MAX], mac[LUNA_DIGEST_BYTES];
    assert(seed->text_len > 0 && seed->text_len <= LUNA_KEY_SEED_BYTES_MAX);
    memcpy(input, seed->request_hash, LUNA_DIGEST_BYTES);
    memcpy(input + LUNA_DIGEST_BYTES, seed->text, seed->text_len);
    luna_digest_hmac(pepper, input, LUNA_DIGEST_BYTES + seed->text_len, mac);
    mac[6] = (unsigned char)((mac[6] & 0x0f) | 0x40);
    mac[8] = (unsigned char)((mac[8] & 0x3f) | 0x80);
    uuid_unparse_lower(mac, ret_key->text);
    luna_digest_wipe(mac, sizeof mac);
}

void luna_key_text_wipe(struct luna_key_text *key)
{
    luna_digest_wipe(key, sizeof *key);
}

bool luna_key_digest(const char *key, size_t key_len, const struct luna_digest_key *pepper,
                     struct luna_key_digest *ret_digest)
{
    char text[37];
    uuid_t id;
    if (key_len != 36)
        return false;
    memcpy(text, key, 36);
    text[36] = '\0';
    bool sound = memchr(text, '\0', 36) == NULL && uuid_parse(text, id) == 0 && (id[6] >> 4) == 4 &&
                 (id[8] >> 6) == 2;
    if (sound) {
        unsigned char mac[LUNA_DIGEST_BYTES];
        luna_digest_hmac(pepper, id, sizeof id, mac);
        mac[6] = (unsigned char)((mac[6] & 0x0f) | 0x80); /* version 8: its bits are ours */
        mac[8] = (unsigned char)((mac[8] & 0x3f) | 0x80);
        uuid_unparse_lower(mac, ret_digest->text);
    }
    luna_digest_wipe(text, sizeof text);
    luna_digest_wipe(id, sizeof id);
    return sound;
}

enum luna_code luna_pepper_decode(const char *text, unsigned char out[LUNA_PEPPER_BYTES_MAX],
                                  size_t *ret_len, struct luna_error *err)
{
    size_t len = 0;
    if (!luna_hex_decode(text, out, LUNA_PEPPER_BYTES_MAX, &len) || len < LUNA_PEPPER_BYTES_MIN)
        return luna_error_set(err, LUNA_ECONFIG,
                              "LUNA_KEY_PEPPER has %zu characters; expected %d to %d hexadecimal "
                              "digits, two per byte",
                              strlen(text), 2 * LUNA_PEPPER_BYTES_MIN, 2 * LUNA_PEPPER_BYTES_MAX);
    *ret_len = len;
    return LUNA_OK;
}
