#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>
#include <sqlite3.h>

#include <new>

#include "sqlite/connection.hpp"

namespace custody::sqlite {

// Translates whatever SQLite throws inside `body`.
template <class Body>
static auto guarded(const char* doing, sqlite3* handle, Body&& body) {
    try {
        return body();
    } catch (...) {
        rethrow_translated(doing, handle);
    }
}

Query::Query(Connection& connection, std::string_view sql, std::nullptr_t)
    : statement_(nullptr), connection_(connection), sql_(sql) {
    guarded("preparing a statement", connection.handle(), [&] {
        auto found = connection.statements_.find(sql);
        if (found == connection.statements_.end()) {
            auto made = std::make_unique<SQLite::Statement>(*connection.database_, std::string(sql));
            found = connection.statements_.emplace(std::string(sql), std::move(made)).first;
        }
        sql_ = found->first;   // the caller's text may be gone before this query is
        if (!found->second) {  // lent to a query that is still in use
            own_ = std::make_unique<SQLite::Statement>(*connection.database_, std::string(sql));
        } else {
            own_ = std::move(found->second);
        }
        statement_ = own_.get();
        sql_ = found->first;  // the caller's text may be gone before this query is
    });
}

Query::~Query() {
    try {
        own_->tryReset();
        own_->clearBindings();
        const auto found = connection_.statements_.find(sql_);
        if (found != connection_.statements_.end() && !found->second) found->second = std::move(own_);
    } catch (...) {
        own_.reset();  // a statement that can't be reset is prepared anew next time
    }
}

void Query::bind(int index, std::int64_t value) {
    guarded("binding a value", connection_.handle(), [&] { statement_->bind(index, value); });
}
void Query::bind(int index, std::string_view value) { bind(index, std::string(value)); }
void Query::bind(int index, const std::string& value) {
    guarded("binding a value", connection_.handle(), [&] {
        // Told to end with a zero, SQLite needn't copy it for each function that looks at it.
        if (value.find('\0') == std::string::npos) return statement_->bind(index, value.c_str());
        statement_->bind(index, value);
    });
}
void Query::bind(int index, std::span<const std::uint8_t> blob) {
    guarded("binding a value", connection_.handle(),
            [&] { statement_->bind(index, static_cast<const void*>(blob.data()), static_cast<int>(blob.size())); });
}
void Query::bind(int index, std::nullptr_t) {
    guarded("binding a value", connection_.handle(), [&] { statement_->bind(index); });
}

bool Query::step() {
    return guarded("reading", connection_.handle(), [&] { return statement_->executeStep(); });
}

int Query::run() {
    return guarded("writing", connection_.handle(), [&] {
        while (statement_->executeStep()) {
        }
        const int changed = sqlite3_changes(connection_.handle());
        statement_->reset();
        return changed;
    });
}

void Query::reset() {
    guarded("resetting a statement", connection_.handle(), [&] { statement_->reset(); });
}

std::int64_t Query::integer(int column) const { return statement_->getColumn(column).getInt64(); }

std::string_view Query::view(int column) const {
    const auto value = statement_->getColumn(column);
    const char* text = value.getText(nullptr);  // before its size: asking for text may convert the value
    if (text == nullptr) {                      // NULL is "" here, and so would be what there was no memory for
        if (sqlite3_errcode(connection_.handle()) == SQLITE_NOMEM) throw std::bad_alloc();
        return {};
    }
    return {text, static_cast<std::size_t>(value.getBytes())};
}

std::string Query::text(int column) const { return std::string(view(column)); }

std::optional<std::string> Query::optional_text(int column) const {
    if (is_null(column)) return std::nullopt;
    return text(column);
}

std::optional<std::int64_t> Query::optional_integer(int column) const {
    if (is_null(column)) return std::nullopt;
    return integer(column);
}

// Asked for text, SQLite would copy it to put a zero behind it.
std::string_view Query::peek(int column) const {
    const auto value = statement_->getColumn(column);
    const void* bytes = value.getBlob();
    if (bytes == nullptr) {
        if (sqlite3_errcode(connection_.handle()) == SQLITE_NOMEM) throw std::bad_alloc();
        return {};
    }
    return {static_cast<const char*>(bytes), static_cast<std::size_t>(value.getBytes())};
}

std::string Query::blob(int column) const { return std::string(peek(column)); }

bool Query::is_null(int column) const { return statement_->isColumnNull(column); }

bool Query::is_text(int column) const { return statement_->getColumn(column).isText(); }

}  // namespace custody::sqlite
