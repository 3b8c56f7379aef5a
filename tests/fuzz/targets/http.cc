// Bytes on an HTTP connection, as anybody may send them: requests, one after the other, good or
// not. The server answers in HTTP, refuses in words, and goes on serving.

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/loopback.h"

namespace penstock::fuzz {

int FuzzHttp(std::string_view bytes) {
  // Writes where it is told to.
  if (bytes.find("Backup") != std::string_view::npos) return -1;
  Loopback& server = Loopback::Get();
  const std::string answer = server.Exchange(bytes);
  // After HEAD a body that is promised does not come, and what follows is no part of it.
  const bool bodies = bytes.find("HEAD") == std::string_view::npos;
  if (const HttpAnswer first = ParseAnswer(answer); bodies) ExpectReadable(first);
  server.ExpectAlive();
  return 0;
}

}  // namespace penstock::fuzz
