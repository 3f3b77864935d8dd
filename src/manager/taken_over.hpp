#pragma once

#include <custody/finding.hpp>
#include <map>
#include <string>

#include "blobs/blob_store.hpp"

namespace custody::manager {

/// What is said of a payload that no record names and that was somebody's file: why it stays, and how to have it back.
std::string taken_over_message(const blobs::BlobStore::TakenOver& taken);

/// What a verification says of files that no record names.
class OrphanFindings {
   public:
    /// After the files were listed: what says that one was moved in is there before it. @throws IoError
    explicit OrphanFindings(const blobs::BlobStore& blobs);
    [[nodiscard]] Finding of(const Digest& digest) const;

   private:
    std::map<Digest, blobs::BlobStore::TakenOver> taken_over_{};
};

}  // namespace custody::manager
