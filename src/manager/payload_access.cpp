// Handing out payloads: checked, and recorded before anything is given away.

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <custody/artifact_manager.hpp>

#include "base/sha256.hpp"
#include "catalog/artifacts.hpp"
#include "catalog/payloads.hpp"
#include "manager/manager_impl.hpp"

namespace custody {

namespace {

constexpr std::size_t chunk_bytes = 1U << 20U;

Corruption altered(const Artifact& artifact, const blobs::BlobStore& blobs) {
    return Corruption("the payload of artifact " + artifact.id.str() + " is missing or not what was stored (" +
                      blobs.path_of(*artifact.checksum).string() + "): it was not handed out. Restore it from a backup");
}

// That a payload was found good, to be recorded with the entry of whoever hashed it.
struct Mark {
    Digest digest;
    std::int64_t mtime_ns;
    Timestamp verified_at;
};

// Whether the file is as it was when it was last hashed; hashes it again where that can't be told.
bool is_good(ManagerImpl& manager, const Digest& digest, bool always_hash, std::optional<Mark>& mark) {
    std::optional<catalog::PayloadRow> row;
    manager.database().read([&](sqlite::Connection& connection) { row = catalog::find_payload(connection, digest); });
    const auto stat = manager.blobs().stat(digest);
    if (!row || !stat || stat->size_bytes != row->size_bytes) return false;
    const bool untouched = stat->mtime_ns == row->mtime_ns;
    if (untouched && !always_hash) return true;
    if (!manager.blobs().matches(digest)) return false;
    const auto now = Timestamp::now();
    if (catalog::is_mark_due(*row, stat->mtime_ns, now)) mark = Mark{digest, stat->mtime_ns, now};
    return true;
}

// The artifact if it has a payload to hand out.
std::optional<Artifact> with_payload(ManagerImpl& manager, const ArtifactId& id) {
    std::optional<Artifact> artifact;
    manager.database().read([&](sqlite::Connection& connection) { artifact = catalog::find_artifact(connection, id); });
    return artifact;
}

void say_what_is_not_there(const std::optional<Artifact>& artifact, audit::Draft& draft) {
    draft.outcome = Outcome::not_found;
    draft.details["reason_code"] = !artifact ? "unknown_artifact" : artifact->removed_at ? "payload_removed" : "no_payload";
}

void throw_what_is_not_there(const std::optional<Artifact>& artifact, const ArtifactId& id) {
    if (!artifact) throw NotFound("there is no artifact " + id.str());
    if (!artifact->checksum) throw Conflict("artifact " + id.str() + " is made of metadata alone: it has no payload");
    throw Conflict("the payload of artifact " + id.str() + " was removed by cleanup at " + artifact->removed_at->str());
}

bool is_there(const std::optional<Artifact>& artifact) { return artifact && artifact->checksum && !artifact->removed_at; }

void note(audit::Draft& draft, const Artifact& artifact, const ManagerImpl& manager) {
    if (!artifact.processing_module.empty()) draft.module = artifact.processing_module;
    if (const auto run = manager.innermost_run()) draft.run_id = run->str();
    draft.details["checksum"] = artifact.checksum->hex();
    draft.details["artifact_type"] = artifact.type.name();
}

}  // namespace

struct PayloadStream::Impl {
    blobs::Descriptor file;
    Digest digest;
    std::uint64_t size_bytes;
    ArtifactId artifact;
    base::Sha256 hash;
    std::uint64_t done_bytes = 0;
};

PayloadStream::PayloadStream(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
PayloadStream::PayloadStream(PayloadStream&&) noexcept = default;
PayloadStream& PayloadStream::operator=(PayloadStream&&) noexcept = default;
PayloadStream::~PayloadStream() = default;

std::uint64_t PayloadStream::size_bytes() const noexcept { return impl_->size_bytes; }
const Digest& PayloadStream::checksum() const noexcept { return impl_->digest; }

std::size_t PayloadStream::read(std::span<std::byte> buffer) {
    std::size_t filled = 0;
    while (filled < buffer.size() && impl_->done_bytes < impl_->size_bytes) {
        const auto wanted = std::min<std::uint64_t>(buffer.size() - filled, impl_->size_bytes - impl_->done_bytes);
        const auto got = ::read(impl_->file.get(), buffer.data() + filled, wanted);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) {
            const int code = errno;
            throw IoError("can't read the payload of artifact " + impl_->artifact.str() + ": " + std::strerror(code), code);
        }
        if (got == 0) break;
        const auto count = static_cast<std::size_t>(got);
        impl_->hash.update(buffer.subspan(filled, count));
        impl_->done_bytes += count;
        filled += count;
    }
    const bool short_file = filled < buffer.size() && impl_->done_bytes < impl_->size_bytes;
    const bool complete = impl_->done_bytes == impl_->size_bytes && (filled > 0 || impl_->size_bytes == 0);
    if (short_file || (complete && impl_->hash.finish() != impl_->digest)) {
        impl_->size_bytes = impl_->done_bytes;
        throw Corruption("the payload of artifact " + impl_->artifact.str() +
                         " is not what was stored: what was read of it must not be used");
    }
    return filled;
}

std::optional<std::filesystem::path> ArtifactManager::get_artifact_file(const ArtifactId& id, bool verify) {
    auto draft = impl_->draft("artifact_access", "get_file");
    draft.artifact_id = id.str();
    return impl_->attempt(draft, [&]() -> std::optional<std::filesystem::path> {
        const auto artifact = with_payload(*impl_, id);
        if (!is_there(artifact)) {
            say_what_is_not_there(artifact, draft);
            impl_->record_read(draft, false);
            return std::nullopt;
        }
        note(draft, *artifact, *impl_);
        std::optional<Mark> mark;
        if (!is_good(*impl_, *artifact->checksum, verify, mark)) throw altered(*artifact, impl_->blobs());
        if (mark) draft.details["verified_at"] = mark->verified_at.str();
        const auto mark_and_tell = [&](sqlite::Connection& connection, ManagerImpl::Recorder& recorder) {
            if (mark) catalog::mark_verified(connection, mark->digest, mark->mtime_ns, mark->verified_at);
            recorder.append(draft);  // first: the link hands the payload out
        };
        impl_->transact(mark_and_tell, sqlite::Grouping::joins);
        const auto link = impl_->storage_path() / artifact->file_path;
        blobs::make_named_link(link, impl_->blobs().path_of(*artifact->checksum), impl_->blobs().modes().folder());
        return link;
    });
}

static PayloadStream open_stream(ManagerImpl& manager, audit::Draft& draft, const ArtifactId& id,
                                 std::optional<Artifact>& artifact) {
    artifact = with_payload(manager, id);
    if (!is_there(artifact)) throw_what_is_not_there(artifact, id);
    note(draft, *artifact, manager);
    auto file = manager.blobs().open(*artifact->checksum);
    const auto stat = manager.blobs().stat(*artifact->checksum);
    if (!stat || stat->size_bytes != *artifact->file_size) throw altered(*artifact, manager.blobs());
    return PayloadStream(std::make_unique<PayloadStream::Impl>(
        PayloadStream::Impl{std::move(file), *artifact->checksum, *artifact->file_size, id}));
}

PayloadStream ArtifactManager::open_payload(const ArtifactId& id) {
    auto draft = impl_->draft("artifact_access", "stream");
    draft.artifact_id = id.str();
    return impl_->attempt(draft, [&] {
        std::optional<Artifact> artifact;
        auto stream = open_stream(*impl_, draft, id, artifact);
        impl_->record_read(draft, true);
        return stream;
    });
}

std::filesystem::path ArtifactManager::checkout(const ArtifactId& id, const std::filesystem::path& destination,
                                                const Progress& progress) {
    auto draft = impl_->draft("artifact_access", "checkout");
    draft.artifact_id = id.str();
    return impl_->attempt(draft, [&] {
        impl_->refuse_own(destination);
        std::optional<Artifact> artifact;
        auto stream = open_stream(*impl_, draft, id, artifact);
        std::error_code ignored;
        const bool into_folder = std::filesystem::is_directory(destination, ignored);
        if (!into_folder && !destination.empty() && !destination.has_filename()) {
            throw IoError("there is no folder " + destination.parent_path().string(), ENOENT);
        }
        auto target = into_folder ? destination / std::filesystem::path(artifact->file_path).filename() : destination;
        blobs::refuse_existing(target);
        // Whole or not at all, also where this process dies meanwhile; and the entry comes before the first byte.
        blobs::write_atomically(
            target, 0600,
            [&](const std::function<void(std::string_view)>& append) {
                impl_->record_read(draft, true);
                std::vector<std::byte> buffer(chunk_bytes);
                std::uint64_t done_bytes = 0;
                while (const auto count = stream.read(buffer)) {
                    append({reinterpret_cast<const char*>(buffer.data()), count});
                    done_bytes += count;
                    if (progress) progress(done_bytes, stream.size_bytes());
                }
            },
            blobs::IfThere::refuse);
        return target;
    });
}

}  // namespace custody
