// The trail verified, and proofs of its entries.

#include <custody/artifact_manager.hpp>

#include "audit/month_file.hpp"
#include "audit/trail_check.hpp"
#include "audit/tree.hpp"
#include "manager/manager_impl.hpp"

namespace custody {

namespace {

using Severity = Finding::Severity;

// Against what a proof is made: the newest checkpoint that covers the entry, or the head as it is, unsigned.
struct Against {
    std::uint64_t size;
    std::optional<std::string> note;
};

Against against(sqlite::Connection& connection, const audit::TrailName& trail, std::int64_t seq) {
    audit::Tree(connection).require_head();
    const auto row = audit::latest_checkpoint(connection, trail.epoch, static_cast<std::uint64_t>(seq));
    if (row) return {row->size, row->note};
    return {static_cast<std::uint64_t>(audit::last_seq(connection)), std::nullopt};
}

// Makes the checkpoint that a proof is to hang on, where there is none and a key is at hand.
void seal_for(ManagerImpl& manager, AuditTrail& trail, std::int64_t seq, const std::filesystem::path& signing_key) {
    if (!manager.signing_key(signing_key)) return;
    bool covered = false;
    manager.database().read([&](sqlite::Connection& connection) {
        covered = audit::latest_checkpoint(connection, manager.store().epoch, static_cast<std::uint64_t>(seq)).has_value();
    });
    if (!covered) trail.seal(signing_key);
}

void require_entry(sqlite::Connection& connection, std::int64_t seq) {
    const auto last = audit::last_seq(connection);
    if (seq < 1 || seq > last) {
        throw NotFound("there is no entry " + std::to_string(seq) + ": the trail has entries 1 to " + std::to_string(last));
    }
}

}  // namespace

TrailReport AuditTrail::verify(const TrailVerifyOptions& options) {
    auto draft = manager_->draft("audit_access", "verify");
    manager_->flush_reads();
    TrailReport report;
    for (const auto& difference : manager_->database().schema_differences()) {
        report.findings.push_back(
            {Severity::error, "schema_altered", difference, "the schema is not the one that this version ships with"});
    }
    try {
        manager_->database().read([&](sqlite::Connection& connection) {
            auto fresh = report;
            audit::check_trail(connection, manager_->store().store_id, manager_->store().epoch, options, fresh);
            report = std::move(fresh);
        });
    } catch (const InvalidArgument&) {
        throw;  // what is to be checked against is no good
    } catch (const IoError&) {
        throw;
    } catch (const Corruption& error) {
        report.findings.push_back({Severity::error, "database_damaged", "catalog.db", error.what()});
    } catch (const Error& error) {
        report.findings.push_back({Severity::error, "not_checked", "catalog.db", error.what()});
    } catch (const json::exception& error) {
        report.findings.push_back({Severity::error, "not_checked", "catalog.db", error.what()});
    }
    // A store that is altered or damaged, or can't be written, is left as it is, and the report says so.
    report.audited = false;
    if (!report.ok() || !manager_->database().writable()) return report;
    draft.details = {{"entries", report.entries}, {"sealed_entries", report.sealed_entries}, {"pinned", report.pinned}};
    if (report.root) draft.details["root"] = report.root->hex();
    try {
        manager_->record(draft);
        report.audited = true;
    } catch (const Error& error) {
        report.findings.push_back({Severity::warning, "not_audited", "verify", error.what()});
    }
    return report;
}

std::string AuditTrail::prove(std::int64_t seq, const std::filesystem::path& signing_key) {
    auto draft = manager_->draft("audit_access", "prove");
    manager_->flush_reads();
    std::string proof;
    manager_->attempt(draft, [&] {
        manager_->database().read([&](sqlite::Connection& connection) { require_entry(connection, seq); });
        draft.details["proved_seq"] = seq;
        seal_for(*manager_, *this, seq, signing_key);
        manager_->database().read([&](sqlite::Connection& connection) {
            const auto [size, note] = against(connection, manager_->trail_name(), seq);
            draft.details["tree_size"] = size;
            proof = audit::prove_entry(connection, seq, size, note).str();
        });
        manager_->record(draft);
    });
    return proof;
}

std::vector<std::filesystem::path> AuditTrail::prove_history(const ArtifactId& artifact, const std::filesystem::path& folder,
                                                             const std::filesystem::path& signing_key) {
    auto draft = manager_->draft("audit_access", "prove");
    draft.artifact_id = artifact.str();
    manager_->flush_reads();
    std::vector<std::pair<std::int64_t, std::string>> proofs;
    std::vector<std::filesystem::path> files;
    manager_->attempt(draft, [&] {
        manager_->refuse_own(folder);
        std::vector<std::int64_t> about;
        manager_->database().read([&](sqlite::Connection& connection) {
            about.clear();
            audit::for_each_entry(connection, {.artifact_id = artifact},
                                  [&](audit::StoredEntry&& entry) { about.push_back(entry.seq); });
        });
        if (about.empty()) throw NotFound("the trail has no entry about artifact " + artifact.str());
        seal_for(*manager_, *this, about.back(), signing_key);
        manager_->database().read([&](sqlite::Connection& connection) {
            proofs.clear();
            const auto [size, note] = against(connection, manager_->trail_name(), about.back());
            for (const auto seq : about) proofs.emplace_back(seq, audit::prove_entry(connection, seq, size, note).str());
            draft.details = {{"proved_count", about.size()}, {"tree_size", size}};
        });
        manager_->record(draft);
        blobs::make_folder(folder, 0700);
        for (const auto& [seq, proof] : proofs) {
            files.push_back(folder / ("entry_" + std::to_string(seq) + ".proof.json"));
            blobs::write_atomically(files.back(), 0600, [&, &text = proof](const auto& append) { append(text); });
        }
    });
    return files;
}

ordered_json to_json(const TrailReport& report) {
    ordered_json form;
    form["ok"] = report.ok();
    form["statement"] = report.statement();
    form["findings"] = ordered_json::array();
    for (const auto& finding : report.findings) form["findings"].push_back(to_json(finding));
    form["entries"] = report.entries;
    form["first_seq"] = report.first_seq;
    form["sealed_entries"] = report.sealed_entries;
    form["sealed_at"] = report.sealed_at.empty() ? ordered_json(nullptr) : ordered_json(report.sealed_at);
    form["sealed_by"] = report.sealed_by.empty() ? ordered_json(nullptr) : ordered_json(report.sealed_by);
    form["pinned"] = report.pinned;
    form["entries_after"] = report.entries_after;
    form["withdrawn_texts"] = report.withdrawn_texts;
    form["root"] = report.root ? ordered_json(report.root->hex()) : ordered_json(nullptr);
    form["audited"] = report.audited;
    return form;
}

}  // namespace custody
