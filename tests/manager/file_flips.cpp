// Every bit of month files and proofs flipped in turn: each flip is found, or shown to change no content.
#include <fstream>

#include "manager/support.hpp"

using namespace custody;
using namespace custody::testing;
namespace fs = std::filesystem;

namespace {

#ifdef CUSTODY_LONG_TESTS
constexpr std::size_t stride = 1;
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::size_t stride = 211;
#else
constexpr std::size_t stride = 7;
#endif

void put(const fs::path& file, const std::string& text) { std::ofstream(file, std::ios::binary) << text; }

struct Count {
    std::size_t flipped = 0, found = 0, harmless = 0;
};

/// A flip that is not found must leave what the file says as it was: only white space of JSON can.
void flip(const fs::path& file, const fs::path& verified, const std::string& key, Count& count) {
    const auto whole = slurp(file);
    const bool is_json = file.extension() == ".json";
    for (std::size_t bit = 0; bit < whole.size() * 8; bit += stride) {
        auto text = whole;
        text[bit / 8] = static_cast<char>(text[bit / 8] ^ (1 << (bit % 8)));
        put(file, text);
        ++count.flipped;
        if (!verify_audit_files(verified, {.keys = {key}}).ok()) {
            ++count.found;
            continue;
        }
        CAPTURE(bit);
        CAPTURE(text.substr(bit / 8 < 20 ? 0 : bit / 8 - 20, 40));
        REQUIRE(is_json);
        REQUIRE(json::parse(text) == json::parse(whole));
        ++count.harmless;
    }
    put(file, whole);
}

}  // namespace

TEST_CASE("every bit of month files and of a proof that flips is found, or changes no content") {
    Store store;
    auto trail = store.manager.audit();
    const auto key = trail.make_signing_key(store.scratch / "key");
    const auto made = store.manager.create_artifact({.type = ArtifactType::text_raw, .content = "t", .metadata = {{"a", "é"}}});
    store.manager.update_artifact_status(made.id, ArtifactStatus::failed, "codec");
    const auto folder = store.scratch / "out";
    fs::create_directory(folder);
    const auto lines = trail.export_months({.folder = folder, .signing_key = store.scratch / "key"}).back();
    const auto month_proof = folder / (lines.stem().string() + ".proof.json");
    const auto proof = store.scratch.file("entry.json", trail.prove(3));
    REQUIRE(verify_audit_files(folder, {.keys = {key}}).ok());
    REQUIRE(verify_audit_files(proof, {.keys = {key}}).ok());
    Count count;
    flip(lines, folder, key, count);
    flip(month_proof, folder, key, count);
    flip(proof, proof, key, count);
    MESSAGE(count.flipped << " bits flipped: " << count.found << " found, " << count.harmless << " that change no content");
    CHECK(count.found + count.harmless == count.flipped);
    CHECK(count.found > 100);
}
