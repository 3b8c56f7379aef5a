#include "server/http/bridge.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/util/json_util.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/proto_buffer_reader.h>
#include <grpcpp/support/proto_buffer_writer.h>

#include <chrono>
#include <future>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/json.h"
#include "base/mutex.h"
#include "base/text.h"
#include "penstock/v1/artifacts.grpc.pb.h"
#include "penstock/v1/secrets.pb.h"
#include "server/rpc/grpc_status.h"

namespace penstock {
namespace {

namespace pb = google::protobuf;

constexpr std::string_view kPackage = "penstock.v1.";
// Longer than the longest a parked call may take.
constexpr std::chrono::seconds kUnaryDeadline{120};
// How long a message of bytes may take to come or go, and how long the bytes may take to be made
// durable: no handler waits without an end.
constexpr std::chrono::seconds kStall{120};
constexpr std::chrono::seconds kCommit{600};
constexpr std::chrono::milliseconds kPoll{500};

std::string PathOf(const pb::MethodDescriptor& method) {
  return "/" + method.service()->full_name() + "/" + method.name();
}

void Describe(const HttpCaller& caller, const std::string& secret, grpc::ClientContext& context) {
  context.AddMetadata("x-penstock-peer", caller.peer);
  context.AddMetadata("x-penstock-forward-secret", secret);
  if (caller.authorization) context.AddMetadata("authorization", *caller.authorization);
  if (!caller.user.empty()) context.AddMetadata("x-penstock-user", caller.user);
}

std::unique_ptr<pb::Message> NewMessage(const pb::Descriptor* type) {
  return std::unique_ptr<pb::Message>(
      pb::MessageFactory::generated_factory()->GetPrototype(type)->New());
}

Result<grpc::ByteBuffer> RequestFromJson(const pb::MethodDescriptor& method,
                                         const std::string& body) {
  const auto message = NewMessage(method.input_type());
  if (!Trim(body).empty()) {
    const auto status = pb::util::JsonStringToMessage(body, message.get());
    if (!status.ok()) {
      // Its words quote the body, which holds what nobody is to be shown.
      const bool quotable = method.input_type() != v1::PutSecretRequest::descriptor();
      return InvalidArgument("the body is not a " + method.input_type()->name() +
                                 (quotable ? ": " + std::string(status.message()) : ""),
                             "BAD_JSON");
    }
  }
  grpc::ByteBuffer buffer;
  bool own = false;
  const grpc::Status status =
      grpc::SerializationTraits<pb::Message>::Serialize(*message, &buffer, &own);
  if (!status.ok()) return FromGrpcStatus(status);
  return buffer;
}

Result<std::string> JsonFromResponse(const pb::MethodDescriptor& method, grpc::ByteBuffer& buffer) {
  const auto message = NewMessage(method.output_type());
  const grpc::Status parsed =
      grpc::SerializationTraits<pb::Message>::Deserialize(&buffer, message.get());
  if (!parsed.ok()) return FromGrpcStatus(parsed);
  std::string json;
  const auto status = pb::util::MessageToJsonString(*message, &json);
  if (!status.ok()) return Internal("the answer has no JSON: " + std::string(status.message()));
  return json;
}

// One message is read ahead of the caller, no more: a slow HTTP client slows its stream alone. The
// hold keeps OnDone away until the last read has failed, so that reads may start outside of
// reactions.
class GenericStream final : public Bridge::JsonStream,
                            public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  GenericStream(grpc::GenericStub& stub, const pb::MethodDescriptor& method,
                const HttpCaller& caller, const std::string& secret, grpc::ByteBuffer request)
      : method_(method), request_(std::move(request)) {
    Describe(caller, secret, context_);
    stub.PrepareBidiStreamingCall(&context_, PathOf(method), grpc::StubOptions(), this);
    AddHold();
    StartWriteLast(&request_, grpc::WriteOptions());
    StartRead(&buffer_);
    StartCall();
  }

  ~GenericStream() override {
    context_.TryCancel();
    bool read_on = false;
    {
      MutexLock lock(mutex_);
      abandoned_ = true;
      read_on = have_message_;
    }
    if (read_on) StartRead(&buffer_);
    MutexLock lock(mutex_);
    while (!done_) wake_.Wait(mutex_);
  }

  Event Next(Micros wait, std::string& json, Status& status) override {
    grpc::ByteBuffer message;
    const Event event = NextMessage(wait, message, status);
    if (event != Event::kMessage) return event;
    auto converted = JsonFromResponse(method_, message);
    if (!converted.ok()) {
      status = converted.status();
      return Event::kEnd;
    }
    json = *std::move(converted);
    return Event::kMessage;
  }

