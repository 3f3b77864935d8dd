// The store as a tree of the original's: built beside its place, and put there whole.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <custody/artifact_manager.hpp>
#include <map>
#include <set>

#include "audit/table.hpp"
#include "blobs/barrier.hpp"
#include "blobs/copy.hpp"
#include "blobs/durable.hpp"
#include "catalog/artifacts.hpp"
#include "catalog/runs.hpp"
#include "manager/original_import.hpp"
#include "original/forms.hpp"
#include "original/lenient_json.hpp"

namespace custody {

namespace {

namespace fs = std::filesystem;

// Entries of payloads that are handed out are committed for so many at once, before the first of them is written.
constexpr std::size_t most_in_one = 1000;

[[noreturn]] void fail_at(const fs::path& path, int code) {
    throw IoError("can't write " + path.string() + ": " + std::strerror(code), code);
}

// The folder under another name beside its own, until it is whole.
class Unfinished {
   public:
    explicit Unfinished(const fs::path& wanted) {
        std::error_code code;
        auto absolute = fs::absolute(wanted).lexically_normal();
        if (!absolute.has_filename()) absolute = absolute.parent_path();  // "tree/"
        blobs::make_parents(absolute);
        const auto parent = fs::canonical(absolute.parent_path(), code);
        if (code)
            throw IoError("can't resolve the path " + absolute.parent_path().string() + ": " + code.message(), code.value());
        folder_ = parent / absolute.filename();
        const auto status = fs::symlink_status(folder_, code);
        const bool is_free = !fs::exists(status) || (fs::is_directory(status) && fs::is_empty(folder_, code) && !code);
        if (!is_free)
            throw InvalidArgument(folder_.string() + " is not empty: a tree is written to a new folder, and nothing was changed");
        std::string name = ".";
        name.append(folder_.filename().string()).append(".unfinished-").append(ArtifactId::random().str(), 0, 8);
        path_ = parent / name;
        blobs::make_folder(path_, 0700);
        if (blobs::Barrier::works_in(path_, {})) barrier_.emplace(path_);
    }
    Unfinished(const Unfinished&) = delete;
    Unfinished& operator=(const Unfinished&) = delete;
    ~Unfinished() {
        std::error_code ignored;
        if (!path_.empty()) fs::remove_all(path_, ignored);
    }
    [[nodiscard]] const fs::path& path() const { return path_; }
    [[nodiscard]] const fs::path& final_place() const { return folder_; }

    void finish() {
        if (barrier_) {
            barrier_->sync();
        } else {
            sync_each();
        }
        if (::rename(path_.c_str(), folder_.c_str()) != 0) fail_at(folder_, errno);
        path_.clear();
        blobs::sync_folder(folder_.parent_path());
    }

   private:
    // Where one sync for all can't be trusted.
    void sync_each() const {
        std::vector<fs::path> all{path_};
        for (const auto& entry : fs::recursive_directory_iterator(path_)) all.push_back(entry.path());
        blobs::sync_at_once(all.size(), [&](std::size_t i) {
            const blobs::Descriptor file(::open(all[i].c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
            if (!file) fail_at(all[i], errno);
            blobs::sync_file(file.get(), all[i]);
        });
    }
    fs::path folder_{};
    fs::path path_{};
    std::optional<blobs::Barrier> barrier_{};
};

void write_file(const fs::path& path, std::string_view text) {
    const blobs::Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file) fail_at(path, errno);
    blobs::write_all(file.get(), text, path);
}

// The audit files; entries of one month mostly follow one another, so one file is open at a time.
class MonthWriter {
   public:
    explicit MonthWriter(fs::path folder) : folder_(std::move(folder)) {}
    void add(const std::string& name, const std::string& line) {
        if (name != name_) open(name);
        held_ += line;
        held_ += '\n';
        if (held_.size() > limit_bytes) flush();
    }
    void flush() {
        if (file_) blobs::write_all(file_.get(), held_, folder_ / name_);
        held_.clear();
    }

   private:
    static constexpr std::size_t limit_bytes = std::size_t{1} << 18U;
    void open(const std::string& name) {
        flush();
        name_ = name;
        const auto path = folder_ / name;
        // A writer's first lines begin the file, whatever one before it left: a read that fails is done over.
        const int how = begun_.insert(name).second ? O_TRUNC : O_APPEND;
        file_ = blobs::Descriptor(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | how, 0600));
        if (!file_) fail_at(path, errno);
    }
    fs::path folder_;
    std::string name_{};
    std::string held_{};
    blobs::Descriptor file_{};
    std::set<std::string> begun_{};
};

// "audit/audit_202401.jsonl:17" → "audit_202401.jsonl"; empty for other names.
std::string month_file_of(const std::string& from) {
    static constexpr std::string_view form = "audit/audit_000000.jsonl";
    if (from.size() <= form.size() || from[form.size()] != ':') return {};
    for (std::size_t i = 0; i < form.size(); ++i) {
        const bool fits = form[i] == '0' ? from[i] >= '0' && from[i] <= '9' : from[i] == form[i];
        if (!fits) return {};
    }
    return from.substr(6, form.size() - 6);
}

class Export {
   public:
    Export(ManagerImpl& manager, const OriginalExport& options, audit::Draft& entry)
        : manager_(manager), options_(options), entry_(entry), zone_(manager::zone_of(options.timezone)) {}

