#ifndef PENSTOCK_TESTS_INTEGRATION_SERVER_HEALTH_PROBE_H_
#define PENSTOCK_TESTS_INTEGRATION_SERVER_HEALTH_PROBE_H_

// grpc.health.v1 and grpc.reflection.v1alpha as any client speaks them, byte by byte: Debian ships
// no generated code for them.

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/wire_format_lite.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <set>
#include <string>
#include <vector>

namespace penstock {

inline grpc::ByteBuffer BufferOf(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return grpc::ByteBuffer(&slice, 1);
}

inline std::string BytesOf(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (!buffer.Dump(&slices).ok()) return bytes;
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

// One request, one answer; on a bidirectional method as well as on a unary one.
inline std::string AskOnce(const std::shared_ptr<grpc::Channel>& channel, const std::string& method,
                           const std::string& request) {
  grpc::GenericStub stub(channel);
  grpc::CompletionQueue queue;
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
  auto call = stub.PrepareCall(&context, method, &queue);
  void* tag = nullptr;
  bool ok = false;
  const auto next = [&] { return queue.Next(&tag, &ok) && ok; };
  call->StartCall(nullptr);
  if (!next()) return {};
  call->WriteLast(BufferOf(request), grpc::WriteOptions(), nullptr);
  if (!next()) return {};
  grpc::ByteBuffer answer;
  call->Read(&answer, nullptr);
  const bool got = next();
  grpc::Status status;
  call->Finish(&status, nullptr);
  next();
  return got ? BytesOf(answer) : std::string();
}

// The length-delimited fields with this number.
inline std::vector<std::string> FieldsOf(const std::string& message, int number) {
  namespace pb = google::protobuf;
  std::vector<std::string> fields;
  pb::io::CodedInputStream in(reinterpret_cast<const uint8_t*>(message.data()),
                              static_cast<int>(message.size()));
  while (const uint32_t tag = in.ReadTag()) {
    using Wire = pb::internal::WireFormatLite;
    if (Wire::GetTagFieldNumber(tag) == number &&
        Wire::GetTagWireType(tag) == Wire::WIRETYPE_LENGTH_DELIMITED) {
      uint32_t length = 0;
      std::string value;
      if (!in.ReadVarint32(&length) || !in.ReadString(&value, static_cast<int>(length))) break;
      fields.push_back(value);
    } else if (!Wire::SkipField(&in, tag)) {
      break;
    }
  }
  return fields;
}

// "SERVING", "NOT_SERVING", or nothing.
inline std::string ProbeHealth(const std::shared_ptr<grpc::Channel>& channel) {
  // HealthCheckResponse{status = 1}: SERVING is 1.
  const std::string answer = AskOnce(channel, "/grpc.health.v1.Health/Check", "");
  if (answer == std::string("\x08\x01", 2)) return "SERVING";
  if (answer == std::string("\x08\x02", 2)) return "NOT_SERVING";
  return {};
}

inline std::set<std::string> ReflectedServices(const std::shared_ptr<grpc::Channel>& channel) {
  // ServerReflectionRequest{list_services = 7: "*"}; the answer holds list_services_response = 6
  // with service = 1 of name = 1.
  const std::string answer =
      AskOnce(channel, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
              std::string("\x3a\x01*", 3));
  std::set<std::string> names;
  for (const std::string& list : FieldsOf(answer, 6)) {
    for (const std::string& service : FieldsOf(list, 1)) {
      for (const std::string& name : FieldsOf(service, 1)) names.insert(name);
    }
  }
  return names;
}

}  // namespace penstock

#endif  // PENSTOCK_TESTS_INTEGRATION_SERVER_HEALTH_PROBE_H_
