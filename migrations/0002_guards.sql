-- Guards. custody_writer() exists only in connections of the library: every other client can read, and gets
-- "no such function: custody_writer" when it writes. Dropping a guard is DDL, which nothing stops; the next
-- open and `custody verify` find it. AFTER, since a trigger BEFORE has SQLite compute the new row twice.

CREATE TRIGGER guard_artifact_counts_insert AFTER INSERT ON artifact_counts BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_artifact_counts_update AFTER UPDATE ON artifact_counts BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_artifact_counts_delete AFTER DELETE ON artifact_counts BEGIN SELECT custody_writer(); END;

CREATE TRIGGER guard_artifact_types_insert AFTER INSERT ON artifact_types BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_artifact_types_update AFTER UPDATE ON artifact_types BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_artifact_types_delete AFTER DELETE ON artifact_types BEGIN SELECT custody_writer(); END;

CREATE TRIGGER guard_artifacts_insert AFTER INSERT ON artifacts BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_artifacts_update AFTER UPDATE ON artifacts BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_artifacts_delete AFTER DELETE ON artifacts BEGIN SELECT custody_writer(); END;

CREATE TRIGGER guard_audit_entries_insert AFTER INSERT ON audit_entries BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_audit_entries_update AFTER UPDATE ON audit_entries BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_audit_entries_delete AFTER DELETE ON audit_entries BEGIN SELECT custody_writer(); END;

CREATE TRIGGER guard_audit_openings_insert AFTER INSERT ON audit_openings BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_audit_openings_update AFTER UPDATE ON audit_openings BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_audit_openings_delete AFTER DELETE ON audit_openings BEGIN SELECT custody_writer(); END;

CREATE TRIGGER guard_holds_insert AFTER INSERT ON holds BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_holds_update AFTER UPDATE ON holds BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_holds_delete AFTER DELETE ON holds BEGIN SELECT custody_writer(); END;

CREATE TRIGGER guard_lineage_edges_insert AFTER INSERT ON lineage_edges BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_lineage_edges_update AFTER UPDATE ON lineage_edges BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_lineage_edges_delete AFTER DELETE ON lineage_edges BEGIN SELECT custody_writer(); END;

CREATE TRIGGER guard_payload_counts_insert AFTER INSERT ON payload_counts BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_payload_counts_update AFTER UPDATE ON payload_counts BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_payload_counts_delete AFTER DELETE ON payload_counts BEGIN SELECT custody_writer(); END;

CREATE TRIGGER guard_payloads_insert AFTER INSERT ON payloads BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_payloads_update AFTER UPDATE ON payloads BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_payloads_delete AFTER DELETE ON payloads BEGIN SELECT custody_writer(); END;

CREATE TRIGGER guard_run_artifacts_insert AFTER INSERT ON run_artifacts BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_run_artifacts_update AFTER UPDATE ON run_artifacts BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_run_artifacts_delete AFTER DELETE ON run_artifacts BEGIN SELECT custody_writer(); END;

CREATE TRIGGER guard_runs_insert AFTER INSERT ON runs BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_runs_update AFTER UPDATE ON runs BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_runs_delete AFTER DELETE ON runs BEGIN SELECT custody_writer(); END;

CREATE TRIGGER guard_schema_migrations_insert AFTER INSERT ON schema_migrations BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_schema_migrations_update AFTER UPDATE ON schema_migrations BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_schema_migrations_delete AFTER DELETE ON schema_migrations BEGIN SELECT custody_writer(); END;

CREATE TRIGGER guard_store_insert AFTER INSERT ON store BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_store_update AFTER UPDATE ON store BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_store_delete AFTER DELETE ON store BEGIN SELECT custody_writer(); END;

-- The trail only grows, by one. INSERT OR REPLACE would get past the first two triggers alone.
CREATE TRIGGER audit_entries_no_update BEFORE UPDATE ON audit_entries BEGIN
    SELECT raise(ABORT, 'audit entries are never changed');
END;
CREATE TRIGGER audit_entries_no_delete BEFORE DELETE ON audit_entries BEGIN
    SELECT raise(ABORT, 'audit entries are never deleted');
END;
CREATE TRIGGER audit_entries_next_seq BEFORE INSERT ON audit_entries
WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM audit_entries) BEGIN
    SELECT raise(ABORT, 'the next audit entry has the next number');
END;

-- Records outlive their payloads; nothing of the catalog is ever deleted.
CREATE TRIGGER artifacts_no_delete BEFORE DELETE ON artifacts BEGIN
    SELECT raise(ABORT, 'artifacts are never deleted');
END;
CREATE TRIGGER runs_no_delete BEFORE DELETE ON runs BEGIN
    SELECT raise(ABORT, 'runs are never deleted');
END;
CREATE TRIGGER lineage_edges_no_delete BEFORE DELETE ON lineage_edges BEGIN
    SELECT raise(ABORT, 'links are never deleted');
END;
CREATE TRIGGER lineage_edges_no_update BEFORE UPDATE ON lineage_edges BEGIN
    SELECT raise(ABORT, 'links are never changed');
END;
