"""Many accounts at once: the command line makes one at a time, which would take hours for a hundred thousand."""
import hashlib
import hmac
import uuid

BATCH = 5000


def digest(key, pepper):
    """A key as the table keeps it: HMAC-SHA-256 under the pepper, in the form of a UUID of version 8."""
    mac = bytearray(hmac.digest(pepper, key.bytes, hashlib.sha256)[:16])
    mac[6] = (mac[6] & 0x0F) | 0x80
    mac[8] = (mac[8] & 0x3F) | 0x80
    return str(uuid.UUID(bytes=bytes(mac)))


def make(stack, count, limits):
    """[(id, key)] of so many new accounts, none of them known to Redis yet. Their plan is their own: a change of it touches them all."""
    pepper, made, plan = bytes.fromhex(stack.secret("key_pepper")), [], f"bench-{uuid.uuid4().hex[:12]}"
    stack.luna("plan", "set", plan, *limits, "--quota", "2000000000")
    connection = stack.connect()
    with connection.cursor() as cursor:
        for first in range(0, count, BATCH):
            keys = [uuid.uuid4() for _ in range(min(BATCH, count - first))]
            cursor.execute("SELECT luna_account_create(%s || '-' || %s || '-' || place, %s, 2000000000, digest::uuid, 'benchbch', 'bench')"
                           " FROM unnest(%s) WITH ORDINALITY AS given(digest, place) ORDER BY place",
                           (plan, first, plan, [digest(key, pepper) for key in keys]))
            made += [(row[0], str(key)) for row, key in zip(cursor.fetchall(), keys)]
    connection.close()
    return made
