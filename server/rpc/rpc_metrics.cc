#include "server/rpc/rpc_metrics.h"

#include <google/protobuf/descriptor.h>

#include "base/check.h"
#include "penstock/v1/admin.pb.h"
#include "penstock/v1/artifacts.pb.h"
#include "penstock/v1/catalog.pb.h"
#include "penstock/v1/models.pb.h"
#include "penstock/v1/pipelines.pb.h"
#include "penstock/v1/runs.pb.h"
#include "penstock/v1/secrets.pb.h"
#include "penstock/v1/workers.pb.h"

namespace penstock {

RpcMetrics::RpcMetrics() {
  // One message of each file stands for the file that holds its service.
  for (const google::protobuf::Descriptor* message :
       {v1::ServerInfo::descriptor(), v1::Artifact::descriptor(), v1::StepType::descriptor(),
        v1::ModelGroup::descriptor(), v1::Pipeline::descriptor(), v1::Run::descriptor(),
        v1::Secret::descriptor(), v1::Worker::descriptor()}) {
    const google::protobuf::FileDescriptor* file = message->file();
    for (int s = 0; s < file->service_count(); ++s) {
      const google::protobuf::ServiceDescriptor* service = file->service(s);
      for (int m = 0; m < service->method_count(); ++m) {
        methods_[service->name() + "/" + service->method(m)->name()];
      }
    }
  }
}

MethodMetrics& RpcMetrics::Of(std::string_view service, std::string_view method) {
  std::string key(service);
  key += '/';
  key += method;
  const auto it = methods_.find(key);
  PENSTOCK_CHECK(it != methods_.end());
  return it->second;
}

}  // namespace penstock
