"""Threads that send requests while a test does something to the service."""
import threading

from waiting import WAIT_S


class Clients:
    """While this is entered, `run()` runs in each thread; it returns soon after `stopping` is set."""

    def __init__(self, threads):
        self.stopping, self.threads = False, [threading.Thread(target=self.run, daemon=True) for _ in range(threads)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping = True
        for thread in self.threads:
            thread.join(WAIT_S)
