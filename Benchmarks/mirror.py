"""The mirror part: pulls of what came from an upstream against pulls of what was pushed, and the first pull of a blob
through Kontor against one from the upstream itself, which is docker-registry: on this machine, and behind a link."""

import contextlib
import http.client
import json
import os
import re
import shutil
import socket
import threading
import time
from dataclasses import dataclass

import report
from client import ACCEPT, TIMEOUT, Client, Payload, PayloadMaker, digest_of, image_manifest, in_parallel
from link import Link
from load import CONNECTIONS, RECEIVE_BYTES, skip_head, download, many_requests
from servers import HOST, BenchmarkError, DockerRegistry

MIB = 1 << 20
# Bytes per second: 1 Gbit/s.
LINK = 125_000_000
# There and back, in seconds: as to a registry in the same part of the world.
LINK_DELAY = 0.02
REPOSITORY = "bench/image"
MANIFEST_BYTES = 1536
CONFIG = Payload.of(b"{}")
DOWNLOADS = 8
# How many times as large as others a blob is that comes from the upstream: there has to be time for its way.
COLD = 4
# Who ask for the same blob at once.
CLIENTS = 50


@dataclass(frozen=True)
class Place:
    """A repository in Kontor."""

    name: str
    repository: str

    def manifest(self, tag):
        return f"/v2/{self.repository}/manifests/{tag}"

    def blob(self, blob):
        return f"/v2/{self.repository}/blobs/{blob.digest}"


# The upstream's repository is called as the local one. It is mirrored twice: as it is, and from behind a link.
LOCAL, MIRRORED, FAR = (
    Place("local", REPOSITORY), Place("mirrored", f"mirror/{REPOSITORY}"), Place("far", f"far/{REPOSITORY}"))


def mirror(bench):
    upstreams = bench.directory / "mirror-upstreams.json"
    kontor = bench.kontor("mirror")
    # A proxy of the user's must not be asked for what is on this machine.
    kontor.settings = {"KONTOR_MIRROR_UPSTREAMS": str(upstreams), "NO_PROXY": HOST}
    with DockerRegistry(bench.directory / "mirror-registry") as registry, Link(registry, LINK, LINK_DELAY) as link:
        upstreams.write_text(json.dumps({"upstreams": [
            {"namespace": f"{prefix}.example", "prefix": prefix, "url": f"http://{HOST}:{port}", "ttl": "10m"}
            for prefix, port in (("mirror", registry.port), ("far", link.port))
        ]}))
        with kontor:
            lines = warm_pulls(bench, kontor, registry)
            maker = PayloadMaker(bench.directory / "mirror-cold", COLD * bench.sizes.blob)
            lines += cold_pulls(bench, kontor, registry, maker, registry, MIRRORED)
            lines += cold_pulls(
                bench, kontor, registry, maker, link, FAR,
                f", over a link of {LINK // 10**6} MB/s and {LINK_DELAY * 1000:.0f} ms")
            lines += pulls_at_once(bench, kontor, registry, maker)
    for server in (kontor, registry):
        shutil.rmtree(server.directory)
    return lines


def warm_pulls(bench, kontor, registry):
    """Of the same image, by a name of Kontor's own and by the mirrored one, when all of it is there."""
    size, seconds = bench.sizes.blob, bench.sizes.load_seconds
    blob = PayloadMaker(bench.directory / "mirror-warm", size).make()
    manifest = push_image(registry, "warm", blob)

    def check(place):
        with Client(kontor) as client:
            client.check_content(place.manifest("warm"), digest_of(manifest), len(manifest))
            client.check_content(place.blob(blob), blob.digest, blob.size)

    # From the upstream, before it could be taken from the other name.
    before = fetched(kontor)
    check(MIRRORED)
    check_fetched(kontor, before, MIRRORED.blob(blob))
    push_image(kontor, "warm", blob)
    check(LOCAL)
    for place in (MIRRORED, LOCAL):
        many_requests(kontor, "GET", place.manifest("warm"), 1)  # to warm up
    requests = bench.interleaved(
        "manifest GET by a mirrored name and by a local one, requests/s", [MIRRORED, LOCAL],
        lambda place: many_requests(kontor, "GET", place.manifest("warm"), seconds)[0])
    speeds = bench.interleaved(
        "blob GET by a mirrored name and by a local one, GB/s", [MIRRORED, LOCAL],
        lambda place: download(kontor, place.blob(blob), size, DOWNLOADS, seconds)[0])
    for place in (MIRRORED, LOCAL):
        check(place)
    return [
        report.compare(
            f"manifest GET by a mirrored name, {CONNECTIONS} connections, requests/s", requests[0], "local name",
            requests[1], digits=0, at_least=0.95),
        report.compare(
            f"blob GET by a mirrored name, {size // MIB} MiB, {DOWNLOADS} connections, GB/s", speeds[0], "local name",
            speeds[1], at_least=0.95),
    ]