  // The same without the conversion.
  Event NextMessage(Micros wait, grpc::ByteBuffer& message, Status& status) {
    {
      MutexLock lock(mutex_);
      if (!have_message_ && !done_) wake_.WaitFor(mutex_, wait);
      if (!have_message_ && !done_) return Event::kNothingYet;
      if (!have_message_) {
        status = FromGrpcStatus(status_);
        return Event::kEnd;
      }
      have_message_ = false;
    }
    message.Swap(&buffer_);
    buffer_.Clear();
    StartRead(&buffer_);
    return Event::kMessage;
  }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) {
      RemoveHold();
      return;
    }
    {
      MutexLock lock(mutex_);
      if (!abandoned_) {
        have_message_ = true;
        wake_.NotifyAll();
        return;
      }
    }
    StartRead(&buffer_);
  }
  void OnDone(const grpc::Status& status) override {
    MutexLock lock(mutex_);
    status_ = status;
    done_ = true;
    wake_.NotifyAll();
  }

  const pb::MethodDescriptor& method_;
  grpc::ClientContext context_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer buffer_;

  Mutex mutex_;
  CondVar wake_;
  bool have_message_ PENSTOCK_GUARDED_BY(mutex_) = false;
  bool abandoned_ PENSTOCK_GUARDED_BY(mutex_) = false;
  bool done_ PENSTOCK_GUARDED_BY(mutex_) = false;
  grpc::Status status_ PENSTOCK_GUARDED_BY(mutex_);
};

class GrpcBlobReader final : public Bridge::BlobReader {
 public:
  explicit GrpcBlobReader(std::unique_ptr<GenericStream> stream) : stream_(std::move(stream)) {}

  Result<std::string> Next() override {
    using Event = GenericStream::Event;
    const auto deadline = std::chrono::steady_clock::now() + kStall;
    while (!finished_) {
      grpc::ByteBuffer message;
      Status status;
      switch (stream_->NextMessage(kPoll, message, status)) {
        case Event::kMessage: {
          v1::DownloadBlobResponse response;
          PENSTOCK_RETURN_IF_ERROR(FromGrpcStatus(
              grpc::SerializationTraits<pb::Message>::Deserialize(&message, &response)));
          if (response.size() > 0) size_ = response.size();
          if (!response.data().empty()) return std::move(*response.mutable_data());
          break;
        }
        case Event::kEnd:
          finished_ = true;
          if (!status.ok()) return status;
          break;
        case Event::kNothingYet:
          if (std::chrono::steady_clock::now() < deadline) break;
          return DeadlineExceeded("the store gave no bytes for two minutes");
      }
    }
    return std::string();
  }
  int64_t size() const override { return size_; }

 private:
  const std::unique_ptr<GenericStream> stream_;
  int64_t size_ = 0;
  bool finished_ = false;
};

