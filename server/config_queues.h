#ifndef PENSTOCK_SERVER_CONFIG_QUEUES_H_
#define PENSTOCK_SERVER_CONFIG_QUEUES_H_

// The setting `queues`: a mapping in the file, the same in YAML's flow style in a variable or flag.

#include <string>

#include "base/status.h"
#include "server/core/queues.h"

namespace penstock {

// kInvalidArgument names the queue and what is wrong; `queues` stays as it is then.
Status SetQueues(QueueTable& queues, const std::string& text);
// Empty where there are none.
std::string ShowQueues(const QueueTable& queues);

}  // namespace penstock

#endif  // PENSTOCK_SERVER_CONFIG_QUEUES_H_
