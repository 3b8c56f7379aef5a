#include "server/rpc/tls.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <set>

#include "base/file.h"
#include "base/unfinished_writes.h"

namespace penstock {
namespace {

constexpr long kValidSeconds = 10L * 365 * 24 * 3600;

template <typename T, void (*Free)(T*)>
struct Deleter {
  void operator()(T* object) const { Free(object); }
};
void FreeBio(BIO* bio) {
  BIO_free_all(bio);
}
using X509Ptr = std::unique_ptr<X509, Deleter<X509, X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY, EVP_PKEY_free>>;
using BioPtr = std::unique_ptr<BIO, Deleter<BIO, FreeBio>>;
using ExtensionPtr = std::unique_ptr<X509_EXTENSION, Deleter<X509_EXTENSION, X509_EXTENSION_free>>;

Status OpenSslStatus(const std::string& what) {
  const unsigned long error = ERR_get_error();
  ERR_clear_error();
  const char* reason = error == 0 ? nullptr : ERR_reason_error_string(error);
  return Internal(what + ": " + (reason == nullptr ? "OpenSSL failed" : reason));
}

std::string ToPem(BIO* bio) {
  char* data = nullptr;
  const long length = BIO_get_mem_data(bio, &data);
  return std::string(data, static_cast<std::size_t>(length));
}

X509Ptr ParseCertificate(const std::string& pem) {
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return X509Ptr(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
}

KeyPtr ParseKey(const std::string& pem) {
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  // The empty password: an encrypted key is an error, not a question on the terminal.
  char none[] = "";
  return KeyPtr(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, none));
}

std::string Fingerprint(X509* certificate) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  X509_digest(certificate, EVP_sha256(), digest, &length);
  std::string text;
  for (unsigned int i = 0; i < length; ++i) {
    constexpr char kHex[] = "0123456789ABCDEF";
    if (i > 0) text += ':';
    text += kHex[digest[i] >> 4];
    text += kHex[digest[i] & 15];
  }
  return text;
}

bool IsIpAddress(const std::string& text) {
  in6_addr buffer{};
  return inet_pton(AF_INET, text.c_str(), &buffer) == 1 ||
         inet_pton(AF_INET6, text.c_str(), &buffer) == 1;
}

std::set<std::string> LocalNames() {
  std::set<std::string> names{"localhost", "127.0.0.1", "::1"};
  char host[256] = {};
  if (gethostname(host, sizeof(host) - 1) == 0 && host[0] != '\0') names.insert(host);
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return names;
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr) continue;
    char text[INET6_ADDRSTRLEN] = {};
    if (entry->ifa_addr->sa_family == AF_INET) {
      inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(entry->ifa_addr)->sin_addr, text,
                sizeof(text));
    } else if (entry->ifa_addr->sa_family == AF_INET6) {
      inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(entry->ifa_addr)->sin6_addr, text,
                sizeof(text));
    }
    if (text[0] != '\0') names.insert(text);
  }
  freeifaddrs(list);
  return names;
}

// "DNS:localhost,IP:127.0.0.1"; names that would break the list's syntax are left out.
std::string SubjectAlternatives(const std::vector<std::string>& hosts) {
  std::set<std::string> names = LocalNames();
  for (const std::string& host : hosts) {
    if (host != "0.0.0.0" && host != "::") names.insert(host);
  }
  std::string text;
  for (const std::string& name : names) {
    if (name.empty() || name.find_first_of(", :=\n") != std::string::npos) {
      if (!IsIpAddress(name)) continue;
    }
    if (!text.empty()) text += ',';
    text += (IsIpAddress(name) ? "IP:" : "DNS:") + name;
  }
  return text;
}

