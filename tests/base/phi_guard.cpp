#include "base/phi_guard.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <random>

#include "base/text.hpp"

using namespace custody::base;
using custody::json;

namespace {

/// The rule that a text breaks as a value of a plain key.
std::string text_rule(std::string_view text) { return find_phi({{"note", text}}).value_or("none"); }
std::string rule_of(const json& metadata) { return find_phi(metadata).value_or("none"); }

/// A text that the guard knows: found under `rule`, and withheld as `withheld`.
struct Known {
    const char* rule;
    const char* text;
    const char* withheld;
};

const Known known[] = {
    {"ssn", "123-45-6789", "[ssn]"},
    {"ssn", "for (123-45-6789).", "for ([ssn])."},
    {"ssn", "scan_123-45-6789.mp4", "scan_[ssn].mp4"},
    {"ssn", "ssn-123-45-6789", "ssn-[ssn]"},
    {"ssn",
     "123\xE2\x80\x93"
     "45\xE2\x80\x93"
     "6789",
     "[ssn]"},
    {"ssn", "SSN: 123456789", "SSN: [ssn]"},
    {"ssn", "Social Security Number is 123 45 6789", "Social Security Number is [ssn]"},
    {"ssn", "123-45-6789 123-45-6780", "[ssn] [ssn]"},
    {"phone", "call 555-123-4567 now", "call [phone] now"},
    {"phone", "(555) 123-4567", "[phone]"},
    {"phone", "555.123.4567", "[phone]"},
    {"phone", "1-800-555-0199", "[phone]"},
    {"phone", "+14155550123", "[phone]"},
    {"phone", "+1 415 555 0123", "[phone]"},
    {"phone", "+44 20 7946 0958", "[phone]"},
    {"phone", "+33 1 23 45 67 89", "[phone]"},
    {"phone", "Tel.: 030 1234567", "Tel.: [phone]"},
    {"phone", "phone 555 123 4567", "phone [phone]"},
    {"email", "jane.doe+x@clinic.example.org", "[email]"},
    {"email", "<jane@example.org>, gone", "<[email]>, gone"},
    {"email", "m\xC3\xBCller@example.org", "[email]"},
    {"ipv4", "from 192.168.10.255:8080", "from [ipv4]:8080"},
    {"ipv4", "10.0.0.1", "[ipv4]"},
    {"ipv4", "at 10.0.0.1.", "at [ipv4]."},
    {"ipv4", "dev 10.0.0.1", "dev [ipv4]"},
    {"ipv4", "version 1.2.3.4 on 10.0.0.1", "version 1.2.3.4 on [ipv4]"},
    {"url", "see https://example.org/p?id=7 there", "see [url] there"},
    {"url", "HTTP://10.0.0.1/x", "[url]"},
    {"url", "rtsp://jane@cam.example.org:554/1", "[url]"},
    {"url", "www.example.org", "[url]"},
    {"date_of_birth", "DOB: 01/02/1950", "DOB: [date_of_birth]"},
    {"date_of_birth", "date of birth 1950-01-02", "date of birth [date_of_birth]"},
    {"date_of_birth", "born on 2 January 1950", "born on [date_of_birth]"},
    {"date_of_birth", "born Jan 2nd, 1950.", "born [date_of_birth]."},
    {"date_of_birth", "birth_date=19500102", "birth_date=[date_of_birth]"},
    {"date_of_birth", "Born in 1950", "Born in [date_of_birth]"},
    {"record_number", "MRN 1234567", "MRN [record_number]"},
    {"record_number", "mrn:00-12-34", "mrn:[record_number]"},
    {"record_number", "MRN0012345", "MRN[record_number]"},
    {"record_number", "medical record number: A123456", "medical record number: [record_number]"},
    {"record_number", "patient id #88231", "patient id #[record_number]"},
    {"age_over_89", "age 93", "age [age_over_89]"},
    {"age_over_89", "aged 101.", "aged [age_over_89]."},
    {"age_over_89", "a 92-year-old woman", "a [age_over_89]-year-old woman"},
    {"age_over_89", "92 y/o", "[age_over_89] y/o"},
    {"age_over_89", "95 years of age", "[age_over_89] years of age"},
    {"key_name", "patient_name=John Smith; fps=30", "patient_name=[key_name]; fps=30"},
    {"key_name", "{\"firstName\": \"John\"}", "{\"firstName\": \"[key_name]\"}"},
    {"key_name", "Patient Name: J\xC3\xBCrgen", "Patient Name: [key_name]"},
};

}  // namespace

