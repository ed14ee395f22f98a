"""Signatures of cosign and bundles of Sigstore, good ones and what an attacker would make of them. What is good by a
certificate is tried on the Sigstore project's own verifier, too."""

import copy
import hashlib
import json

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from cryptography.x509.oid import ExtendedKeyUsageOID
from sigstore.models import Bundle, TrustedRoot
from sigstore.verify import Verifier, policy
from sigstore_models.trustroot import v1 as trustroot

from sigstore_world import *

root_authority = Authority("root")
authority = Authority("intermediate", root_authority)
other_root = Authority("root")
certificate_log = CertificateLog("https://ctfe.example")
log = SignatureLog("https://rekor.example")
other_log = SignatureLog("https://rekor.example")
key = new_key()
other_key = new_key()


def trust_root(authorities, logs, certificate_logs, **further):
    return {
        "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
        "tlogs": logs, "certificateAuthorities": authorities, "ctlogs": certificate_logs, **further,
    }


roots = {
    "none": trust_root([], [], []),
    "full": trust_root([authority.json()], [log.json()], [certificate_log.json()]),
    "without certificate logs": trust_root([authority.json()], [log.json()], []),
    "authority ended": trust_root([authority.json(end=SIGNED - 1)], [log.json()], [certificate_log.json()]),
    "authority not begun": trust_root([authority.json(start=SIGNED + 1)], [log.json()], [certificate_log.json()]),
    "log ended": trust_root([authority.json()], [log.json(end=SIGNED - 1)], [certificate_log.json()]),
    "certificate log ended": trust_root(
        [authority.json()], [log.json()], [certificate_log.json(end=SIGNED - 3600)]),
}
cases = []
BY_KEY = {"keys": [b64(key_pem(key))], "root": "none", "requiresLogEntry": False}
BY_KEY_LOGGED = {"keys": [b64(key_pem(key))], "root": "full", "requiresLogEntry": True}
BY_IDENTITY = {
    "identities": [{"issuer": ISSUER, "subject": EMAIL, "kind": "email"}], "root": "full", "requiresLogEntry": True,
}


def case(name, expect, config, **given):
    cases.append({"name": name, "expect": expect, "config": config, "now": NOW, **given})


def tag(name, expect, config, payload, signature, now=NOW, **annotations):
    if signature is not None:
        signature = signature if isinstance(signature, str) else b64(signature)
        annotations["dev.cosignproject.cosign/signature"] = signature
    annotations = {
        key if "/" in key else "dev.sigstore.cosign/" + key: value for key, value in annotations.items()
    }
    case(name, expect, config, payload=b64(payload), annotations=annotations)
    cases[-1]["now"] = now


# By a key, in the tag scheme.
payload = cosign_payload()
signature = sign(key, payload)
tag("tag", "good", BY_KEY, payload, signature)
tag("tag: second key of two", "good", {**BY_KEY, "keys": [b64(key_pem(other_key)), b64(key_pem(key))]}, payload, signature)
for curve, algorithm in [
    (ec.SECP384R1(), hashes.SHA384()), (ec.SECP384R1(), hashes.SHA256()),
    (ec.SECP521R1(), hashes.SHA512()), (ec.SECP521R1(), hashes.SHA256()),
]:
    made = new_key(curve)
    tag(f"tag: {curve.name} {algorithm.name}", "good", {**BY_KEY, "keys": [b64(key_pem(made))]}, payload,
        sign(made, payload, algorithm))
rsa_key = rsa.generate_private_key(65537, 2048)
BY_RSA = {**BY_KEY, "keys": [b64(key_pem(rsa_key))]}
tag("tag: RSA", "good", BY_RSA, payload, rsa_key.sign(payload, padding.PKCS1v15(), hashes.SHA256()))
pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
tag("tag: RSA-PSS", "good", BY_RSA, payload, rsa_key.sign(payload, pss, hashes.SHA256()))
tag("tag: RSA with SHA-1", "not made by any", BY_RSA, payload, rsa_key.sign(payload, padding.PKCS1v15(), hashes.SHA1()))
edwards = ed25519.Ed25519PrivateKey.generate()
tag("tag: Ed25519", "good", {**BY_KEY, "keys": [b64(key_pem(edwards))]}, payload, edwards.sign(payload))
made_by_podman = json.loads(payload)
made_by_podman["optional"] = {"creator": "containers/image 5", "timestamp": SIGNED}
made_by_podman = json.dumps(made_by_podman).encode()
tag("tag: podman's", "good", BY_KEY, made_by_podman, sign(key, made_by_podman))
cases[-1]["signedAt"] = SIGNED

