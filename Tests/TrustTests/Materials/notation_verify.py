"""Verifies the notation signature in JSON that it reads, without policy or trust; fails, or says what it found."""
import base64, json, sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, utils

def unurl(text):
    assert "=" not in text
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))

envelope = json.load(sys.stdin)
assert set(envelope) == {"payload", "protected", "header", "signature"}
header, payload = json.loads(unurl(envelope["protected"])), json.loads(unurl(envelope["payload"]))
chain = [x509.load_der_x509_certificate(base64.b64decode(c, validate=True)) for c in envelope["header"]["x5c"]]
for certificate, issuer in zip(chain, chain[1:] + chain[-1:]): certificate.verify_directly_issued_by(issuer)

N = "io.cncf.notary."
assert header["cty"] == "application/vnd.cncf.notary.payload.v1+json" and header[N + "signingScheme"] == "notary.x509"
assert sorted(header["crit"]) == sorted(k for k in header if k in (N + "signingScheme", N + "expiry"))
key, algorithm, signature = chain[0].public_key(), header["alg"], unurl(envelope["signature"])
hash_ = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}[algorithm[2:]]()
data = (envelope["protected"] + "." + envelope["payload"]).encode()
if algorithm.startswith("ES"):
    half = (key.curve.key_size + 7) // 8
    assert len(signature) == 2 * half
    r, s = (int.from_bytes(signature[i:i + half], "big") for i in (0, half))
    key.verify(utils.encode_dss_signature(r, s), data, ec.ECDSA(hash_))
else:
    key.verify(signature, data, padding.PSS(padding.MGF1(hash_), hash_.digest_size), hash_)
json.dump(dict(digest=payload["targetArtifact"]["digest"], algorithm=algorithm, time=header[N + "signingTime"],
               expiry=header[N + "expiry"], agent=envelope["header"][N + "signingAgent"]), sys.stdout)
