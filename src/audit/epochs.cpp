#include "audit/entry_json.hpp"
#include "audit/trail_check.hpp"
#include "base/hex.hpp"

namespace custody::audit {

namespace {

// "custody/<store uuid>/<epoch>"
std::string epoch_of(const Checkpoint& checkpoint) { return checkpoint.origin.substr(checkpoint.origin.rfind('/') + 1); }

}  // namespace

void Epochs::follow(std::string_view line, std::uint64_t seq, const std::string& where) {
    const auto entry = json::parse(line, nullptr, false);
    if (text_of(entry, "action") != "epoch" || text_of(entry, "outcome") != "done") return;
    const auto& details = member_of(entry, "details");
    const auto text = [&](const char* key) { return text_of(details, key); };
    const auto& size = member_of(details, "left_size");
    Digest::Bytes root{};
    if (!size.is_number_integer() || text("epoch").empty() || text("left_epoch").empty() ||
        !base::from_hex(text("left_root"), root)) {
        return seals_.complain("epoch_altered", where, "the entry does not say which head was left");
    }
    // It is the first one of its epoch: what was left is all that is before it, the store's beginning at least.
    if (size != seq - 1 || seq == 1) {
        return seals_.complain("epoch_altered", where,
                               "it says that the trail was left at entry " + size.dump() + ", and is not the one after that");
    }
    begun_ = text("epoch");
    left_.emplace(text("left_epoch"), seq - 1);
    named_.emplace(seq - 1, Head{Digest(root), where});
}

bool Epochs::names_head_in(std::uint64_t first, std::uint64_t end) const {
    const auto next = named_.lower_bound(first);
    return next != named_.end() && next->first < end;
}

void Epochs::check_head(const Frontier& tree) {
    const auto head = named_.find(tree.size());
    if (head == named_.end()) return;
    if (head->second.root != tree.root()) {
        seals_.complain("history_rewritten", head->second.where,
                        "the entries before it are not those of the head that it says was left");
    }
    named_.erase(head);
}

bool Epochs::note_left(const SignedCheckpoint& note, const std::string& where) {
    const auto& checkpoint = note.checkpoint;
    const auto left = left_.find(epoch_of(checkpoint));
    if (left == left_.end() || checkpoint.size <= left->second) return false;
    left_notes_.push_back({note, where, left->second});
    return true;
}

void Epochs::finish() {
    for (const auto& [note, where, kept] : left_notes_) {
        const auto said = "a checkpoint of " + std::to_string(note.checkpoint.size) + " entries is of epoch " +
                          epoch_of(note.checkpoint) + ", which a restore left at entry " + std::to_string(kept) + ", as entry " +
                          std::to_string(kept + 1) + " says";
        if (seals_.is_vouched_for(note, kept)) {
            seals_.note("history_left", where, said);
        } else {
            seals_.complain("rollback_not_sealed", where,
                            said +
                                "; but no checkpoint beyond that entry is by a key that could vouch for it. Whoever restored "
                                "the store seals it (custody audit seal); else entries were removed, and those after entry " +
                                std::to_string(kept) + " may be invented");
        }
    }
}

}  // namespace custody::audit
