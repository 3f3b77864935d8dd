#include "audit_table.hpp"

#include "output.hpp"

namespace custody::cli {

namespace {

std::string member(const ordered_json& entry, const char* name) {
    const auto found = entry.find(name);
    return found == entry.end() ? std::string() : plain_text(*found);
}

void print_with(const std::vector<AuditEntry>& entries, const char* title, const char* last_member) {
    Table table({{"TIME (UTC)"}, {"SEQ", Table::Align::right}, {"USER"}, {"OPERATION/ACTION"}, {"OUTCOME"}, {title}});
    for (const auto& [seq, line, entry] : entries) {
        table.add({time_text(ordered_json(member(entry, "timestamp"))), std::to_string(seq), member(entry, "user"),
                   member(entry, "operation") + "/" + member(entry, "action"), member(entry, "outcome"),
                   member(entry, last_member)});
    }
    table.print();
}

}  // namespace

void put_entries(const std::vector<AuditEntry>& entries) {
    JsonArray array;
    for (const auto& entry : entries) array.add(entry.entry);
    array.end();
}

void print_entries(const std::vector<AuditEntry>& entries) { print_with(entries, "ARTIFACT", "artifact_id"); }

void print_history(const std::vector<AuditEntry>& entries) { print_with(entries, "DETAILS", "details"); }

}  // namespace custody::cli
