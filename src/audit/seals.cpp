#include <algorithm>
#include <cerrno>
#include <custody/error.hpp>
#include <fstream>
#include <sstream>

#include "audit/checkpoints.hpp"
#include "audit/entry_json.hpp"
#include "audit/trail_check.hpp"
#include "base/base64.hpp"
#include "base/hex.hpp"

namespace custody::audit {

namespace {

constexpr std::size_t most_findings_of_a_kind = 1000;

std::optional<Signature> parse_signature(const json& value) {
    const auto bytes = value.is_string() ? base::from_base64(value.get_ref<const std::string&>()) : std::nullopt;
    Signature signature;
    if (!bytes || bytes->size() != signature.size()) return std::nullopt;
    std::copy(bytes->begin(), bytes->end(), signature.begin());
    return signature;
}

std::optional<PublicKey> parse_public_key(const json& value) {
    PublicKey key;
    if (!value.is_string() || !base::from_hex(value.get_ref<const std::string&>(), key)) return std::nullopt;
    return key;
}

bool is_by_any(const SignedCheckpoint& note, const std::set<PublicKey>& keys) {
    return std::any_of(keys.begin(), keys.end(), [&](const PublicKey& key) { return note.signed_by(key); });
}

}  // namespace

Seals::Seals(TrailReport& report, const std::vector<std::string>& pinned) : report_(report) {
    for (const auto& text : pinned) {
        const auto key = VerifierKey::parse(text);
        if (!key) {
            throw InvalidArgument(
                "\"" + text +
                "\" is no verifier key: it looks like custody/<store>/<epoch>+<8 hex digits>+<base64>, as custody "
                "audit keygen prints it");
        }
        pinned_.insert(key->public_key);
    }
}

void Seals::complain(const std::string& kind, const std::string& subject, const std::string& message) {
    if (++counts_[kind] <= most_findings_of_a_kind) {
        report_.findings.push_back({Finding::Severity::error, kind, subject, message});
    }
}

void Seals::note(const std::string& kind, const std::string& subject, const std::string& message) {
    if (++counts_[kind] <= most_findings_of_a_kind) {
        report_.findings.push_back({Finding::Severity::note, kind, subject, message});
    }
}

void Seals::list(const VerifierKey& key) {
    if (std::find(listed_.begin(), listed_.end(), key) == listed_.end()) listed_.push_back(key);
}

bool Seals::is_trusted(const PublicKey& key) const { return pinned_.contains(key) || named_by_pinned_.contains(key); }

void Seals::follow(std::string_view line, const std::string& where) {
    const auto entry = json::parse(line, nullptr, false);
    if (text_of(entry, "action") != "key" || text_of(entry, "outcome") != "done") return;
    const auto& details = member_of(entry, "details");
    const auto key = VerifierKey::parse(text_of(details, "verifier_key"));
    if (!key) return complain("key_altered", where, "the entry names no verifier key");
    const auto& endorsement = member_of(details, "signature");
    if (endorsement.is_null()) return;
    const auto previous = parse_public_key(member_of(details, "previous_key"));
    const auto signature = parse_signature(endorsement);
    if (!previous || !signature ||
        !verify_signature(rotation_text(key->name, base::to_hex(key->public_key)), *signature, *previous)) {
        return complain("key_altered", where, "the old key's signature under the new key is not good");
    }
    named_by_.emplace(*previous, key->public_key);
    if (is_trusted(*previous)) named_by_pinned_.insert(key->public_key);
}

bool Seals::is_by_trusted(const SignedCheckpoint& note) const {
    return is_by_any(note, pinned_) || is_by_any(note, named_by_pinned_);
}

bool Seals::is_by_listed(const SignedCheckpoint& note) const {
    return std::any_of(listed_.begin(), listed_.end(), [&](const VerifierKey& key) { return note.signed_by(key); });
}

// The listed keys that signed it, those that these named, and so on.
std::set<PublicKey> Seals::signers_of(const SignedCheckpoint& note) const {
    std::set<PublicKey> signers;
    std::vector<PublicKey> next;
    for (const auto& key : listed_) {
        if (note.signed_by(key)) next.push_back(key.public_key);
    }
    while (!next.empty()) {
        const auto key = next.back();
        next.pop_back();
        if (!signers.insert(key).second) continue;
        const auto [begin, end] = named_by_.equal_range(key);
        for (auto at = begin; at != end; ++at) next.push_back(at->second);
    }
    return signers;
}

bool Seals::is_vouched_for(const SignedCheckpoint& left, std::uint64_t size) const {
    const auto heirs = pinned_.empty() ? signers_of(left) : std::set<PublicKey>{};
    return std::any_of(accepted_.begin(), accepted_.end(), [&](const Accepted& accepted) {
        return accepted.note.checkpoint.size > size &&
               (is_of_anchor(accepted.where) || is_by_trusted(accepted.note) || is_by_any(accepted.note, heirs));
    });
}

bool Seals::check_signature(const SignedCheckpoint& note, const std::string& where) {
    if (is_by_trusted(note)) return true;
    if (!is_by_listed(note)) {
        complain("signature_bad", where,
                 "the checkpoint of " + std::to_string(note.checkpoint.size) +
                     " entries has no good signature by a key that is listed");
        return false;
    }
    if (!pinned_.empty()) {
        complain("key_not_pinned", where,
                 "the checkpoint of " + std::to_string(note.checkpoint.size) +
                     " entries is signed, but not by a key that was given or that one of these has named");
        return false;
    }
    return true;
}

void Seals::accept(SignedCheckpoint note, std::string where, std::string time_of_last) {
    accepted_.push_back({std::move(note), std::move(where), std::move(time_of_last)});
}

void Seals::believe(const Accepted& accepted) {
    const auto& [note, where, time_of_last] = accepted;
    if (!check_signature(note, where) || note.checkpoint.size < report_.sealed_entries || note.checkpoint.size == 0) return;
    report_.sealed_entries = note.checkpoint.size;
    report_.sealed_at = time_of_last;
    report_.pinned = !pinned_.empty();
    for (const auto& key : listed_) {
        if (note.signed_by(key)) report_.sealed_by = key.str();
    }
    for (const auto* keys : {&pinned_, &named_by_pinned_}) {
        for (const auto& key : *keys) {
            if (note.signed_by(key)) report_.sealed_by = VerifierKey{note.checkpoint.origin, key}.str();
        }
    }
}

// A checkpoint by a key that was not given proves nothing by itself, and is covered by a later one of a key that was given: the
// older ones of a store whose key was replaced.
void Seals::believe_all() {
    std::vector<const Accepted*> others;
    for (const auto& accepted : accepted_) {
        if (!pinned_.empty() && !is_by_trusted(accepted.note) && is_by_listed(accepted.note)) {
            others.push_back(&accepted);
        } else {
            believe(accepted);
        }
    }
    for (const auto* accepted : others) {
        if (accepted->note.checkpoint.size > report_.sealed_entries) {
            believe(*accepted);
        } else {
            note("key_not_pinned", accepted->where,
                 "the checkpoint of " + std::to_string(accepted->note.checkpoint.size) +
                     " entries is signed by a key that was not given; a later one, by a key that was, covers the same entries");
        }
    }
}

void Seals::finish(std::uint64_t last_seq) {
    believe_all();
    report_.entries_after = last_seq > report_.sealed_entries ? last_seq - report_.sealed_entries : 0;
    if (!pinned_.empty() && report_.sealed_entries == 0) {
        complain("not_sealed", "checkpoints", "nothing here is sealed by the key that was given");
    }
}

void Withdrawals::follow(std::string_view line, const std::string& where) {
    const auto entry = json::parse(line, nullptr, false);
    if (text_of(entry, "action") != "redact" || text_of(entry, "outcome") != "done") return;
    const auto& details = member_of(entry, "details");
    const auto& seq = member_of(details, "redacted_seq");
    const auto& pointers = member_of(details, "pointers");
    if (!seq.is_number_integer() || !pointers.is_array()) return;
    for (const auto& pointer : pointers) {
        if (!pointer.is_string()) continue;
        const std::pair place{seq.get<std::uint64_t>(), pointer.get<std::string>()};
        const bool is_gone = missing_.erase(place) > 0;
        if (!withdrawn_.insert(place).second || is_gone) continue;
        seals_.complain("text_not_withdrawn", "audit entry " + std::to_string(place.first),
                        "the text at " + place.second + " is there, and " + where + " says that it was withdrawn");
    }
}

std::optional<std::vector<SignedCheckpoint>> read_anchor_file(const std::filesystem::path& anchor) {
    std::ifstream in(anchor, std::ios::binary);
    std::ostringstream text;
    if (!in || !(text << in.rdbuf())) throw IoError("can't read the anchor " + anchor.string(), ENOENT);
    return parse_notes(text.view());
}

}  // namespace custody::audit
