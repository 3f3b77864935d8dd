// A store of the original system comes over: planned, brought in batch by batch, and reported line by line.

#include "manager/original_import.hpp"

#include <stdlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <custody/artifact_manager.hpp>

#include "blobs/copy.hpp"
#include "blobs/durable.hpp"
#include "catalog/artifacts.hpp"
#include "catalog/lineage.hpp"

namespace custody {

namespace {

using manager::Arrival;

// So many artifacts come in together, with one sync for their files and one transaction; fewer where they are large.
constexpr std::size_t most_in_one = 256;
constexpr std::uint64_t most_bytes_in_one = std::uint64_t{1} << 30U;

class Import {
   public:
    Import(ArtifactManager& facade, ManagerImpl& manager, const std::filesystem::path& folder, const OriginalImport& options)
        : facade_(facade), manager_(manager), folder_(folder), options_(options), entry_(manager.draft("audit_trail", "import")) {
        report_.dry_run = options.dry_run;
        entry_.details["source_path"] = manager.clean_message(folder.string());
        if (options.dry_run) entry_.details["dry_run"] = true;
    }

    ImportReport run() {
        try {
            bring_over();
            finish_entry();
            manager_.record(entry_);
        } catch (const InvalidState&) {
            throw;
        } catch (const Error& error) {
            fail(error);
            throw;
        } catch (const std::exception& error) {
            ManagerImpl::fail_foreign(error, [&](const Error& failure) { fail(failure); });
        }
        return std::move(report_);
    }

   private:
    void bring_over() {
        manager_.refuse_own(folder_);
        const auto zone = manager::zone_of(options_.timezone);
        report_.timezone = zone.name();
        entry_.details["timezone"] = zone.name();
        tree_ = original::read_tree(folder_, zone);
        manager::ImportPlan plan;
        const auto remarks_before = tree_.remarks.size();
        manager_.database().read([&](sqlite::Connection& connection) {
            tree_.remarks.resize(remarks_before);
            plan = manager::plan_import(manager_, connection, tree_, options_);
        });
        manager::cut_links(plan, tree_);
        report_.artifacts_there = plan.there.size();
        report_.runs = manager::import_runs(manager_, tree_, options_, options_.dry_run);
        report_.runs_there = tree_.runs.size() - report_.runs;
        for (const auto& arrival : plan.arrivals) total_bytes_ += size_of(*arrival.record);
        options_.dry_run ? look_through(plan) : bring_artifacts(plan);
        link_later(plan);
        report_.audit_entries = manager::import_lines(manager_, tree_.lines, options_.dry_run, [&] { tell(0); });
        report_.audit_entries_there = tree_.lines.size() - report_.audit_entries;
        original::sort(tree_.remarks);
        report_.remarks = std::move(tree_.remarks);
    }

    static std::uint64_t size_of(const original::Record& record) {
        std::error_code ignored;
        const auto size = record.payload.empty() ? 0 : std::filesystem::file_size(record.payload, ignored);
        return ignored ? 0 : size;
    }

    void tell(std::uint64_t of_batch) const {
        if (options_.progress) options_.progress(done_bytes_ + of_batch, total_bytes_);
    }

    // What an import would do: payloads are hashed, and nothing is written.
    void look_through(const manager::ImportPlan& plan) {
        for (const auto& arrival : plan.arrivals) {
            const auto& record = *arrival.record;
            std::string trouble;
            std::optional<blobs::Hashed> hashed;
            if (!record.payload.empty()) {
                const auto file = blobs::open_source(record.payload, {});
                hashed = blobs::hash_file(file.get(), record.payload, [&](std::uint64_t done) { tell(done); });
            }
            if (hashed && record.checksum && hashed->digest != *record.checksum) {
                trouble = "its SHA-256 is " + hashed->digest.hex() + ", and not that of its record";
                hashed.reset();
            }
            count(arrival, trouble, hashed ? std::optional(hashed->size_bytes) : std::nullopt,
                  hashed ? std::optional(hashed->digest) : std::nullopt);
            report_.links += record.links.size();
            done_bytes_ += size_of(record);
        }
    }

    void count(const Arrival& arrival, const std::string& trouble, const std::optional<std::uint64_t>& size_bytes,
               const std::optional<Digest>& digest) {
        ++report_.artifacts;
        report_.payloads += digest ? 1 : 0;
        report_.payload_bytes += size_bytes.value_or(0);
        manager::tell_payload(*arrival.record, arrival, trouble, size_bytes, digest, tree_.remarks);
    }

    void bring_artifacts(const manager::ImportPlan& plan) {
        for (std::size_t begin = 0; begin < plan.arrivals.size();) {
            auto end = begin;
            for (std::uint64_t bytes = 0; end < plan.arrivals.size() && end - begin < most_in_one; ++end) {
                bytes += size_of(*plan.arrivals[end].record);
                if (end != begin && bytes > most_bytes_in_one) break;
            }
            bring_batch({plan.arrivals.begin() + static_cast<std::ptrdiff_t>(begin),
                         plan.arrivals.begin() + static_cast<std::ptrdiff_t>(end)});
            begin = end;
        }
    }

