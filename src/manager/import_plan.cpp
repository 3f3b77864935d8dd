// Which artifacts of an original store may come in: the rules for new ones hold for them too.

#include <set>

#include "audit/table.hpp"
#include "blobs/durable.hpp"
#include "catalog/artifacts.hpp"
#include "catalog/lineage.hpp"
#include "catalog/types.hpp"
#include "manager/original_import.hpp"

namespace custody::manager {

namespace {

using Kind = ImportRemark::Kind;

class Planning {
   public:
    Planning(ManagerImpl& manager, sqlite::Connection& connection, original::Tree& tree, const OriginalImport& options)
        : manager_(manager), connection_(connection), tree_(tree), options_(options) {
        for (const auto& line : tree.lines) {
            if (line.operation == "artifact_cleanup" && line.success && line.artifact_id && line.time) {
                removed_at_.emplace(*line.artifact_id, *line.time);
            }
        }
        for (const auto& record : tree.records) {
            if (record.checksum && sensitivities_.of(record.type) == Sensitivity::identified && record.file_size != 0) {
                identified_.emplace(*record.checksum, record.id);
            }
        }
    }

    ImportPlan run() {
        ImportPlan plan;
        for (auto& record : tree_.records) {
            if (const auto key = catalog::find_key(connection_, record.id)) {
                note_change(record);
                plan.there.push_back(&record);
                continue;
            }
            Arrival arrival{&record, manager_.draft("artifact_creation", "create")};
            if (const auto found = removed_at_.find(record.id); found != removed_at_.end()) arrival.removed_at = found->second;
            if (may_come(arrival)) {
                plan.arrivals.push_back(std::move(arrival));
            } else {
                plan.out.insert(record.id);
            }
        }
        return plan;
    }

   private:
    void leave_out(const original::Record& record, const std::string& why) {
        tree_.remarks.push_back({Kind::left_out, record.path, 0, record.id.str(), why});
    }

    void note_change(const original::Record& record) {
        const auto imported = audit::imported_record(connection_, record.id.str());
        if (!imported || *imported == record.text) return;
        tree_.remarks.push_back(
            {Kind::note, record.path, 0, record.id.str(),
             "the record was changed since it was imported; what was changed in it stays behind, but for new links"});
    }

    bool may_come(Arrival& arrival) {
        const auto& record = *arrival.record;
        const auto sensitivity = sensitivities_.of(record.type);
        if (!sensitivity) {
            leave_out(record, "the artifact type " + record.type.str() +
                                  " is not registered in the store: register it first (custody type add " + record.type.str() +
                                  " --sensitivity S), then import again");
            return false;
        }
        try {
            manager_.check_imported_object(record.metadata_text, "metadata", options_.allow_phi_metadata, arrival.entry);
        } catch (const Error& error) {
            leave_out(record, error.what());
            return false;
        }
        if (!can_be_opened(record)) return false;
        return *sensitivity != Sensitivity::deidentified || may_be_released(record);
    }

    // An artifact that came over without its payload would stay without it; so it waits for the next import.
    bool can_be_opened(const original::Record& record) {
        if (record.payload.empty()) return true;
        try {
            (void)blobs::open_source(record.payload, {});
            return true;
        } catch (const Error& error) {
            leave_out(record, std::string(error.what()) + ": the artifact stays behind until its payload can be read");
            return false;
        }
    }

    // What is identified by any record or artifact must not come in as de-identified.
    bool may_be_released(const original::Record& record) {
        if (!record.checksum || record.payload.empty() || options_.allow_identified_release) return true;
        const auto in_tree = identified_.find(*record.checksum);
        auto identified = in_tree == identified_.end() ? std::nullopt : std::optional(in_tree->second);
        if (!identified) {
            identified = catalog::find_identified(connection_, *record.checksum, record.file_size.value_or(0), {});
        }
        if (!identified) return true;
        leave_out(record, "the payload of this " + record.type.str() + " is byte for byte that of the identified artifact " +
                              identified->str() +
                              ": it was not de-identified (to bring it in all the same: "
                              "--allow-identified-release, which is audited)");
        return false;
    }

    ManagerImpl& manager_;
    sqlite::Connection& connection_;
    original::Tree& tree_;
    const OriginalImport& options_;
    std::map<ArtifactId, Timestamp> removed_at_{};
    std::map<Digest, ArtifactId> identified_{};
    catalog::Sensitivities sensitivities_{connection_};
};

}  // namespace

ImportPlan plan_import(ManagerImpl& manager, sqlite::Connection& connection, original::Tree& tree,
                       const OriginalImport& options) {
    return Planning(manager, connection, tree, options).run();
}

void cut_links(const ImportPlan& plan, original::Tree& tree) {
    const auto cut = [&](original::Record& record) {
        std::erase_if(record.links, [&](const auto& link) {
            if (!plan.out.contains(link.first)) return false;
            tree.remarks.push_back({Kind::left_out, record.path, 0, record.id.str(),
                                    "the link to " + link.first.str() + ": that artifact stays behind"});
            return true;
        });
    };
    for (const auto& arrival : plan.arrivals) cut(*arrival.record);
    for (auto* record : plan.there) cut(*record);
}

void tell_payload(const original::Record& record, const Arrival& arrival, const std::string& trouble,
                  const std::optional<std::uint64_t>& size_bytes, const std::optional<Digest>& digest,
                  original::Remarks& remarks) {
    const auto tell = [&](Kind kind, const std::string& message) {
        remarks.push_back({kind, record.path, 0, record.id.str(), message});
    };
    if (digest) {
        if (!record.checksum) tell(Kind::mended, "the record had no checksum; it is now that of the file, which nothing proves");
        if (record.file_size != size_bytes) tell(Kind::mended, "the file_size was not that of the file");
        return;
    }
    if (record.payload.empty() && !record.checksum && record.file_path.empty()) return;
    if (arrival.removed_at && record.payload.empty()) {
        tell(Kind::note, "its payload was removed by cleanup on " + arrival.removed_at->str());
        return;
    }
    const bool kept = record.checksum && record.file_size;
    tell(Kind::left_out, "the payload: " + (trouble.empty() ? "its file is missing" : trouble) +
                             (kept ? ". The artifact came over with its checksum, as one whose payload was removed"
                                   : ". The artifact came over without it"));
}

}  // namespace custody::manager
