// Free text withdrawn: from the rows, then from every byte of the store's files.

#include "audit/redaction.hpp"

#include <unistd.h>

#include <algorithm>
#include <custody/artifact_manager.hpp>
#include <fstream>
#include <sstream>

#include "audit/month_file.hpp"
#include "catalog/artifacts.hpp"
#include "manager/manager_impl.hpp"
#include "sqlite/wal_holders.hpp"

namespace custody {

namespace {

// One entry on its way: what of it is to go.
struct Withdrawing {
    Redaction::Entry entry;
    audit::Withdrawable texts{};
};

std::vector<std::string> chosen(const audit::Withdrawable& texts, const std::string& pointer, std::int64_t seq) {
    const auto& all = texts.committed;
    if (!pointer.empty() && std::find(all.begin(), all.end(), pointer) == all.end()) {
        std::string known;
        for (const auto& each : all) known += " " + each;
        throw InvalidArgument("entry " + std::to_string(seq) + " has no free text at \"" + pointer + "\"" +
                              (known.empty() ? "; it has none at all" : "; it has:" + known));
    }
    std::vector<std::string> pointers;
    for (const auto& each : texts.open) {
        if (pointer.empty() || each == pointer) pointers.push_back(each);
    }
    return pointers;
}

std::vector<Withdrawing> look(sqlite::Connection& connection, const std::vector<std::int64_t>& seqs, const std::string& pointer) {
    std::vector<Withdrawing> all;
    for (const auto seq : seqs) {
        Withdrawing one{{seq, {}}, audit::look_for_texts(connection, seq)};
        one.entry.pointers = chosen(one.texts, pointer, seq);
        const auto& pointers = one.entry.pointers;
        if (!pointers.empty()) all.push_back(std::move(one));
    }
    return all;
}

// The named link tells the file's name: it gets the name that an artifact without one has. Found by the id, since a call that
// was cut off has withdrawn the name already.
void rename_link(const ManagerImpl& manager, const Artifact& artifact) {
    const auto& storage = manager.storage_path();
    const auto renamed = storage / catalog::link_path(artifact.id, artifact.type, "");
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(renamed.parent_path(), error)) {
        if (entry.path() == renamed || !entry.path().filename().string().starts_with(artifact.id.str())) continue;
        if (::rename(entry.path().c_str(), renamed.c_str()) == 0) blobs::sync_folder(renamed.parent_path());
    }
}

// Months that were exported into the store, written anew without the texts; their proofs stay as they are.
void rewrite_months(ManagerImpl& manager, const std::vector<std::int64_t>& seqs) {
    manager.database().read([&](sqlite::Connection& connection) {
        for (const auto& month : audit::months(connection, audit::last_seq(connection), "")) {
            const auto file = manager.layout().audit() / audit::lines_file_name(month.name);
            const bool concerned = std::any_of(seqs.begin(), seqs.end(),
                                               [&](std::int64_t seq) { return seq >= month.first_seq && seq <= month.last_seq; });
            if (!concerned || !std::filesystem::exists(file)) continue;
            std::ifstream in(manager.layout().audit() / audit::proof_file_name(month.name), std::ios::binary);
            std::ostringstream text;
            text << in.rdbuf();
            const auto proof = audit::MonthProof::parse(text.view());
            const auto last = proof ? std::min(static_cast<std::int64_t>(proof->last_seq), month.last_seq) : month.last_seq;
            blobs::write_atomically(file, manager.blobs().modes().file(), [&](const audit::Append& append) {
                audit::append_lines(connection, month.first_seq, last, append, {});
            });
        }
    });
}

// Copies that upgrades left of the catalog have the text too, and are not ours to change.
std::string copies_of_catalog(const ManagerImpl& manager) {
    std::string names;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(manager.storage_path(), error)) {
        const auto name = entry.path().filename().string();
        if (name.starts_with("catalog.db.v")) names += (names.empty() ? "the copy " : ", ") + entry.path().string();
    }
    return names.empty() ? names : names + " of an older catalog may hold the text: delete it, and say the command again";
}

