#include "luna/store/pepper.h"

#include "client/digest.h"
#include "client/pg.h"
#include "luna/base/digits.h"

#include <assert.h>
#include <string.h>

static enum luna_code decode(const char *setting, const char *text,
                             unsigned char out[LUNA_PEPPER_BYTES_MAX], size_t *ret_len,
                             struct luna_error *err)
{
    size_t len = 0;
    if (!luna_hex_decode(text, out, LUNA_PEPPER_BYTES_MAX, &len) || len < LUNA_PEPPER_BYTES_MIN)
        return luna_error_set(err, LUNA_ECONFIG,
                              "%s has %zu characters; expected %d to %d hexadecimal digits, two "
                              "per byte",
                              setting, strlen(text), 2 * LUNA_PEPPER_BYTES_MIN,
                              2 * LUNA_PEPPER_BYTES_MAX);
    *ret_len = len;
    return LUNA_OK;
}

enum luna_code luna_pepper_decode(const char *text, unsigned char out[LUNA_PEPPER_BYTES_MAX],
                                  size_t *ret_len, struct luna_error *err)
{
    return decode("LUNA_KEY_PEPPER", text, out, ret_len, err);
}

enum luna_code luna_pepper_previous(const char *text, int64_t id, int64_t current_id,
                                    struct luna_pepper *ret_pepper, struct luna_error *err)
{
    struct luna_pepper pepper = {.id = (int)id};
    if (text == NULL && id == 0) {
        *ret_pepper = pepper;
        return LUNA_OK;
    }
    if (text == NULL || id == 0 || id == current_id)
        return luna_error_set(err, LUNA_ECONFIG,
                              "LUNA_KEY_PEPPER_PREVIOUS and LUNA_KEY_PEPPER_PREVIOUS_ID are set "
                              "together, with another id than LUNA_KEY_PEPPER_ID");
    enum luna_code code = decode("LUNA_KEY_PEPPER_PREVIOUS", text, pepper.bytes, &pepper.len, err);
    if (code == LUNA_OK)
        *ret_pepper = pepper;
    return code;
}

static void derive(const struct luna_digest_key *key, const char *purpose,
                   char out[LUNA_PEPPER_MARK_BYTES])
{
    unsigned char mac[LUNA_DIGEST_BYTES];
    luna_digest_hmac(key, purpose, strlen(purpose), mac);
    luna_hex_encode(mac, sizeof mac, out);
    luna_digest_wipe(mac, sizeof mac);
}

static void mark(int id, const unsigned char *bytes, size_t len, struct luna_pepper_mark *ret_mark)
{
    struct luna_digest_key key;
    /* A short one could be guessed from a digest. */
    assert(id > 0 && id <= LUNA_PEPPER_ID_MAX && len >= LUNA_PEPPER_BYTES_MIN);
    ret_mark->id = id;
    luna_digest_key_make(bytes, len, &key);
    derive(&key, "luna key pepper: fingerprint", ret_mark->fingerprint);
    derive(&key, "luna key pepper: move", ret_mark->move_key);
    luna_digest_wipe(&key, sizeof key);
}

void luna_pepper_marks_make(int id, const unsigned char *pepper, size_t pepper_len,
                            const struct luna_pepper *previous, struct luna_pepper_marks *ret_marks)
{
    memset(ret_marks, 0, sizeof *ret_marks);
    mark(id > 0 ? id : 1, pepper, pepper_len, &ret_marks->current);
    if (previous != NULL && previous->len > 0)
        mark(previous->id, previous->bytes, previous->len, &ret_marks->previous);
}

void luna_pepper_prove(const struct luna_pepper_mark *mark, const char *earlier, const char *fresh,
                       unsigned char *ret_proof)
{
    enum { DIGEST_LEN = 36 };
    unsigned char input[LUNA_DIGEST_BYTES + 2 * DIGEST_LEN];
    size_t len = 0;
    bool sound = luna_hex_decode(mark->move_key, input, LUNA_DIGEST_BYTES, &len);
    assert(sound && len == LUNA_DIGEST_BYTES);
    assert(strlen(earlier) == DIGEST_LEN && strlen(fresh) == DIGEST_LEN);
    (void)sound;
    memcpy(input + len, earlier, DIGEST_LEN);
    memcpy(input + len + DIGEST_LEN, fresh, DIGEST_LEN);
    luna_digest_sha256(input, sizeof input, ret_proof);
    luna_digest_wipe(input, sizeof input);
}

