#include "manager/payload_search.hpp"

#include <fcntl.h>

#include <custody/error.hpp>
#include <map>
#include <optional>

#include "blobs/copy.hpp"
#include "blobs/descriptor.hpp"

namespace custody::manager {

namespace {

namespace fs = std::filesystem;

std::optional<Digest> digest_of(const fs::path& file) {
    try {
        const blobs::Descriptor opened(::open(file.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
        if (!opened) return std::nullopt;
        return blobs::hash_file(opened.get(), file).digest;
    } catch (const Error&) {
        return std::nullopt;
    }
}

}  // namespace

std::vector<std::pair<catalog::PayloadRow, fs::path>> search_payloads(const fs::path& folder,
                                                                      const std::vector<catalog::PayloadRow>& wanted) {
    std::map<std::uint64_t, std::map<Digest, const catalog::PayloadRow*>> by_size;
    for (const auto& row : wanted) by_size[row.size_bytes].emplace(row.digest, &row);
    std::vector<std::pair<catalog::PayloadRow, fs::path>> found;
    std::error_code error;
    fs::recursive_directory_iterator entry(folder, fs::directory_options::skip_permission_denied, error);
    if (error) throw IoError("can't read the folder " + folder.string() + ": " + error.message(), error.value());
    for (const fs::recursive_directory_iterator end; entry != end && !by_size.empty(); entry.increment(error)) {
        std::error_code gone;
        if (!fs::is_regular_file(entry->symlink_status(gone)) || gone) continue;
        const auto size = entry->file_size(gone);
        const auto same_size = gone ? by_size.end() : by_size.find(size);
        if (same_size == by_size.end()) continue;
        const auto digest = digest_of(entry->path());
        const auto match = digest ? same_size->second.find(*digest) : same_size->second.end();
        if (match == same_size->second.end()) continue;
        found.emplace_back(*match->second, entry->path());
        same_size->second.erase(match);
        if (same_size->second.empty()) by_size.erase(same_size);
    }
    return found;
}

}  // namespace custody::manager