// Artifacts of these entries whose names are withdrawn.
std::vector<Artifact> nameless(sqlite::Connection& connection, const std::vector<std::int64_t>& seqs) {
    std::vector<Artifact> artifacts;
    for (const auto seq : seqs) {
        const auto texts = audit::look_for_texts(connection, seq);
        const auto& all = texts.committed;
        if (std::find(all.begin(), all.end(), "/details/file_name") == all.end()) continue;
        auto artifact = catalog::find_artifact(connection, ArtifactId::parse(texts.artifact_id));
        if (artifact && artifact->checksum && artifact->file_name.empty()) artifacts.push_back(std::move(*artifact));
    }
    return artifacts;
}

// Rewrites the catalog and empties its log; answers what prevents that.
std::string purge(ManagerImpl& manager) {
    if (!manager.database().purge()) {
        const auto holders = sqlite::wal_holders(manager.database().file());
        return holders.empty()
                   ? "a reader of the catalog keeps its log from being emptied; say the command again when it is gone"
                   : holders + " reads the catalog and keeps its log from being emptied; say the command again when it is gone";
    }
    return copies_of_catalog(manager);
}

// An export that died left what it had written; one that is under way may have the text.
std::string being_written(const ManagerImpl& manager) {
    std::string file;
    blobs::sweep_temporary_files(manager.layout().audit(), false, [&](const blobs::Swept& swept) {
        if (swept.why_not.empty()) return;
        file = swept.path.string() + " may have the text: " + swept.why_not + "; say the command again when it is gone";
    });
    return file;
}

// What is withdrawn goes from every file of the store, also where an earlier call was cut off. What fails here is no failure of
// the withdrawal, which stands: the caller learns that it isn't finished.
std::string wipe(ManagerImpl& manager, const std::vector<std::int64_t>& seqs) {
    try {
        std::vector<Artifact> artifacts;
        manager.database().read([&](sqlite::Connection& connection) { artifacts = nameless(connection, seqs); });
        for (const auto& artifact : artifacts) rename_link(manager, artifact);
        rewrite_months(manager, seqs);
        if (auto file = being_written(manager); !file.empty()) return file;
        return purge(manager);
    } catch (const std::exception& error) {
        return std::string(error.what()) + "; then say the command again";
    }
}

}  // namespace

Redaction AuditTrail::redact(const std::vector<std::int64_t>& seqs, const std::string& pointer, const std::string& reason,
                             bool dry_run) {
    auto draft = manager_->draft("audit_trail", "redact");
    manager_->flush_reads();
    std::vector<Withdrawing> all;
    manager_->attempt(draft, [&] {
        manager::require_text(reason, "the reason", 4096);
        if (reason.empty()) throw InvalidArgument("a withdrawal needs a reason");
        manager_->database().read([&](sqlite::Connection& connection) { all = look(connection, seqs, pointer); });
    });
    Redaction redaction{.dry_run = dry_run};
    for (const auto& one : all) redaction.withdrawn.push_back(one.entry);
    if (dry_run) return redaction;
    if (!all.empty()) {
        manager_->change_many(draft, [&](sqlite::Connection& connection, ManagerImpl::Recorder& recorder) {
            redaction.withdrawn.clear();
            redaction.also_in.clear();
            all = look(connection, seqs, pointer);
            const auto now = Timestamp::now();
            for (const auto& one : all) {
                for (const auto seq : audit::withdraw_texts(connection, one.entry.seq, one.entry.pointers, now)) {
                    if (std::find(seqs.begin(), seqs.end(), seq) == seqs.end()) redaction.also_in.push_back(seq);
                }
                auto entry = draft;
                entry.timestamp = now;
                if (!one.texts.artifact_id.empty()) entry.artifact_id = one.texts.artifact_id;
                if (!one.texts.run_id.empty()) entry.run_id = one.texts.run_id;
                entry.details = {{"redacted_seq", one.entry.seq},
                                 {"pointers", one.entry.pointers},
                                 {"reason", manager_->clean_message(reason)}};
                recorder.append(entry);
                redaction.withdrawn.push_back(one.entry);
            }
        });
    }
    redaction.held_by = wipe(*manager_, seqs);
    return redaction;
}

}  // namespace custody
