#include "audit/trail_check.hpp"

#include <algorithm>
#include <custody/error.hpp>

#include "audit/checkpoints.hpp"
#include "audit/entry_json.hpp"
#include "audit/replay.hpp"
#include "audit/text_reader.hpp"
#include "audit/tree.hpp"
#include "base/hex.hpp"
#include "base/in_order.hpp"
#include "sqlite/connection.hpp"

namespace custody::audit {

namespace {

std::string entry_name(std::uint64_t seq) { return "audit entry " + std::to_string(seq); }

// A checkpoint to be held against the tree when it has that size.
struct Expected {
    SignedCheckpoint note;
    std::string where;
};

class TrailCheck {
   public:
    TrailCheck(sqlite::Connection& connection, const std::string& store_id, const std::string& epoch,
               const TrailVerifyOptions& options, TrailReport& report, Replay* replay)
        : connection_(connection),
          store_id_(store_id),
          epoch_(epoch),
          options_(options),
          report_(report),
          replay_(replay),
          seals_(report, options.keys) {}

    void run() {
        read_keys();
        read_checkpoints();
        read_anchor();
        read_entries();
        check_head();
        check_upper_tiles();
        check_keys();
        check_epoch();
        for (const auto& [size, all] : expected_) {
            for (const auto& each : all) miss(each);
        }
        for (const auto& [seq, pointer] : withdrawals_.unexplained()) {
            seals_.complain("text_missing", entry_name(seq),
                            "the text at " + pointer + " is not there, and no entry says that it was withdrawn");
        }
        report_.withdrawn_texts = withdrawals_.count();
        report_.root = frontier_.root();
        epochs_.finish();
        seals_.finish(frontier_.size());
    }

   private:
    void read_keys() {
        for (const auto& row : list_keys(connection_)) {
            const auto key = VerifierKey::parse(row.verifier_key);
            const std::string where = "key " + row.public_key;
            if (!key || base::to_hex(key->public_key) != row.public_key || key->name != origin_of(store_id_, row.epoch)) {
                seals_.complain("key_altered", where, "the verifier key is not that of its store, epoch and public key");
                continue;
            }
            rows_.emplace(row.verifier_key, row.seq);
            seals_.list(*key);
        }
    }

    void read_checkpoints() {
        for (const auto& row : list_checkpoints(connection_)) {
            const auto where = "checkpoint of " + std::to_string(row.size) + " entries";
            signed_.emplace(row.size, row.public_key);
            auto note = SignedCheckpoint::parse(row.note);
            const auto key = VerifierKey{origin_of(store_id_, row.epoch), {}};
            PublicKey public_key;
            if (!note || note->checkpoint.size != row.size || note->checkpoint.origin != key.name ||
                !base::from_hex(row.public_key, public_key) || !note->signed_by(public_key) || note->signatures.size() != 1) {
                seals_.complain("checkpoint_altered", where, "the note is damaged, or is not that of its row");
                continue;
            }
            expect({std::move(*note), where});
        }
    }

    void read_anchor() {
        if (options_.anchor.empty()) return;
        const auto where = anchor_name(options_.anchor);
        auto notes = read_anchor_file(options_.anchor);
        if (!notes) return seals_.complain("anchor_damaged", where, "it is no file of checkpoints: " + options_.anchor.string());
        for (auto& note : *notes) {
            if (!note.checkpoint.origin.starts_with("custody/" + store_id_ + "/")) {
                seals_.complain("anchor_of_another_store", where, "a checkpoint in it is of " + note.checkpoint.origin);
            } else {
                expect({std::move(note), where});
            }
        }
    }

    void expect(Expected&& expected) { expected_[expected.note.checkpoint.size].push_back(std::move(expected)); }

    // A checkpoint of more entries than there are.
    void miss(const Expected& expected) {
        const auto size = std::to_string(expected.note.checkpoint.size);
        const bool is_anchor = is_of_anchor(expected.where);
        seals_.check_signature(expected.note, expected.where);
        if (is_anchor && epochs_.note_left(expected.note, expected.where)) return;
        seals_.complain(is_anchor ? "anchor_ahead" : "entries_removed", expected.where,
                        expected.where + " is ahead of this log: entries were removed (it covers " + size + ", there are " +
                            std::to_string(frontier_.size()) + ")");
    }

