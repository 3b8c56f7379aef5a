#ifndef PENSTOCK_BASE_TEXT_H_
#define PENSTOCK_BASE_TEXT_H_

// Small text helpers: quantities as definitions write them, and suggestions for misspelt names.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace penstock {

// "250ms", "30s", "1.5h", "2d", "1h30m" (units us ms s m h d); kInvalidArgument otherwise.
// Negative durations and more than 10 years are refused.
Result<Micros> ParseDuration(std::string_view text);
// The shortest text that ParseDuration turns into `duration` again: "1h30m".
std::string UnparseDuration(Micros duration);

// "2027-01-31T06:00:00Z", with fractions of a second and offsets ("+02:00") as in RFC 3339;
// kInvalidArgument otherwise.
Result<Time> ParseTime(std::string_view text);

// "512MiB", "1.5GiB", "64KB", "1000" in bytes (B KB MB GB TB are powers of 1000, KiB … of 1024).
Result<int64_t> ParseSize(std::string_view text);
// "1.5 GiB", for people.
std::string FormatSize(int64_t bytes);

// Edits (insert, delete, replace, swap of neighbours) between the two.
int EditDistance(std::string_view a, std::string_view b);
// The candidate nearest to `name` if it is near enough to be a slip, else empty. Names that share
// no character ("y", "a") are not near, however short they are.
std::string Nearest(std::string_view name, const std::vector<std::string>& candidates);
// " (did you mean \"x\"?)", or " (known: a, b, c)" for up to 12 candidates, or nothing.
std::string Suggestion(std::string_view name, const std::vector<std::string>& candidates);

std::string Join(const std::vector<std::string>& parts, std::string_view separator);
std::vector<std::string> Split(std::string_view text, char separator);
std::string_view Trim(std::string_view text);

// Lower-case letters, digits and inner hyphens or underscores, starting with a letter or digit,
// 1 to `max_length` characters: what names of pipelines, steps, groups and workers must be.
bool IsName(std::string_view text, int max_length = 64);

// Whether all of `text` is well-formed UTF-8.
bool IsUtf8(std::string_view text);
// The longest start of `text` that has at most `max_bytes` and does not cut a character. What is
// not UTF-8 is cut as bytes.
std::string TruncateUtf8(std::string_view text, std::size_t max_bytes);

// The shortest decimal text that reads back as the same double ("0.1", "1e+20", "nan").
std::string FormatDouble(double value);
// The same for people: whole numbers have all their digits ("100000", not "1e+05").
std::string FormatNumber(double value);

}  // namespace penstock

#endif  // PENSTOCK_BASE_TEXT_H_
