// A store of the original's as it lies on the disk. Nothing outside of it is looked at, whatever its records say.

#include "original/tree.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <custody/error.hpp>
#include <iterator>
#include <set>
#include <unordered_map>

#include "base/text.hpp"

namespace custody::original {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t chunk_bytes = std::size_t{1} << 16U;
constexpr std::uintmax_t largest_record_bytes = std::uintmax_t{64} << 20U;

// Answers the errno of a failure, or 0. No symbolic link is followed: what it leads to is no part of the tree.
int read_all(const fs::path& file, std::string& text) {
    int descriptor = -1;
    do {
        descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    } while (descriptor < 0 && errno == EINTR);
    if (descriptor < 0) return errno;
    int failure = 0;
    for (;;) {
        const auto size = text.size();
        text.resize(size + chunk_bytes);
        const auto got = ::read(descriptor, text.data() + size, chunk_bytes);
        const int code = errno;
        text.resize(size + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
        if (got < 0 && code == EINTR) continue;
        if (got < 0) failure = code;
        if (got <= 0) break;
    }
    ::close(descriptor);
    return failure;
}

// What can't be looked at must not be taken for what isn't there: its artifacts would come over without their payloads.
fs::file_type type_of(const fs::path& path, bool follow = false) {
    std::error_code code;
    const auto status = follow ? fs::status(path, code) : fs::symlink_status(path, code);
    if (status.type() == fs::file_type::none)
        throw IoError("can't look at " + path.string() + ": " + code.message(), code.value());
    return status.type();
}

}  // namespace

void sort(Remarks& remarks) {
    std::stable_sort(remarks.begin(), remarks.end(),
                     [](const auto& a, const auto& b) { return std::tie(a.path, a.line) < std::tie(b.path, b.line); });
}

namespace {

class Walk {
   public:
    Walk(fs::path folder, const Zone& zone) : folder_(std::move(folder)), zone_(zone) {}

    Tree read() {
        read_records();
        find_payloads();
        read_audit_files();
        tree_.runs = find_runs(tree_.lines, read_texts("storage/runs"), zone_, tree_.remarks);
        note_leftovers();
        settle_links(tree_.records, tree_.remarks);
        join_runs();
        sort(tree_.remarks);
        return std::move(tree_);
    }

   private:
    void remark(ImportRemark::Kind kind, const std::string& path, const std::string& message, const std::string& subject = {}) {
        tree_.remarks.push_back({kind, path, 0, subject, message});
    }
    [[nodiscard]] std::string name_of(const fs::path& file) const {
        return base::to_clean_utf8(file.lexically_relative(folder_).generic_string());
    }

    // What is in a folder, by name; nothing where it isn't there.
    std::vector<fs::directory_entry> entries_of(const std::string& below) {
        std::vector<fs::directory_entry> entries;
        std::error_code code;
        const auto folder = folder_ / below;
        if (type_of(folder) == fs::file_type::not_found) return entries;
        for (fs::directory_iterator it(folder, code), end; !code && it != end; it.increment(code)) entries.push_back(*it);
        if (code) throw IoError("can't read " + folder.string() + ": " + code.message(), code.value());
        std::sort(entries.begin(), entries.end());
        return entries;
    }
    static bool is_file(const fs::directory_entry& entry) { return type_of(entry.path()) == fs::file_type::regular; }

    // nullopt, with a remark, for what can't be read.
    std::optional<std::string> text_of(const fs::path& file) {
        std::error_code code;
        if (fs::file_size(file, code) > largest_record_bytes && file.extension() == ".json") {
            remark(ImportRemark::Kind::left_out, name_of(file), "it is larger than any record");
            return std::nullopt;
        }
        std::string text;
        if (const int failure = read_all(file, text); failure != 0) {
            remark(ImportRemark::Kind::left_out, name_of(file), std::string("it can't be read: ") + std::strerror(failure));
            return std::nullopt;
        }
        return text;
    }

