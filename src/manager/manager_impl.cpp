#include "manager/manager_impl.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/hex.hpp"
#include "base/phi_guard.hpp"
#include "base/strict_json.hpp"
#include "base/text.hpp"
#include "manager/leftovers.hpp"
#include "manager/migration_data.hpp"
#include "manager/payload_root.hpp"
#include "manager/reserve.hpp"

namespace custody {

ManagerImpl::ManagerImpl(manager::Layout layout, ManagerOptions options)
    : layout_(std::move(layout)),
      storage_(layout_.storage()),
      options_(std::move(options)),
      agent_(base::current_agent(options_.program)),
      shared_(std::make_shared<Shared>()) {
    manager::require_text(options_.actor, "the actor", 255);
    manager::require_text(options_.on_behalf_of, "on_behalf_of", 255);
    manager::require_text(options_.purpose, "the purpose", 1024);
    auto& shared = *shared_;
    open_database();
    shared.database->read([&](sqlite::Connection& connection) { shared.store = catalog::load_store(connection); });
    const auto root = shared.store->payload_root ? std::filesystem::path(*shared.store->payload_root) : layout_.storage();
    if (shared.store->payload_root) manager::require_own_payload_root(root, shared.store->store_id, layout_.base);
    shared.blobs = std::make_unique<blobs::BlobStore>(root, blobs::Modes{shared.store->group_access}, layout_.artifacts());
    if (options_.diagnose) return;
    if (shared.store->payload_root) manager::require_payload_folder(root);
    if (!options_.collecting) manager::sweep_leftovers(layout_);
    manager::make_reserve(layout_, shared.blobs->modes().file());
    open_signing_key();
    begin_grouping_reads();
    end_dead_runs();
}

ManagerImpl::ManagerImpl(const std::shared_ptr<ManagerImpl>& root, const Attribution& attribution)
    : layout_(root->layout_),
      storage_(root->storage_),
      options_(root->options_),
      agent_(root->agent_),
      call_(root->call_),
      shared_(root->shared_),
      root_(root->root_ ? root->root_ : root) {
    manager::require_text(attribution.actor, "the actor", 255);
    manager::require_text(attribution.on_behalf_of, "on_behalf_of", 255);
    manager::require_text(attribution.purpose, "the purpose", 1024);
    if (!attribution.actor.empty()) call_.actor = attribution.actor;
    if (!attribution.on_behalf_of.empty()) call_.on_behalf_of = attribution.on_behalf_of;
    if (!attribution.purpose.empty()) call_.purpose = attribution.purpose;
}

ManagerImpl::~ManagerImpl() {
    if (!reads_ || !shared_->database || !shared_->database->owned()) return;
    try {
        flush_reads();
    } catch (const std::exception&) {
        // A destructor can't tell: who must know calls AuditTrail::flush().
    }
}

// A disk may be too full even to open the catalog. What needs no catalog to be freed goes then: a removed payload whose grace
// period is over, and what dead processes left. The reserve is kept for whoever comes to collect.
void ManagerImpl::open_database() {
    const auto open = [this] {
        shared_->database = std::make_unique<sqlite::Database>(layout_.catalog(), layout_.write_queue(),
                                                               sqlite::DatabaseOptions{.lock_timeout = options_.lock_timeout,
                                                                                       .stop_waiting = options_.stop_waiting,
                                                                                       .diagnose = options_.diagnose,
                                                                                       .upgrade = options_.upgrade,
                                                                                       .migration_step = migration_step()});
    };
    try {
        return open();
    } catch (const IoError& error) {
        if (error.code() != ENOSPC || options_.diagnose) throw;
    }
    manager::sweep_leftovers(layout_);
    blobs::BlobStore(layout_.storage(), {}).sweep_trash(GcOptions{}.grace.count());
    if (options_.collecting) manager::release_reserve(layout_);
    open();
}

void ManagerImpl::open_signing_key() {
    const bool seals = options_.seal_every_entries != 0 || options_.seal_every.count() != 0;
    if (options_.signing_key.empty()) {
        if (seals) throw InvalidArgument("sealing by itself needs a signing key");
        return;
    }
    refuse_inside_store(options_.signing_key, "a signing key");
    shared_->signing_key = std::make_shared<const audit::SigningKey>(audit::SigningKey::load(options_.signing_key));
    if (!seals) return;
    shared_->database->read([&](sqlite::Connection& connection) {
        audit::require_own_key(connection, trail_name(), base::to_hex(shared_->signing_key->public_key()));
    });
}

void ManagerImpl::refuse_inside_store(const std::filesystem::path& path, const char* what) const {
    if (path.empty()) throw InvalidArgument(std::string(what) + " needs a name");
    manager::refuse_nul(path, what);
    const auto absolute = std::filesystem::weakly_canonical(std::filesystem::absolute(path));
    for (const auto& own : {layout_.base, std::filesystem::path(store().payload_root.value_or(""))}) {
        const auto relative = own.empty() ? own : absolute.lexically_relative(own);
        if (relative.empty() || *relative.begin() == "..") continue;
        throw InvalidArgument(std::string(what) + " must lie outside of the store: " + path.string() + " is in " + own.string());
    }
    manager::refuse_inside_any_store(path);
}

std::string ManagerImpl::user() const {
    if (!call_.actor.empty()) return call_.actor;
    return options_.actor.empty() ? agent_.os_user : options_.actor;
}

// The last migration commits together with the entry that tells of all of them.
sqlite::MigrationStep ManagerImpl::migration_step() const {
    return [this, from_version = 0](sqlite::Connection& connection, int version) mutable {
        if (from_version == 0) from_version = version - 1;
        manager::migrate_data(connection, version);
        if (version != sqlite::newest_version()) return;
        auto entry = draft("store", "migrate");
        entry.details = {{"from_version", from_version}, {"to_version", version}};
        manager::add_schema_facts(connection, entry.details);
        audit::Writer writer(connection, agent_, options_.accept_clock ? audit::ClockJump::accept : audit::ClockJump::refuse);
        writer.append(entry);
        writer.finish();
    };
}

// A call's own words go before those of the run that it is in, and these before the manager's.
audit::Draft ManagerImpl::draft(const char* operation, const char* action) const {
    audit::Draft draft{.operation = operation, .action = action, .user = user()};
    if (!options_.on_behalf_of.empty()) draft.on_behalf_of = options_.on_behalf_of;
    if (!options_.purpose.empty()) draft.purpose = options_.purpose;
    if (const auto run = innermost()) attribute(draft, run->context);
    if (!call_.on_behalf_of.empty()) draft.on_behalf_of = call_.on_behalf_of;
    if (!call_.purpose.empty()) draft.purpose = call_.purpose;
    return draft;
}

void ManagerImpl::attribute(audit::Draft& draft, const catalog::RunContext& context) const {
    if (context.on_behalf_of && call_.on_behalf_of.empty()) draft.on_behalf_of = context.on_behalf_of;
    if (context.purpose && call_.purpose.empty()) draft.purpose = context.purpose;
}

std::string ManagerImpl::clean_message(const std::string& message) const {
    auto text = base::to_clean_utf8(message);
    return store().phi_guard ? base::withhold_phi(text) : text;
}

std::string ManagerImpl::clean_failure(const std::string& message) const {
    static constexpr std::size_t longest_message_bytes = 65536;
    return base::shortened(clean_message(message), longest_message_bytes);
}

std::string ManagerImpl::checked_object(const json& value, const std::string& text, const char* what, bool allow_phi,
                                        audit::Draft& draft) const {
    const base::JsonLimits limits{options_.metadata_limit_bytes, options_.metadata_limit_depth};
    auto checked = text.empty() ? base::dump_strict_object(value, limits, what) : text;
    guard_phi(text.empty() ? value : base::parse_strict_object(text, limits, what), what, allow_phi, draft);
    return checked;
}

void ManagerImpl::check_imported_object(const std::string& text, const char* what, bool allow_phi, audit::Draft& draft) const {
    static constexpr base::JsonLimits largest{std::size_t{64} << 20U, 500};
    const base::JsonLimits limits{std::max(options_.metadata_limit_bytes, largest.bytes),
                                  std::max(options_.metadata_limit_depth, largest.depth)};
    guard_phi(base::parse_strict_object(text, limits, what), what, allow_phi, draft);
}

void ManagerImpl::guard_phi(const json& object, const char* what, bool allow_phi, audit::Draft& draft) const {
    if (!store().phi_guard) return;
    const auto rule = base::find_phi(object);
    if (!rule) return;
    draft.details["phi_rule"] = *rule;  // the rule, never the text
    if (!allow_phi) {
        throw Refused(std::string("the ") + what + " holds what looks like protected health information (rule " + *rule +
                          "); take it out, or override the guard, which is audited",
                      *rule);
    }
    draft.details["phi_override"] = true;
}

namespace {
/// Whose call this thread is at work on where that is not its own: one that writes serves those that wait.
thread_local std::thread::id caller{};
}  // namespace

ManagerImpl::Serving::Serving(std::thread::id whose) : before_(std::exchange(caller, whose)) {}

ManagerImpl::Serving::~Serving() { caller = before_; }

void ManagerImpl::push_run(const RunId& run, const catalog::RunContext& context) {
    const std::lock_guard lock(shared_->mutex);
    shared_->runs[std::this_thread::get_id()].push_back({run, context});
}

// A run may end in another thread than the one that started it.
void ManagerImpl::pop_run(const RunId& run) {
    const std::lock_guard lock(shared_->mutex);
    auto& runs = shared_->runs;
    for (auto thread = runs.begin(); thread != runs.end();) {
        std::erase_if(thread->second, [&](const OpenRun& open) { return open.id == run; });
        thread = thread->second.empty() ? runs.erase(thread) : std::next(thread);
    }
}

std::optional<ManagerImpl::OpenRun> ManagerImpl::innermost() const {
    const std::lock_guard lock(shared_->mutex);
    const auto found = shared_->runs.find(caller == std::thread::id() ? std::this_thread::get_id() : caller);
    return found == shared_->runs.end() || found->second.empty() ? std::nullopt : std::optional(found->second.back());
}

std::optional<RunId> ManagerImpl::innermost_run() const {
    const auto run = innermost();
    return run ? std::optional(run->id) : std::nullopt;
}

std::filesystem::path ManagerImpl::temp_folder() {
    database().require_same_process();
    const std::lock_guard lock(shared_->mutex);
    auto& temp = shared_->temp;
    if (!temp) temp = std::make_unique<blobs::ProcessFolder>(layout_.temp(), blobs().modes().folder());
    return temp->path();
}

void ManagerImpl::refuse_own(const std::filesystem::path& output) const {
    const std::lock_guard lock(shared_->mutex);
    const auto& temp = shared_->temp;
    manager::refuse_inside_store(layout_, blobs().root(), temp ? temp->path() : std::filesystem::path(), output);
}

std::size_t ManagerImpl::empty_temp(bool of_dead_processes) {
    database().require_same_process();
    const std::lock_guard lock(shared_->mutex);
    const auto own = shared_->temp ? shared_->temp->empty() : 0;
    return own + (of_dead_processes ? blobs::remove_dead_process_folders(layout_.temp()) : 0);
}

namespace manager {

void add_schema_facts(sqlite::Connection& connection, json& details) {
    const auto facts = catalog::load_schema_facts(connection);
    details["min_reader"] = facts.min_reader;
    details["min_writer"] = facts.min_writer;
    details["applied_at"] = facts.applied_at;
}

void require_text(const std::string& text, const char* what, std::size_t max_bytes) {
    if (text.size() > max_bytes) {
        throw InvalidArgument(std::string(what) + " is longer than " + std::to_string(max_bytes) + " bytes");
    }
    if (!base::is_clean_utf8(text)) throw InvalidArgument(std::string(what) + " is not UTF-8, or has a NUL in it");
}

}  // namespace manager
}  // namespace custody
