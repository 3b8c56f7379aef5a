#include "steps/process/tokens.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <utility>
#include <vector>

#include "steps/process/read_spec.h"

namespace penstock {
namespace {

constexpr int kLongestGram = 8;
constexpr uint32_t kNoCharacter = 0xFFFFFFFF;  // a byte that is not UTF-8

// The character at `at`, and how many bytes it has.
std::pair<uint32_t, std::size_t> CharacterAt(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) {
    return static_cast<uint32_t>(static_cast<unsigned char>(text[i]));
  };
  const uint32_t first = byte(at);
  if (first < 0x80) return {first, 1};
  const std::size_t size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || at + size > text.size()) return {kNoCharacter, 1};
  uint32_t character = first & (0xFFU >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(at + i) & 0xC0) != 0x80) return {kNoCharacter, 1};
    character = (character << 6) | (byte(at + i) & 0x3F);
  }
  return {character, size};
}

void AppendUtf8(uint32_t character, std::string& text) {
  const auto append = [&](uint32_t byte) { text += static_cast<char>(byte); };
  if (character < 0x80) return append(character);
  if (character < 0x800) {
    append(0xC0 | (character >> 6));
  } else {
    append(0xE0 | (character >> 12));
    append(0x80 | ((character >> 6) & 0x3F));
  }
  append(0x80 | (character & 0x3F));
}

// Upper-case letters beyond ASCII, first to last, every `step`th, whose lower case is `offset`
// further on.
struct CaseRange {
  uint32_t first;
  uint32_t last;
  uint32_t step;
  int32_t offset;
};
constexpr std::array<CaseRange, 113> kCases = {{
    {0xC0, 0xD6, 1, 32},        {0xD8, 0xDE, 1, 32},       {0x100, 0x12E, 2, 1},
    {0x130, 0x130, 1, -199},    {0x132, 0x136, 2, 1},      {0x139, 0x147, 2, 1},
    {0x14A, 0x176, 2, 1},       {0x178, 0x178, 1, -121},   {0x179, 0x17D, 2, 1},
    {0x181, 0x181, 1, 210},     {0x182, 0x184, 2, 1},      {0x186, 0x186, 1, 206},
    {0x187, 0x187, 1, 1},       {0x189, 0x18A, 1, 205},    {0x18B, 0x18B, 1, 1},
    {0x18E, 0x18E, 1, 79},      {0x18F, 0x18F, 1, 202},    {0x190, 0x190, 1, 203},
    {0x191, 0x191, 1, 1},       {0x193, 0x193, 1, 205},    {0x194, 0x194, 1, 207},
    {0x196, 0x196, 1, 211},     {0x197, 0x197, 1, 209},    {0x198, 0x198, 1, 1},
    {0x19C, 0x19C, 1, 211},     {0x19D, 0x19D, 1, 213},    {0x19F, 0x19F, 1, 214},
    {0x1A0, 0x1A4, 2, 1},       {0x1A6, 0x1A6, 1, 218},    {0x1A7, 0x1A7, 1, 1},
    {0x1A9, 0x1A9, 1, 218},     {0x1AC, 0x1AC, 1, 1},      {0x1AE, 0x1AE, 1, 218},
    {0x1AF, 0x1AF, 1, 1},       {0x1B1, 0x1B2, 1, 217},    {0x1B3, 0x1B5, 2, 1},
    {0x1B7, 0x1B7, 1, 219},     {0x1B8, 0x1B8, 1, 1},      {0x1BC, 0x1BC, 1, 1},
    {0x1C4, 0x1C4, 1, 2},       {0x1C5, 0x1C5, 1, 1},      {0x1C7, 0x1C7, 1, 2},
    {0x1C8, 0x1C8, 1, 1},       {0x1CA, 0x1CA, 1, 2},      {0x1CB, 0x1DB, 2, 1},
    {0x1DE, 0x1EE, 2, 1},       {0x1F1, 0x1F1, 1, 2},      {0x1F2, 0x1F4, 2, 1},
    {0x1F6, 0x1F6, 1, -97},     {0x1F7, 0x1F7, 1, -56},    {0x1F8, 0x21E, 2, 1},
    {0x220, 0x220, 1, -130},    {0x222, 0x232, 2, 1},      {0x23A, 0x23A, 1, 10795},
    {0x23B, 0x23B, 1, 1},       {0x23D, 0x23D, 1, -163},   {0x23E, 0x23E, 1, 10792},
    {0x241, 0x241, 1, 1},       {0x243, 0x243, 1, -195},   {0x244, 0x244, 1, 69},
    {0x245, 0x245, 1, 71},      {0x246, 0x24E, 2, 1},      {0x370, 0x372, 2, 1},
    {0x376, 0x376, 1, 1},       {0x37F, 0x37F, 1, 116},    {0x386, 0x386, 1, 38},
    {0x388, 0x38A, 1, 37},      {0x38C, 0x38C, 1, 64},     {0x38E, 0x38F, 1, 63},
    {0x391, 0x3A1, 1, 32},      {0x3A3, 0x3AB, 1, 32},     {0x3CF, 0x3CF, 1, 8},
    {0x3D8, 0x3EE, 2, 1},       {0x3F4, 0x3F4, 1, -60},    {0x3F7, 0x3F7, 1, 1},
    {0x3F9, 0x3F9, 1, -7},      {0x3FA, 0x3FA, 1, 1},      {0x3FD, 0x3FF, 1, -130},
    {0x400, 0x40F, 1, 80},      {0x410, 0x42F, 1, 32},     {0x460, 0x480, 2, 1},
    {0x48A, 0x4BE, 2, 1},       {0x4C0, 0x4C0, 1, 15},     {0x4C1, 0x4CD, 2, 1},
    {0x4D0, 0x52E, 2, 1},       {0x531, 0x556, 1, 48},     {0x1E00, 0x1E94, 2, 1},
    {0x1E9E, 0x1E9E, 1, -7615}, {0x1EA0, 0x1EFE, 2, 1},    {0x1F08, 0x1F0F, 1, -8},
    {0x1F18, 0x1F1D, 1, -8},    {0x1F28, 0x1F2F, 1, -8},   {0x1F38, 0x1F3F, 1, -8},
    {0x1F48, 0x1F4D, 1, -8},    {0x1F59, 0x1F5F, 2, -8},   {0x1F68, 0x1F6F, 1, -8},
    {0x1F88, 0x1F8F, 1, -8},    {0x1F98, 0x1F9F, 1, -8},   {0x1FA8, 0x1FAF, 1, -8},
    {0x1FB8, 0x1FB9, 1, -8},    {0x1FBA, 0x1FBB, 1, -74},  {0x1FBC, 0x1FBC, 1, -9},
    {0x1FC8, 0x1FCB, 1, -86},   {0x1FCC, 0x1FCC, 1, -9},   {0x1FD8, 0x1FD9, 1, -8},
    {0x1FDA, 0x1FDB, 1, -100},  {0x1FE8, 0x1FE9, 1, -8},   {0x1FEA, 0x1FEB, 1, -112},
    {0x1FEC, 0x1FEC, 1, -7},    {0x1FF8, 0x1FF9, 1, -128}, {0x1FFA, 0x1FFB, 1, -126},
    {0x1FFC, 0x1FFC, 1, -9},    {0xFF21, 0xFF3A, 1, 32},
}};

