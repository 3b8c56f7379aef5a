#include "steps/profile/gather.h"

#include <string>
#include <utility>
#include <vector>

#include "steps/profile/columns.h"
#include "steps/profile/correlations.h"
#include "steps/profile/duplicates.h"
#include "steps/profile/hints.h"

namespace penstock {
namespace {

// Name and role of each column that has one.
std::vector<std::pair<std::string, std::string>> Named(const Roles& roles) {
  std::vector<std::pair<std::string, std::string>> named;
  for (const auto& [role, name] :
       {std::pair{"label", &roles.label}, std::pair{"weight", &roles.weight},
        std::pair{"time", &roles.time}, std::pair{"group", &roles.group}}) {
    if (!name->empty()) named.emplace_back(*name, role);
  }
  for (const std::string& name : roles.id) named.emplace_back(name, "id");
  for (const std::string& name : roles.keep) named.emplace_back(name, "keep");
  return named;
}

}  // namespace

Result<Profile> MakeProfile(const Frame& frame, const Roles& roles, const ProfileOptions& options) {
  const auto tell = [&](double fraction, std::string_view note) {
    if (options.progress) options.progress(fraction, note);
  };
  Profile profile;
  profile.rows = frame.rows();
  profile.roles = roles;
  for (const auto& [name, role] : Named(roles)) {
    if (frame.Find(name) != nullptr) continue;
    std::vector<std::string> known;
    for (const ColumnInfo& column : frame.columns()) known.push_back(column.name);
    return InvalidArgument("no column is named \"" + name + "\" (roles." + role + ")" +
                           SuggestColumn(name, known));
  }
  tell(0, "looking at each column");
  PENSTOCK_ASSIGN_OR_RETURN(profile.columns, ProfileColumns(frame, {.max_bins = options.max_bins,
                                                                    .top = options.top,
                                                                    .label = roles.label,
                                                                    .budget = options.budget}));
  for (ColumnProfile& column : profile.columns) {
    profile.missing_cells += column.missing;
    for (const auto& [name, role] : Named(roles)) {
      if (name == column.info.name) column.role = role;
    }
  }
  tell(0.5, "looking for duplicates");
  PENSTOCK_ASSIGN_OR_RETURN(profile.duplicate_rows, CountDuplicates(frame, options.budget));
  tell(0.7, "comparing columns");
  PENSTOCK_RETURN_IF_ERROR(
      Correlate(frame, {.sample = options.sample, .budget = options.budget}, profile));
  profile.hints = FindHints(profile);
  tell(1, "done");
  return profile;
}

}  // namespace penstock
