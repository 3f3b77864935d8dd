#pragma once

#include <custody/original.hpp>
#include <map>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "manager/making.hpp"
#include "manager/manager_impl.hpp"
#include "original/tree.hpp"

namespace custody::manager {

/// The zone that is named, else local time. @throws InvalidArgument
original::Zone zone_of(const std::string& name);

/// An artifact of the tree that may come over, and what its entry says of the guards.
struct Arrival {
    original::Record* record;
    audit::Draft entry;
    std::optional<Timestamp> removed_at{};  ///< when the original's cleanup removed its payload, where its trail says so
};

/// What of the tree may come into the store. What may not is told in the tree's remarks, and its links go with it.
struct ImportPlan {
    std::vector<Arrival> arrivals{};
    std::vector<original::Record*> there{};  ///< is in the store already
    std::unordered_set<ArtifactId> out{};    ///< stays behind
};
/// Adds remarks to the tree, and changes nothing else of it: a read may be done over.
ImportPlan plan_import(ManagerImpl& manager, sqlite::Connection& connection, original::Tree& tree, const OriginalImport& options);
/// Links to what stays behind stay with it.
void cut_links(const ImportPlan& plan, original::Tree& tree);

/// Under the write lock: the artifact with its links, its run and its entries. False where it is there by now.
bool insert_imported(ManagerImpl& manager, sqlite::Connection& connection, ManagerImpl::Recorder& recorder, Making& making,
                     const Arrival& arrival, std::uint64_t& links);

/// The runs that the store doesn't have, with their ends; answers how many.
std::uint64_t import_runs(ManagerImpl& manager, original::Tree& tree, const OriginalImport& options, bool dry_run);

/// The entries of the tree's trail that the store doesn't have, in their order, in batches; answers how many. `after_each` is
/// called between two of them.
std::uint64_t import_lines(ManagerImpl& manager, const std::vector<original::Line>& lines, bool dry_run,
                           const std::function<void()>& after_each);

/// What there is to say of an artifact's payload, once it was looked at.
void tell_payload(const original::Record& record, const Arrival& arrival, const std::string& trouble,
                  const std::optional<std::uint64_t>& size_bytes, const std::optional<Digest>& digest,
                  original::Remarks& remarks);

}  // namespace custody::manager
