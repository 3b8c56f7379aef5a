// penstock-census-data: rows like those of a census income survey, made from a seed.
//
// The columns, the shares of missing values and of the classes are those of UCI's "Adult" data; the
// values are drawn, and the income follows from them with noise, so that a model has something to
// learn. The same seed gives the same bytes on every machine: the only arithmetic on doubles is
// + - * / and comparison.

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"

namespace penstock {
namespace {

struct Choice {
  std::string_view name;
  double share;
  double score = 0;  // what it adds to the income's score
};

constexpr Choice kWorkclass[] = {{"Private", 0.70, 0.0},     {"Self-emp-not-inc", 0.08, -0.3},
                                 {"Local-gov", 0.06, -0.1},  {"?", 0.056, -0.5},
                                 {"State-gov", 0.04, -0.1},  {"Self-emp-inc", 0.034, 0.5},
                                 {"Federal-gov", 0.029, 0.4}};
struct School {
  std::string_view name;
  int number;
  double share;
};
constexpr School kSchools[] = {
    {"HS-grad", 9, 0.322},      {"Some-college", 10, 0.224}, {"Bachelors", 13, 0.164},
    {"Masters", 14, 0.053},     {"Assoc-voc", 11, 0.042},    {"11th", 7, 0.036},
    {"Assoc-acdm", 12, 0.033},  {"10th", 6, 0.029},          {"7th-8th", 4, 0.020},
    {"Prof-school", 15, 0.018}, {"9th", 5, 0.016},           {"12th", 8, 0.013},
    {"Doctorate", 16, 0.013},   {"5th-6th", 3, 0.010},       {"1st-4th", 2, 0.005},
    {"Preschool", 1, 0.002}};
constexpr Choice kOccupation[] = {{"Prof-specialty", 0.127, 0.5},
                                  {"Craft-repair", 0.126, 0.0},
                                  {"Exec-managerial", 0.125, 0.8},
                                  {"Adm-clerical", 0.116, 0.0},
                                  {"Sales", 0.112, 0.2},
                                  {"Other-service", 0.101, -0.9},
                                  {"Machine-op-inspct", 0.061, -0.4},
                                  {"?", 0.057, -0.4},
                                  {"Transport-moving", 0.049, -0.2},
                                  {"Handlers-cleaners", 0.042, -0.7},
                                  {"Farming-fishing", 0.031, -1.0},
                                  {"Tech-support", 0.029, 0.5},
                                  {"Protective-serv", 0.020, 0.4},
                                  {"Priv-house-serv", 0.004, -1.5}};
constexpr Choice kRace[] = {{"White", 0.854, 0.0},
                            {"Black", 0.096, -0.1},
                            {"Asian-Pac-Islander", 0.032, 0.0},
                            {"Amer-Indian-Eskimo", 0.010, -0.2},
                            {"Other", 0.008, -0.2}};
constexpr Choice kCountry[] = {
    {"United-States", 0.896, 0.0}, {"Mexico", 0.020, -0.3}, {"?", 0.018, 0.0},
    {"Philippines", 0.012, 0.1},   {"Germany", 0.010, 0.1}, {"Canada", 0.010, 0.1},
    {"India", 0.009, 0.2},         {"England", 0.008, 0.1}, {"Cuba", 0.007, 0.0},
    {"China", 0.005, 0.0},         {"Italy", 0.005, 0.1}};

class Generator {
 public:
  explicit Generator(uint64_t seed) : random_(seed) {}