uint32_t Lower(uint32_t character) {
  if (character < 0x80) {
    return character >= 'A' && character <= 'Z' ? character + ('a' - 'A') : character;
  }
  const auto* const range =
      std::lower_bound(kCases.begin(), kCases.end(), character,
                       [](const CaseRange& entry, uint32_t value) { return entry.last < value; });
  if (range == kCases.end() || character < range->first) return character;
  if ((character - range->first) % range->step != 0) return character;
  return static_cast<uint32_t>(static_cast<int32_t>(character) + range->offset);
}

// Spaces, punctuation and symbols beyond ASCII, of the blocks that are in use: first and last of a
// run.
constexpr std::array<std::pair<uint32_t, uint32_t>, 48> kSeparators = {{
    {0x80, 0xA9},     {0xAB, 0xB1},     {0xB4, 0xB4},       {0xB6, 0xB8},     {0xBB, 0xBB},
    {0xBF, 0xBF},     {0xD7, 0xD7},     {0xF7, 0xF7},       {0x2C2, 0x2C5},   {0x2D2, 0x2DF},
    {0x37E, 0x37E},   {0x387, 0x387},   {0x55A, 0x55F},     {0x589, 0x58A},   {0x5BE, 0x5BE},
    {0x5C0, 0x5C0},   {0x5C3, 0x5C3},   {0x5F3, 0x5F4},     {0x606, 0x60F},   {0x61B, 0x61F},
    {0x66A, 0x66D},   {0x6D4, 0x6D4},   {0x964, 0x965},     {0xE3F, 0xE3F},   {0xE5A, 0xE5B},
    {0xF0B, 0xF14},   {0x104A, 0x104F}, {0x1361, 0x1368},   {0x1680, 0x1680}, {0x17D4, 0x17D6},
    {0x2000, 0x206F}, {0x207A, 0x207E}, {0x208A, 0x208E},   {0x20A0, 0x20CF}, {0x2116, 0x2117},
    {0x2120, 0x2123}, {0x2190, 0x245F}, {0x2500, 0x2775},   {0x2794, 0x2BFF}, {0x2E00, 0x2E7F},
    {0x3000, 0x3004}, {0x3008, 0x3020}, {0x30FB, 0x30FB},   {0xFE10, 0xFE1F}, {0xFE30, 0xFE6F},
    {0xFF01, 0xFF0F}, {0xFF1A, 0xFF20}, {0x1F000, 0x1FAFF},
}};