    ExportReport write(const fs::path& folder) {
        Unfinished tree(folder);
        report_.folder = tree.final_place();
        report_.timezone = zone_.name();
        for (const char* below : {"storage", "storage/artifacts", "storage/metadata", "storage/runs", "storage/temp", "audit"}) {
            blobs::make_folder(tree.path() / below, 0700, blobs::Sync::later);
        }
        manager_.database().read([&](sqlite::Connection& connection) { load(connection); });
        leave_out_unknown_types();
        for (const auto& artifact : artifacts_) {
            if (is_there(artifact)) total_bytes_ += *artifact.file_size;
        }
        for (std::size_t begin = 0; begin < artifacts_.size(); begin += most_in_one) {
            write_artifacts(tree.path(), begin, std::min(begin + most_in_one, artifacts_.size()));
        }
        for (const auto& run : runs_)
            write_file(tree.path() / "storage/runs" / (run.id.str() + ".json"), original::run_form(run, name_of_, zone_));
        report_.runs = runs_.size();
        manager_.database().read([&](sqlite::Connection& connection) { write_entries(connection, tree.path() / "audit"); });
        describe();
        manager_.record(entry_);
        tree.finish();
        return std::move(report_);
    }

   private:
    static bool is_there(const Artifact& artifact) { return artifact.checksum && !artifact.removed_at; }

    void load(sqlite::Connection& connection) {
        artifacts_ = catalog::list_artifacts(connection, {});
        std::reverse(artifacts_.begin(), artifacts_.end());
        runs_ = catalog::list_runs(connection, {});
        last_seq_ = audit::last_seq(connection);
        for (const auto& artifact : artifacts_) {
            // An id that was no UUID became one of version 8.
            if (artifact.id.bytes()[6] >> 4U != 8U) continue;
            const auto text = audit::imported_record(connection, artifact.id.str());
            const auto record = text ? original::read_lenient(*text) : std::nullopt;
            const auto name = record ? record->text("artifact_id").value_or("") : std::string();
            const bool is_file_name =
                !name.empty() && name.size() <= 200 && name.front() != '.' && name.find('/') == std::string::npos;
            if (is_file_name) names_.emplace(artifact.id, name);
        }
    }

    // One record of a type that the original doesn't know would break each of its lists.
    void leave_out_unknown_types() {
        std::map<ArtifactId, ArtifactType> out;
        for (const auto& artifact : artifacts_) {
            if (!original::is_known_type(artifact.type)) out.emplace(artifact.id, artifact.type);
        }
        for (const auto& [id, type] : out) {
            report_.remarks.push_back({ImportRemark::Kind::left_out, "storage/metadata/" + name_of_(id) + ".json", 0, id.str(),
                                       "the original has no artifact type " + type.str()});
        }
        std::erase_if(artifacts_, [&](const Artifact& artifact) { return out.contains(artifact.id); });
        for (auto& artifact : artifacts_) {
            std::erase_if(artifact.source_artifacts, [&](const ArtifactId& source) { return out.contains(source); });
            std::erase_if(artifact.links, [&](const auto& link) { return out.contains(link.second); });
        }
        for (auto& run : runs_) {
            for (auto* list : {&run.inputs, &run.outputs})
                std::erase_if(*list, [&](const ArtifactId& id) { return out.contains(id); });
        }
    }

    // `artifacts/<type>/<id>_<name>`, with the id that it has there.
    [[nodiscard]] fs::path place_of(const Artifact& artifact) const {
        if (artifact.file_path.empty()) return {};
        const auto own = fs::path(artifact.file_path).filename().string();
        return fs::path("storage/artifacts") / artifact.type.str() /
               (name_of_(artifact.id) + own.substr(artifact.id.str().size()));
    }

    void write_artifacts(const fs::path& tree, std::size_t begin, std::size_t end) {
        hand_out(begin, end);
        for (auto i = begin; i < end; ++i) {
            const auto& artifact = artifacts_[i];
            const auto place = place_of(artifact);
            if (is_there(artifact)) copy(artifact, tree / place);
            const auto file_path = place.empty() ? std::string() : (report_.folder / place).string();
            write_file(tree / "storage/metadata" / (name_of_(artifact.id) + ".json"),
                       original::record_form(artifact, name_of_, file_path, zone_));
            ++report_.artifacts;
        }
    }

