#include "original/zone.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <custody/error.hpp>
#include <fstream>
#include <iterator>

namespace custody::original {

namespace {

using std::chrono::seconds;

constexpr std::array<const char*, 3> folders = {"/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/usr/share/lib/zoneinfo"};
constexpr std::size_t largest_file = std::size_t{1} << 20U;

[[noreturn]] void refuse(const std::string& name) {
    throw InvalidArgument("\"" + name +
                          "\" is no time zone that this system knows: name one of the IANA database, such as "
                          "Europe/Berlin, America/New_York or UTC");
}

// What lies below the database's folder, and nothing else.
bool is_zone_name(const std::string& name) {
    const bool clean = std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '+' || c == '-' ||
               c == '/';
    });
    return clean && !name.empty() && name.front() != '/' && name.size() <= 255;
}

// Big-endian numbers of a file that may end anywhere.
class Bytes {
   public:
    explicit Bytes(std::string_view text) : rest_(text) {}
    std::int64_t number(std::size_t bytes) {
        const auto text = take(bytes);
        std::uint64_t value = text.empty() || static_cast<signed char>(text.front()) >= 0 ? 0 : ~std::uint64_t{0};
        for (const char c : text) value = (value << 8U) | static_cast<unsigned char>(c);
        return static_cast<std::int64_t>(value);
    }
    std::size_t count() { return static_cast<std::size_t>(number(4)); }
    std::string_view take(std::size_t bytes) {
        if (bytes > rest_.size()) throw InvalidArgument("the time zone's file is cut off");
        const auto text = rest_.substr(0, bytes);
        rest_.remove_prefix(bytes);
        return text;
    }
    [[nodiscard]] std::string_view rest() const { return rest_; }

   private:
    std::string_view rest_;
};

struct Header {
    char version;
    std::size_t utc_marks, standard_marks, leaps, changes, types, characters;
    explicit Header(Bytes& in) {
        if (in.take(4) != "TZif") throw InvalidArgument("the time zone's file is none");
        version = in.take(1).front();
        in.take(15);
        utc_marks = in.count();
        standard_marks = in.count();
        leaps = in.count();
        changes = in.count();
        types = in.count();
        characters = in.count();
        if (types == 0) throw InvalidArgument("the time zone's file is none");
    }
    [[nodiscard]] std::size_t tail(std::size_t time_bytes) const {
        return characters + leaps * (time_bytes + 4) + standard_marks + utc_marks;
    }
};

std::int64_t to_seconds(const Timestamp& time) { return std::chrono::floor<seconds>(time.time()).time_since_epoch().count(); }

}  // namespace

Zone Zone::utc() { return Zone("UTC"); }

Zone Zone::named(const std::string& name) {
    if (!is_zone_name(name)) refuse(name);
    for (const char* folder : folders) {
        const auto file = std::filesystem::path(folder) / name;
        std::error_code code;
        if (std::filesystem::is_regular_file(file, code)) return from_file(file, name);
    }
    if (name == "UTC") return utc();  // known where there is no database
    refuse(name);
}

Zone Zone::local() {
    const char* variable = std::getenv("TZ");
    if (variable == nullptr) {
        std::error_code code;
        const std::filesystem::path file = "/etc/localtime";
        return std::filesystem::exists(file, code) ? from_file(file, "local time") : utc();
    }
    std::string name = variable;
    if (name.starts_with(':')) name.erase(0, 1);
    if (name.empty()) return utc();
    if (name.front() == '/') return from_file(name, name);
    if (const auto rule = ZoneRule::parse(name); rule && !std::filesystem::exists(std::filesystem::path(folders[0]) / name)) {
        Zone zone(name);
        zone.rule_ = rule;
        return zone;
    }
    return named(name);
}

Zone Zone::from_file(const std::filesystem::path& file, std::string name) {
    std::ifstream in(file, std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    if (!in || text.size() > largest_file) refuse(name);
    Bytes bytes(text);
    Header header(bytes);
    std::size_t time_bytes = 4;
    if (header.version >= '2') {  // all of it once more, in wider numbers
        bytes.take(header.changes * 5 + header.types * 6 + header.tail(4));
        header = Header(bytes);
        time_bytes = 8;
    }
    Zone zone(std::move(name));
    for (std::size_t i = 0; i < header.changes; ++i) zone.changes_.push_back(bytes.number(time_bytes));
    const auto kinds = bytes.take(header.changes);
    std::vector<std::int64_t> offsets;
    for (std::size_t i = 0; i < header.types; ++i) {
        offsets.push_back(bytes.number(4));
        bytes.take(2);
    }
    zone.before_first_ = offsets.front();
    for (const char kind : kinds) {
        const auto index = static_cast<unsigned char>(kind);
        if (index >= offsets.size()) throw InvalidArgument("the time zone's file is damaged");
        zone.after_change_.push_back(offsets[index]);
    }
    bytes.take(header.tail(time_bytes));
    if (time_bytes == 8 && bytes.rest().size() > 2) {
        const auto footer = bytes.rest().substr(1);
        zone.rule_ = ZoneRule::parse(footer.substr(0, footer.find('\n')));
    }
    return zone;
}

std::int64_t Zone::offset_s(std::int64_t utc_s) const {
    if (rule_ && (changes_.empty() || utc_s >= changes_.back())) return rule_->offset_at(utc_s);
    const auto next = std::upper_bound(changes_.begin(), changes_.end(), utc_s);
    if (next == changes_.begin()) return before_first_;
    return after_change_[static_cast<std::size_t>(next - changes_.begin()) - 1];
}

seconds Zone::offset_at(const Timestamp& time) const { return seconds(offset_s(to_seconds(time))); }

Zone::Moment Zone::to_utc(const Timestamp& local) const {
    constexpr std::int64_t day = 86400;
    const auto wall = to_seconds(local);
    const auto before = offset_s(wall - day);
    const auto after = offset_s(wall + day);
    const bool first = offset_s(wall - before) == before;
    const bool second = offset_s(wall - after) == after;
    const auto at = [&](std::int64_t offset) { return Timestamp(local.time() - seconds(offset)); };
    if (first) return {at(before), second && before != after ? Moment::Kind::ambiguous : Moment::Kind::plain};
    if (second) return {at(after), Moment::Kind::plain};
    return {at(before), Moment::Kind::skipped};
}

Zone::Moment read_time(std::string_view text, const Zone& zone) {
    const auto time = Timestamp::parse(text);
    constexpr std::size_t date_length = 10;
    const bool has_zone = text.size() > date_length && text.find_first_of("Zz+-", date_length) != std::string_view::npos;
    if (has_zone) return {time, Zone::Moment::Kind::plain};
    return zone.to_utc(time);
}

std::string write_time(const Timestamp& time, const Zone& zone) {
    auto text = Timestamp(time.time() + zone.offset_at(time)).str();
    text.resize(text.size() - std::string_view("+00:00").size());
    if (text.ends_with(".000000")) text.resize(text.size() - std::string_view(".000000").size());
    return text;
}

}  // namespace custody::original
