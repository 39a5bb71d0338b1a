"""luna top against a pool that works."""
import threading

from luna_stack import StackClient, wait_until

# Some tenths of a second of work.
HEAVY = {"results": [float((37 * i) % 101) for i in range(1500)], "model": {"name": "exponential_smoothing", "trend": 1, "period": 12}}


def test_luna_top_does_not_say_whose_key_keeps_the_pool_busy(stack, luna, account):
    """The client does not wait for luna top: the monitor looks at the workers when it is asked, too."""
    wanted = f"{account.id:>10} {account.key[:16] if account.key.startswith('luna_') else account.key[:8].lower():<16} "
    stopping = threading.Event()

    def work():
        with StackClient(stack) as client:
            while not stopping.is_set():
                client.post(account.url, headers=account.headers, json=HEAVY)

    busy = threading.Thread(target=work)
    busy.start()
    try:
        wait_until(lambda: wanted in luna("top").stdout, "the key among the busiest ones")
    finally:
        stopping.set()
        busy.join()
    assert account.key not in luna("top").stdout
