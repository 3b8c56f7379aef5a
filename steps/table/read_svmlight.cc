// SVMlight's format, as SVMlight, LIBSVM, XGBoost and scikit-learn write it: a line a row,
// "label index:value index:value … # comment", with "qid:id" after the label for ranking.

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/text.h"
#include "steps/table/mapped_file.h"
#include "steps/table/read_internal.h"

namespace penstock::reading {
namespace {

// Rows are dense in tables, so a block of very many columns would not fit into memory.
constexpr int64_t kMaxFeatures = 32'768;

// Walks lines with something in them.
class SvmLightScanner {
 public:
  explicit SvmLightScanner(std::string_view bytes) : bytes_(bytes) {
    if (bytes_.substr(0, 3) == "\xEF\xBB\xBF") at_ = 3;
  }

  // False at the end.
  bool Next() {
    while (at_ < bytes_.size()) {
      const std::size_t end = std::min(bytes_.find('\n', at_), bytes_.size());
      std::string_view line = bytes_.substr(at_, end - at_);
      at_ = end + 1;
      ++line_;
      line = Trim(line.substr(0, line.find('#')));
      if (line.empty()) continue;
      rest_ = line;
      label_ = Word();
      qid_ = {};
      if (rest_.substr(0, 4) == "qid:") qid_ = Word().substr(4);
      field_ = 1;
      return true;
    }
    return false;
  }

  // The row's next feature, or nullopt at its end. kInvalidArgument for what is none.
  struct Feature {
    int64_t index;
    double value;
  };
  Result<std::optional<Feature>> NextFeature() {
    if (rest_.empty()) return std::optional<Feature>();
    const std::string_view word = Word();
    ++field_;
    Feature feature{};
    const std::size_t colon = word.find(':');
    const std::string_view digits = word.substr(0, colon);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), feature.index);
    const bool is_index = colon != std::string_view::npos && error == std::errc() &&
                          end == digits.data() + digits.size() && feature.index >= 0;
    const std::optional<double> value =
        is_index ? ParseNumber(word.substr(colon + 1)) : std::nullopt;
    if (!value) {
      return InvalidArgument("\"" + TruncateUtf8(word, 64) +
                             "\" is no index:value; write a number on both sides of the colon");
    }
    if (feature.index > kMaxFeatures) {
      return InvalidArgument("feature " + std::to_string(feature.index) + ": at most " +
                             std::to_string(kMaxFeatures) + " features can be read");
    }
    feature.value = *value;
    return std::optional<Feature>(feature);
  }

  std::string_view label() const { return label_; }
  std::optional<std::string_view> qid() const { return qid_; }
  int64_t line() const { return line_; }
  int64_t field() const { return field_; }  // from 1, the label
  std::size_t offset() const { return std::min(at_, bytes_.size()); }

 private:
  static bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

  std::string_view Word() {
    std::size_t end = 0;
    while (end < rest_.size() && !IsBlank(rest_[end])) ++end;
    const std::string_view word = rest_.substr(0, end);
    while (end < rest_.size() && IsBlank(rest_[end])) ++end;
    rest_.remove_prefix(end);
    return word;
  }

  std::string_view bytes_;
  std::size_t at_ = 0;
  int64_t line_ = 0;
  std::string_view rest_;
  std::string_view label_;
  std::optional<std::string_view> qid_;
  int64_t field_ = 1;
};

class SvmLightReader : public FileReader {
 public:
  explicit SvmLightReader(const Request& request) : request_(request) {}

  Status LookAt();
  std::optional<Features> features() const override { return features_; }
  Status SetFeatures(Features features) override;
  Status Read(RowWriter& writer) override;

 private:
  void AddColumn(std::size_t position, const std::string& name, bool is_text);
  Status At(const SvmLightScanner& scanner, const std::string& message) const {
    return InvalidArgument(part.display_name + ": line " + std::to_string(scanner.line()) +
                           ", column " + std::to_string(scanner.field()) + ": " + message);
  }
  Status ReadRow(SvmLightScanner& scanner, RowWriter& writer);

  const Request& request_;
  bool has_qid_ = false;
  Features features_;
  std::vector<double> values_;  // of a row, by feature
  std::vector<int64_t> row_of_;
  int64_t row_ = 0;
};

// Finds out which features there are; the rows themselves are checked when they are read.
Status SvmLightReader::LookAt() {
  PENSTOCK_ASSIGN_OR_RETURN(const MappedFile file, MappedFile::Open(part.path, part.display_name));
  SvmLightScanner scanner(file.bytes());
  int64_t least = 1;
  int64_t most = 0;
  int64_t rows = 0;
  for (; scanner.Next(); ++rows) {
    if (rows == 0) has_qid_ = scanner.qid().has_value();
    if (rows % 4'096 == 0) {
      if (request_.IsCancelled()) return Cancelled("cancelled");
      file.Forget(scanner.offset());
    }
    while (true) {
      const auto feature = scanner.NextFeature();
      if (!feature.ok()) return At(scanner, feature.status().message());
      if (!*feature) break;
      least = std::min(least, (*feature)->index);
      most = std::max(most, (*feature)->index);
    }
  }
  if (rows == 0) {
    return InvalidArgument(part.display_name + ": line 1, column 1: the file is empty");
  }
  // A model's features are there even where no row names them.
  if (request_.options.columns.empty()) {
    for (const std::vector<std::string>* names : {&request_.wanted, &request_.optional}) {
      for (const std::string& name : *names) {
        if (name.size() < 2 || name[0] != 'f') continue;
        int64_t index = 0;
        const auto [end, error] =
            std::from_chars(name.data() + 1, name.data() + name.size(), index);
        if (error != std::errc() || end != name.data() + name.size() || index < 0 ||
            index > kMaxFeatures) {
          continue;
        }
        least = std::min(least, index);
        most = std::max(most, index);
      }
    }
  }
  features_ = {least, most + 1};
  return Status::Ok();
}

