"""Rules of a policy, and signatures of cosign and Sigstore that meet them or do not."""

import json

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from securesystemslib.signer import CryptoSigner

from sigstore_world import *

TAGGED = REFERENCE + ":v1"
key = new_key()
other_key = new_key()
root = Authority("root")
authority = Authority("intermediate", root)
certificate_log = CertificateLog("https://ctfe.example")
log = SignatureLog("https://rekor.example")
other_log = SignatureLog("https://rekor.example")
own_root = Authority("own root")
own = Authority("own", own_root)
trusted_root = {
    "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
    "tlogs": [log.json()], "certificateAuthorities": [authority.json()], "ctlogs": [certificate_log.json()],
}
files = {
    "key.pub": key_pem(key), "other.pub": key_pem(other_key), "fulcio.pem": pem(authority.certificate),
    "rekor.pub": key_pem(log.key), "other-rekor.pub": key_pem(other_log.key),
    "root.json": json.dumps(trusted_root).encode(),
    "no-logs.json": json.dumps({**trusted_root, "tlogs": []}).encode(),
    "own-root.pem": pem(own_root.certificate), "own.pem": pem(own.certificate), "none.pem": b"nothing",
}
cases = []
MATCH = {"signedIdentity": {"type": "matchRepository"}}
ANY = {"signedIdentity": {"type": "matchDigest"}}


def case(name, expect, signatures=(), bundles=(), attestations=(), asked=TAGGED, until=None, **rule):
    """A rule with a requirement for signatures of Sigstore's, and what there is of them."""
    cases.append({
        "name": name, "expect": expect, "rule": json.dumps([{"type": "sigstoreSigned", **rule}]), "asked": asked,
        "signatures": list(signatures), "attestations": list(attestations), "bundles": [b64(json.dumps(each).encode()) for each in bundles], "until": until,
    })


def signature(signer=key, certificates=(), logs=(), **what):
    payload = cosign_payload(**what)
    made = sign(signer, payload)
    annotations = {"dev.cosignproject.cosign/signature": b64(made)}
    verifier = key_pem(signer)
    if certificates:
        verifier = pem(certificates[0])
        annotations["dev.sigstore.cosign/certificate"] = verifier.decode()
        annotations["dev.sigstore.cosign/chain"] = b"".join(pem(each) for each in certificates[1:]).decode()
    for each in logs:
        annotations["dev.sigstore.cosign/bundle"] = each.annotation(hashedrekord(payload, made, verifier))
    return {"payload": b64(payload), "annotations": annotations}


def bundle(signer=key, leaf=None, predicate_type=SIGN_PREDICATE, digest=DIGEST):
    said = statement(digest, predicate_type)
    made = envelope(signer, said)
    material = {"publicKey": {"hint": "key"}}
    if leaf:
        entry = log.entry(dsse_record(made, said, pem(leaf)))
        material = {"certificate": {"rawBytes": b64(der(leaf))}, "tlogEntries": [entry]}
    return {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "verificationMaterial": material,
        "dsseEnvelope": made,
    }


