-- Guards. custody_writer() exists only in connections of the library: every other client can read, and gets
-- "no such function: custody_writer" when it writes. Dropping a guard is DDL, which nothing stops; the next
-- open and `custody verify` find it.

CREATE TRIGGER guard_artifact_counts_insert BEFORE INSERT ON artifact_counts BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_artifact_counts_update BEFORE UPDATE ON artifact_counts BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_artifact_counts_delete BEFORE DELETE ON artifact_counts BEGIN SELECT custody_writer(); END;

CREATE TRIGGER guard_artifact_types_insert BEFORE INSERT ON artifact_types BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_artifact_types_update BEFORE UPDATE ON artifact_types BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_artifact_types_delete BEFORE DELETE ON artifact_types BEGIN SELECT custody_writer(); END;

CREATE TRIGGER guard_artifacts_insert BEFORE INSERT ON artifacts BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_artifacts_update BEFORE UPDATE ON artifacts BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_artifacts_delete BEFORE DELETE ON artifacts BEGIN SELECT custody_writer(); END;

CREATE TRIGGER guard_audit_entries_insert BEFORE INSERT ON audit_entries BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_audit_entries_update BEFORE UPDATE ON audit_entries BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_audit_entries_delete BEFORE DELETE ON audit_entries BEGIN SELECT custody_writer(); END;

CREATE TRIGGER guard_audit_openings_insert BEFORE INSERT ON audit_openings BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_audit_openings_update BEFORE UPDATE ON audit_openings BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_audit_openings_delete BEFORE DELETE ON audit_openings BEGIN SELECT custody_writer(); END;

CREATE TRIGGER guard_holds_insert BEFORE INSERT ON holds BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_holds_update BEFORE UPDATE ON holds BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_holds_delete BEFORE DELETE ON holds BEGIN SELECT custody_writer(); END;

CREATE TRIGGER guard_lineage_edges_insert BEFORE INSERT ON lineage_edges BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_lineage_edges_update BEFORE UPDATE ON lineage_edges BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_lineage_edges_delete BEFORE DELETE ON lineage_edges BEGIN SELECT custody_writer(); END;

CREATE TRIGGER guard_payload_counts_insert BEFORE INSERT ON payload_counts BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_payload_counts_update BEFORE UPDATE ON payload_counts BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_payload_counts_delete BEFORE DELETE ON payload_counts BEGIN SELECT custody_writer(); END;

CREATE TRIGGER guard_payloads_insert BEFORE INSERT ON payloads BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_payloads_update BEFORE UPDATE ON payloads BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_payloads_delete BEFORE DELETE ON payloads BEGIN SELECT custody_writer(); END;

CREATE TRIGGER guard_run_artifacts_insert BEFORE INSERT ON run_artifacts BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_run_artifacts_update BEFORE UPDATE ON run_artifacts BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_run_artifacts_delete BEFORE DELETE ON run_artifacts BEGIN SELECT custody_writer(); END;

CREATE TRIGGER guard_runs_insert BEFORE INSERT ON runs BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_runs_update BEFORE UPDATE ON runs BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_runs_delete BEFORE DELETE ON runs BEGIN SELECT custody_writer(); END;

CREATE TRIGGER guard_schema_migrations_insert BEFORE INSERT ON schema_migrations BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_schema_migrations_update BEFORE UPDATE ON schema_migrations BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_schema_migrations_delete BEFORE DELETE ON schema_migrations BEGIN SELECT custody_writer(); END;

CREATE TRIGGER guard_store_insert BEFORE INSERT ON store BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_store_update BEFORE UPDATE ON store BEGIN SELECT custody_writer(); END;
CREATE TRIGGER guard_store_delete BEFORE DELETE ON store BEGIN SELECT custody_writer(); END;

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
