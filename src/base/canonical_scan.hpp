#pragma once

#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>

namespace custody::base {

/// Walks a canonical JSON text (RFC 8785) from left to right without building values: some twenty times quicker than to parse it
/// and write it again. Every function takes one thing and answers false, for good, where the text is not canonical there.
class CanonicalScan {
   public:
    explicit CanonicalScan(std::string_view text) : text_(text) {}

    [[nodiscard]] std::size_t at() const { return at_; }
    [[nodiscard]] bool at_end() const { return at_ == text_.size(); }
    [[nodiscard]] char next() const { return at_ < text_.size() ? text_[at_] : '\0'; }

    /// A string; `raw` is what stands between its quotes.
    bool string(std::string_view& raw);
    /// Any value.
    bool value() { return value(1); }
    /// An object; `member` is called at each value with the key as it stands between quotes, and takes the value.
    template <class Member>
    bool object(Member&& member) {
        if (!take('{')) return false;
        if (take('}')) return true;
        Key before;
        for (bool first = true;; first = false) {
            Key key;
            if (!string(key.raw) || !take(':')) return false;
            key.is_plain = is_plain_;
            if ((!first && !key_less(before, key)) || !member(key.raw)) return false;
            if (take('}')) return true;
            if (!take(',')) return false;
            before = key;
        }
    }

   private:
    bool take(char c) {
        if (next() != c || at_end()) return false;
        ++at_;
        return true;
    }
    template <std::size_t Size>
    bool take(const char (&word)[Size]) {
        if (text_.size() - at_ < Size - 1 || std::memcmp(text_.data() + at_, word, Size - 1) != 0) return false;
        at_ += Size - 1;
        return true;
    }
    bool special();
    bool escape();
    bool number();
    bool array(std::size_t depth);
    bool value(std::size_t depth);
    struct Key {
        std::string_view raw{};
        bool is_plain = true;
    };
    static bool key_less(const Key& a, const Key& b) {
        const bool told_by_the_first = a.is_plain && b.is_plain && !a.raw.empty() && !b.raw.empty() && a.raw[0] != b.raw[0];
        return told_by_the_first ? a.raw[0] < b.raw[0] : key_less_as_meant(a, b);
    }
    static bool key_less_as_meant(const Key& a, const Key& b);

    std::string_view text_;
    std::size_t at_ = 0;
    bool is_plain_ = true;  ///< the last string had neither an escape nor a character beyond ASCII
};

/// Whether the text is canonical JSON, whole.
bool is_canonical_json(std::string_view text);

/// The text of a string that CanonicalScan has read, from what stands between its quotes.
std::string unescape(std::string_view raw);

}  // namespace custody::base
