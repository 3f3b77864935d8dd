#include "audit/trail_end.hpp"

#include <custody/error.hpp>

#include "audit/tree.hpp"
#include "sqlite/connection.hpp"

namespace custody::audit {

TrailEnd read_trail_end(sqlite::Connection& connection) {
    sqlite::Query query(
        connection,
        "SELECT t.size, t.frontier, (SELECT max(seq) FROM audit_entries), (SELECT max(timestamp) FROM audit_entries), "
        "c.boot_id, c.boottime_ms, c.seen_at "
        "FROM audit_tree AS t LEFT JOIN audit_clock AS c ON c.clock_key = 1 WHERE t.tree_key = 1");
    if (!query.step()) throw Corruption("the head of the audit tree is missing");
    TrailEnd end{.head = read_head(query, 0)};
    end.last_seq = query.integer(2);  // 0 where there is none
    if (!query.is_null(3)) end.highest_time = Timestamp::parse(query.view(3));
    if (!query.is_null(4)) {
        end.clock = ClockRecord{query.text(4), std::chrono::milliseconds(query.integer(5)), Timestamp::parse(query.view(6))};
    }
    return end;
}

}  // namespace custody::audit