    // The JSON files of a folder: name below the tree, text.
    std::map<std::string, std::string> read_texts(const std::string& below) {
        std::map<std::string, std::string> texts;
        for (const auto& entry : entries_of(below)) {
            if (!is_file(entry) || entry.path().extension() != ".json") {
                remark(ImportRemark::Kind::left_out, name_of(entry.path()), "it is no record, and stays behind");
                continue;
            }
            if (auto text = text_of(entry.path())) texts.emplace(name_of(entry.path()), std::move(*text));
        }
        return texts;
    }

    void read_records() {
        std::unordered_map<ArtifactId, std::size_t> known;
        for (auto& [path, text] : read_texts("storage/metadata")) {
            std::error_code code;
            const auto written = fs::last_write_time(folder_ / path, code);
            const auto written_at = Timestamp(std::chrono::floor<Timestamp::Duration>(
                code ? std::chrono::system_clock::now() : std::chrono::file_clock::to_sys(written)));
            auto record = read_record(path, text, written_at, zone_, tree_.remarks);
            if (!record) {
                keep_text(path, text);
                continue;
            }
            const auto [place, is_new] = known.emplace(record->id, tree_.records.size());
            if (is_new) {
                tree_.records.push_back(std::move(*record));
                continue;
            }
            // The original finds an artifact by the name of the file.
            auto& first = tree_.records[place->second];
            if (fs::path(path).stem() == record->original_id) std::swap(first, *record);
            remark(ImportRemark::Kind::left_out, record->path, "another record has the same id: " + first.path, record->id.str());
            keep_text(record->path, record->text);
        }
    }

    // What is no record goes to the trail as it is.
    void keep_text(const std::string& path, const std::string& text) {
        tree_.lines.push_back({.path = path, .line = 0, .part = 1, .text = base::to_clean_utf8(text), .whole = false});
    }

    void find_payloads() {
        std::map<std::string, std::vector<fs::path>> by_name;
        std::set<fs::path> unclaimed;
        for (const auto& type : entries_of("storage/artifacts")) {
            if (is_file(type)) unclaimed.insert(type.path());
            if (type_of(type.path()) != fs::file_type::directory) continue;
            for (const auto& entry : entries_of(name_below(type.path()))) {
                if (!is_file(entry)) {
                    remark(ImportRemark::Kind::left_out, name_of(entry.path()), "it is no regular file");
                    continue;
                }
                by_name[entry.path().filename().string()].push_back(entry.path());
                unclaimed.insert(entry.path());
            }
        }
        for (auto& record : tree_.records) {
            claim(record, by_name);
            if (!record.payload.empty()) unclaimed.erase(record.payload);
        }
        for (const auto& file : unclaimed) {
            remark(ImportRemark::Kind::left_out, name_of(file), "no record that came over names this file; it stays behind");
        }
    }
    [[nodiscard]] std::string name_below(const fs::path& folder) const { return folder.lexically_relative(folder_).string(); }

    // The payload is looked for under its name: the path is of where the store once was, or of a working folder long gone.
    void claim(Record& record, const std::map<std::string, std::vector<fs::path>>& by_name) {
        if (record.file_path.empty() && !record.checksum) return;
        const auto stated = fs::path(record.file_path);
        const auto name = stated.filename().string();
        const auto of_type = folder_ / "storage" / "artifacts" / record.type.str();
        if (const auto found = by_name.find(name); !name.empty() && found != by_name.end()) {
            const auto& files = found->second;
            const auto own = std::find(files.begin(), files.end(), of_type / name);
            record.payload = own != files.end() ? *own : files.front();
        } else {
            const auto begin = by_name.lower_bound(record.original_id + "_");
            if (begin != by_name.end() && begin->first.starts_with(record.original_id + "_"))
                record.payload = begin->second.front();
        }
        auto shown = record.payload.empty() ? name : record.payload.filename().string();
        if (shown.starts_with(record.original_id + "_")) shown.erase(0, record.original_id.size() + 1);
        record.file_name = base::to_clean_utf8(shown.empty() ? record.type.str() : shown);
        if (record.payload.empty()) return;
        const auto place = fs::path("artifacts") / record.payload.parent_path().filename() / record.payload.filename();
        if (!("/" + stated.lexically_normal().generic_string()).ends_with("/" + place.generic_string())) {
            remark(ImportRemark::Kind::mended, record.path, "the payload lies at " + name_of(record.payload), "file_path");
        }
    }

