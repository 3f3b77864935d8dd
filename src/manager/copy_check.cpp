#include "manager/copy_check.hpp"

#include <algorithm>
#include <custody/audit_proof.hpp>
#include <custody/error.hpp>

#include "audit/checkpoints.hpp"
#include "audit/trail_check.hpp"
#include "audit/tree.hpp"
#include "catalog/store.hpp"
#include "manager/migration_data.hpp"
#include "sqlite/connection.hpp"
#include "sqlite/migrations.hpp"
#include "sqlite/schema_state.hpp"

namespace custody::manager {

namespace {

using Severity = Finding::Severity;

void check_schema(const sqlite::SchemaState& state, std::vector<Finding>& findings) {
    if (!state.is_known()) {
        findings.push_back({Severity::error, "schema_unknown", "catalog.db",
                            "schema version " + std::to_string(state.version) + " is none that this program knows"});
        return;
    }
    for (const auto& difference : state.differences) {
        findings.push_back(
            {Severity::error, "schema_altered", difference, "the schema is not the one that this version ships with"});
    }
}

void check_database(sqlite::Connection& connection, std::vector<Finding>& findings) {
    const auto lines = catalog::integrity_check(connection);
    if (lines.size() != 1 || lines.front() != "ok") {
        for (const auto& line : lines) findings.push_back({Severity::error, "database_damaged", "catalog.db", line});
    }
    for (const auto& line : catalog::foreign_key_check(connection)) {
        findings.push_back({Severity::error, "broken_reference", "catalog.db", line});
    }
}

std::optional<Head> check_trail(sqlite::Connection& connection, std::vector<Finding>& findings) {
    const auto store = catalog::load_store(connection);
    TrailReport report;
    audit::check_trail(connection, store.store_id, store.epoch, {}, report);
    for (auto& finding : report.findings) {
        if (finding.severity == Severity::error) findings.push_back(std::move(finding));
    }
    if (!report.root) return std::nullopt;
    Head head{store.epoch, report.entries, *report.root};
    if (const auto row = audit::latest_checkpoint(connection, store.epoch, 0)) head.checkpoint = row->note;
    return head;
}

}  // namespace

std::optional<Head> check_copy(sqlite::Connection& connection, std::vector<Finding>& findings) {
    std::optional<Head> head;
    const auto step = [&](const char* subject, const auto& body) {
        try {
            body();
        } catch (const Error& error) {
            findings.push_back({Severity::error, "database_damaged", subject, error.what()});
        }
    };
    sqlite::SchemaState schema;
    step("schema", [&] { check_schema(schema = sqlite::schema_state(connection), findings); });
    step("catalog.db", [&] { check_database(connection, findings); });
    step("trail", [&] {
        if (schema.version >= version_with_tree) head = check_trail(connection, findings);
    });
    return head;
}

bool continues(sqlite::Connection& connection, std::uint64_t tree_size, const Digest& root) {
    audit::Tree tree(connection);
    return tree_size <= tree.head().size() && tree.frontier_at(tree_size).root() == root;
}

}  // namespace custody::manager
