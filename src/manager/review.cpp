// What reviewers take away: answers to their own SQL, and a database of their own.

#include <unistd.h>

#include <cerrno>
#include <custody/artifact_manager.hpp>
#include <fstream>

#include "audit/table.hpp"
#include "manager/manager_impl.hpp"
#include "sqlite/copy.hpp"
#include "sqlite/reviewer_query.hpp"

namespace custody {

namespace {

// The databases that a snapshot is made of; they go when it is done.
struct Draft {
    explicit Draft(const std::filesystem::path& folder) {
        const auto name = ArtifactId::random().str();
        whole = folder / (name + ".db");
        without_text = folder / (name + "-without-text.db");
    }
    Draft(const Draft&) = delete;
    Draft& operator=(const Draft&) = delete;
    ~Draft() {
        for (const auto& file : {whole, without_text}) {
            for (const char* suffix : {"", "-wal", "-shm", "-journal"}) ::unlink((file.string() + suffix).c_str());
        }
    }
    std::filesystem::path whole;
    std::filesystem::path without_text;
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
        // Built in this process's own folder, then copied: free text never reaches a place that others read.
        const Draft made(impl_->temp_folder());
        const auto mode = impl_->blobs().modes().file();
        sqlite::copy_database(impl_->layout().catalog(), made.whole, mode);
        draft.details["last_seq"] = audit::last_seq(*sqlite::open_connection(made.whole, sqlite::Access::read_write));
        if (!options.include_text) sqlite::rewrite_database(made.whole, made.without_text, mode, catalog::erase_texts);
        const auto fill = [&](const auto& append) {
            copy_into(options.include_text ? made.whole : made.without_text, append);
            impl_->record(draft);  // before the file has its name
        };
        blobs::write_atomically(output, mode, fill, blobs::IfThere::refuse);
        return output;
    });
}

}  // namespace custody
