#ifndef PENSTOCK_BASE_RESULT_H_
#define PENSTOCK_BASE_RESULT_H_

// A value, or the Status that says why there is none.
//
//   Result<int> Parse(std::string_view text);
//   PENSTOCK_ASSIGN_OR_RETURN(int n, Parse("12"));

#include <optional>
#include <utility>

#include "base/check.h"
#include "base/status.h"

namespace penstock {

template <typename T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result(T value) : value_(std::move(value)) {}  // NOLINT(google-explicit-constructor)
  // `status` must not be OK.
  Result(Status status) : status_(std::move(status)) {  // NOLINT(google-explicit-constructor)
    PENSTOCK_CHECK(!status_.ok());
  }

  bool ok() const { return value_.has_value(); }
  const Status& status() const { return status_; }

  // The value; aborts where there is none.
  T& value() & {
    PENSTOCK_CHECK(ok());
    return *value_;
  }
  const T& value() const& {
    PENSTOCK_CHECK(ok());
    return *value_;
  }
  T&& value() && {
    PENSTOCK_CHECK(ok());
    return *std::move(value_);
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  T value_or(T other) const& { return ok() ? *value_ : std::move(other); }

 private:
  Status status_;
  std::optional<T> value_;
};

#define PENSTOCK_CONCAT_INNER(a, b) a##b
#define PENSTOCK_CONCAT(a, b) PENSTOCK_CONCAT_INNER(a, b)

// Declares `lhs` as the value of `expr`, or returns its Status from the enclosing function.
#define PENSTOCK_ASSIGN_OR_RETURN(lhs, expr) \
  PENSTOCK_ASSIGN_OR_RETURN_IMPL(PENSTOCK_CONCAT(_result_, __LINE__), lhs, expr)
#define PENSTOCK_ASSIGN_OR_RETURN_IMPL(result, lhs, expr) \
  auto result = (expr);                                   \
  if (!result.ok()) return result.status();               \
  lhs = std::move(result).value()

}  // namespace penstock

#endif  // PENSTOCK_BASE_RESULT_H_
