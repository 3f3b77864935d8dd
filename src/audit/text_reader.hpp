#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/line.hpp"

namespace custody::sqlite {
class Connection;
class Query;
}  // namespace custody::sqlite

namespace custody::audit {

/// Finds the texts of entries that are read in order. Openings are kept in a table of their own; a new artifact's metadata and
/// file name, and a run's configuration, in the rows that the entry made. Those rows are in the order of their entries, so all
/// three are read side by side, in one pass.
class TextReader {
   public:
    struct Found {
        std::string pointer;
        Text text;
        bool kept_in_row;
    };

    TextReader(sqlite::Connection& connection, std::int64_t first_seq);
    ~TextReader();
    TextReader(const TextReader&) = delete;
    TextReader& operator=(const TextReader&) = delete;

    /// The texts of one entry; later calls name later entries.
    std::vector<Found> take(std::int64_t seq, std::string_view line);

   private:
    class Rows;
    sqlite::Connection& connection_;
    std::unique_ptr<sqlite::Query> openings_;
    std::unique_ptr<Rows> artifacts_;
    std::unique_ptr<Rows> runs_;
    bool more_openings_;
};

}  // namespace custody::audit