tag("tag: weak hash", "not made by any", BY_KEY, payload, sign(key, payload, hashes.SHA1()))
tag("tag: another hash", "not made by any", BY_KEY, payload, sign(key, payload, hashes.SHA512()))
r, s = utils.decode_dss_signature(signature)
tag("tag: raw signature", "not made by any", BY_KEY, payload, r.to_bytes(32, "big") + s.to_bytes(32, "big"))
tag("tag: other key", "not made by any", BY_KEY, payload, sign(other_key, payload))
tag("tag: no key", "not made by any", {**BY_KEY, "keys": []}, payload, signature)
tag("tag: key of another kind", "not made by any", {**BY_KEY, "keys": [b64(key_pem(rsa_key))]}, payload, signature)
tag("tag: changed payload", "not made by any", BY_KEY, cosign_payload(reference="registry.example/library/apq"), signature)
tag("tag: swapped signature", "not made by any", BY_KEY, payload, sign(key, cosign_payload(OTHER_DIGEST)))
tag("tag: other manifest", "over another manifest", BY_KEY, cosign_payload(OTHER_DIGEST), sign(key, cosign_payload(OTHER_DIGEST)))
tag("tag: truncated signature", "not made by any", BY_KEY, payload, signature[:-1])
tag("tag: no signature", "missing", BY_KEY, payload, None)
tag("tag: empty signature", "not made by any", BY_KEY, payload, "")
tag("tag: signature not in base64", "base64", BY_KEY, payload, "%%%")
tag("tag: signature in other base64", "base64", BY_KEY, payload, b64(signature) + "\n")
for name, changed in [
    ("of another type", cosign_payload(kind="atomic container signature")),
    ("name twice", payload.replace(b'"type":', b'"type":"cosign container image signature","type":')),
    ("digest twice", payload.replace(
        b'"docker-manifest-digest":', b'"docker-manifest-digest":"%s","docker-manifest-digest":' % OTHER_DIGEST.encode())),
    ("name twice in what is optional", payload.replace(b"null", b'{"a":1,"a":2}')),
    ("unknown critical property", payload.replace(b'"type":', b'"expires":1,"type":')),
    ("unknown property", payload.replace(b'"optional"', b'"more":1,"optional"')),
    ("something after it", payload + b"{}"),
    ("truncated", payload[:-1]),
    ("no JSON", b"\0"),
    ("empty", b""),
    ("a list", b"[]"),
    ("digest malformed", cosign_payload("sha256:0")),
    ("digest in capitals", cosign_payload(DIGEST.upper())),
    ("nested deeply", b"[" * 100000),
]:
    tag("tag: signed payload " + name, "payload cannot be read", BY_KEY, changed, sign(key, changed))

# The same, with an entry of a log.
body = hashedrekord(payload, signature, key_pem(key))
entry = log.annotation(body)
tag("logged tag", "good", BY_KEY_LOGGED, payload, signature, bundle=entry)
cases[-1]["signedAt"] = SIGNED
separate = {**BY_KEY, "logKeys": [b64(key_pem(log.key))], "requiresLogEntry": True}
del separate["root"]
tag("logged tag, key of the log alone", "good", separate, payload, signature, bundle=entry)
tag("logged tag: unknown log, not needed", "good", BY_KEY, payload, signature, bundle=entry)
tag("logged tag: no entry", "in none of the logs", BY_KEY_LOGGED, payload, signature)
tag("logged tag: unknown log", "in none of the logs", BY_KEY_LOGGED, payload, signature, bundle=other_log.annotation(body))
tag("logged tag: log's key was not valid", "key was not valid", {**BY_KEY_LOGGED, "root": "log ended"}, payload, signature, bundle=entry)
tag("logged tag: from the future", "from the future", BY_KEY_LOGGED, payload, signature, bundle=log.annotation(body, NOW + 400))
tag("logged tag: another time", "did not sign this entry", BY_KEY_LOGGED, payload, signature,
    bundle=entry.replace(str(SIGNED), str(SIGNED + 1)))
forged = json.loads(other_log.annotation(body))
forged["Payload"]["logID"] = log.id.hex()
tag("logged tag: promise of another log", "did not sign this entry", BY_KEY_LOGGED, payload, signature, bundle=json.dumps(forged))
tag("logged tag: bad entry, not needed", "did not sign this entry", {**BY_KEY_LOGGED, "requiresLogEntry": False}, payload,
    signature, bundle=json.dumps(forged))
second = sign(key, payload)
for name, reason, changed in [
    ("another signature", "another signature", hashedrekord(payload, second, key_pem(key))),
    ("another key", "another key", hashedrekord(payload, signature, key_pem(other_key))),
    ("other content", "other content", hashedrekord(b"other", signature, key_pem(key))),
    ("weak hash", "hash cannot be read", hashedrekord(payload, signature, key_pem(key), "sha1")),
    ("unknown kind", "unknown kind", body.replace(b"hashedrekord", b"rekord")),
    ("unknown version", "unknown kind", body.replace(b"0.0.1", b"0.0.9")),
    ("name twice", "twice", body.replace(b'"kind"', b'"kind":"dsse","kind"')),
    ("no key", "key cannot be read", hashedrekord(payload, signature, b"key")),
]:
    tag("logged tag: entry about " + name, reason, BY_KEY_LOGGED, payload, signature, bundle=log.annotation(changed))
tag("logged tag: entry is no JSON", "its log entry", BY_KEY_LOGGED, payload, signature, bundle="entry")
tag("logged tag: entry has a name twice", "twice", BY_KEY_LOGGED, payload, signature,
    bundle=entry.replace('"logIndex"', '"logIndex": 1, "logIndex"'))


# By a certificate, in the tag scheme.
def keyless_tag(name, expect, config=BY_IDENTITY, under=authority, made=SIGNED, logged=True, now=NOW, chain=None, **how):
    how.setdefault("logs", [certificate_log])
    leaf, leaf_key = certificate(under, **how)
    made_signature = sign(leaf_key, payload)
    annotations = {"certificate": pem(leaf).decode(), "chain": "".join(pem(each).decode() for each in chain or [])}
    if logged:
        annotations["bundle"] = log.annotation(hashedrekord(payload, made_signature, pem(leaf)), made)
    tag(name, expect, config, payload, made_signature, now, **annotations)


