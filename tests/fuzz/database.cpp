// Whatever stands where catalog.db should: a file of any bytes, or a store's with some bytes written over.
#include <custody/artifact_manager.hpp>
#include <custody/error.hpp>

#include "old_store.hpp"
#include "sqlite/migrations.hpp"
#include "support/catalog_content.hpp"

using namespace custody;

namespace {

/// Whether opening for diagnosis, or verifying, says anything.
bool is_found(const OldStore& store) {
    try {
        ArtifactManager manager(store.base(), {.create = false, .diagnose = true});
        return !manager.verify({.threads = 1}).findings.empty();
    } catch (const Error&) {
        return true;
    }
}

void use(ArtifactManager& manager) {
    ArtifactQuery query;
    for (const auto& artifact : manager.list_artifacts(query)) {
        (void)manager.get_artifact_lineage(artifact.id);
        (void)manager.audit().get_artifact_history(artifact.id);
    }
    (void)manager.get_statistics();
    (void)manager.create_artifact({.type = ArtifactType::log, .content = "a payload of this input"});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const OldStore store(sqlite::newest_version());
    static const std::string said = [] {
        store.put(store.pristine());
        require(!is_found(store), "nothing is found in the store as it was");
        store.put(store.pristine());
        return testing::catalog_content(store.catalog());
    }();
    const auto input = text_of(data, size);
    const bool raw = input.starts_with("SQLite format 3");
    const auto database = raw ? std::string(input) : with_patches(store.pristine(), Bytes(input));
    store.put(database);
    const bool changed = testing::catalog_content(store.catalog()) != said;
    require(!changed || is_found(store), "what changes the content of a table is found");
    store.put(database);
    bool opened = false;
    try {
        ArtifactManager manager(store.base(), {.create = false, .lock_timeout = std::chrono::milliseconds(0)});
        opened = true;
        use(manager);
    } catch (const Error&) {
        require(opened || read_file(store.catalog()) == database, "a database that is refused is not written to");
    }
    return 0;
}
