-- Every column is declared in docs/data-registry.toml. Times are Unix seconds.
-- The database holds random ids, ciphertext and times: no login, no address.

CREATE TABLE users (
  uid     BLOB NOT NULL PRIMARY KEY CHECK (length(uid) = 16),
  created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A login's row outlives its person with uid NULL, so that an address that is
-- created again is known to be another generation.
CREATE TABLE logins (
  login_id   BLOB NOT NULL PRIMARY KEY CHECK (length(login_id) = 32),
  uid        BLOB REFERENCES users (uid) ON DELETE SET NULL,
  generation INTEGER NOT NULL CHECK (generation > 0),
  changed    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX logins_uid ON logins (uid);

CREATE TABLE slots (
  uid        BLOB NOT NULL REFERENCES users (uid) ON DELETE CASCADE,
  slot       INTEGER NOT NULL CHECK (slot BETWEEN 0 AND 4294967295),
  kind       INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 255),
  generation INTEGER NOT NULL CHECK (generation > 0),
  revision   INTEGER NOT NULL CHECK (revision > 0),
  sealed     BLOB NOT NULL,
  changed    INTEGER NOT NULL,
  PRIMARY KEY (uid, slot)
) STRICT, WITHOUT ROWID;

CREATE TABLE user_keys (
  uid            BLOB NOT NULL PRIMARY KEY REFERENCES users (uid) ON DELETE CASCADE,
  generation     INTEGER NOT NULL CHECK (generation > 0),
  public_key     BLOB NOT NULL,
  sealed_private BLOB NOT NULL,
  changed        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
  hash      BLOB NOT NULL PRIMARY KEY CHECK (length(hash) = 32),
  uid       BLOB NOT NULL REFERENCES users (uid) ON DELETE CASCADE,
  kind      TEXT NOT NULL CHECK (kind IN ('cookie', 'bearer', 'basic')),
  revision  INTEGER NOT NULL CHECK (revision > 0),
  epoch     INTEGER NOT NULL CHECK (epoch > 0),
  sealed    BLOB NOT NULL,
  label     BLOB,
  created   INTEGER NOT NULL,
  last_seen INTEGER NOT NULL,
  expires   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_uid ON sessions (uid);
CREATE INDEX sessions_epoch ON sessions (epoch);
CREATE INDEX sessions_expires ON sessions (expires);

-- The state of one person's class: the last change position given out, the
-- position up to which deletions were forgotten, and the sealed root.
CREATE TABLE classes (
  uid          BLOB NOT NULL REFERENCES users (uid) ON DELETE CASCADE,
  class        TEXT NOT NULL,
  change       INTEGER NOT NULL DEFAULT 0,
  forgotten    INTEGER NOT NULL DEFAULT 0,
  root_counter INTEGER NOT NULL DEFAULT 0,
  root_generation INTEGER NOT NULL DEFAULT 0,
  root_sealed  BLOB,
  PRIMARY KEY (uid, class)
) STRICT, WITHOUT ROWID;

-- No WITHOUT ROWID here: rows are large, and the index on change is small.
CREATE TABLE records (
  uid        BLOB NOT NULL,
  class      TEXT NOT NULL,
  id         BLOB NOT NULL CHECK (length(id) BETWEEN 1 AND 64),
  revision   INTEGER NOT NULL CHECK (revision > 0),
  generation INTEGER NOT NULL CHECK (generation > 0),
  change     INTEGER NOT NULL,
  fence      INTEGER NOT NULL,
  deleted    INTEGER NOT NULL CHECK (deleted IN (0, 1)),
  sealed     BLOB,
  changed    INTEGER NOT NULL,
  PRIMARY KEY (uid, class, id),
  FOREIGN KEY (uid, class) REFERENCES classes (uid, class) ON DELETE CASCADE,
  CHECK ((deleted = 1) = (sealed IS NULL))
) STRICT;
CREATE UNIQUE INDEX records_change ON records (uid, class, change);
CREATE INDEX records_deleted ON records (changed) WHERE deleted = 1;

CREATE TABLE kept_revisions (
  uid        BLOB NOT NULL,
  class      TEXT NOT NULL,
  id         BLOB NOT NULL,
  revision   INTEGER NOT NULL,
  generation INTEGER NOT NULL,
  sealed     BLOB NOT NULL,
  replaced   INTEGER NOT NULL,
  PRIMARY KEY (uid, class, id, revision),
  FOREIGN KEY (uid, class) REFERENCES classes (uid, class) ON DELETE CASCADE
) STRICT;
CREATE INDEX kept_revisions_replaced ON kept_revisions (replaced);

-- A lease's row outlives the lease (node and cell empty), so that fencing
-- numbers only grow.
CREATE TABLE leases (
  uid      BLOB NOT NULL PRIMARY KEY REFERENCES users (uid) ON DELETE CASCADE,
  node     TEXT NOT NULL,
  cell     TEXT NOT NULL,
  fence    INTEGER NOT NULL CHECK (fence > 0),
  acquired INTEGER NOT NULL,
  expires  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX leases_holder ON leases (node, cell);
