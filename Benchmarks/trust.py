"""The trust part: pulls under a policy against pulls without one, and the first look at images with many signatures."""

import base64
import json
import subprocess
import time

import report
from client import MANIFEST_TYPE, Client, Payload, digest_of
from load import CONNECTIONS, many_requests
from servers import find_program

REGISTRY = "registry.example"
PAYLOAD_TYPE = "application/vnd.dev.cosign.simplesigning.v1+json"
# The policy looks at up to 128 signatures of an image.
PER_IMAGE = 100


def trust(bench):
    directory = bench.directory / "trust"
    directory.mkdir()
    key = Key(directory)
    policed, plain = bench.kontor("trust-policed"), bench.kontor("trust-plain")
    policed.settings = {
        "KONTOR_TRUST_POLICY": str(directory / "policy.json"), "KONTOR_TRUST_REGISTRY": REGISTRY}
    write_policy(directory, key, 0)
    images = [make_image(number) for number in range(1 + bench.sizes.signatures // PER_IMAGE)]
    with policed, plain:
        for server in (policed, plain):
            with Client(server) as client:
                push_image(client, images[0], "v1")
        with Client(policed) as client:
            sign(client, key, images[0], 1)
            for image in images[1:]:
                push_image(client, image, digest_of(image))
                sign(client, key, image, PER_IMAGE)
        path = "/v2/bench/manifests/v1"
        for server in (policed, plain):
            many_requests(server, "GET", path, 1)  # to warm up
        rates = bench.interleaved(
            "manifest GET under a policy and without, requests/s", [policed, plain],
            lambda server: many_requests(server, "GET", path, bench.sizes.load_seconds)[:1])
        ours, theirs = [[figure[0] for figure in figures] for figures in rates]
    return [
        report.compare(
            f"manifest GET of a signed image under a policy, {CONNECTIONS} connections, requests/s", ours,
            "without", theirs, digits=0, at_least=0.9),
        report.limit(
            f"first GETs of images with {bench.sizes.signatures:,} ECDSA signatures together, s",
            first_looks(bench, policed, directory, key, images[1:]), below=1, digits=2),
    ]


def first_looks(bench, server, directory, key, images):
    """Under another policy in each round, so that nothing is known of an image."""
    seconds = []
    for number in range(bench.rounds):
        write_policy(directory, key, number + 1)
        with server, Client(server) as client:
            client.request("GET", "/v2/", 200)
            started = time.monotonic()
            for image in images:
                client.request("GET", f"/v2/bench/manifests/{digest_of(image)}", 200)
            seconds.append(time.monotonic() - started)
        bench.progress(f"  signatures, round {number + 1}: {seconds[-1]:.2f} s")
    return seconds


def write_policy(directory, key, number):
    rule = {"type": "sigstoreSigned", "keyPath": key.public, "signedIdentity": {"type": "matchRepository"}}
    (directory / "policy.json").write_text(json.dumps({
        "default": [{"type": "reject"}],
        "transports": {"docker": {REGISTRY: [rule], f"round-{number}.example": [{"type": "reject"}]}},
        "kontor": {"enforcement": {"": {"push": "allow", "pull": "enforce"}}},
    }))


class Key:
    """An ECDSA key on P-256, as cosign makes them."""

    def __init__(self, directory):
        self.program = find_program("openssl", "openssl")
        self.secret, self.public = str(directory / "key.pem"), str(directory / "key.pub")
        self._run("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", self.secret)
        self._run("ec", "-in", self.secret, "-pubout", "-out", self.public)

    def sign(self, content):
        return self._run("dgst", "-sha256", "-sign", self.secret, content=content)

    def _run(self, *arguments, content=None):
        return subprocess.run(
            [self.program, *arguments], input=content, capture_output=True, check=True).stdout


def make_image(number):
    empty = digest_of(b"")
    return json.dumps({
        "schemaVersion": 2, "mediaType": MANIFEST_TYPE,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": empty, "size": 0},
        "layers": [], "annotations": {"number": f"{number:1000}"},
    }).encode()


def push_image(client, image, reference):
    client.upload("bench", Payload.of(b""))
    client.put_manifest("bench", reference, image)


def sign(client, key, image, count):
    digest = digest_of(image)
    payload = json.dumps({
        "critical": {
            "identity": {"docker-reference": f"{REGISTRY}/bench"}, "image": {"docker-manifest-digest": digest},
            "type": "cosign container image signature"},
        "optional": None,
    }).encode()
    client.upload("bench", Payload.of(payload))
    client.upload("bench", Payload.of(b"{}"))
    # Each signature is another one: ECDSA's have something random.
    layers = [{
        "mediaType": PAYLOAD_TYPE, "digest": digest_of(payload), "size": len(payload),
        "annotations": {"dev.cosignproject.cosign/signature": base64.b64encode(key.sign(payload)).decode()},
    } for _ in range(count)]
    client.put_manifest("bench", digest.replace(":", "-") + ".sig", json.dumps({
        "schemaVersion": 2, "mediaType": MANIFEST_TYPE,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest_of(b"{}"), "size": 2},
        "layers": layers,
    }).encode())
