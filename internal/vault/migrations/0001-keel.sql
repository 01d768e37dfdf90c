-- Every column is declared in docs/data-registry.toml. Keys are wrapped under
-- the vault key of key_number, which is in the key file and made anew each day.

CREATE TABLE keys (
  name       TEXT NOT NULL CHECK (name IN ('login', 'pepper')),
  version    INTEGER NOT NULL CHECK (version > 0),
  key_number INTEGER NOT NULL,
  wrapped    BLOB NOT NULL,
  created    INTEGER NOT NULL,
  PRIMARY KEY (name, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE people (
  uid           BLOB NOT NULL PRIMARY KEY CHECK (length(uid) = 16),
  key_number    INTEGER NOT NULL,
  wrapped       BLOB NOT NULL,
  created       INTEGER NOT NULL,
  closed        INTEGER,
  destroy_after INTEGER,
  batch         BLOB,
  CHECK (destroy_after IS NULL OR closed IS NOT NULL)
) STRICT, WITHOUT ROWID;
CREATE INDEX people_key_number ON people (key_number);
CREATE INDEX people_destroy_after ON people (destroy_after) WHERE destroy_after IS NOT NULL;

-- What was destroyed, so that the brake can count and a uid never comes back.
-- batch is the signed batch that allowed it, NULL under the daily allowance.
CREATE TABLE destroyed (
  uid   BLOB NOT NULL PRIMARY KEY CHECK (length(uid) = 16),
  at    INTEGER NOT NULL,
  batch BLOB
) STRICT, WITHOUT ROWID;
CREATE INDEX destroyed_at ON destroyed (at);

-- Token buckets: one for each uid that tried lately, and one for all.
CREATE TABLE attempts (
  bucket BLOB NOT NULL PRIMARY KEY,
  tokens REAL NOT NULL,
  at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX attempts_at ON attempts (at);

CREATE TABLE roots (
  uid     BLOB NOT NULL,
  class   TEXT NOT NULL,
  counter INTEGER NOT NULL,
  PRIMARY KEY (uid, class),
  FOREIGN KEY (uid) REFERENCES people (uid) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
