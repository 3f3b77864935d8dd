#include "base/phi_rules.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>

#include <re2/re2.h>

namespace custody::base {

namespace {

// Patterns are matched byte by byte (Latin-1), so that text which is not valid UTF-8 hides nothing. RE2 has no look-around: a
// pattern takes its surroundings in, and group `value` is what it is about. The next search begins right behind that.

RE2::Options byte_options() {
    RE2::Options options;
    options.set_encoding(RE2::Options::EncodingLatin1);
    options.set_log_errors(false);
    return options;
}

struct TextRule {
    std::string_view name;
    RE2 pattern;
    std::size_t min_digits = 0;       ///< no text with fewer can match: spares most texts the search
    std::string_view needs_any_of{};  ///< and none without one of these characters
    int value = 1;                    ///< the group that breaks the rule
    int exempt = 0;                   ///< where this group took part, the rule isn't broken after all; 0: none
    bool is_version_like = false;     ///< does not hold below a key that speaks of a version
};

// What may stand on either side of a number: no letter or digit, and no dot or dash that joins it to another number.
#define LEFT "(?:^|[^0-9A-Za-z.-]|(?:^|[^0-9])[.-])"
#define RIGHT "(?:$|[^0-9A-Za-z.-]|[.-](?:$|[^0-9]))"
#define WORD "(?i)(?:^|[^A-Za-z])"
#define DASH "(?:-|\\xe2\\x80[\\x90-\\x95]|\\xe2\\x88\\x92)"
#define GAP "[^0-9A-Za-z]{0,4}(?:is )?"
#define MONTH "(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\\.?"
#define OVER_89 "(?:0?9[0-9]|1[0-4][0-9])(?:\\.[0-9]+)?"
#define OCTET "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
#define PERSON "(?:patient|subject|participant|client|donor|resident|mother|father|parent|guardian|spouse|relative)"
#define NAME_KIND "(?:full|first|last|middle|given|family|maiden|legal)"

using TextRules = std::array<TextRule, 16>;

/// The order is that of withholding: an address of the web may hold what later rules would take a part of.
const TextRules& text_rules() {
    const auto re = [](const char* pattern) { return RE2(pattern, byte_options()); };
    static const TextRules rules{{
        {"url", re("(?i)(?:^|[^0-9A-Za-z])((?:https?|ftps?|sftp|wss?|rtsps?|rtmps?)://[^\\s<>\"']+)"), 0, ":"},
        {"url", re("(?i)(?:^|[^0-9A-Za-z])(www\\.[0-9A-Za-z-]+\\.[^\\s<>\"']+)"), 0, "."},
        {"email",
         re("([0-9A-Za-z._%+\\x80-\\xff-]+@[0-9A-Za-z\\x80-\\xff-]+(?:\\.[0-9A-Za-z\\x80-\\xff-]+)*\\.[A-Za-z\\x80-\\xff]{2,})"),
         0, "@"},
        {"ssn", re(LEFT "([0-9]{3}" DASH "[0-9]{2}" DASH "[0-9]{4})" RIGHT), 9},
        {"ssn",
         re(WORD "(?:ssn|social[ _-]security(?:[ _-](?:number|no\\.?|#))?)" GAP "([0-9]{3}[ -]?[0-9]{2}[ -]?[0-9]{4})" RIGHT), 9},
        // North America: 555-123-4567, 555.123.4567, (555) 123-4567, +1 555-123-4567
        {"phone",
         re(LEFT "((?:\\+?1[ .-]?)?(?:\\([2-9][0-9]{2}\\)[ .-]?[0-9]{3}[ .-][0-9]{4}"
                 "|[2-9][0-9]{2}" DASH "[0-9]{3}" DASH "[0-9]{4}|[2-9][0-9]{2}\\.[0-9]{3}\\.[0-9]{4}))" RIGHT),
         10},
        // Anywhere, with its country's prefix: +14155550123, +44 20 7946 0958, +33 1 23 45 67 89
        {"phone",
         re(LEFT "(\\+[1-9][0-9]{7,14}|\\+[1-9][0-9]{0,2}[ .-]\\(?[0-9]{1,4}\\)?"
                 "(?:(?:[ .-][0-9]{2}){3,4}|(?:[ .-][0-9]{3,8}){1,3}))" RIGHT),
         7, "+"},
        {"phone",
         re(WORD "(?:phone|telephone|tel|mobile|fax|pager)(?:[ _-]?(?:number|no))?[.:#=\\s\"']{0,4}"
                 "(\\+?\\(?[0-9](?:[ .()/-]{0,2}[0-9]){6,14})" RIGHT),
         7},
        {"ipv4",
         re("(?i)(?:(?:^|[^A-Za-z])(version|release|build|ver|rev|v)[ .:=]*|^|[^0-9A-Za-z.])"
            "(" OCTET "(?:\\." OCTET "){3})(?:$|[^0-9A-Za-z.]|\\.(?:$|[^0-9]))"),
         4, ".", 2, 1, true},
        {"date_of_birth",
         re(WORD "(?:dob|d\\.o\\.b\\.?|date[ _-]of[ _-]birth|birth[ _-]?da(?:te|y)|born(?:[ _-](?:on|in))?)" GAP
                 "([0-9]{1,4}[ ./-][0-9]{1,2}[ ./-][0-9]{1,4}(?:T[0-9:.+Z-]*)?|[0-9]{8}"
                 "|[0-9]{1,2}(?:st|nd|rd|th)?\\.?[ -]?(?:of )?" MONTH ",?[ -]?[0-9]{2,4}"
                 "|" MONTH " ?[0-9]{1,2}(?:st|nd|rd|th)?,? ?[0-9]{2,4}|(?:18|19|20)[0-9]{2})(?:$|[^0-9A-Za-z])"),
         3},
        {"record_number",
         re(WORD "(?:mrn|medical[ _-]record(?:[ _-](?:number|no\\.?|id|#))?|record[ _-](?:number|no\\.?|#)"
                 "|patient[ _-](?:id|number|no\\.?|#)|chart[ _-](?:number|no\\.?|#)|accession[ _-](?:number|no\\.?|#)"
                 "|account[ _-](?:number|no\\.?|#))" GAP "([A-Za-z]{0,5}-?[0-9][0-9A-Za-z-]{3,})"),
         1},
        // "90+" is the class that de-identification puts them in, and so allowed; "age 95 days" is no person's.
        {"age_over_89",
         re(WORD "aged?[^0-9A-Za-z]{0,3}(?:(?:of|is) )?(" OVER_89 ")"
                 "(\\s*(?:\\+|%|(?:or|and) (?:older|over|above)|(?:d|days?|h|hours?|hrs?|minutes?|mins?|s|seconds?|secs?|ms"
                 "|frames?|weeks?|months?)\\b))?(?:$|[^0-9A-Za-z.]|\\.(?:$|[^0-9]))"),
         2, "", 1, 2},
        {"age_over_89", re("(?i)(?:^|[^0-9A-Za-z.])(" OVER_89 ")[ -]?(?:(?:years?|yrs?)[ -]?(?:old|of[ -]age)|y\\.?/?o\\b)"), 2},
        {"key_name",
         re(WORD "(?:" PERSON "[ _-]?(?:" NAME_KIND "[ _-]?)?name|" NAME_KIND "[ _-]?name|surname)[\"']?\\s*[:=]\\s*[\"']?"
                 "([A-Za-z\\x80-\\xff][^,;|\\r\\n\"'(){}\\[\\]&]*)"),
         0, ":="},
        {"key_name", re(WORD PERSON "[ _-]?(?:id|identifier)[\"']?\\s*[:=]\\s*[\"']?([0-9A-Za-z][0-9A-Za-z_-]*)"), 0, ":="},
        {"key_name",
         re(WORD "(?:home|street|mailing|patient)[ _-]?address[\"']?\\s*[:=]\\s*[\"']?([0-9A-Za-z][^;|\\r\\n\"'(){}\\[\\]&]*)"),
         0, ":="},
    }};
    return rules;
}

}  // namespace

struct PhiKeyRule {
    std::string_view name;
    RE2 key;                   ///< of the key's words, the whole of them
    std::optional<RE2> value;  ///< of the whole value; none: the key alone breaks the rule
};

namespace {

using KeyRules = std::array<PhiKeyRule, 6>;

#define ANY_WORDS "(?:.* )?"
#define KEY_NUMBER "(?: ?(?:number|num|no|nr|id))"

const KeyRules& key_rules() {
    const auto re = [](const char* pattern) { return RE2(pattern, byte_options()); };
    const auto value = [](const char* pattern) { return std::optional<RE2>(std::in_place, pattern, byte_options()); };
    static const KeyRules rules{{
        {"ssn", re(ANY_WORDS "(?:ssn|social ?security)" KEY_NUMBER "?"), value("\\W*[0-9]{3}\\W?[0-9]{2}\\W?[0-9]{4}\\W*")},
        {"phone", re(ANY_WORDS "(?:(?:tele|cell ?|mobile ?)?phone|tel|mobile|fax|pager)" KEY_NUMBER "?"),
         value("\\W*(?:[ .()/-]*[0-9]){7,15}(?:\\s*(?:x|ext)\\.?\\s*[0-9]+)?\\W*")},
        {"date_of_birth", re(ANY_WORDS "(?:dob|d o b|date of birth|birth ?(?:date|day|year)|year of birth|born(?: on| in)?)"),
         value("(?s).*(?:[0-9]{4}|[0-9]{1,2}[ ./-][0-9]{1,2}[ ./-][0-9]{2}).*")},
        {"record_number",
         re(ANY_WORDS "(?:mrn|medical record|(?:medical )?record" KEY_NUMBER "|(?:chart|accession|account)" KEY_NUMBER
                      ")" KEY_NUMBER "?"),
         value("\\W*[A-Za-z]{0,5}[ #-]?[0-9][0-9A-Za-z-]{3,}\\W*")},
        {"age_over_89", re("(?:(?:" PERSON "|speaker|person) )?age(?: (?:in )?(?:years|yrs|y))?(?: at .*)?"),
         value("\\s*" OVER_89 "(?i:\\s*y(?:(?:ea)?rs?)?(?:[ -]old)?)?\\s*")},
        {"key_name",
         re(ANY_WORDS PERSON
            "s? ?(?:" NAME_KIND " ?)?name|" NAME_KIND " ?name|sur ?name|patient" KEY_NUMBER
            "|patient identifier|(?:home|street|mailing|postal|patient|residential) ?address|(?:zip|postal) ?code"
            "|(?:medicare|medicaid|insurance|health plan|beneficiary)" KEY_NUMBER "|passport" KEY_NUMBER
            "|drivers? ?licen[cs]e" KEY_NUMBER "?|licen[cs]e plate" KEY_NUMBER "?"),
         std::nullopt},
    }};
    return rules;
}

/// "patientName", "PATIENT_NAME" and "patient-name" as "patient name".
std::string key_words(std::string_view key) {
    const auto is_upper = [](char c) { return c >= 'A' && c <= 'Z'; };
    const auto is_lower = [](char c) { return c >= 'a' && c <= 'z'; };
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    std::string words;
    for (std::size_t i = 0; i < key.size(); ++i) {
        const char c = key[i];
        const bool is_other = static_cast<unsigned char>(c) < 0x80 && !is_upper(c) && !is_lower(c) && !is_digit(c);
        // A capital begins a word after a small letter, and as the last one of several ("MRNumber").
        const bool begins_word = i > 0 && is_upper(c) &&
                                 (is_lower(key[i - 1]) || is_digit(key[i - 1]) ||
                                  (is_upper(key[i - 1]) && i + 1 < key.size() && is_lower(key[i + 1])));
        if ((is_other || begins_word) && !words.empty() && words.back() != ' ') words += ' ';
        if (!is_other) words += is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c;
    }
    if (!words.empty() && words.back() == ' ') words.pop_back();
    return words;
}

/// Whether a text has what every match of the rule has.
bool may_match(const TextRule& rule, std::string_view text, std::size_t digits) {
    return digits >= rule.min_digits &&
           (rule.needs_any_of.empty() || text.find_first_of(rule.needs_any_of) != std::string_view::npos);
}

std::size_t count_digits(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; }));
}

