// Verification of exported files: nothing of a store is at hand, and nothing in the files is believed before it was computed.

#include <algorithm>
#include <custody/audit_proof.hpp>
#include <custody/error.hpp>
#include <fstream>

#include "audit/line_file.hpp"
#include "audit/month_file.hpp"
#include "audit/trail_check.hpp"
#include "audit/tree.hpp"
#include "base/in_order.hpp"

namespace custody {

namespace {

using audit::EntryProof;
using audit::Frontier;
using audit::LineBlock;
using audit::MonthProof;
using audit::SignedCheckpoint;
using audit::VerifierKey;
namespace fs = std::filesystem;

// A proof; one that is larger than any is cut, and is none then.
std::optional<std::string> read_proof(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    if (!in) return std::nullopt;
    std::string text;
    std::string piece(std::size_t{1} << 16U, '\0');
    while (in && text.size() <= audit::largest_proof_bytes) {
        in.read(piece.data(), static_cast<std::streamsize>(piece.size()));
        text.append(piece, 0, static_cast<std::size_t>(in.gcount()));
    }
    return text;
}

// The files of one month, and what of them is there.
struct MonthFiles {
    std::string name;  // "202611"
    fs::path lines;
    fs::path proof;
};

// Lines of an export may be long, and many blocks are under way.
constexpr std::size_t most_block_bytes = std::size_t{4} << 20U;

class FileCheck {
   public:
    FileCheck(const TrailVerifyOptions& options, TrailReport& report)
        : options_(options), report_(report), seals_(report, options.keys) {}

    /// Proofs of entries, each for itself.
    void check_entries(const std::vector<fs::path>& files);
    void check_months(const std::vector<MonthFiles>& months);
    void read_anchor();

   private:
    void check_entry(const fs::path& file);
    void check_month(const MonthFiles& files, const MonthProof& proof);
    void join(const MonthFiles& files, const MonthProof& proof);
    void read_lines(const MonthFiles& files, const MonthProof& proof);
    void use(LineBlock& block, const MonthFiles& files, const MonthProof& proof);
    void take_roots(const LineBlock* block);
    void list_keys(const std::vector<std::string>& keys, const std::string& where);
    std::optional<SignedCheckpoint> parse_note(const std::string& text, const std::string& where);
    void check_note(const std::optional<std::string>& note, std::uint64_t size, const Digest& root, const std::string& where,
                    const std::string& time);
    [[nodiscard]] std::string place(const MonthFiles& files, std::uint64_t seq) const {
        return files.lines.filename().string() + " line " + std::to_string(seq - first_of_file_ + 1) + " (entry " +
               std::to_string(seq) + ")";
    }

