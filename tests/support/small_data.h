#ifndef PENSTOCK_TESTS_SUPPORT_SMALL_DATA_H_
#define PENSTOCK_TESTS_SUPPORT_SMALL_DATA_H_

// The smallest data and the step that prepares them from which a real model can be trained.

#include <string>

namespace penstock {

// Columns x and y; y is "1" where x is above 50.
inline std::string SmallCsv(int rows) {
  std::string csv = "x,y\n";
  for (int i = 0; i < rows; ++i) {
    csv += std::to_string((i * 37) % 101) + "," + ((i * 37) % 101 > 50 ? "1" : "0") + "\n";
  }
  return csv;
}

// The head of a pipeline with that name, whose parameter `data` is such a file: everything up to
// its first step, `prepare`, which has the outputs train and test. `parameters`: further ones, as
// in ", depth: {type: integer}".
inline std::string SmallPipeline(const std::string& name, const std::string& parameters = "") {
  return "name: " + name + "\nparameters: {data: {type: dataset}" + parameters + "}\n" + R"(steps:
- name: prepare
  type: process
  inputs: {data: "${parameters.data}"}
  with:
    read: {format: csv, header: true}
    roles: {label: y}
    labels: {classes: ["0", "1"], positive: "1"}
    split: {train: 0.8, test: 0.2, seed: 1}
)";
}

}  // namespace penstock

#endif  // PENSTOCK_TESTS_SUPPORT_SMALL_DATA_H_
