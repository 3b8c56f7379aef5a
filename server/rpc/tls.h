#ifndef PENSTOCK_SERVER_RPC_TLS_H_
#define PENSTOCK_SERVER_RPC_TLS_H_

// The server's certificate: given as files, or made at the first start.

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace penstock {

struct TlsIdentity {
  std::string cert_path;
  std::string key_path;
  std::string cert_pem;  // with its chain
  std::string key_pem;
  std::string fingerprint;  // SHA-256 of the certificate: "AB:CD:…"
};

// kNotFound, kInvalidArgument: a file that cannot be read, is no PEM, or a key that is not the
// certificate's.
Result<TlsIdentity> LoadTlsIdentity(const std::string& cert_path, const std::string& key_path);

// The identity in `folder` (server.crt, server.key of mode 0600); made there where it is missing:
// EC P-256, ten years, for localhost, 127.0.0.1, ::1, this machine's names and addresses, and
// `hosts`.
Result<TlsIdentity> EnsureTlsIdentity(const std::string& folder,
                                      const std::vector<std::string>& hosts);

}  // namespace penstock

#endif  // PENSTOCK_SERVER_RPC_TLS_H_
