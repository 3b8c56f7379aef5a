#ifndef PENSTOCK_STEPS_XGB_UBJSON_H_
#define PENSTOCK_STEPS_XGB_UBJSON_H_

// Whether bytes are a whole document in Universal Binary JSON (draft 12), in the dialect that
// XGBoost writes. XGBoost 1.7's own reader trusts lengths and counts: it reads beyond the end of a
// file that was cut short. So a model is walked through before it is handed over.

#include <string_view>

#include "base/status.h"

namespace penstock::xgb {

// kDataLoss with the offset at which the document breaks off. Linear in the size, without copies.
Status CheckUbjson(std::string_view bytes);

}  // namespace penstock::xgb

#endif  // PENSTOCK_STEPS_XGB_UBJSON_H_