    // The epoch that the store is said to be in is the one that its trail began last.
    void check_epoch() {
        auto begun = epochs_.begun();
        if (begun.empty()) {
            sqlite::Query first(connection_, "SELECT line FROM audit_entries WHERE seq = 1");
            const auto entry = first.step() ? json::parse(first.view(0), nullptr, false) : json();
            if (text_of(entry, "action") == "init") begun = text_of(member_of(entry, "details"), "epoch");
        }
        if (begun.empty() || begun == epoch_) return;
        seals_.complain("epoch_altered", "store", "it is said to be in epoch " + epoch_ + ", and its trail is in " + begun);
    }

    void read_entries() {
        sqlite::Query rows(connection_, "SELECT seq, line FROM audit_entries ORDER BY seq");
        sqlite::Query tiles(connection_, "SELECT tile_index, hashes FROM audit_tiles WHERE level = 0 ORDER BY tile_index");
        TextReader texts(connection_, 1);
        bool more = rows.step();
        std::uint64_t next = 1;
        const auto produce = [&](LineBlock& block) {
            block.first_seq = next;
            if (replay_ != nullptr) block.wanted = Replay::concerns;
            while (more && !block.full()) {
                const auto seq = rows.integer(0);
                if (static_cast<std::uint64_t>(seq) != next) {
                    more = false;  // what comes after a gap can't be placed in the tree
                    seals_.complain("entry_missing", entry_name(next), "the next entry that is there is " + std::to_string(seq));
                    break;
                }
                const auto line = rows.peek(1);
                for (auto& found : texts.take(seq, line)) {
                    block.openings.push_back({block.size(), std::move(found.pointer), std::move(found.text), found.kept_in_row});
                }
                block.add(line);
                ++next;
                more = rows.step();
            }
            if (block.size() > 0) report_progress(next - 1);
            return block.size() > 0;
        };
        take_roots();
        base::in_order<LineBlock>(
            produce, [](LineBlock& block) { block.work(); }, [&](LineBlock& block) { use(block, tiles); });
        if (more_tiles_ && tiles.step())
            seals_.complain("tile_altered", "tiles", "there are tiles of more entries than there are");
        report_.entries = frontier_.size();
    }

    void report_progress(std::uint64_t done) const {
        if (options_.progress) options_.progress(done, 0);
    }

    void use(LineBlock& block, sqlite::Query& tiles) {
        for (auto& complaint : block.complaints) seals_.complain(complaint.kind, entry_name(complaint.seq), complaint.message);
        for (const auto& [seq, pointer] : block.unopened) withdrawals_.miss(seq, pointer);
        for (const auto& [index, entry] : block.read) {
            replay_->apply(static_cast<std::int64_t>(block.first_seq + index), entry);
        }
        for (const auto index : block.of_the_trail) follow(block.line(index), block.first_seq + index);
        epochs_.check_head(frontier_);
        const auto end = frontier_.size() + block.size();
        const auto next = expected_.lower_bound(frontier_.size() + 1);
        const bool stops = (next != expected_.end() && next->first < end) || epochs_.names_head_in(frontier_.size() + 1, end);
        if (block.tile && !stops) {
            frontier_.append_subtree(tile_height, *block.tile);
            take_roots(&block);
        } else {
            for (const auto& leaf : block.leaves) {
                frontier_.append(leaf);
                take_roots(&block);
                epochs_.check_head(frontier_);
            }
        }
        if (block.tile) {
            tile_roots_.push_back(*block.tile);
            const auto index = block.first_seq / tile_width;
            more_tiles_ = more_tiles_ && tiles.step();
            const bool there = more_tiles_ && static_cast<std::uint64_t>(tiles.integer(0)) == index;
            if (!there || to_hashes(tiles.peek(1)) != block.leaves) {
                seals_.complain("tile_altered", "tile 0/" + std::to_string(index), "its hashes are not those of the entries");
            }
        }
    }

    void follow(std::string_view line, std::uint64_t seq) {
        seals_.follow(line, entry_name(seq));
        withdrawals_.follow(line, entry_name(seq));
        epochs_.follow(line, seq, entry_name(seq));
        const auto entry = json::parse(line, nullptr, false);
        if (text_of(entry, "outcome") != "done") return;
        const auto& details = member_of(entry, "details");
        const auto action = text_of(entry, "action");
        if (action == "key") named_[text_of(details, "verifier_key")] = static_cast<std::int64_t>(seq);
        // A seal covers its own entry, so its checkpoint is of that size.
        if (action == "seal" && !signed_.contains({seq, text_of(details, "public_key")})) {
            seals_.complain("checkpoint_missing", entry_name(seq),
                            "it says that the trail was sealed, and the checkpoint is gone");
        }
    }

