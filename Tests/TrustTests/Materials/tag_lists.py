"""Signed lists of tags, made by the TUF project's own library: good ones, and what an attacker would make of them. With
an argument, reads such a list from its standard input instead, by the public key in that file."""

import base64
import datetime
import json
import sys

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from securesystemslib.signer import CryptoSigner, SSlibKey
from tuf.api.dsse import SimpleEnvelope
from tuf.api.metadata import Snapshot, TargetFile, Targets

if len(sys.argv) > 1:
    with open(sys.argv[1], "rb") as file:
        key = serialization.load_pem_public_key(file.read())
    envelope = SimpleEnvelope.from_bytes(sys.stdin.buffer.read())
    [signature] = envelope.signatures.values()
    # Of RSA's schemes, the library's default is another one; its identifiers of keys are others.
    scheme = "rsa-pkcs1v15-sha256" if isinstance(key, rsa.RSAPublicKey) else None
    SSlibKey.from_crypto(key, signature.keyid, scheme).verify_signature(signature, envelope.pae())
    targets = envelope.get_signed()
    print(json.dumps({
        "type": targets.type, "version": targets.version, "expires": targets.expires.timestamp(),
        "repository": targets.unrecognized_fields["repository"],
        "tags": {tag: {"length": target.length, "hashes": target.hashes} for tag, target in targets.targets.items()},
    }))
    sys.exit()

NOW = 1_790_000_000
REPOSITORY = "registry.example/team/app"
HEX = "a" * 64


def time(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)


def signed(version=5, expires=NOW + 60, repository=REPOSITORY, tags=None):
    targets = Targets(version=version, expires=time(expires), targets={
        tag: TargetFile(7, {"sha256": encoded}, tag) for tag, encoded in ({"v1": HEX} if tags is None else tags).items()})
    if repository is not None:
        targets.unrecognized_fields["repository"] = repository
    return targets


def envelope(content, signer):
    made = content if isinstance(content, SimpleEnvelope) else SimpleEnvelope.from_signed(content)
    made.sign(signer)
    return made.to_dict()


def of_bytes(payload, signer, type="application/vnd.tuf+json"):
    return envelope(SimpleEnvelope(payload, type, {}), signer)


signer, other = CryptoSigner.generate_ecdsa(), CryptoSigner.generate_ecdsa()
signers = {
    "ECDSA P-256": signer, "Ed25519": CryptoSigner.generate_ed25519(), "RSA": CryptoSigner.generate_rsa(),
    "ECDSA P-384": CryptoSigner(ec.generate_private_key(ec.SECP384R1())),
}
cases = []


def pem(signer):
    key = serialization.load_pem_private_key(signer.private_bytes, None).public_key()
    text = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(text).decode()


def case(name, expect, document, key=signer, former=None, now=NOW):
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    cases.append({
        "name": name, "expect": expect, "envelope": base64.b64encode(content).decode(), "keys": [pem(key)],
        "former": former, "now": now})


for name, one in signers.items():
    case(f"by {name}", "good", envelope(signed(), one), key=one)
good = envelope(signed(), signer)
case("no tags", "good", envelope(signed(tags={}), signer))
case("other key", "not signed by any", good, key=other)
case("key of another kind", "not signed by any", good, key=signers["Ed25519"])

# What was signed by it was changed, or is something else.
payload = base64.b64decode(good["payload"])
# Without spaces, so that the changes below are found in it.
payload = json.dumps(json.loads(payload), separators=(",", ":")).encode()
good = of_bytes(payload, signer)
for name, changed in [
    ("tag moved", payload.replace(HEX.encode(), b"b" * 64)), ("version", payload.replace(b'"version":5', b'"version":9')),
    ("repository", payload.replace(b"team/app", b"team/apq")), ("a space", payload + b" "),
]:
    assert changed != payload
    case(f"changed: {name}", "not signed by any", {**good, "payload": base64.b64encode(changed).decode()})