plain = signature()
tagged = signature(reference=TAGGED)
case("key", "", [plain], keyPath="key.pub", **MATCH)
case("key, tag asked for", "is for registry.example/library/app, not for registry.example/library/app:v1", [plain], keyPath="key.pub")
case("key, tag signed", "", [tagged], keyPath="key.pub")
case("key, other tag", "is for registry.example/library/app:v1, not for", [tagged], asked=REFERENCE + ":v2", keyPath="key.pub")
case("key, other repository", "is for registry.example/library/app, not for", [plain], asked="registry.example/library/other:v1", keyPath="key.pub", **MATCH)
case("key, any name", "", [plain], asked="elsewhere.example/x:v1", keyPath="key.pub", **ANY)
case("key, other manifest", "over another manifest", [signature(digest=OTHER_DIGEST)], keyPath="key.pub", **MATCH)
case("other key", "not made by any of the keys", [signature(other_key)], keyPath="key.pub", **MATCH)
case("one of two keys", "", [signature(other_key)], keyPaths=["key.pub", "other.pub"], **MATCH)
case("keys in the file", "", [plain], keyDatas=[b64(key_pem(other_key)), b64(key_pem(key))], **MATCH)
case("a bad one beside", "", [signature(other_key), plain], keyPath="key.pub", **MATCH)
case("none", "there is no signature (cosign)", keyPath="key.pub", **MATCH)
case("Podman's form", "critical.type", [signature(kind="atomic container signature")], keyPath="key.pub", **MATCH)
case("key, logged", "", [signature(logs=[log])], keyPath="key.pub", rekorPublicKeyPath="rekor.pub", **MATCH)
case("key, logged, by root", "", [signature(logs=[log])], keyPath="key.pub", trustedRootPath="root.json", **MATCH)
case("key, not logged", "in none of the logs", [plain], keyPath="key.pub", rekorPublicKeyPath="rekor.pub", **MATCH)
case("key, other log", "in none of the logs", [signature(logs=[other_log])], keyPath="key.pub", rekorPublicKeyPath="rekor.pub", **MATCH)
case("key, one of two logs", "", [signature(logs=[other_log])], keyPath="key.pub", rekorPublicKeyPaths=["rekor.pub", "other-rekor.pub"], **MATCH)
case("key, bundle", "", bundles=[bundle()], keyPath="key.pub", **ANY)
case("key, bundle, name asked for", "does not say which image it is for", bundles=[bundle()], keyPath="key.pub", **MATCH)
case("key, bundle, other manifest", "not about this manifest", bundles=[bundle(digest=OTHER_DIGEST)], keyPath="key.pub", **ANY)
SLSA = "https://slsa.dev/provenance/v1"
attestation = bundle(predicate_type=SLSA)


def attested(signer=key, about=DIGEST, predicate_type=SLSA, subject=REFERENCE, payload_type="application/vnd.in-toto+json",
             change=lambda made: made):
    """As cosign attests under a tag: an envelope, which securesystemslib makes, and what the layer's descriptor says."""
    said = {
        "_type": "https://in-toto.io/Statement/v0.1", "predicateType": predicate_type,
        "subject": [{"digest": {"sha256": about.removeprefix("sha256:")}}], "predicate": {},
    }
    if subject:
        said["subject"][0]["name"] = subject
    made = Envelope(json.dumps(said).encode(), payload_type, {})
    made.sign(CryptoSigner(signer))
    made = change(made.to_dict())
    made = made if isinstance(made, bytes) else json.dumps(made).encode()
    return {"payload": b64(made), "annotations": {
        "dev.cosignproject.cosign/signature": "", "predicateType": SLSA}}


def logged(signer, certificates=(), log=log, record=dsse_record):
    """An attestation with what proves who made it, and when."""
    def change(made):
        verifier = pem(certificates[0]) if certificates else key_pem(signer)
        body = record(made, base64.b64decode(made["payload"]), verifier)
        annotations["dev.sigstore.cosign/bundle"] = log.annotation(body)
        return made

    annotations = {}
    if certificates:
        annotations["dev.sigstore.cosign/certificate"] = pem(certificates[0]).decode()
        annotations["dev.sigstore.cosign/chain"] = b"".join(pem(each) for each in certificates[1:]).decode()
    made = attested(signer, change=change)
    made["annotations"].update(annotations)
    return made


