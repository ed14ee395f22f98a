import GRDB

/// The tables of `kontor.sqlite` and how they came about. A migration that has been released is never changed.
///
/// Times are seconds since 1970. Digests are whole texts, so that `sqlite3` shows what an operator looks for.
enum Schema {
  static var migrator: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("1 registry") { database in
      try database.execute(
        sql: """
          CREATE TABLE repository (
            id INTEGER PRIMARY KEY,
            name TEXT NOT NULL UNIQUE
          );

          -- Content known by digest. state: 0 on disk; 1 damaged, taken away by scrub until it is pushed again;
          -- 2 never pushed, only referred to by a sparse manifest.
          CREATE TABLE blob (
            id INTEGER PRIMARY KEY,
            digest TEXT NOT NULL UNIQUE,
            size INTEGER NOT NULL,
            state INTEGER NOT NULL DEFAULT 0,
            -- Since when no repository links it; NULL while one does.
            unlinked_since INTEGER
          );
          CREATE INDEX blob_unlinked ON blob(unlinked_since) WHERE unlinked_since IS NOT NULL;

          -- Which repository gives access to which blob.
          CREATE TABLE repository_blob (
            repository_id INTEGER NOT NULL REFERENCES repository(id),
            blob_id INTEGER NOT NULL REFERENCES blob(id),
            -- Since when no manifest of the repository refers to it, or when a client was last told that it
            -- exists; NULL while one does.
            unreferenced_since INTEGER,
            PRIMARY KEY (repository_id, blob_id)
          ) WITHOUT ROWID;
          CREATE INDEX repository_blob_blob ON repository_blob(blob_id);
          CREATE INDEX repository_blob_unreferenced ON repository_blob(unreferenced_since)
            WHERE unreferenced_since IS NOT NULL;

          CREATE TABLE manifest (
            id INTEGER PRIMARY KEY,
            repository_id INTEGER NOT NULL REFERENCES repository(id),
            digest TEXT NOT NULL,
            media_type TEXT NOT NULL,
            size INTEGER NOT NULL,
            artifact_type TEXT,
            subject TEXT,
            -- A JSON object; NULL for none. Kept beside the content for the referrers API.
            annotations TEXT,
            pushed_at INTEGER NOT NULL,
            content BLOB NOT NULL,
            UNIQUE (repository_id, digest)
          );
          CREATE INDEX manifest_subject ON manifest(repository_id, subject, id) WHERE subject IS NOT NULL;

          -- What keeps blobs: the manifests that refer to them.
          CREATE TABLE manifest_blob (
            manifest_id INTEGER NOT NULL REFERENCES manifest(id) ON DELETE CASCADE,
            blob_id INTEGER NOT NULL REFERENCES blob(id),
            repository_id INTEGER NOT NULL,
            PRIMARY KEY (manifest_id, blob_id)
          ) WITHOUT ROWID;
          CREATE INDEX manifest_blob_blob ON manifest_blob(blob_id, repository_id);

          CREATE TABLE tag (
            repository_id INTEGER NOT NULL REFERENCES repository(id),
            name TEXT NOT NULL,
            manifest_id INTEGER NOT NULL REFERENCES manifest(id),
            moved_at INTEGER NOT NULL,
            PRIMARY KEY (repository_id, name)
          ) WITHOUT ROWID;
          CREATE INDEX tag_manifest ON tag(manifest_id);

          -- Every move of every tag; a NULL digest is its deletion.
          CREATE TABLE tag_history (
            id INTEGER PRIMARY KEY,
            repository TEXT NOT NULL,
            tag TEXT NOT NULL,
            digest TEXT,
            moved_at INTEGER NOT NULL
          );
          CREATE INDEX tag_history_tag ON tag_history(repository, tag, id);

          CREATE TABLE upload (
            id TEXT PRIMARY KEY,
            repository TEXT NOT NULL,
            algorithm TEXT NOT NULL,
            started_at INTEGER NOT NULL
          ) WITHOUT ROWID;
          """)
    }
    migrator.registerMigration("2 appc") { database in
      try database.execute(
        sql: """
          -- ACIs that were made of images. The manifest keeps the blob, by a row of manifest_blob.
          CREATE TABLE converted_aci (
            manifest_id INTEGER NOT NULL REFERENCES manifest(id) ON DELETE CASCADE,
            -- As the ACI's manifest has them.
            name TEXT NOT NULL,
            version TEXT NOT NULL,
            -- Of the way to convert: what another one made is made anew.
            revision INTEGER NOT NULL,
            blob_id INTEGER NOT NULL REFERENCES blob(id),
            image_id TEXT NOT NULL,
            -- The labels; NULL for none.
            os TEXT,
            arch TEXT,
            -- Armored, and the fingerprint of its key; NULL for none.
            signature TEXT,
            signed_by TEXT,
            PRIMARY KEY (manifest_id, name, version)
          ) WITHOUT ROWID;
          CREATE INDEX converted_aci_blob ON converted_aci(blob_id);
          """)
    }
    migrator.registerMigration("3 trust") { database in
      try database.execute(
        sql: """
          -- A number that changes with whatever verdicts in the repository rest on.
          ALTER TABLE repository ADD COLUMN trust_basis INTEGER NOT NULL DEFAULT 0;

          -- What a policy said of a manifest. All of a repository's go when what they rest on changes.
          CREATE TABLE verdict (
            repository_id INTEGER NOT NULL REFERENCES repository(id),
            manifest_id INTEGER NOT NULL REFERENCES manifest(id) ON DELETE CASCADE,
            -- By which the manifest was asked for; empty for its digest.
            tag TEXT NOT NULL,
            -- Of the policy.
            revision TEXT NOT NULL,
            -- Why it is refused; NULL if it is allowed.
            refusal TEXT,
            judged_at INTEGER NOT NULL,
            -- NULL for ever.
            valid_until INTEGER,
            PRIMARY KEY (repository_id, manifest_id, tag)
          ) WITHOUT ROWID;
          CREATE INDEX verdict_manifest ON verdict(manifest_id);

          -- Signatures that are in no manifest: simple signing's.
          CREATE TABLE signature (
            id INTEGER PRIMARY KEY,
            manifest_id INTEGER NOT NULL REFERENCES manifest(id) ON DELETE CASCADE,
            -- As its maker calls it.
            name TEXT NOT NULL,
            content BLOB NOT NULL,
            UNIQUE (manifest_id, name)
          );
          """)
    }
    migrator.registerMigration("4 tag lists") { database in
      try database.execute(
        sql: """
          -- The last signed list of a repository's tags.
          CREATE TABLE tag_list (
            id INTEGER PRIMARY KEY,
            -- A name: versions go on when a repository goes and comes back.
            repository TEXT NOT NULL UNIQUE,
            version INTEGER NOT NULL,
            expires_at INTEGER NOT NULL,
            -- The signing key, and what the registry is called in the list.
            signer TEXT NOT NULL,
            -- The repository's trust_basis when its tags were read; NULL if they may be others without another basis.
            basis INTEGER,
            -- Of the tags with their manifests.
            tags_digest TEXT NOT NULL,
            content BLOB NOT NULL
          );
          """)
    }
    migrator.registerMigration("5 access") { database in
      try database.execute(
        sql: """
          CREATE TABLE user (
            id INTEGER PRIMARY KEY,
            name TEXT NOT NULL UNIQUE,
            -- Its bcrypt hash.
            password TEXT NOT NULL,
            -- A line each.
            groups TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            -- The password.
            changed_at INTEGER NOT NULL
          );

          -- What programs use instead of a password.
          CREATE TABLE api_token (
            -- The part of the token that may be known.
            id TEXT PRIMARY KEY,
            name TEXT NOT NULL UNIQUE,
            -- SHA-256 of the secret.
            hash TEXT NOT NULL,
            -- A line each: patterns, and what may be done there.
            repositories TEXT NOT NULL,
            actions TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            -- NULL for never.
            expires_at INTEGER
          ) WITHOUT ROWID;

          -- Docker's refresh tokens.
          CREATE TABLE refresh_token (
            -- SHA-256.
            hash TEXT PRIMARY KEY,
            subject TEXT NOT NULL,
            expires_at INTEGER NOT NULL
          ) WITHOUT ROWID;
          CREATE INDEX refresh_token_subject ON refresh_token(subject);

          -- The keys that sign Docker's tokens, the newest last.
          CREATE TABLE token_key (
            id INTEGER PRIMARY KEY,
            pem TEXT NOT NULL,
            created_at INTEGER NOT NULL
          );
          """)
    }
    migrator.registerMigration("6 usage") { database in
      try database.execute(
        sql: """
          -- What repositories below a prefix hold together, of those that quotas asked for.
          CREATE TABLE usage (
            -- Empty for all repositories.
            prefix TEXT PRIMARY KEY,
            bytes INTEGER NOT NULL,
            tags INTEGER NOT NULL
          ) WITHOUT ROWID;
          """)
    }
    migrator.registerMigration("7 mirror") { database in
      try database.execute(
        sql: """
          -- What upstreams said that tags mean.
          CREATE TABLE mirrored_tag (
            -- Names: they stay when a repository goes.
            repository TEXT NOT NULL,
            tag TEXT NOT NULL,
            upstream TEXT NOT NULL,
            digest TEXT NOT NULL,
            -- When it was said last.
            checked_at INTEGER NOT NULL,
            PRIMARY KEY (repository, tag)
          ) WITHOUT ROWID;

          -- Manifests that came from upstreams, which may go.
          CREATE TABLE mirrored_manifest (
            manifest_id INTEGER PRIMARY KEY REFERENCES manifest(id) ON DELETE CASCADE,
            pulled_at INTEGER NOT NULL
          );
          CREATE INDEX mirrored_manifest_pulled ON mirrored_manifest(pulled_at);
          """)
    }
    migrator.registerMigration("8 replication") { database in
      try database.execute(
        sql: """
          -- What rules of replication brought where, so that it need not be asked for again.
          CREATE TABLE replicated_tag (
            rule TEXT NOT NULL,
            -- Registry and repository there, or whatever else the source calls it.
            source TEXT NOT NULL,
            tag TEXT NOT NULL,
            -- What it meant there: a digest, or what else tells one state from another.
            source_state TEXT NOT NULL,
            -- Empty for this one.
            target_registry TEXT NOT NULL,
            target TEXT NOT NULL,
            target_tag TEXT NOT NULL,
            target_digest TEXT NOT NULL,
            -- Whether the rule made the tag mean that; not if it did already.
            is_brought INTEGER NOT NULL,
            copied_at INTEGER NOT NULL,
            PRIMARY KEY (rule, source, tag)
          ) WITHOUT ROWID;
          CREATE INDEX replicated_tag_target ON replicated_tag(target_registry, target, target_tag);

          -- The last run of each rule.
          CREATE TABLE replication_run (
            rule TEXT PRIMARY KEY,
            started_at INTEGER NOT NULL,
            ended_at INTEGER NOT NULL,
            checked INTEGER NOT NULL,
            copied INTEGER NOT NULL,
            deleted INTEGER NOT NULL,
            failed INTEGER NOT NULL,
            blobs INTEGER NOT NULL,
            bytes INTEGER NOT NULL,
            -- Why it ended early, or what failed first; NULL if all is well.
            failure TEXT,
            -- When all was well the last time; NULL for never.
            succeeded_at INTEGER
          ) WITHOUT ROWID;
          """)
    }
    return migrator
  }
}