def identity(subject, kind=None, issuer=ISSUER):
    asked = {"issuer": issuer, "subject": subject}
    if kind:
        asked["kind"] = kind
    return {**BY_IDENTITY, "identities": [asked]}


keyless_tag("keyless tag", "good")
cases[-1]["signedAt"] = SIGNED
cases[-1]["subject"] = EMAIL
keyless_tag("keyless tag: any kind of name", "good", identity(EMAIL))
workflow = [x509.UniformResourceIdentifier(WORKFLOW)]
keyless_tag("keyless tag: workflow", "good", identity(WORKFLOW, "uri"), names=workflow)
user = [x509.OtherName(x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.7"), b"\x0c\x0bann!example")]
keyless_tag("keyless tag: user name", "good", identity("ann!example", "userName"), names=user)
keyless_tag("keyless tag: issuer in the older extension alone", "good", newer_provider=None)
keyless_tag("keyless tag: issuer in the newer extension alone", "good", provider=None)
keyless_tag("keyless tag: chain given", "good", chain=authority.chain)
keyless_tag("keyless tag: authority leaves certificates out", "good",
            {**BY_IDENTITY, "root": None, "authorities": [b64(pem(root_authority.certificate))],
             "logKeys": [b64(key_pem(log.key))]}, chain=authority.chain)
keyless_tag("keyless tag: intermediate is trusted itself", "good",
            {**BY_IDENTITY, "root": None, "authorities": [b64(pem(authority.certificate))],
             "logKeys": [b64(key_pem(log.key))], "certificateLogKeys": [b64(key_pem(certificate_log.key))]})
keyless_tag("keyless tag: nobody keeps certificates", "good", {**BY_IDENTITY, "root": "without certificate logs"}, promise=b"")

NOBODY = "none of those that count"
keyless_tag("keyless tag: another identity", NOBODY, names=[x509.RFC822Name("eve@example.org")])
keyless_tag("keyless tag: another provider", NOBODY, provider="https://evil.example", newer_provider="https://evil.example")
keyless_tag("keyless tag: nobody counts", NOBODY, {**BY_IDENTITY, "identities": []})
keyless_tag("keyless tag: name of another kind", NOBODY, names=[x509.UniformResourceIdentifier(EMAIL)])
keyless_tag("keyless tag: name in capitals", NOBODY, names=[x509.RFC822Name("Ann@example.org")])
keyless_tag("keyless tag: longer name", NOBODY, names=[x509.RFC822Name(EMAIL + ".evil.example")])
keyless_tag("keyless tag: name with a zero byte", "", names=[x509.RFC822Name(EMAIL + "\0.evil")])
keyless_tag("keyless tag: providers differ", "says differently", provider="https://evil.example")
keyless_tag("keyless tag: no provider", "does not say", provider=None, newer_provider=None)
keyless_tag("keyless tag: no name", "does not say whose", names=[x509.DNSName("ann.example.org")])
ONLY_CODE = "not for signing code"
keyless_tag("keyless tag: wrong extended usage", ONLY_CODE, extended=[ExtendedKeyUsageOID.SERVER_AUTH])
keyless_tag("keyless tag: any usage", ONLY_CODE, extended=[ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE])
keyless_tag("keyless tag: no extended usage", ONLY_CODE, extended=None)
keyless_tag("keyless tag: wrong usage", ONLY_CODE, usages=key_usage(key_encipherment=True))
keyless_tag("keyless tag: an authority signs", "authority's", ca=True)
keyless_tag("keyless tag: critical extension", "critical",
            further=(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0"), True))
keyless_tag("keyless tag: expired", "is valid from", made=SIGNED + 541)
keyless_tag("keyless tag: not yet valid", "is valid from", made=SIGNED - 61)
keyless_tag("keyless tag: no entry, no time", "in none of the logs", logged=False)
keyless_tag("keyless tag: no time", "nothing proves", {**BY_IDENTITY, "requiresLogEntry": False}, logged=False)
keyless_tag("keyless tag: present before the past", "from the future", now=SIGNED - 301)
NOT_LED = "leads to none of the trusted"
keyless_tag("keyless tag: another authority of the same name", NOT_LED, under=Authority("intermediate", other_root))
keyless_tag("keyless tag: authority's own chain", NOT_LED, under=other_root, chain=[other_root.certificate])
keyless_tag("keyless tag: authority's time is over", NOT_LED, {**BY_IDENTITY, "root": "authority ended"})
keyless_tag("keyless tag: authority's time has not begun", NOT_LED, {**BY_IDENTITY, "root": "authority not begun"})
for name, bad in [
    ("is none", Authority("leaf", authority, ca=False)),
    ("may not issue", Authority("issuer", authority, usages=key_usage(digital_signature=True))),
    ("is for something else", Authority("issuer", authority, extended=[ExtendedKeyUsageOID.SERVER_AUTH])),
    ("is expired", Authority("issuer", authority, end=SIGNED - 1)),
    ("is too deep", Authority("issuer", Authority("middle", Authority("top", root_authority, path_length=0)))),
]:
    trusted = {**BY_IDENTITY, "root": "full" if "deep" not in name else None,
               "authorities": [b64(pem(root_authority.certificate))], "logKeys": [b64(key_pem(log.key))]}
    keyless_tag("keyless tag: authority between " + name, NOT_LED, trusted, under=bad, chain=bad.chain)
keyless_tag("keyless tag: many certificates", "more than 4", chain=[authority.certificate] * 5)
between = Authority("between", root_authority, extended=[ExtendedKeyUsageOID.CODE_SIGNING])
keyless_tag("keyless tag: authority between for signing code", "good",
            {**BY_IDENTITY, "root": None, "authorities": [b64(pem(root_authority.certificate))],
             "logKeys": [b64(key_pem(log.key))]}, under=between, chain=between.chain)
NOT_SEEN = "seen its certificate"
keyless_tag("keyless tag: no promise to show the certificate", NOT_SEEN, promise=b"")
keyless_tag("keyless tag: promise of another log", NOT_SEEN, logs=[CertificateLog("https://ctfe.example")])
keyless_tag("keyless tag: promise of another log beside", "good", logs=[CertificateLog("https://ctfe.example"), certificate_log])
keyless_tag("keyless tag: promise of another certificate", NOT_SEEN,
            promise=certificate_log.promise(certificate(authority, [])[0], authority))
keyless_tag("keyless tag: promise malformed", "cannot be read", promise=b"\0\5abc")
keyless_tag("keyless tag: certificate log's time is over", NOT_SEEN, {**BY_IDENTITY, "root": "certificate log ended"})
leaf, leaf_key = certificate(authority, [certificate_log])
leaf_signature = sign(leaf_key, payload)
leaf_entry = log.annotation(hashedrekord(payload, leaf_signature, pem(leaf)))
tag("keyless tag: no certificate", "no certificate", BY_IDENTITY, payload, leaf_signature, bundle=leaf_entry)
tag("keyless tag: two certificates", "more than one", BY_IDENTITY, payload, leaf_signature, bundle=leaf_entry,
    certificate=pem(leaf).decode() * 2)
tag("keyless tag: certificate of another", "another key", BY_IDENTITY, payload, leaf_signature, bundle=leaf_entry,
    certificate=pem(certificate(authority, [certificate_log], key=leaf_key)[0]).decode())
tag("keyless tag: another key signed", "did not make it", BY_IDENTITY, payload, signature, bundle=leaf_entry,
    certificate=pem(leaf).decode())
tag("keyless tag: where keys count", "not made by any", BY_KEY, payload, leaf_signature, bundle=leaf_entry,
    certificate=pem(leaf).decode())


# Bundles.
def bundle(content, material, version="0.3", **further):
    media_type = (
        "application/vnd.dev.sigstore.bundle.v0.3+json" if version == "0.3"
        else "application/vnd.dev.sigstore.bundle+json;version=" + version
    )
    return {"mediaType": media_type, "verificationMaterial": {**material, **further}, **content}


def given(made):
    return {"bundle": b64(made if isinstance(made, bytes) else json.dumps(made).encode())}


def message(made_signature):
    return {"messageSignature": {
        "messageDigest": {"algorithm": "SHA2_256", "digest": b64(hashlib.sha256(MANIFEST).digest())},
        "signature": b64(made_signature),
    }}


HINT = {"publicKey": {"hint": b64(hashlib.sha256(key_der(key)).digest())}}
said = statement()
other_said = statement(OTHER_DIGEST)
plain = bundle({"dsseEnvelope": envelope(key, said)}, HINT)
case("bundle", "good", BY_KEY, predicateType=SIGN_PREDICATE, **given(plain))
case("bundle of the manifest", "good", BY_KEY, **given(bundle(message(sign(key, MANIFEST)), HINT)))
sbom = statement(predicate_type="https://spdx.dev/Document", kind="https://in-toto.io/Statement/v0.1")
case("bundle: attestation", "good", BY_KEY, predicateType="https://spdx.dev/Document",
     **given(bundle({"dsseEnvelope": envelope(key, sbom)}, HINT)))
logged = bundle({"dsseEnvelope": plain["dsseEnvelope"]}, HINT,
                tlogEntries=[log.entry(dsse_record(plain["dsseEnvelope"], said, key_pem(key)))])
case("logged bundle", "good", BY_KEY_LOGGED, signedAt=SIGNED, predicateType=SIGN_PREDICATE, **given(logged))
logged_twice = bundle({"dsseEnvelope": plain["dsseEnvelope"]}, HINT,
                      tlogEntries=[log.entry(intoto_record(plain["dsseEnvelope"], said, key_pem(key)), index=0, size=1)])
case("logged bundle: in-toto", "good", BY_KEY_LOGGED, predicateType=SIGN_PREDICATE, **given(logged_twice))
case("logged bundle: not logged", "in none of the logs", BY_KEY_LOGGED, **given(plain))


# Logs with other keys, and of the second version.
edwards_log = SignatureLog("https://rekor.example", ed25519.Ed25519PrivateKey.generate(), "PKIX_ED25519")
edwards_log.id = note_id("rekor.example", edwards_log.key)
larger_log = SignatureLog("https://rekor.example/", new_key(ec.SECP384R1()), "PKIX_ECDSA_P384_SHA_384")
larger_log.hash = hashes.SHA384()
roots["other logs"] = trust_root([], [edwards_log.json(), larger_log.json()], [])
BY_KEY_LOGGED_ELSEWHERE = {**BY_KEY_LOGGED, "root": "other logs"}
plain_signature = base64.b64decode(plain["dsseEnvelope"]["signatures"][0]["sig"])
for name, elsewhere in [("Ed25519", edwards_log), ("P-384", larger_log)]:
    for kind, record in [
        ("hashedrekord", newer_hashedrekord(pae(said), plain_signature, key)),
        ("dsse", newer_dsse(said, plain_signature, key)),
    ]:
        made = bundle({"dsseEnvelope": plain["dsseEnvelope"]}, HINT,
                      tlogEntries=[elsewhere.entry(record, promise=False, origin="rekor.example")])
        case(f"newer log of {name}: {kind}", "good", BY_KEY_LOGGED_ELSEWHERE, predicateType=SIGN_PREDICATE, **given(made))
        made["verificationMaterial"]["tlogEntries"][0]["inclusionProof"]["checkpoint"]["envelope"] = elsewhere.note(
            f"rekor.example\n11\n{made['verificationMaterial']['tlogEntries'][0]['inclusionProof']['rootHash']}\n",
            new_key(ec.SECP384R1()))
        case(f"newer log of {name}: {kind}, signed by another", "did not sign the checkpoint", BY_KEY_LOGGED_ELSEWHERE,
             **given(made))
tag("logged tag: log of P-384", "good", BY_KEY_LOGGED_ELSEWHERE, payload, signature, bundle=larger_log.annotation(body))
case("newer log: another key", "another key", BY_KEY_LOGGED_ELSEWHERE, **given(bundle(
    {"dsseEnvelope": plain["dsseEnvelope"]}, HINT, tlogEntries=[edwards_log.entry(
        newer_dsse(said, plain_signature, other_key), promise=False, origin="rekor.example")])))
case("newer log: other content", "other content", BY_KEY_LOGGED_ELSEWHERE, **given(bundle(
    {"dsseEnvelope": plain["dsseEnvelope"]}, HINT, tlogEntries=[edwards_log.entry(
        newer_dsse(other_said, plain_signature, key), promise=False, origin="rekor.example")])))


def changed(original, change):
    result = copy.deepcopy(original)
    change(result)
    return result


def dsse(change):
    return lambda made: change(made["dsseEnvelope"])


NOT_MADE = "not made by any"
text = json.dumps(plain).encode()
for name, reason, made in [
    ("other manifest", "not about this manifest", bundle({"dsseEnvelope": envelope(key, other_said)}, HINT)),
    ("changed statement", NOT_MADE, changed(plain, dsse(lambda made: made.update(payload=b64(said + b" "))))),
    ("other key", NOT_MADE, bundle({"dsseEnvelope": envelope(other_key, said)}, HINT)),
    ("swapped signature", NOT_MADE, changed(plain, dsse(
        lambda made: made.update(signatures=envelope(key, other_said)["signatures"])))),
    ("weak hash", NOT_MADE, bundle({"dsseEnvelope": envelope(key, said, algorithm=hashes.SHA1())}, HINT)),
    ("signature over the payload alone", NOT_MADE, changed(plain, dsse(
        lambda made: made.update(signatures=[{"sig": b64(sign(key, said))}])))),
    ("two signatures", "2 signatures", changed(plain, dsse(
        lambda made: made.update(signatures=made["signatures"] * 2)))),
    ("no signature", "0 signatures", changed(plain, dsse(lambda made: made.update(signatures=[])))),
    ("another type of payload", "is not known", bundle({"dsseEnvelope": envelope(key, said, "text/plain")}, HINT)),
    ("type of payload changed", NOT_MADE, bundle(
        {"dsseEnvelope": {**envelope(key, said, "text/plain"), "payloadType": "application/vnd.in-toto+json"}}, HINT)),
    ("payload of the tag scheme", "_type", bundle({"dsseEnvelope": envelope(key, payload)}, HINT)),
    ("statement of an unknown type", "unknown type", bundle(
        {"dsseEnvelope": envelope(key, statement(kind="https://in-toto.io/Statement/v9"))}, HINT)),
    ("statement has a name twice", "twice", bundle(
        {"dsseEnvelope": envelope(key, said.replace(b'"predicateType"', b'"predicateType":"x","predicateType"'))}, HINT)),
    ("statement without subject", "not about this manifest", bundle(
        {"dsseEnvelope": envelope(key, said.replace(b"subject", b"objects"))}, HINT)),
    ("statement's digest is of another kind", "not about this manifest", bundle(
        {"dsseEnvelope": envelope(key, said.replace(b'"sha256"', b'"md5"'))}, HINT)),
    ("two contents", "not one signature", {**plain, **message(sign(key, MANIFEST))}),
    ("no content", "not one signature", bundle({}, HINT)),
    ("message is another manifest", NOT_MADE, bundle(message(sign(key, b"other")), HINT)),
    ("unknown version", "unknown type", {**plain, "mediaType": "application/vnd.dev.sigstore.bundle.v0.4+json"}),
    ("no type", "mediaType", {**plain, "mediaType": None}),
    ("no material", "verificationMaterial", {**plain, "verificationMaterial": None}),
    ("key and certificate", "not one key", bundle(
        {"dsseEnvelope": plain["dsseEnvelope"]}, {**HINT, "certificate": {"rawBytes": b64(der(leaf))}})),
    ("chain in version 0.3", "not one key", bundle(
        {"dsseEnvelope": plain["dsseEnvelope"]}, {"x509CertificateChain": {"certificates": [{"rawBytes": b64(der(leaf))}]}})),
    ("name twice", "twice", text.replace(b'"payload":', b'"payload": "", "payload":')),
    ("truncated", "the bundle", text[:-1]),
    ("empty", "the bundle", b""),
    ("a list", "no JSON object", b"[]"),
    ("nested deeply", "the bundle", b'{"a":' * 100000),
    ("many entries", "more than 32", bundle({"dsseEnvelope": plain["dsseEnvelope"]}, HINT, tlogEntries=[{}] * 33)),
]:
    case("bundle: " + name, reason, BY_KEY, **given(made))

# Bundles by a certificate.
certified = {"certificate": {"rawBytes": b64(der(leaf))}}
leaf_envelope = envelope(leaf_key, said)
leaf_record = dsse_record(leaf_envelope, said, pem(leaf))
leaf_message = sign(leaf_key, MANIFEST)
message_record = hashedrekord(MANIFEST, leaf_message, pem(leaf))
keyless = bundle({"dsseEnvelope": leaf_envelope}, certified, tlogEntries=[log.entry(leaf_record)])
keyless_message = bundle(message(leaf_message), certified, tlogEntries=[log.entry(message_record)])
older = [
    bundle(message(leaf_message), {"x509CertificateChain": {"certificates": [{"rawBytes": b64(der(leaf))}]}}, version,
           tlogEntries=[log.entry(message_record)])
    for version in ["0.1", "0.2"]
]
newest = newer_hashedrekord(pae(said), base64.b64decode(leaf_envelope["signatures"][0]["sig"]), leaf)
newer = bundle({"dsseEnvelope": leaf_envelope}, certified,
               tlogEntries=[log.entry(newest, promise=False, origin="rekor.example")])
verifier = Verifier(trusted_root=TrustedRoot(trustroot.TrustedRoot.from_json(json.dumps(roots["full"]))))
asked = policy.Identity(identity=EMAIL, issuer=ISSUER)
for name, made in [("keyless bundle", keyless), ("keyless bundle of the manifest", keyless_message)] + [
    ("keyless bundle 0.%d" % (number + 1), made) for number, made in enumerate(older)
]:
    parsed = Bundle.from_json(json.dumps(made))
    if "dsseEnvelope" in made:
        verifier.verify_dsse(parsed, asked)
    else:
        verifier.verify_artifact(MANIFEST, parsed, asked)
    case(name, "good", BY_IDENTITY, signedAt=SIGNED, subject=EMAIL, **given(made))
    if "dsseEnvelope" in made:
        cases[-1]["predicateType"] = SIGN_PREDICATE
for size in [1, 2, 3, 7, 8, 9, 100]:
    for index in {0, size // 2, size - 1}:
        made = bundle(message(leaf_message), certified, tlogEntries=[log.entry(message_record, index=index, size=size)])
        verifier.verify_artifact(MANIFEST, Bundle.from_json(json.dumps(made)), asked)
        case(f"keyless bundle: leaf {index} of {size}", "good", BY_IDENTITY, **given(made))
promised = changed(older[0], lambda made: made["verificationMaterial"]["tlogEntries"][0].pop("inclusionProof"))
case("keyless bundle 0.1 without a proof", "good", BY_IDENTITY, **given(promised))
unsigned_proof = changed(older[0], lambda made: made["verificationMaterial"]["tlogEntries"][0]["inclusionProof"].pop("checkpoint"))
case("keyless bundle 0.1 with a proof without a checkpoint", "good", BY_IDENTITY, **given(unsigned_proof))
case("keyless bundle: newer log without a time", "nothing proves", BY_IDENTITY, **given(newer))


def logged_as(change):
    return lambda made: change(made["verificationMaterial"]["tlogEntries"][0])


def proof(change):
    return logged_as(lambda made: change(made["inclusionProof"]))


def signed_note(made_log, text):
    return lambda made: made.update(checkpoint={"envelope": made_log.note(text)})


honest = keyless["verificationMaterial"]["tlogEntries"][0]["inclusionProof"]
root_hash, hashes_of_proof = honest["rootHash"], honest["hashes"]
WITHOUT = "what its version demands"
for name, reason, made in [
    ("no proof", WITHOUT, changed(keyless, logged_as(lambda made: made.pop("inclusionProof")))),
    ("no promise in version 0.1", WITHOUT, changed(older[0], logged_as(lambda made: made.pop("inclusionPromise")))),
    ("no checkpoint", WITHOUT, changed(keyless, proof(lambda made: made.pop("checkpoint")))),
    ("no promise", "nothing proves", changed(keyless, logged_as(lambda made: made.pop("inclusionPromise")))),
    ("promise of another entry", "did not sign this entry", changed(keyless, logged_as(
        lambda made: made.update(inclusionPromise={"signedEntryTimestamp": b64(log.promise(message_record, SIGNED))})))),
    ("another time", "did not sign this entry", changed(keyless, logged_as(
        lambda made: made.update(integratedTime=str(SIGNED + 1))))),
    ("no time", "no time", changed(keyless, logged_as(lambda made: made.pop("integratedTime")))),
    ("another index", "did not sign this entry", changed(keyless, logged_as(lambda made: made.update(logIndex="78")))),
    ("entry of another kind", "another kind", changed(keyless, logged_as(
        lambda made: made.update(kindVersion={"kind": "hashedrekord", "version": "0.0.1"})))),
    ("unknown log", "in none of the logs", changed(keyless, logged_as(
        lambda made: made.update(logId={"keyId": b64(other_log.id)})))),
    ("entry left out", "in none of the logs", changed(keyless, lambda made: made["verificationMaterial"].pop("tlogEntries"))),
    ("leaf elsewhere", "not one of this entry", changed(keyless, proof(lambda made: made.update(logIndex="4")))),
    ("leaf outside", "not one of this entry", changed(keyless, proof(lambda made: made.update(logIndex="11")))),
    ("negative leaf", "not one of this entry", changed(keyless, proof(lambda made: made.update(logIndex="-1")))),
    ("huge leaf", "whole number", changed(keyless, proof(lambda made: made.update(logIndex="9" * 30)))),
    ("another size", "another tree", changed(keyless, proof(lambda made: made.update(treeSize="12")))),
    ("another root", "another tree", changed(keyless, proof(lambda made: made.update(rootHash=b64(b"0" * 32))))),
    ("shorter path", "not one of this entry", changed(keyless, proof(lambda made: made["hashes"].pop()))),
    ("longer path", "not one of this entry", changed(keyless, proof(lambda made: made["hashes"].append(b64(b"0" * 32))))),
    ("path's order", "not one of this entry", changed(keyless, proof(lambda made: made["hashes"].reverse()))),
    ("path of short hashes", "not one of this entry", changed(keyless, proof(
        lambda made: made.update(hashes=[b64(b"0")] * len(hashes_of_proof))))),
    ("checkpoint of another log", "did not sign the checkpoint", changed(keyless, proof(
        lambda made: made.update(checkpoint={"envelope": other_log.note(f"{log.origin}\n11\n{root_hash}\n")})))),
    ("checkpoint of another key with the log's hint", "did not sign the checkpoint", changed(keyless, proof(
        lambda made: made.update(checkpoint={"envelope": log.note(f"{log.origin}\n11\n{root_hash}\n", other_log.key)})))),
    ("checkpoint of another origin", "did not sign the checkpoint", changed(keyless, proof(
        signed_note(log, f"rekor.elsewhere.example\n11\n{root_hash}\n")))),
    ("checkpoint's text changed", "did not sign the checkpoint", changed(keyless, proof(
        lambda made: made["checkpoint"].update(envelope=made["checkpoint"]["envelope"].replace("1234567890", "1234567891"))))),
    ("checkpoint without signature", "checkpoint", changed(keyless, proof(
        lambda made: made["checkpoint"].update(envelope=made["checkpoint"]["envelope"].split("\n\n")[0] + "\n\n")))),
    ("checkpoint is empty", "checkpoint", changed(keyless, proof(lambda made: made["checkpoint"].update(envelope="")))),
    ("entry about another signature", "another signature", bundle(
        {"dsseEnvelope": envelope(leaf_key, said)}, certified, tlogEntries=[log.entry(leaf_record)])),
    ("entry about a message", "another signature", bundle(
        {"dsseEnvelope": leaf_envelope}, certified, tlogEntries=[log.entry(message_record)])),
    ("entry about the payload alone", "other content", bundle({"dsseEnvelope": leaf_envelope}, certified, tlogEntries=[
        log.entry(hashedrekord(said, base64.b64decode(leaf_envelope["signatures"][0]["sig"]), pem(leaf)))])),
    ("entry of an envelope for a message", "other content", bundle(message(leaf_message), certified, tlogEntries=[
        log.entry(dsse_record({**leaf_envelope, "signatures": [{"sig": b64(leaf_message)}]}, MANIFEST, pem(leaf)))])),
    ("certificate of another", "another key", bundle(
        {"dsseEnvelope": leaf_envelope},
        {"certificate": {"rawBytes": b64(der(certificate(authority, [certificate_log], key=leaf_key)[0]))}},
        tlogEntries=[log.entry(leaf_record)])),
    ("certificate changed", "", changed(keyless, lambda made: made["verificationMaterial"].update(
        certificate={"rawBytes": b64(der(leaf).replace(b"ann@", b"eve@"))}))),
    ("certificate truncated", "certificate cannot be read", changed(keyless, lambda made: made["verificationMaterial"].update(
        certificate={"rawBytes": b64(der(leaf)[:-1])}))),
    ("key in place of the certificate", "no certificate", bundle(
        {"dsseEnvelope": leaf_envelope}, HINT, tlogEntries=[log.entry(leaf_record)])),
]:
    case("keyless bundle: " + name, reason, BY_IDENTITY, **given(made))
evil = identity(EMAIL)
evil["identities"][0]["issuer"] = "https://evil.example"
case("keyless bundle: another identity", NOBODY, evil, **given(keyless))

# With timestamps of an authority. They are of this hour, so the certificate is, too.
stamps, other_stamps = TimestampAuthority(), TimestampAuthority()
HERE = NOW + 3600
STAMPED = HERE + 250
roots["with timestamps"] = trust_root(
    [authority.json()], [log.json()], [certificate_log.json()], timestampAuthorities=[stamps.json()])
roots["timestamps ended"] = trust_root(
    [authority.json()], [log.json()], [certificate_log.json()], timestampAuthorities=[stamps.json(end=NOW)])
roots["newer type"] = {
    **roots["with timestamps"], "mediaType": "application/vnd.dev.sigstore.trustedroot.v0.2+json"}
BY_STAMP = {**BY_IDENTITY, "root": "with timestamps"}
stamped_leaf, stamped_key = certificate(authority, [certificate_log], start=HERE - 60, end=HERE + 540)
stamped_certificate = {"certificate": {"rawBytes": b64(der(stamped_leaf))}}
stamped_envelope = envelope(stamped_key, said)
stamped_signature = base64.b64decode(stamped_envelope["signatures"][0]["sig"])
stamped_entry = log.entry(
    newer_hashedrekord(pae(said), stamped_signature, stamped_leaf), promise=False, origin="rekor.example")
del stamped_entry["integratedTime"]


def stamped(response, leaf=stamped_certificate, entry=stamped_entry, content=stamped_envelope):
    return bundle({"dsseEnvelope": content}, leaf, tlogEntries=[entry] if entry else [], timestampVerificationData={
        "rfc3161Timestamps": [{"signedTimestamp": b64(response)}]})


response = stamps.response(stamped_signature)
newer = stamped(response)
Verifier(
    trusted_root=TrustedRoot(trustroot.TrustedRoot.from_json(json.dumps(roots["with timestamps"])))
).verify_dsse(Bundle.from_json(json.dumps(newer)), asked)
for name, expect, config, made in [
    ("newer log", "good", BY_STAMP, newer),
    ("newer type of root", "good", {**BY_STAMP, "root": "newer type"}, newer),
    ("no log", "good", {**BY_STAMP, "requiresLogEntry": False}, stamped(response, entry=None)),
    ("no log, but needed", "in none of the logs", BY_STAMP, stamped(response, entry=None)),
    ("authority unknown", "nothing proves", BY_IDENTITY, newer),
    ("another authority", "nothing proves", BY_STAMP, stamped(other_stamps.response(stamped_signature))),
    ("authority's time is over", "nothing proves", {**BY_STAMP, "root": "timestamps ended"}, newer),
    ("of another signature", "nothing proves", BY_STAMP, stamped(stamps.response(b"other"))),
    ("weak hash", "nothing proves", BY_STAMP, stamped(stamps.response(stamped_signature, "sha1"))),
    ("truncated", "nothing proves", BY_STAMP, stamped(response[:-1])),
    ("empty", "nothing proves", BY_STAMP, stamped(b"")),
    ("certificate was expired", "is valid from", BY_STAMP, stamped(
        stamps.response(base64.b64decode(leaf_envelope["signatures"][0]["sig"])), certified, log.entry(leaf_record),
        leaf_envelope)),
    ("newer log: another key", "another key", BY_STAMP, stamped(response, entry=log.entry(
        newer_hashedrekord(pae(said), stamped_signature, leaf), promise=False, origin="rekor.example"))),
    ("newer log: other content", "other content", BY_STAMP, stamped(response, entry=log.entry(
        newer_hashedrekord(said, stamped_signature, stamped_leaf), promise=False, origin="rekor.example"))),
    ("newer log: another origin", "did not sign the checkpoint", BY_STAMP, stamped(response, entry=log.entry(
        newer_hashedrekord(pae(said), stamped_signature, stamped_leaf), promise=False, origin="elsewhere.example"))),
]:
    case("timestamp: " + name, expect, config, **given(made))
    cases[-1]["now"] = STAMPED
    if expect == "good":
        cases[-1]["predicateType"] = SIGN_PREDICATE
        cases[-1]["subject"] = EMAIL
stamped_tag = sign(stamped_key, payload)
tag("timestamp: tag", "good", {**BY_STAMP, "requiresLogEntry": False}, payload, stamped_tag, STAMPED,
    certificate=pem(stamped_leaf).decode(),
    rfc3161timestamp=json.dumps({"SignedRFC3161Timestamp": b64(stamps.response(stamped_tag))}))
tag("timestamp: tag, timestamp of another signature", "nothing proves", {**BY_STAMP, "requiresLogEntry": False}, payload,
    stamped_tag, STAMPED, certificate=pem(stamped_leaf).decode(),
    rfc3161timestamp=json.dumps({"SignedRFC3161Timestamp": b64(response)}))
tag("timestamp: by separate files", "good", {
    **BY_IDENTITY, "root": None, "authorities": [b64(pem(authority.certificate))], "requiresLogEntry": False,
    "timestampAuthorities": [b64(b"".join(pem(each) for each in stamps.chain))]}, payload, stamped_tag, STAMPED,
    certificate=pem(stamped_leaf).decode(),
    rfc3161timestamp=json.dumps({"SignedRFC3161Timestamp": b64(stamps.response(stamped_tag))}))

print(json.dumps({
    "digest": DIGEST, "manifest": b64(MANIFEST), "reference": REFERENCE,
    "roots": {name: b64(json.dumps(root).encode()) for name, root in roots.items()}, "cases": cases,
}))
