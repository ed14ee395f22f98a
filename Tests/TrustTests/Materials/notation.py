"""Certificates, notation signatures in JSON and CBOR, time stamps and revocation lists; good ones and attacks.

Times are fixed: the present of the tests is 2026-06-01. Prints one JSON document, with bytes in base64.
"""
import base64, datetime, hashlib, json, subprocess, sys, tempfile

import cbor2
from asn1crypto import cms, core, crl as asn1crl, tsp, x509 as asn1x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from cryptography.x509.oid import ExtendedKeyUsageOID as EKU, NameOID, ObjectIdentifier as OID

utc = datetime.timezone.utc
def day(text): return datetime.datetime.fromisoformat(text).replace(tzinfo=utc)
START, END = day("2026-01-01"), day("2027-01-01")
b64 = lambda data: base64.b64encode(data).decode()
url = lambda data: base64.urlsafe_b64encode(data).rstrip(b"=").decode()
der = lambda cert: cert.public_bytes(serialization.Encoding.DER)
pem = lambda cert: cert.public_bytes(serialization.Encoding.PEM).decode()

# --- certificates

def name(cn, o="Wabbit, Inc", **more):
    kinds = dict(C=NameOID.COUNTRY_NAME, ST=NameOID.STATE_OR_PROVINCE_NAME, O=NameOID.ORGANIZATION_NAME,
                 OU=NameOID.ORGANIZATIONAL_UNIT_NAME, CN=NameOID.COMMON_NAME)
    values = dict(C="US", ST="WA", O=o, CN=cn, **more)
    return x509.Name([x509.NameAttribute(kinds[k], v) for k, v in values.items()])

USAGES = ["digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
          "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"]
def usage(*set_): return x509.KeyUsage(**{u: u in set_ for u in USAGES})
LEAF, CA = ("digital_signature",), ("key_cert_sign", "crl_sign")

class Identity:
    def __init__(self, cert, key, chain): self.cert, self.key, self.chain = cert, key, chain

