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
    std::optional<Artifact> artifact{};  // whose named link tells the text
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
        const bool named = std::find(pointers.begin(), pointers.end(), "/details/file_name") != pointers.end();
        if (named) one.artifact = catalog::find_artifact(connection, ArtifactId::parse(one.texts.artifact_id));
        if (!pointers.empty()) all.push_back(std::move(one));
    }
    return all;
}

// The named link tells the file's name: it gets the name that an artifact without one has.
void rename_link(const ManagerImpl& manager, const std::optional<Artifact>& before) {
    if (!before || before->file_path.empty()) return;
    const auto& storage = manager.storage_path();
    const auto renamed = storage / catalog::link_path(before->id, before->type, "");
    if (::rename((storage / before->file_path).c_str(), renamed.c_str()) == 0) blobs::sync_folder(renamed.parent_path());
}

// Months that were exported into the store, written anew without the texts; their proofs stay as they are.
void rewrite_months(ManagerImpl& manager, const std::vector<Withdrawing>& all) {
    manager.database().read([&](sqlite::Connection& connection) {
        for (const auto& month : audit::months(connection, audit::last_seq(connection), "")) {
            const auto file = manager.layout().audit() / audit::lines_file_name(month.name);
            const bool concerned = std::any_of(all.begin(), all.end(), [&](const Withdrawing& one) {
                return one.entry.seq >= month.first_seq && one.entry.seq <= month.last_seq;
            });
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
            for (const auto& one : all) {
                for (const auto seq : audit::withdraw_texts(connection, one.entry.seq, one.entry.pointers)) {
                    if (std::find(seqs.begin(), seqs.end(), seq) == seqs.end()) redaction.also_in.push_back(seq);
                }
                auto entry = draft;
                if (!one.texts.artifact_id.empty()) entry.artifact_id = one.texts.artifact_id;
                if (!one.texts.run_id.empty()) entry.run_id = one.texts.run_id;
                entry.details = {{"redacted_seq", one.entry.seq},
                                 {"pointers", one.entry.pointers},
                                 {"reason", manager_->clean_message(reason)}};
                recorder.append(entry);
                redaction.withdrawn.push_back(one.entry);
            }
        });
        for (const auto& one : all) rename_link(*manager_, one.artifact);
        rewrite_months(*manager_, all);
    }
    redaction.held_by = purge(*manager_);
    return redaction;
}

}  // namespace custody
