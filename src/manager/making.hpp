#pragma once

#include <custody/artifact_manager.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "audit/entry.hpp"
#include "blobs/blob_store.hpp"
#include "catalog/artifacts.hpp"
#include "catalog/types.hpp"
#include "manager/manager_impl.hpp"

namespace custody {

/// One artifact on its way into the store.
struct Making {
    explicit Making(const NewArtifact& artifact, audit::Draft draft) : wanted(artifact), entry(std::move(draft)) {}
    const NewArtifact& wanted;
    audit::Draft entry;
    std::string metadata{};
    std::string file_name{};
    std::uint64_t expected_bytes = 0;  ///< of its source; 0 where that isn't known
    std::optional<blobs::Staged> staged{};
    std::optional<Timestamp> verified_at{};  ///< when what was there under this digest was hashed, if it was not hashed now
    std::optional<Artifact> result{};
    bool is_taken = true;  ///< false: the request was made before, and its payload was removed since

    /// Of an import: what its record says that the payload is. Where it is something else nothing of it is in the store, and the
    /// others go on without it.
    std::optional<Digest> expected{};
    std::string payload_trouble{};
};

inline bool has_payload(const NewArtifact& artifact) {
    return !artifact.source_path.empty() || artifact.content || artifact.source_fd >= 0;
}

/// What a new artifact refers to.
struct Relations {
    std::optional<catalog::RunKey> run;
    std::vector<catalog::ArtifactKey> sources;  ///< in their order, each once
};

/// What the catalog has to say against it, before any byte is copied and again under the lock. `types` are those of the
/// connection's transaction. @throws NotFound for a source artifact or a run that isn't there
Relations check_against_catalog(const ManagerImpl& manager, sqlite::Connection& connection, catalog::Sensitivities& types,
                                Making& making);

/// Bytes into the store; nothing of the catalog is touched. Several files on all cores, many with one sync for all of them. `at`
/// is the one that is worked on, or that failed. Progress is told in the calling thread.
void bring_in(ManagerImpl& manager, std::vector<Making>& all, const Making*& at, const Progress& progress);

/// The failure of several in one: recorded, and what was brought in for nothing taken out. Call in a handler.
void fail_together(ManagerImpl& manager, audit::Draft&& draft, const Error& error, std::vector<Making>& all);
/// What was brought in, and nothing refers to, goes again; under the write lock.
void take_out(ManagerImpl& manager, sqlite::Connection& connection, std::span<Making> all);

/// Under the write lock: sees to it that the payload has its name, and records it. @throws IoError
void record_payload(ManagerImpl& manager, sqlite::Connection& connection, Making& making, const Timestamp& now);

}  // namespace custody
