#include "audit/trail_check.hpp"
#include "base/hex.hpp"

namespace custody::audit {

void Epochs::follow(std::string_view line, std::uint64_t seq, const std::string& where) {
    const auto entry = json::parse(line, nullptr, false);
    if (!entry.is_object() || entry.value("action", "") != "epoch" || entry.value("outcome", "") != "done") return;
    const auto& details = entry.value("details", json::object());
    const auto text = [&](const char* key) {
        const auto value = details.value(key, json());
        return value.is_string() ? value.get<std::string>() : std::string();
    };
    const auto size = details.value("left_size", json());
    Digest::Bytes root{};
    if (!size.is_number_integer() || text("epoch").empty() || text("left_epoch").empty() ||
        !base::from_hex(text("left_root"), root)) {
        return seals_.complain("epoch_altered", where, "the entry does not say which head was left");
    }
    // It is the first one of its epoch: what was left is all that is before it.
    if (size != seq - 1) {
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

bool Epochs::note_left(const Checkpoint& checkpoint, const std::string& where) {
    const auto slash = checkpoint.origin.rfind('/');
    const auto left = left_.find(slash == std::string::npos ? checkpoint.origin : checkpoint.origin.substr(slash + 1));
    if (left == left_.end() || checkpoint.size <= left->second) return false;
    seals_.note("history_left", where,
                "a checkpoint of " + std::to_string(checkpoint.size) + " entries is of epoch " + left->first +
                    ", which a restore left at entry " + std::to_string(left->second) + ", as entry " +
                    std::to_string(left->second + 1) + " says");
    return true;
}

}  // namespace custody::audit
