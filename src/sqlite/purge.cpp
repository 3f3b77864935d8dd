// Getting rid of what was deleted: from the pages of the database, and from its log.

#include <sys/stat.h>

#include <custody/error.hpp>

#include "sqlite/lane.hpp"

namespace custody::sqlite {

namespace {

// A log that began anew and was cut holds its header and the few frames of the commit that began it.
constexpr std::int64_t most_bytes_of_a_new_log = 32 + 4 * (24 + 4096);

}  // namespace

bool Database::purge() {
    require_same_process();
    const auto patience = patience_from_now(Waiting::may_be_stopped);
    const Lane lane(*this, patience);
    const auto turn = queue_.wait(patience);
    // secure_delete alone leaves text in pages that were rebalanced. temp_store is MEMORY: the copy that VACUUM makes of the
    // database touches no disk but the log.
    require_writer();
    writer_->clear_statements();
    writer_->set_patience(patience);  // that of an earlier write may be over
    writer_->execute("VACUUM");
    wrote_ = true;
    if (!checkpoint_guarded(patience)) return false;
    writer_->execute("PRAGMA journal_size_limit = 0");
    try {
        reset_wal(patience);
    } catch (...) {
        writer_->execute("PRAGMA journal_size_limit = 16777216");
        throw;
    }
    writer_->execute("PRAGMA journal_size_limit = 16777216");
    struct stat log {};
    return ::stat((file_.string() + "-wal").c_str(), &log) == 0 && log.st_size <= most_bytes_of_a_new_log;
}

}  // namespace custody::sqlite
