"""Signatures and attestations, good ones and others, of the image whose manifest comes on the standard input and whose repository is
the argument."""

import json
import sys

from securesystemslib.signer import CryptoSigner

from sigstore_world import *

manifest = sys.stdin.buffer.read()
digest = "sha256:" + hashlib.sha256(manifest).hexdigest()
name = sys.argv[1]
SLSA = "https://slsa.dev/provenance/v1"
SBOM = "https://spdx.dev/Document"
authority = Authority("intermediate", Authority("root"))
other_authority = Authority("intermediate", Authority("root"))
certificate_log = CertificateLog("https://ctfe.example")
log = SignatureLog("https://rekor.example")
other_log = SignatureLog("https://rekor.example")
key, other_key = new_key(), new_key()


def trusted_root(authority, log):
    return json.dumps({
        "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
        "tlogs": [log.json()], "certificateAuthorities": [authority.json()], "ctlogs": [certificate_log.json()],
    })


# By an identity: a bundle, and a signature of the tag scheme.
leaf, leaf_key = certificate(authority, [certificate_log])
said = statement(digest)
made = envelope(leaf_key, said)
bundle = {
    "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
    "verificationMaterial": {
        "certificate": {"rawBytes": b64(der(leaf))}, "tlogEntries": [log.entry(dsse_record(made, said, pem(leaf)))],
    },
    "dsseEnvelope": made,
}
payload = cosign_payload(digest, name)
signature = sign(leaf_key, payload)
annotations = {
    "dev.cosignproject.cosign/signature": b64(signature),
    "dev.sigstore.cosign/certificate": pem(leaf).decode(),
    "dev.sigstore.cosign/chain": "".join(pem(each).decode() for each in authority.chain),
    "dev.sigstore.cosign/bundle": log.annotation(hashedrekord(payload, signature, pem(leaf))),
}


# By a key: attestations as cosign makes them, in envelopes of securesystemslib's.
def attestation(about=digest, predicate_type=SLSA, by=key, payload_type="application/vnd.in-toto+json"):
    said = json.dumps({
        "_type": "https://in-toto.io/Statement/v0.1", "predicateType": predicate_type,
        "subject": [{"name": name, "digest": {"sha256": about.removeprefix("sha256:")}}], "predicate": {"builder": {}},
    }).encode()
    made = Envelope(said, payload_type, {})
    made.sign(CryptoSigner(by))
    return made.to_dict()


good = attestation()
changed = {**good, "payload": attestation(predicate_type=SLSA + "/")["payload"]}
attestations = {
    "good": good, "another kind": attestation(predicate_type=SBOM), "other digest": attestation(OTHER_DIGEST),
    "changed payload": changed, "other payload type": attestation(payload_type="application/json"),
    "payload type changed": {**attestation(payload_type="application/json"), "payloadType": good["payloadType"]},
    "other key": attestation(by=other_key), "swapped signature": {**good, "signatures": attestation(OTHER_DIGEST)["signatures"]},
}
print(json.dumps({
    "files": {
        "root.json": trusted_root(authority, log), "other-authority.json": trusted_root(other_authority, log),
        "other-log.json": trusted_root(authority, other_log), "key.pub": key_pem(key).decode(),
    },
    "identity": EMAIL, "issuer": ISSUER, "predicateType": SLSA, "bundle": json.dumps(bundle),
    "payload": payload.decode(), "annotations": annotations,
    "attestations": {name: json.dumps(each) for name, each in attestations.items()},
}))
