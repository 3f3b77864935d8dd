#include <algorithm>
#include <custody/error.hpp>

#include "audit/checkpoints.hpp"
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
    if (!entry.is_object() || entry.value("action", "") != "key" || entry.value("outcome", "") != "done") return;
    const auto& details = entry.value("details", json::object());
    const auto name = details.value("verifier_key", json());
    const auto key = name.is_string() ? VerifierKey::parse(name.get_ref<const std::string&>()) : std::nullopt;
    if (!key) return complain("key_altered", where, "the entry names no verifier key");
    const auto endorsement = details.value("signature", json());
    if (endorsement.is_null()) return;
    const auto previous = parse_public_key(details.value("previous_key", json()));
    const auto signature = parse_signature(endorsement);
    if (!previous || !signature ||
        !verify_signature(rotation_text(key->name, base::to_hex(key->public_key)), *signature, *previous)) {
        return complain("key_altered", where, "the old key's signature under the new key is not good");
    }
    if (is_trusted(*previous)) named_by_pinned_.insert(key->public_key);
}

bool Seals::check_signature(const SignedCheckpoint& note, const std::string& where) {
    const auto by_trusted = [&](const std::set<PublicKey>& keys) {
        return std::any_of(keys.begin(), keys.end(), [&](const PublicKey& key) { return note.signed_by(key); });
    };
    if (by_trusted(pinned_) || by_trusted(named_by_pinned_)) return true;
    const bool by_listed =
        std::any_of(listed_.begin(), listed_.end(), [&](const VerifierKey& key) { return note.signed_by(key); });
    if (!by_listed) {
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

void Seals::finish(std::uint64_t last_seq) {
    for (const auto& accepted : accepted_) believe(accepted);
    report_.entries_after = last_seq > report_.sealed_entries ? last_seq - report_.sealed_entries : 0;
    if (!pinned_.empty() && report_.sealed_entries == 0) {
        complain("not_sealed", "checkpoints", "nothing here is sealed by the key that was given");
    }
}

void Withdrawals::follow(std::string_view line) {
    const auto entry = json::parse(line, nullptr, false);
    if (!entry.is_object() || entry.value("action", "") != "redact" || entry.value("outcome", "") != "done") return;
    const auto& details = entry.value("details", json::object());
    const auto seq = details.value("redacted_seq", json());
    const auto pointers = details.value("pointers", json());
    if (!seq.is_number_integer() || !pointers.is_array()) return;
    for (const auto& pointer : pointers) {
        if (pointer.is_string()) count_ += missing_.erase({seq.get<std::uint64_t>(), pointer.get<std::string>()});
    }
}

}  // namespace custody::audit