bool AddExtension(X509* certificate, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  const ExtensionPtr extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

Result<X509Ptr> MakeCertificate(EVP_PKEY* key, const std::string& alternatives) {
  X509Ptr certificate(X509_new());
  unsigned char serial[16];
  if (!certificate || RAND_bytes(serial, sizeof(serial)) != 1) {
    return OpenSslStatus("making a certificate");
  }
  serial[0] &= 0x7f;
  BIGNUM* number = BN_bin2bn(serial, sizeof(serial), nullptr);
  BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate.get()));
  BN_free(number);
  X509_set_version(certificate.get(), 2);
  // An hour back, for clocks that differ a little.
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), kValidSeconds);
  X509_set_pubkey(certificate.get(), key);
  X509_NAME* name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("penstockd"), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  // It is its own root: clients trust this one certificate.
  const bool ok =
      AddExtension(certificate.get(), NID_basic_constraints, "critical,CA:TRUE") &&
      AddExtension(certificate.get(), NID_key_usage, "critical,digitalSignature,keyCertSign") &&
      AddExtension(certificate.get(), NID_ext_key_usage, "serverAuth") &&
      AddExtension(certificate.get(), NID_subject_alt_name, alternatives) &&
      X509_sign(certificate.get(), key, EVP_sha256()) != 0;
  if (!ok) return OpenSslStatus("making a certificate");
  return certificate;
}

Status MakeIdentity(const std::string& folder, const std::string& cert_path,
                    const std::string& key_path, const std::vector<std::string>& hosts) {
  PENSTOCK_RETURN_IF_ERROR(MakeFolders(folder));
  PENSTOCK_RETURN_IF_ERROR(RemoveUnfinishedWrites(folder));
  std::error_code error;
  std::filesystem::permissions(folder, std::filesystem::perms::owner_all, error);
  const KeyPtr key(EVP_EC_gen("P-256"));
  if (!key) return OpenSslStatus("making a key");
  PENSTOCK_ASSIGN_OR_RETURN(const X509Ptr certificate,
                            MakeCertificate(key.get(), SubjectAlternatives(hosts)));
  const BioPtr cert_bio(BIO_new(BIO_s_mem()));
  const BioPtr key_bio(BIO_new(BIO_s_mem()));
  const bool ok = PEM_write_bio_X509(cert_bio.get(), certificate.get()) == 1 &&
                  PEM_write_bio_PKCS8PrivateKey(key_bio.get(), key.get(), nullptr, nullptr, 0,
                                                nullptr, nullptr) == 1;
  if (!ok) return OpenSslStatus("writing a certificate");
  // The key first: a certificate without its key would look complete.
  PENSTOCK_RETURN_IF_ERROR(WriteFileAtomic(key_path, ToPem(key_bio.get()), 0600));
  return WriteFileAtomic(cert_path, ToPem(cert_bio.get()), 0644);
}

}  // namespace

Result<TlsIdentity> LoadTlsIdentity(const std::string& cert_path, const std::string& key_path) {
  TlsIdentity identity{cert_path, key_path, {}, {}, {}};
  PENSTOCK_ASSIGN_OR_RETURN(identity.cert_pem, ReadFile(cert_path));
  PENSTOCK_ASSIGN_OR_RETURN(identity.key_pem, ReadFile(key_path));
  const X509Ptr certificate = ParseCertificate(identity.cert_pem);
  const KeyPtr key = ParseKey(identity.key_pem);
  ERR_clear_error();
  if (!certificate) return InvalidArgument(cert_path + ": holds no certificate in PEM");
  if (!key) return InvalidArgument(key_path + ": holds no unencrypted private key in PEM");
  if (X509_check_private_key(certificate.get(), key.get()) != 1) {
    ERR_clear_error();
    return InvalidArgument(key_path + ": is not the key of the certificate in " + cert_path);
  }
  identity.fingerprint = Fingerprint(certificate.get());
  return identity;
}

Result<TlsIdentity> EnsureTlsIdentity(const std::string& folder,
                                      const std::vector<std::string>& hosts) {
  const std::string cert_path = folder + "/server.crt";
  const std::string key_path = folder + "/server.key";
  std::error_code error;
  if (!std::filesystem::exists(cert_path, error)) {
    PENSTOCK_RETURN_IF_ERROR(MakeIdentity(folder, cert_path, key_path, hosts));
  }
  return LoadTlsIdentity(cert_path, key_path);
}

}  // namespace penstock
