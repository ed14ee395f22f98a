"""Load: many small requests with wrk, few large downloads with sockets of our own."""

import re
import socket
import subprocess
import time
from pathlib import Path

from client import ACCEPT, TIMEOUT, in_parallel
from servers import HOST, BenchmarkError, find_program

CONNECTIONS = 64
# Large enough that a client's system calls cost little beside the copy.
RECEIVE_BYTES = 1 << 20


def many_requests(server, method, path, seconds, authorization=None):
    """wrk with two threads and 64 connections, for `seconds` (a whole number).

    Returns requests per second and the server's CPU microseconds per request.
    """
    headers = ["-H", f"Accept: {ACCEPT}"]
    if authorization:
        headers += ["-H", f"Authorization: {authorization}"]
    before = server.cpu_seconds()
    done = subprocess.run(
        [find_program("wrk", "wrk"), "-t2", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "30s",
         *headers, "-s", str(Path(__file__).with_name("wrk.lua")),
         f"http://{HOST}:{server.port}{path}", "--", method],
        capture_output=True, text=True)
    figures = re.search(r"^figures (.*)$", done.stdout, re.MULTILINE)
    if done.returncode != 0 or figures is None:
        raise BenchmarkError(f"wrk failed: {done.stdout} {done.stderr}")
    duration, requests, _, *errors = map(float, figures[1].split())
    if any(errors) or requests == 0:
        raise BenchmarkError(
            f"{server.name}: {method} {path}: {requests:.0f} answers, with an error status: {errors[0]:.0f}, "
            f"broken connections: {errors[1]:.0f}, time-outs: {errors[2]:.0f}")
    return requests / duration, (server.cpu_seconds() - before) / requests * 1e6


def download(server, path, size, connections, seconds):
    """Downloads one file again and again; returns gigabytes per second and the server's CPU seconds per gigabyte.

    Not wrk: it reads 8 KiB at a time, which takes more of the processors than the servers that it measures.
    """
    request = f"GET {path} HTTP/1.1\r\nHost: {HOST}:{server.port}\r\nAccept: */*\r\n\r\n".encode()
    received = [0] * connections
    before, start = server.cpu_seconds(), time.monotonic()

    def run(index):
        buffer = bytearray(RECEIVE_BYTES)
        with socket.create_connection((HOST, server.port), timeout=TIMEOUT) as connection:
            connection.settimeout(None)
            while time.monotonic() - start < seconds:
                connection.sendall(request)
                left = size - skip_head(server, connection, path, size)
                while left > 0:
                    count = connection.recv_into(buffer, min(left, RECEIVE_BYTES))
                    if count == 0:
                        raise BenchmarkError(f"{server.name}: GET {path}: {left} bytes are missing")
                    left -= count
                received[index] += size

    in_parallel(run, range(connections), connections)
    duration = time.monotonic() - start
    gigabytes = sum(received) / 1e9
    return gigabytes / duration, (server.cpu_seconds() - before) / gigabytes


def skip_head(server, connection, path, size):
    """Reads a response's head, which must promise `size` bytes; returns how many of them came with it."""
    data = b""
    while (end := data.find(b"\r\n\r\n")) < 0:
        piece = connection.recv(4096)
        if not piece:
            raise BenchmarkError(f"{server.name}: GET {path}: the connection ended")
        data += piece
    head = data[:end].decode("latin-1").lower()
    if not head.startswith("http/1.1 200 ") or f"\r\ncontent-length: {size}" not in head:
        raise BenchmarkError(f"{server.name}: GET {path}: {head}")
    return len(data) - end - 4
