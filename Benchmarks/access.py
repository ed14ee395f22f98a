"""The access part: pulls with a token against pulls without one, and the same password again and again."""

import base64
import json
import subprocess
import time
import urllib.request

import report
from client import MANIFEST_TYPE, Client, Payload, digest_of
from load import CONNECTIONS, many_requests
from servers import HOST, BenchmarkError

USER, PASSWORD = "alice", "a password"


def access(bench):
    directory = bench.directory / "access"
    directory.mkdir()
    rules = directory / "rules.json"
    rules.write_text(json.dumps({"rules": [
        {"repositories": ["public/**"], "who": ["everyone"], "actions": ["pull"]},
        {"repositories": ["**"], "who": [f"user:{USER}"], "actions": ["pull", "push"]},
    ]}))
    server, plain = bench.kontor("access"), bench.kontor("access-plain")
    image = json.dumps({
        "schemaVersion": 2, "mediaType": MANIFEST_TYPE,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest_of(b""), "size": 0},
        "layers": [], "annotations": {"filler": " " * 1000},
    }).encode()
    add_user(server)
    # What nobody asks for is pushed before anybody is asked.
    for one in (server, plain):
        with one, Client(one) as client:
            client.upload("team/app", Payload.of(b""))
            client.put_manifest("team/app", "v1", image)
    server.settings = {"KONTOR_ACCESS_RULES": str(rules)}
    path = "/v2/team/app/manifests/v1"
    with server, plain:
        basic = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        headers = {server: "Bearer " + token(server, basic), plain: None}
        for one in (server, plain):
            many_requests(one, "GET", path, 1, headers[one])  # to warm up
        rates = bench.interleaved(
            "manifest GET with a token, and without access control, requests/s", [server, plain],
            lambda one: many_requests(one, "GET", path, bench.sizes.load_seconds, headers[one])[:1])
        tokens, nobody = [[figure[0] for figure in figures] for figures in rates]
        passwords = [many_requests(server, "GET", path, bench.sizes.load_seconds, basic)[0]
                     for _ in range(bench.rounds)]
    return [
        report.compare(
            f"manifest GET with a bearer token, {CONNECTIONS} connections, requests/s", tokens,
            "without access control", nobody, digits=0, at_least=0.8),
        report.compare(
            f"the same with a password (bcrypt), {CONNECTIONS} connections, requests/s", passwords,
            "without access control", nobody, digits=0, at_least=None),
    ]


def add_user(server):
    done = subprocess.run(
        [server.program, "user", "add", USER, "--password-stdin", "--data", str(server.directory)],
        input=PASSWORD.encode(), env=server.clean_environment(), capture_output=True)
    if done.returncode != 0:
        raise BenchmarkError(f"kontor user add failed: {done.stderr.decode()}")


def token(server, basic):
    request = urllib.request.Request(
        f"http://{HOST}:{server.port}/token?service=bench&scope=repository:team/app:pull",
        headers={"Authorization": basic})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["token"]
