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

void choose_pointers(const audit::Withdrawable& texts, const std::string& pointer, Redaction& redaction) {
    const auto& all = texts.committed;
    if (!pointer.empty() && std::find(all.begin(), all.end(), pointer) == all.end()) {
        std::string known;
        for (const auto& each : all) known += " " + each;
        throw InvalidArgument("entry " + std::to_string(redaction.seq) + " has no free text at \"" + pointer + "\"" +
                              (known.empty() ? "; it has none at all" : "; it has:" + known));
    }
    for (const auto& each : texts.open) {
        if (pointer.empty() || each == pointer) redaction.pointers.push_back(each);
    }
}

// The named link tells the file's name: it gets the name that an artifact without one has.
void rename_link(const ManagerImpl& manager, const std::optional<Artifact>& before) {
    if (!before || before->file_path.empty()) return;
    const auto& storage = manager.storage_path();
    const auto renamed = storage / catalog::link_path(before->id, before->type, "");
    if (::rename((storage / before->file_path).c_str(), renamed.c_str()) == 0) blobs::sync_folder(renamed.parent_path());
}

// The month that was exported into the store, written anew without the text; its proof stays as it is.
void rewrite_month(ManagerImpl& manager, std::int64_t seq) {
    manager.database().read([&](sqlite::Connection& connection) {
        const auto months = audit::months(connection, audit::last_seq(connection), "");
        const auto month = std::find_if(months.begin(), months.end(), [&](const auto& each) { return each.last_seq >= seq; });
        if (month == months.end()) return;
        const auto file = manager.layout().audit() / audit::lines_file_name(month->name);
        std::ifstream in(manager.layout().audit() / audit::proof_file_name(month->name), std::ios::binary);
        std::ostringstream text;
        text << in.rdbuf();
        const auto proof = audit::MonthProof::parse(text.view());
        const auto last = proof ? static_cast<std::int64_t>(proof->last_seq) : month->last_seq;
        if (!std::filesystem::exists(file)) return;
        blobs::write_atomically(file, manager.blobs().modes().file(), [&](const audit::Append& append) {
            audit::append_lines(connection, month->first_seq, std::min(last, month->last_seq), append, {});
        });
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

Redaction AuditTrail::redact(std::int64_t seq, const std::string& pointer, const std::string& reason, bool dry_run) {
    auto draft = manager_->draft("audit_trail", "redact");
    draft.details["redacted_seq"] = seq;
    manager_->flush_reads();
    Redaction redaction{.seq = seq, .dry_run = dry_run};
    std::optional<Artifact> before;
    const auto look = [&](sqlite::Connection& connection) {
        redaction.pointers.clear();
        const auto texts = audit::look_for_texts(connection, seq);
        choose_pointers(texts, pointer, redaction);
        const bool named =
            std::find(redaction.pointers.begin(), redaction.pointers.end(), "/details/file_name") != redaction.pointers.end();
        if (named) before = catalog::find_artifact(connection, ArtifactId::parse(texts.artifact_id));
        if (!texts.artifact_id.empty()) draft.artifact_id = texts.artifact_id;
        if (!texts.run_id.empty()) draft.run_id = texts.run_id;
    };
    manager_->attempt(draft, [&] {
        manager::require_text(reason, "the reason", 4096);
        if (reason.empty()) throw InvalidArgument("a withdrawal needs a reason");
        draft.details["reason"] = manager_->clean_message(reason);
        manager_->database().read(look);
    });
    if (dry_run) return redaction;
    if (!redaction.pointers.empty()) {
        manager_->change(draft, [&](sqlite::Connection& connection, ManagerImpl::Recorder&) {
            look(connection);
            redaction.also_in = audit::withdraw_texts(connection, seq, redaction.pointers);
            draft.details["pointers"] = redaction.pointers;
        });
        rename_link(*manager_, before);
        rewrite_month(*manager_, seq);
    }
    redaction.held_by = purge(*manager_);
    return redaction;
}

}  // namespace custody