TEST_CASE("the guard names the rule that a text breaks, and withholds just what breaks it") {
    for (const auto& [rule, text, withheld] : known) {
        CAPTURE(text);
        CHECK(text_rule(text) == rule);
        CHECK(withhold_phi(text) == withheld);
    }
}

TEST_CASE("what only looks alike is let through") {
    for (const char* text : {"",
                             "gaussian",
                             "00:15:30",
                             "1920x1080",
                             "2026-11-23T02:07:16.146392+00:00",
                             "2026-11-23",
                             "researcher_1",
                             "yolo-pose",
                             "mrn",
                             "name",
                             "5f0c1234-1234-4123-8123-123456789012",
                             "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                             "v1.2.3.4",
                             "version 1.2.3.4",
                             "ffmpeg version 5.1.6.0",
                             "libx264.so.1.2.3.4",
                             "1.2.3.4.5",
                             "256.1.1.1",
                             "1.2.3",
                             "640 480 1920",
                             "9123-45-6789",
                             "123-45-67890",
                             "1-123-45-6789",
                             "123-45-6789-1",
                             "x123-45-6789y",
                             "0.555-123-4567",
                             "12345678901234567890",
                             "5551234567",
                             "1e+1234567890",
                             "+02:00",
                             "a@b",
                             "user@host",
                             "icon @ 2x",
                             "http:",
                             "//share/x",
                             "page 95",
                             "image 120",
                             "age 40",
                             "age 89",
                             "age 90+",
                             "age 90 or older",
                             "aged 95 days",
                             "age: 120 s",
                             "95 years",
                             "born to run",
                             "dob",
                             "date of birth",
                             "the first name field",
                             "patient_name detected: yes",
                             "-33.8688, 151.2093",
                             "45.2-46.8",
                             "12 of 1000 segments",
                             "H.264/AVC"}) {
        CAPTURE(text);
        CHECK(text_rule(text) == "none");
        CHECK(withhold_phi(text) == text);
    }
}

TEST_CASE("metadata of ordinary pipelines passes") {
    const json ordinary[] = {
        {{"pipeline", "video_deid"}, {"timestamp", "2026-11-23T02:07:16.146392"}, {"user", "researcher_1"}},
        {{"duration", "00:15:30"}, {"resolution", "1920x1080"}, {"fps", 30}, {"size_mb", 250}},
        {{"total_frames", 27900}, {"people_detected", 2}, {"model", "yolo-pose"}},
        {{"blur_method", "gaussian"}, {"blur_intensity", "medium"}, {"faces_blurred", 2}},
        {{"phi_segments",
          {{{"start", 45.2}, {"end", 46.8}, {"type", "name"}}, {{"start", 120.5}, {"end", 122.1}, {"type", "mrn"}}}},
         {"total_segments", 2}},
        {{"type", "mrn"}, {"start", 45.2}},
        {{"phi_counts", {{"ssn", 3}, {"mrn", 12}, {"name", 40}, {"phone", 1}, {"email", 0}, {"dob", 7}, {"age", 5}}}},
        {{"redact_patient_name", true}, {"patient_name", nullptr}},
        {{"ffmpeg_version", "5.1.6.0"}, {"versions", {{"driver", "1.2.3.4"}, {"all", {"10.0.0.1"}}}}, {"toolVersion", "1.2.3.4"}},
        {{"age", 89}, {"max_age", 3600}, {"cache_age_seconds", 95}, {"age_group", "90+"}},
        {{"total_bytes", 5551234567}, {"checksum", "123456789"}, {"pixels", 123456789}},
        {{"file_name", "x.mp4"}, {"name", "blur"}, {"module_name", "video"}, {"filename", "y"}},
        json::object(),
    };
    for (const auto& metadata : ordinary) {
        CAPTURE(metadata.dump());
        CHECK(rule_of(metadata) == "none");
    }
}

