// The trail's verbs, and the second verifier, which shares no code with the library.
#include <doctest/doctest.h>

#include "tools/command.hpp"

using namespace custody::testing;

namespace {

std::string second_verifier(const std::string& arguments) {
    return "/usr/bin/python3 " CUSTODY_SOURCE_DIR "/tools/verify_audit.py " + arguments;
}

}  // namespace

TEST_CASE("a trail is keyed, sealed, exported, proven and verified, by two verifiers that share no code") {
    const Bench bench;
    bench.files.file("a.txt", "text");
    const auto id = bench.done("add --type text_raw a.txt --metadata '{\"note\": \"é \\\"q\\\"\"}'");
    const auto key = bench.done("audit keygen --out key");
    CHECK(contains(key, "custody/"));
    bench.done("status " + id + " failed --error 'no codec'");
    CHECK(contains(bench.done("audit seal --signing-key key --anchor anchor"), "custody/"));
    bench.done("audit export --all --signing-key key --out .");
    (void)bench.run("mkdir months; mv audit_* months");
    CHECK(contains(bench.done("audit verify --key '" + key + "' --since-anchor anchor"), "(pinned by --key)"));
    CHECK(contains(bench.done("audit verify months --key '" + key + "'"), "(pinned by --key); 0 entries after it"));
    const auto theirs = bench.run(second_verifier("--key '" + key + "' months"));
    INFO(theirs.out);
    CHECK(theirs.exit_code == 0);
    CHECK(contains(theirs.out, "(pinned); 0 entries after it"));
    (void)bench.run("custody audit prove 2 >entry.json");
    CHECK(bench.custody("audit verify entry.json --key '" + key + "'").exit_code == 0);
    CHECK(bench.run(second_verifier("--key '" + key + "' entry.json")).exit_code == 0);
    const auto files = bench.json_of("history " + id + " --prove evidence");
    CHECK(files.size() == 2);
    CHECK(bench.run(second_verifier("--key '" + key + "' evidence/*")).exit_code == 0);

    CHECK(contains(bench.run(second_verifier("months --key '" + key + "' entry.json")).out, "(pinned)"));
    CHECK(contains(bench.run(second_verifier("--help")).out, "2: wrong usage"));
    for (const std::string wrong :
         {"", "--key", "--key custody/x+00000000+AAAA", "--key x months", "--keys months", "months --key x+y"}) {
        const auto ran = bench.run(second_verifier(wrong));
        CHECK_MESSAGE(ran.exit_code == 2, wrong);
        CHECK_FALSE(contains(ran.err, "Traceback"));
    }

    // What one finds the other finds too.
    const std::string edits[] = {"sed -i 's/no codec/No codec/' months/*.jsonl",
                                 "sed -i '2d' months/*.jsonl",
                                 "sed -i '2p' months/*.jsonl",
                                 "truncate -s -1 months/*.jsonl",
                                 "sed -i 's/\"root\": \"./\"root\": \"0/' months/*.json",
                                 "sed -i 's/\\\\n7\\\\n/\\\\n6\\\\n/' months/*.json",
                                 "rm months/*.jsonl"};
    for (const auto& edit : edits) {
        (void)bench.run("cp -r months kept; " + edit);
        INFO(edit);
        const bool changed = bench.run("diff -r months kept").exit_code != 0;
        CHECK(bench.custody("audit verify months").exit_code == (changed ? 20 : 0));
        CHECK(bench.run(second_verifier("months")).exit_code == (changed ? 20 : 0));
        (void)bench.run("rm -r months; mv kept months");
    }
    CHECK(bench.custody("audit verify missing").exit_code == 1);
    CHECK(bench.custody("audit verify --key nonsense").exit_code == 1);
    CHECK(bench.custody("audit keygen --out key --lost").exit_code == 1);  // that file is there
    CHECK(bench.custody("audit keygen --out other").exit_code == 1);       // nobody would sign its name
    CHECK(bench.custody("audit keygen").exit_code == 2);
    CHECK(bench.custody("audit seal").exit_code == 1);
    CHECK(bench.custody("audit prove 100000").exit_code == 4);
    CHECK(bench.custody("audit prove x").exit_code == 2);
}

