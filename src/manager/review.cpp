// What reviewers take away: answers to their own SQL, and a database of their own.

#include <unistd.h>

#include <cerrno>
#include <custody/artifact_manager.hpp>
#include <fstream>

#include "audit/sealing.hpp"
#include "audit/table.hpp"
#include "manager/manager_impl.hpp"
#include "sqlite/copy.hpp"
#include "sqlite/reviewer_query.hpp"

namespace custody {

namespace {

// The databases that a snapshot is made of; they go when it is done.
class Draft {
   public:
    explicit Draft(const std::filesystem::path& folder) {
        const auto name = ArtifactId::random().str();
        whole = folder / (name + ".db");
        without_text = folder / (name + "-without-text.db");
        for (const auto& file : {whole, without_text}) {
            for (const char* suffix : {"", "-wal", "-shm", "-journal"}) files_.push_back(file.string() + suffix);
        }
    }
    Draft(const Draft&) = delete;
    Draft& operator=(const Draft&) = delete;
    ~Draft() {
        for (const auto& file : files_) ::unlink(file.c_str());
    }
    std::filesystem::path whole;
    std::filesystem::path without_text;

   private:
    std::vector<std::string> files_;  ///< named beforehand: there may be no memory for that in the end
};

void copy_into(const std::filesystem::path& file, const std::function<void(std::string_view)>& append) {
    std::ifstream in(file, std::ios::binary);
    std::vector<char> buffer(1U << 20U);
    while (in.read(buffer.data(), static_cast<std::streamsize>(buffer.size())) || in.gcount() > 0) {
        append({buffer.data(), static_cast<std::size_t>(in.gcount())});
    }
    if (!in.eof()) throw IoError("can't read " + file.string(), EIO);
}

}  // namespace

SqlResult ArtifactManager::sql(const std::string& query, const SqlOptions& options) {
    impl_->flush_reads();
    auto draft = impl_->draft("sql", "query");
    return impl_->attempt(draft, [&] {
        manager::require_text(query, "the query", 1U << 20U);
        draft.details["query"] = query;
        if (options.time_limit.count() <= 0) throw InvalidArgument("the time limit must be positive");
        auto result = sqlite::run_reviewer_query(impl_->layout().catalog(), query, options);
        draft.details["row_count"] = result.rows.size();
        impl_->record_read(draft, false);
        return result;
    });
}

std::filesystem::path ArtifactManager::snapshot(const std::filesystem::path& output, const SnapshotOptions& options) {
    impl_->flush_reads();
    auto draft = impl_->draft("store", "snapshot");
    draft.details["include_text"] = options.include_text;
    return impl_->attempt(draft, [&] {
        if (output.empty()) throw InvalidArgument("a snapshot needs a file to be written to");
        impl_->refuse_own(output);
        blobs::refuse_existing(output);
        const auto key = impl_->signing_key(options.signing_key);
        // Built in this process's own folder, then copied: free text never reaches a place that others read.
        const Draft made(impl_->temp_folder());
        const auto mode = impl_->blobs().modes().file();
        sqlite::copy_database(impl_->layout().catalog(), made.whole, mode);
        std::int64_t last_seq = 0;
        sqlite::change_copy(made.whole, [&](sqlite::Connection& copy) {
            last_seq = audit::last_seq(copy);
            if (key) (void)audit::sealed_note(copy, impl_->trail_name(), *key, static_cast<std::uint64_t>(last_seq));
            if (!options.include_text) catalog::erase_texts(copy);
        });
        draft.details["last_seq"] = last_seq;
        draft.details["sealed"] = key != nullptr;
        if (!options.include_text) sqlite::rewrite_copy(made.whole, made.without_text, mode);
        const auto fill = [&](const auto& append) {
            copy_into(options.include_text ? made.whole : made.without_text, append);
            impl_->transact(
                [&](sqlite::Connection& connection, ManagerImpl::Recorder& recorder) {  // before the file has its name
                    // What was signed for the copy is kept here too: signing is deterministic.
                    if (key) {
                        audit::seal_heads(connection, impl_->trail_name(), *key, {static_cast<std::uint64_t>(last_seq)},
                                          draft.details);
                    }
                    recorder.append(draft);
                });
        };
        blobs::write_atomically(output, mode, fill, blobs::IfThere::refuse);
        return output;
    });
}

}  // namespace custody
