#ifndef PENSTOCK_SERVER_RPC_PAGE_TOKEN_H_
#define PENSTOCK_SERVER_RPC_PAGE_TOKEN_H_

// Page tokens: where a list goes on, bound to what was asked. Opaque to clients.

#include <string>
#include <string_view>

#include "base/result.h"

namespace penstock {

struct Page {
  int limit = 0;
  std::string after;  // the last key that was shown; empty for the first page
};

// `filter`: every other field of the request, in one text that is the same for the same request.
// kInvalidArgument for a size or a token that cannot be, or a token of another request.
Result<Page> ReadPage(int page_size, std::string_view page_token, std::string_view filter);

// The token of the page after the row with `key`.
std::string MakePageToken(std::string_view key, std::string_view filter);

}  // namespace penstock

#endif  // PENSTOCK_SERVER_RPC_PAGE_TOKEN_H_
