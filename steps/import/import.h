#ifndef PENSTOCK_STEPS_IMPORT_IMPORT_H_
#define PENSTOCK_STEPS_IMPORT_IMPORT_H_

// The step `import`: data from outside into its output `data`. Behind each dataset that is named by
// an address the coordinator puts one; others stand in definitions.
//
//   file:///abs/path           a file or a folder of the worker's machine     file_source.cc
//   https://…, http://…        one file                                       http_source.cc
//   s3://bucket/key, …/prefix/ one object, or a folder of objects             s3_source.cc
//   postgresql://host/db       the rows of a query, as a dataset              postgres_source.cc
//
// Its parameters stand in steps/catalog/import.cc. The agent adds, from its own configuration:
// `roots`, the folders below which files must lie when links are resolved; `sources`, rules of
// storage/model/source_address.h for all else; `ca`, a PEM file of authorities.

#include "base/result.h"
#include "steps/api/step.h"

namespace penstock {

inline constexpr char kImportVersion[] = "1";

// A StepFunction. kNotFound: nothing is there; kPermissionDenied: outside of what the operator
// allows (OUTSIDE_DATA_ROOTS, SOURCE_NOT_ALLOWED, ADDRESS_REFUSED), or the source says no;
// kInvalidArgument: no such address or query, too large (IMPORT_TOO_LARGE), a name that no file can
// have; kUnavailable: the source cannot be reached, or breaks off, after all tries; kCancelled
// within a second. Messages show the address as given, without its query, and no credential.
Result<StepOutcome> RunImport(StepContext& context);

}  // namespace penstock

#endif  // PENSTOCK_STEPS_IMPORT_IMPORT_H_
