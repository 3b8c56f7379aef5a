#ifndef PENSTOCK_STEPS_PROFILE_HINTS_H_
#define PENSTOCK_STEPS_PROFILE_HINTS_H_

// What a profile makes one look at again. The words are a closed table; steps/README.md has it for
// users:
//
//   NO_ROWS             there are no rows
//   FEW_ROWS            fewer than kRowsPerFeature rows for each feature
//   DUPLICATE_ROWS      rows equal an earlier one in all columns
//   ALL_MISSING         columns without any value
//   CONSTANT            columns with one value in all rows that have one
//   SPARSE              columns of which more than kSparse is missing
//   UNIQUE              features of texts or whole numbers that differ in every row
//   MANY_CATEGORIES     categorical features with more than kMostCategories values
//   INFINITE_VALUES     columns with infinite numbers
//   CORRELATED          pairs of features that say nearly the same: kStrong or more
//   TARGET_LEAKAGE      features that tell the label nearly perfectly on their own
//   MISSING_LABELS      rows without a label
//   ONE_CLASS           a label with one value
//   IMBALANCED_CLASSES  a class with less than kRareClass of the rows
//
// Each comes at most once, with the columns that it is about.

#include <string_view>
#include <vector>

#include "steps/profile/summary.h"

namespace penstock {

inline constexpr std::string_view kHintWords[] = {
    "NO_ROWS",        "FEW_ROWS",       "DUPLICATE_ROWS",  "ALL_MISSING",       "CONSTANT",
    "SPARSE",         "UNIQUE",         "MANY_CATEGORIES", "INFINITE_VALUES",   "CORRELATED",
    "TARGET_LEAKAGE", "MISSING_LABELS", "ONE_CLASS",       "IMBALANCED_CLASSES"};

inline constexpr double kRowsPerFeature = 10;
inline constexpr double kSparse = 0.5;
inline constexpr double kRareClass = 0.1;
// A feature with so much of a measure tells the label nearly perfectly. AUC counts from 0.5.
inline constexpr double kLeakageAuc = 0.98;
inline constexpr double kLeakageShare = 0.95;  // all other measures

// Those of a profile that is complete but for them, the gravest first.
std::vector<Hint> FindHints(const Profile& profile);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_PROFILE_HINTS_H_