    // The checkpoints of the size that the tree has now.
    void take_roots(const LineBlock* block = nullptr) {
        const auto here = expected_.find(frontier_.size());
        if (here == expected_.end()) return;
        const auto root = frontier_.root();
        const auto time = block == nullptr ? std::string() : time_of(*block, frontier_.size());
        for (const auto& [note, where] : here->second) {
            if (note.checkpoint.root == root) {
                seals_.accept(note, where, time);
            } else if (!epochs_.note_left(note, where)) {
                seals_.check_signature(note, where);
                seals_.complain("history_rewritten", where,
                                "the first " + std::to_string(note.checkpoint.size) + " entries are not those that were sealed");
            }
        }
        expected_.erase(here);
    }

    static std::string time_of(const LineBlock& block, std::uint64_t seq) {
        const auto view = read_line(block.line(seq - block.first_seq));
        return view ? std::string(view->timestamp) : std::string();
    }

    void check_head() {
        try {
            if (Tree(connection_).head() == frontier_) return;
            seals_.complain("head_altered", "the tree's head",
                            "the stored head is not that of the " + std::to_string(frontier_.size()) + " entries that are there");
        } catch (const Corruption& error) {
            seals_.complain("head_altered", "the tree's head", error.what());
        }
    }

    void check_upper_tiles() {
        std::size_t expected_rows = 0;
        auto hashes = tile_roots_;
        for (unsigned level = 1; !hashes.empty(); ++level) {
            std::vector<Digest> above;
            for (std::size_t first = 0; first < hashes.size(); first += tile_width) {
                const auto count = std::min<std::size_t>(tile_width, hashes.size() - first);
                const std::vector<Digest> tile(hashes.begin() + static_cast<std::ptrdiff_t>(first),
                                               hashes.begin() + static_cast<std::ptrdiff_t>(first + count));
                ++expected_rows;
                if (Tree(connection_).stored_tile(level, first / tile_width) != tile) {
                    seals_.complain("tile_altered", "tile " + std::to_string(level) + "/" + std::to_string(first / tile_width),
                                    "its hashes are not those of the entries");
                }
                if (count == tile_width) above.push_back(fold(tile));
            }
            hashes = std::move(above);
        }
        sqlite::Query count(connection_, "SELECT count(*) FROM audit_tiles WHERE level > 0");
        count.step();
        if (static_cast<std::size_t>(count.integer(0)) != expected_rows) {
            seals_.complain("tile_altered", "tiles", "there are tiles that belong to no tree of so many entries");
        }
    }

    void check_keys() {
        for (const auto& [key, seq] : rows_) {
            const auto named = named_.find(key);
            if (named == named_.end() || named->second != seq) {
                seals_.complain("key_altered", "key " + key, "no entry " + std::to_string(seq) + " names this key");
            }
        }
        for (const auto& [key, seq] : named_) {
            if (!rows_.contains(key))
                seals_.complain("key_altered", "key " + key,
                                entry_name(static_cast<std::uint64_t>(seq)) + " names it, but it is not recorded");
        }
    }

    sqlite::Connection& connection_;
    const std::string& store_id_;
    const std::string& epoch_;
    const TrailVerifyOptions& options_;
    TrailReport& report_;
    Replay* replay_;
    Seals seals_;
    Epochs epochs_{seals_};
    Withdrawals withdrawals_{seals_};
    Frontier frontier_;
    std::vector<Digest> tile_roots_;
    bool more_tiles_ = true;
    std::map<std::uint64_t, std::vector<Expected>> expected_;
    std::set<std::pair<std::uint64_t, std::string>> signed_;  // checkpoints that there are: size, public key
    std::map<std::string, std::int64_t> rows_;                // verifier keys that are recorded, and the entries that name them
    std::map<std::string, std::int64_t> named_;               // verifier keys that entries name
};

}  // namespace

void check_trail(sqlite::Connection& connection, const std::string& store_id, const std::string& epoch,
                 const TrailVerifyOptions& options, TrailReport& report, Replay* replay) {
    TrailCheck(connection, store_id, epoch, options, report, replay).run();
}

}  // namespace custody::audit