ATTESTED = {"keyPath": "key.pub", "predicateType": SLSA, **MATCH}
UNMADE = "not made by any of the keys"
good = attested()
case("attested", "", attestations=[good], **ATTESTED)
case("attested, in-toto's newer type", "", attestations=[{**good, "payload": b64(json.dumps(envelope(key, statement(predicate_type=SLSA))).encode())}], keyPath="key.pub", predicateType=SLSA, **ANY)
case("attested, a bad one beside", "", attestations=[attested(other_key), good], **ATTESTED)
case("attested, without annotations", "", attestations=[{**good, "annotations": {}}], **ATTESTED)
case("attested, tag asked for", "is for registry.example/library/app, not for registry.example/library/app:v1", attestations=[good], keyPath="key.pub", predicateType=SLSA)
case("attested, other repository", "is for registry.example/library/other, not for", attestations=[attested(subject="registry.example/library/other")], **ATTESTED)
case("attested, no name", "does not say which image it is for", attestations=[attested(subject=None)], **ATTESTED)
case("attested, a file's name", "does not say which image it is for", attestations=[attested(subject="Some File")], **ATTESTED)
case("attested, any name", "", attestations=[attested(subject=None)], keyPath="key.pub", predicateType=SLSA, **ANY)
case("attested, other manifest", "not about this manifest", attestations=[attested(about=OTHER_DIGEST)], **ATTESTED)
case("attested, other key", UNMADE, attestations=[attested(other_key)], **ATTESTED)
case("attested, changed payload", UNMADE, attestations=[attested(change=lambda made: {**made, "payload": b64(base64.b64decode(made["payload"]) + b" ")})], **ATTESTED)
case("attested, swapped signature", UNMADE, attestations=[attested(change=lambda made: {**made, "signatures": json.loads(base64.b64decode(attested(about=OTHER_DIGEST)["payload"]))["signatures"]})], **ATTESTED)
case("attested, over the payload alone", UNMADE, attestations=[attested(change=lambda made: {**made, "signatures": [{"sig": b64(sign(key, base64.b64decode(made["payload"])))}]})], **ATTESTED)
case("attested, other payload type", "is not known", attestations=[attested(payload_type="application/json")], **ATTESTED)
case("attested, payload type changed", UNMADE, attestations=[attested(payload_type="application/json", change=lambda made: {**made, "payloadType": "application/vnd.in-toto+json"})], **ATTESTED)
case("attested, two signatures", "2 signatures", attestations=[attested(change=lambda made: {**made, "signatures": made["signatures"] * 2})], **ATTESTED)
case("attested, no signature", "0 signatures", attestations=[attested(change=lambda made: {**made, "signatures": []})], **ATTESTED)
case("attested, name twice", "twice", attestations=[attested(change=lambda made: json.dumps(made).replace('"payload":', '"payload": "", "payload":').encode())], **ATTESTED)
case("attested, truncated", "its envelope", attestations=[attested(change=lambda made: json.dumps(made)[:-1].encode())], **ATTESTED)
case("attested, the annotation lies", "not over a statement of the type asked for", attestations=[attested(predicate_type="https://spdx.dev/Document")], **ATTESTED)
case("attested for a signature", "over a statement of the type", attestations=[good], keyPath="key.pub", **MATCH)
case("attested, none", "there is no signature (cosign)", **ATTESTED)
case("attested, logged", "", attestations=[logged(key)], rekorPublicKeyPath="rekor.pub", **ATTESTED)
case("attested, logged as in-toto", "", attestations=[logged(key, record=intoto_record)], rekorPublicKeyPath="rekor.pub", **ATTESTED)
case("attested, not logged", "in none of the logs", attestations=[good], rekorPublicKeyPath="rekor.pub", **ATTESTED)
case("attested, other log", "in none of the logs", attestations=[logged(key, log=other_log)], rekorPublicKeyPath="rekor.pub", **ATTESTED)
case("attested, entry of another", "about another signature", attestations=[{**good, "annotations": logged(key)["annotations"]}], rekorPublicKeyPath="rekor.pub", **ATTESTED)
case("attestation for a signature", "over a statement of the type", bundles=[attestation], keyPath="key.pub", **ANY)
case("attestation", "", bundles=[attestation], keyPath="key.pub", predicateType=SLSA, **ANY)
case("signature for an attestation", "not over a statement of the type asked for", [plain], [bundle()], keyPath="key.pub", predicateType=SLSA, **ANY)

