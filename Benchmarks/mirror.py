"""The mirror part: pulls of what came from an upstream against pulls of what was pushed, and the first pull of a blob
through Kontor against one from the upstream itself, which is docker-registry."""

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
from load import CONNECTIONS, RECEIVE_BYTES, skip_head, download, many_requests
from servers import HOST, BenchmarkError, DockerRegistry

MIB = 1 << 20
NAMESPACE, PREFIX = "upstream.example", "mirror"
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


# The upstream's repository is called as the local one.
LOCAL, MIRRORED = Place("local", REPOSITORY), Place("mirrored", f"{PREFIX}/{REPOSITORY}")


def mirror(bench):
    upstreams = bench.directory / "mirror-upstreams.json"
    kontor = bench.kontor("mirror")
    # A proxy of the user's must not be asked for what is on this machine.
    kontor.settings = {"KONTOR_MIRROR_UPSTREAMS": str(upstreams), "NO_PROXY": HOST}
    with DockerRegistry(bench.directory / "mirror-registry") as registry:
        upstreams.write_text(json.dumps({"upstreams": [{
            "namespace": NAMESPACE, "prefix": PREFIX, "url": f"http://{HOST}:{registry.port}", "ttl": "10m",
        }]}))
        with kontor:
            lines = warm_pulls(bench, kontor, registry)
            maker = PayloadMaker(bench.directory / "mirror-cold", COLD * bench.sizes.blob)
            lines += cold_pulls(bench, kontor, registry, maker)
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


def cold_pulls(bench, kontor, registry, maker):
    """Of a blob that is new in each round: from the upstream, and through Kontor, which has to fetch it."""
    # Milliseconds to the first byte, and to the last one.
    times = {server: ([], []) for server in (kontor, registry)}
    for number in range(bench.rounds):
        tag = f"cold-{number}"
        blob = push_new(kontor, registry, maker, tag)
        paths = {kontor: MIRRORED.blob(blob), registry: LOCAL.blob(blob)}
        before = fetched(kontor)
        for server in ((kontor, registry) if number % 2 == 0 else (registry, kontor)):
            for figures, seconds in zip(times[server], get(server, paths[server], blob.size)):
                figures.append(seconds * 1000)
        check_fetched(kontor, before, paths[kontor])
        for server, path in paths.items():
            with Client(server) as client:
                client.check_content(path, blob.digest, blob.size)
        bench.progress(f"  cold blob GET, first byte and whole, ms, round {number + 1}: " + ", ".join(
            f"{server.name} {first[-1]:,.2f} {whole[-1]:,.1f}" for server, (first, whole) in times.items()))
    what = f"GET of a blob that comes from the upstream now, {blob.size // MIB} MiB"
    return [
        report.compare(
            f"{what}, to the first byte, ms", times[kontor][0], "docker-registry itself", times[registry][0],
            at_most=1.2),
        report.compare(
            f"{what}, whole, ms", times[kontor][1], "docker-registry itself", times[registry][1], digits=1,
            at_most=1.3),
    ]


def pulls_at_once(bench, kontor, registry, maker):
    """Of one blob that has to be fetched: how many times it is, as Kontor says."""
    blob = push_new(kontor, registry, maker, "at-once")
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


def push_new(kontor, registry, maker, tag):
    """Pushes an image to the upstream, and has Kontor fetch its manifest.

    Returns the blob, which is in the page cache then.
    """
    blob = maker.make()
    manifest = push_image(registry, tag, blob)
    with Client(kontor) as client:
        client.check_content(MIRRORED.manifest(tag), digest_of(manifest), len(manifest))
    # What was written must not go to the disk in our time.
    os.sync()
    with Client(registry) as client:
        client.check_content(LOCAL.blob(blob), blob.digest, blob.size)
    return blob


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
    """Blobs for which Kontor has asked the upstream since its start."""
    with Client(kontor) as client:
        _, text = client.request("GET", "/metrics", 200)
    found = re.search(
        rf'^kontor_mirror_transfers_total\{{upstream="{re.escape(NAMESPACE)}"\}} (\d+)$', text.decode(), re.MULTILINE)
    if found is None:
        raise BenchmarkError(f"kontor: /metrics has no kontor_mirror_transfers_total of {NAMESPACE}")
    return int(found[1])


def check_fetched(kontor, before, path):
    count = fetched(kontor) - before
    if count != 1:
        raise BenchmarkError(f"kontor: GET {path}: {count} transfers from the upstream instead of 1")
