#ifndef PENSTOCK_SERVER_RPC_PAGING_H_
#define PENSTOCK_SERVER_RPC_PAGING_H_

// What the list methods share.

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <charconv>
#include <string>
#include <vector>

#include "server/rpc/page_token.h"

namespace penstock {

// Every field of a list request but its page, as a text that is the same for the same request.
template <typename Request>
std::string FilterText(Request request) {
  request.clear_page();
  std::string text = request.GetTypeName() + "\n";
  {
    google::protobuf::io::StringOutputStream stream(&text);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    request.SerializeToCodedStream(&coded);
  }
  return text;
}

// The page of a request whose lists go on below a row number; 0 for the first page.
struct RowPage {
  int limit = 0;
  int64_t before = 0;
  std::string filter;
};

template <typename Request>
Result<RowPage> ReadRowPage(const Request& request) {
  RowPage row;
  row.filter = FilterText(request);
  PENSTOCK_ASSIGN_OR_RETURN(const Page page, ReadPage(request.page().page_size(),
                                                      request.page().page_token(), row.filter));
  row.limit = page.limit;
  if (page.after.empty()) return row;
  const char* end = page.after.data() + page.after.size();
  const auto [at, error] = std::from_chars(page.after.data(), end, row.before);
  if (error != std::errc() || at != end || row.before <= 0) {
    return InvalidArgument("page.pageToken: not a token of this server", "BAD_PAGE_TOKEN");
  }
  return row;
}

// Lists are asked for one row more than is shown: where it comes, it is dropped and there is a next
// page. Returns whether there is.
template <typename T>
bool DropExtra(std::vector<T>& rows, int limit) {
  if (rows.size() <= static_cast<std::size_t>(limit)) return false;
  rows.resize(static_cast<std::size_t>(limit));
  return true;
}

}  // namespace penstock

#endif  // PENSTOCK_SERVER_RPC_PAGING_H_
