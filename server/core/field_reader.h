#ifndef PENSTOCK_SERVER_CORE_FIELD_READER_H_
#define PENSTOCK_SERVER_CORE_FIELD_READER_H_

// Reads the members of a document's object, noting each thing that is wrong with its path. A member
// that is absent or wrong leaves the caller's value as it is. Keys that nobody asked for are
// reported by Finish. Pure.

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/status.h"

namespace penstock {

class FieldReader {
 public:
  // `object` may be of any kind: anything but an object (or null, for none) is a problem.
  FieldReader(const Json& object, std::string path, std::vector<Problem>& problems);

  bool Has(const std::string& key) const;
  // The member, or null; marks the key as known.
  const Json& Get(const std::string& key);
  std::string PathOf(const std::string& key) const;
  void Wrong(const std::string& key, std::string message);

  void String(const std::string& key, std::string& value);
  void Bool(const std::string& key, bool& value);
  // An integer in [minimum, maximum].
  void Int(const std::string& key, int64_t minimum, int64_t maximum, int64_t& value);
  void Number(const std::string& key, double minimum, double maximum, double& value);
  void OptionalNumber(const std::string& key, std::optional<double>& value);
  void Duration(const std::string& key, Micros& value);
  void Size(const std::string& key, int64_t& value);
  void Strings(const std::string& key, std::vector<std::string>& values);
  void StringMap(const std::string& key, std::map<std::string, std::string>& values);

  // Unknown keys become problems that name the nearest known one. `x-*` keys are passed over.
  void Finish();

  const std::string& path() const { return path_; }

 private:
  // The member if it is there and not null.
  const Json* Take(const std::string& key);
  void Kind(const std::string& key, std::string_view wanted, const Json& value);

  const Json& object_;
  const std::string path_;
  std::vector<Problem>& problems_;
  std::set<std::string> known_;
};

}  // namespace penstock

#endif  // PENSTOCK_SERVER_CORE_FIELD_READER_H_
