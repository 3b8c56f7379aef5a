#ifndef PENSTOCK_STORAGE_MODEL_SOURCE_ADDRESS_H_
#define PENSTOCK_STORAGE_MODEL_SOURCE_ADDRESS_H_

// Where data outside of the store lie, and which of it an operator lets a worker read. Pure.
//
//   file:///srv/data/a.csv                  a file or folder of the worker's machine (dataRoots)
//   https://data.example/sets/a.csv.gz      also http
//   s3://bucket/key, s3://bucket/prefix/    an object, or all below a prefix; keys are written as
//                                           they are, not percent-encoded
//   postgresql://db.example:5432/sales      a query is given apart
//
// An operator's rule (a worker's dataSources) is such an address, which stands for what lies at or
// below it:
//
//   https://data.example/sets   https://*.example.org   https://data.example:*   https://*
//   s3://bucket/prefix          s3://*                  postgresql://db.example/sales
//
// Without a port a rule means the scheme's own. An S3-compatible store that is named by its
// endpoint is allowed by a rule for ENDPOINT/BUCKET: http://minio.lan:9000/bucket.

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace penstock {

struct SourceAddress {
  std::string scheme;  // "http", "https", "s3" or "postgresql"
  std::string host;    // lower case, an IPv6 address without brackets; of s3 the bucket
  int port = 0;        // the scheme's own where none was given; of s3 0
  std::string path;  // of http(s) with its "/", as it was written; of s3 the key; of postgresql the
                     // database
  std::string query;  // what stands behind "?"; empty for s3
};

// Whether it begins with one of the four schemes.
bool IsRemoteSource(std::string_view text);
// Whether a dataset may be named by it, without more: file:///, http(s) and s3.
bool IsDatasetSource(std::string_view text);

// kInvalidArgument says what is wrong and what to do: no host, user or password in it, a signature
// in its query, a path with "..". Messages never hold user, password or query.
Result<SourceAddress> ParseSourceAddress(std::string_view text);

// The address without user, password, query and fragment: what messages and lists show.
std::string ShownSource(std::string_view text);

// What an import step with these parameters (`uri`, `endpoint`) reads, as rules judge it: the URI
// without its query, or ENDPOINT/BUCKET/KEY. Empty for file: addresses and where a parameter is a
// reference or no address.
std::string SourceToRead(const Json& parameters);

// kInvalidArgument: no rule.
Status CheckSourceRule(const std::string& rule);

// How far a rule lets a connection go, by the network address that a host's name turns out to have.
// The farther ones include the nearer ones.
enum class Reach {
  kNone,      // no rule allows it
  kPublic,    // the internet's: the rule says "*"
  kPrivate,   // and private networks': a bucket of Amazon's, or "*.domain"
  kLoopback,  // and this machine: the rule names the host
  kNamed,     // and link-local ones, where clouds have their metadata: the rule names the address
};

// The farthest of the rules that allow `address`, in SourceToRead's form.
Reach ReachOf(const std::vector<std::string>& rules, std::string_view address);

}  // namespace penstock

#endif  // PENSTOCK_STORAGE_MODEL_SOURCE_ADDRESS_H_