TEST_CASE("keys rotate, and the second verifier follows the chain") {
    const Bench bench;
    const auto first = bench.done("audit keygen --out first");
    bench.done("audit seal --signing-key first");
    const auto second = bench.done("audit keygen --out second --signing-key first");
    bench.done("audit export --all --signing-key second --out .");
    for (const auto& key : {first, second}) {
        CHECK(bench.custody("audit verify . --key '" + key + "'").exit_code == 0);
        // The first seal is the first key's; what the second one signed covers it.
        CHECK(bench.custody("audit verify --key '" + key + "'").exit_code == 0);
    }
    CHECK(bench.run(second_verifier("--key '" + second + "' .")).exit_code == 0);
}

TEST_CASE("a text is withdrawn on the command line: asked first, told, and gone") {
    const Bench bench;
    const auto id = bench.done("add --type metadata --metadata '{\"note\": \"SECRET\"}'");
    CHECK(bench.custody("audit redact 2 --reason why </dev/null").exit_code == 2);
    CHECK(contains(bench.done("audit redact 2 --reason why --dry-run"), "would be withdrawn"));
    CHECK(contains(bench.done("show " + id), "SECRET"));
    const auto form = bench.json_of("audit redact 2 --reason why --yes");
    CHECK(form["withdrawn"][0]["pointers"][0] == "/details/metadata");
    CHECK(form["held_by"].is_null());
    CHECK_FALSE(contains(bench.done("show " + id), "SECRET"));
    CHECK(bench.custody("audit redact 2 --reason why --yes").exit_code == 0);  // nothing left
    CHECK(bench.custody("audit redact 2 --pointer /nonsense --reason why --yes").exit_code == 1);
    CHECK(bench.custody("audit redact 2000 --reason why --yes").exit_code == 4);
    CHECK(bench.custody("audit redact 2 --yes").exit_code == 2);
    CHECK(bench.custody("audit verify").exit_code == 0);
    // A copy that an upgrade left may hold the text: done in part, and named.
    const auto catalog = bench.run("echo -n \"$CUSTODY_STORE\"").out + "/storage/catalog.db.v3-1";
    (void)bench.run("touch '" + catalog + "'");
    const auto partly = bench.custody("audit redact 2 --reason why --yes");
    CHECK(partly.exit_code == 3);
    CHECK(contains(partly.err, "catalog.db.v3-1"));
}

TEST_CASE("a store whose schema or bytes were changed by others is found, and not written to") {
    const Bench bench;
    bench.done("add --type log");
    const auto catalog = bench.run("echo -n \"$CUSTODY_STORE\"").out + "/storage/catalog.db";
    (void)bench.run("cp '" + catalog + "' good");
    for (const std::string sql :
         {"DROP TABLE audit_tiles", "DROP TRIGGER audit_entries_no_delete", "ALTER TABLE runs ADD COLUMN x TEXT",
          "CREATE TABLE x (y)",
          "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, 'never', 'ever') WHERE name = "
          "'audit_tree_no_delete'",
          "DROP VIEW review_audit; CREATE VIEW review_audit AS SELECT 1"}) {
        (void)bench.run("rm -f '" + catalog + "'*; cp good '" + catalog + "'");
        REQUIRE(bench.run("sqlite3 '" + catalog + "' \"" + sql + "\"").exit_code == 0);
        const auto before = bench.run("sha256sum <'" + catalog + "'").out;
        const auto ran = bench.custody("audit verify");
        INFO(sql << ran.out << ran.err);
        CHECK(ran.exit_code == 20);
        CHECK(contains(ran.out, "schema_altered"));
        CHECK(contains(ran.err, "not recorded"));
        CHECK(bench.run("sha256sum <'" + catalog + "'").out == before);
    }
    (void)bench.run("rm -f '" + catalog + "'*; cp good '" + catalog +
                    "'; sed -i 's/\"action\":\"create\"/\"action\":\"cReate\"/' '" + catalog + "'");
    CHECK(bench.custody("audit verify").exit_code == 20);
}
