#include "faults/power_loss/replay.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <stdexcept>

namespace custody::faults {

namespace {

namespace fs = std::filesystem;
using Kind = Event::Kind;

constexpr std::size_t sector_bytes = 512;

bool happens(double luck, std::mt19937_64& random) { return std::uniform_real_distribution<double>(0, 1)(random) < luck; }

void put(std::string& file, std::uint64_t offset, std::string_view bytes) {
    if (file.size() < offset + bytes.size()) file.resize(offset + bytes.size(), '\0');
    file.replace(offset, bytes.size(), bytes);
}

// Sectors are those of the disk: a write begins and ends somewhere in one.
void put_some(std::string& file, const Event& event, std::mt19937_64& random) {
    const auto end = event.offset + event.bytes.size();
    for (auto from = event.offset; from < end;) {
        const auto to = std::min(end, (from / sector_bytes + 1) * sector_bytes);
        if ((random() & 1U) != 0) put(file, from, std::string_view(event.bytes).substr(from - event.offset, to - from));
        from = to;
    }
    if (file.size() < end && (random() & 1U) != 0) file.resize(end, '\0');  // it has grown, and nothing of it was written
}

}  // namespace

Replay::Replay(const std::vector<Event>& events, bool careless) : events_(events), careless_(careless) {
    durable_[0] = {};
    for (const auto& event : events) {
        if (event.kind != Kind::name && event.kind != Kind::rename) continue;
        if (event.name == "catalog.db-wal") wals_.insert(event.object);
        if (event.name == "catalog.db") databases_.insert(event.object);
    }
}

// With synchronous=NORMAL SQLite syncs the WAL before a checkpoint writes to the database, and after a new header.
bool Replay::is_skipped_sync(std::size_t at) const {
    if (!careless_ || !wals_.contains(events_[at].object)) return false;
    for (auto i = at; i-- > 0;) {
        const auto& before = events_[i];
        if (before.kind == Kind::write && before.object == events_[at].object) {
            if (before.offset == 0) return false;
            break;
        }
    }
    for (auto i = at + 1; i < events_.size(); ++i) {
        const auto& after = events_[i];
        if (after.kind != Kind::write) continue;
        if (databases_.contains(after.object)) return false;
        if (wals_.contains(after.object)) return true;
    }
    return true;
}

void Replay::advance_to(std::size_t at) {
    for (; at_ < at; ++at_) {
        if (events_[at_].kind == Kind::sync && is_skipped_sync(at_)) continue;
        apply(events_[at_]);
    }
}

void Replay::apply_to(File& file, const Event& event, std::mt19937_64* random) {
    switch (event.kind) {
        case Kind::write:
            if (random != nullptr) return put_some(file.bytes, event, *random);
            return put(file.bytes, event.offset, event.bytes);
        case Kind::truncate:
            return file.bytes.resize(event.offset, '\0');
        case Kind::mode:
            file.mode = event.offset;
            return;
        default:
            throw std::logic_error("this is no change of a file");
    }
}

void Replay::apply_to(std::map<Object, Names>& names, const Event& event) {
    if (event.kind == Kind::rename) names[event.old_folder].erase(event.old_name);
    if (event.kind == Kind::unname) {
        names[event.folder].erase(event.name);
    } else {
        names[event.folder][event.name] = event.object;
    }
}

void Replay::apply(const Event& event) {
    switch (event.kind) {
        case Kind::make_file:
            files_[event.object].mode = event.offset;
            break;
        case Kind::make_folder:
            durable_[event.object] = {};
            folder_modes_[event.object] = event.offset;
            break;
        case Kind::make_link:
            links_[event.object] = event.bytes;
            break;
        case Kind::write:
        case Kind::truncate:
            files_.at(event.object).pending.push_back(&event);
            break;
        case Kind::mode:
            if (files_.contains(event.object)) {
                files_[event.object].pending.push_back(&event);
            } else {
                folder_modes_[event.object] = event.offset;
            }
            break;
        case Kind::name:
        case Kind::rename:
        case Kind::unname:
            changes_.push_back(&event);
            break;
        case Kind::sync:
            sync(event.object);
            break;
        case Kind::sync_all:
            for (const auto& [object, file] : files_) sync(object);
            for (const auto* change : changes_) apply_to(durable_, *change);
            changes_.clear();
            break;
        case Kind::said:
            said_.push_back(event.bytes);
            break;
    }
}

void Replay::sync(Object object) {
    const auto file = files_.find(object);
    if (file != files_.end()) {
        for (const auto* event : file->second.pending) apply_to(file->second, *event, nullptr);
        file->second.pending.clear();
        return;
    }
    sync_names(object);
}

// A rename is durable with either of its folders; what was done before to a name that it changes can't come after it then.
void Replay::sync_names(Object folder) {
    std::set<std::pair<Object, std::string>> names;
    std::set<const Event*> durable;
    for (auto change = changes_.rbegin(); change != changes_.rend(); ++change) {
        const auto& event = **change;
        const bool is_rename = event.kind == Kind::rename;
        const std::pair name(event.folder, event.name), old_name(event.old_folder, event.old_name);
        const bool here = event.folder == folder || (is_rename && event.old_folder == folder);
        if (!here && !names.contains(name) && !(is_rename && names.contains(old_name))) continue;
        durable.insert(&event);
        names.insert(name);
        if (is_rename) names.insert(old_name);
    }
    std::erase_if(changes_, [&](const Event* change) {
        if (!durable.contains(change)) return false;
        apply_to(durable_, *change);
        return true;
    });
}

void Replay::make(const fs::path& place, double luck, std::mt19937_64& random) const {
    fs::remove_all(place);
    fs::create_directories(place);
    auto names = durable_;
    for (const auto* change : changes_) {
        if (happens(luck, random)) apply_to(names, *change);
    }
    std::map<Object, fs::path> made;
    build(place, 0, names, luck, random, made);
}

void Replay::build(const fs::path& place, Object folder, const std::map<Object, Names>& names, double luck,
                   std::mt19937_64& random, std::map<Object, fs::path>& made) const {
    const auto found = names.find(folder);
    if (found == names.end()) return;
    for (const auto& [name, object] : found->second) {
        const auto path = place / name;
        if (const auto link = links_.find(object); link != links_.end()) {
            fs::create_symlink(link->second, path);
            continue;
        }
        const auto file = files_.find(object);
        if (file == files_.end()) {
            fs::create_directories(path);
            build(path, object, names, luck, random, made);
            ::chmod(path.c_str(), static_cast<mode_t>(folder_modes_.at(object)));
            continue;
        }
        if (made.contains(object)) {
            fs::create_hard_link(made[object], path);
            continue;
        }
        made[object] = path;
        File now{file->second.bytes, file->second.mode, {}};
        for (const auto* event : file->second.pending) {
            if (!happens(luck, random)) continue;
            apply_to(now, *event, luck < 1 && random() % 4 == 0 ? &random : nullptr);
        }
        std::ofstream(path, std::ios::binary) << now.bytes;
        ::chmod(path.c_str(), static_cast<mode_t>(now.mode));
    }
}

}  // namespace custody::faults
