#include "manager/manager_impl.hpp"

#include <algorithm>

#include "base/phi_guard.hpp"
#include "base/strict_json.hpp"
#include "base/text.hpp"

namespace custody {

ManagerImpl::ManagerImpl(manager::Layout layout, ManagerOptions options)
    : layout_(std::move(layout)),
      storage_(layout_.storage()),
      options_(std::move(options)),
      agent_(base::current_agent(options_.program)) {
    manager::require_text(options_.actor, "the actor", 255);
    manager::require_text(options_.on_behalf_of, "on_behalf_of", 255);
    manager::require_text(options_.purpose, "the purpose", 1024);
    database_ = std::make_unique<sqlite::Database>(
        layout_.catalog(), layout_.write_queue(),
        sqlite::DatabaseOptions{
            .lock_timeout = options_.lock_timeout, .diagnose = options_.diagnose, .upgrade = options_.upgrade});
    database_->read([&](sqlite::Connection& connection) { store_ = catalog::load_store(connection); });
    const auto root = store_->payload_root ? std::filesystem::path(*store_->payload_root) : layout_.storage();
    blobs_ = std::make_unique<blobs::BlobStore>(root, blobs::Modes{store_->group_access}, layout_.artifacts());
    if (options_.diagnose) return;
    end_dead_runs();
    sweep_trash();
}

ManagerImpl::~ManagerImpl() = default;

// Whoever comes next frees what an earlier cleanup left for its grace; it costs one look into a folder that is mostly empty.
void ManagerImpl::sweep_trash() noexcept {
    try {
        if (database_->writable()) blobs_->sweep_trash(blobs::trash_grace_seconds);
    } catch (const std::exception&) {
        // No reason not to open the store: the next one tries again.
    }
}

audit::Draft ManagerImpl::draft(const char* operation, const char* action) const {
    audit::Draft draft{.operation = operation, .action = action, .user = user()};
    if (!options_.on_behalf_of.empty()) draft.on_behalf_of = options_.on_behalf_of;
    if (!options_.purpose.empty()) draft.purpose = options_.purpose;
    return draft;
}

std::string ManagerImpl::clean_message(const std::string& message) const {
    auto text = base::to_clean_utf8(message);
    return store_->phi_guard ? base::withhold_phi(text) : text;
}

std::string ManagerImpl::checked_object(const json& value, const std::string& text, const char* what, bool allow_phi,
                                        audit::Draft& draft) const {
    const base::JsonLimits limits{options_.metadata_limit_bytes, options_.metadata_limit_depth};
    const auto checked = text.empty() ? base::dump_strict_object(value, limits, what) : text;
    const auto parsed = text.empty() ? value : base::parse_strict_object(text, limits, what);
    if (!store_->phi_guard) return checked;
    if (const auto rule = base::find_phi(parsed)) {
        draft.details["phi_rule"] = *rule;  // the rule, never the text
        if (!allow_phi) {
            throw Refused(std::string("the ") + what + " holds what looks like protected health information (rule " + *rule +
                              "); take it out, or override the guard, which is audited",
                          *rule);
        }
        draft.details["phi_override"] = true;
    }
    return checked;
}

void ManagerImpl::push_run(const RunId& run) {
    const std::lock_guard lock(mutex_);
    runs_[std::this_thread::get_id()].push_back(run);
}

// A run may end in another thread than the one that started it.
void ManagerImpl::pop_run(const RunId& run) {
    const std::lock_guard lock(mutex_);
    for (auto thread = runs_.begin(); thread != runs_.end();) {
        std::erase(thread->second, run);
        thread = thread->second.empty() ? runs_.erase(thread) : std::next(thread);
    }
}

std::optional<RunId> ManagerImpl::innermost_run() const {
    const std::lock_guard lock(mutex_);
    const auto found = runs_.find(std::this_thread::get_id());
    return found == runs_.end() ? std::nullopt : std::optional(found->second.back());
}

std::filesystem::path ManagerImpl::temp_folder() {
    database_->require_same_process();
    const std::lock_guard lock(mutex_);
    if (!temp_) temp_ = std::make_unique<blobs::ProcessFolder>(layout_.temp(), blobs_->modes().folder());
    return temp_->path();
}

void ManagerImpl::refuse_own(const std::filesystem::path& output) const {
    const std::lock_guard lock(mutex_);
    manager::refuse_inside_store(layout_, blobs_->root(), temp_ ? temp_->path() : std::filesystem::path(), output);
}

std::size_t ManagerImpl::empty_temp(bool of_dead_processes) {
    database_->require_same_process();
    const std::lock_guard lock(mutex_);
    const auto own = temp_ ? temp_->empty() : 0;
    return own + (of_dead_processes ? blobs::remove_dead_process_folders(layout_.temp()) : 0);
}

namespace manager {

void require_text(const std::string& text, const char* what, std::size_t max_bytes) {
    if (text.size() > max_bytes) {
        throw InvalidArgument(std::string(what) + " is longer than " + std::to_string(max_bytes) + " bytes");
    }
    if (!base::is_clean_utf8(text)) throw InvalidArgument(std::string(what) + " is not UTF-8, or has a NUL in it");
}

}  // namespace manager
}  // namespace custody
