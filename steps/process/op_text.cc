// bag_of_words, tf_idf and hash_text: texts as numbers of their tokens (tokens.h). A missing text
// has no tokens. tf_idf as scikit-learn's TfidfVectorizer: with n training rows of which d have a
// token, its weight is ln((1 + n) / (1 + d)) + 1, or without `smooth` ln(n / d) + 1; then each row
// is brought to length 1. hash_text: feature hashing (Weinberger et al., 2009; hashed_columns.h) of
// tokens, in place of a vocabulary; each token of a row adds its number to its column, with its
// sign. O(bytes) to read texts, and O(rows × columns) to write. Sums are taken in the order of the
// columns.

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "steps/process/column_operation.h"
#include "steps/process/hashed_columns.h"
#include "steps/process/makers.h"
#include "steps/process/tokens.h"
#include "steps/process/vocabulary.h"

namespace penstock {
namespace {

// What the number of times that a token occurs becomes, and what a row's numbers are divided by.
struct Weighting {
  enum class Values { kCount, kBinary, kLog };
  enum class Norm { kNone, kL1, kL2 };
  Values values = Values::kCount;
  Norm norm = Norm::kNone;

  static Result<Weighting> FromJson(const Json& spec, std::string_view op, std::string norm) {
    Weighting weighting;
    const std::string values = JsonString(spec, "values", "count");
    if (values != "count" && values != "binary" && values != "log") {
      return InvalidArgument(std::string(op) + ": values must be count, binary or log, not \"" +
                             values + "\"");
    }
    if (values == "binary") weighting.values = Values::kBinary;
    if (values == "log") weighting.values = Values::kLog;
    norm = JsonString(spec, "norm", std::move(norm));
    if (norm != "none" && norm != "l1" && norm != "l2") {
      return InvalidArgument(std::string(op) + ": norm must be none, l1 or l2, not \"" + norm +
                             "\"");
    }
    if (norm == "l1") weighting.norm = Norm::kL1;
    if (norm == "l2") weighting.norm = Norm::kL2;
    return weighting;
  }

  double Value(int64_t count) const {
    switch (values) {
      case Values::kCount:
        return static_cast<double>(count);
      case Values::kBinary:
        return 1;
      case Values::kLog:
        return 1 + std::log(static_cast<double>(count));
    }
    return 0;
  }
  ColumnType type() const {
    return values == Values::kLog || norm != Norm::kNone ? ColumnType::kDouble
                                                         : ColumnType::kInteger;
  }
};

// What a text has in columns, by their order; it has 0 in all others.
using Sparse = std::vector<std::pair<int32_t, double>>;

void Normalise(Weighting::Norm norm, Sparse& row) {
  double length = 0;
  for (const auto& [column, value] : row) {
    length += norm == Weighting::Norm::kL1 ? std::fabs(value) : value * value;
  }
  if (norm == Weighting::Norm::kNone || length == 0) return;
  if (norm == Weighting::Norm::kL2) length = std::sqrt(length);
  for (auto& [column, value] : row) value /= length;
}

// Only texts can be read.
Status RequireTexts(const FitData& data, const std::vector<std::string>& names,
                    std::string_view op) {
  for (const std::string& name : names) {
    const Column& column = *data.features().Find(name);
    if (column.is_text()) continue;
    return InvalidArgument(std::string(op) + ": column \"" + name + "\" is " +
                           std::string(Name(column.info.kind)) +
                           ", only texts have tokens; choose columns by {kind: text}");
  }
  return Status::Ok();
}

// Appends `names.size()` columns, filled with what `read` makes of each text.
template <typename Read>
void AppendColumns(const StringValues& texts, const std::vector<std::string>& names,
                   ColumnType type, const Read& read, std::vector<Column>& out) {
  std::vector<Sparse> of_code;
  of_code.reserve(texts.dictionary.size());
  for (const std::string& text : texts.dictionary) of_code.push_back(read(text));
  const std::size_t first = out.size();
  for (const std::string& name : names) {
    out.push_back(MakeNumberColumn(name, std::vector<double>(texts.codes.size()), type));
  }
  for (std::size_t i = 0; i < texts.codes.size(); ++i) {
    if (texts.missing(i)) continue;
    for (const auto& [column, value] : of_code[static_cast<std::size_t>(texts.codes[i])]) {
      out[first + static_cast<std::size_t>(column)].numbers[i] = value + 0.0;
    }
  }
}

constexpr double kMostWeight = 100;  // of a token in one of 10^42 rows

// Tokens with a column, and what their numbers are multiplied by.
struct Weighed {
  std::vector<std::string> tokens;
  std::vector<double> weights;
  TokenMap<int32_t> index;

