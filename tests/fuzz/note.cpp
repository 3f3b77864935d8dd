// Notes, files of notes, and verifier keys: bytes that come from whoever holds an anchor or an exported month.
#include "audit/note.hpp"

#include "property.hpp"

using namespace custody::audit;

namespace {

void check_note(const SignedCheckpoint& note, std::string_view text) {
    require(note.str() == text, "a note that is read is written the same");
    // A file that holds one note has this one and no other.
    const auto notes = parse_notes(text);
    require(notes && notes->size() == 1 && notes->front().str() == text, "a file of one note has that note");
    // The key that the first signature is said to be by can't be had from its id: any other key must not pass.
    const VerifierKey stranger{note.signatures.front().name, {}};
    const bool same_id = note.signatures.front().key_id == stranger.key_id();
    require(same_id || note.signatures.size() > 1 || !note.signed_by(stranger), "a key of another id signed nothing");
}

void check_notes(const std::vector<SignedCheckpoint>& notes) {
    std::string file;
    for (const auto& note : notes) {
        const auto text = note.str();
        const auto again = SignedCheckpoint::parse(text);
        require(again && again->str() == text, "a note of a file is a note by itself");
        file += text + "\n";
    }
    const auto again = parse_notes(file);
    require(again && again->size() == notes.size(), "notes that are appended to a file are read from it");
    for (std::size_t i = 0; i < notes.size(); ++i) require((*again)[i].str() == notes[i].str(), "and in their order");
}

// A line of the input that is a key, with the note that the rest of it is.
void check_key(const VerifierKey& key, std::string_view text, std::string_view rest) {
    require(key.str() == text, "a verifier key that is read is written the same");
    const auto note = SignedCheckpoint::parse(rest);
    if (!note || !note->signed_by(key)) return;
    require(note->checkpoint.origin != key.name || note->signed_by(key.public_key), "who signs by a key signs by its public key");
    auto larger = *note;
    ++larger.checkpoint.size;
    require(!larger.signed_by(key), "a signature is of one checkpoint");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto text = text_of(data, size);
    if (const auto note = SignedCheckpoint::parse(text)) check_note(*note, text);
    if (const auto notes = parse_notes(text)) check_notes(*notes);
    const auto line = text.substr(0, text.find('\n'));
    if (const auto key = VerifierKey::parse(line))
        check_key(*key, line, text.substr(line.size() == size ? size : line.size() + 1));
    return 0;
}
