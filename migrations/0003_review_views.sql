-- The published interface for reviewers; README.md beside this file documents it column by column. The views
-- need no function that the stock sqlite3 shell lacks. A free text that was withdrawn reads 'withdrawn'; where a status
-- may come without a message, the trail says whether there was one.

CREATE VIEW review_artifacts AS
SELECT a.artifact_id, a.artifact_type, t.sensitivity, a.status, a.created_at, a.updated_at,
       (SELECT r.run_id FROM run_artifacts AS ra JOIN runs AS r USING (run_key)
        WHERE ra.artifact_key = a.artifact_key AND ra.role = 'output') AS run_id,
       a.processing_module, a.processing_version,
       CASE WHEN a.checksum IS NOT NULL THEN coalesce(a.file_name, 'withdrawn') END AS file_name,
       a.file_size, a.checksum,
       'blobs/' || substr(a.checksum, 1, 2) || '/' || a.checksum AS payload_path,
       coalesce(a.metadata, 'withdrawn') AS metadata,
       CASE WHEN a.error_message IS NULL AND a.status = 'failed' AND
           (SELECT json_extract(e.line, '$.details.error_message') FROM audit_entries AS e
            WHERE e.artifact_id = a.artifact_id AND e.operation = 'artifact_update' AND e.outcome = 'done'
            ORDER BY e.seq DESC LIMIT 1) IS NOT NULL
       THEN 'withdrawn' ELSE a.error_message END AS error_message,
       a.request_key, a.removed_at,
       EXISTS (SELECT 1 FROM holds AS h WHERE h.artifact_key = a.artifact_key AND h.removed_at IS NULL) AS on_hold,
       (SELECT count(*) FROM lineage_edges AS e WHERE e.output_key = a.artifact_key) AS source_count,
       (SELECT count(*) FROM lineage_edges AS e WHERE e.source_key = a.artifact_key) AS output_count
FROM artifacts AS a JOIN artifact_types AS t USING (artifact_type);

CREATE VIEW review_runs AS
SELECT r.run_id, r.status, r.started_at, r.ended_at, r.end_reason, r.user, r.on_behalf_of, r.purpose,
       coalesce(r.configuration, 'withdrawn') AS configuration,
       CASE WHEN r.error_message IS NULL AND r.status = 'failed' AND
           (SELECT json_extract(e.line, '$.details.error_message') FROM audit_entries AS e
            WHERE e.run_id = r.run_id AND e.operation = 'processing_run' AND e.action IN ('end', 'lost') AND e.outcome = 'done'
            ORDER BY e.seq DESC LIMIT 1) IS NOT NULL
       THEN 'withdrawn' ELSE r.error_message END AS error_message,
       r.host, r.pid, r.expires_at,
       (SELECT count(*) FROM run_artifacts AS ra WHERE ra.run_key = r.run_key AND ra.role = 'input') AS input_count,
       (SELECT count(*) FROM run_artifacts AS ra WHERE ra.run_key = r.run_key AND ra.role = 'output') AS output_count,
       (SELECT count(*) FROM audit_entries AS e
        WHERE e.run_id = r.run_id AND e.success = 0 AND e.outcome <> 'done') AS error_count
FROM runs AS r;

CREATE VIEW review_lineage AS
SELECT o.artifact_id, o.artifact_type, o.status, s.artifact_id AS source_artifact_id,
       s.artifact_type AS source_artifact_type, s.status AS source_status, e.relationship, e.created_at
FROM lineage_edges AS e
JOIN artifacts AS o ON o.artifact_key = e.output_key
JOIN artifacts AS s ON s.artifact_key = e.source_key;

CREATE VIEW review_audit AS
SELECT e.seq, e.timestamp, e.occurred_at, e.operation, e.action, e.outcome, e.success, e.user,
       json_extract(e.line, '$.on_behalf_of') AS on_behalf_of, json_extract(e.line, '$.purpose') AS purpose,
       e.module, e.artifact_id, e.run_id,
       CASE WHEN json_extract(e.line, '$.error_message') IS NOT NULL THEN coalesce(
           (SELECT o.text FROM audit_openings AS o WHERE o.seq = e.seq AND o.pointer = '/error_message'),
           'withdrawn') END AS error_message,
       json_extract(e.line, '$.details') AS details,
       (SELECT nullif(json_group_object(o.pointer, o.text), '{}') FROM audit_openings AS o WHERE o.seq = e.seq) AS texts,
       json_extract(e.line, '$.agent.os_user') AS os_user, json_extract(e.line, '$.agent.uid') AS uid,
       json_extract(e.line, '$.agent.pid') AS pid, json_extract(e.line, '$.agent.host') AS host,
       json_extract(e.line, '$.agent.program') AS program, e.entry_id
