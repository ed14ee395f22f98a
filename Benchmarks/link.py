"""A way to a server that is no faster than a network's."""

import os
import socket
import threading
import time

from servers import HOST

# Bytes that are passed on at once: what a pipe takes.
PIECE = 64 << 10
# So much of the rate may be made up for, when the relay was late.
BURST_SECONDS = 0.004


class Link:
    """Passes connections on to a server, and at most `rate` bytes a second of its answers, of all connections together.

    What clients send, a request's head at a time, is under way for `seconds`, as if that were the way there and back.

    The kernel moves the bytes (splice): at 125 MB/s that takes a few percent of one processor.
    """

    def __init__(self, server, rate, seconds):
        self.name = server.name
        self.server = server
        self.rate = rate
        self.seconds = seconds
        self.port = 0
        self.lock = threading.Lock()
        # When the link will have passed on all that it has been given.
        self.busy_until = 0.0
        self.listener = None

    def __enter__(self):
        self.listener = socket.create_server((HOST, 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        # Wakes the thread that waits for connections, which closing would not.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def log_tail(self):
        return self.server.log_tail()

    def _accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection((HOST, self.server.port))
            except OSError:
                near.close()
                continue
            for end in (near, far):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for source, target, limited in ((near, far, False), (far, near, True)):
                threading.Thread(target=self._pass_on, args=(source, target, limited), daemon=True).start()

    def _pass_on(self, source, target, limited):
        out, into = os.pipe()
        try:
            while count := os.splice(source.fileno(), into, PIECE):
                if limited:
                    self._take(count)
                else:
                    time.sleep(self.seconds)
                while count > 0:
                    count -= os.splice(out, target.fileno(), count)
        except OSError:
            pass  # one of the two has gone
        finally:
            os.close(out)
            os.close(into)
            for end in (source, target):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def _take(self, count):
        """Waits until the link has passed on `count` bytes."""
        with self.lock:
            self.busy_until = max(self.busy_until, time.monotonic() - BURST_SECONDS) + count / self.rate
            wait = self.busy_until - time.monotonic()
        if wait > 0:
            time.sleep(wait)
