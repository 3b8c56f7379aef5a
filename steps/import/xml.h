#ifndef PENSTOCK_STEPS_IMPORT_XML_H_
#define PENSTOCK_STEPS_IMPORT_XML_H_

// As much of XML as S3's answers need: elements by name, texts with their entities. No attributes,
// comments, CDATA or namespaces' prefixes are looked at. Private to steps/import.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::importing {

// What stands inside each <name>…</name>, in order. One that is not closed is left out.
std::vector<std::string_view> XmlElements(std::string_view xml, std::string_view name);

// The first one's text, with &amp; &lt; &gt; &quot; &apos; &#N; and &#xN; resolved; "" for <name/>.
// nullopt: there is none, or a reference in it means nothing.
std::optional<std::string> XmlText(std::string_view xml, std::string_view name);

}  // namespace penstock::importing

#endif  // PENSTOCK_STEPS_IMPORT_XML_H_
