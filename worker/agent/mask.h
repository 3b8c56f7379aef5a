#ifndef PENSTOCK_WORKER_AGENT_MASK_H_
#define PENSTOCK_WORKER_AGENT_MASK_H_

// Puts *** in place of secrets in what a step prints and reports: of each value of 4 bytes and
// more, as it is, in base64 (also inside longer text, and with the alphabet of URLs), URL-encoded,
// and as in JSON; and of each line of 8 bytes and more of a value that has several.
//
// The automaton of Aho and Corasick (1975): time in proportion to the text, however many secrets
// there are; 24 bytes of memory for each byte of what is looked for. What comes in pieces gives the
// same as in one. A guard against mistakes, not against a program that means to tell.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "worker/runner/protocol.h"

namespace penstock {

// Not thread-safe.
class SecretMask {
 public:
  SecretMask() = default;
  explicit SecretMask(const std::map<std::string, std::string>& secrets);

  // Appends `text` to `out`, masked, but for an end that may be the beginning of a secret: that is
  // kept back until more comes.
  void Append(std::string_view text, std::string& out);
  // Appends what was kept back: nothing more comes.
  void Finish(std::string& out);

  // A text of its own.
  std::string Masked(std::string_view text) const;

 private:
  struct Node {
    int32_t child = -1;    // the first
    int32_t sibling = -1;  // of the same parent, the next
    int32_t fail = 0;      // the longest proper suffix that is in the tree, too
    int32_t depth = 0;
    int32_t match = 0;  // length of the longest pattern that ends here
    unsigned char byte = 0;
  };
  using Tree = std::vector<Node>;

  static void Insert(std::string_view pattern, Tree& tree);
  static void Link(Tree& tree);
  static int32_t Child(const Tree& tree, int32_t node, unsigned char byte);
  void Emit(std::size_t count, std::string& out);

  std::shared_ptr<const Tree> tree_;  // null: nothing to mask
  int32_t at_ = 0;
  std::string kept_;
  std::string marks_;       // of `kept_`: 1 where it is a part of a secret
  bool in_secret_ = false;  // the byte before `kept_` was
};

// Masks the texts of an outcome: message, warnings, report values, names of points and metrics.
void MaskOutcome(const SecretMask& mask, Outcome& outcome);

}  // namespace penstock

#endif  // PENSTOCK_WORKER_AGENT_MASK_H_
