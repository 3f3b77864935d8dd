// Values between the two languages.

#include "convert.hpp"

#include <datetime.h>

#include <chrono>

namespace custody::python {

namespace {

template <class Json>
py::object convert(const Json& value) {
    switch (value.type()) {
        case Json::value_t::object: {
            py::dict dict;
            for (auto member = value.begin(); member != value.end(); ++member) dict[py::cast(member.key())] = convert(*member);
            return dict;
        }
        case Json::value_t::array: {
            py::list list(value.size());
            for (std::size_t i = 0; i < value.size(); ++i) list[i] = convert(value[i]);
            return list;
        }
        case Json::value_t::string:
            return py::cast(value.template get_ref<const std::string&>());
        case Json::value_t::boolean:
            return py::bool_(value.template get<bool>());
        case Json::value_t::number_unsigned:
            return py::int_(value.template get<std::uint64_t>());
        case Json::value_t::number_integer:
            return py::int_(value.template get<std::int64_t>());
        case Json::value_t::number_float:
            return py::float_(value.template get<double>());
        default:
            return py::none();
    }
}

}  // namespace

py::object to_python(const ordered_json& value) { return convert(value); }
py::object to_python(const json& value) { return convert(value); }

py::object to_python(const Timestamp& time) {
    if (PyDateTimeAPI == nullptr) PyDateTime_IMPORT;
    const auto day = std::chrono::floor<std::chrono::days>(time.time());
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss clock(time.time() - day);
    return py::reinterpret_steal<py::object>(PyDateTimeAPI->DateTime_FromDateAndTime(
        static_cast<int>(date.year()), static_cast<int>(static_cast<unsigned>(date.month())),
        static_cast<int>(static_cast<unsigned>(date.day())), static_cast<int>(clock.hours().count()),
        static_cast<int>(clock.minutes().count()), static_cast<int>(clock.seconds().count()),
        static_cast<int>(clock.subseconds().count()), PyDateTime_TimeZone_UTC, PyDateTimeAPI->DateTimeType));
}

Timestamp time_from(std::int64_t microseconds) { return Timestamp(Timestamp::TimePoint(Timestamp::Duration(microseconds))); }

std::optional<py::object> Options::find(const char* key) const {
    auto* const value = PyDict_GetItemString(values_.ptr(), key);
    if (value == nullptr || value == Py_None) return std::nullopt;
    return py::reinterpret_borrow<py::object>(value);
}

std::vector<ArtifactId> artifact_ids_from(const std::vector<std::string>& texts) {
    std::vector<ArtifactId> ids;
    ids.reserve(texts.size());
    for (const auto& text : texts) ids.push_back(ArtifactId::parse(text));
    return ids;
}

}  // namespace custody::python
