#ifndef PENSTOCK_BASE_STRONG_ID_H_
#define PENSTOCK_BASE_STRONG_ID_H_

// A string or number that cannot be mistaken for another one:
//   using RunId = StrongId<struct RunIdTag, std::string>;

#include <compare>
#include <cstddef>
#include <functional>
#include <ostream>
#include <utility>

namespace penstock {

template <typename Tag, typename T>
class StrongId {
 public:
  using value_type = T;

  StrongId() = default;
  explicit StrongId(T value) : value_(std::move(value)) {}

  const T& value() const { return value_; }
  bool empty() const { return value_ == T(); }

  friend auto operator<=>(const StrongId&, const StrongId&) = default;
  friend bool operator==(const StrongId&, const StrongId&) = default;
  friend std::ostream& operator<<(std::ostream& out, const StrongId& id) {
    return out << id.value_;
  }

 private:
  T value_{};
};

}  // namespace penstock

template <typename Tag, typename T>
struct std::hash<penstock::StrongId<Tag, T>> {
  std::size_t operator()(const penstock::StrongId<Tag, T>& id) const noexcept {
    return std::hash<T>()(id.value());
  }
};

#endif  // PENSTOCK_BASE_STRONG_ID_H_
