#ifndef PENSTOCK_STEPS_PROCESS_SENSITIVE_H_
#define PENSTOCK_STEPS_PROCESS_SENSITIVE_H_

// Columns whose names say that they hold what people must not be judged by, in most laws: sex,
// race, religion and the like. Names alone are judged. Pure functions.

#include <string>
#include <string_view>
#include <vector>

namespace penstock {

// Patterns of words (globs): "sex", "ethnic*", "native country".
const std::vector<std::string>& SensitiveNames();

// Whether a name has the words of one of `patterns`, one after the other. Words are what stands
// between other characters than letters and digits, and between a small letter and a capital one,
// whatever the case: "marital-status", "MaritalStatus" and "applicant_marital_status" all have
// "marital *".
bool HasWords(std::string_view name, const std::vector<std::string>& patterns);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_PROCESS_SENSITIVE_H_
