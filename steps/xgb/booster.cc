#include <xgboost/c_api.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <charconv>
#include <cmath>
#include <thread>

#include "steps/xgb/call.h"
#include "steps/xgb/ubjson.h"
#include "steps/xgb/xgb.h"

namespace penstock::xgb {
namespace {

// Rows that are predicted at a time: 2,048 × 100 columns of float32 stay in a core's own cache.
constexpr int64_t kBlockRows = 1 << 11;

void FreeBooster(void* handle) {
  XGBoosterFree(handle);
}

constexpr char kPredict[] =
    "{\"type\": 0, \"training\": false, \"iteration_begin\": 0, \"iteration_end\": 0, "
    "\"strict_shape\": true, \"missing\": NaN, \"cache_id\": 0}";

Result<Scores> AsScores(const bst_ulong* shape, bst_ulong dimensions, const float* values) {
  Scores scores;
  scores.rows = dimensions > 0 ? static_cast<int64_t>(shape[0]) : 0;
  scores.columns = dimensions > 1 ? static_cast<int>(shape[1]) : 1;
  scores.values = {values, static_cast<size_t>(scores.rows) * static_cast<size_t>(scores.columns)};
  return scores;
}

// Rows [begin, end) as float32, row after row.
void Gather(const Features& features, int64_t begin, int64_t end, std::vector<float>& block) {
  const size_t columns = features.columns.size();
  block.resize(static_cast<size_t>(end - begin) * columns);
  for (size_t j = 0; j < columns; ++j) {
    const double* column = features.columns[j].data() + begin;
    float* out = block.data() + j;
    for (int64_t i = 0; i < end - begin; ++i, out += columns) *out = static_cast<float>(column[i]);
  }
}

}  // namespace

Result<Booster> Booster::Create(const std::vector<const Matrix*>& matrices) {
  // Unused parameters and the like would go to stderr of whoever links this.
  PENSTOCK_RETURN_IF_ERROR(
      Check(XGBSetGlobalConfig("{\"verbosity\": 0}"), "cannot configure XGBoost"));
  std::vector<DMatrixHandle> handles;
  for (const Matrix* matrix : matrices) handles.push_back(matrix->handle());
  BoosterHandle handle = nullptr;
  PENSTOCK_RETURN_IF_ERROR(
      Check(XGBoosterCreate(handles.data(), handles.size(), &handle), "cannot make a booster"));
  return Booster(Handle(handle, &FreeBooster));
}

Result<Booster> Booster::Load(std::string_view bytes) {
  if (!bytes.starts_with('{')) {
    return DataLoss("this is no XGBoost model in JSON or Universal Binary JSON");
  }
  const bool text = bytes.size() > 1 && (bytes[1] == '"' || std::isspace(bytes[1]) != 0);
  if (!text) PENSTOCK_RETURN_IF_ERROR(CheckUbjson(bytes));
  PENSTOCK_ASSIGN_OR_RETURN(Booster booster, Create({}));
  if (XGBoosterLoadModelFromBuffer(booster.handle_.get(), bytes.data(), bytes.size()) != 0) {
    return DataLoss("cannot read the XGBoost model: " + Check(-1, "the file is damaged").message());
  }
  PENSTOCK_RETURN_IF_ERROR(booster.SetParameter("nthread", "1"));
  return booster;
}

Status Booster::SetParameter(const std::string& name, const std::string& value) {
  return Check(XGBoosterSetParam(handle_.get(), name.c_str(), value.c_str()),
               "cannot set " + name + " to \"" + value + "\"");
}

Status Booster::SetFeatureNames(const std::vector<std::string>& names) {
  std::vector<const char*> texts;
  for (const std::string& name : names) texts.push_back(name.c_str());
  return Check(
      XGBoosterSetStrFeatureInfo(handle_.get(), "feature_name", texts.data(), texts.size()),
      "cannot set the feature names");
}

Status Booster::Update(int round, const Matrix& train) {
  return Check(XGBoosterUpdateOneIter(handle_.get(), round, train.handle()),
               "cannot train round " + std::to_string(round));
}

Result<std::vector<std::pair<std::string, double>>> Booster::Evaluate(int round,
                                                                      const Matrix& matrix) {
  DMatrixHandle data = matrix.handle();
  const char* name = "x";
  const char* text = nullptr;
  PENSTOCK_RETURN_IF_ERROR(Check(XGBoosterEvalOneIter(handle_.get(), round, &data, &name, 1, &text),
                                 "cannot evaluate round " + std::to_string(round)));
  // "[12]\tx-logloss:0.25\tx-auc:0.9"
  std::vector<std::pair<std::string, double>> metrics;
  std::string_view rest(text);
  for (size_t tab = rest.find('\t'); tab != std::string_view::npos; tab = rest.find('\t')) {
    rest.remove_prefix(tab + 1);
    const std::string_view field = rest.substr(0, rest.find('\t'));
    const size_t colon = field.rfind(':');
    if (colon == std::string_view::npos || colon < 2) continue;
    double value = std::nan("");
    const std::string_view number = field.substr(colon + 1);
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
    if (error != std::errc()) value = std::nan("");
    metrics.emplace_back(field.substr(2, colon - 2), value);
  }
  return metrics;
}

Result<Scores> Booster::ScoresOf(const Matrix& matrix) {
  const bst_ulong* shape = nullptr;
  bst_ulong dimensions = 0;
  const float* values = nullptr;
  PENSTOCK_RETURN_IF_ERROR(
      Check(XGBoosterPredictFromDMatrix(handle_.get(), matrix.handle(), kPredict, &shape,
                                        &dimensions, &values),
            "cannot score the data"));
  return AsScores(shape, dimensions, values);
}

Result<std::vector<float>> Booster::Predict(const Features& features, int threads) const {
  std::vector<float> result;
  if (features.rows == 0) return result;
  const int64_t block_count = (features.rows + kBlockRows - 1) / kBlockRows;
  const int64_t columns = static_cast<int64_t>(features.columns.size());
  // XGBoost's own threads would share one setting of the booster; blocks on ours share nothing.
  // The first block tells how wide a row of scores is.
  std::vector<Status> outcomes(static_cast<size_t>(block_count));
  const auto predict_block = [&](int64_t index, std::vector<float>& block) -> Status {
    const int64_t begin = index * kBlockRows;
    const int64_t end = std::min(begin + kBlockRows, features.rows);
    Gather(features, begin, end, block);
    const bst_ulong* shape = nullptr;
    bst_ulong dimensions = 0;
    const float* values = nullptr;
    PENSTOCK_RETURN_IF_ERROR(Check(
        XGBoosterPredictFromDense(handle_.get(),
                                  ArrayInterface(block.data(), "<f4", end - begin, columns).c_str(),
                                  kPredict, nullptr, &shape, &dimensions, &values),
        "cannot predict"));
    PENSTOCK_ASSIGN_OR_RETURN(const Scores scores, AsScores(shape, dimensions, values));
    if (index == 0) {
      result.resize(static_cast<size_t>(features.rows) * static_cast<size_t>(scores.columns));
    }
    std::copy(scores.values.begin(), scores.values.end(), result.begin() + begin * scores.columns);
    return Status::Ok();
  };
  std::vector<float> first_block;
  PENSTOCK_RETURN_IF_ERROR(predict_block(0, first_block));
  std::atomic<int64_t> next{1};
  const auto work = [&](std::vector<float>& block) {
    for (int64_t i = next++; i < block_count; i = next++) {
      outcomes[static_cast<size_t>(i)] = predict_block(i, block);
    }
  };
  const int64_t helpers = std::min<int64_t>(threads, block_count - 1) - 1;
  std::vector<std::thread> pool;
  for (int64_t i = 0; i < helpers; ++i) {
    pool.emplace_back([&work] {
      std::vector<float> block;
      work(block);
    });
  }
  work(first_block);
  for (std::thread& thread : pool) thread.join();
  for (const Status& outcome : outcomes) PENSTOCK_RETURN_IF_ERROR(outcome);
  return result;
}

Result<Booster> Booster::FirstRounds(int rounds) const {
  BoosterHandle handle = nullptr;
  PENSTOCK_RETURN_IF_ERROR(Check(XGBoosterSlice(handle_.get(), 0, rounds, 1, &handle),
                                 "cannot keep the first " + std::to_string(rounds) + " rounds"));
  return Booster(Handle(handle, &FreeBooster));
}

Result<int> Booster::Rounds() const {
  int rounds = 0;
  PENSTOCK_RETURN_IF_ERROR(
      Check(XGBoosterBoostedRounds(handle_.get(), &rounds), "cannot count the rounds"));
  return rounds;
}

Result<std::string> Booster::Save(Format format) const {
  const char* config = format == Format::kJson ? "{\"format\": \"json\"}" : "{\"format\": \"ubj\"}";
  bst_ulong size = 0;
  const char* bytes = nullptr;
  PENSTOCK_RETURN_IF_ERROR(Check(XGBoosterSaveModelToBuffer(handle_.get(), config, &size, &bytes),
                                 "cannot save the model"));
  return std::string(bytes, size);
}

Result<std::map<int, double>> Booster::GainByFeature() const {
  // Asked for by position: names of ours may hold what the library's feature map cannot.
  bst_ulong count = 0;
  PENSTOCK_RETURN_IF_ERROR(
      Check(XGBoosterGetNumFeature(handle_.get(), &count), "cannot count the features"));
  Json config = {{"importance_type", "gain"}, {"feature_names", Json::array()}};
  for (bst_ulong i = 0; i < count; ++i) config["feature_names"].push_back(std::to_string(i));
  bst_ulong names = 0, dimensions = 0;
  const char** name = nullptr;
  const bst_ulong* shape = nullptr;
  const float* scores = nullptr;
  PENSTOCK_RETURN_IF_ERROR(Check(XGBoosterFeatureScore(handle_.get(), DumpJson(config).c_str(),
                                                       &names, &name, &dimensions, &shape, &scores),
                                 "cannot rank the features"));
  std::map<int, double> gains;
  for (bst_ulong i = 0; i < names; ++i) gains[std::stoi(name[i])] = scores[i];
  return gains;
}

}  // namespace penstock::xgb
