#pragma once

#include "options.hpp"

namespace custody::cli {

// Each adds a group of verbs to the command line; what they do is said in the manual, custody(1).
void add_store_verbs(CLI::App& app, Session& session);
void add_backup_verbs(CLI::App& app, Session& session);
void add_original_verbs(CLI::App& app, Session& session);
void add_run_verbs(CLI::App& app, Session& session);
void add_creation_verbs(CLI::App& app, Session& session);
void add_artifact_verbs(CLI::App& app, Session& session);
void add_type_verbs(CLI::App& app, Session& session);
void add_lineage_verbs(CLI::App& app, Session& session);
void add_payload_verbs(CLI::App& app, Session& session);
void add_audit_verbs(CLI::App& app, Session& session);
void add_maintenance_verbs(CLI::App& app, Session& session);
void add_integrity_verbs(CLI::App& app, Session& session);
void add_sql_verbs(CLI::App& app, Session& session);

}  // namespace custody::cli
