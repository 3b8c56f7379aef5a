#ifndef PENSTOCK_STORAGE_METADATA_ENCODING_H_
#define PENSTOCK_STORAGE_METADATA_ENCODING_H_

// Records as the JSON that columns hold. Decoding is lenient: it reads what this program wrote.

#include <map>
#include <string>

#include "base/json.h"
#include "storage/model/records.h"

namespace penstock {

Json EncodeArtifactRef(const ArtifactRef& ref);
ArtifactRef DecodeArtifactRef(const Json& json);

// A NaN is written as null and read back as NaN.
Json EncodeMetrics(const std::map<std::string, double>& metrics);
std::map<std::string, double> DecodeMetrics(const Json& json);

// Empty text for an empty result.
std::string EncodeStepResult(const StepResult& result);
StepResult DecodeStepResult(const std::string& text);

std::string EncodeOrigin(const RunRecord::Origin& origin);
RunRecord::Origin DecodeOrigin(const std::string& text);
// "true", a list of step names, or nothing.
std::string EncodeNoCache(const RunRecord& run);
void DecodeNoCache(const std::string& text, RunRecord& run);

std::string EncodeWorkerInfo(const WorkerInfo& info);
WorkerInfo DecodeWorkerInfo(const std::string& text);

// Empty where there are none.
std::string EncodeWorkerOrders(const WorkerOrders& orders);
WorkerOrders DecodeWorkerOrders(const std::string& text);

std::string EncodeTags(const std::map<std::string, std::string>& tags);
std::map<std::string, std::string> DecodeTags(const std::string& text);

}  // namespace penstock

#endif  // PENSTOCK_STORAGE_METADATA_ENCODING_H_