/// The next place from `from` on that breaks the rule.
std::optional<std::string_view> find_from(const TextRule& rule, std::string_view text, std::size_t from) {
    std::array<re2::StringPiece, 3> groups;
    const re2::StringPiece whole(text.data(), text.size());
    while (rule.pattern.Match(whole, from, text.size(), RE2::UNANCHORED, groups.data(), static_cast<int>(groups.size()))) {
        const re2::StringPiece found = groups[static_cast<std::size_t>(rule.value)];
        const auto begin = static_cast<std::size_t>(found.data() - text.data());
        if (rule.exempt == 0 || groups[static_cast<std::size_t>(rule.exempt)].data() == nullptr) {
            return text.substr(begin, found.size());
        }
        from = begin + found.size();
    }
    return std::nullopt;
}

/// Replaces each place that breaks the rule; answers whether there was one. What is put there is the surroundings of what
/// follows, as it would be in the text that comes out: a boundary, and a word that rules know ("[record_number], 6240").
bool replace_matches(const TextRule& rule, std::string& text) {
    std::string replacement = "[";
    replacement.append(rule.name).append("]");
    // Room for a replacement before the text. A blank there is what the text's beginning is to every rule.
    std::string searched = std::string(replacement.size(), ' ').append(text);
    std::string replaced;
    const auto begin_of_text = replacement.size();
    std::size_t done = begin_of_text;
    std::size_t from = 0;
    while (const auto found = find_from(rule, searched, from)) {
        const auto begin = static_cast<std::size_t>(found->data() - searched.data());
        const auto end = begin + found->size();
        replaced.append(searched, done, begin - done).append(replacement);
        done = end;
        from = end - replacement.size();
        searched.replace(from, replacement.size(), replacement);  // as long as it was, over what is done with
    }
    if (done == begin_of_text) return false;
    text = replaced.append(searched, done);
    return true;
}

}  // namespace

