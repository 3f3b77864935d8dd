#include "manager/taken_over.hpp"

namespace custody::manager {

std::string taken_over_message(const blobs::BlobStore::TakenOver& taken) {
    return "no record names this file, and it is all that there is of " + taken.source.string() +
           ", which a create that was interrupted (or goes on) has moved in: `custody verify --repair --yes` puts it back there";
}

OrphanFindings::OrphanFindings(const blobs::BlobStore& blobs) {
    for (auto& taken : blobs.taken_over()) taken_over_.emplace(taken.digest, std::move(taken));
}

Finding OrphanFindings::of(const Digest& digest) const {
    const auto taken = taken_over_.find(digest);
    if (taken != taken_over_.end()) {
        return {Finding::Severity::warning, "orphan_payload", digest.hex(), taken_over_message(taken->second)};
    }
    return {Finding::Severity::note, "orphan_payload", digest.hex(),
            "no record names this file; an interrupted create leaves such"};
}

}  // namespace custody::manager
