-- Retention: how long payloads of a type are kept, and under which policy one went.

-- One row for each type that has a policy. Who set it, when and why is in the entry that set it.
CREATE TABLE retention_policies (
    artifact_type TEXT NOT NULL PRIMARY KEY REFERENCES artifact_types (artifact_type),
    days INTEGER NOT NULL CHECK (days >= 0),
    when_descendants_completed INTEGER NOT NULL CHECK (when_descendants_completed IN (0, 1)),
    seq INTEGER NOT NULL REFERENCES audit_entries (seq)  -- the entry that set it
) STRICT, WITHOUT ROWID;

-- Guards, as in 0002.
CREATE TRIGGER guard_retention_policies_insert AFTER INSERT ON retention_policies BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_retention_policies_update AFTER UPDATE ON retention_policies BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_retention_policies_delete AFTER DELETE ON retention_policies BEGIN SELECT custody_writer(); END;

CREATE VIEW review_retention AS
SELECT p.artifact_type, t.sensitivity, p.days, p.when_descendants_completed,
       CASE WHEN json_extract(e.line, '$.details.reason') IS NOT NULL THEN coalesce(
           (SELECT o.text FROM audit_openings AS o WHERE o.seq = p.seq AND o.pointer = '/details/reason'),
           'withdrawn') END AS reason,
       e.user AS set_by, e.timestamp AS set_at, p.seq
FROM retention_policies AS p
JOIN artifact_types AS t USING (artifact_type)
JOIN audit_entries AS e ON e.seq = p.seq;

-- As in 0003, and the policy and the reason. Where a removal under a policy gives no reason of its own, the policy's is shown.
DROP VIEW review_removals;
CREATE VIEW review_removals AS
SELECT r.artifact_id, r.artifact_type, r.status, r.created_at, r.removed_at, r.removed_by, r.os_user, r.on_behalf_of, r.purpose,
       r.older_than_days, r.file_size, r.checksum, r.seq, r.policy_seq, r.when_descendants_completed,
       CASE WHEN r.reason_seq IS NOT NULL THEN coalesce(
           (SELECT o.text FROM audit_openings AS o WHERE o.seq = r.reason_seq AND o.pointer = '/details/reason'),
           'withdrawn') END AS reason
FROM (
    SELECT a.artifact_id, a.artifact_type, a.status, a.created_at, a.removed_at, e.user AS removed_by,
           json_extract(e.line, '$.agent.os_user') AS os_user,
           json_extract(e.line, '$.on_behalf_of') AS on_behalf_of, json_extract(e.line, '$.purpose') AS purpose,
           json_extract(e.line, '$.details.older_than_days') AS older_than_days,
           a.file_size, a.checksum, e.seq,
           json_extract(e.line, '$.details.policy_seq') AS policy_seq,
           json_extract(e.line, '$.details.when_descendants_completed') AS when_descendants_completed,
           CASE WHEN json_extract(e.line, '$.details.reason') IS NOT NULL THEN e.seq
                ELSE (SELECT p.seq FROM audit_entries AS p
                      WHERE p.seq = json_extract(e.line, '$.details.policy_seq')
                        AND json_extract(p.line, '$.details.reason') IS NOT NULL) END AS reason_seq
    FROM artifacts AS a
    LEFT JOIN audit_entries AS e
        ON e.artifact_id = a.artifact_id AND e.operation = 'artifact_cleanup' AND e.action = 'remove_old' AND e.outcome = 'done'
    WHERE a.removed_at IS NOT NULL
) AS r;

-- As in 0003, and when a read that was imported happened.
DROP VIEW review_access;
CREATE VIEW review_access AS
SELECT e.timestamp, e.occurred_at, e.action, e.user, json_extract(e.line, '$.agent.os_user') AS os_user,
       json_extract(e.line, '$.on_behalf_of') AS on_behalf_of, json_extract(e.line, '$.purpose') AS purpose,
       json_extract(e.line, '$.agent.program') AS program, json_extract(e.line, '$.agent.host') AS host,
       e.artifact_id, a.artifact_type, t.sensitivity, e.run_id, a.checksum, e.seq
FROM audit_entries AS e
CROSS JOIN artifacts AS a ON a.artifact_id = e.artifact_id
JOIN artifact_types AS t USING (artifact_type)
WHERE e.operation = 'artifact_access' AND e.action IN ('get_file', 'checkout', 'stream') AND e.outcome = 'done';

-- A large file that comes again is compared with those of its size, instead of being written. Small ones are not worth the pages.
CREATE INDEX payloads_by_size ON payloads (size_bytes) WHERE size_bytes >= 1048576;

-- Whether anything still needs a payload, and whether identified artifacts have it, by one look for each type: content such as an
-- empty file is shared by any number of artifacts.
DROP INDEX artifacts_checksum;
CREATE INDEX artifacts_checksum ON artifacts (checksum, artifact_type, removed_at) WHERE checksum IS NOT NULL;

-- Artifacts that have a payload, in the order of their keys: what cleanup goes through, past any number of those that had one.
CREATE INDEX artifacts_present ON artifacts (removed_at) WHERE checksum IS NOT NULL AND removed_at IS NULL;

-- Programs of version 4 would go on writing to a schema that they can't compare; reading is as before.
UPDATE store SET min_writer = 5;