const PhiKeyRule* find_key_rule(std::string_view key) {
    const std::string words = key_words(key);
    for (const PhiKeyRule& rule : key_rules()) {
        if (RE2::FullMatch(words, rule.key)) return &rule;
    }
    return nullptr;
}

std::string_view rule_name(const PhiKeyRule& rule) noexcept { return rule.name; }

bool forbids_key(const PhiKeyRule& rule) noexcept { return !rule.value.has_value(); }

bool breaks_key_rule(const PhiKeyRule& rule, std::string_view value) {
    return !rule.value || RE2::FullMatch(re2::StringPiece(value.data(), value.size()), *rule.value);
}

bool is_version_key(std::string_view key) { return key_words(key).find("version") != std::string::npos; }

std::string_view find_text_rule(std::string_view text, bool below_version_key) {
    const std::size_t digits = count_digits(text);
    for (const TextRule& rule : text_rules()) {
        if ((below_version_key && rule.is_version_like) || !may_match(rule, text, digits)) continue;
        if (find_from(rule, text, 0)) return rule.name;
    }
    return {};
}

std::string replace_phi(std::string_view text) {
    std::string current(text);
    // What one rule replaced may be the surroundings of what another one looks for, so that once may not be enough.
    for (int pass = 0, last_pass = 8; pass < last_pass; ++pass) {
        bool changed = false;
        for (const TextRule& rule : text_rules()) {
            if (may_match(rule, current, count_digits(current))) changed = replace_matches(rule, current) || changed;
        }
        if (!changed) return current;
    }
    return "[withheld]";  // made so that it would not end
}

}  // namespace custody::base
