#include "steps/import/xml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace penstock::importing {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Xml, FindsElementsByTheirWholeName) {
  const std::string xml =
      "<?xml version=\"1.0\"?><L xmlns=\"x\"><KeyCount>2</KeyCount><C><Key>a</Key></C>\n"
      "<C >\n<Key\n>b</Key></C><Key/><C><Key>open";
  EXPECT_THAT(XmlElements(xml, "C"), ElementsAre("<Key>a</Key>", "\n<Key\n>b</Key>"));
  EXPECT_THAT(XmlElements(xml, "Key"), ElementsAre("a", "b", ""));
  EXPECT_THAT(XmlElements(xml, "None"), IsEmpty());
  EXPECT_THAT(XmlElements("<Key", "Key"), IsEmpty());
  EXPECT_THAT(XmlElements("<Key>", "Key"), IsEmpty());
  EXPECT_THAT(XmlElements("", "Key"), IsEmpty());
}

TEST(Xml, ResolvesReferences) {
  EXPECT_EQ(XmlText("<K>a &amp;amp; &lt;b&gt; &quot;&apos;</K>", "K"), "a &amp; <b> \"'");
  EXPECT_EQ(XmlText("<K>&#65;&#x42;&#xe9;&#26085;&#x1F600;&#10;</K>", "K"),
            "AB\xc3\xa9\xe6\x97\xa5\xf0\x9f\x98\x80\n");
  EXPECT_EQ(XmlText("<K/>", "K"), "");
  EXPECT_EQ(XmlText("<K>a</K>", "L"), std::nullopt);
  for (const char* bad : {"&", "&x;", "&#;", "&#x;", "&#xd800;", "&#1114112;", "&#-1;",
                          "&#99999999999;", "&amp", "&#12a;"}) {
    EXPECT_EQ(XmlText("<K>" + std::string(bad) + "</K>", "K"), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace penstock::importing