  void MakeIndex() {
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      index.emplace(tokens[i], static_cast<int32_t>(i));
    }
  }
};

class TokenColumns : public ColumnOperation<Weighed> {
 public:
  static Result<std::unique_ptr<Operation>> Make(const Json& spec, std::string_view name,
                                                 bool inverse) {
    auto op = std::unique_ptr<TokenColumns>(new TokenColumns(spec, name, inverse));
    PENSTOCK_ASSIGN_OR_RETURN(op->tokens_, TokenRules::FromJson(spec, name));
    PENSTOCK_ASSIGN_OR_RETURN(op->rules_, VocabularyRules::FromJson(spec, name));
    PENSTOCK_ASSIGN_OR_RETURN(op->weighting_,
                              Weighting::FromJson(spec, name, inverse ? "l2" : "none"));
    op->smooth_ = JsonBool(spec, "smooth", true);
    PENSTOCK_RETURN_IF_ERROR(op->Restore());
    return std::unique_ptr<Operation>(std::move(op));
  }

 protected:
  Status Learn(const FitData& data, const std::vector<std::string>& names,
               std::vector<Weighed>& fitted) override {
    PENSTOCK_RETURN_IF_ERROR(RequireTexts(data, names, name_));
    for (std::size_t i = 0; i < names.size(); ++i) {
      PENSTOCK_ASSIGN_OR_RETURN(Vocabulary vocabulary,
                                LearnVocabulary(data, names[i], tokens_, rules_, name_));
      fitted[i].tokens = std::move(vocabulary.tokens);
      for (const int64_t rows : vocabulary.rows_with) {
        fitted[i].weights.push_back(inverse_ ? Weight(vocabulary.rows, rows) : 1);
      }
      fitted[i].MakeIndex();
    }
    return Status::Ok();
  }

  Json FittedToJson(const Weighed& fitted) const override {
    Json json = {{"tokens", fitted.tokens}};
    if (inverse_) json["weights"] = fitted.weights;
    return json;
  }

  Result<Weighed> FittedFromJson(const Json& json) const override {
    Weighed fitted{TextList(JsonMember(json, "tokens")), {}, {}};
    fitted.MakeIndex();
    if (fitted.index.size() != fitted.tokens.size()) {
      return InvalidArgument(std::string(name_) + ": a token is there twice");
    }
    for (const Json& weight : JsonMember(json, "weights")) {
      if (!weight.is_number() || !(weight >= 0 && weight <= kMostWeight)) {
        return InvalidArgument(std::string(name_) + ": a weight is a number from 0 to 100");
      }
      fitted.weights.push_back(weight.get<double>());
    }
    if (!inverse_) fitted.weights.assign(fitted.tokens.size(), 1);
    if (fitted.weights.size() != fitted.tokens.size()) {
      return InvalidArgument(std::string(name_) + ": each token has a weight");
    }
    return fitted;
  }