bool IsWordCharacter(uint32_t character) {
  if (character < 0x80) {
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
           (character >= '0' && character <= '9') || character == '_';
  }
  const auto* const run = std::lower_bound(kSeparators.begin(), kSeparators.end(), character,
                                           [](const std::pair<uint32_t, uint32_t>& entry,
                                              uint32_t value) { return entry.second < value; });
  return run == kSeparators.end() || character < run->first;
}

// Tokens are runs of these pieces of a text.
struct Pieces {
  std::string text;
  std::vector<std::pair<std::size_t, std::size_t>> bounds;  // first byte, and that after the last
};

Pieces Words(std::string_view text, const TokenRules& rules) {
  Pieces words;
  std::string word;
  const auto finish = [&] {
    if (!word.empty() && !rules.stop_words.contains(word)) {
      if (!words.text.empty()) words.text += ' ';
      const std::size_t begin = words.text.size();
      words.text += word;
      words.bounds.emplace_back(begin, words.text.size());
    }
    word.clear();
  };
  for (std::size_t at = 0; at < text.size();) {
    const auto [character, size] = CharacterAt(text, at);
    if (IsWordCharacter(character)) {
      word.append(text, at, size);
    } else {
      finish();
    }
    at += size;
  }
  finish();
  return words;
}

Pieces Characters(std::string_view text) {
  Pieces characters;
  bool space = false;
  for (std::size_t at = 0; at < text.size();) {
    const auto [character, size] = CharacterAt(text, at);
    const bool is_space = character == ' ' || (character >= '\t' && character <= '\r');
    if (!is_space || !space) {
      const std::size_t begin = characters.text.size();
      is_space ? characters.text.append(" ") : characters.text.append(text, at, size);
      characters.bounds.emplace_back(begin, characters.text.size());
    }
    space = is_space;
    at += size;
  }
  return characters;
}

}  // namespace

Result<TokenRules> TokenRules::FromJson(const Json& spec, std::string_view op) {
  TokenRules rules;
  const std::string of = JsonString(spec, "tokens", "word");
  if (of != "word" && of != "character") {
    return InvalidArgument(std::string(op) + ": tokens must be word or character, not \"" + of +
                           "\"");
  }
  rules.words = of == "word";
  rules.lowercase = JsonBool(spec, "lowercase", true);
  if (const Json& grams = JsonMember(spec, "ngrams"); !grams.is_null()) {
    const bool fits = grams.is_array() && grams.size() == 2 && grams[0].is_number_integer() &&
                      grams[1].is_number_integer() && grams[0] >= 1 && grams[0] <= grams[1] &&
                      grams[1] <= kLongestGram;
    if (!fits) {
      return InvalidArgument(std::string(op) +
                             ": ngrams must be two whole numbers from 1 to 8, the lower first");
    }
    rules.shortest = grams[0].get<int>();
    rules.longest = grams[1].get<int>();
  }
  for (const std::string& word : TextList(JsonMember(spec, "stop_words"))) {
    rules.stop_words.insert(rules.lowercase ? LowerCase(word) : word);
  }
  if (!rules.words && !rules.stop_words.empty()) {
    return InvalidArgument(std::string(op) + ": stop_words are words; they need tokens: word");
  }
  return rules;
}

std::string LowerCase(std::string_view text) {
  std::string lower;
  lower.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const auto [character, size] = CharacterAt(text, at);
    const uint32_t mapped = character == kNoCharacter ? character : Lower(character);
    if (mapped == character) {
      lower.append(text, at, size);
    } else {
      AppendUtf8(mapped, lower);
    }
    at += size;
  }
  return lower;
}

void ForEachToken(std::string_view text, const TokenRules& rules,
                  const std::function<void(std::string_view token)>& add) {
  const std::string lower = rules.lowercase ? LowerCase(text) : std::string();
  const std::string_view plain = rules.lowercase ? std::string_view(lower) : text;
  const Pieces pieces = rules.words ? Words(plain, rules) : Characters(plain);
  const auto& bounds = pieces.bounds;
  for (int n = rules.shortest; n <= rules.longest; ++n) {
    const auto size = static_cast<std::size_t>(n);
    for (std::size_t i = 0; i + size <= bounds.size(); ++i) {
      const std::size_t begin = bounds[i].first;
      add(std::string_view(pieces.text).substr(begin, bounds[i + size - 1].second - begin));
    }
  }
}

}  // namespace penstock
