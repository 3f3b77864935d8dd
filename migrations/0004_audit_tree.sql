-- The trail proves itself: a Merkle tree over the stored lines (RFC 6962), the keys that sign its heads, and the signed heads.

-- One row: how many entries the tree has, and the perfect subtrees that it is made of, largest first, 32 bytes each.
-- Updated in the transaction of the entries. NULL: the tree is still to be built, in the transaction of this migration.
CREATE TABLE audit_tree (
    tree_key INTEGER PRIMARY KEY CHECK (tree_key = 1),
    size INTEGER NOT NULL CHECK (size >= 0),
    frontier BLOB CHECK (length(frontier) % 32 = 0)
) STRICT;

-- Hashes of complete subtrees, so that a proof reads a few rows. Tile (level, tile_index) holds up to 256 hashes of
-- subtrees of 256^level leaves each. Level 0 is written when it is full; the leaves after it are in the lines.
CREATE TABLE audit_tiles (
    level INTEGER NOT NULL CHECK (level BETWEEN 0 AND 6),
    tile_index INTEGER NOT NULL CHECK (tile_index >= 0),
    hashes BLOB NOT NULL CHECK (length(hashes) BETWEEN 32 AND 8192 AND length(hashes) % 32 = 0),
    PRIMARY KEY (level, tile_index),
    CHECK (level > 0 OR length(hashes) = 8192)
) STRICT, WITHOUT ROWID;

-- Public keys whose checkpoints this store makes, one row for each epoch and key.
CREATE TABLE audit_keys (
    epoch TEXT NOT NULL CHECK (length(epoch) = 16),
    public_key TEXT NOT NULL CHECK (length(public_key) = 64 AND public_key NOT GLOB '*[^0-9a-f]*'),
    verifier_key TEXT NOT NULL,       -- C2SP signed-note form: name+hash+base64
    seq INTEGER NOT NULL REFERENCES audit_entries (seq),
    PRIMARY KEY (epoch, public_key)
) STRICT, WITHOUT ROWID;

-- Signed heads (C2SP tlog-checkpoint notes), one row for each size, epoch and key.
CREATE TABLE audit_checkpoints (
    size INTEGER NOT NULL CHECK (size >= 0),
    epoch TEXT NOT NULL,
    public_key TEXT NOT NULL,
    note TEXT NOT NULL,
    PRIMARY KEY (size, epoch, public_key),
    FOREIGN KEY (epoch, public_key) REFERENCES audit_keys (epoch, public_key)
) STRICT, WITHOUT ROWID;

-- What the clocks said at the first entry since the machine started: a clock that jumps ahead later is told by it.
CREATE TABLE audit_clock (
    clock_key INTEGER PRIMARY KEY CHECK (clock_key = 1),
    boot_id TEXT NOT NULL,
    boottime_ms INTEGER NOT NULL,     -- CLOCK_BOOTTIME
    seen_at TEXT NOT NULL             -- the system's clock at that moment
) STRICT;

-- Guards, as in 0002.
CREATE TRIGGER guard_audit_tree_insert AFTER INSERT ON audit_tree BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_audit_tree_update AFTER UPDATE ON audit_tree BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_audit_tree_delete AFTER DELETE ON audit_tree BEGIN SELECT custody_writer(); END;

CREATE TRIGGER guard_audit_tiles_insert AFTER INSERT ON audit_tiles BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_audit_tiles_update AFTER UPDATE ON audit_tiles BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_audit_tiles_delete AFTER DELETE ON audit_tiles BEGIN SELECT custody_writer(); END;

CREATE TRIGGER guard_audit_keys_insert AFTER INSERT ON audit_keys BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_audit_keys_update AFTER UPDATE ON audit_keys BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_audit_keys_delete AFTER DELETE ON audit_keys BEGIN SELECT custody_writer(); END;

CREATE TRIGGER guard_audit_checkpoints_insert AFTER INSERT ON audit_checkpoints BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_audit_checkpoints_update AFTER UPDATE ON audit_checkpoints BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_audit_checkpoints_delete AFTER DELETE ON audit_checkpoints BEGIN SELECT custody_writer(); END;

CREATE TRIGGER guard_audit_clock_insert AFTER INSERT ON audit_clock BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_audit_clock_update AFTER UPDATE ON audit_clock BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_audit_clock_delete AFTER DELETE ON audit_clock BEGIN SELECT custody_writer(); END;

-- A tree only grows.
CREATE TRIGGER audit_tree_only_grows BEFORE UPDATE ON audit_tree WHEN NEW.size < OLD.size BEGIN
    SELECT raise(ABORT, 'the audit tree never shrinks');
END;
CREATE TRIGGER audit_tree_no_delete BEFORE DELETE ON audit_tree BEGIN
    SELECT raise(ABORT, 'the audit tree is never deleted');
END;
CREATE TRIGGER audit_tiles_only_grow BEFORE UPDATE ON audit_tiles
WHEN NEW.level <> OLD.level OR NEW.tile_index <> OLD.tile_index
    OR substr(NEW.hashes, 1, length(OLD.hashes)) IS NOT OLD.hashes BEGIN
    SELECT raise(ABORT, 'hashes of the audit tree are never changed');
END;
CREATE TRIGGER audit_tiles_no_delete BEFORE DELETE ON audit_tiles BEGIN
    SELECT raise(ABORT, 'hashes of the audit tree are never deleted');
END;
CREATE TRIGGER audit_keys_no_update BEFORE UPDATE ON audit_keys BEGIN SELECT raise(ABORT, 'keys are never changed'); END;
CREATE TRIGGER audit_keys_no_delete BEFORE DELETE ON audit_keys BEGIN SELECT raise(ABORT, 'keys are never deleted'); END;
CREATE TRIGGER audit_checkpoints_no_update BEFORE UPDATE ON audit_checkpoints BEGIN
    SELECT raise(ABORT, 'checkpoints are never changed');
END;
CREATE TRIGGER audit_checkpoints_no_delete BEFORE DELETE ON audit_checkpoints BEGIN
    SELECT raise(ABORT, 'checkpoints are never deleted');
END;

-- As in 0002, and AFTER, so that the columns that come from the line are computed once. What is in the tree isn't replaced.
DROP TRIGGER audit_entries_next_seq;
CREATE TRIGGER audit_entries_next_seq AFTER INSERT ON audit_entries
WHEN NEW.seq <> (SELECT max(seq) FROM audit_entries)
    OR NEW.seq > 1 AND NOT EXISTS (SELECT 1 FROM audit_entries WHERE seq = NEW.seq - 1)
    OR NEW.seq <= (SELECT size FROM audit_tree) BEGIN
    SELECT raise(ABORT, 'the next audit entry has the next number');
END;

INSERT INTO audit_tree (tree_key, size, frontier) VALUES (1, 0, NULL);
UPDATE store SET min_reader = 4, min_writer = 4;
