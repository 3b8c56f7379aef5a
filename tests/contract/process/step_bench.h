#ifndef PENSTOCK_TESTS_CONTRACT_PROCESS_STEP_BENCH_H_
#define PENSTOCK_TESTS_CONTRACT_PROCESS_STEP_BENCH_H_

// Runs a step on files of the test's own, without a worker.

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <string>
#include <vector>

#include "steps/api/step.h"
#include "tests/unit/table/table_files.h"

namespace penstock {

class FakeStep : public StepContext {
 public:
  explicit FakeStep(std::string type) : type_(std::move(type)) {}

  const std::string& type() const override { return type_; }
  const std::string& algorithm() const override { return algorithm_; }
  const Json& parameters() const override { return parameters_; }
  const std::vector<InputArtifact>& inputs(std::string_view name) const override {
    static const std::vector<InputArtifact> none;
    const auto at = inputs_.find(name);
    return at == inputs_.end() ? none : at->second;
  }
  std::vector<std::string> input_names() const override {
    std::vector<std::string> names;
    for (const auto& [name, artifacts] : inputs_) names.push_back(name);
    return names;
  }
  const std::filesystem::path& output_dir() const override { return output_; }
  const std::filesystem::path& scratch_dir() const override { return scratch_; }
  int threads() const override { return threads_; }
  int64_t memory_bytes() const override { return memory_bytes_; }
  bool cancelled() const override { return cancel_after_ >= 0 && asked_++ >= cancel_after_; }
  void LogMetric(std::string_view, int64_t, double) override {}
  void SetProgress(double fraction, std::string_view) override {
    EXPECT_GE(fraction, progress_);
    EXPECT_LE(fraction, 1);
    progress_ = fraction;
  }
  void Log(std::string_view line) override { log_ += std::string(line) + "\n"; }

  // A fresh output folder for another run.
  void Reset() {
    output_ = folder_.path() / ("out" + std::to_string(++runs_));
    scratch_ = folder_.path() / ("scratch" + std::to_string(runs_));
    std::filesystem::create_directories(output_);
    std::filesystem::create_directories(scratch_);
    progress_ = 0;
    log_.clear();
  }

  // Writes `bytes` where a file artifact would lie and binds it, as the user would call it `name`.
  InputArtifact AddFile(const std::string& input, const std::string& name, std::string_view bytes) {
    const auto path = folder_.Write("store/" + std::to_string(++files_), bytes);
    const InputArtifact artifact{path, ArtifactType::kFile, Digest(), name};
    inputs_[input].push_back(artifact);
    return artifact;
  }
  void Bind(const std::string& input, const std::filesystem::path& path, const std::string& name) {
    inputs_[input] = {{path, ArtifactType::kDataset, Digest(), name}};
  }
  void Unbind(const std::string& input) { inputs_.erase(input); }

  TestFolder folder_;
  std::string type_;
  std::string algorithm_;
  Json parameters_ = Json::object();
  std::map<std::string, std::vector<InputArtifact>, std::less<>> inputs_;
  std::filesystem::path output_;
  std::filesystem::path scratch_;
  int threads_ = 2;
  int64_t memory_bytes_ = 0;
  mutable std::atomic<int> asked_ = 0;
  int cancel_after_ = -1;
  std::string log_;
  double progress_ = 0;
  int runs_ = 0;
  int files_ = 0;
};

// Every file below `folder` with its bytes.
inline std::map<std::string, std::string> TreeBytes(const std::filesystem::path& folder) {
  std::map<std::string, std::string> tree;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) {
      tree[std::filesystem::relative(entry.path(), folder).string()] = ReadBytes(entry.path());
    }
  }
  return tree;
}

}  // namespace penstock

#endif  // PENSTOCK_TESTS_CONTRACT_PROCESS_STEP_BENCH_H_