    const TrailVerifyOptions& options_;
    TrailReport& report_;
    audit::Seals seals_;
    audit::Epochs epochs_{seals_};
    std::string store_;  // "custody/<store uuid>/" of the first checkpoint
    Frontier frontier_;
    std::string last_time_;
    std::uint64_t first_of_file_ = 1;
    std::uint64_t last_seq_ = 0;  // of entries that were proven one by one
    std::optional<MonthProof> before_;
    std::multimap<std::uint64_t, SignedCheckpoint> anchored_;
};

void FileCheck::list_keys(const std::vector<std::string>& keys, const std::string& where) {
    for (const auto& text : keys) {
        if (const auto key = VerifierKey::parse(text)) {
            seals_.list(*key);
        } else {
            seals_.complain("key_altered", where, "a key in it is no verifier key");
        }
    }
}

std::optional<SignedCheckpoint> FileCheck::parse_note(const std::string& text, const std::string& where) {
    auto note = SignedCheckpoint::parse(text);
    const auto slash = note ? note->checkpoint.origin.rfind('/') : std::string::npos;
    if (!note || !note->checkpoint.origin.starts_with("custody/") || slash == std::string::npos) {
        seals_.complain("checkpoint_altered", where, "a checkpoint in it is malformed");
        return std::nullopt;
    }
    const auto store = note->checkpoint.origin.substr(0, slash + 1);
    if (store_.empty()) store_ = store;
    if (store == store_) return note;
    seals_.complain("another_store", where, "a checkpoint in it is of " + store + ", the others of " + store_);
    return std::nullopt;
}

void FileCheck::check_note(const std::optional<std::string>& text, std::uint64_t size, const Digest& root,
                           const std::string& where, const std::string& time) {
    if (!text) return;
    const auto note = parse_note(*text, where);
    if (!note) return;
    if (note->checkpoint.size != size || note->checkpoint.root != root) {
        seals_.check_signature(*note, where);
        return seals_.complain("history_rewritten", where,
                               "the entries up to " + std::to_string(size) + " are not those that its checkpoint covers");
    }
    seals_.accept(*note, where, time);
}

void FileCheck::check_entries(const std::vector<fs::path>& files) {
    for (const auto& file : files) check_entry(file);
    seals_.finish(last_seq_);
}

void FileCheck::check_entry(const fs::path& file) {
    const auto where = file.filename().string();
    const auto text = read_proof(file);
    const auto proof = text ? EntryProof::parse(*text) : std::nullopt;
    if (!proof) return seals_.complain("proof_malformed", where, "it is no proof of an entry: " + file.string());
    list_keys(proof->keys, where);
    LineBlock block{.first_seq = proof->leaf_index + 1, .exported = true};
    block.add(proof->line);
    block.work();
    for (const auto& complaint : block.complaints) seals_.complain(complaint.kind, where, complaint.message);
    const auto root = audit::root_of_path(block.leaves.front(), proof->leaf_index, proof->tree_size, proof->path);
    if (!root) return seals_.complain("proof_malformed", where, "the path does not fit the entry's place in the tree");
    const auto seq = proof->leaf_index + 1;
    report_.first_seq = report_.entries == 0 ? seq : std::min(report_.first_seq, seq);
    last_seq_ = std::max(last_seq_, seq);
    ++report_.entries;
    report_.root = *root;
    // Without a checkpoint the root is nobody's: the path proves nothing by itself.
    const auto view = audit::read_line(proof->line);
    const bool is_last = proof->tree_size == proof->leaf_index + 1;  // else the time of the last one is not here
    check_note(proof->note, proof->tree_size, *root, where, view && is_last ? std::string(view->timestamp) : std::string());
    if (!proof->note)
        seals_.note("unsigned", where, "no checkpoint: what it proves hangs on the root being known from elsewhere");
}

void FileCheck::read_anchor() {
    if (options_.anchor.empty()) return;
    const auto where = audit::anchor_name(options_.anchor);
    auto notes = audit::read_anchor_file(options_.anchor);
    if (!notes) return seals_.complain("anchor_damaged", where, "it is no file of checkpoints: " + options_.anchor.string());
    for (auto& note : *notes) anchored_.emplace(note.checkpoint.size, std::move(note));
}

void FileCheck::check_months(const std::vector<MonthFiles>& months) {
    read_anchor();
    for (const auto& files : months) {
        const auto where = files.proof.filename().string();
        const auto text = fs::is_regular_file(files.proof) ? read_proof(files.proof) : std::nullopt;
        if (!text) {
            seals_.complain("month_missing", where, "the proof of the month is missing");
            continue;
        }
        const auto proof = MonthProof::parse(*text);
        if (!proof) {
            seals_.complain("proof_malformed", where, "it is no proof of a month: " + files.proof.string());
            continue;
        }
        check_month(files, *proof);
        before_ = proof;
    }
    for (const auto& [size, note] : anchored_) {
        const auto where = audit::anchor_name(options_.anchor);
        if (size < report_.first_seq) {
            seals_.note("anchor_before", where, "a checkpoint of it lies before the months that are here");
        } else if (!epochs_.note_left(note, where)) {
            seals_.check_signature(note, where);
            seals_.complain("anchor_ahead", where,
                            where + " is ahead of this log: entries were removed (it covers " + std::to_string(size) +
                                ", there are " + std::to_string(frontier_.size()) + ")");
        }
    }
    report_.root = frontier_.root();
    epochs_.finish();
    seals_.finish(frontier_.size());
}

void FileCheck::check_month(const MonthFiles& files, const MonthProof& proof) {
    const auto where = files.proof.filename().string();
    if (proof.month.substr(0, 4) + proof.month.substr(5) != files.name) {
        seals_.complain("proof_altered", where, "it says that it is of " + proof.month);
    }
    list_keys(proof.keys, where);
    join(files, proof);
    frontier_ = proof.start;
    check_note(proof.start_note, proof.start.size(), proof.start.root(), where, last_time_);
    read_lines(files, proof);
    if (frontier_.size() != proof.last_seq) {
        seals_.complain("entry_missing", files.lines.filename().string(),
                        "it has " + std::to_string(frontier_.size() - proof.start.size()) + " entries, its proof says " +
                            std::to_string(proof.last_seq + 1 - proof.first_seq));
    } else if (frontier_.root() != proof.root) {
        seals_.complain("history_rewritten", files.lines.filename().string(), "its lines are not those that its proof is of");
    }
    check_note(proof.end_note, frontier_.size(), frontier_.root(), where, last_time_);
    if (!proof.end_note) seals_.note("unsigned", where, "the end of the month is not signed");
}

// A month begins where the one before it ended.
void FileCheck::join(const MonthFiles& files, const MonthProof& proof) {
    const auto where = files.proof.filename().string();
    if (!before_) {
        report_.first_seq = proof.first_seq;
        if (proof.first_seq != 1) {
            seals_.note("months_before", where,
                        "the months before it are not here: entries 1 to " + std::to_string(proof.first_seq - 1) +
                            " are known by their hashes only");
        }
        return;
    }
    if (proof.month != audit::next_month(before_->month))
        seals_.complain("month_missing", where, "the month after " + before_->month + " is missing");
    if (proof.start.size() != frontier_.size() || proof.start.root() != frontier_.root()) {
        seals_.complain("joint_broken", where, "it does not begin where " + before_->month + " ends");
    }
}

void FileCheck::read_lines(const MonthFiles& files, const MonthProof& proof) {
    first_of_file_ = proof.first_seq;
    audit::LineFile in(files.lines);
    if (!in.opened())
        return seals_.complain("month_missing", files.lines.filename().string(), "the lines of the month are missing");
    std::uint64_t next = proof.first_seq;
    const auto produce = [&](LineBlock& block) {
        block.exported = true;
        block.first_seq = next;
        std::string_view line;
        while (!block.full() && block.bytes.size() < most_block_bytes && in.next(line)) {
            if (in.cut()) seals_.complain("line_cut", place(files, next), "the last line has no line feed: the file was cut");
            block.add(line);
            ++next;
        }
        if (in.too_long()) seals_.complain("entry_altered", place(files, next), "the line is longer than any entry");
        if (block.size() > 0 && options_.progress) options_.progress(next - 1, 0);
        return block.size() > 0;
    };
    take_roots(nullptr);
    base::in_order<LineBlock>(
        produce, [](LineBlock& block) { block.work(); }, [&](LineBlock& block) { use(block, files, proof); });
}

void FileCheck::use(LineBlock& block, const MonthFiles& files, const MonthProof& proof) {
    for (const auto& complaint : block.complaints)
        seals_.complain(complaint.kind, place(files, complaint.seq), complaint.message);
    for (std::size_t i = 0; i < block.size(); ++i) {
        const bool first = block.first_seq + i == proof.first_seq;
        // A later month than the file's belongs to another file; an earlier one is a clock that went back, unless nothing is
        // before it.
        if (block.months[i] > proof.month || (first && block.months[i] != proof.month)) {
            seals_.complain("wrong_month", place(files, block.first_seq + i), "the entry is not of " + proof.month);
        }
    }
    for (const auto index : block.of_the_trail) {
        const auto seq = block.first_seq + index;
        seals_.follow(block.line(index), place(files, seq));
        epochs_.follow(block.line(index), seq, place(files, seq));
    }
    epochs_.check_head(frontier_);
    const auto next = anchored_.lower_bound(frontier_.size() + 1);
    const auto end = frontier_.size() + block.size();
    const bool stops = (next != anchored_.end() && next->first < end) || epochs_.names_head_in(frontier_.size() + 1, end);
    if (block.tile && !stops) {
        frontier_.append_subtree(audit::tile_height, *block.tile);
        take_roots(&block);
    } else {
        for (const auto& leaf : block.leaves) {
            frontier_.append(leaf);
            take_roots(&block);
            epochs_.check_head(frontier_);
        }
    }
    report_.entries += block.size();
    if (const auto view = audit::read_line(block.line(block.size() - 1))) last_time_ = view->timestamp;
}

void FileCheck::take_roots(const LineBlock* block) {
    const auto [begin, end] = anchored_.equal_range(frontier_.size());
    for (auto at = begin; at != end; ++at) {
        const auto where = audit::anchor_name(options_.anchor);
        const auto view = block == nullptr ? std::nullopt : audit::read_line(block->line(frontier_.size() - block->first_seq));
        const bool is_other = at->second.checkpoint.root != frontier_.root();
        if (is_other && epochs_.note_left(at->second, where)) continue;
        check_note(at->second.str(), frontier_.size(), frontier_.root(), where, view ? std::string(view->timestamp) : last_time_);
    }
    anchored_.erase(begin, end);
}

bool is_digits(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// "202611" of audit_202611.jsonl and audit_202611.proof.json.
std::optional<std::string> month_of(const fs::path& file) {
    const auto name = file.filename().string();
    const bool is_month = name.size() > 12 && name.starts_with("audit_") && is_digits(std::string_view(name).substr(6, 6)) &&
                          (name.substr(12) == ".jsonl" || name.substr(12) == ".proof.json");
    return is_month ? std::optional(name.substr(6, 6)) : std::nullopt;
}

MonthFiles files_of(const fs::path& folder, const std::string& name) {
    return {name, folder / ("audit_" + name + ".jsonl"), folder / ("audit_" + name + ".proof.json")};
}

// What of an export is in a folder, in order.
struct Exported {
    std::vector<MonthFiles> months;
    std::vector<fs::path> entries;  // "entry_12.proof.json", as proofs of a history are named
};

Exported exported_in(const fs::path& folder) {
    std::map<std::string, MonthFiles> months;
    Exported found;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(folder, error)) {
        const auto name = entry.path().filename().string();
        if (const auto month = month_of(entry.path())) months.emplace(*month, files_of(folder, *month));
        if (name.starts_with("entry_") && name.ends_with(".proof.json")) found.entries.push_back(entry.path());
    }
    if (error) throw IoError("can't read the folder " + folder.string() + ": " + error.message(), error.value());
    for (auto& [name, files] : months) found.months.push_back(std::move(files));
    std::sort(found.entries.begin(), found.entries.end());
    return found;
}

}  // namespace

TrailReport verify_audit_files(const std::filesystem::path& path, const TrailVerifyOptions& options) {
    TrailReport report;
    FileCheck check(options, report);
    std::error_code error;
    const auto status = fs::status(path, error);
    if (status.type() == fs::file_type::not_found) throw IoError("there is no " + path.string() + " to verify", ENOENT);
    if (error) throw IoError("can't look at " + path.string() + ": " + error.message(), error.value());
    if (fs::is_directory(status)) {
        const auto [months, entries] = exported_in(path);
        if (months.empty() && entries.empty())
            throw IoError("there are neither months of an audit trail nor proofs of its entries in " + path.string(), ENOENT);
        if (months.empty()) {
            check.check_entries(entries);
        } else {
            check.check_months(months);
        }
    } else if (const auto name = month_of(path)) {
        check.check_months({files_of(path.parent_path(), *name)});
    } else {
        check.check_entries({path});
    }
    return report;
}

bool TrailReport::ok() const noexcept {
    return std::none_of(findings.begin(), findings.end(),
                        [](const Finding& finding) { return finding.severity == Finding::Severity::error; });
}

std::string TrailReport::statement() const {
    if (sealed_entries == 0) return "not sealed: no checkpoint covers these " + std::to_string(entries) + " entries";
    return "sealed to entry " + std::to_string(sealed_entries) + ", of time " + (sealed_at.empty() ? "unknown" : sealed_at) +
           ", by key " + sealed_by + (pinned ? " (pinned by --key); " : " (not pinned); ") + std::to_string(entries_after) +
           (entries_after == 1 ? " entry after it" : " entries after it");
}

}  // namespace custody