  Status Change(Column&& column, const Weighed& fitted, const AppliedRows&,
                std::vector<Column>& out) const override {
    std::vector<std::string> names;
    for (const std::string& token : fitted.tokens) names.push_back(column.info.name + "=" + token);
    const auto read = [&](std::string_view text) {
      std::vector<int32_t> found;
      ForEachToken(text, tokens_, [&](std::string_view token) {
        const auto at = fitted.index.find(token);
        if (at != fitted.index.end()) found.push_back(at->second);
      });
      std::sort(found.begin(), found.end());
      Sparse row;
      for (std::size_t first = 0, last = 0; first < found.size(); first = last) {
        while (last < found.size() && found[last] == found[first]) ++last;
        row.emplace_back(found[first], weighting_.Value(static_cast<int64_t>(last - first)) *
                                           fitted.weights[static_cast<std::size_t>(found[first])]);
      }
      Normalise(weighting_.norm, row);
      return row;
    };
    AppendColumns(AsTexts(column), names, inverse_ ? ColumnType::kDouble : weighting_.type(), read,
                  out);
    return Status::Ok();
  }

 private:
  TokenColumns(const Json& spec, std::string_view name, bool inverse)
      : ColumnOperation(spec), name_(name), inverse_(inverse) {}

  double Weight(int64_t rows, int64_t rows_with) const {
    const double more = smooth_ ? 1 : 0;
    return std::log((static_cast<double>(rows) + more) / (static_cast<double>(rows_with) + more)) +
           1;
  }

  const std::string_view name_;
  const bool inverse_;  // tokens of few rows weigh more
  TokenRules tokens_;
  VocabularyRules rules_;
  Weighting weighting_;
  bool smooth_ = true;
};

class HashedTokens : public ColumnOperation<std::monostate> {
 public:
  static Result<std::unique_ptr<Operation>> Make(const Json& spec) {
    constexpr std::string_view kName = "hash_text";
    auto op = std::unique_ptr<HashedTokens>(new HashedTokens(spec));
    PENSTOCK_ASSIGN_OR_RETURN(op->tokens_, TokenRules::FromJson(spec, kName));
    PENSTOCK_ASSIGN_OR_RETURN(op->hashed_, HashedColumns::FromJson(spec, kName, kHashColumns));
    PENSTOCK_ASSIGN_OR_RETURN(op->weighting_, Weighting::FromJson(spec, kName, "none"));
    PENSTOCK_RETURN_IF_ERROR(op->Restore());
    return std::unique_ptr<Operation>(std::move(op));
  }

 protected:
  Status Learn(const FitData& data, const std::vector<std::string>& names,
               std::vector<std::monostate>&) override {
    return RequireTexts(data, names, "hash_text");
  }

  Status Change(Column&& column, const std::monostate&, const AppliedRows&,
                std::vector<Column>& out) const override {
    std::vector<std::string> names;
    for (int32_t i = 0; i < hashed_.columns(); ++i) {
      names.push_back(HashedColumns::NameOf(column.info.name, i));
    }
    const auto read = [&](std::string_view text) {
      std::map<std::string, int64_t, std::less<>> counts;
      ForEachToken(text, tokens_, [&](std::string_view token) {
        const auto at = counts.find(token);
        at == counts.end() ? void(counts.emplace(token, 1)) : void(++at->second);
      });
      std::map<int32_t, double> sums;
      for (const auto& [token, count] : counts) {
        const auto [place, sign] = hashed_.PlaceOf(token);
        sums[place] += sign * weighting_.Value(count);
      }
      Sparse row(sums.begin(), sums.end());
      Normalise(weighting_.norm, row);
      return row;
    };
    AppendColumns(AsTexts(column), names, weighting_.type(), read, out);
    return Status::Ok();
  }

 private:
  static constexpr int32_t kHashColumns = 256;

  explicit HashedTokens(const Json& spec) : ColumnOperation(spec) {}

  TokenRules tokens_;
  HashedColumns hashed_;
  Weighting weighting_;
};

}  // namespace

Result<std::unique_ptr<Operation>> MakeBagOfWords(const Json& spec) {
  return TokenColumns::Make(spec, "bag_of_words", false);
}
Result<std::unique_ptr<Operation>> MakeHashText(const Json& spec) {
  return HashedTokens::Make(spec);
}
Result<std::unique_ptr<Operation>> MakeTfIdf(const Json& spec) {
  return TokenColumns::Make(spec, "tf_idf", true);
}

}  // namespace penstock