    void read_audit_files() {
        struct File {
            std::optional<Timestamp> first;
            std::string path;
            std::vector<Line> lines;
        };
        std::vector<File> files;
        for (const auto& entry : entries_of("audit")) {
            const auto name = entry.path().filename().string();
            if (!is_file(entry) || !name.starts_with("audit_") || entry.path().extension() != ".jsonl") {
                remark(ImportRemark::Kind::left_out, name_of(entry.path()), "it is no audit file, and stays behind");
                continue;
            }
            const auto text = text_of(entry.path());
            if (!text) continue;
            auto& file = files.emplace_back(File{{}, name_of(entry.path()), {}});
            read_lines(file.path, *text, zone_, file.lines, tree_.remarks);
            for (const auto& line : file.lines) {
                if (!file.first) file.first = line.time;
            }
        }
        // By what they say, since rotated files have names of their own.
        std::stable_sort(files.begin(), files.end(), [](const File& a, const File& b) { return a.first < b.first; });
        for (auto& file : files) std::move(file.lines.begin(), file.lines.end(), std::back_inserter(tree_.lines));
    }

    void note_leftovers() {
        for (const auto& entry : entries_of("storage/temp")) {
            remark(ImportRemark::Kind::note, name_of(entry.path()), "a temporary file, which stays behind");
        }
        static const std::set<std::string> known = {"artifacts", "metadata", "runs", "temp"};
        for (const auto& entry : entries_of("storage")) {
            if (known.contains(entry.path().filename().string())) continue;
            remark(ImportRemark::Kind::left_out, name_of(entry.path()),
                   "it has no place in a store of the original's, and stays behind");
        }
    }

    // An artifact is of a run where anything says so: the run, the artifact's metadata, or the entry of its creation. That
    // entries stand between the start and the end of a run says nothing: several programs write to one file.
    void join_runs() {
        std::set<RunId> known;
        std::unordered_map<ArtifactId, RunId> of;
        for (const auto& run : tree_.runs) {
            known.insert(run.id);
            for (const auto& output : run.outputs) of.emplace(artifact_id_of(output), run.id);
        }
        for (const auto& line : tree_.lines) {
            if (line.operation == "artifact_creation" && line.artifact_id && line.run_id)
                of.emplace(*line.artifact_id, *line.run_id);
        }
        for (auto& record : tree_.records) {
            const auto metadata = json::parse(record.metadata_text);
            if (const auto id = metadata.find("run_id"); id != metadata.end() && id->is_string()) {
                of.emplace(record.id, run_id_of(id->get<std::string>()));
            }
            if (const auto run = of.find(record.id); run != of.end() && known.contains(run->second)) record.run = run->second;
        }
    }

    fs::path folder_;
    const Zone& zone_;
    Tree tree_{};
};

}  // namespace

Tree read_tree(const fs::path& folder, const Zone& zone) {
    std::error_code code;
    const auto real = fs::canonical(folder, code);
    if (code) throw IoError("can't read " + folder.string() + ": " + code.message(), code.value());
    if (type_of(real / "storage" / "catalog.db", true) != fs::file_type::not_found) {
        throw InvalidArgument(folder.string() + " is a store of custody, not of the original system");
    }
    if (type_of(real / "storage" / "metadata", true) != fs::file_type::directory &&
        type_of(real / "audit", true) != fs::file_type::directory) {
        throw InvalidArgument(folder.string() + " is no store of the original system: it has neither storage/metadata nor audit");
    }
    return Walk(real, zone).read();
}

}  // namespace custody::original
