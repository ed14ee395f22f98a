"""A registry client that checks every answer, and does not slow down the server that it measures."""

import hashlib
import http.client
import json
import os
import threading
from pathlib import Path
from urllib.parse import urlsplit

from servers import HOST, BenchmarkError

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
# docker-registry answers an OCI manifest with 404 unless it is asked for.
ACCEPT = f"{MANIFEST_TYPE}, application/vnd.docker.distribution.manifest.v2+json"
TIMEOUT = 300


def digest_of(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


class Payload:
    """Content for an upload: the bytes of a file, sent by the kernel, and a tail that makes it unique."""

    def __init__(self, file, tail, digest):
        self.file = file
        self.file_size = os.path.getsize(file) if file else 0
        self.tail = tail
        self.digest = digest
        self.size = self.file_size + len(tail)

    @classmethod
    def of(cls, content):
        return cls(None, content, digest_of(content))


class PayloadMaker:
    """Makes payloads of one size, each with another digest, for the price of hashing the file once."""

    TAIL = 64

    def __init__(self, file, size):
        self.file = Path(file)
        self.hash = hashlib.sha256()
        with open(self.file, "wb") as output:
            left = size - self.TAIL
            while left > 0:
                piece = os.urandom(min(left, 1 << 20))
                output.write(piece)
                self.hash.update(piece)
                left -= len(piece)

    def make(self):
        tail = os.urandom(self.TAIL)
        whole = self.hash.copy()
        whole.update(tail)
        return Payload(self.file, tail, "sha256:" + whole.hexdigest())


class Client:
    """One connection to a server."""

    def __init__(self, server):
        self.server = server
        self.connection = http.client.HTTPConnection(HOST, server.port, timeout=TIMEOUT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def fail(self, method, path, why):
        raise BenchmarkError(f"{self.server.name}: {method} {path}: {why}")

    def request(self, method, path, status, body=None, headers=None):
        """Returns the response's headers and body; any status but `status` is an error."""
        self.connection.request(method, path, body=body, headers=headers or {})
        response = self.connection.getresponse()
        content = response.read()
        if response.status != status:
            self.fail(method, path, f"status {response.status} instead of {status}: {content[:300]!r}")
        return response.headers, content

    def upload(self, repository, payload):
        """POST and one PUT with all the bytes; they are on disk when this returns."""
        headers, _ = self.request(
            "POST", f"/v2/{repository}/blobs/uploads/", 202, headers={"Content-Length": "0"})
        location = urlsplit(headers["Location"])
        path = location.path + "?" + (location.query + "&" if location.query else "") + "digest=" + payload.digest
        connection = self.connection
        connection.putrequest("PUT", path)
        connection.putheader("Content-Type", "application/octet-stream")
        connection.putheader("Content-Length", str(payload.size))
        connection.endheaders()
        try:
            if payload.file:
                with open(payload.file, "rb") as file:
                    connection.sock.sendfile(file, 0, payload.file_size)
            connection.sock.sendall(payload.tail)
        except ConnectionError as error:
            self.fail("PUT", path, f"the server broke off: {error}")
        response = connection.getresponse()
        content = response.read()
        if response.status != 201:
            self.fail("PUT", path, f"status {response.status} instead of 201: {content[:300]!r}")

    def put_manifest(self, repository, tag, content):
        self.request(
            "PUT", f"/v2/{repository}/manifests/{tag}", 201, body=content, headers={"Content-Type": MANIFEST_TYPE})

    def check_content(self, path, digest, size):
        """GETs what must have this digest and size."""
        self.connection.request("GET", path, headers={"Accept": ACCEPT + ", */*"})
        response = self.connection.getresponse()
        if response.status != 200:
            self.fail("GET", path, f"status {response.status} instead of 200: {response.read()[:300]!r}")
        content, length, buffer = hashlib.sha256(), 0, bytearray(1 << 20)
        while count := response.readinto(buffer):
            content.update(memoryview(buffer)[:count])
            length += count
        if (length, "sha256:" + content.hexdigest()) != (size, digest):
            self.fail("GET", path, f"{length} bytes with another digest than {digest} ({size} bytes)")

    def check_head(self, path, size):
        headers, _ = self.request("HEAD", path, 200)
        if headers["Content-Length"] != str(size):
            self.fail("HEAD", path, f"Content-Length {headers['Content-Length']} instead of {size}")


def image_manifest(layers, length):
    """A manifest of `length` bytes: a config (the first of `layers`) and the others as its layers.

    `layers` are pairs of digest and size.
    """
    def descriptor(kind, layer):
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": layer[0], "size": layer[1]}

    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": descriptor("config.v1+json", layers[0]),
        "layers": [descriptor("layer.v1.tar+gzip", layer) for layer in layers[1:]],
        "annotations": {"padding": ""},
    }
    missing = length - len(json.dumps(manifest))
    if missing < 0:
        raise BenchmarkError(f"a manifest of {len(layers)} blobs does not fit into {length} bytes")
    manifest["annotations"]["padding"] = "x" * missing
    return json.dumps(manifest).encode()


def in_parallel(work, items, threads):
    """Calls `work` with every item, in so many threads; the first error ends it all."""
    items, lock, errors = iter(items), threading.Lock(), []

    def run():
        try:
            while not errors:
                with lock:
                    item = next(items, None)
                if item is None:
                    return
                work(item)
        except BaseException as error:
            errors.append(error)

    # Daemons, so that Ctrl-C need not wait for them.
    workers = [threading.Thread(target=run, daemon=True) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if errors:
        raise errors[0]
