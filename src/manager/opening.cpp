// Making, opening and upgrading a store.

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <custody/artifact_manager.hpp>

#include "base/hex.hpp"
#include "base/process.hpp"
#include "base/random.hpp"
#include "blobs/durable.hpp"
#include "manager/manager_impl.hpp"
#include "manager/payload_root.hpp"
#include "sqlite/migrations.hpp"

namespace custody {

namespace {

using manager::Layout;

void refuse_network_file_system(const std::filesystem::path& folder) {
    const auto type = blobs::network_file_system(folder);
    if (!type.empty()) {
        throw InvalidArgument("the catalog can't be kept on " + type + " (" + folder.string() +
                              "): its locks are not safe there. Keep the store on a local disk; only payloads may be elsewhere "
                              "(custody init --payloads DIR)");
    }
}

// Where payloads go if not into the store itself.
std::optional<std::string> make_payload_root(const std::filesystem::path& payloads, const blobs::Modes& modes) {
    if (payloads.empty()) return std::nullopt;
    const auto root = manager::layout_of(payloads).base;
    blobs::make_folder(root, modes.folder());
    return root.string();
}

std::string random_hex(std::size_t bytes) {
    std::vector<std::uint8_t> random(bytes);
    base::random_bytes(random);
    return base::to_hex(random);
}

void write_first_rows(sqlite::Connection& connection, const InitOptions& init, const ManagerOptions& options,
                      const std::string& store_id, const std::optional<std::string>& payload_root) {
    const auto agent = base::current_agent(options.program);
    const auto now = Timestamp::now();
    const catalog::StoreRow store{store_id, random_hex(8), now, payload_root, init.group, init.phi_guard};
    catalog::insert_store(connection, store);
    audit::Draft draft{.operation = "store", .action = "init", .user = options.actor.empty() ? agent.os_user : options.actor};
    draft.timestamp = now;
    draft.details = {{"store_id", store.store_id},
                     {"epoch", store.epoch},
                     {"schema_version", sqlite::newest_version()},
                     {"group_access", init.group},
                     {"payload_root", payload_root ? json(*payload_root) : json(nullptr)},
                     {"phi_guard", init.phi_guard ? "reject" : "off"}};
    manager::add_schema_facts(connection, draft.details);
    audit::Writer writer(connection, agent, audit::ClockJump::accept);
    writer.append(draft);
    writer.finish();
}

// Where the way is barred: whose folder it is that bars it, and who is asking.
std::string barred_by(const std::filesystem::path& path) {
    for (auto folder = path.parent_path(); folder.has_relative_path(); folder = folder.parent_path()) {
        struct stat status {};
        if (::stat(folder.c_str(), &status) != 0) continue;
        return "; " + folder.string() + " belongs to " + base::account_name(status.st_uid) + ", and this account is " +
               base::account_name(::geteuid());
    }
    return {};
}

bool exists(const Layout& layout) {
    std::error_code code;
    const auto status = std::filesystem::symlink_status(layout.catalog(), code);
    if (code && status.type() != std::filesystem::file_type::not_found) {
        const auto whose = code.value() == EACCES ? barred_by(layout.catalog()) : std::string();
        throw IoError("can't look at " + layout.catalog().string() + ": " + code.message() + whose, code.value());
    }
    return std::filesystem::exists(status);
}

// A store whose catalog is gone is not made anew over its own payloads: that would hide the loss.
void refuse_lost_catalog(const Layout& layout) {
    const auto refuse = [&](const std::string& what) {
        throw Corruption(what + ", but the catalog " + layout.catalog().string() +
                         " is missing: restore it from a backup (nothing was changed)");
    };
    std::error_code ignored;
    const auto has_files = [&](const std::filesystem::path& folder) {
        return std::filesystem::exists(folder, ignored) && !std::filesystem::is_empty(folder, ignored);
    };
    const auto blobs = layout.storage() / "blobs";
    if (has_files(blobs)) refuse("there are payloads in " + blobs.string());
    if (has_files(layout.audit())) refuse("there are files of a trail in " + layout.audit().string());
    // Made by whoever opens a catalog: what is in its log would be taken for the new one's.
    for (const auto& file :
         {layout.catalog().string() + "-wal", layout.catalog().string() + "-journal", layout.write_queue().string()}) {
        if (std::filesystem::exists(file, ignored)) refuse("there is " + file);
    }
}

// A payload folder is claimed for the store before there is one; where it isn't made after all, the folder is free again.
class Claim {
   public:
    Claim(const std::optional<std::string>& root, std::string store_id, const Layout& layout, unsigned mode, bool after_kill)
        : store_id_(std::move(store_id)), catalog_(layout.catalog().string()) {
        if (!root) return;
        auto marker = manager::payload_root_marker(*root);
        manager::claim_payload_root(*root, store_id_, layout.base, mode, after_kill);
        marker_ = std::move(marker);
    }
    Claim(const Claim&) = delete;
    Claim& operator=(const Claim&) = delete;
    ~Claim() {
        if (!marker_.empty() && !manager::may_be_there(catalog_)) manager::release_payload_root(marker_, store_id_);
    }
    void keep() { marker_.clear(); }

