"""luna top against a pool that works."""
import random

from luna_stack import wait_until


def test_luna_top_does_not_say_whose_key_keeps_the_pool_busy(luna, client, account):
    series = [random.Random(1).gauss(0, 1) for _ in range(4000)]
    wanted = f"{account.id:>10} {account.key[:16] if account.key.startswith('luna_') else account.key[:8].lower():<16} "

    def shown():
        assert client.post(account.url, headers=account.headers, json={"results": series, "model": "local_linear_trend"}).status_code == 200
        return wanted in luna("top").stdout

    wait_until(shown, "the key among the busiest ones")
    assert account.key not in luna("top").stdout
