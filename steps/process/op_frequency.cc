// frequency and hash: categories as numbers whose count does not grow with that of the categories.
// frequency: how often a value occurs in the training rows (with `as: share`, among those that have
// a value, as pandas' value_counts(normalize=True)). hash: feature hashing (Weinberger et al.,
// 2009): value v adds ±1 to column h(v) mod n; h and the sign are parts of HashText (hashing.h),
// and so the same on every machine. Both O(rows) a column; hash writes n columns.

#include <algorithm>
#include <utility>

#include "steps/process/categories.h"
#include "steps/process/column_operation.h"
#include "steps/process/hashed_columns.h"
#include "steps/process/learn.h"
#include "steps/process/makers.h"

namespace penstock {
namespace {

constexpr int64_t kMostValues = 1'000'000;

struct Frequencies {
  Categories values;
  std::vector<int64_t> counts;
};

class Frequency : public ColumnOperation<Frequencies> {
 public:
  static Result<std::unique_ptr<Operation>> Make(const Json& spec) {
    auto op = std::unique_ptr<Frequency>(new Frequency(spec));
    const std::string as = JsonString(spec, "as", "share");
    if (as != "share" && as != "count") {
      return InvalidArgument("frequency: as must be share or count, not \"" + as + "\"");
    }
    op->share_ = as == "share";
    PENSTOCK_RETURN_IF_ERROR(op->Restore());
    return std::unique_ptr<Operation>(std::move(op));
  }

 protected:
  Status Learn(const FitData& data, const std::vector<std::string>& names,
               std::vector<Frequencies>& fitted) override {
    PENSTOCK_ASSIGN_OR_RETURN(
        const std::vector<TextCounts> counts,
        LearnTexts(data, names, kMostValues, "frequency", "drop it, or use hash"));
    for (std::size_t i = 0; i < names.size(); ++i) {
      for (const auto& [text, count] : counts[i]) {
        fitted[i].values.push_back(text);
        fitted[i].counts.push_back(count);
      }
    }
    return Status::Ok();
  }

  Json FittedToJson(const Frequencies& fitted) const override {
    return {{"values", fitted.values}, {"counts", fitted.counts}};
  }
  Result<Frequencies> FittedFromJson(const Json& json) const override {
    Frequencies fitted{TextList(JsonMember(json, "values")), {}};
    for (const Json& count : JsonMember(json, "counts")) {
      if (!count.is_number_integer() || count < 1 || count > int64_t{1} << 53) {
        return InvalidArgument("frequency: a count is a whole number from 1");
      }
      fitted.counts.push_back(count.get<int64_t>());
    }
    if (fitted.counts.size() != fitted.values.size()) {
      return InvalidArgument("frequency: each value has one count");
    }
    return fitted;
  }

  Status Change(Column&& column, const Frequencies& fitted, const AppliedRows&,
                std::vector<Column>& out) const override {
    double present = 0;
    for (const int64_t count : fitted.counts) present += static_cast<double>(count);
    const StringValues values = AsTexts(column);
    std::vector<double> of_code;
    for (const int32_t index : IndexOf(values.dictionary, fitted.values)) {
      const double count =
          index < 0 ? 0 : static_cast<double>(fitted.counts[static_cast<std::size_t>(index)]);
      of_code.push_back(share_ && count > 0 ? count / present : count);
    }
    std::vector<double> numbers;
    numbers.reserve(values.codes.size());
    for (const int32_t code : values.codes) {
      numbers.push_back(code < 0 ? kMissing : of_code[static_cast<std::size_t>(code)]);
    }
    out.push_back(MakeNumberColumn(column.info.name, std::move(numbers),
                                   share_ ? ColumnType::kDouble : ColumnType::kInteger));
    return Status::Ok();
  }

 private:
  explicit Frequency(const Json& spec) : ColumnOperation(spec) {}

  bool share_ = true;
};

class Hash : public ColumnOperation<std::monostate> {
 public:
  static Result<std::unique_ptr<Operation>> Make(const Json& spec) {
    PENSTOCK_ASSIGN_OR_RETURN(const HashedColumns hashed,
                              HashedColumns::FromJson(spec, "hash", kHashColumns));
    auto op = std::unique_ptr<Hash>(new Hash(spec, hashed));
    PENSTOCK_RETURN_IF_ERROR(op->Restore());
    return std::unique_ptr<Operation>(std::move(op));
  }

 protected:
  Status Learn(const FitData&, const std::vector<std::string>&,
               std::vector<std::monostate>&) override {
    return Status::Ok();
  }

  Status Change(Column&& column, const std::monostate&, const AppliedRows&,
                std::vector<Column>& out) const override {
    const StringValues values = AsTexts(column);
    std::vector<HashedColumns::Place> places;
    for (const std::string& text : values.dictionary) places.push_back(hashed_.PlaceOf(text));
    const std::size_t first = out.size();
    for (int32_t i = 0; i < hashed_.columns(); ++i) {
      out.push_back(MakeNumberColumn(HashedColumns::NameOf(column.info.name, i),
                                     std::vector<double>(values.codes.size()),
                                     ColumnType::kInteger));
    }
    for (std::size_t i = 0; i < values.codes.size(); ++i) {
      if (values.missing(i)) continue;
      const auto& [place, sign] = places[static_cast<std::size_t>(values.codes[i])];
      out[first + static_cast<std::size_t>(place)].numbers[i] = sign;
    }
    return Status::Ok();
  }

 private:
  static constexpr int32_t kHashColumns = 16;

  Hash(const Json& spec, const HashedColumns& hashed) : ColumnOperation(spec), hashed_(hashed) {}

  HashedColumns hashed_;
};

}  // namespace

Result<std::unique_ptr<Operation>> MakeFrequency(const Json& spec) {
  return Frequency::Make(spec);
}
Result<std::unique_ptr<Operation>> MakeHash(const Json& spec) {
  return Hash::Make(spec);
}

}  // namespace penstock
