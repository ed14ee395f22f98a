"""A large registry without pushing it: rows written straight into kontor.sqlite, as the server would have.

The tables are those of Sources/Storage/Schema.swift. The blobs have rows but no files: nothing that is measured on
this store reads them, and the sweep at the server's start only looks for files without rows.
"""

import json
import sqlite3
import time

from client import MANIFEST_TYPE, digest_of, image_manifest
from servers import BenchmarkError

BLOBS_PER_MANIFEST = 10
MANIFESTS_PER_REPOSITORY = 100
MANIFEST_BYTES = 1800
TAG_REPOSITORY = "bench/tags"


def repository_name(index):
    return f"bench/image-{index:04}"


def tag_name(index):
    return f"v{index:07}"


class SyntheticStore:
    """What `fill` wrote, for those who check answers against it."""

    def __init__(self, manifests, tags):
        self.manifests = manifests
        self.tags = tags

    @property
    def links(self):
        return self.manifests * BLOBS_PER_MANIFEST

    def manifest(self, index):
        """The content of a manifest: always the same for the same index."""
        first = index * BLOBS_PER_MANIFEST
        return image_manifest(
            [(_blob_digest(blob), _size(blob)) for blob in range(first, first + BLOBS_PER_MANIFEST)],
            MANIFEST_BYTES)

    def manifest_path(self, index):
        repository, tag = divmod(index, MANIFESTS_PER_REPOSITORY)
        return f"/v2/{repository_name(repository)}/manifests/{tag_name(tag)}"


def _blob_digest(blob):
    return digest_of(f"blob {blob}".encode())


def _size(blob):
    return 1000 + blob % 100_000


def fill(database, store):
    """Fills the database of a stopped server, whose tables exist and are empty.

    Every manifest has a repository's link to each of its blobs and a tag; one more repository has a manifest with
    all of `store.tags`.
    """
    connection = sqlite3.connect(database, isolation_level=None)
    try:
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -1000000", "foreign_keys = OFF"):
            connection.execute("PRAGMA " + pragma)
        connection.execute("BEGIN")
        _fill_images(connection, store)
        _fill_tags(connection, store)
        connection.execute("COMMIT")
        _check(connection, store)
        connection.execute("PRAGMA journal_mode = WAL")
    finally:
        connection.close()


def _fill_images(connection, store):
    now = int(time.time())
    repositories = range((store.manifests + MANIFESTS_PER_REPOSITORY - 1) // MANIFESTS_PER_REPOSITORY)
    connection.executemany(
        "INSERT INTO repository (id, name) VALUES (?, ?)", ((i + 1, repository_name(i)) for i in repositories))
    connection.executemany(
        "INSERT INTO blob (id, digest, size) VALUES (?, ?, ?)",
        ((i + 1, _blob_digest(i), _size(i)) for i in range(store.links)))
    for i in range(store.manifests):
        _insert_manifest(
            connection, i + 1, i // MANIFESTS_PER_REPOSITORY + 1, store.manifest(i),
            range(i * BLOBS_PER_MANIFEST + 1, (i + 1) * BLOBS_PER_MANIFEST + 1), now)
    _insert_tags(
        connection,
        ((i // MANIFESTS_PER_REPOSITORY, i % MANIFESTS_PER_REPOSITORY, i + 1) for i in range(store.manifests)), now)


def _fill_tags(connection, store):
    now = int(time.time())
    repository, manifest = store.manifests + 1, store.manifests + 1
    connection.execute("INSERT INTO repository (id, name) VALUES (?, ?)", (repository, TAG_REPOSITORY))
    # The same content as another repository's: that shares its blobs.
    content = store.manifest(0)
    _insert_manifest(connection, manifest, repository, content, range(1, BLOBS_PER_MANIFEST + 1), now)
    digest = digest_of(content)
    connection.executemany(
        "INSERT INTO tag (repository_id, name, manifest_id, moved_at) VALUES (?, ?, ?, ?)",
        ((repository, tag_name(i), manifest, now) for i in range(store.tags)))
    connection.executemany(
        "INSERT INTO tag_history (repository, tag, digest, moved_at) VALUES (?, ?, ?, ?)",
        ((TAG_REPOSITORY, tag_name(i), digest, now) for i in range(store.tags)))


def _insert_manifest(connection, manifest, repository, content, blobs, now):
    annotations = json.dumps(json.loads(content)["annotations"], separators=(",", ":"))
    connection.execute(
        "INSERT INTO manifest (id, repository_id, digest, media_type, size, annotations, pushed_at, content) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (manifest, repository, digest_of(content), MANIFEST_TYPE, len(content), annotations, now, content))
    connection.executemany(
        "INSERT INTO repository_blob (repository_id, blob_id) VALUES (?, ?)", ((repository, blob) for blob in blobs))
    connection.executemany(
        "INSERT INTO manifest_blob (manifest_id, blob_id, repository_id) VALUES (?, ?, ?)",
        ((manifest, blob, repository) for blob in blobs))


def _insert_tags(connection, tags, now):
    for repository, tag, manifest in tags:
        connection.execute(
            "INSERT INTO tag (repository_id, name, manifest_id, moved_at) VALUES (?, ?, ?, ?)",
            (repository + 1, tag_name(tag), manifest, now))
        connection.execute(
            "INSERT INTO tag_history (repository, tag, digest, moved_at) "
            "SELECT ?, ?, digest, ? FROM manifest WHERE id = ?",
            (repository_name(repository), tag_name(tag), now, manifest))


def _check(connection, store):
    """The rows must be what the measurements say they are, and consistent."""
    def count(table):
        return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]

    if count("manifest") < store.manifests or count("repository_blob") < store.links or count("tag") < store.tags:
        raise BenchmarkError("the synthetic store lacks rows")
    if broken := connection.execute("PRAGMA foreign_key_check").fetchone():
        raise BenchmarkError(f"the synthetic store is inconsistent: {broken}")
