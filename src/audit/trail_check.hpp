#pragma once

#include <custody/audit_proof.hpp>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "audit/line_block.hpp"
#include "audit/merkle.hpp"
#include "audit/note.hpp"

namespace custody::sqlite {
class Connection;
}

namespace custody::audit {

/// Keys, checkpoints and their signatures, as a verification comes by them: what it may believe, and what it has seen proven.
class Seals {
   public:
    /// @throws InvalidArgument for a malformed verifier key
    Seals(TrailReport& report, const std::vector<std::string>& pinned);

    /// A key that store or file lists.
    void list(const VerifierKey& key);
    /// An entry of operation audit_trail (its exported or stored line), whose leaf is in the tree: it may name a new key.
    void follow(std::string_view line, const std::string& where);
    /// A note whose root was found to be the tree's.
    void accept(SignedCheckpoint note, std::string where, std::string time_of_last);
    /// Whether a note is signed by a key that is listed, and, where keys are pinned, by one of these. Says what is wrong.
    bool check_signature(const SignedCheckpoint& note, const std::string& where);
    /// Whether some accepted checkpoint of more than `size` entries shows that whoever sealed the one that was left knows of it:
    /// it is in the anchor, or by a key that is trusted, which without pinned ones is the one that signed what was left, or a
    /// later one.
    [[nodiscard]] bool is_vouched_for(const SignedCheckpoint& left, std::uint64_t size) const;
    /// To be called at the end, when every entry that names a key was followed: checks the signatures of what was accepted,
    /// and says what no seal covers. (A month's start may be signed by a key that only a later entry names.)
    void finish(std::uint64_t last_seq);

    void complain(const std::string& kind, const std::string& subject, const std::string& message);
    void note(const std::string& kind, const std::string& subject, const std::string& message);

    [[nodiscard]] const std::vector<VerifierKey>& listed() const { return listed_; }

   private:
    struct Accepted {
        SignedCheckpoint note;
        std::string where;
        std::string time_of_last;
    };
    [[nodiscard]] bool is_trusted(const PublicKey& key) const;
    [[nodiscard]] bool is_by_trusted(const SignedCheckpoint& note) const;
    [[nodiscard]] bool is_by_listed(const SignedCheckpoint& note) const;
    [[nodiscard]] std::set<PublicKey> signers_of(const SignedCheckpoint& note) const;
    void believe(const Accepted& accepted);
    void believe_all();

    TrailReport& report_;
    std::vector<VerifierKey> listed_;
    std::set<PublicKey> pinned_;
    std::set<PublicKey> named_by_pinned_;
    std::multimap<PublicKey, PublicKey> named_by_;  // keys, and those whose names they signed
    std::vector<Accepted> accepted_;
    std::map<std::string, std::size_t> counts_;
};

/// The epochs of a trail: each but the first begins with an entry that names the head that was left, so that a rollback which
/// was declared is told from a hidden one.
class Epochs {
   public:
    explicit Epochs(Seals& seals) : seals_(seals) {}
    /// An entry of operation audit_trail (its exported or stored line).
    void follow(std::string_view line, std::uint64_t seq, const std::string& where);
    /// Whether a head is named that is to be held against the tree of a size from `first` to below `end`.
    [[nodiscard]] bool names_head_in(std::uint64_t first, std::uint64_t end) const;
    /// Holds the head that was named against the tree, where it is of this size.
    void check_head(const Frontier& tree);
    /// Whether the checkpoint is one of those that were left: of a left epoch, and beyond the head from which the trail goes on.
    /// Then it is remembered, and finish() tells of it.
    bool note_left(const SignedCheckpoint& note, const std::string& where);
    /// To be called at the end: anybody can write an entry that says that there was a restore, so checkpoints count as left only
    /// where a later one vouches for that.
    void finish();
    /// The epoch that was begun last; empty where none was.
    [[nodiscard]] const std::string& begun() const { return begun_; }

   private:
    struct Head {
        Digest root;
        std::string where;
    };
    struct Left {
        SignedCheckpoint note;
        std::string where;
        std::uint64_t kept;  // entries of its epoch
    };
    Seals& seals_;
    std::string begun_;
    std::vector<Left> left_notes_;
    std::map<std::string, std::uint64_t, std::less<>> left_;  // epoch, and the entries of it that were kept
    std::map<std::uint64_t, Head> named_;
};

/// Commitments without a text, until an entry is found that withdrew it; and withdrawn texts that are there.
class Withdrawals {
   public:
    explicit Withdrawals(Seals& seals) : seals_(seals) {}
    void miss(std::uint64_t seq, std::string_view pointer) { missing_.emplace(seq, std::string(pointer)); }
    /// An entry of operation audit_trail.
    void follow(std::string_view line, const std::string& where);
    [[nodiscard]] const std::set<std::pair<std::uint64_t, std::string>>& unexplained() const { return missing_; }
    [[nodiscard]] std::uint64_t count() const { return withdrawn_.size(); }

   private:
    Seals& seals_;
    std::set<std::pair<std::uint64_t, std::string>> missing_;
    std::set<std::pair<std::uint64_t, std::string>> withdrawn_;
};

/// Where a checkpoint of an anchor is, in findings.
inline std::string anchor_name(const std::filesystem::path& anchor) { return "anchor " + anchor.string(); }
inline bool is_of_anchor(const std::string& where) { return where.starts_with("anchor "); }
/// The checkpoints of an anchor; nullopt where it is no file of these. @throws IoError
std::optional<std::vector<SignedCheckpoint>> read_anchor_file(const std::filesystem::path& anchor);

class Replay;

/// Verifies a trail in its database: every line, the texts, the head, the tiles, keys and checkpoints, the anchor.
/// Adds what it finds to the report. The schema is looked at elsewhere. `replay` is given every entry that says something of the
/// catalog's rows, in order. @throws Corruption where the database can't be read
void check_trail(sqlite::Connection& connection, const std::string& store_id, const std::string& epoch,
                 const TrailVerifyOptions& options, TrailReport& report, Replay* replay = nullptr);

}  // namespace custody::audit