enum luna_code luna_pepper_verify(struct luna_database *database,
                                  const struct luna_pepper_marks *marks,
                                  struct luna_deadline deadline, struct luna_error *err)
{
    struct luna_pg_params params = {.count = 0};
    struct luna_pg_result *result = NULL;
    const struct luna_pepper_mark *const both[] = {&marks->current, &marks->previous};
    for (int i = 0; i < 2; i++) {
        luna_pg_param_int(&params, both[i]->id);
        luna_pg_param_text(&params, both[i]->fingerprint);
        luna_pg_param_text(&params, both[i]->move_key);
    }
    enum luna_code code =
        luna_pg_query(database, deadline, "SELECT luna_pepper_check($1, $2, $3, $4, $5, $6)",
                      &params, &result, err);
    if (code != LUNA_OK)
        return code;
    const char *wrong = luna_pg_text(result, 0, 0);
    if (*wrong != '\0')
        code = luna_error_set(err, LUNA_ECONFIG, "%s", wrong);
    luna_pg_result_free(result);
    return code;
}

/* What is wrong with making keys under pepper `id`. */
static enum luna_code judge_use(const struct luna_pg_result *result, int id, struct luna_error *err)
{
    bool others = luna_pg_bool(result, 0, 0), known = luna_pg_bool(result, 0, 1);
    int64_t newest = luna_pg_int(result, 0, 2), in_use = luna_pg_int(result, 0, 3);
    static const char fix[] = "set LUNA_KEY_PEPPER, LUNA_KEY_PEPPER_PREVIOUS and their ids as in "
                              "the workers' settings";
    if (!known && others)
        return luna_error_set(err, LUNA_ECONFIG,
                              "this database does not know pepper %d, as no pool has started with "
                              "it: start one first, or %s",
                              id, fix);
    if (newest > 0 || in_use > 0)
        return luna_error_set(err, LUNA_ECONFIG, "pepper %d was replaced by pepper %lld: %s", id,
                              (long long)(newest > in_use ? newest : in_use), fix);
    return LUNA_OK;
}

enum luna_code luna_pepper_check_use(struct luna_database *database,
                                     const struct luna_pepper_marks *marks,
                                     struct luna_deadline deadline, struct luna_error *err)
{
    struct luna_pg_params params = {.count = 0};
    struct luna_pg_result *result = NULL;
    assert(marks->current.id > 0);
    luna_pg_param_int(&params, marks->current.id);
    luna_pg_param_int(&params, marks->previous.id);
    enum luna_code code = luna_pg_query(
        database, deadline,
        "SELECT EXISTS (SELECT FROM peppers), EXISTS (SELECT FROM peppers WHERE id = $1::int), "
        "COALESCE((SELECT max(id) FROM peppers WHERE id > $1::int AND id <> $2::int), 0), "
        "COALESCE((SELECT max(pepper_id) FROM api_keys WHERE pepper_id > $1::int "
        "AND revoked_at IS NULL), 0)",
        &params, &result, err);
    if (code != LUNA_OK)
        return code;
    code = judge_use(result, marks->current.id, err);
    luna_pg_result_free(result);
    return code;
}

enum luna_code luna_pepper_list(struct luna_database *database,
                                bool (*each)(void *context, const struct luna_pepper_use *use),
                                void *context, struct luna_error *err)
{
    struct luna_pg_params params = {.count = 0};
    struct luna_pg_result *result = NULL;
    enum luna_code code = luna_pg_query(
        database, luna_pg_deadline(database),
        "SELECT p.id, luna_ms(p.since), (SELECT count(*) FROM api_keys k WHERE k.pepper_id = p.id "
        "AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())) "
        "FROM peppers p ORDER BY p.id",
        &params, &result, err);
    if (code != LUNA_OK)
        return code;
    for (int row = 0; row < luna_pg_rows(result); row++) {
        const struct luna_pepper_use use = {.id = (int)luna_pg_int(result, row, 0),
                                            .since_ms = luna_pg_int(result, row, 1),
                                            .live_keys = luna_pg_int(result, row, 2)};
        if (!each(context, &use))
            break;
    }
    luna_pg_result_free(result);
    return LUNA_OK;
}