swapped = envelope(signed(tags={"v1": "b" * 64}), signer)
case("swapped signature", "not signed by any", {**good, "signatures": swapped["signatures"]})
case("type of the payload changed", "not signed by any", {**good, "payloadType": "application/vnd.in-toto+json"})
case("no signature", "has 0 signatures", {**good, "signatures": []})
case("two signatures", "has 2 signatures", {**good, "signatures": good["signatures"] * 2})
case("truncated signature", "not signed by any", {**good, "signatures": [
    {**good["signatures"][0], "sig": base64.b64encode(base64.b64decode(good["signatures"][0]["sig"])[:-1]).decode()}]})
case("signature over the payload alone", "not signed by any", {**good, "signatures": [
    {"keyid": "", "sig": base64.b64encode(bytes.fromhex(signer.sign(payload).signature)).decode()}]})
case("payload of another type", "is no tag list", of_bytes(payload, signer, "application/vnd.in-toto+json"))
case("metadata of another role", "another role", envelope(Snapshot(version=5, expires=time(NOW + 60)), signer))
case("envelope truncated", "envelope", json.dumps(good).encode()[:-1])
case("envelope with a payload twice", "twice", json.dumps(good).replace('"payload":', '"payload": "e30=", "payload":').encode())
case("no envelope", "envelope", b"")
case("a list", "payload", b"[]")

# It was signed, and does not count all the same.
case("other repository", "another repository", envelope(signed(repository="registry.example/team/other"), signer))
case("other registry", "another repository", envelope(signed(repository="other.example/team/app"), signer))
case("repository in other letters", "another repository", envelope(signed(repository="registry.example/team/\u212app"), signer))
case("no repository", "repository", envelope(signed(repository=None), signer))
case("expired", "it expired", envelope(signed(expires=NOW), signer))
case("about to expire", "good", envelope(signed(expires=NOW + 1), signer))
for name, expect, changed in [
    ("name twice", "twice", payload.replace(b'"version"', b'"version":6,"version"')),
    ("tag twice", "twice", payload.replace(b'"v1":', b'"v1":{},"v1":')),
    ("version as a text", "version", payload.replace(b'"version":5', b'"version":"x"')),
    ("version 0", "version is 0", payload.replace(b'"version":5', b'"version":0')),
    ("a huge version", "version", payload.replace(b'"version":5', b'"version":99999999999999999999')),
    ("negative version", "version is -5", payload.replace(b'"version":5', b'"version":-5')),
    ("no time", "expires", payload.replace(b'"expires"', b'"expired"')),
    ("malformed time", "malformed", payload.replace(b"Z", b"")),
    ("unknown edition", "unknown edition", payload.replace(b'"spec_version":"1.', b'"spec_version":"2.')),
    ("no tag", "entry", payload.replace(b'"v1"', b'"../v1"')),
    ("two hashes", "not one hash", payload.replace(b'"sha256"', b'"sha512":"00","sha256"')),
    ("weak hash", "not one hash", payload.replace(b'"sha256"', b'"sha1"')),
    ("malformed hash", "not one hash", payload.replace(HEX.encode(), b"A" * 64)),
    ("truncated", "not valid JSON", payload[:-1]),
]:
    assert changed != payload, name
    case(f"signed: {name}", expect, of_bytes(changed, signer))

# It was good once.
mark = {"version": 5, "digest": "same"}
case("seen before", "good", good, former=mark)
case("later than what was seen", "good", good, former={**mark, "version": 4})
case("replayed", "older than 6", good, former={**mark, "version": 6})
case("another one of the same version", "another list with the same version", swapped, former=mark)
case("replayed, when another key had signed the later one", "good", good, former={**mark, "version": 6, "key": "other"})

print(json.dumps({"repository": REPOSITORY, "good": good, "keys": {"other": pem(other)}, "cases": cases}))
