#include "quota/key.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <uuid.h>

enum {
    PREFIX_LEN = sizeof LUNA_KEY_MARK - 1,
    RANDOM_LEN = 26, /* of 5 bits each */
    CHECKSUM_LEN = 7,
    KEY_LEN = PREFIX_LEN + RANDOM_LEN + CHECKSUM_LEN,
    RANDOM_BYTES = 17,
    SHOWN_LEN = 6, /* of the random part, in a key's prefix */
    UUID_LEN = 36,
    UUID_SHOWN_LEN = 8
};
_Static_assert(KEY_LEN + 1 == LUNA_KEY_TEXT_BYTES && RANDOM_LEN * 5 <= RANDOM_BYTES * 8, "");
_Static_assert(PREFIX_LEN + SHOWN_LEN + 1 == LUNA_KEY_PREFIX_BYTES, "");

static const char base32[] = "abcdefghijklmnopqrstuvwxyz234567";

/* CRC-32 of gzip and zlib, four bits at a time. */
static uint32_t crc32_of(const char *text, size_t len)
{
    static const uint32_t table[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac,
                                       0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
                                       0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
                                       0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < len; i++) {
        crc ^= (unsigned char)text[i];
        crc = (crc >> 4) ^ table[crc & 15];
        crc = (crc >> 4) ^ table[crc & 15];
    }
    return ~crc;
}

static void put_checksum(const char *text, char out[CHECKSUM_LEN])
{
    uint32_t crc = crc32_of(text, PREFIX_LEN + RANDOM_LEN);
    for (int i = CHECKSUM_LEN - 1; i >= 0; i--, crc >>= 5)
        out[i] = base32[crc & 31];
}

static void make(const unsigned char bytes[RANDOM_BYTES], struct luna_key_text *ret_key)
{
    char *out = ret_key->text;
    memcpy(out, LUNA_KEY_MARK, PREFIX_LEN);
    for (int i = 0; i < RANDOM_LEN; i++) {
        int bit = i * 5;
        unsigned pair = (unsigned)bytes[bit / 8] << 8;
        pair |= bit / 8 + 1 < RANDOM_BYTES ? bytes[bit / 8 + 1] : 0;
        out[PREFIX_LEN + i] = base32[(pair >> (11 - bit % 8)) & 31];
    }
    put_checksum(out, out + PREFIX_LEN + RANDOM_LEN);
    out[KEY_LEN] = '\0';
}

void luna_key_generate(struct luna_key_text *ret_key)
{
    unsigned char bytes[RANDOM_BYTES];
    luna_digest_random(bytes, sizeof bytes);
    make(bytes, ret_key);
    luna_digest_wipe(bytes, sizeof bytes);
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
    make(mac, ret_key);
    luna_digest_wipe(mac, sizeof mac);
}

void luna_key_text_wipe(struct luna_key_text *key)
{
    luna_digest_wipe(key, sizeof *key);
}

static bool is_prefixed(const char *key, size_t key_len)
{
    return key_len >= PREFIX_LEN && memcmp(key, LUNA_KEY_MARK, PREFIX_LEN) == 0;
}

void luna_key_prefix(const struct luna_key_text *key, char ret_prefix[LUNA_KEY_PREFIX_BYTES])
{
    bool prefixed = is_prefixed(key->text, strlen(key->text));
    snprintf(ret_prefix, LUNA_KEY_PREFIX_BYTES, "%.*s",
             prefixed ? PREFIX_LEN + SHOWN_LEN : UUID_SHOWN_LEN, key->text);
}

static void digest_of(const void *bytes, size_t len, const struct luna_digest_key *pepper,
                      struct luna_key_digest *ret_digest)
{
    unsigned char mac[LUNA_DIGEST_BYTES];
    luna_digest_hmac(pepper, bytes, len, mac);
    mac[6] = (unsigned char)((mac[6] & 0x0f) | 0x80); /* version 8: its bits are ours */
    mac[8] = (unsigned char)((mac[8] & 0x3f) | 0x80);
    uuid_unparse_lower(mac, ret_digest->text);
}

static bool digest_uuid(const char *key, size_t key_len, const struct luna_digest_key *pepper,
                        struct luna_key_digest *ret_digest)
{
    char text[UUID_LEN + 1];
    uuid_t id;
    if (key_len != UUID_LEN)
        return false;
    memcpy(text, key, UUID_LEN);
    text[UUID_LEN] = '\0';
    bool sound = memchr(text, '\0', UUID_LEN) == NULL && uuid_parse(text, id) == 0 &&
                 (id[6] >> 4) == 4 && (id[8] >> 6) == 2;
    if (sound)
        digest_of(id, sizeof id, pepper, ret_digest);
    luna_digest_wipe(text, sizeof text);
    luna_digest_wipe(id, sizeof id);
    return sound;
}

static bool digest_prefixed(const char *key, size_t key_len, const struct luna_digest_key *pepper,
                            struct luna_key_digest *ret_digest)
{
    char checksum[CHECKSUM_LEN];
    if (key_len != KEY_LEN)
        return false;
    put_checksum(key, checksum);
    if (memcmp(key + PREFIX_LEN + RANDOM_LEN, checksum, CHECKSUM_LEN) != 0)
        return false;
    for (int i = 0; i < RANDOM_LEN; i++)
        if (memchr(base32, key[PREFIX_LEN + i], sizeof base32 - 1) == NULL)
            return false;
    digest_of(key + PREFIX_LEN, RANDOM_LEN, pepper, ret_digest);
    return true;
}

bool luna_key_digest(const char *key, size_t key_len, const struct luna_digest_key *pepper,
                     struct luna_key_digest *ret_digest)
{
    return is_prefixed(key, key_len) ? digest_prefixed(key, key_len, pepper, ret_digest)
                                     : digest_uuid(key, key_len, pepper, ret_digest);
}
