// The schema of `profile`.

#include "steps/catalog/builtin.h"
#include "steps/catalog/process_schema.h"

namespace penstock {
namespace {

using Kind = ParameterSchema::Kind;

constexpr char kHelp[] =
    "Reads data as `process` does (CSV in any dialect, Parquet, JSON, JSON Lines, folders of such "
    "files, datasets; several are one after the other) and looks at every row. Nothing is changed. "
    "Data may be larger than memory: the step passes over them several times.\n\n"
    "report.json has, for each column: values, missing and distinct ones (exact up to 1,000,000, "
    "then an estimate within about 0.5 %); of numbers mean, standard deviation, quartiles, "
    "percentiles, skewness, kurtosis, zeros, outliers and a histogram; of other columns the most "
    "frequent values and lengths, of dates the first and last. Over columns: Pearson, Spearman, "
    "Cramér's V and the correlation ratio; duplicate rows; the balance of classes; what each "
    "feature alone says of the label. `hints` are what to look at again (TARGET_LEAKAGE, CONSTANT, "
    "FEW_ROWS …), each with its columns and what to do.\n\n"
    "A label of texts, and one of two numbers, is taken for classes; give a label of more numbers "
    "`kind: categorical` in read.columns where they are classes. `page` is the same as one HTML "
    "file, to open in a browser.";

}  // namespace

StepSchema ProfileSchema() {
  StepSchema schema;
  schema.key = "profile";
  schema.version = "1";
  schema.cacheable = true;
  schema.summary = "Says what data are like: figures, plots, correlations, and what is odd.";
  schema.help = kHelp;
  schema.inputs = {{.name = "data",
                    .type = ArtifactType::kDataset,
                    .many = true,
                    .help = "Files, folders or datasets; several are one after the other."}};
  schema.outputs = {{.name = "report",
                     .type = ArtifactType::kReport,
                     .help = "report.json: overview, hints, columns, label and correlations."},
                    {.name = "page",
                     .type = ArtifactType::kFile,
                     .help = "The same as one HTML file that needs nothing else."}};
  schema.metrics = {{"rows", "Rows that were read."},
                    {"columns", "Columns of the data."},
                    {"missing_cells", "Share of all cells without a value, 0 to 1."},
                    {"duplicate_rows", "Rows that equal an earlier one in all columns."},
                    {"warnings", "Hints in the report."}};
  schema.parameters = {
      ReadSchema(),
      RolesSchema(),
      {.name = "max_bins",
       .kind = Kind::kInteger,
       .help = "A histogram has no more bins than these.",
       .default_value = 50,
       .minimum = 1,
       .maximum = 1'000},
      {.name = "top",
       .kind = Kind::kInteger,
       .help = "How many of the most frequent values to list.",
       .default_value = 10,
       .minimum = 1,
       .maximum = 1'000},
      {.name = "sample",
       .kind = Kind::kInteger,
       .help = "Rows, drawn with a fixed seed, for what has to sort: Spearman's correlation, and "
               "what columns say of the label. 0: all rows.",
       .default_value = 100'000,
       .minimum = 0}};
  schema.check = CheckReadAndRoles;
  return schema;
}

}  // namespace penstock
