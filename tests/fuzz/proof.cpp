// The two forms of proofs, which are files that somebody was handed.
#include "audit/proof_forms.hpp"

#include "property.hpp"

using namespace custody::audit;

namespace {

// A form may be spaced and ordered in any way, so it isn't the bytes that come again, but what they say.
template <class Proof>
std::optional<Proof> check_form(std::string_view text) {
    auto proof = Proof::parse(text);
    if (!proof) return std::nullopt;
    const auto written = proof->str();
    const auto again = Proof::parse(written);
    require(again.has_value(), "a proof that is written is one");
    require(again->str() == written, "a proof that is read is written the same");
    require(again->keys == proof->keys, "and has the same keys");
    return proof;
}

void check_entry(const EntryProof& proof, const EntryProof& again) {
    require(again.line == proof.line && again.path == proof.path && again.note == proof.note, "an entry's proof says the same");
    require(again.leaf_index == proof.leaf_index && again.tree_size == proof.tree_size, "of the same leaf and tree");
    const auto root = root_of_path(leaf_hash(proof.line), proof.leaf_index, proof.tree_size, proof.path);
    if (!root) return;
    require(proof.leaf_index < proof.tree_size && proof.path.size() <= 53,
            "a path that leads to a root is of a leaf of the tree");
    // As many hashes as the tree is high there, no more and no fewer.
    auto longer = proof.path;
    longer.push_back(*root);
    require(!root_of_path(leaf_hash(proof.line), proof.leaf_index, proof.tree_size, longer), "a longer path leads nowhere");
}

void check_month(const MonthProof& proof, const MonthProof& again) {
    require(again.month == proof.month && again.start == proof.start && again.root == proof.root,
            "a month's proof says the same");
    require(again.start_note == proof.start_note && again.end_note == proof.end_note, "and has the same notes");
    require(again.first_seq == proof.first_seq && again.last_seq == proof.last_seq, "and the same entries");
    require(proof.first_seq == proof.start.size() + 1 && proof.last_seq >= proof.start.size(),
            "a month's entries follow its start");
    // A verifier goes on from where the month starts.
    auto grown = proof.start;
    grown.append(leaf_hash("a line"));
    require(Frontier::of(grown.size(), grown.hashes()) == grown, "a frontier grows to a frontier");
    require(grown.root() != proof.start.root(), "and to another root");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto text = text_of(data, size);
    if (const auto proof = check_form<EntryProof>(text)) check_entry(*proof, *EntryProof::parse(proof->str()));
    if (const auto proof = check_form<MonthProof>(text)) check_month(*proof, *MonthProof::parse(proof->str()));
    return 0;
}
