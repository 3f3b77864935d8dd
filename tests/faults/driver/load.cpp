#include "faults/driver/load.hpp"

#include <unistd.h>

#include <custody/error.hpp>
#include <set>
#include <sstream>

#include "blobs/blob_store.hpp"
#include "blobs/durable.hpp"
#include "catalog/payloads.hpp"
#include "manager/backup_folder.hpp"
#include "sqlite/copy.hpp"

namespace custody::faults {

namespace fs = std::filesystem;

namespace {

constexpr int steps_until_reopened = 15;

ManagerOptions load_options() {
    auto options = opening();
    options.create = true;
    options.lock_timeout = std::chrono::seconds(30);
    return options;
}

constexpr const char* backup_name = "backup";

// What restore relies on: a description that says complete, its catalog, and every payload that this names.
void check_backup(const World& world, std::uint64_t entries, std::vector<std::string>& problems) {
    const manager::BackupFolder folder{world.outside(backup_name)};
    const auto manifest = manager::Manifest::read(folder.manifest());
    if (!manifest || !manifest->complete || manifest->tree_size < entries) {
        problems.push_back("an acknowledged backup of " + std::to_string(entries) + " entries is lost");
        return;
    }
    const blobs::BlobStore payloads(folder.root, blobs::Modes{});
    catalog::for_each_payload(*sqlite::open_at_rest(folder.catalog()), [&](const catalog::PayloadRow& row) {
        if (!row.present || payloads.matches(row.digest)) return;
        problems.push_back("the backup has not the payload " + row.digest.hex());
    });
}

// What a caller makes is made durable by the caller.
void make_durable_folder(const fs::path& folder) {
    fs::create_directories(folder);
    blobs::sync_folder(folder.parent_path());
}

}  // namespace

Load::Load(World world, unsigned seed, Say say, bool makes_backups)
    : world_(std::move(world)),
      random_(seed),
      say_(std::move(say)),
      makes_backups_(makes_backups),
      own_(std::to_string(::getpid())) {
    make_durable_folder(world_.outside());
}

void Load::step() {
    const bool due = steps_++ % steps_until_reopened == 0;
    if (due || !manager_) reopen();
    switch (made_.size() < 3 ? 0 : random_() % 13) {
        case 0:
        case 1:
        case 2:
            return create();
        case 3:
            return create_batch();
        case 4:
            return move();
        case 5:
        case 6:
            return link();
        case 7:
        case 8:
        case 9:
            return status();
        case 10:
            return clean();
        case 11:
            return collect();
        default:
            return makes_backups_ && random_() % 2 == 0 ? back_up() : export_months();
    }
}

// The old one first: its end is an orderly close, with a checkpoint.
void Load::reopen() {
    manager_.reset();
    manager_ = std::make_unique<ArtifactManager>(world_.store(), load_options());
}

std::string Load::content() {
    if (random_() % 5 == 0) return "shared by many " + std::to_string(random_() % 4);
    return own_ + " " + std::to_string(random_()) + std::string(random_() % 20000, static_cast<char>('a' + random_() % 26));
}

void Load::remember(const Artifact& artifact) {
    made_.push_back(artifact.id);
    statuses_.insert_or_assign(artifact.id, artifact.status);
    say_("ack create " + artifact.id.str());
}

void Load::create() {
    const bool small = random_() % 3 == 0;
    if (small) {
        return remember(manager_->create_artifact(
            {.type = ArtifactType::metadata, .metadata = {{"text", std::string(random_() % 30000, 'm')}}}));
    }
    remember(manager_->create_artifact(
        {.type = random_() % 4 == 0 ? ArtifactType::log : ArtifactType::video_raw, .content = content()}));
}

void Load::create_batch() {
    std::vector<NewArtifact> batch;
    for (auto i = 2 + random_() % 10; i > 0; --i) batch.push_back({.type = ArtifactType::video_keypoints, .content = content()});
    for (const auto& artifact : manager_->create_artifacts(batch)) remember(artifact);
}

void Load::move() {
    const auto source = world_.write("moved-" + own_, content());
    remember(manager_->create_artifact({.type = ArtifactType::audio_raw, .source_path = source, .transfer = Transfer::move}));
}

// From older to newer, so that there is no cycle.
void Load::link() {
    const auto newer = 1 + random_() % (made_.size() - 1);
    const auto& output = made_[newer];
    const auto& source = made_[random_() % newer];
    (void)manager_->link_artifacts(
        {.source_artifact_ids = {source}, .output_artifact_id = output, .relationship = "derived_from"});
    say_("ack link " + output.str() + " " + source.str());
}

void Load::status() {
    const auto& id = made_[random_() % made_.size()];
    const auto next = statuses_.at(id) == ArtifactStatus::in_progress ? ArtifactStatus::completed : ArtifactStatus::in_progress;
    const std::string words = "status " + id.str() + " " + std::string(to_string(next));
    say_("begin " + words);
    (void)manager_->update_artifact_status(id, next);
    statuses_.insert_or_assign(id, next);
    say_("ack " + words);
}

void Load::clean() {
    const auto report = manager_->cleanup_old_artifacts({.older_than_days = 0, .type = ArtifactType::log});
    for (const auto& id : report.removed) say_("ack removed " + id.str());
}

// What nothing refers to may be what another process is about to refer to.
void Load::collect() { (void)manager_->collect_garbage({.grace = std::chrono::seconds(0)}); }

void Load::export_months() {
    const auto folder = world_.outside("export-" + own_);
    make_durable_folder(folder);
    for (const auto& file : manager_->audit().export_months({.folder = folder})) say_("ack export " + file.string());
}

void Load::back_up() {
    const auto report = manager_->backup(world_.outside(backup_name));
    if (report.complete) say_("ack backup " + std::to_string(report.tree_size));
}

void Acknowledged::add(const std::string& line) {
    std::istringstream words(line);
    std::string what;
    std::string kind;
    std::string first;
    std::string second;
    words >> what >> kind >> first >> second;
    if (what == "ack") ++all_;
    if (kind == "create") creates_.push_back(first);
    if (kind == "link") links_.emplace_back(first, second);
    if (kind == "removed") removed_.push_back(first);
    if (kind == "export") exports_.push_back(first);
    if (kind == "backup") backed_up_ = std::stoull(first);
    if (kind != "status") return;
    auto& possible = statuses_[first];
    if (what == "ack") possible.clear();
    if (what == "begin" && possible.empty()) possible.emplace_back("completed");  // as it was made
    possible.push_back(second);
}

std::size_t Acknowledged::check(const World& world, std::vector<std::string>& problems) const {
    std::map<std::string, std::string> statuses;
    std::set<std::string> removed;
    std::set<std::pair<std::string, std::string>> links;
    const auto catalog = world.store() / "storage/catalog.db";
    if (fs::exists(catalog)) {
        const auto connection = sqlite::open_connection(catalog, sqlite::Access::read_write);
        sqlite::Query rows(*connection, "SELECT artifact_id, status, removed_at FROM artifacts");
        while (rows.step()) {
            statuses[rows.text(0)] = rows.text(1);
            if (!rows.is_null(2)) removed.insert(rows.text(0));
        }
        sqlite::Query edges(*connection,
                            "SELECT o.artifact_id, s.artifact_id FROM lineage_edges AS e JOIN artifacts AS o ON o.artifact_key = "
                            "e.output_key JOIN artifacts AS s ON s.artifact_key = e.source_key");
        while (edges.step()) links.emplace(edges.text(0), edges.text(1));
    }
    std::size_t missing = 0;
    for (const auto& id : creates_) missing += statuses.contains(id) ? 0 : 1;
    if (missing > 0) problems.push_back(std::to_string(missing) + " acknowledged creates are lost");
    for (const auto& [id, possible] : statuses_) {
        const auto found = statuses.find(id);
        if (found == statuses.end()) continue;
        if (std::find(possible.begin(), possible.end(), found->second) == possible.end()) {
            problems.push_back("an acknowledged status is lost: " + id + " is " + found->second);
        }
    }
    for (const auto& link : links_) {
        if (!links.contains(link)) problems.push_back("an acknowledged link is lost: " + link.first);
    }
    for (const auto& id : removed_) {
        if (!removed.contains(id)) problems.push_back("an acknowledged removal is lost: " + id);
    }
    for (const auto& file : exports_) {
        const auto there =
            world.root() / fs::path(file).lexically_relative(fs::path(file).parent_path().parent_path().parent_path());
        if (!fs::exists(there)) problems.push_back("an acknowledged export is lost: " + file);
    }
    if (backed_up_ > 0) check_backup(world, backed_up_, problems);
    return missing;
}

}  // namespace custody::faults
