// Artifacts and runs of an original store, as rows and entries that say the same.

#include "catalog/artifacts.hpp"
#include "catalog/lineage.hpp"
#include "catalog/payloads.hpp"
#include "catalog/runs.hpp"
#include "manager/original_import.hpp"

namespace custody::manager {

namespace {

constexpr std::size_t runs_in_one = 500;

struct LinkGroup {
    std::string relationship;
    std::vector<ArtifactId> sources{};
};

// An entry tells of links of one kind; so those of several kinds, in their order, are told by several.
std::vector<LinkGroup> group_links(const original::Record& record) {
    std::vector<LinkGroup> groups;
    for (const auto& [source, relationship] : record.links) {
        if (groups.empty() || groups.back().relationship != relationship) groups.push_back({relationship});
        groups.back().sources.push_back(source);
    }
    return groups;
}

json texts_of(const std::vector<ArtifactId>& ids) {
    json texts = json::array();
    for (const auto& id : ids) texts.push_back(id.str());
    return texts;
}

catalog::ArtifactKey source_key(sqlite::Connection& connection, const ArtifactId& id) {
    const auto key = catalog::find_key(connection, id);
    if (!key) throw Conflict("artifact " + id.str() + ", which others were made from, is not in the store");
    return *key;
}

catalog::ArtifactRow row_of(const Making& making, const Arrival& arrival, const Timestamp& now) {
    const auto& record = *arrival.record;
    catalog::ArtifactRow row{.id = record.id,
                             .type = record.type,
                             .status = record.status,
                             .created_at = record.created_at,
                             .processing_module = record.processing_module,
                             .processing_version = record.processing_version,
                             .file_name = record.file_name,
                             .file_name_salt = base::random_salt(),
                             .file_size = {},
                             .checksum = {},
                             .metadata = record.metadata_text,
                             .metadata_salt = base::random_salt(),
                             .updated_at = record.updated_at,
                             .error_message = record.error_message};
    if (making.staged) {
        row.file_size = making.staged->size_bytes();
        row.checksum = making.staged->digest();
    } else if (record.checksum && record.file_size) {  // as after a cleanup: the record outlives its payload
        row.file_size = record.file_size;
        row.checksum = record.checksum;
        row.removed_at = arrival.removed_at.value_or(now);
    }
    return row;
}

// The facts of the row, so that the trail alone can say what it became; and the record as it was.
audit::Draft entry_of(const Making& making, const Arrival& arrival, const catalog::ArtifactRow& row, const Timestamp& now) {
    const auto& record = *arrival.record;
    auto entry = making.entry;
    entry.artifact_id = row.id.str();
    entry.timestamp = now;
    entry.run_id.reset();
    entry.module.reset();
    if (!row.processing_module.empty()) entry.module = row.processing_module;
    entry.row_salts["metadata"] = row.metadata_salt;
    auto& details = entry.details;
    details["artifact_type"] = row.type.name();
    details["status"] = to_string(row.status);
    details["processing_version"] = row.processing_version.empty() ? json(nullptr) : json(row.processing_version);
    details["metadata"] = row.metadata;
    details["occurred_at"] = row.created_at.str();
    details["updated_at"] = row.updated_at->str();
    details["imported"] = record.text;
    if (row.error_message) details["error_message"] = *row.error_message;
    if (row.removed_at) details["removed_at"] = row.removed_at->str();
    if (!row.checksum) return entry;
    details["file_size"] = *row.file_size;
    details["checksum"] = row.checksum->hex();
    if (row.file_name.empty()) return entry;
    entry.row_salts["file_name"] = row.file_name_salt;
    details["file_name"] = row.file_name;
    return entry;
}

void insert_payload(ManagerImpl& manager, sqlite::Connection& connection, Making& making, const catalog::ArtifactRow& row,
                    const Timestamp& now) {
    if (making.staged) {
        record_payload(manager, connection, making, now);
    } else if (row.checksum) {
        catalog::insert_removed_payload(connection, *row.checksum, *row.file_size, now);
    }
}

// The run's output; and as its inputs the sources that the entry of its creation names.
void join_run(sqlite::Connection& connection, const original::Record& record, catalog::ArtifactKey key, audit::Draft& entry) {
    const auto run = catalog::find_run_key(connection, *record.run);
    if (!run) return;
    entry.run_id = record.run->str();
    catalog::add_output(connection, *run, key);
    for (const auto& [source, relationship] : record.links) {
        if (relationship != record.links.front().second) break;
        catalog::add_input(connection, *run, source_key(connection, source));
    }
}

std::uint64_t insert_links(sqlite::Connection& connection, const original::Record& record, catalog::ArtifactKey key,
                           const std::vector<LinkGroup>& groups) {
    std::uint64_t count = 0;
    for (const auto& group : groups) {
        for (const auto& source : group.sources) {
            const auto from = source_key(connection, source);
            if (catalog::insert_edge(connection, key, from, group.relationship, record.created_at)) ++count;
        }
    }
    return count;
}

}  // namespace

bool insert_imported(ManagerImpl& manager, sqlite::Connection& connection, ManagerImpl::Recorder& recorder, Making& making,
                     const Arrival& arrival, std::uint64_t& links) {
    const auto& record = *arrival.record;
    if (catalog::find_key(connection, record.id)) return false;
    catalog::Sensitivities types(connection);
    check_against_catalog(manager, connection, types, making);
    const auto now = Timestamp::now();
    const auto row = row_of(making, arrival, now);
    insert_payload(manager, connection, making, row, now);
    const auto key = catalog::insert_artifact(connection, row);
    auto entry = entry_of(making, arrival, row, now);
    if (record.run) join_run(connection, record, key, entry);
    const auto groups = group_links(record);
    links += insert_links(connection, record, key, groups);
    entry.details["source_artifacts"] = groups.empty() ? json::array() : texts_of(groups.front().sources);
    if (!groups.empty()) entry.details["relationship"] = groups.front().relationship;
    recorder.append(entry);
    for (std::size_t i = 1; i < groups.size(); ++i) {
        auto link = manager.draft("artifact_link", "create_relationship");
        link.artifact_id = row.id.str();
        link.module = entry.module;
        link.details = {{"source_artifacts", texts_of(groups[i].sources)},
                        {"added_artifacts", texts_of(groups[i].sources)},
                        {"added_count", groups[i].sources.size()},
                        {"relationship", groups[i].relationship},
                        {"occurred_at", record.created_at.str()}};
        recorder.append(link);
    }
    return true;
}

namespace {

// Start and end are one transaction: a run that goes on would be ended by whoever opens the store next.
void insert_run(ManagerImpl& manager, sqlite::Connection& connection, ManagerImpl::Recorder& recorder,
                const original::RunFacts& facts, audit::Draft start) {
    const auto now = Timestamp::now();
    const auto expires_at = facts.ended_at.value_or(facts.started_at);
    const auto user = facts.user.empty() ? std::string("unknown") : facts.user;
    const catalog::RunRow row{
        facts.id,  facts.started_at, user,      start.on_behalf_of, start.purpose, facts.configuration_text, base::random_salt(),
        "unknown", std::nullopt,     expires_at};
    catalog::insert_run(connection, row);
    start.run_id = facts.id.str();
    start.timestamp = now;
    start.row_salts["configuration"] = row.configuration_salt;
    start.details.update({{"configuration", row.configuration},
                          {"status", "in_progress"},
                          {"expires_at", expires_at.str()},
                          {"owner", nullptr},
                          {"user", row.user},
                          {"host", row.host},
                          {"occurred_at", facts.started_at.str()}});
    recorder.append(start);
    auto end = manager.draft("processing_run", "end");
    end.run_id = start.run_id;
    end.timestamp = now;
    end.success = facts.status == ArtifactStatus::completed;
    const auto message = facts.error_message ? std::optional(manager.clean_message(*facts.error_message)) : std::nullopt;
    end.details = {{"old_status", "in_progress"},
                   {"new_status", to_string(facts.status)},
                   {"end_reason", facts.end_reason},
                   {"error_message", message ? json(*message) : json(nullptr)}};
    // Of one whose end nobody told, it is when that was noticed.
    const auto ended_at = facts.ended_at.value_or(now);
    end.details["occurred_at"] = ended_at.str();
    catalog::end_run(connection, *catalog::find_run_key(connection, facts.id), facts.status, facts.end_reason.c_str(), ended_at,
                     message);
    recorder.append(end);
}

struct RunArrival {
    original::RunFacts facts;
    audit::Draft start;
};

RunArrival check_run(ManagerImpl& manager, const original::RunFacts& facts, bool allow_phi, original::Remarks& remarks) {
    RunArrival arrival{facts, manager.draft("processing_run", "start")};
    try {
        manager.check_imported_object(facts.configuration_text, "configuration", allow_phi, arrival.start);
    } catch (const Error& error) {
        remarks.push_back({ImportRemark::Kind::left_out, facts.path, facts.line, "run " + facts.id.str(), error.what()});
        arrival.facts.configuration_text = "{}";
    }
    return arrival;
}

}  // namespace

std::uint64_t import_runs(ManagerImpl& manager, original::Tree& tree, const OriginalImport& options, bool dry_run) {
    std::vector<RunArrival> arrivals;
    manager.database().read([&](sqlite::Connection& connection) {
        arrivals.clear();
        for (const auto& run : tree.runs) {
            if (catalog::find_run_key(connection, run.id)) continue;
            arrivals.push_back(check_run(manager, run, options.allow_phi_metadata, tree.remarks));
        }
    });
    if (dry_run) return arrivals.size();
    std::uint64_t count = 0;
    for (std::size_t begin = 0; begin < arrivals.size(); begin += runs_in_one) {
        std::uint64_t added = 0;
        manager.transact([&](sqlite::Connection& connection, ManagerImpl::Recorder& recorder) {
            added = 0;
            for (auto i = begin; i < std::min(begin + runs_in_one, arrivals.size()); ++i) {
                if (catalog::find_run_key(connection, arrivals[i].facts.id)) continue;
                insert_run(manager, connection, recorder, arrivals[i].facts, arrivals[i].start);
                ++added;
            }
        });
        count += added;
    }
    return count;
}

}  // namespace custody::manager
