#ifndef PENSTOCK_TESTS_CONTRACT_IMPORT_IMPORT_BENCH_H_
#define PENSTOCK_TESTS_CONTRACT_IMPORT_IMPORT_BENCH_H_

// Runs the import step as a worker does, with the parameters that the catalogue fills in.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "base/subprocess.h"
#include "steps/catalog/catalog.h"
#include "steps/import/import.h"
#include "tests/contract/process/step_bench.h"

namespace penstock {

class ImportBench : public testing::Test {
 protected:
  // `sources`: what the worker's operator allows.
  Result<StepOutcome> Run(Json parameters) {
    std::vector<Problem> problems;
    step_.parameters_ =
        CheckParameters(*Catalog::BuiltIn().Find("import"), parameters, "with", problems);
    for (const Problem& each : problems) ADD_FAILURE() << each.path << ": " << each.message;
    step_.parameters_["sources"] = sources_;
    step_.parameters_["ca"] = ca_;
    step_.parameters_["roots"] = Json::array();
    step_.Reset();
    return RunImport(step_);
  }
  // What the output `data` holds, where it is one file.
  std::string Bytes() const { return ReadBytes(step_.output_ / "data"); }
  // Of what a test must not find in them.
  std::string Everything(const Result<StepOutcome>& outcome) const {
    return step_.log_ + (outcome.ok() ? "" : outcome.status().ToString());
  }

  FakeStep step_{"import"};
  std::vector<std::string> sources_ = {"http://127.0.0.1:*", "https://127.0.0.1:*"};
  std::string ca_;
};

// A certificate for 127.0.0.1 that nobody but its holder trusts: folder/cert.pem and key.pem.
inline void MakeCertificate(const std::filesystem::path& folder) {
  Result<Subprocess> made = Subprocess::Start(
      {.arguments = {"/usr/bin/openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                     "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                     "/CN=penstock-test", "-addext", "subjectAltName=IP:127.0.0.1", "-out",
                     (folder / "cert.pem").string(), "-keyout", (folder / "key.pem").string()}});
  ASSERT_TRUE(made.ok()) << made.status();
  ASSERT_EQ(made->Wait().exit_code, 0);
}

}  // namespace penstock

#endif  // PENSTOCK_TESTS_CONTRACT_IMPORT_IMPORT_BENCH_H_
