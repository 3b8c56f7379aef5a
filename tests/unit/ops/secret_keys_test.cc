// The file with the keys: who may read it, what it holds, and how one key takes another's place.

#include "server/ops/secret_keys.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "base/fault_point.h"
#include "base/file.h"
#include "tests/unit/metadata/store_fixture.h"

namespace penstock {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class SecretKeysTest : public StoreFixture {
 protected:
  std::filesystem::path Path() const { return folder_.path() / kSecretKeysFile; }
  std::unique_ptr<SecretBox> Ensure() {
    auto box = EnsureSecretKeys(folder_.path(), Random::Secure());
    EXPECT_TRUE(box.ok()) << box.status();
    return box.ok() ? *std::move(box) : nullptr;
  }
  void Put(const std::string& name, const std::string& value, const SecretBox& box) {
    SecretRecord secret{.name = name, .version = 1};
    secret.sealed = box.Seal(value, SecretPlace(name, 1), Random::Secure());
    secret.principal = Principal("user:ada");
    Committed([&] { EXPECT_TRUE(store_->PutSecret(secret).ok()); });
  }
  std::string Value(const std::string& name, const SecretBox& box) {
    const auto secret = store_->reader().FindSecret(name);
    return box.Open((*secret)->sealed, SecretPlace(name, (*secret)->version)).value_or("?");
  }
};

TEST_F(SecretKeysTest, IsMadeOnceAndForItsOwnerAlone) {
  EXPECT_EQ(LoadSecretKeys(folder_.path()).status().code(), StatusCode::kNotFound);
  const auto box = Ensure();
  struct stat info {};
  ASSERT_EQ(stat(Path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
  Put("hub", "value", *box);
  EXPECT_EQ(Value("hub", *Ensure()), "value") << "the same key";
}

TEST_F(SecretKeysTest, ALooserModeIsRefusedWithTheCommand) {
  Ensure();
  for (const mode_t mode : {0640, 0604, 0660}) {
    ASSERT_EQ(chmod(Path().c_str(), mode), 0);
    const Status status = EnsureSecretKeys(folder_.path(), Random::Secure()).status();
    EXPECT_EQ(status.reason(), "KEY_FILE_MODE");
    EXPECT_THAT(status.message(), HasSubstr("run: chmod 600 " + Path().string()));
  }
  ASSERT_EQ(chmod(Path().c_str(), 0400), 0);
  EXPECT_TRUE(EnsureSecretKeys(folder_.path(), Random::Secure()).ok());
}

TEST_F(SecretKeysTest, AFileThatHoldsNoKeysIsRefusedAndStays) {
  for (const char* text : {"", "# nothing\n", "abc\n", "0123\n"}) {
    {
      std::ofstream file(Path());
      file << text;
    }
    ASSERT_EQ(chmod(Path().c_str(), 0600), 0);
    EXPECT_EQ(EnsureSecretKeys(folder_.path(), Random::Secure()).status().reason(),
              "KEY_FILE_DAMAGED");
    EXPECT_EQ(ReadFile(Path()).value_or("?"), text);
  }
}

TEST_F(SecretKeysTest, WhatCannotBeOpenedIsTold) {
  const auto box = Ensure();
  Put("good", "value", *box);
  Put("lost", "value", SecretBox({std::string(SecretBox::kKeyBytes, 'x')}));
  EXPECT_THAT(*UnreadableSecrets(store_->reader(), box.get()),
              ElementsAre("\"lost\" is unreadable: the key file is not the one that sealed it"));
  EXPECT_THAT(*UnreadableSecrets(store_->reader(), nullptr),
              ElementsAre(HasSubstr("\"good\" is unreadable: there is no key file"),
                          HasSubstr("\"lost\"")));
}

TEST_F(SecretKeysTest, RowsThatChangePlacesOpenNoMore) {
  const auto box = Ensure();
  Put("one", "value", *box);
  Put("two", "other", *box);
  SecretRecord moved = **store_->reader().FindSecret("one");
  moved.name = "two";
  Committed([&] { EXPECT_TRUE(store_->PutSecret(moved).ok()); });
  EXPECT_THAT(*UnreadableSecrets(store_->reader(), box.get()),
              ElementsAre(HasSubstr("\"two\" is unreadable: it was changed")));
}

TEST_F(SecretKeysTest, ANewKeyTakesTheOldOnesPlace) {
  const auto old = Ensure();
  Put("hub", "value", *old);
  const auto report = RotateSecretKey(*store_, folder_.path(), Random::Secure());
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->resealed, 1);
  EXPECT_THAT(report->unreadable, IsEmpty());
  EXPECT_EQ(Value("hub", *old), "?");
  EXPECT_EQ(Value("hub", *Ensure()), "value");
}

// A process that ends at once at a fault point, in the midst of a rotation.
TEST_F(SecretKeysTest, ARotationThatIsCutOffLosesNothing) {
  Put("hub", "value", *Ensure());
  for (const char* fault : {"rotate.both_keys", "rotate.resealed"}) {
    // A connection belongs to one process.
    reader_.reset();
    store_.reset();
    const pid_t child = fork();
    if (child == 0) {
      Reopen();
      static_cast<void>(InitFaults(std::string(fault) + "=crash", ""));
      static_cast<void>(RotateSecretKey(*store_, folder_.path(), Random::Secure()));
      _exit(0);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_NE(status, 0) << "it did not get to " << fault;
    Reopen();
    EXPECT_EQ(Value("hub", *Ensure()), "value") << fault;
  }
  ASSERT_TRUE(RotateSecretKey(*store_, folder_.path(), Random::Secure()).ok());
  EXPECT_EQ(Value("hub", *Ensure()), "value");
  const std::string text = ReadFile(Path()).value_or("");
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2) << "a comment and one key: " << text;
}

}  // namespace
}  // namespace penstock