def cold_pulls(bench, kontor, registry, maker, upstream, place, way=""):
    """Of a blob that is new in each round: from the upstream, and through Kontor, which has to fetch it.

    `upstream` is the registry, or what is before it; `place` is filled from there.
    """
    # Milliseconds to the first byte, and to the last one.
    times = {server: ([], []) for server in (kontor, upstream)}
    for number in range(bench.rounds):
        tag = f"cold-{place.name}-{number}"
        blob = push_new(kontor, registry, maker, tag, place)
        paths = {kontor: place.blob(blob), upstream: LOCAL.blob(blob)}
        before = fetched(kontor)
        for server in ((kontor, upstream) if number % 2 == 0 else (upstream, kontor)):
            # What was written must not go to the disk in the other's time.
            os.sync()
            have_memory(bench.directory / "mirror-memory", blob.size)
            for figures, seconds in zip(times[server], get(server, paths[server], blob.size)):
                figures.append(seconds * 1000)
        check_fetched(kontor, before, paths[kontor])
        for server, path in ((kontor, place.blob(blob)), (registry, LOCAL.blob(blob))):
            with Client(server) as client:
                client.check_content(path, blob.digest, blob.size)
        bench.progress(f"  cold blob GET{way}, first byte and whole, ms, round {number + 1}: " + ", ".join(
            f"{server.name} {first[-1]:,.2f} {whole[-1]:,.1f}" for server, (first, whole) in times.items()))
    what = f"GET of a blob that comes from the upstream now, {blob.size // MIB} MiB{way}"
    ours, theirs = times[kontor], times[upstream]
    return [
        report.compare(f"{what}, to the first byte, ms", ours[0], "docker-registry itself", theirs[0], at_most=1.2),
        report.compare(f"{what}, whole, ms", ours[1], "docker-registry itself", theirs[1], digits=1, at_most=1.3),
    ]


def pulls_at_once(bench, kontor, registry, maker):
    """Of one blob that has to be fetched: how many times it is, as Kontor says."""
    blob = push_new(kontor, registry, maker, "at-once", MIRRORED)
    path = MIRRORED.blob(blob)
    before = fetched(kontor)
    with contextlib.ExitStack() as cleanup:
        clients = [cleanup.enter_context(Client(kontor)) for _ in range(CLIENTS)]
        barrier = threading.Barrier(CLIENTS)

        def work(client):
            barrier.wait()
            with explained(kontor, path):
                client.check_content(path, blob.digest, blob.size)

        for client in clients:
            with explained(kontor, path):
                client.connection.connect()
        in_parallel(work, clients, CLIENTS)
    count = fetched(kontor) - before
    bench.progress(f"  {CLIENTS} clients at once: {count} transfer(s)")
    return [report.limit(
        f"transfers from the upstream for {CLIENTS} clients that GET a blob of {blob.size // MIB} MiB at once",
        [count], below=2)]


def push_image(server, tag, blob):
    """Returns the manifest."""
    manifest = image_manifest([(one.digest, one.size) for one in (CONFIG, blob)], MANIFEST_BYTES)
    with Client(server) as client:
        for one in (CONFIG, blob):
            client.upload(REPOSITORY, one)
        client.put_manifest(REPOSITORY, tag, manifest)
    return manifest


def push_new(kontor, registry, maker, tag, place):
    """Pushes an image to the upstream, and has Kontor fetch its manifest for `place`.

    Returns the blob, which is in the page cache then.
    """
    blob = maker.make()
    manifest = push_image(registry, tag, blob)
    with Client(kontor) as client:
        client.check_content(place.manifest(tag), digest_of(manifest), len(manifest))
    # What was written must not go to the disk in our time.
    os.sync()
    with Client(registry) as client:
        client.check_content(LOCAL.blob(blob), blob.digest, blob.size)
    return blob


def have_memory(file, size):
    """Leaves so much free memory that was used a moment ago, which is what a file gets first.

    The host of a virtual machine may give it memory only when that is touched, and take back what is free: writing a
    file takes six times as long then, which says nothing of the server.
    """
    with open(file, "wb") as output:
        for _ in range(2 * size // MIB):
            output.write(bytes(MIB))
    os.unlink(file)


def get(server, path, size):
    """GETs once, over a connection that is there; returns the seconds to the body's first byte, and to its last one."""
    request = f"GET {path} HTTP/1.1\r\nHost: {HOST}:{server.port}\r\nAccept: {ACCEPT}, */*\r\n\r\n".encode()
    buffer = bytearray(RECEIVE_BYTES)
    with explained(server, path), socket.create_connection((HOST, server.port), timeout=TIMEOUT) as connection:
        start, first = time.perf_counter(), None
        connection.sendall(request)
        left = size - skip_head(server, connection, path, size)
        if left < size:
            first = time.perf_counter()
        while left > 0:
            count = connection.recv_into(buffer, min(left, RECEIVE_BYTES))
            if count == 0:
                raise BenchmarkError(f"{server.name}: GET {path}: {left} bytes are missing")
            if first is None:
                first = time.perf_counter()
            left -= count
        return first - start, time.perf_counter() - start


@contextlib.contextmanager
def explained(server, path):
    """Says what did not work when a connection breaks."""
    try:
        yield
    except (OSError, http.client.HTTPException) as error:
        raise BenchmarkError(f"{server.name}: GET {path}: {error!r}; its log ends with: {server.log_tail()}") from error


def fetched(kontor):
    """Blobs for which Kontor has asked upstreams since its start."""
    with Client(kontor) as client:
        _, text = client.request("GET", "/metrics", 200)
    counts = re.findall(r"^kontor_mirror_transfers_total\{.*\} (\d+)$", text.decode(), re.MULTILINE)
    if not counts:
        raise BenchmarkError("kontor: /metrics has no kontor_mirror_transfers_total")
    return sum(map(int, counts))


def check_fetched(kontor, before, path):
    count = fetched(kontor) - before
    if count != 1:
        raise BenchmarkError(f"kontor: GET {path}: {count} transfers from the upstream instead of 1")
