// What `process` takes for many rows, beside what DuckDB alone takes to read the same CSV and write
// the same columns; see README.md.
//
//   penstock-process-bench generate ROWS FILE     10 columns, about 78 bytes a row
//   penstock-process-bench process FILE FOLDER [--threads N] [--memory BYTES]
//   penstock-process-bench duckdb FILE FOLDER [--threads N] [--memory BYTES]
//
// Each prints one JSON object.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/random.h"
#include "base/text.h"
#include "steps/process/process.h"
#include "steps/table/duck.h"

namespace penstock {
namespace {

constexpr int kNumbers = 6;
const std::vector<std::string> kKinds[3] = {
    {"oak", "ash", "elm", "fir"}, {"north", "east", "south", "west", "middle"}, {"a", "b", "c"}};

double Uniform(SeededRandom& random) {
  return static_cast<double>(random.Next() >> 11) * 0x1.0p-53;
}

Status Generate(int64_t rows, const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) return InvalidArgument("cannot write " + path);
  std::fputs("x1,x2,x3,x4,x5,x6,tree,side,mark,label\n", file);
  SeededRandom random(7);
  std::string line;
  for (int64_t i = 0; i < rows; ++i) {
    line.clear();
    double sum = 0;
    for (int j = 0; j < kNumbers; ++j) {
      const double value = Uniform(random) * std::pow(10, j % 4) - 0.3;
      if (j == 0) sum = value;
      char text[32];
      if (random.Next() % 20 != 0) {
        line.append(text, static_cast<std::size_t>(
                              std::snprintf(text, sizeof text, "%.*f", 6 - j % 3, value)));
      }
      line += ',';
    }
    for (const std::vector<std::string>& kinds : kKinds) {
      line.append(kinds[random.Next() % kinds.size()]).append(",");
    }
    line += sum + Uniform(random) > 0.7 ? "yes\n" : "no\n";
    std::fwrite(line.data(), 1, line.size(), file);
  }
  return std::fclose(file) == 0 ? Status::Ok() : ResourceExhausted("cannot write " + path);
}

class BenchStep : public StepContext {
 public:
  const std::string& type() const override { return type_; }
  const std::string& algorithm() const override { return none_; }
  const Json& parameters() const override { return parameters_; }
  const std::vector<InputArtifact>& inputs(std::string_view name) const override {
    static const std::vector<InputArtifact> none;
    return name == "data" ? data_ : none;
  }
  const std::filesystem::path& output_dir() const override { return output_; }
  const std::filesystem::path& scratch_dir() const override { return scratch_; }
  int threads() const override { return threads_; }
  int64_t memory_bytes() const override { return memory_; }
  bool cancelled() const override { return false; }
  void LogMetric(std::string_view, int64_t, double) override {}
  void SetProgress(double, std::string_view) override {}
  void Log(std::string_view line) override { std::cerr << line << '\n'; }

  std::string type_ = "process";
  std::string none_;
  Json parameters_;
  std::vector<InputArtifact> data_;
  std::filesystem::path output_;
  std::filesystem::path scratch_;
  int threads_ = 2;
  int64_t memory_ = 0;
};

// The highest resident memory so far, in MiB.
double PeakMebibytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stod(line.substr(6)) / 1024;
  }
  return 0;
}

Status Process(BenchStep& step) {
  step.parameters_ =
      Json{{"roles", {{"label", "label"}}},
           {"split", {{"train", 0.8}, {"validation", 0.1}, {"test", 0.1}, {"seed", 7}}},
           {"transforms",
            {{{"op", "impute"}, {"columns", {{"kind", "numeric"}}}, {"method", "mean"}},
             {{"op", "one_hot"}, {"columns", {{"kind", "categorical"}}}},
             {{"op", "standard"}, {"columns", {{"match", "x?"}}}}}}};
  return RunProcess(step).status();
}

// The same columns by one query, with constants where `process` learns, and without a split.
Status Duckdb(const BenchStep& step) {
  std::vector<std::string> columns;
  for (int j = 1; j <= kNumbers; ++j) {
    std::string name = "x";
    name.append(std::to_string(j));
    columns.push_back("(coalesce(" + name + ", 0.25) - 0.25) / 0.5 AS " + name);
  }
  const std::vector<std::string> names = {"tree", "side", "mark"};
  for (std::size_t k = 0; k < names.size(); ++k) {
    for (const std::string& kind : kKinds[k]) {
      columns.push_back(names[k] + " = '" + kind + "' AS \"" + names[k] + "=" + kind + "\"");
    }
  }
  columns.push_back("label");
  PENSTOCK_ASSIGN_OR_RETURN(duck::Connection connection,
                            duck::Connection::Open({step.threads_, step.memory_, nullptr}));
  return connection.Run("COPY (SELECT " + Join(columns, ", ") + " FROM read_csv(" +
                        duck::Quote(step.data_.front().path.string()) + ")) TO " +
                        duck::Quote((step.output_ / "all.parquet").string()) +
                        " (FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE 122880)");
}

int Main(const std::vector<std::string>& arguments) {
  const auto usage = [] {
    std::cerr << "usage: penstock-process-bench generate ROWS FILE | process FILE FOLDER "
                 "[--threads N] [--memory BYTES] | duckdb FILE FOLDER [--threads N] [--memory "
                 "BYTES]\n";
    return 2;
  };
  if (arguments.size() < 3) return usage();
  const auto start = std::chrono::steady_clock::now();
  Status status;
  if (arguments[0] == "generate") {
    status = Generate(std::stoll(arguments[1]), arguments[2]);
  } else if (arguments[0] == "process" || arguments[0] == "duckdb") {
    BenchStep step;
    step.data_ = {{arguments[1], ArtifactType::kFile, Digest(), "data.csv"}};
    step.output_ = arguments[2];
    step.scratch_ = step.output_ / "scratch";
    std::filesystem::create_directories(step.scratch_);
    for (std::size_t i = 3; i + 1 < arguments.size(); i += 2) {
      if (arguments[i] == "--threads") step.threads_ = std::stoi(arguments[i + 1]);
      if (arguments[i] == "--memory") step.memory_ = std::stoll(arguments[i + 1]);
    }
    status = arguments[0] == "process" ? Process(step) : Duckdb(step);
  } else {
    return usage();
  }
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (!status.ok()) {
    std::cerr << status << '\n';
    return 1;
  }
  std::cout << DumpJson(
                   {{"what", arguments[0]}, {"seconds", seconds}, {"peak_mib", PeakMebibytes()}})
            << '\n';
  return 0;
}

}  // namespace
}  // namespace penstock

int main(int argc, char** argv) {
  return penstock::Main(std::vector<std::string>(argv + 1, argv + argc));
}
