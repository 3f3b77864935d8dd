// Build-time tool: turns migrations/NNNN_name.sql into a C++ source with each one's text and SHA-256, and with the
// schema that a store has after it, so that an altered schema is noticed before anything is written.
//
// usage: custody_embed OUTPUT.cpp NNNN_name.sql...

#include <openssl/evp.h>
#include <sqlite3.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>

#include "sqlite/schema_text.hpp"

namespace {

[[noreturn]] void die(const std::string& message) {
    std::cerr << "custody_embed: " << message << '\n';
    std::exit(1);
}

std::string read(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) die("can't read " + path);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

std::string sha256_hex(const std::string& text) {
    unsigned char digest[32];
    if (EVP_Digest(text.data(), text.size(), digest, nullptr, EVP_sha256(), nullptr) != 1) die("SHA-256 failed");
    std::string hex;
    for (const unsigned char byte : digest) {
        char two[3];
        std::snprintf(two, sizeof two, "%02x", byte);
        hex += two;
    }
    return hex;
}

std::string schema_of(sqlite3* database) {
    std::string text;
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(database, custody::sqlite::schema_query, -1, &statement, nullptr) != SQLITE_OK) {
        die(sqlite3_errmsg(database));
    }
    while (sqlite3_step(statement) == SQLITE_ROW) {
        for (int column = 0; column < 4; ++column) {
            const auto* value = reinterpret_cast<const char*>(sqlite3_column_text(statement, column));
            text += value == nullptr ? "" : value;
            text += column < 3 ? custody::sqlite::schema_field_end : custody::sqlite::schema_row_end;
        }
    }
    sqlite3_finalize(statement);
    return text;
}

// The guards call a function that only the library registers; a migration that changes guarded rows needs it here too.
void custody_writer(sqlite3_context* context, int /*count*/, sqlite3_value** /*values*/) { sqlite3_result_int(context, 1); }

sqlite3* open_in_memory() {
    sqlite3* database = nullptr;
    if (sqlite3_open(":memory:", &database) != SQLITE_OK ||
        sqlite3_create_function_v2(database, "custody_writer", 0, SQLITE_UTF8 | SQLITE_INNOCUOUS, nullptr, custody_writer,
                                   nullptr, nullptr, nullptr) != SQLITE_OK) {
        die("can't open a database in memory");
    }
    return database;
}

// A character array instead of a literal: literals past 64 KiB are not portable.
std::string as_array(const std::string& text) {
    std::string array = "{";
    for (const char c : text) array += std::to_string(static_cast<int>(c)) + ",";
    return array + "0}";
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) die("usage: custody_embed OUTPUT.cpp NNNN_name.sql...");
    sqlite3* const database = open_in_memory();
    std::ostringstream arrays;
    std::ostringstream rows;
    for (int i = 2; i < argc; ++i) {
        const std::string path = argv[i];
        const std::string file = path.substr(path.find_last_of('/') + 1);
        const int version = std::atoi(file.substr(0, 4).c_str());
        if (version != i - 1) die("migrations are numbered 0001, 0002, …; found " + file);
        const std::string sql = read(path);
        char* error = nullptr;
        if (sqlite3_exec(database, sql.c_str(), nullptr, nullptr, &error) != SQLITE_OK) die(file + ": " + error);
        arrays << "const char sql_" << version << "[] = " << as_array(sql) << ";\n"
               << "const char schema_" << version << "[] = " << as_array(schema_of(database)) << ";\n";
        rows << "    {" << version << ", \"" << file.substr(5, file.size() - 9) << "\", \"" << sha256_hex(sql) << "\", sql_"
             << version << ", schema_" << version << "},\n";
    }
    sqlite3_close(database);
    std::ofstream out(argv[1], std::ios::binary);
    out << "// Made from migrations/*.sql at build time.\n#include \"sqlite/migrations.hpp\"\n\nnamespace custody::sqlite "
           "{\nnamespace {\n"
        << arrays.str() << "const Migration all[] = {\n"
        << rows.str()
        << "};\n}  // namespace\n\nstd::span<const Migration> migrations() { return all; }\n}  // namespace custody::sqlite\n";
    if (!out.flush()) die(std::string("can't write ") + argv[1]);
    return 0;
}
