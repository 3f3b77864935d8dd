-- The catalog: what there is, what it was made from, who did what.
-- Text ids are public; *_key columns are row numbers and stay inside. Times are UTC text,
-- 2026-11-23T02:07:16.146392+00:00, so that text sorts as time does.

-- One row: what this store is.
CREATE TABLE store (
    store_key INTEGER PRIMARY KEY CHECK (store_key = 1),
    store_id TEXT NOT NULL CHECK (length(store_id) = 36),
    epoch TEXT NOT NULL CHECK (length(epoch) = 16),
    created_at TEXT NOT NULL,
    payload_root TEXT,                -- where blobs/ and trash/ are; NULL: in storage/
    group_access INTEGER NOT NULL CHECK (group_access IN (0, 1)),
    phi_guard TEXT NOT NULL CHECK (phi_guard IN ('reject', 'off')),
    min_reader INTEGER NOT NULL,      -- oldest schema version whose programs may read this store
    min_writer INTEGER NOT NULL       -- oldest schema version whose programs may write to it
) STRICT;

CREATE TABLE schema_migrations (
    version INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
    applied_at TEXT NOT NULL
) STRICT;

CREATE TABLE artifact_types (
    artifact_type TEXT NOT NULL PRIMARY KEY
        CHECK (artifact_type GLOB '[a-z]*' AND artifact_type NOT GLOB '*[^a-z0-9_]*' AND length(artifact_type) <= 63),
    sensitivity TEXT NOT NULL CHECK (sensitivity IN ('identified', 'deidentified', 'neutral')),
    built_in INTEGER NOT NULL CHECK (built_in IN (0, 1))
) STRICT, WITHOUT ROWID;

-- One row for each content; several artifacts may share it.
CREATE TABLE payloads (
    digest TEXT NOT NULL PRIMARY KEY CHECK (length(digest) = 64),
    size_bytes INTEGER NOT NULL CHECK (size_bytes >= 0),
    state TEXT NOT NULL CHECK (state IN ('present', 'removed')),
    mtime_ns INTEGER NOT NULL,        -- of the file, when its content was last known to be good
    verified_at TEXT NOT NULL         -- when its bytes were last hashed and found good
) STRICT, WITHOUT ROWID;

CREATE TABLE runs (
    run_key INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL UNIQUE CHECK (length(run_id) = 36),
    status TEXT NOT NULL CHECK (status IN ('in_progress', 'completed', 'failed')),
    started_at TEXT NOT NULL,
    ended_at TEXT,
    end_reason TEXT CHECK (end_reason IN ('ended', 'abandoned', 'lost', 'expired')),
    user TEXT NOT NULL,
    on_behalf_of TEXT,
    purpose TEXT,
    configuration TEXT,               -- a JSON object, as it was given
    configuration_salt BLOB CHECK (configuration_salt IS NULL OR length(configuration_salt) = 16),
    error_message TEXT,
    -- The process that owns the run, so that a later one can tell that it died; or when the run expires.
    host TEXT NOT NULL,
    boot_id TEXT,
    pid_namespace INTEGER,
    pid INTEGER,
    pid_started_ticks INTEGER,
    expires_at TEXT,
    CHECK ((status = 'in_progress') = (ended_at IS NULL)),
    CHECK ((ended_at IS NULL) = (end_reason IS NULL)),
    CHECK ((pid IS NULL) = (expires_at IS NOT NULL))
) STRICT;

CREATE INDEX runs_status ON runs (status);

CREATE TABLE artifacts (
    artifact_key INTEGER PRIMARY KEY,
    artifact_id TEXT NOT NULL UNIQUE CHECK (length(artifact_id) = 36),
    artifact_type TEXT NOT NULL REFERENCES artifact_types (artifact_type),
    -- Not as a list, which each INSERT would make an index of.
    status TEXT NOT NULL CHECK (status = 'pending' OR status = 'in_progress' OR status = 'completed'
        OR status = 'failed' OR status = 'archived'),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    processing_module TEXT,
    processing_version TEXT,
    file_name TEXT,
    file_name_salt BLOB CHECK (file_name_salt IS NULL OR length(file_name_salt) = 16),
    file_size INTEGER CHECK (file_size >= 0),
    checksum TEXT REFERENCES payloads (digest),
    metadata TEXT,                    -- a JSON object, as it was given
    metadata_salt BLOB CHECK (metadata_salt IS NULL OR length(metadata_salt) = 16),
    error_message TEXT,
    request_key TEXT,
    removed_at TEXT,                  -- tombstone: when cleanup removed the payload
    CHECK ((checksum IS NULL) = (file_size IS NULL)),
    CHECK (removed_at IS NULL OR checksum IS NOT NULL)
) STRICT;

CREATE INDEX artifacts_type_status ON artifacts (artifact_type, status);
CREATE INDEX artifacts_created_at ON artifacts (created_at);
CREATE INDEX artifacts_checksum ON artifacts (checksum) WHERE checksum IS NOT NULL;
CREATE UNIQUE INDEX artifacts_request_key ON artifacts (request_key) WHERE request_key IS NOT NULL;

-- What a run made (output) and what it used that was made elsewhere (input).
CREATE TABLE run_artifacts (
    run_key INTEGER NOT NULL REFERENCES runs (run_key),
    role TEXT NOT NULL CHECK (role IN ('input', 'output')),
    artifact_key INTEGER NOT NULL REFERENCES artifacts (artifact_key),
    PRIMARY KEY (run_key, role, artifact_key)
) STRICT, WITHOUT ROWID;