    void bring_batch(std::span<const Arrival> arrivals) {
        std::vector<NewArtifact> wanted;
        wanted.reserve(arrivals.size());
        batch_.clear();
        batch_.reserve(arrivals.size());
        for (const auto& arrival : arrivals) {
            const auto& record = *arrival.record;
            wanted.push_back({.type = record.type,
                              .source_path = record.payload,
                              .allow_identified_release = options_.allow_identified_release});
            auto& making = batch_.emplace_back(wanted.back(), arrival.entry);
            making.expected_bytes = size_of(record);
            making.expected = record.checksum;
        }
        const Making* at = nullptr;
        bring_in(manager_, batch_, at, [&](std::uint64_t done, std::uint64_t) { tell(done); });
        std::vector<bool> added(arrivals.size());
        std::uint64_t links = 0;
        manager_.transact([&](sqlite::Connection& connection, ManagerImpl::Recorder& recorder) {
            links = 0;
            for (std::size_t i = 0; i < arrivals.size(); ++i) {
                added[i] = manager::insert_imported(manager_, connection, recorder, batch_[i], arrivals[i], links);
            }
        });
        for (std::size_t i = 0; i < arrivals.size(); ++i) {
            const auto& staged = batch_[i].staged;
            done_bytes_ += batch_[i].expected_bytes;
            if (!added[i]) {
                ++report_.artifacts_there;
                continue;
            }
            count(arrivals[i], batch_[i].payload_trouble, staged ? std::optional(staged->size_bytes()) : std::nullopt,
                  staged ? std::optional(staged->digest()) : std::nullopt);
        }
        report_.links += links;
        batch_.clear();
    }

    // Links of artifacts that were there before: new ones since then.
    void link_later(const manager::ImportPlan& plan) {
        std::vector<std::pair<original::Record*, std::size_t>> missing;
        manager_.database().read([&](sqlite::Connection& connection) {
            missing.clear();
            for (auto* record : plan.there) {
                const auto output = catalog::find_key(connection, record->id);
                for (std::size_t i = 0; i < record->links.size(); ++i) {
                    const auto source = catalog::find_key(connection, record->links[i].first);
                    const bool is_there =
                        source && output && catalog::has_edge(connection, *output, *source, record->links[i].second);
                    if (!is_there) missing.emplace_back(record, i);
                }
            }
        });
        for (const auto& [record, i] : missing) {
            const auto& [source, relationship] = record->links[i];
            if (options_.dry_run) {
                ++report_.links;
                continue;
            }
            try {
                report_.links += facade_.link_artifacts({.source_artifact_ids = {source},
                                                         .output_artifact_id = record->id,
                                                         .relationship = relationship,
                                                         .allow_identified_release = options_.allow_identified_release});
            } catch (const Conflict& error) {
                tree_.remarks.push_back({ImportRemark::Kind::left_out, record->path, 0, record->id.str(), error.what()});
            } catch (const Refused& error) {
                tree_.remarks.push_back({ImportRemark::Kind::left_out, record->path, 0, record->id.str(), error.what()});
            }
        }
    }

    void finish_entry() {
        using Kind = ImportRemark::Kind;
        auto& details = entry_.details;
        details["artifacts"] = report_.artifacts;
        details["payloads"] = report_.payloads;
        details["links"] = report_.links;
        details["runs"] = report_.runs;
        details["audit_entries"] = report_.audit_entries;
        details["mended_count"] = report_.count(Kind::mended);
        details["left_out_count"] = report_.count(Kind::left_out);
    }

    // What came over stays; the batch that was on its way goes out again.
    void fail(const Error& error) {
        finish_entry();
        fail_together(manager_, std::move(entry_), error, batch_);
    }

    ArtifactManager& facade_;
    ManagerImpl& manager_;
    const std::filesystem::path& folder_;
    const OriginalImport& options_;
    audit::Draft entry_;
    original::Tree tree_{};
    std::vector<Making> batch_{};
    ImportReport report_{};
    std::uint64_t total_bytes_ = 0;
    std::uint64_t done_bytes_ = 0;
};

// A folder for a store that nobody keeps.
class NewStore {
   public:
    NewStore() {
        std::error_code code;
        const auto parent = std::filesystem::temp_directory_path(code);
        if (code) throw IoError("there is no folder for temporary files (TMPDIR): " + code.message(), code.value());
        auto pattern = (parent / "custody-XXXXXX").string();
        if (::mkdtemp(pattern.data()) == nullptr) {
            throw IoError("can't make a temporary folder: " + std::string(std::strerror(errno)), errno);
        }
        path_ = pattern;
    }
    NewStore(const NewStore&) = delete;
    NewStore& operator=(const NewStore&) = delete;
    ~NewStore() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

   private:
    std::filesystem::path path_;
};

}  // namespace

namespace manager {

original::Zone zone_of(const std::string& name) { return name.empty() ? original::Zone::local() : original::Zone::named(name); }

}  // namespace manager

ImportReport ArtifactManager::import_original(const std::filesystem::path& folder, const OriginalImport& options) {
    return Import(*this, *impl_, folder, options).run();
}

ImportReport ArtifactManager::examine_original(const std::filesystem::path& folder, const OriginalImport& options) {
    // The same steps against a store that is new and goes again.
    const NewStore store;
    auto dry = options;
    dry.dry_run = true;
    return ArtifactManager(store.path(), {.group_reads = false}).import_original(folder, dry);
}

}  // namespace custody
