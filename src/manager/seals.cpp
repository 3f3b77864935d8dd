// Keys and checkpoints: who may sign the trail's head, and what was signed.

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <custody/artifact_manager.hpp>
#include <filesystem>
#include <fstream>
#include <string_view>

#include "audit/sealing.hpp"
#include "audit/table.hpp"
#include "base/hex.hpp"
#include "blobs/errors.hpp"
#include "manager/manager_impl.hpp"

namespace custody {

namespace {

using audit::SigningKey;

// The key that is in use, from its file; nothing where the store has none, or where it is said to be lost.
std::shared_ptr<const SigningKey> current_key(ManagerImpl& manager, const std::filesystem::path& file, bool is_lost) {
    std::optional<audit::KeyRow> row;
    manager.database().read([&](sqlite::Connection& connection) { row = audit::current_key(connection, manager.store().epoch); });
    if (is_lost && !file.empty()) throw InvalidArgument("a key that is lost has no file: give it, or say that it is lost");
    if (!row && !file.empty()) {
        throw InvalidArgument("this store has no key yet: there is none that could sign the name of the new one");
    }
    if (!row || is_lost) return nullptr;
    auto key = manager.signing_key(file);
    if (!key) {
        throw InvalidArgument("this store has a key, " + row->verifier_key +
                              ": give its file, so that it signs the name of the new one; or say that it is lost");
    }
    if (base::to_hex(key->public_key()) != row->public_key) {
        throw InvalidArgument((file.empty() ? "the key of this manager" : "the key in " + file.string()) +
                              " is not the one in use, " + row->verifier_key);
    }
    return key;
}

std::string record_key(ManagerImpl& manager, audit::Draft& draft, const audit::PublicKey& added, const SigningKey* current,
                       bool is_lost) {
    const auto trail = manager.trail_name();
    const auto in_use = current == nullptr ? std::string() : base::to_hex(current->public_key());
    auto verifier_key = audit::VerifierKey{trail.origin(), added}.str();
    manager.change_many(draft, [&](sqlite::Connection& connection, ManagerImpl::Recorder& recorder) {
        for (const auto& row : audit::list_keys(connection)) {
            if (row.verifier_key == verifier_key) throw Conflict("this key is recorded already: " + verifier_key);
        }
        // Another may have been recorded since the one in use was looked up.
        const auto row = audit::current_key(connection, trail.epoch);
        if (!is_lost && (row ? row->public_key : std::string()) != in_use) {
            throw Conflict("another key was recorded meanwhile, " + (row ? row->verifier_key : std::string("and is gone")) +
                           ": that one has to sign the name of the next. Nothing was recorded");
        }
        draft.details = audit::key_details(trail, added, current);
        const auto seq = recorder.append(draft);
        audit::insert_key(connection, {trail.epoch, base::to_hex(added), verifier_key, seq});
    });
    return verifier_key;
}

// What is there already must be an anchor: a slip of the hand would spoil a key or a video.
void require_anchor(const ManagerImpl& manager, const std::filesystem::path& anchor) {
    if (anchor.empty()) return;
    manager.refuse_inside_store(anchor, "an anchor");
    std::error_code ignored;
    if (!std::filesystem::is_regular_file(anchor, ignored)) return;  // a new one; a printer, a pipe to another machine
    constexpr std::string_view origin = "custody/";
    std::string begin(origin.size(), '\0');
    std::ifstream in(anchor, std::ios::binary);
    in.read(begin.data(), static_cast<std::streamsize>(begin.size()));
    if (in.gcount() == 0 && in.eof()) return;
    if (begin != origin) throw InvalidArgument(anchor.string() + " is no file of checkpoints; nothing was written to it");
}

// The note goes where nobody who can change the store can change it, if the operator has such a place.
void append_to_anchor(const std::filesystem::path& anchor, const std::string& note) {
    try {
        const blobs::Descriptor file(::open(anchor.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644));
        if (!file) blobs::throw_io(errno, "open", anchor);
        blobs::write_all(file.get(), note + "\n", anchor);
        blobs::sync_file(file.get(), anchor);
        blobs::sync_folder(anchor.has_parent_path() ? anchor.parent_path() : ".");
    } catch (const IoError& error) {
        throw IoError(std::string("the trail was sealed, but the anchor was not written: ") + error.what(), error.code());
    }
}

}  // namespace

std::string AuditTrail::make_signing_key(const std::filesystem::path& file, const std::filesystem::path& current_file,
                                         bool is_lost) {
    auto draft = manager_->draft("audit_trail", "key");
    std::shared_ptr<const SigningKey> current;
    std::optional<SigningKey> made;
    manager_->attempt(draft, [&] {
        manager_->refuse_inside_store(file, "a signing key");
        current = current_key(*manager_, current_file, is_lost);
        made = SigningKey::generate(file);
    });
    try {
        return record_key(*manager_, draft, made->public_key(), current.get(), is_lost);
    } catch (...) {
        ::unlink(file.c_str());
        throw;
    }
}

std::string AuditTrail::add_signing_key(const std::filesystem::path& file, const std::filesystem::path& current_file,
                                        bool is_lost) {
    auto draft = manager_->draft("audit_trail", "key");
    std::shared_ptr<const SigningKey> current;
    std::optional<SigningKey> added;
    manager_->attempt(draft, [&] {
        manager_->refuse_inside_store(file, "a signing key");
        current = current_key(*manager_, current_file, is_lost);
        added = SigningKey::load(file);
    });
    return record_key(*manager_, draft, added->public_key(), current.get(), is_lost);
}

Seal AuditTrail::seal(const std::filesystem::path& signing_key, const std::filesystem::path& anchor) {
    auto draft = manager_->draft("audit_trail", "seal");
    std::shared_ptr<const SigningKey> key;
    manager_->attempt(draft, [&] {
        key = manager_->signing_key(signing_key);
        if (!key) throw InvalidArgument("a seal needs a key: make one (custody audit keygen), and give it with --signing-key");
        require_anchor(*manager_, anchor);
    });
    std::optional<Seal> seal;
    manager_->change_many(draft, [&](sqlite::Connection& connection, ManagerImpl::Recorder& recorder) {
        seal = manager_->seal_now(connection, recorder, *key, draft);
    });
    if (!anchor.empty()) append_to_anchor(anchor, seal->note);
    return *std::move(seal);
}

audit::TrailName ManagerImpl::trail_name() const { return {store().store_id, store().epoch}; }

std::shared_ptr<const SigningKey> ManagerImpl::signing_key(const std::filesystem::path& file) const {
    return file.empty() ? shared_->signing_key : std::make_shared<const SigningKey>(SigningKey::load(file));
}

Seal ManagerImpl::seal_now(sqlite::Connection& connection, Recorder& recorder, const SigningKey& key, audit::Draft& draft) const {
    draft.details["public_key"] = base::to_hex(key.public_key());
    const auto seq = recorder.append(draft);
    recorder.finish();  // the seal covers its own entry
    const auto row = audit::sealed_note(connection, trail_name(), key, static_cast<std::uint64_t>(seq));
    return {row.size, row.note, audit::VerifierKey{trail_name().origin(), key.public_key()}.str()};
}

// Seals with a change, where the options ask for it and it is time.
void ManagerImpl::seal_if_due(sqlite::Connection& connection, Recorder& recorder) {
    if (!shared_->signing_key || (options_.seal_every_entries == 0 && options_.seal_every.count() == 0)) return;
    recorder.finish();
    const auto last = audit::latest_checkpoint(connection, store().epoch, 0);
    const auto sealed = last ? last->size : 0;
    const auto unsealed = recorder.size() - sealed;
    if (unsealed == 0) return;
    bool due = options_.seal_every_entries != 0 && unsealed >= options_.seal_every_entries;
    if (!due && options_.seal_every.count() != 0) {
        const auto since =
            sealed == 0 ? Timestamp(Timestamp::TimePoint{}) : audit::time_of(connection, static_cast<std::int64_t>(sealed));
        due = Timestamp::now().time() - since.time() >= options_.seal_every;
    }
    if (!due) return;
    auto entry = draft("audit_trail", "seal");
    entry.details["automatic"] = true;
    seal_now(connection, recorder, *shared_->signing_key, entry);
}

}  // namespace custody
