#include "manager/manager_impl.hpp"

#include <algorithm>

#include "audit/tree.hpp"
#include "base/phi_guard.hpp"
#include "base/strict_json.hpp"
#include "base/text.hpp"
#include "manager/leftovers.hpp"
#include "manager/payload_root.hpp"

namespace custody {

namespace {

constexpr int version_with_tree = 4;

}  // namespace

ManagerImpl::ManagerImpl(manager::Layout layout, ManagerOptions options)
    : layout_(std::move(layout)),
      storage_(layout_.storage()),
      options_(std::move(options)),
      agent_(base::current_agent(options_.program)) {
    manager::require_text(options_.actor, "the actor", 255);
    manager::require_text(options_.on_behalf_of, "on_behalf_of", 255);
    manager::require_text(options_.purpose, "the purpose", 1024);
    database_ = std::make_unique<sqlite::Database>(layout_.catalog(), layout_.write_queue(),
                                                   sqlite::DatabaseOptions{.lock_timeout = options_.lock_timeout,
                                                                           .diagnose = options_.diagnose,
                                                                           .upgrade = options_.upgrade,
                                                                           .migration_step = migration_step()});
    database_->read([&](sqlite::Connection& connection) { store_ = catalog::load_store(connection); });
    const auto root = store_->payload_root ? std::filesystem::path(*store_->payload_root) : layout_.storage();
    if (store_->payload_root) manager::require_own_payload_root(root, store_->store_id);
    blobs_ = std::make_unique<blobs::BlobStore>(root, blobs::Modes{store_->group_access}, layout_.artifacts());
    if (options_.diagnose) return;
    manager::sweep_leftovers(layout_);
    end_dead_runs();
}

ManagerImpl::~ManagerImpl() = default;

// The last migration commits together with the entry that tells of all of them.
sqlite::MigrationStep ManagerImpl::migration_step() const {
    return [this, from_version = 0](sqlite::Connection& connection, int version) mutable {
        if (from_version == 0) from_version = version - 1;
        if (version == version_with_tree) audit::build_tree(connection);
        if (version != sqlite::newest_version()) return;
        auto entry = draft("store", "migrate");
        entry.details = {{"from_version", from_version}, {"to_version", version}};
        audit::Writer writer(connection, agent_, options_.accept_clock ? audit::ClockJump::accept : audit::ClockJump::refuse);
        writer.append(entry);
        writer.finish();
    };
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