TEST_CASE("a key tells what a bare value is") {
    CHECK(rule_of(json{{"ssn", "123456789"}}) == "ssn");
    CHECK(rule_of(json{{"patientSSN", 123456789}}) == "ssn");
    CHECK(rule_of(json{{"phone", "5551234567"}}) == "phone");
    CHECK(rule_of(json{{"Phone-Number", 5551234567}}) == "phone");
    CHECK(rule_of(json{{"dob", "1950-01-02"}}) == "date_of_birth");
    CHECK(rule_of(json{{"PatientBirthDate", "19500102"}}) == "date_of_birth");
    CHECK(rule_of(json{{"birth_year", 1950}}) == "date_of_birth");
    CHECK(rule_of(json{{"mrn", "1234567"}}) == "record_number");
    CHECK(rule_of(json{{"mrn", 1234567}}) == "record_number");
    CHECK(rule_of(json{{"mrn", {"x", "1234567"}}}) == "record_number");
    CHECK(rule_of(json{{"medical_record_number", "A-123456"}}) == "record_number");
    CHECK(rule_of(json{{"age", 90}}) == "age_over_89");
    CHECK(rule_of(json{{"patient_age", "93"}}) == "age_over_89");
    CHECK(rule_of(json{{"PatientAge", "095Y"}}) == "age_over_89");
    CHECK(rule_of(json{{"age_years", 97.5}}) == "age_over_89");
}

TEST_CASE("some keys are refused whatever stands below them") {
    for (const char* key : {"patient_name", "patientName", "PatientName", "PATIENT NAME", "patientname", "original_patient_name",
                            "first_name", "lastName", "surname", "full_name", "subject_name", "mother_maiden_name", "patient_id",
                            "PatientID", "home_address", "zip_code", "passport_number", "medicare_number"}) {
        CAPTURE(key);
        CHECK(rule_of(json{{key, "x"}}) == "key_name");
        CHECK(rule_of(json{{"deep", {1, {{"er", {{key, {{"a", "b"}}}}}}}}}) == "key_name");
    }
}

TEST_CASE("keys and values are looked at in every depth") {
    CHECK(rule_of(json{{"a", {{"b", {1, {2, {{"c", "mail jane@example.org"}}}}}}}}) == "email");
    CHECK(rule_of(json{{"jane@example.org", 1}}) == "email");
    CHECK(rule_of(json{{"a", {{"10.0.0.1", true}}}}) == "ipv4");
    CHECK(rule_of(json{{"version", "1.2.3.4"}, {"host", "10.0.0.1"}}) == "ipv4");
    CHECK(rule_of(json{{"version", "see 123-45-6789"}}) == "ssn");
    json deep = "123-45-6789";
    for (int i = 0; i < 100000; ++i) deep = json::array({std::move(deep)});
    CHECK(rule_of(deep) == "ssn");
}

TEST_CASE("a chain of numbers is withheld to its end: the name of the rule is a word that the rule knows") {
    std::string text = "mrn";
    for (int i = 0; i < 40; ++i) text += ": 62400" + std::to_string(i);
    const std::string withheld = withhold_phi(text);
    CHECK(withheld.find_first_of("0123456789") == std::string::npos);
    CHECK(withhold_phi(withheld) == withheld);
}

TEST_CASE("withholding leaves nothing that the guard would find again, and clean text clean") {
    std::mt19937 random(9);
    const char* const pieces[] = {" ", ", ", "; ", "\n", "\xC3\xB6", "\xE2\x82\xAC",     "frame 12", "(",
                                  ")", ".",  "-",  "_",  ":",        "\xF0\x9F\x98\x80", "7"};
    for (int round = 0; round < 2000; ++round) {
        std::string text;
        for (auto count = 1 + random() % 8; count > 0; --count) {
            text += random() % 2 == 0 ? known[random() % std::size(known)].text : pieces[random() % std::size(pieces)];
        }
        const std::string withheld = withhold_phi(text);
        CAPTURE(text);
        CAPTURE(withheld);
        REQUIRE(is_clean_utf8(withheld));
        REQUIRE(withhold_phi(withheld) == withheld);
        REQUIRE(text_rule(withheld) == "none");
    }
}

TEST_CASE("bytes that are not UTF-8 hide nothing") {
    CHECK(withhold_phi("\xFF"
                       "123-45-6789\xFF") == "\xFF[ssn]\xFF");
    CHECK(withhold_phi(std::string("a\0 10.0.0.1", 11)) == std::string("a\0 [ipv4]", 9));
}

TEST_CASE("hostile texts are looked through in linear time") {
    for (const char* piece : {"a@", "1.", "www.", "555-", "patient name", "9", "http:", "born 1 ", "+1 2 ", "age ", "version ",
                              "123-45-6789 ", "a.b@c."}) {
        std::string text;
        while (text.size() < 1'000'000) text += piece;
        CAPTURE(piece);
        const auto begin = std::chrono::steady_clock::now();
        static_cast<void>(withhold_phi(text));
        static_cast<void>(text_rule(text));
        CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(20));
    }
}