FROM audit_entries AS e WHERE json_valid(e.line);

-- CROSS JOIN: the trail's indexes (time, artifact) lead; by itself SQLite would start from all artifacts of a type.
CREATE VIEW review_access AS
SELECT e.timestamp, e.action, e.user, json_extract(e.line, '$.agent.os_user') AS os_user,
       json_extract(e.line, '$.on_behalf_of') AS on_behalf_of, json_extract(e.line, '$.purpose') AS purpose,
       json_extract(e.line, '$.agent.program') AS program, json_extract(e.line, '$.agent.host') AS host,
       e.artifact_id, a.artifact_type, t.sensitivity, e.run_id, a.checksum, e.seq
FROM audit_entries AS e
CROSS JOIN artifacts AS a ON a.artifact_id = e.artifact_id
JOIN artifact_types AS t USING (artifact_type)
WHERE e.operation = 'artifact_access' AND e.action IN ('get_file', 'checkout', 'stream') AND e.outcome = 'done';

-- One row for each de-identified artifact and identified ancestor; one with NULL where it has none. The chain is complete
-- where it leads to something identified and no de-identified artifact on the way, nor this one, lacks a source.
-- The ancestors come as a JSON array of [artifact_key, chain_complete], so that each artifact's are walked on their
-- own: a question about one artifact needs no walk through all the others.
CREATE VIEW review_releases AS
SELECT a.artifact_id, a.artifact_type, a.status, a.created_at, a.checksum, a.removed_at,
       i.artifact_id AS identified_artifact_id, i.artifact_type AS identified_artifact_type,
       i.removed_at AS identified_removed_at, coalesce(json_extract(s.value, '$[1]'), 0) AS chain_complete
FROM artifacts AS a
JOIN artifact_types AS at ON at.artifact_type = a.artifact_type AND at.sensitivity = 'deidentified'
LEFT JOIN json_each((
    WITH RECURSIVE ancestry (artifact_key) AS (
        SELECT e.source_key FROM lineage_edges AS e WHERE e.output_key = a.artifact_key
        UNION
        SELECT e.source_key FROM ancestry AS y JOIN lineage_edges AS e ON e.output_key = y.artifact_key
    )
    SELECT json_group_array(json_array(w.artifact_key, NOT w.broken)) FILTER (WHERE w.sensitivity = 'identified')
    FROM (
        SELECT y.artifact_key, t.sensitivity,
               max(t.sensitivity = 'deidentified'
                   AND NOT EXISTS (SELECT 1 FROM lineage_edges AS e WHERE e.output_key = y.artifact_key)) OVER () AS broken
        FROM ancestry AS y
        CROSS JOIN artifacts AS x ON x.artifact_key = y.artifact_key
        JOIN artifact_types AS t ON t.artifact_type = x.artifact_type
    ) AS w
)) AS s
LEFT JOIN artifacts AS i ON i.artifact_key = json_extract(s.value, '$[0]');

CREATE VIEW review_removals AS
SELECT a.artifact_id, a.artifact_type, a.status, a.created_at, a.removed_at, e.user AS removed_by,
       json_extract(e.line, '$.agent.os_user') AS os_user,
       json_extract(e.line, '$.on_behalf_of') AS on_behalf_of, json_extract(e.line, '$.purpose') AS purpose,
       json_extract(e.line, '$.details.older_than_days') AS older_than_days,
       a.file_size, a.checksum, e.seq
FROM artifacts AS a
LEFT JOIN audit_entries AS e
    ON e.artifact_id = a.artifact_id AND e.operation = 'artifact_cleanup' AND e.action = 'remove_old' AND e.outcome = 'done'
WHERE a.removed_at IS NOT NULL;

CREATE VIEW review_holds AS
SELECT h.hold_id, a.artifact_id, a.artifact_type, coalesce(h.reason, 'withdrawn') AS reason, h.placed_by, h.placed_at,
       h.removed_by, h.removed_at, h.removed_at IS NULL AS active
FROM holds AS h JOIN artifacts AS a USING (artifact_key);

-- What `custody audit errors` lists.
CREATE VIEW review_errors AS
SELECT seq, timestamp, operation, action, outcome, user, os_user, module, artifact_id, run_id, error_message, details
FROM review_audit WHERE success = 0 AND outcome <> 'done';