// Not the synchronous writer: that one learns of an answer only when it asks for it, and over the
// in-process channel a message that the store will not read any more is then waited for, for ever.
class GrpcBlobWriter final : public Bridge::BlobWriter,
                             public grpc::ClientWriteReactor<v1::UploadBlobRequest> {
 public:
  GrpcBlobWriter(v1::ArtifactService::Stub& stub, const HttpCaller& caller,
                 const std::string& secret, const std::string& digest, int64_t size)
      : digest_(digest), size_(size) {
    Describe(caller, secret, context_);
    stub.async()->UploadBlob(&context_, &response_, this);
    AddHold();  // writes start outside of reactions
    StartCall();
  }
  ~GrpcBlobWriter() override {
    context_.TryCancel();
    Release();
    MutexLock lock(mutex_);
    while (!done_) wake_.Wait(mutex_);
  }

  bool Write(std::string_view bytes) override {
    constexpr std::size_t kChunk = 256 << 10;
    while (!bytes.empty()) {
      request_.set_data(std::string(bytes.substr(0, kChunk)));
      bytes.remove_prefix(std::min(kChunk, bytes.size()));
      if (!Send()) return false;
    }
    return true;
  }
  Result<std::string> Finish() override {
    if (!started_) Send();
    if (!broken_) StartWritesDone();
    Release();
    PENSTOCK_RETURN_IF_ERROR(AwaitEnd());
    std::string json;
    pb::util::JsonPrintOptions options;
    options.always_print_primitive_fields = true;
    const auto printed = pb::util::MessageToJsonString(response_, &json, options);
    if (!printed.ok()) return Internal(std::string(printed.message()));
    return json;
  }

 private:
  // One message, written or not: false where the stream takes no more.
  bool Send() {
    // The first message says what comes.
    if (!std::exchange(started_, true)) {
      request_.set_digest(digest_);
      request_.set_size(size_);
    }
    if (broken_) return false;
    {
      MutexLock lock(mutex_);
      writing_ = true;
    }
    StartWrite(&request_);
    MutexLock lock(mutex_);
    const auto deadline = std::chrono::steady_clock::now() + kStall;
    while (writing_) {
      if (WaitUntil(deadline)) continue;
      context_.TryCancel();
      broken_ = true;
      return false;
    }
    request_.Clear();
    broken_ = !written_;
    return written_;
  }

  // How the stream ended.
  Status AwaitEnd() {
    MutexLock lock(mutex_);
    const auto deadline = std::chrono::steady_clock::now() + kCommit;
    while (!done_) {
      if (WaitUntil(deadline)) continue;
      return DeadlineExceeded("the store did not commit the bytes in ten minutes; put them again");
    }
    return FromGrpcStatus(status_);
  }

  // False once it is too late. Wakes spuriously.
  bool WaitUntil(std::chrono::steady_clock::time_point deadline) PENSTOCK_REQUIRES(mutex_) {
    const auto left = deadline - std::chrono::steady_clock::now();
    if (left <= std::chrono::seconds(0)) return false;
    wake_.WaitFor(mutex_, std::chrono::duration_cast<Micros>(left));
    return true;
  }

  // Nothing is written after it.
  void Release() {
    if (!std::exchange(released_, true)) RemoveHold();
  }

  void OnWriteDone(bool ok) override {
    MutexLock lock(mutex_);
    writing_ = false;
    written_ = ok;
    wake_.NotifyAll();
  }
  void OnDone(const grpc::Status& status) override {
    MutexLock lock(mutex_);
    status_ = status;
    done_ = true;
    wake_.NotifyAll();
  }

  const std::string digest_;
  const int64_t size_;
  grpc::ClientContext context_;
  v1::UploadBlobRequest request_;
  v1::UploadBlobResponse response_;
  bool started_ = false;
  bool broken_ = false;  // takes no more messages
  bool released_ = false;

  Mutex mutex_;
  CondVar wake_;
  bool writing_ PENSTOCK_GUARDED_BY(mutex_) = false;
  bool written_ PENSTOCK_GUARDED_BY(mutex_) = false;
  bool done_ PENSTOCK_GUARDED_BY(mutex_) = false;
  grpc::Status status_ PENSTOCK_GUARDED_BY(mutex_);
};

}  // namespace

struct Bridge::Impl {
  Impl(const std::shared_ptr<grpc::Channel>& channel, std::string forward_secret)
      : secret(std::move(forward_secret)), generic(channel), artifacts(channel) {}

  Result<const pb::MethodDescriptor*> Find(const std::string& service,
                                           const std::string& method) const;

  const std::string secret;
  grpc::GenericStub generic;
  v1::ArtifactService::Stub artifacts;
};

Result<const pb::MethodDescriptor*> Bridge::Impl::Find(const std::string& service,
                                                       const std::string& method) const {
  const pb::DescriptorPool* pool = pb::DescriptorPool::generated_pool();
  const pb::ServiceDescriptor* found =
      pool->FindServiceByName(std::string(kPackage) + TruncateUtf8(service, 64));
  if (found == nullptr) {
    static const std::vector<std::string> services = {
        "AdminService",    "ArtifactService", "CatalogService", "ModelService",
        "PipelineService", "RunService",      "SecretService",  "WorkerService"};
    return NotFound("there is no service \"" + TruncateUtf8(service, 64) + "\"" +
                    Suggestion(TruncateUtf8(service, 64), services));
  }
  const pb::MethodDescriptor* descriptor = found->FindMethodByName(TruncateUtf8(method, 64));
  if (descriptor != nullptr) return descriptor;
  std::vector<std::string> names;
  for (int i = 0; i < found->method_count(); ++i) names.push_back(found->method(i)->name());
  return NotFound(service + " has no method \"" + TruncateUtf8(method, 64) + "\"" +
                  Suggestion(TruncateUtf8(method, 64), names));
}

Bridge::Bridge(std::shared_ptr<grpc::Channel> channel, std::string forward_secret)
    : impl_(std::make_unique<Impl>(channel, std::move(forward_secret))) {}
Bridge::~Bridge() = default;

