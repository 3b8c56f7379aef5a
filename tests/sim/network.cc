#include "tests/sim/network.h"

namespace penstock::sim {

void Network::Break() {
  for (const std::shared_ptr<Pending>& call : std::exchange(reached_, {})) {
    if (!call->settled && !IsLost(*call->link)) FailLater(call);
  }
}

}  // namespace penstock::sim
