#pragma once

#include <cstdint>
#include <custody/json.hpp>
#include <custody/time.hpp>
#include <custody/types.hpp>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/clock.hpp"
#include "audit/merkle.hpp"
#include "base/commitment.hpp"
#include "base/process.hpp"

namespace custody::sqlite {
class Connection;
}

namespace custody::audit {

/// An audit entry before it has its number: what was done to what, by whom, and what became of it.
struct Draft {
    std::string operation;
    std::string action;
    std::string user;
    std::optional<std::string> artifact_id{};
    std::optional<std::string> run_id{};
    std::optional<std::string> module{};
    std::optional<std::string> on_behalf_of{};
    std::optional<std::string> purpose{};
    json details = json::object();
    Outcome outcome = Outcome::done;
    bool success = true;
    std::optional<std::string> error_message{};
    std::optional<std::string> entry_id{};  ///< of an imported entry its own; else a new one
    std::optional<Timestamp> timestamp{};   ///< set when it is appended, unless the rows of the change had to know it

    /// Salts of those committed details whose text and salt the changed row itself keeps (a new artifact's metadata and
    /// file name, a run's configuration): no opening is written for them.
    std::map<std::string, base::Salt, std::less<>> row_salts{};
};

/// Whether a direct member of `details` is free text, which stands in a line as a commitment.
bool is_committed_detail(std::string_view key);

/// A text that a line commits to, and that no row keeps.
struct Opening {
    std::string pointer;
    base::Salt salt;
    std::string text;
};

/// The entry as a canonical line, with `marks` among its details; what it commits to goes to `openings`.
std::string make_line(const Draft& draft, const base::Agent& agent, std::int64_t seq, const Timestamp& time, const json& marks,
                      std::vector<Opening>& openings);

/// Appends the entries of one transaction, and makes the tree grow by them.
class Writer {
   public:
    /// Call inside the transaction, before anything of the change. @throws Refused where the clock has jumped; Corruption
    /// where the tree's head and the entries don't agree
    Writer(sqlite::Connection& connection, const base::Agent& agent, ClockJump jump);

    /// Writes the entry under the next number and answers it.
    std::int64_t append(const Draft& draft);
    /// The tree's head over all of them so far; at the end, before the commit, and before the head is to be read.
    void finish();
    /// How many entries the trail has, those of this transaction included.
    [[nodiscard]] std::uint64_t size() const { return head_.size() + leaves_.size(); }

   private:
    Writer(sqlite::Connection& connection, const base::Agent& agent, TrailEnd&& end, ClockJump jump);

    sqlite::Connection& connection_;
    const base::Agent& agent_;
    Clock clock_;
    Frontier head_;
    std::vector<Digest> leaves_;
};

}  // namespace custody::audit