def make(subject, key=None, issuer=None, ca=None, path=None, bc_critical=True, ku=None, ku_critical=True, eku=None,
         eku_critical=False, start=START, end=END, hash_=None, more=(), serial=None):
    """A certificate: an authority's (ca=True), or a leaf (ca=None: without basic constraints)."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = name(subject) if isinstance(subject, str) else subject
    builder = (x509.CertificateBuilder().subject_name(subject)
               .issuer_name(issuer.cert.subject if issuer else subject).public_key(key.public_key())
               .serial_number(serial or x509.random_serial_number()).not_valid_before(start).not_valid_after(end))
    if ca is not None: builder = builder.add_extension(x509.BasicConstraints(ca, path), bc_critical)
    if ku is None: ku = CA if ca else LEAF
    if ku: builder = builder.add_extension(usage(*ku), ku_critical)
    if eku: builder = builder.add_extension(x509.ExtendedKeyUsage(eku), eku_critical)
    for extension, critical in more: builder = builder.add_extension(extension, critical)
    signer = issuer.key if issuer else key
    cert = builder.sign(signer, hash_ or hashes.SHA256() if not isinstance(signer, ed25519.Ed25519PrivateKey) else None)
    return Identity(cert, key, [cert] + (issuer.chain if issuer else []))

root = make("Root", ec.generate_private_key(ec.SECP384R1()), ca=True, hash_=hashes.SHA384())
middle = make("Intermediate", issuer=root, ca=True, path=0, hash_=hashes.SHA384())
def leaf(subject="Signer", issuer=middle, **more): return make(subject, issuer=issuer, **more)

signers = {
    "ES256": leaf(), "ES384": leaf(key=ec.generate_private_key(ec.SECP384R1())),
    "ES512": leaf(key=ec.generate_private_key(ec.SECP521R1())),
    "PS256": leaf(key=rsa.generate_private_key(65537, 2048)), "PS384": leaf(key=rsa.generate_private_key(65537, 3072)),
    "PS512": leaf(key=rsa.generate_private_key(65537, 4096), eku=[EKU.CODE_SIGNING]),
}
signer = signers["ES256"]
authority_root = make("Authority Root", ca=True)
authority = leaf("Authority Signer", issuer=authority_root)
untrusted_root = make("Root", ca=True)

# --- signatures

HASHES = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}
def sign(identity, alg, data):
    hash_ = HASHES[alg[2:]]()
    if isinstance(identity.key, ed25519.Ed25519PrivateKey): return identity.key.sign(data)
    if isinstance(identity.key, ec.EllipticCurvePrivateKey):
        size = (identity.key.curve.key_size + 7) // 8
        r, s = utils.decode_dss_signature(identity.key.sign(data, ec.ECDSA(hash_)))
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")
    if alg.startswith("RS"): return identity.key.sign(data, padding.PKCS1v15(), hash_)
    return identity.key.sign(data, padding.PSS(padding.MGF1(hash_), hash_.digest_size), hash_)

manifest = b'{"schemaVersion":2}'
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
TARGET = dict(mediaType=MANIFEST_TYPE, digest="sha256:" + hashlib.sha256(manifest).hexdigest(), size=len(manifest))
def payload(**changes): return json.dumps({"targetArtifact": {**TARGET, **changes}}).encode()

P = "io.cncf.notary."
PAYLOAD_TYPE = "application/vnd.cncf.notary.payload.v1+json"
DROP = object()

def headers(alg, changes, time):
    header = {"alg": alg, "cty": PAYLOAD_TYPE, "crit": [P + "signingScheme"], P + "signingScheme": "notary.x509",
              P + "signingTime": time}
    header.update(changes)
    return {k: v for k, v in header.items() if v is not DROP}

def by_authority(time): return {P + "signingScheme": "notary.x509.signingAuthority", P + "signingTime": DROP,
                                P + "authenticSigningTime": time,
                                "crit": [P + "signingScheme", P + "authenticSigningTime"]}

def jws(identity=signer, alg="ES256", body=None, chain=None, header=None, text=None, unsigned=None, stamp=None, **changes):
    """changes: what is done to the members of the envelope when it is made."""
    protected = text or json.dumps(headers(alg, header or {}, "2026-05-01T00:00:00Z"))
    first, second = url(protected.encode()), url(body or payload())
    signature = sign(identity, alg if alg[2:] in HASHES else "ES256", f"{first}.{second}".encode())
    outer = {"x5c": [b64(der(c)) for c in (chain or identity.chain)], P + "signingAgent": "python"}
    if stamp: outer[P + "timestampSignature"] = b64(stamp(signature))
    outer.update(unsigned or {})
    envelope = {"payload": second, "protected": first, "header": outer, "signature": url(signature)}
    envelope.update(changes)
    return json.dumps(envelope).encode()

COSE = {"ES256": -7, "ES384": -35, "ES512": -36, "PS256": -37, "PS384": -38, "PS512": -39}
SIGNED_AT = 1777593600

def cose(identity=signer, alg="ES256", body=None, header=None, unsigned=None, raw=None, stamp=None, tag=18,
         sign_with=None, label=None, time=cbor2.CBORTag(1, SIGNED_AT)):
    fields = {1: label if label is not None else COSE[alg], 2: [P + "signingScheme"], 3: PAYLOAD_TYPE,
              P + "signingScheme": "notary.x509", P + "signingTime": time}
    fields.update(header or {})
    protected = raw or cbor2.dumps({k: v for k, v in fields.items() if v is not DROP}, canonical=True)
    body = body or payload()
    signature = sign(identity, sign_with or alg, cbor2.dumps(["Signature1", protected, b"", body]))
    outer = {33: [der(c) for c in identity.chain], P + "signingAgent": "python"}
    if stamp: outer[P + "timestampSignature"] = stamp(signature)
    outer.update(unsigned or {})
    outer = {k: v for k, v in outer.items() if v is not DROP}
    parts = [protected, outer, body, signature]
    return cbor2.dumps(cbor2.CBORTag(tag, parts) if tag else parts)

# --- time stamps

tsa_root = make("TSA Root", rsa.generate_private_key(65537, 2048), ca=True, start=day("2020-01-01"), end=day("2040-01-01"))
def tsa_leaf(**more):
    options = dict(eku=[EKU.TIME_STAMPING], eku_critical=True, start=day("2020-01-01"), end=day("2040-01-01"))
    options.update(more)
    return make("TSA", issuer=options.pop("issuer", tsa_root), **options)
tsa = tsa_leaf()

def token(message, by=tsa, at="2026-05-02", imprint=None, imprint_hash="sha256", accuracy=None, ess=True, ess_hash=None,
          certs=None, info_change=None, digest=None, signed_type="tst_info", signature=None, sid=None, policy="1.2.3.4",
          twice=False, digest_algorithm="sha256"):
    imprint = imprint or hashlib.new(imprint_hash, message).digest()
    info = tsp.TSTInfo({"version": 1, "policy": policy, "serial_number": 7, "gen_time": day(at),
        "message_imprint": {"hash_algorithm": {"algorithm": imprint_hash}, "hashed_message": imprint}})
    if accuracy: info["accuracy"] = tsp.Accuracy(accuracy)
    content = info.dump()
    cert = asn1x509.Certificate.load(der(by.cert))
    attributes = [
        cms.CMSAttribute({"type": "content_type", "values": [signed_type]}),
        cms.CMSAttribute({"type": "message_digest", "values": [digest or hashlib.sha256(content).digest()]})]
    if ess:
        attributes.append(cms.CMSAttribute({"type": "signing_certificate_v2", "values": [tsp.SigningCertificateV2({
            "certs": [tsp.ESSCertIDv2({"cert_hash": ess_hash or hashlib.sha256(der(by.cert)).digest()})]})]}))
    if twice: attributes.append(attributes[1])
    signed = cms.CMSAttributes(attributes)
    if isinstance(by.key, rsa.RSAPrivateKey):
        value, algorithm = by.key.sign(signed.dump(), padding.PKCS1v15(), hashes.SHA256()), "rsassa_pkcs1v15"
    else:
        value, algorithm = by.key.sign(signed.dump(), ec.ECDSA(hashes.SHA256())), "sha256_ecdsa"
    other = asn1x509.Certificate.load(der(sid.cert)) if sid else cert
    if info_change: content = content.replace(*info_change)
    data = cms.SignedData({
        "version": "v3", "digest_algorithms": [{"algorithm": digest_algorithm}],
        "encap_content_info": {"content_type": "tst_info", "content": core.ParsableOctetString(content)},
        "certificates": [asn1x509.Certificate.load(der(c)) for c in (by.chain if certs is None else certs)],
        "signer_infos": [{
            "version": "v1", "sid": cms.SignerIdentifier({"issuer_and_serial_number": {
                "issuer": other.issuer, "serial_number": other.serial_number}}),
            "digest_algorithm": {"algorithm": digest_algorithm}, "signed_attrs": signed,
            "signature_algorithm": {"algorithm": algorithm}, "signature": signature or value}]})
    return cms.ContentInfo({"content_type": "signed_data", "content": data}).dump()

def stamp(**options): return lambda signature: token(signature, **options)

# --- cases

cases = {}
def case(label, envelope, media="application/jose+json"): cases[label] = dict(envelope=b64(envelope), mediaType=media)
def case_cose(label, envelope): case(label, envelope, "application/cose")

for algorithm, identity in signers.items():
    case("jws " + algorithm, jws(identity, algorithm))
    case_cose("cose " + algorithm, cose(identity, algorithm))
self_signed = make("Self-signed")
case("self-signed", jws(self_signed))
case("annotated", jws(body=payload(annotations={"a": "b"})))
EXPIRING = {P + "expiry": "2026-06-15T02:00:00+02:00", "crit": [P + "signingScheme", P + "expiry"]}
case("expiring", jws(header=EXPIRING))
case("zone", jws(header={P + "signingTime": "2026-05-01T02:00:00.5+02:00"}))
case("by an authority", jws(authority, header=by_authority("2026-05-01T00:00:00Z")))
case("by an authority too early", jws(authority, header=by_authority("2025-05-01T00:00:00Z")))
case("by an authority too late", jws(authority, header=by_authority("2028-05-01T00:00:00Z")))
case("unknown header", jws(header={"com.example": 1}, unsigned={"com.example.other": 2}))
case_cose("cose by an authority", cose(authority, header={
    P + "signingScheme": "notary.x509.signingAuthority", P + "signingTime": DROP,
    P + "authenticSigningTime": cbor2.CBORTag(1, SIGNED_AT), 2: [P + "signingScheme", P + "authenticSigningTime"]}))
case_cose("cose expiring", cose(header={P + "expiry": cbor2.CBORTag(1, 1781481600), 2: [P + "signingScheme", P + "expiry"]}))
case_cose("cose signed chain", cose(header={33: [der(c) for c in signer.chain]}, unsigned={33: DROP}))
case_cose("cose unknown header", cose(header={"com.example": 1.5, 99: [None, True, {"a": b"b"}]}))

good = json.loads(jws())
other = json.loads(jws(body=payload(digest="sha256:" + "0" * 64)))
def changed(**members): return json.dumps({**good, **members}).encode()
def flipped(text): return ("B" if text[-9] == "A" else "A").join([text[:-9], text[-8:]])
case("changed payload", changed(payload=url(payload(size=1))))
case("changed header", changed(protected=url(json.dumps(headers("ES256", {}, "2026-05-01T00:00:01Z")).encode())))
case("changed signature", changed(signature=flipped(good["signature"])))
case("swapped signature", changed(signature=other["signature"]))
case("cut signature", changed(signature=url(base64.urlsafe_b64decode(good["signature"] + "==")[:-1])))
case("empty signature", changed(signature=""))
case("der signature", changed(signature=url(signer.key.sign(f"{good['protected']}.{good['payload']}".encode(), ec.ECDSA(hashes.SHA256())))))
case("cut", json.dumps(good).encode()[:-20])
case("other digest", jws(body=payload(digest="sha256:" + "0" * 64)))
case("other size", jws(body=payload(size=5)))
case("other type", jws(body=payload(mediaType="application/vnd.oci.image.index.v1+json")))
case("weak digest", jws(body=payload(digest="md5:" + "0" * 32)))
case("size as text", jws(body=payload(size=str(len(manifest)))))
case("no target", jws(body=b'{"target":1}'))
case("payload twice", jws(body=payload()[:-2] + b',"digest":"sha256:' + b"0" * 64 + b'"}}'))
case("payload no json", jws(body=b"hello"))
case("other certificate", jws(chain=signers["ES384"].chain))
case("other key", jws(chain=leaf().chain))
case("empty", b"")
case("array", b"[]")
case("envelope twice", json.dumps(good).encode()[:-1] + b',"payload":"' + good["payload"].encode() + b'"}')
case("header twice", jws(text='{"alg":"none",' + json.dumps(headers("ES256", {}, "2026-05-01T00:00:00Z"))[1:]))
case("two signatures", changed(signatures=[{"signature": good["signature"]}]))
case("compact", ".".join(good[k] for k in ["protected", "payload", "signature"]).encode())
case("padded", changed(signature=good["signature"] + "=="))
case("standard alphabet", changed(signature=good["signature"][:-2] + "+/"))
case("line end in base64", changed(payload=good["payload"] + "\n"))
case("loose base64", changed(signature=good["signature"][:-1] + ("B" if good["signature"][-1] == "A" else chr(ord(good["signature"][-1]) + 1))))
case("nested", b"[" * 100000)
case("signed and not", jws(unsigned={"cty": PAYLOAD_TYPE}))

case("alg none", jws(alg="none"))
case("alg HS256", jws(alg="HS256"))
case("alg RS256", jws(signers["PS256"], "RS256"))
case("alg ES384 for P-256", jws(alg="ES384"))
case("alg PS384 for 2048", jws(signers["PS256"], "PS384"))
case("alg of another kind", jws(signers["ES256"], alg="PS256", header={"alg": "PS256"}))
case("alg missing", jws(header={"alg": DROP}))

for label, header in {
    "no crit": {"crit": DROP}, "empty crit": {"crit": []}, "crit twice": {"crit": [P + "signingScheme"] * 2},
    "crit unknown": {"crit": [P + "signingScheme", "exp"], "exp": 1}, "crit not there": {"crit": [P + "signingScheme", P + "expiry"]},
    "crit number": {"crit": [P + "signingScheme", 1]}, "crit b64": {"crit": [P + "signingScheme", "b64"], "b64": False},
    "expiry not critical": {P + "expiry": "2026-06-15T00:00:00Z"},
    "scheme unknown": {P + "signingScheme": "notary.x509.other"}, "scheme missing": {P + "signingScheme": DROP},
    "time missing": {P + "signingTime": DROP}, "time no time": {P + "signingTime": "yesterday"}, "time number": {P + "signingTime": 1},
    "both times": {P + "authenticSigningTime": "2026-05-01T00:00:00Z", "crit": [P + "signingScheme", P + "authenticSigningTime"]},
    "authority without time": {P + "signingScheme": "notary.x509.signingAuthority"},
    "expired before": {P + "expiry": "2026-04-15T00:00:00Z", "crit": [P + "signingScheme", P + "expiry"]},
    "plugin": {P + "verificationPlugin": "com.example", "crit": [P + "signingScheme", P + "verificationPlugin"]},
    "plugin not critical": {P + "verificationPlugin": "com.example"},
    "plugin version": {P + "verificationPluginMinVersion": "1.0.0"},
    "other content type": {"cty": "application/json"}, "no content type": {"cty": DROP},
}.items(): case(label, jws(header=header))

for label, options in {
    "no digitalSignature": dict(ku=("content_commitment",)), "keyEncipherment": dict(ku=("digital_signature", "key_encipherment")),
    "leaf with keyCertSign": dict(ku=("digital_signature", "key_cert_sign")), "leaf with cRLSign": dict(ku=("digital_signature", "crl_sign")),
    "keyAgreement": dict(ku=("digital_signature", "key_agreement", "encipher_only")),
    "no key usage": dict(ku=()), "key usage not critical": dict(ku_critical=False), "leaf is authority": dict(ca=True, ku=LEAF),
    "serverAuth": dict(eku=[EKU.CODE_SIGNING, EKU.SERVER_AUTH]), "anyExtendedKeyUsage": dict(eku=[EKU.ANY_EXTENDED_KEY_USAGE]),
    "timeStamping": dict(eku=[EKU.TIME_STAMPING]), "emailProtection": dict(eku=[EKU.EMAIL_PROTECTION]), "clientAuth": dict(eku=[EKU.CLIENT_AUTH]),
    "OCSPSigning": dict(eku=[EKU.OCSP_SIGNING]),
}.items(): case(label, jws(leaf(**options)))
case("not an authority's", jws(leaf(ca=False)))
case("unknown purpose", jws(leaf(eku=[OID("1.3.6.1.4.1.99999.1")])))
# The specification has other extensions not looked at, critical or not.
case("unknown extension", jws(leaf(more=[(x509.UnrecognizedExtension(OID("1.3.6.1.4.1.99999.2"), b"\5\0"), True)])))
case("Ed25519", jws(leaf(key=ed25519.Ed25519PrivateKey.generate())))
case("P-224", jws(leaf(key=ec.generate_private_key(ec.SECP224R1())), "ES256"))
case("RSA 2560", jws(leaf(key=rsa.generate_private_key(65537, 2560)), "PS256"))
case("RSA 1024", jws(leaf(key=rsa.generate_private_key(65537, 1024)), "PS256"))
case("no basic constraints", jws(leaf(issuer=make("Bad CA", issuer=root, ku=CA))))
case("basic constraints not critical", jws(leaf(issuer=make("Bad CA", issuer=root, ca=True, bc_critical=False))))
case("issued by a leaf", jws(leaf(issuer=make("Bad CA", issuer=middle, ca=False, ku=LEAF))))
case("no keyCertSign", jws(leaf(issuer=make("Bad CA", issuer=root, ca=True, ku=("crl_sign",)))))
case("CA usage not critical", jws(leaf(issuer=make("Bad CA", issuer=root, ca=True, ku_critical=False))))
case("path too long", jws(leaf(issuer=make("Bad CA", issuer=middle, ca=True))))
case("no root", jws(chain=signer.chain[:-1]))
case("only the leaf", jws(chain=signer.chain[:1]))
case("wrong order", jws(chain=[signer.chain[0], signer.chain[2], signer.chain[1]]))
case("root twice", jws(chain=signer.chain + signer.chain[-1:]))
case("unrelated certificate", jws(chain=signer.chain + [self_signed.cert]))
case("root of the same name", jws(chain=signer.chain[:2] + [untrusted_root.cert]))
case("no chain", jws(unsigned={"x5c": []}))
case("chain of numbers", jws(unsigned={"x5c": [1]}))
case("chain of garbage", jws(unsigned={"x5c": [b64(b"garbage")]}))
case("long chain", jws(chain=signer.chain[:1] * 11))
case("cut certificate", jws(unsigned={"x5c": [b64(der(signer.cert)[:-1])]}))
case("untrusted", jws(leaf(issuer=untrusted_root)))
case("ca for an authority", jws(header=by_authority("2026-05-01T00:00:00Z")))
case("authority as ca", jws(authority))
case("other organization", jws(leaf(name("Signer", o="Acme"))))
case("other state", jws(leaf(x509.Name([*list(name("Signer"))[:1], x509.NameAttribute(NameOID.STATE_OR_PROVINCE_NAME, "OR"), *list(name("Signer"))[2:]]))))
case("organization twice", jws(leaf(x509.Name([*name("Signer"), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Acme")]))))
case("two names in one", jws(leaf(x509.Name([*[x509.RelativeDistinguishedName([a]) for a in list(name("Signer"))[:3]], x509.RelativeDistinguishedName([
    x509.NameAttribute(NameOID.COMMON_NAME, "Signer"), x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "x")])]))))
case("more in the name", jws(leaf(x509.Name([*name("Signer"), x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "Tools"),
    x509.NameAttribute(NameOID.EMAIL_ADDRESS, "a@example.com")]))))
case("short-lived", jws(leaf(start=day("2026-04-01"), end=day("2026-05-15"))))
case("early", jws(leaf(start=day("2026-07-01"))))
case("expired intermediate", jws(leaf(issuer=make("Old CA", issuer=root, ca=True, end=day("2026-05-15")))))

def with_sha1(identity, issuer):
    cert = asn1x509.Certificate.load(der(identity.cert))
    tbs = cert["tbs_certificate"].copy()
    tbs["signature"] = {"algorithm": "sha1_ecdsa"}
    signature = issuer.key.sign(tbs.dump(force=True), ec.ECDSA(hashes.SHA1()))
    new = asn1x509.Certificate({"tbs_certificate": tbs, "signature_algorithm": {"algorithm": "sha1_ecdsa"}, "signature_value": signature})
    return Identity(x509.load_der_x509_certificate(new.dump()), identity.key, [x509.load_der_x509_certificate(new.dump())] + issuer.chain)
case("SHA-1", jws(with_sha1(signer, middle)))
rsa_root = make("RSA Root", signers["PS256"].key, ca=True)
def rsa_sha1():
    identity = make("SHA-1", issuer=rsa_root)
    cert = asn1x509.Certificate.load(der(identity.cert))
    tbs = cert["tbs_certificate"].copy()
    tbs["signature"] = {"algorithm": "sha1_rsa"}
    new = asn1x509.Certificate({"tbs_certificate": tbs, "signature_algorithm": {"algorithm": "sha1_rsa"},
        "signature_value": rsa_root.key.sign(tbs.dump(force=True), padding.PKCS1v15(), hashes.SHA1())})
    cert = x509.load_der_x509_certificate(new.dump())
    return Identity(cert, identity.key, [cert, rsa_root.cert])
case("SHA-1 with RSA", jws(rsa_sha1()))
case("RSA root", jws(make("Signer", issuer=rsa_root)))

cose_good = cose()
tagged = cbor2.loads(cose_good)
def recoded(change):
    parts = list(cbor2.loads(cose_good).value)
    change(parts)
    return cbor2.dumps(cbor2.CBORTag(18, parts))
def put(index, value):
    def change(parts): parts[index] = value
    return recoded(change)
case_cose("cose changed payload", put(2, payload(size=1)))
case_cose("cose changed header", put(0, bytes([tagged.value[0][0] + 1]) + tagged.value[0][1:] + cbor2.dumps("x") + cbor2.dumps(1)))
case_cose("cose swapped signature", put(3, cbor2.loads(cose(body=payload(size=1))).value[3]))
case_cose("cose cut signature", put(3, tagged.value[3][:-1]))
case_cose("cose without payload", put(2, None))
case_cose("cose untagged", cose(tag=0))
case_cose("cose other tag", cose(tag=98))
case_cose("cose cut", cose_good[:-1])
case_cose("cose and more", cose_good + b"\0")
case_cose("cose indefinite", cose_good[:1] + b"\x9f" + cose_good[2:] + b"\xff")
case_cose("cose long number", cose_good[:1] + b"\x98\x04" + cose_good[2:])
case_cose("cose huge length", b"\xd2\x84\x5b" + b"\xff" * 8)
case_cose("cose huge array", b"\xd2\x9b" + b"\x7f" * 8)
case_cose("cose nested", b"\x81" * 100000)
case_cose("cose algorithm of P-384", cose(label=-35, sign_with="ES384"))
case_cose("cose algorithm unknown", cose(label=-8))
case_cose("cose algorithm as text", cose(label="ES256"))
key_twice = bytes([0xa6]) + cbor2.dumps(1) + cbor2.dumps(-35) + cbor2.dumps(cbor2.loads(tagged.value[0]))[1:]
case_cose("cose key twice", cose(raw=key_twice))
case_cose("cose signed and not", cose(unsigned={3: "x"}))
case_cose("cose header no map", cose(raw=cbor2.dumps([1])))
case_cose("cose crit number", cose(header={2: [P + "signingScheme", 1]}))
case_cose("cose crit missing", cose(header={2: DROP}))
case_cose("cose crit unknown", cose(header={2: [P + "signingScheme", "x"], "x": 1}))
case_cose("cose time untagged", cose(time=SIGNED_AT))
case_cose("cose time as text", cose(time=cbor2.CBORTag(0, "2026-05-01T00:00:00Z")))
case_cose("cose time with fraction", cose(time=cbor2.CBORTag(1, 1777593600.5)))
case_cose("cose time far away", cose(time=cbor2.CBORTag(1, 2**62)))
case_cose("cose plugin", cose(header={P + "verificationPlugin": "x", 2: [P + "signingScheme", P + "verificationPlugin"]}))
case_cose("cose chain of texts", cose(unsigned={33: ["x"]}))
case_cose("cose one certificate", cose(unsigned={33: der(signer.cert)}))
case_cose("cose as json", jws())
case("json as cose", cose_good)
case("other media type", jws(), "application/octet-stream")

old = leaf(start=day("2026-04-01"), end=day("2026-05-15"))
case("stamped", jws(old, stamp=stamp()))
case("stamped by RSA", jws(old, stamp=stamp(by=tsa_leaf(key=signers["PS256"].key))))
case("stamped with an intermediate", jws(old, stamp=stamp(by=tsa_leaf(issuer=make("TSA CA", issuer=tsa_root, ca=True)))))
case("stamped without root", jws(old, stamp=stamp(certs=[tsa.cert])))
case("stamped with unrelated", jws(old, stamp=stamp(certs=[*tsa.chain, self_signed.cert])))
case_cose("cose stamped", cose(old, stamp=stamp()))
case("stamped SHA-512", jws(old, stamp=stamp(imprint_hash="sha512", accuracy={"seconds": 1, "millis": 500, "micros": 7})))
case("stamped at the end", jws(old, stamp=stamp(at="2026-05-15T00:00:00")))
case("stamped at the end roughly", jws(old, stamp=stamp(at="2026-05-15T00:00:00", accuracy={"seconds": 1})))
case("stamped at the end by baseline", jws(old, stamp=stamp(at="2026-05-15T00:00:00", policy="0.4.0.2023.1.1")))
case("stamped late", jws(old, stamp=stamp(at="2026-05-20")))
case("stamped early", jws(old, stamp=stamp(at="2026-03-20")))
for label, options in {
    "for another": dict(imprint=b"\0" * 32), "by SHA-1": dict(imprint_hash="sha1"), "no ESS": dict(ess=False), "other ESS": dict(ess_hash=b"\0" * 32),
    "without certificate": dict(certs=[tsa_root.cert]), "changed time": dict(info_change=(b"20260502000000Z", b"20260503000000Z")),
    "other digest": dict(digest=b"\0" * 32), "other content": dict(signed_type="data"), "broken": dict(signature=b"\0" * 70),
    "other signer": dict(sid=tsa_root), "attribute twice": dict(twice=True), "hash mismatch": dict(digest_algorithm="sha384"),
    "untrusted": dict(by=tsa_leaf(issuer=make("TSA Root", ca=True, end=day("2040-01-01")))),
    "purpose not critical": dict(by=tsa_leaf(eku_critical=False)), "more purposes": dict(by=tsa_leaf(eku=[EKU.TIME_STAMPING, EKU.CODE_SIGNING])),
    "no purpose": dict(by=tsa_leaf(eku=None)), "expired authority": dict(by=tsa_leaf(end=day("2026-01-01"))),
    "authority to come": dict(by=tsa_leaf(start=day("2026-05-10"))), "wrong usage": dict(by=tsa_leaf(ku=("content_commitment",))),
    "no authority": dict(by=tsa_leaf(issuer=make("TSA CA", issuer=tsa_root, ca=False, ku=CA))),
    "critical extension": dict(by=tsa_leaf(more=[(x509.UnrecognizedExtension(OID("1.3.6.1.4.1.99999.2"), b"\5\0"), True)])),
    "as a CA": dict(by=leaf("Not a TSA", eku=[EKU.TIME_STAMPING], eku_critical=True)),
}.items(): case("stamped " + label, jws(old, stamp=stamp(**options)))
ring_key = ec.generate_private_key(ec.SECP256R1())
ring = [make("Ring", ring_key, ca=True, start=day("2020-01-01"), end=day("2040-01-01")) for _ in range(14)]
in_ring = tsa_leaf(issuer=ring[0])
case("stamped by a ring", jws(old, stamp=stamp(by=in_ring, certs=[in_ring.cert] + [c.cert for c in ring])))
case("stamped garbage", jws(old, unsigned={P + "timestampSignature": b64(b"garbage")}))
case("stamped nothing", jws(old, unsigned={P + "timestampSignature": ""}))
case("stamped number", jws(old, unsigned={P + "timestampSignature": 1}))
case("stamped over content", jws(old, stamp=lambda _: token(payload())))

# --- revocation

CDP = (x509.CRLDistributionPoints([x509.DistributionPoint([x509.UniformResourceIdentifier("http://crl.example/ca")], None, None, None)]), False)
OCSP = (x509.AuthorityInformationAccess([x509.AccessDescription(x509.AuthorityInformationAccessOID.OCSP,
    x509.UniformResourceIdentifier("http://ocsp.example"))]), False)
revocable = leaf("Revocable", more=[CDP], serial=4711)
case("revocable", jws(revocable))
case("stamped and revocable", jws(revocable, stamp=stamp()))
case("revocable by OCSP", jws(leaf("Revocable", more=[OCSP], serial=4712)))
revocable_authority = leaf("Authority Signer", issuer=authority_root, more=[CDP], serial=4713)
case("revocable authority", jws(revocable_authority, header=by_authority("2026-05-01T00:00:00Z")))
revocable_tsa = tsa_leaf(more=[CDP], serial=4714)
case("stamped revocable", jws(old, stamp=stamp(by=revocable_tsa)))
revocable_middle = make("Revocable CA", issuer=root, ca=True, more=[CDP], serial=4715)
case("revocable intermediate", jws(leaf(issuer=revocable_middle)))

def crl(issuer, *entries, at="2026-05-20", until="2026-06-20", by=None, more=(), hash_=None):
    builder = (x509.CertificateRevocationListBuilder().issuer_name(issuer.cert.subject).last_update(day(at)).next_update(day(until)))
    for serial, extensions in entries:
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(day("2026-05-10"))
        for extension, critical in extensions: entry = entry.add_extension(extension, critical)
        builder = builder.add_revoked_certificate(entry.build())
    for extension, critical in more: builder = builder.add_extension(extension, critical)
    return builder.sign((by or issuer).key, hash_ or hashes.SHA256()).public_bytes(serialization.Encoding.DER)

compromise = (x509.CRLReason(x509.ReasonFlags.key_compromise), False)
hold = (x509.CRLReason(x509.ReasonFlags.certificate_hold), False)
crls = {
    "empty": crl(middle), "other": crl(middle, (99, [])), "revoked": crl(middle, (99, []), (4711, [compromise])),
    "hold": crl(middle, (4711, [hold])), "old": crl(middle, at="2026-04-01", until="2026-05-01"),
    "old revoked": crl(middle, (4711, []), at="2026-04-01", until="2026-05-01"), "early": crl(middle, at="2026-07-01", until="2026-08-01"),
    "forged": crl(middle, by=untrusted_root), "other name": crl(root), "intermediate revoked": crl(root, (4715, [])),
    "authority revoked": crl(authority_root, (4713, [])),
    "authority revoked later": crl(authority_root, (4713, [(x509.InvalidityDate(datetime.datetime(2026, 5, 5)), False)])),
    "authority revoked before": crl(authority_root, (4713, [(x509.InvalidityDate(datetime.datetime(2026, 4, 5)), False)])),
    "leaf revoked later": crl(middle, (4711, [(x509.InvalidityDate(datetime.datetime(2026, 5, 5)), False)])),
    "leaf revoked before": crl(middle, (4711, [(x509.InvalidityDate(datetime.datetime(2026, 5, 1)), False)])),
    "twice": crl(authority_root, (4713, [(x509.InvalidityDate(datetime.datetime(2026, 5, 5)), False)]), (4713, [])),
    "tsa": crl(tsa_root), "tsa revoked": crl(tsa_root, (4714, [])),
    "delta": crl(middle, more=[(x509.DeltaCRLIndicator(1), True)]),
    "partial": crl(middle, more=[(x509.IssuingDistributionPoint(None, None, True, False, None, False, False), True)]),
    "indirect entry": crl(middle, (4711, [(x509.CertificateIssuer([x509.DirectoryName(root.cert.subject)]), True)])),
    "numbered": crl(middle, more=[(x509.CRLNumber(7), False)]),
    "garbage": b"garbage", "cut": crl(middle)[:-1],
}
no_next = asn1crl.CertificateList.load(crl(middle))
tbs = no_next["tbs_cert_list"].copy()
del tbs["next_update"]
no_next["tbs_cert_list"] = tbs
crls["no next"] = no_next.dump(force=True)

def by_openssl():
    """A time stamp that openssl makes, at the real present."""
    real = datetime.datetime.now(utc)
    ca = make("OpenSSL TSA Root", rsa.generate_private_key(65537, 2048), ca=True, start=real - datetime.timedelta(1), end=real + datetime.timedelta(9))
    by = make("OpenSSL TSA", rsa.generate_private_key(65537, 2048), issuer=ca, eku=[EKU.TIME_STAMPING], eku_critical=True,
              start=real - datetime.timedelta(1), end=real + datetime.timedelta(9))
    stamped = {}
    with tempfile.TemporaryDirectory() as directory:
        def write(file, data):
            with open(f"{directory}/{file}", "wb") as out: out.write(data)
        write("tsa.pem", pem(by.cert).encode()); write("chain.pem", pem(ca.cert).encode()); write("serial", b"01\n"); write("data", b"stamped content")
        write("key.pem", by.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        write("ts.cnf", b"[tsa]\ndefault_tsa = t\n[t]\nserial = serial\nsigner_cert = tsa.pem\ncerts = chain.pem\nsigner_key = key.pem\n"
              b"signer_digest = sha256\ndefault_policy = 1.2.3.4.1\ndigests = sha256, sha384, sha512\naccuracy = secs:1, millisecs:500\n"
              b"ordering = yes\ntsa_name = yes\ness_cert_id_alg = sha256\n")
        for label, flags in {"with certificates": ["-cert"], "without": []}.items():
            for command in (["-query", "-data", "data", "-sha384", "-out", "q", *flags],
                            ["-reply", "-config", "ts.cnf", "-queryfile", "q", "-token_out", "-out", "token"]):
                subprocess.run(["openssl", "ts", *command], cwd=directory, check=True, capture_output=True)
            with open(f"{directory}/token", "rb") as token_file: stamped[label] = b64(token_file.read())
    return dict(tokens=stamped, root=pem(ca.cert), certificate=pem(by.cert), content="stamped content", at=real.timestamp())

keys = {algorithm: dict(
    key=identity.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode(),
    traditional=identity.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()).decode(),
    chain="".join(pem(c) for c in identity.chain)) for algorithm, identity in signers.items()}

json.dump(dict(
    manifest=dict(mediaType=MANIFEST_TYPE, digest=TARGET["digest"], size=TARGET["size"]), cases=cases,
    stores={"ca:main": pem(root.cert), "ca:self": pem(self_signed.cert), "ca:intermediate": pem(middle.cert), "ca:rsa": pem(rsa_root.cert),
            "signingAuthority:main": pem(authority_root.cert), "tsa:main": pem(tsa_root.cert)},
    leafPEM=pem(signer.cert), rootDER=b64(der(root.cert)), tsaIntermediate=pem(make("TSA CA", issuer=tsa_root, ca=True).cert),
    crls={label: b64(data) for label, data in crls.items()}, openssl=by_openssl(), keys=keys,
    sealedToken=b64(token(b"message")), sealedRoot=pem(tsa_root.cert),
), sys.stdout)