Result<Bridge::Kind> Bridge::Find(const std::string& service, const std::string& method) const {
  PENSTOCK_ASSIGN_OR_RETURN(const pb::MethodDescriptor* descriptor, impl_->Find(service, method));
  if (descriptor->client_streaming()) return Kind::kClientStream;
  return descriptor->server_streaming() ? Kind::kServerStream : Kind::kUnary;
}

Result<std::string> Bridge::Call(const HttpCaller& caller, const std::string& service,
                                 const std::string& method, const std::string& body) {
  PENSTOCK_ASSIGN_OR_RETURN(const pb::MethodDescriptor* descriptor, impl_->Find(service, method));
  PENSTOCK_ASSIGN_OR_RETURN(const grpc::ByteBuffer request, RequestFromJson(*descriptor, body));
  grpc::ClientContext context;
  Describe(caller, impl_->secret, context);
  context.set_deadline(std::chrono::system_clock::now() + kUnaryDeadline);
  grpc::ByteBuffer response;
  std::promise<grpc::Status> promise;
  impl_->generic.UnaryCall(
      &context, PathOf(*descriptor), grpc::StubOptions(), &request, &response,
      [&promise](grpc::Status status) { promise.set_value(std::move(status)); });
  const grpc::Status status = promise.get_future().get();
  if (!status.ok()) return FromGrpcStatus(status);
  return JsonFromResponse(*descriptor, response);
}

Result<std::unique_ptr<Bridge::JsonStream>> Bridge::Open(const HttpCaller& caller,
                                                         const std::string& service,
                                                         const std::string& method,
                                                         const std::string& body) {
  PENSTOCK_ASSIGN_OR_RETURN(const pb::MethodDescriptor* descriptor, impl_->Find(service, method));
  PENSTOCK_ASSIGN_OR_RETURN(grpc::ByteBuffer request, RequestFromJson(*descriptor, body));
  return std::unique_ptr<JsonStream>(std::make_unique<GenericStream>(
      impl_->generic, *descriptor, caller, impl_->secret, std::move(request)));
}

std::unique_ptr<Bridge::BlobReader> Bridge::Download(const HttpCaller& caller,
                                                     const std::string& digest, int64_t offset) {
  v1::DownloadBlobRequest request;
  request.set_digest(digest);
  request.set_offset(offset);
  grpc::ByteBuffer buffer;
  bool own = false;
  PENSTOCK_CHECK(grpc::SerializationTraits<pb::Message>::Serialize(request, &buffer, &own).ok());
  const pb::MethodDescriptor* method = pb::DescriptorPool::generated_pool()->FindMethodByName(
      std::string(kPackage) + "ArtifactService.DownloadBlob");
  return std::make_unique<GrpcBlobReader>(std::make_unique<GenericStream>(
      impl_->generic, *method, caller, impl_->secret, std::move(buffer)));
}

std::unique_ptr<Bridge::BlobWriter> Bridge::Upload(const HttpCaller& caller,
                                                   const std::string& digest, int64_t size) {
  return std::make_unique<GrpcBlobWriter>(impl_->artifacts, caller, impl_->secret, digest, size);
}

int HttpStatusOf(StatusCode code) {
  switch (code) {
    case StatusCode::kOk:
      return 200;
    case StatusCode::kInvalidArgument:
    case StatusCode::kFailedPrecondition:
    case StatusCode::kOutOfRange:
      return 400;
    case StatusCode::kUnauthenticated:
      return 401;
    case StatusCode::kPermissionDenied:
      return 403;
    case StatusCode::kNotFound:
      return 404;
    case StatusCode::kAlreadyExists:
    case StatusCode::kAborted:
      return 409;
    case StatusCode::kResourceExhausted:
      return 429;
    case StatusCode::kCancelled:
      return 499;
    case StatusCode::kUnimplemented:
      return 501;
    case StatusCode::kUnavailable:
      return 503;
    case StatusCode::kDeadlineExceeded:
      return 504;
    case StatusCode::kUnknown:
    case StatusCode::kInternal:
    case StatusCode::kDataLoss:
      return 500;
  }
  return 500;
}

int HttpStatusOf(const Status& status) {
  if (status.reason() == "DIGEST_MISMATCH") return 400;
  return HttpStatusOf(status.code());
}

std::string ErrorJson(const Status& status) {
  Json json = {{"code", StatusCodeName(status.code())},
               {"reason", status.reason()},
               {"message", status.message()},
               {"problems", Json::array()}};
  for (const Problem& problem : status.problems()) {
    json["problems"].push_back({{"path", problem.path}, {"message", problem.message}});
  }
  return DumpJson(json);
}

}  // namespace penstock
