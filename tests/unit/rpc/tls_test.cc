#include "server/rpc/tls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace penstock {
namespace {

class TlsTest : public testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/penstock-tls-XXXXXX";
    folder_ = mkdtemp(pattern);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string folder_;
};

TEST_F(TlsTest, MakesAnIdentityOnceAndKeepsIt) {
  const auto first = EnsureTlsIdentity(folder_ + "/tls", {"127.0.0.2", "db.example"});
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->fingerprint.size(), 95u);
  struct stat info {};
  ASSERT_EQ(stat(first->key_path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  ASSERT_EQ(stat((folder_ + "/tls").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
  const auto second = EnsureTlsIdentity(folder_ + "/tls", {});
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->fingerprint, first->fingerprint);
  EXPECT_EQ(second->cert_pem, first->cert_pem);
}

TEST_F(TlsTest, TheCertificateIsForThisMachineAndForTenYears) {
  const auto identity = EnsureTlsIdentity(folder_, {"127.0.0.2", "db.example", "0.0.0.0"});
  ASSERT_TRUE(identity.ok()) << identity.status();
  BIO* bio = BIO_new_mem_buf(identity->cert_pem.data(), -1);
  X509* certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
  ASSERT_NE(certificate, nullptr);
  EXPECT_EQ(X509_check_host(certificate, "localhost", 0, 0, nullptr), 1);
  EXPECT_EQ(X509_check_host(certificate, "db.example", 0, 0, nullptr), 1);
  EXPECT_EQ(X509_check_host(certificate, "other.example", 0, 0, nullptr), 0);
  EXPECT_EQ(X509_check_ip_asc(certificate, "127.0.0.1", 0), 1);
  EXPECT_EQ(X509_check_ip_asc(certificate, "127.0.0.2", 0), 1);
  EXPECT_EQ(X509_check_ip_asc(certificate, "0.0.0.0", 0), 0);
  int days = 0;
  int seconds = 0;
  ASSERT_EQ(ASN1_TIME_diff(&days, &seconds, nullptr, X509_get0_notAfter(certificate)), 1);
  EXPECT_GT(days, 3640);
  X509_free(certificate);
  BIO_free(bio);
}

TEST_F(TlsTest, FilesThatDoNotFitAreRefused) {
  const auto a = EnsureTlsIdentity(folder_ + "/a", {});
  const auto b = EnsureTlsIdentity(folder_ + "/b", {});
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_NE(a->fingerprint, b->fingerprint);
  EXPECT_THAT(LoadTlsIdentity(a->cert_path, b->key_path).status().message(),
              testing::HasSubstr("is not the key of the certificate"));
  EXPECT_EQ(LoadTlsIdentity(folder_ + "/none", a->key_path).status().code(), StatusCode::kNotFound);
  std::ofstream(folder_ + "/rubbish") << "rubbish";
  EXPECT_THAT(LoadTlsIdentity(folder_ + "/rubbish", a->key_path).status().message(),
              testing::HasSubstr("holds no certificate"));
  EXPECT_THAT(LoadTlsIdentity(a->cert_path, folder_ + "/rubbish").status().message(),
              testing::HasSubstr("private key"));
}

}  // namespace
}  // namespace penstock
