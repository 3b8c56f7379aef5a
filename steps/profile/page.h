#ifndef PENSTOCK_STEPS_PROFILE_PAGE_H_
#define PENSTOCK_STEPS_PROFILE_PAGE_H_

// A profile as one HTML page that needs nothing else: no scripts, no fonts, no pictures from
// elsewhere. Light or dark as the reader's system is, and for phones, too.

#include <cstddef>
#include <string>

#include "steps/profile/summary.h"

namespace penstock {

// Columns beyond these are in the table alone, or in the report alone.
inline constexpr std::size_t kCards = 200;
inline constexpr std::size_t kTableRows = 2'000;
// Columns of a matrix beyond these are in the report alone.
inline constexpr std::size_t kMatrixColumns = 40;

std::string ProfilePage(const Profile& profile);

// Private to the page: the card of one column, and the rules of its looks.
std::string ColumnCard(const Profile& profile, std::size_t position);
extern const char kPageStyle[];

}  // namespace penstock

#endif  // PENSTOCK_STEPS_PROFILE_PAGE_H_