  std::string Row() {
    const School& school = PickSchool();
    const Choice& workclass = Pick(kWorkclass);
    const Choice& occupation = workclass.name == "?" ? kOccupation[7] : Pick(kOccupation);
    const bool male = Uniform() < 0.669;
    const int age = 17 + static_cast<int>(52 * (Uniform() + Uniform() * Uniform()) / 1.4);
    const bool married = Uniform() < (age < 25 ? 0.12 : male ? 0.62 : 0.22);
    const int hours = Hours();
    const int gain = Uniform() < 0.083 ? static_cast<int>(Uniform() * Uniform() * 30'000) + 114 : 0;
    const int loss =
        gain == 0 && Uniform() < 0.047 ? static_cast<int>(Uniform() * 1'200) + 1'200 : 0;
    const int weight = 12'285 + static_cast<int>(Uniform() * (Uniform() * 500'000 + 50'000));
    const Choice& race = Pick(kRace);
    const Choice& country = Pick(kCountry);

    double score = -5.0;
    score += 0.36 * (school.number - 7);
    score += 0.055 * (std::min(age, 55) - 25) - 0.06 * std::max(age - 60, 0);
    score += married ? 2.1 : 0.0;
    score += 0.035 * (hours - 40);
    score += workclass.score + occupation.score + race.score + country.score + (male ? 0.3 : 0.0);
    // Education pays more with a desk job: something that trees see and a linear model does not.
    if (school.number >= 13 && occupation.score >= 0.5) score += 0.7;
    if (gain > 5'000) score += 4.0;
    if (loss > 1'800) score += 1.2;
    const bool high = Chance(score);

    std::string row = std::to_string(age);
    const auto add = [&](std::string_view text) {
      row += ", ";
      row += text;
    };
    add(workclass.name);
    add(std::to_string(weight));
    add(school.name);
    add(std::to_string(school.number));
    add(Marital(married, age));
    add(occupation.name);
    add(Relationship(married, male, age));
    add(race.name);
    add(male ? "Male" : "Female");
    add(std::to_string(gain));
    add(std::to_string(loss));
    add(std::to_string(hours));
    add(country.name);
    add(high ? ">50K" : "<=50K");
    return row;
  }

 private:
  double Uniform() { return random_.NextDouble(); }

  template <std::size_t N>
  const Choice& Pick(const Choice (&choices)[N]) {
    double left = Uniform();
    for (const Choice& choice : choices) {
      left -= choice.share;
      if (left < 0) return choice;
    }
    return choices[0];
  }

  const School& PickSchool() {
    double left = Uniform();
    for (const School& school : kSchools) {
      left -= school.share;
      if (left < 0) return school;
    }
    return kSchools[0];
  }

  int Hours() {
    const double draw = Uniform();
    if (draw < 0.47) return 40;
    if (draw < 0.70) return 41 + static_cast<int>(Uniform() * 20);
    if (draw < 0.74) return 60 + static_cast<int>(Uniform() * 30);
    return 5 + static_cast<int>(Uniform() * 35);
  }

  // Whether the score, with what the columns do not tell, is above 0. The sum of four uniform draws
  // is near enough to a normal one.
  bool Chance(double score) {
    const double noise = Uniform() + Uniform() + Uniform() + Uniform() - 2;
    return score + 2.6 * noise > 0;
  }

  std::string_view Marital(bool married, int age) {
    if (married) return Uniform() < 0.985 ? "Married-civ-spouse" : "Married-AF-spouse";
    const double draw = Uniform();
    if (age < 28 || draw < 0.55) return "Never-married";
    if (draw < 0.84) return "Divorced";
    if (draw < 0.90) return "Separated";
    return draw < 0.97 ? "Widowed" : "Married-spouse-absent";
  }

  std::string_view Relationship(bool married, bool male, int age) {
    if (married) return male ? "Husband" : "Wife";
    const double draw = Uniform();
    if (age < 24 && draw < 0.7) return "Own-child";
    if (draw < 0.55) return "Not-in-family";
    if (draw < 0.80) return "Unmarried";
    return draw < 0.93 ? "Own-child" : "Other-relative";
  }

  SeededRandom random_;
};

bool ReadNumber(std::string_view text, uint64_t* number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *number);
  return error == std::errc() && end == text.data() + text.size();
}

int Main(int argc, char** argv) {
  uint64_t rows = 32'561;
  uint64_t seed = 7;
  std::string path;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    const bool number = argument == "--rows" || argument == "--seed";
    if (number && i + 1 < argc && ReadNumber(argv[i + 1], argument == "--rows" ? &rows : &seed)) {
      ++i;
    } else if (!argument.starts_with('-') && path.empty()) {
      path = argument;
    } else {
      path.clear();
      break;
    }
  }
  if (path.empty()) {
    std::cerr << "usage: penstock-census-data OUT.csv [--rows 32561] [--seed 7]\n";
    return 2;
  }
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  Generator generator(seed);
  for (uint64_t i = 0; i < rows; ++i) file << generator.Row() << "\n";
  file.close();
  if (!file) {
    std::cerr << "error: " << path << " could not be written\n";
    return 1;
  }
  return 0;
}

}  // namespace
}  // namespace penstock

int main(int argc, char** argv) {
  return penstock::Main(argc, argv);
}
