// A manager and the process that it is in: its copies of SQLite, and its forks.

#include <custody/artifact_manager.hpp>

#include "manager/manager_impl.hpp"
#include "sqlite/engine.hpp"

namespace custody {

std::vector<std::string> engines_in_process() { return sqlite::engines_in_process(); }

void ManagerImpl::begin_grouping_reads() {
    reads_ = std::make_unique<GroupedReads>([this] { flush_reads(); }, options_.seal_every);
}

// The thread that writes the entries of reads goes too: a fork() would leave its locks as they are at that moment.
void ManagerImpl::suspend() {
    if (root_) return root_->suspend();
    if (!shared_->database) return;
    shared_->database->require_same_process();
    if (reads_) {
        reads_->stop();  // before the object goes: what its thread fails to write it puts back there
        flush_reads();
        reads_.reset();
    }
    shared_->database.reset();
}

void ManagerImpl::resume() {
    if (root_) return root_->resume();
    if (shared_->database) return;
    open_database();
    if (!options_.diagnose) begin_grouping_reads();
}

void ArtifactManager::suspend() { impl_->suspend(); }

void ArtifactManager::resume() { impl_->resume(); }

}  // namespace custody
