#!/usr/bin/env python3
"""Each rule finds a line that breaks it, and lets pass what keeps it."""

import unittest

import rules


def found(path, text, reasons=None):
    return rules.findings(path, text, reasons or {})


class Includes(unittest.TestCase):
    def test_an_include_that_points_up_is_found(self):
        for path, name in (("src/base/hex.cpp", "sqlite/connection.hpp"), ("src/sqlite/a.cpp", "catalog/rows.hpp"),
                           ("src/blobs/a.cpp", "audit/tree.hpp"), ("src/audit/a.hpp", "manager/impl.hpp")):
            self.assertEqual(len(found(path, f'#pragma once\n#  include "{name}"\n')), 1, path)

    def test_the_finding_names_file_line_and_floors(self):
        message, = found("src/base/hex.cpp", '#include <string>\n#include "blobs/copy.hpp"\n')
        self.assertTrue(message.startswith("src/base/hex.cpp:2: blobs/copy.hpp: base is on floor 0, blobs on floor 1"), message)

    def test_rooms_on_one_floor_do_not_include_each_other(self):
        for path, name in (("src/sqlite/a.cpp", "blobs/copy.hpp"), ("src/blobs/a.cpp", "sqlite/connection.hpp"),
                           ("src/catalog/a.cpp", "audit/tree.hpp"), ("src/audit/a.cpp", "catalog/rows.hpp")):
            self.assertEqual(len(found(path, f'#include "{name}"\n')), 1, path)

    def test_includes_that_point_down_or_to_the_own_room_pass(self):
        text = '#include "manager/impl.hpp"\n#include "catalog/rows.hpp"\n#include "base/hex.hpp"\n#include <custody/ids.hpp>\n#include <map>\n'
        self.assertEqual(found("src/manager/impl.cpp", text), [])

    def test_tools_and_bindings_include_public_headers_alone(self):
        for path in ("tools/cli/main.cpp", "tools/example/component.cpp", "src/python/bindings/module.cpp"):
            self.assertEqual(len(found(path, '#include "base/hex.hpp"\n')), 1, path)
            self.assertEqual(len(found(path, "#include <manager/impl.hpp>\n")), 1, path)
            self.assertEqual(found(path, '#include <custody/ids.hpp>\n#include "cli/table.hpp"\n#include <CLI/CLI.hpp>\n'), [], path)

    def test_public_headers_do_not_show_what_the_library_is_made_with(self):
        for name in ("<sqlite3.h>", "<SQLiteCpp/Database.h>", "<openssl/evp.h>", "<sodium.h>", '"base/hex.hpp"', "<re2/re2.h>"):
            self.assertEqual(len(found("include/custody/ids.hpp", f"#include {name}\n")), 1, name)
        self.assertEqual(found("include/custody/ids.hpp", "#include <array>\n#include <nlohmann/json.hpp>\n#include <custody/export.hpp>\n"), [])

    def test_ways_around_the_rule_are_found(self):
        self.assertEqual(len(found("src/base/hex.cpp", '#include "../sqlite/connection.hpp"\n')), 1)
        self.assertEqual(len(found("src/base/hex.cpp", '#include "connection.hpp"\n')), 1)
        self.assertEqual(len(found("src/extra/hex.cpp", "\n")), 1)


class Sql(unittest.TestCase):
    STATEMENTS = ('"SELECT 1 FROM runs"', '"INSERT INTO runs VALUES (?)"', '"UPDATE runs SET status = ?"', '"DELETE FROM runs"',
                  'R"(\n  SELECT a\n  FROM b)"', 'R"sql(WITH x AS (SELECT 1) SELECT * FROM x)sql"', '"SELECT a, b "\n    "FROM c"',
                  '"SAVEPOINT a; DELETE FROM runs"')

    def test_a_statement_outside_of_its_rooms_is_found(self):
        for statement in self.STATEMENTS:
            for path in ("src/manager/a.cpp", "src/base/a.cpp", "src/blobs/a.cpp", "src/sqlite/a.cpp", "include/custody/a.hpp"):
                self.assertEqual(len(found(path, f"auto x = {statement};\n")), 1, (path, statement))
        self.assertEqual(len(found("tools/cli/list.cpp", 'run("SELECT artifact_id FROM review_artifacts");\n')), 1)

    def test_a_statement_in_its_rooms_passes(self):
        for statement in self.STATEMENTS:
            for path in ("src/catalog/a.cpp", "src/audit/a.cpp", "tests/manager/a.cpp", "migrations/embed.cpp"):
                self.assertEqual(found(path, f"auto x = {statement};\n"), [], (path, statement))

    def test_the_sqlite_room_may_ask_sqlite_about_itself(self):
        text = 'a("BEGIN IMMEDIATE"); b("PRAGMA wal_autocheckpoint = 0"); c("SELECT sql FROM sqlite_schema"); d("INSERT INTO schema_migrations VALUES (?)");\n'
        self.assertEqual(found("src/sqlite/a.cpp", text), [])
        self.assertNotEqual(found("src/manager/a.cpp", text), [])

    def test_words_and_comments_pass(self):
        text = '// SELECT a FROM b\n/* DELETE FROM c */\nthrow Error("can\'t select: update it, or delete from the list");\nchar q = \'"\';\n'
        self.assertEqual(found("src/manager/a.cpp", text), [])
        self.assertEqual(found("tools/cli/help.cpp", 'help("custody sql \\"SELECT 1 FROM review_runs\\"");\n'), [])


class Prints(unittest.TestCase):
    def test_a_source_that_prints_is_found(self):
        for line in ("#include <iostream>", 'std::cout << "x";', "std::cerr << x;", 'std::printf("x");', 'printf("x");', "puts(x);",
                     'fprintf(stderr, "x");', 'std::fputs("x", stdout);', "fwrite(a, 1, n, stderr);", "perror(x);", "::write(2, x, n);"):
            self.assertEqual(len(found("src/base/a.cpp", f"int a;\n{line}\n")), 1, line)

    def test_what_only_looks_like_it_passes(self):
        text = '// std::cout\nthrow Error("std::cerr printf(");\nwrite(fd, p, n);\nfprintf(file, "x");\nstd::snprintf(a, n, "x");\nfwrite(a, 1, n, file);\n'
        self.assertEqual(found("src/base/a.cpp", text), [])
        self.assertEqual(found("tools/cli/a.cpp", "std::cout << 1;\n"), [])


class Length(unittest.TestCase):
    def test_a_file_over_the_limit_is_found_unless_a_reason_is_given(self):
        text = "int a;\n" * (rules.MAX_LINES + 1)
        self.assertEqual(len(found("src/base/a.cpp", text)), 1)
        self.assertEqual(len(found("src/base/a.cpp", text, {"src/base/a.cpp": ""})), 1)
        self.assertEqual(found("src/base/a.cpp", text, {"src/base/a.cpp": "generated"}), [])
        self.assertEqual(found("src/base/a.cpp", "int a;\n" * rules.MAX_LINES), [])


if __name__ == "__main__":
    unittest.main()