    // Who had a payload, and when, is known before anybody has it.
    void hand_out(std::size_t begin, std::size_t end) {
        manager_.transact([&](sqlite::Connection&, ManagerImpl::Recorder& recorder) {
            for (auto i = begin; i < end; ++i) {
                const auto& artifact = artifacts_[i];
                if (!is_there(artifact)) continue;
                auto entry = manager_.draft("artifact_access", "checkout");
                entry.artifact_id = artifact.id.str();
                if (!artifact.processing_module.empty()) entry.module = artifact.processing_module;
                entry.details = {{"checksum", artifact.checksum->hex()}, {"artifact_type", artifact.type.name()}};
                recorder.append(entry);
            }
        });
    }

    void copy(const Artifact& artifact, const fs::path& target) {
        if (folders_.insert(target.parent_path()).second) blobs::make_folder(target.parent_path(), 0700, blobs::Sync::later);
        const auto source = manager_.blobs().path_of(*artifact.checksum);
        const auto from = manager_.blobs().open(*artifact.checksum);
        const blobs::Descriptor to(::open(target.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
        if (!to) fail_at(target, errno);
        const auto tell = [&](std::uint64_t done) {
            if (options_.progress) options_.progress(report_.payload_bytes + done, total_bytes_);
        };
        const auto hashed = blobs::copy_and_hash({from.get(), source}, {to.get(), target}, *artifact.file_size, {}, tell);
        if (hashed.digest != *artifact.checksum) {
            throw Corruption("the payload of artifact " + artifact.id.str() + " is not what was stored; run custody verify");
        }
        ++report_.payloads;
        report_.payload_bytes += hashed.size_bytes;
    }

    void write_entries(sqlite::Connection& connection, const fs::path& folder) {
        MonthWriter months(folder);
        report_.audit_entries = report_.audit_entries_left_out = 0;
        audit::for_each_entry(connection, {}, [&](audit::StoredEntry&& stored) {
            if (stored.seq > last_seq_) return;
            if (write_entry(connection, stored, months)) {
                ++report_.audit_entries;
            } else {
                ++report_.audit_entries_left_out;
            }
        });
        months.flush();
    }

    bool write_entry(sqlite::Connection& connection, const audit::StoredEntry& stored, MonthWriter& months) const {
        auto entry = audit::with_texts(connection, stored);
        auto& details = entry.at("details");
        const bool is_history = details.contains("imported_from");
        if (details.contains("damaged")) return false;
        // What an import made is told by what it imported.
        if (!is_history && details.contains("occurred_at")) return false;
        if (!is_history &&
            !original::is_known_action(entry.at("operation").get<std::string>(), entry.at("action").get<std::string>()))
            return false;
        if (details.contains("occurred_at")) entry["timestamp"] = details["occurred_at"];
        const auto local = original::write_time(Timestamp::parse(entry.at("timestamp").get<std::string>()), zone_);
        auto file = is_history ? month_file_of(details["imported_from"].get<std::string>()) : std::string();
        if (file.empty()) file = "audit_" + local.substr(0, 4) + local.substr(5, 2) + ".jsonl";
        const auto imported = details.value("imported", std::string());
        const bool is_withdrawn = imported.starts_with("sha256:");
        if (is_history && !is_withdrawn) {
            months.add(file, imported);
            return true;
        }
        if (is_history) details = {{"withdrawn", true}};
        if (const auto id =
                ArtifactId::try_parse(entry["artifact_id"].is_string() ? entry["artifact_id"].get<std::string>() : "")) {
            entry["artifact_id"] = name_of_(*id);
        }
        months.add(file, original::entry_form(entry, zone_));
        return true;
    }

    void describe() {
        entry_.details.update({{"timezone", report_.timezone},
                               {"artifacts", report_.artifacts},
                               {"payloads", report_.payloads},
                               {"runs", report_.runs},
                               {"audit_entries", report_.audit_entries},
                               {"audit_entries_left_out", report_.audit_entries_left_out},
                               {"left_out_count", report_.remarks.size()}});
    }

    ManagerImpl& manager_;
    const OriginalExport& options_;
    audit::Draft& entry_;
    original::Zone zone_;
    std::vector<Artifact> artifacts_{};
    std::vector<RunRecord> runs_{};
    std::int64_t last_seq_ = 0;
    std::map<ArtifactId, std::string> names_{};
    std::set<fs::path> folders_{};
    std::uint64_t total_bytes_ = 0;
    ExportReport report_{};
    original::NameOf name_of_ = [this](const ArtifactId& id) {
        const auto found = names_.find(id);
        return found == names_.end() ? id.str() : found->second;
    };
};

}  // namespace

ExportReport ArtifactManager::export_original(const fs::path& folder, const OriginalExport& options) {
    impl_->flush_reads();
    auto entry = impl_->draft("store", "export");
    return impl_->attempt(entry, [&] {
        impl_->refuse_inside_store(folder, "an exported tree");
        return Export(*impl_, options, entry).write(folder);
    });
}

}  // namespace custody
