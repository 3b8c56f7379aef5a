#include "steps/xgb/ubjson.h"

#include <cstdint>
#include <string>

namespace penstock::xgb {
namespace {

constexpr int kMaxDepth = 32;

class Walker {
 public:
  explicit Walker(std::string_view bytes) : bytes_(bytes) {}

  bool Value(int depth) {
    char marker = 0;
    return Byte(&marker) && ValueOf(marker, depth);
  }
  bool done() const { return at_ == bytes_.size(); }
  std::size_t at() const { return at_; }

 private:
  bool Byte(char* byte) {
    if (at_ >= bytes_.size()) return false;
    *byte = bytes_[at_++];
    return true;
  }

  bool Pass(uint64_t size) {
    if (size > bytes_.size() - at_) return false;
    at_ += size;
    return true;
  }

  // Bytes of a number of this type; 0: it is none.
  static uint64_t SizeOf(char marker) {
    switch (marker) {
      case 'i':
      case 'U':
        return 1;
      case 'I':
        return 2;
      case 'l':
      case 'd':
        return 4;
      case 'L':
      case 'D':
        return 8;
      default:
        return 0;
    }
  }

  // A length: an integer with its marker, big-endian, not negative.
  bool Length(uint64_t* length) {
    char marker = 0;
    if (!Byte(&marker)) return false;
    const uint64_t size = SizeOf(marker);
    if (size == 0 || marker == 'd' || marker == 'D' || size > bytes_.size() - at_) return false;
    uint64_t value = 0;
    for (uint64_t i = 0; i < size; ++i) {
      value = value << 8 | static_cast<unsigned char>(bytes_[at_++]);
    }
    if (marker != 'U' && value >> (8 * size - 1) != 0) return false;
    *length = value;
    return true;
  }

  bool Text() {
    uint64_t length = 0;
    return Length(&length) && Pass(length);
  }

  bool ValueOf(char marker, int depth) {
    if (depth > kMaxDepth) return false;
    if (const uint64_t size = SizeOf(marker); size > 0) return Pass(size);
    switch (marker) {
      case 'Z':
      case 'T':
      case 'F':
        return true;
      case 'C':
        return Pass(1);
      case 'S':
        return Text();
      case '{':
        return Object(depth);
      case '[':
        return Array(depth);
      default:
        return false;
    }
  }

  bool Object(int depth) {
    while (at_ < bytes_.size() && bytes_[at_] != '}') {
      if (!Text() || !Value(depth + 1)) return false;
    }
    return Pass(1);
  }

  // "[…]", "[#count…" or, of numbers alone, "[$type#count…".
  bool Array(int depth) {
    char next = at_ < bytes_.size() ? bytes_[at_] : '\0';
    uint64_t count = 0;
    if (next == '$') {
      char type = 0;
      char mark = 0;
      if (!Pass(1) || !Byte(&type) || !Byte(&mark) || mark != '#' || !Length(&count)) return false;
      const uint64_t size = SizeOf(type);
      return size > 0 && count <= bytes_.size() / size && Pass(count * size);
    }
    if (next == '#') {
      if (!Pass(1) || !Length(&count)) return false;
      for (uint64_t i = 0; i < count; ++i) {
        if (!Value(depth + 1)) return false;
      }
      return true;
    }
    while (at_ < bytes_.size() && bytes_[at_] != ']') {
      if (!Value(depth + 1)) return false;
    }
    return Pass(1);
  }

  const std::string_view bytes_;
  std::size_t at_ = 0;
};

}  // namespace

Status CheckUbjson(std::string_view bytes) {
  Walker walker(bytes);
  if (walker.Value(0) && walker.done()) return Status::Ok();
  return DataLoss("the XGBoost model is damaged at byte " + std::to_string(walker.at()) + " of " +
                  std::to_string(bytes.size()));
}

}  // namespace penstock::xgb