CREATE INDEX run_artifacts_artifact ON run_artifacts (artifact_key, role);

-- output was made from source; ordinal keeps the order in which an output's sources were linked.
CREATE TABLE lineage_edges (
    output_key INTEGER NOT NULL REFERENCES artifacts (artifact_key),
    ordinal INTEGER NOT NULL CHECK (ordinal >= 1),
    source_key INTEGER NOT NULL REFERENCES artifacts (artifact_key),
    relationship TEXT NOT NULL
        CHECK (relationship GLOB '[a-z]*' AND relationship NOT GLOB '*[^a-z0-9_]*' AND length(relationship) <= 63),
    created_at TEXT NOT NULL,
    PRIMARY KEY (output_key, ordinal),
    CHECK (output_key <> source_key)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX lineage_edges_source ON lineage_edges (source_key, output_key, relationship);

CREATE TABLE holds (
    hold_id INTEGER PRIMARY KEY,
    artifact_key INTEGER NOT NULL REFERENCES artifacts (artifact_key),
    reason TEXT,
    placed_by TEXT NOT NULL,
    placed_at TEXT NOT NULL,
    removed_by TEXT,
    removed_at TEXT,
    CHECK ((removed_by IS NULL) = (removed_at IS NULL))
) STRICT;

CREATE INDEX holds_active ON holds (artifact_key) WHERE removed_at IS NULL;

-- The trail. A line is canonical JSON (RFC 8785); every other column is computed from it, so SQL can't say
-- something else than what was written. json_valid comes first so that one damaged row doesn't hide the others.
CREATE TABLE audit_entries (
    seq INTEGER PRIMARY KEY CHECK (seq >= 1),
    line TEXT NOT NULL,
    entry_id TEXT AS (CASE WHEN json_valid(line) THEN json_extract(line, '$.entry_id') END) VIRTUAL,
    timestamp TEXT AS (CASE WHEN json_valid(line) THEN json_extract(line, '$.timestamp') END) VIRTUAL,
    occurred_at TEXT AS (CASE WHEN json_valid(line) THEN
        coalesce(json_extract(line, '$.details.occurred_at'), json_extract(line, '$.timestamp')) END) VIRTUAL,
    operation TEXT AS (CASE WHEN json_valid(line) THEN json_extract(line, '$.operation') END) VIRTUAL,
    action TEXT AS (CASE WHEN json_valid(line) THEN json_extract(line, '$.action') END) VIRTUAL,
    outcome TEXT AS (CASE WHEN json_valid(line) THEN json_extract(line, '$.outcome') END) VIRTUAL,
    success INTEGER AS (CASE WHEN json_valid(line) THEN json_extract(line, '$.success') END) VIRTUAL,
    user TEXT AS (CASE WHEN json_valid(line) THEN json_extract(line, '$.user') END) VIRTUAL,
    module TEXT AS (CASE WHEN json_valid(line) THEN json_extract(line, '$.module') END) VIRTUAL,
    artifact_id TEXT AS (CASE WHEN json_valid(line) THEN json_extract(line, '$.artifact_id') END) VIRTUAL,
    run_id TEXT AS (CASE WHEN json_valid(line) THEN json_extract(line, '$.run_id') END) VIRTUAL
) STRICT;

CREATE INDEX audit_entries_artifact ON audit_entries (artifact_id) WHERE artifact_id IS NOT NULL;
CREATE INDEX audit_entries_run ON audit_entries (run_id) WHERE run_id IS NOT NULL;
CREATE INDEX audit_entries_timestamp ON audit_entries (timestamp);
-- Errors: what failed, was refused, or was to change something that is not there.
CREATE INDEX audit_entries_errors ON audit_entries (operation) WHERE success = 0 AND outcome <> 'done';

-- Free texts that stand in a line as sha256:<hex> of SHA-256(salt || text). Withdrawing a text deletes its row.
CREATE TABLE audit_openings (
    seq INTEGER NOT NULL REFERENCES audit_entries (seq),
    pointer TEXT NOT NULL,            -- JSON pointer (RFC 6901) into the line
    salt BLOB NOT NULL CHECK (length(salt) = 16),
    text TEXT NOT NULL,
    PRIMARY KEY (seq, pointer)
) STRICT, WITHOUT ROWID;

-- Counters. Whoever changes what they count changes them in the same transaction; `custody verify` recomputes them.
CREATE TABLE artifact_counts (
    artifact_type TEXT NOT NULL,
    status TEXT NOT NULL,
    artifact_count INTEGER NOT NULL CHECK (artifact_count >= 0),
    PRIMARY KEY (artifact_type, status)
) STRICT, WITHOUT ROWID;

CREATE TABLE payload_counts (
    state TEXT NOT NULL PRIMARY KEY,
    payload_count INTEGER NOT NULL CHECK (payload_count >= 0),
    size_bytes INTEGER NOT NULL CHECK (size_bytes >= 0)
) STRICT, WITHOUT ROWID;

-- What is built in. Identified: says who a patient is, or may.
INSERT INTO artifact_types (artifact_type, sensitivity, built_in) VALUES
    ('audio_deid', 'deidentified', 1),
    ('audio_phi_intervals', 'identified', 1),
    ('audio_raw', 'identified', 1),
    ('audio_transcript', 'identified', 1),
    ('log', 'neutral', 1),
    ('metadata', 'neutral', 1),
    ('text_deid', 'deidentified', 1),
    ('text_raw', 'identified', 1),
    ('video_deid', 'deidentified', 1),
    ('video_keypoints', 'identified', 1),
    ('video_raw', 'identified', 1);