void SvmLightReader::AddColumn(std::size_t position, const std::string& name, bool is_text) {
  part.names.push_back(name);
  if (!request_.Wants(name)) return;
  FileColumn column;
  column.position = position;
  column.info.name = name;
  column.info.kind =
      request_.KindOf(name).value_or(is_text ? ColumnKind::kId : ColumnKind::kNumeric);
  column.info.type =
      column.info.kind == ColumnKind::kNumeric ? ColumnType::kDouble : ColumnType::kString;
  columns.push_back(std::move(column));
}

Status SvmLightReader::SetFeatures(Features features) {
  features_ = features;
  const std::size_t fixed = has_qid_ ? 2 : 1;
  std::size_t count = static_cast<std::size_t>(features.end - features.first);
  std::vector<std::string> names;
  for (const ColumnSpec& spec : request_.options.columns) names.push_back(spec.name);
  if (names.empty()) {
    names.emplace_back("label");
    if (has_qid_) names.emplace_back("qid");
    for (int64_t i = features.first; i < features.end; ++i) {
      names.push_back("f" + std::to_string(i));
    }
  } else if (names.size() < fixed + count) {
    return InvalidArgument(
        part.display_name + ": read.columns names " + std::to_string(names.size()) +
        " columns, the rows have " + std::to_string(fixed + count) + ": the label" +
        (has_qid_ ? ", qid" : "") + " and features " + std::to_string(features.first) + " to " +
        std::to_string(features.end - 1));
  }
  features_.end = features.first + static_cast<int64_t>(names.size() - fixed);
  part.names.clear();
  columns.clear();
  for (std::size_t i = 0; i < names.size(); ++i) {
    AddColumn(i, names[i], has_qid_ && i == 1);
  }
  count = names.size() - fixed;
  values_.assign(count, 0);
  row_of_.assign(count, -1);
  return CheckWanted(request_, part.names, part.display_name);
}

Status SvmLightReader::ReadRow(SvmLightScanner& scanner, RowWriter& writer) {
  if (scanner.qid().has_value() != has_qid_) {
    return At(scanner, has_qid_ ? "the line has no qid, the first one has"
                                : "the line has a qid, the first one has none");
  }
  ++row_;
  while (true) {
    const auto feature = scanner.NextFeature();
    if (!feature.ok()) return At(scanner, feature.status().message());
    if (!*feature) break;
    const auto index = static_cast<std::size_t>((*feature)->index - features_.first);
    if (index >= values_.size()) return At(scanner, "the file changed while it was read");
    if (row_of_[index] == row_) {
      return At(scanner, "the line has feature " + std::to_string((*feature)->index) + " twice");
    }
    row_of_[index] = row_;
    values_[index] = (*feature)->value;
  }
  const std::size_t fixed = has_qid_ ? 2 : 1;
  for (std::size_t j = 0; j < columns.size(); ++j) {
    const std::size_t position = columns[j].position;
    if (position < fixed) {
      const std::string_view text = position == 0 ? scanner.label() : *scanner.qid();
      if (!IsUtf8(text)) return At(scanner, "the label is not UTF-8; name its read.encoding");
      writer.column(j).AppendText(text);
    } else {
      const std::size_t index = position - fixed;
      writer.column(j).AppendNumber(row_of_[index] == row_ ? values_[index] : 0);
    }
  }
  return writer.EndRow();
}

Status SvmLightReader::Read(RowWriter& writer) {
  PENSTOCK_ASSIGN_OR_RETURN(const MappedFile file, MappedFile::Open(part.path, part.display_name));
  SvmLightScanner scanner(file.bytes());
  const int64_t limit = request_.table_options.max_rows;
  for (int64_t row = 0; (limit == 0 || row < limit) && scanner.Next(); ++row) {
    if (row % 1'024 == 0) {
      if (request_.IsCancelled()) return Cancelled("cancelled");
      file.Forget(scanner.offset());
    }
    const Status status = ReadRow(scanner, writer);
    if (!writer.contradicted().empty()) return Status::Ok();
    if (const auto& bad = writer.bad()) {
      return InvalidArgument(part.display_name + ": line " + std::to_string(scanner.line()) +
                             ", column 1: the label \"" + bad->text +
                             "\" is not a number; give the column kind: categorical");
    }
    PENSTOCK_RETURN_IF_ERROR(status);
  }
  return Status::Ok();
}

}  // namespace

Result<std::unique_ptr<FileReader>> LookAtSvmLight(const std::filesystem::path& path,
                                                   const std::string& display_name,
                                                   const Request& request) {
  auto reader = std::make_unique<SvmLightReader>(request);
  reader->part.path = path;
  reader->part.display_name = display_name;
  PENSTOCK_RETURN_IF_ERROR(reader->LookAt());
  return std::unique_ptr<FileReader>(std::move(reader));
}

}  // namespace penstock::reading