leaf, leaf_key = certificate(authority, [certificate_log])
workflow, workflow_key = certificate(authority, [certificate_log], names=[x509.UniformResourceIdentifier(WORKFLOW)])
stranger, stranger_key = certificate(Authority("intermediate"), [certificate_log])
fulcio = {"caPath": "fulcio.pem", "oidcIssuer": ISSUER, "subjectEmail": EMAIL}
keyless = signature(leaf_key, [leaf], [log])
LOGGED = {"rekorPublicKeyPath": "rekor.pub", **MATCH}
case("identity", "", [keyless], fulcio=fulcio, **LOGGED)
case("identity, not logged", "in none of the logs", [signature(leaf_key, [leaf])], fulcio=fulcio, **LOGGED)
case("identity, attested", "", attestations=[logged(leaf_key, [leaf])], fulcio=fulcio, predicateType=SLSA, **LOGGED)
case("identity, attested by another", "is none of those that count", attestations=[logged(leaf_key, [leaf])], fulcio={**fulcio, "subjectEmail": "eve@example.org"}, predicateType=SLSA, **LOGGED)
case("identity, attested, no certificate", "no certificate", attestations=[logged(leaf_key)], fulcio=fulcio, predicateType=SLSA, **LOGGED)
case("identity, attested by a stranger", "leads to none of the trusted authorities", attestations=[logged(stranger_key, [stranger])], fulcio=fulcio, predicateType=SLSA, **LOGGED)
case("other identity", "is none of those that count", [keyless], fulcio={**fulcio, "subjectEmail": "eve@example.org"}, **LOGGED)
case("other provider", "is none of those that count", [keyless], fulcio={**fulcio, "oidcIssuer": "https://evil.example"}, **LOGGED)
case("other authority", "leads to none of the trusted authorities", [signature(stranger_key, [stranger], [log])], fulcio=fulcio, **LOGGED)
case("key for an identity", "no certificate", [signature(logs=[log])], fulcio=fulcio, **LOGGED)
by_root = {"oidcIssuer": ISSUER, "subjectURI": WORKFLOW}
case("workflow", "", [signature(workflow_key, [workflow], [log])], fulcio=by_root, trustedRootPath="root.json", **MATCH)
case("workflow, bundle", "", bundles=[bundle(workflow_key, workflow)], fulcio=by_root, trustedRootPath="root.json", **ANY)
case("address for a workflow", "is none of those that count", [keyless], fulcio=by_root, trustedRootPath="root.json", **MATCH)

HOST = "build.example.org"
NAMES = [x509.RFC822Name(EMAIL), x509.DNSName(HOST)]


def owned(under=own, names=NAMES, start=NOW - 86400, end=NOW + 86400, chain=(), **how):
    leaf, leaf_key = certificate(under, [], names=names, provider=None, newer_provider=None, start=start, end=end, **how)
    return signature(leaf_key, [leaf, *chain])


pki = {"caRootsPath": "own-root.pem", "caIntermediatesPath": "own.pem", "subjectEmail": EMAIL}
case("own authority", "", [owned()], until=NOW + 86400, pki=pki, **MATCH)
case("own authority, host too", "", [owned()], until=NOW + 86400, pki={**pki, "subjectHostname": HOST}, **MATCH)
owner, owner_key = certificate(own, [], names=NAMES, provider=None, newer_provider=None, start=NOW - 86400, end=NOW + 86400)
case("own authority, attested", "", attestations=[logged(owner_key, [owner])], until=NOW + 86400, pki=pki, predicateType=SLSA, **MATCH)
case("own authority, attested for another", "is not for", attestations=[logged(owner_key, [owner])], pki={**pki, "subjectEmail": "eve@example.org"}, predicateType=SLSA, **MATCH)
without = {"caRootsPath": "own-root.pem", "subjectHostname": HOST}
case("own authority, chain", "", [owned(chain=[own.certificate, own_root.certificate])], until=NOW + 86400, pki=without, **MATCH)
case("own authority, chain lacks", "leads to none of the trusted authorities", [owned()], pki=without, **MATCH)
case("own authority, other host", "is not for", [owned()], pki={**pki, "subjectHostname": "x.example.org"}, **MATCH)
case("own authority, other address", "is not for", [owned()], pki={**pki, "subjectEmail": "eve@example.org"}, **MATCH)
case("own authority, no names", "is not for", [owned(names=[x509.UniformResourceIdentifier("a:b")])], pki=pki, **MATCH)
case("own authority, wildcard", "is not for", [owned(names=[x509.DNSName("*.example.org")])], pki={**without, "caIntermediatesPath": "own.pem"}, **MATCH)
case("own authority, expired", "its certificate is valid from", [owned(end=NOW - 60)], pki=pki, **MATCH)
case("own authority, not yet", "its certificate is valid from", [owned(start=NOW + 60)], pki=pki, **MATCH)
case("own authority, for servers", "not one for signing code", [owned(extended=[ExtendedKeyUsageOID.SERVER_AUTH])], pki=pki, **MATCH)
case("own authority, for nothing", "not one for signing code", [owned(extended=None)], pki=pki, **MATCH)
case("own authority, not to sign", "not one for signing code", [owned(usages=key_usage(key_encipherment=True))], pki=pki, **MATCH)
case("own authority, another's", "leads to none of the trusted authorities", [owned(Authority("own"))], pki=pki, **MATCH)
case("own authority, another's key", "not made by any of the keys", [{**owned(), "payload": plain["payload"]}, ], pki=pki, **MATCH)
cases[-1]["signatures"][0]["annotations"]["dev.cosignproject.cosign/signature"] = plain["annotations"]["dev.cosignproject.cosign/signature"]
case("own authority, no certificate", "no certificate", [plain], pki=pki, **MATCH)