   private:
    std::string marker_{};
    std::string store_id_;
    std::string catalog_;
};

// Folders that an init which failed has made in a new or empty one: those that are empty, so nobody else's.
class Leftovers {
   public:
    explicit Leftovers(const Layout& layout) : layout_(layout), catalog_(layout.catalog().string()) {
        std::error_code ignored;
        base_was_there_ = std::filesystem::exists(layout.base, ignored);
        kept_ = base_was_there_ && !std::filesystem::is_empty(layout.base, ignored);
    }
    Leftovers(const Leftovers&) = delete;
    Leftovers& operator=(const Leftovers&) = delete;
    ~Leftovers() {
        if (kept_ || manager::may_be_there(catalog_)) return;
        try {
            std::error_code ignored;
            for (const auto& folder : {layout_.storage() / "blobs", layout_.storage() / "trash", layout_.artifacts(),
                                       layout_.temp(), layout_.storage(), layout_.audit()}) {
                std::filesystem::remove(folder, ignored);
            }
            if (!base_was_there_) std::filesystem::remove(layout_.base, ignored);
        } catch (const std::exception&) {
            // No memory for the names: empty folders stay.
        }
    }
    void keep() { kept_ = true; }
    /// Held until they are gone: whoever makes the store next has folders of the same names.
    void lock(std::chrono::milliseconds timeout) { alone_ = blobs::lock_folder(layout_.base, timeout); }

   private:
    const Layout& layout_;
    std::string catalog_;
    blobs::Descriptor alone_{};
    bool base_was_there_ = false;
    bool kept_ = false;
};

InitResult make_store(const Layout& layout, const InitOptions& init, const ManagerOptions& options) {
    if (exists(layout)) return InitResult::already_there;
    manager::refuse_inside_any_store(layout.base);
    if (!init.payloads.empty()) manager::refuse_inside_any_store(init.payloads);
    const blobs::Modes modes{init.group};
    Leftovers leftovers(layout);
    blobs::make_parents(layout.base);
    blobs::make_folder(layout.base, modes.folder());
    // The claims of others who make this very store at this moment must not be taken for another store's; and a restore that
    // fails takes its folders away again.
    leftovers.lock(options.lock_timeout);
    if (exists(layout)) {
        leftovers.keep();
        return InitResult::already_there;
    }
    refuse_lost_catalog(layout);
    std::error_code ignored;
    const bool after_kill = std::filesystem::exists(layout.storage(), ignored);
    manager::make_folders(layout, modes);
    refuse_network_file_system(layout.storage());
    const auto payload_root = make_payload_root(init.payloads, modes);
    const auto store_id = ArtifactId::random().str();
    Claim claim(payload_root, store_id, layout, modes.file(), after_kill);
    blobs::BlobStore(payload_root ? std::filesystem::path(*payload_root) : layout.storage(), modes).create();
    const bool first = sqlite::Database::create(layout.catalog(), modes.file(), [&](sqlite::Connection& connection) {
        write_first_rows(connection, init, options, store_id, payload_root);
    });
    leftovers.keep();
    if (first) claim.keep();
    return first ? InitResult::created : InitResult::already_there;
}

void require_store(const Layout& layout) {
    if (exists(layout)) {
        refuse_network_file_system(layout.storage());
        return;
    }
    refuse_lost_catalog(layout);
    throw StoreNotFound("there is no store at " + layout.base.string() +
                        ": make one with `custody init --store DIR`, or name the right one");
}

}  // namespace

ArtifactManager::ArtifactManager(const std::filesystem::path& base, ManagerOptions options) {
    auto layout = manager::layout_of(base);
    if (options.create && !options.diagnose) make_store(layout, options.init, options);
    require_store(layout);
    impl_ = std::make_shared<ManagerImpl>(std::move(layout), std::move(options));
}

ArtifactManager::ArtifactManager(ArtifactManager&&) noexcept = default;
ArtifactManager& ArtifactManager::operator=(ArtifactManager&&) noexcept = default;
ArtifactManager::~ArtifactManager() = default;

InitResult ArtifactManager::init(const std::filesystem::path& base, const InitOptions& options, const ManagerOptions& opened_by) {
    const auto layout = manager::layout_of(base);
    const auto result = make_store(layout, options, opened_by);
    auto check = opened_by;
    check.create = false;
    const ArtifactManager usable(base, std::move(check));  // what is there must be a store that works
    return result;
}

int ArtifactManager::migrate(const std::filesystem::path& base, const ManagerOptions& opened_by) {
    const auto layout = manager::layout_of(base);
    require_store(layout);
    auto options = opened_by;
    options.diagnose = false;
    options.upgrade = true;
    int before = 0;
    {
        auto look = opened_by;
        look.diagnose = true;
        before = ManagerImpl(layout, look).database().version();
    }
    return ManagerImpl(layout, options).database().version() - before;
}

ArtifactManager ArtifactManager::acting(const Attribution& attribution) const {
    return ArtifactManager(std::make_shared<ManagerImpl>(impl_, attribution));
}

const std::filesystem::path& ArtifactManager::base_path() const noexcept { return impl_->layout().base; }

const std::filesystem::path& ArtifactManager::storage_path() const noexcept { return impl_->storage_path(); }

}  // namespace custody