refused = []


def bad(place, **rule):
    """A rule that a policy must not have."""
    refused.append({"rule": json.dumps([{"type": "sigstoreSigned", **rule}]), "place": place})


bad("default[0]: expected exactly one of keyPath", **MATCH)
bad("default[0]: expected exactly one of keyPath", keyPath="key.pub", fulcio=fulcio, rekorPublicKeyPath="rekor.pub")
bad("default[0]: expected exactly one of keyPath", pki=pki, fulcio=fulcio)
bad("default[0]: expected only one of keyPath, keyData", keyPath="key.pub", keyData=b64(key_pem(key)))
bad("default[0]: expected only one of rekorPublicKeyPath, rekorPublicKeyData", keyPath="key.pub", rekorPublicKeyPath="rekor.pub", rekorPublicKeyData="AA==")
bad("default[0].keyPaths: the list must not be empty", keyPaths=[])
bad("default[0].keyPaths[1]: cannot read nowhere", keyPaths=["key.pub", "nowhere"])
bad("default[0].keyPath: none.pem: this is no public key", keyPath="none.pem")
bad("default[0].keyDatas[0]: this is no public key", keyDatas=["AAAA"])
bad("default[0].rekorPublicKeyPaths[0]: none.pem: ", keyPath="key.pub", rekorPublicKeyPaths=["none.pem"])
bad("default[0].trustedRootPath: none.pem: ", keyPath="key.pub", trustedRootPath="none.pem")
bad("default[0].trustedRootPath: no-logs.json: the trusted root has no logs", keyPath="key.pub", trustedRootPath="no-logs.json")
bad("default[0]: the trusted root names the logs", keyPath="key.pub", trustedRootPath="root.json", rekorPublicKeyPath="rekor.pub")
bad("default[0].fulcio: rekorPublicKeyPath or rekorPublicKeyData is missing", fulcio=fulcio)
bad("default[0].fulcio: caPath or caData is missing", fulcio={"oidcIssuer": ISSUER, "subjectEmail": EMAIL}, **LOGGED)
bad("default[0].fulcio.oidcIssuer: it is missing", fulcio={"caPath": "fulcio.pem", "subjectEmail": EMAIL}, **LOGGED)
bad("default[0].fulcio: expected one of subjectEmail, subjectURI", fulcio={"caPath": "fulcio.pem", "oidcIssuer": ISSUER}, **LOGGED)
bad("default[0].fulcio: expected one of subjectEmail, subjectURI", fulcio={**fulcio, "subjectURI": WORKFLOW}, **LOGGED)
bad("default[0].fulcio: the trusted root names the authorities", fulcio=fulcio, trustedRootPath="root.json")
bad("default[0].fulcio.caPath: none.pem: ", fulcio={**fulcio, "caPath": "none.pem"}, **LOGGED)
bad("default[0].fulcio.subject: it is not known here", fulcio={**fulcio, "subject": "x"}, **LOGGED)
bad("default[0].pki: subjectEmail or subjectHostname is missing", pki={"caRootsPath": "own-root.pem"})
bad("default[0].pki: caRootsPath or caRootsData is missing", pki={"subjectEmail": EMAIL})
bad("default[0].pki.caRootsPath: none.pem: ", pki={**pki, "caRootsPath": "none.pem"})
bad("default[0]: with pki, logs are not looked at", pki=pki, **LOGGED)
bad("default[0].signedIdentity.type: it is missing", keyPath="key.pub", signedIdentity={})

print(json.dumps({
    "manifest": b64(MANIFEST), "now": NOW, "cases": cases, "refused": refused,
    "files": {path: b64(content) for path, content in files.items()},
}))
